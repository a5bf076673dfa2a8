"""Where a user's code lies: a file, or a module of a package, found without running it."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from primitives.errors import ActsearchError, nearest

OURS = ("primitives", "evaluators", "runs", "search")
"""The packages of actsearch, which a file of a user's folder never replaces."""

_INSTALLED = {"site-packages", "dist-packages"}


@dataclass(frozen=True)
class Place:
    """A piece of code by what it is called and where it lies.

    Attributes:
        label: what a run calls it, wherever it lies: ``my_task.py`` or ``package.module``.
        module: what it is imported as.
        file: its source, absolute.
        root: the folder that its own absolute imports start from.
        package: of an installed package its name, outside of which nothing belongs to it.
    """

    label: str
    module: str
    file: Path
    root: Path
    package: str | None = None

    @property
    def where(self) -> str:
        """What finds it again from any folder: the file, or the module of an installed package."""
        return self.label if self.package else str(self.file)


def is_file(given: str) -> bool:
    """Tell whether a name means a file rather than a module."""
    return given.endswith(".py") or "/" in given


def label_of(given: str) -> str:
    """Return what a run calls code that is given like this."""
    return Path(given).name if is_file(given) else given


def place_of(given: str, kind: str, beside: Sequence[Path] = ()) -> Place:
    """Return where a user's code lies.

    Args:
        given: a ``.py`` file, or a module by its dotted name, importable from the current folder or installed.
        kind: what to call it in an error, such as ``task file``.
        beside: folders to look in after the current one.

    Raises:
        ActsearchError: it is not there, or is no Python source.
    """
    folders = [Path.cwd(), *beside]
    return _of_file(given, kind, folders) if is_file(given) else _of_module(given, kind, folders)


def _of_file(given: str, kind: str, folders: Sequence[Path]) -> Place:
    tried = [(folder / Path(given).expanduser()).resolve() for folder in folders]
    file = next((path for path in tried if path.is_file()), None)
    if file is None:
        near = [str(path.name) for path in tried[0].parent.glob("*.py")] if tried[0].parent.is_dir() else []
        raise ActsearchError(f"{kind} '{given}' does not exist; looked for {tried[0]}{nearest(Path(given).name, near)}")
    if file.suffix != ".py":
        raise ActsearchError(f"{kind} '{given}' is no Python source; it must be a .py file")
    return Place(file.name, _module_name(file), file, file.parent)


def _module_name(file: Path) -> str:
    """Return the file's own name where that is free, so that its neighbours may import it, else a private one."""
    stem = file.stem
    loaded = getattr(sys.modules.get(stem), "__file__", None)
    taken = stem in sys.modules and not (loaded and Path(loaded).resolve() == file)
    if stem.isidentifier() and not taken and stem not in sys.stdlib_module_names and stem not in OURS:
        return stem
    return f"actsearch_own_{hashlib.sha256(str(file).encode()).hexdigest()[:12]}"


def _of_module(given: str, kind: str, folders: Sequence[Path]) -> Place:
    spec = _spec(given, [str(folder) for folder in folders])
    if spec is None or not spec.origin or not spec.origin.endswith(".py"):
        raise ActsearchError(
            f"{kind} '{given}' is not found: there is no module of that name in this folder or installed; "
            "name a file as in 'my_code.py', or a module as in 'package.module'"
        )
    file = Path(spec.origin).resolve()
    parts = given.split(".")
    root = file.parents[len(parts) - (file.name != "__init__.py")]
    installed = not _INSTALLED.isdisjoint(root.parts)
    return Place(given, given, file, root, parts[0] if installed else None)


def _spec(dotted: str, folders: Sequence[str]) -> ModuleSpec | None:
    """Find a module without importing the packages that it lies in."""
    importlib.invalidate_caches()
    top, *rest = dotted.split(".")
    try:
        spec = PathFinder.find_spec(top, folders) or importlib.util.find_spec(top)
    except (ImportError, ValueError):  # such as an empty name
        return None
    for name in rest:
        if spec is None or spec.submodule_search_locations is None:
            return None
        spec = PathFinder.find_spec(f"{spec.name}.{name}", list(spec.submodule_search_locations))
    return spec
