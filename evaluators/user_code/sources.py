"""What belongs to a user's code: its file and those of its own folder that it imports, told from the text alone."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluators.user_code.place import Place
from primitives.errors import ActsearchError

_PROVIDED = ("primitives", "evaluators")
"""What every task file imports from us, whatever lies beside it."""


@dataclass(frozen=True)
class Source:
    """A module of a user.

    Attributes:
        module: what it is imported as.
        file: where it lies, absolute.
        relative: the same from the root of its code, with ``/``.
        text: what it says.
        is_package: whether it is the ``__init__.py`` of a package.
    """

    module: str
    file: str
    relative: str
    text: bytes
    is_package: bool


def sources_of(place: Place) -> tuple[Source, ...]:
    """Return a user's code: its file first, then every file of its own folder that it imports, and those they import.

    Imports inside functions count; nothing is run. What is imported by a name that is made at run time is not seen.

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
    return tuple(found.values())


def fingerprint_of(sources: Sequence[Source]) -> str:
    """Return a hash of what sources say, wherever they lie."""
    whole = hashlib.sha256()
    for source in sorted(sources, key=lambda one: (one.relative, one.module)):
        for part in (source.relative.encode(), source.text):
            whole.update(hashlib.sha256(part).digest())
    return whole.hexdigest()


def _read(place: Place, module: str, file: Path) -> Source:
    try:
        text = file.read_bytes()
    except OSError as error:
        raise ActsearchError(f"'{file}', which '{place.label}' needs, cannot be read: {error.strerror}") from error
    return Source(module, str(file), file.relative_to(place.root).as_posix(), text, file.name == "__init__.py")


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


def _joined(base: Sequence[str], names: Iterable[str]) -> Iterator[str]:
    yield from (joined for name in names if (joined := ".".join(part for part in (*base, name) if part)))
