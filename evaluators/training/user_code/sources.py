"""What belongs to a user's code: its file, what it imports of its own folder, and what it reads there."""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluators.training.user_code.place import INSTALLED, OURS, Place
from primitives.errors import ActsearchError

_PROVIDED = ("primitives", "evaluators")
"""What every task file imports from us, whatever lies beside it."""

_KEPT = 2**20
"""Bytes of a file that is no module beyond which a run keeps its hash and no copy."""


@dataclass(frozen=True)
class Source:
    """A file of a user: a module, or what one reads.

    Attributes:
        module: what it is imported as; empty for a file that is no module.
        file: where it lies, absolute.
        relative: the same from the root of its code, with ``/``.
        digest: SHA-256 of its content.
        text: its content; of a file that is no module nothing beyond 1 MiB.
    """

    module: str
    file: str
    relative: str
    digest: str
    text: bytes

    @property
    def is_package(self) -> bool:
        """Whether it is the ``__init__.py`` of a package."""
        return bool(self.module) and Path(self.file).name == "__init__.py"


def sources_of(place: Place, also: Iterable[str] = ()) -> tuple[Source, ...]:
    """Return a user's code: its file first, then every file of its own folder that it imports, and those they import.

    Imports inside functions count, and ``import_module("name")``; nothing is run.

    Args:
        place: where it lies.
        also: further files that are known to belong to it, relative to its root; those that are gone are left out.

    Raises:
        ActsearchError: a file cannot be read.
    """
    found = {place.module: _read(place, place.module, place.file)}
    waiting = [found[place.module]]
    while waiting:
        for module, file in _imported(waiting.pop(), place):
            if module not in found:
                found[module] = _read(place, module, file)
                waiting.append(found[module])
    more = (place.root / name for name in also)
    return with_read(place, tuple(found.values()), more)


def with_read(place: Place, sources: tuple[Source, ...], read: Iterable[Path]) -> tuple[Source, ...]:
    """Return sources with those of the files that were read which belong to the code: those of its own folder."""
    found = {source.file: source for source in sources}
    for path in read:
        file = path.resolve()
        if str(file) not in found and file.is_file() and _belongs(file, place):
            found[str(file)] = _read(place, _module_of(file, place), file)
    return tuple(found.values())


def _belongs(file: Path, place: Place) -> bool:
    """Tell whether a file is the user's own: not of an environment or ours, though these lie in the same folder."""
    if place.root not in file.parents:
        return False
    parts = file.relative_to(place.root).parts
    if place.package:
        return parts[0] == place.package
    if any(part.startswith(".") or part in INSTALLED for part in parts):
        return False
    ours = [Path(__file__).parents[2] / name for name in OURS]
    elsewhere = [Path(prefix).resolve() for prefix in (sys.prefix, sys.base_prefix)]
    foreign = [*ours, *(prefix for prefix in elsewhere if place.root in (prefix, *prefix.parents))]
    return not any(folder in file.parents for folder in foreign)


def _module_of(file: Path, place: Place) -> str:
    """Return what a file of the code's folder is imported as, or nothing where it cannot be."""
    if file.suffix != ".py":
        return ""
    parts = file.relative_to(place.root).with_suffix("").parts
    parts = parts[:-1] if parts[-1] == "__init__" else parts
    return ".".join(parts) if parts and all(part.isidentifier() for part in parts) else ""


def fingerprint_of(sources: Sequence[Source]) -> str:
    """Return a hash of what sources say, wherever they lie."""
    whole = hashlib.sha256()
    for source in sorted(sources, key=lambda one: (one.relative, one.module)):
        whole.update(hashlib.sha256(source.relative.encode()).digest())
        whole.update(bytes.fromhex(source.digest))
    return whole.hexdigest()


def _read(place: Place, module: str, file: Path) -> Source:
    try:
        if module or file.stat().st_size <= _KEPT:
            text = file.read_bytes()
            digest = hashlib.sha256(text).hexdigest()
        else:
            with file.open("rb") as stream:
                text, digest = b"", hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ActsearchError(f"'{file}', which '{place.label}' needs, cannot be read: {error.strerror}") from error
    return Source(module, str(file), file.relative_to(place.root).as_posix(), digest, text)


def _imported(source: Source, place: Place) -> Iterator[tuple[str, Path]]:
    """Yield the modules of the code's own folder that a source imports, their packages included."""
    try:
        tree = ast.parse(source.text)
    except (SyntaxError, ValueError):
        return  # importing it will say so
    above = source.module.rpartition(".")[0]  # the packages that it lies in run first
    for dotted in (*([above] if above else ()), *_names(tree, source)):
        top = dotted.partition(".")[0]
        if top in _PROVIDED or (place.package and top != place.package):
            continue
        parts = dotted.split(".")
        for count in range(1, len(parts) + 1):
            base = place.root.joinpath(*parts[:count])
            for file in (base / "__init__.py", base.with_name(f"{base.name}.py")):
                if file.is_file():
                    yield ".".join(parts[:count]), file.resolve() if place.root in file.resolve().parents else file
                    break


def _names(tree: ast.AST, source: Source) -> Iterator[str]:
    """Yield every dotted name that may be a module."""
    package = source.module.split(".") if source.is_package else source.module.split(".")[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = [*above, *([node.module] if node.module else [])]
            yield from _joined(base, ("", *(alias.name for alias in node.names)))
        elif isinstance(node, ast.Call):
            yield from _called_for(node, package)


def _called_for(node: ast.Call, package: Sequence[str]) -> Iterator[str]:
    """Yield the module that a call such as ``import_module("name")`` is for."""
    function = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    first = node.args[0] if node.args else None
    if function not in ("import_module", "__import__") or not isinstance(first, ast.Constant):
        return
    if isinstance(first.value, str):
        name = first.value.lstrip(".")
        level = len(first.value) - len(name)
        yield from _joined(package[: len(package) - level + 1] if level else (), (name,))


def _joined(base: Sequence[str], names: Iterable[str]) -> Iterator[str]:
    yield from (joined for name in names if (joined := ".".join(part for part in (*base, name) if part)))
