"""Where a user's code lies: a file, or a module of a package, found without running it."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.machinery import (
    EXTENSION_SUFFIXES,
    SOURCE_SUFFIXES,
    ExtensionFileLoader,
    FileFinder,
    ModuleSpec,
    SourceFileLoader,
)
from pathlib import Path

from primitives.errors import ActsearchError, nearest

OURS = ("primitives", "evaluators", "runs", "search")
"""The packages of actsearch, which a file of a user's folder never replaces."""

INSTALLED = frozenset({"site-packages", "dist-packages"})
"""Folders of installed packages."""


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
        """What finds it again from any folder: the file, the module in its folder, or that of an installed package."""
        if self.package:
            return self.label
        return str(self.file) if is_file(self.label) else str(self.root / self.label)


def is_file(given: str) -> bool:
    """Tell whether a name means a file rather than a module."""
    return given.endswith(".py")


def label_of(given: str) -> str:
    """Return what a run calls code that is given like this: the file or the module without a folder."""
    return given.rpartition("/")[2]


def place_of(given: str, kind: str, beside: Sequence[Path] = ()) -> Place:
    """Return where a user's code lies.

    Args:
        given: a ``.py`` file; or a module by its dotted name, importable from the current folder or installed, or
            with the folder that it is importable from, as in ``folder/package.module``.
        kind: what to call it in an error, such as ``task file``.
        beside: folders to look in after the current one.

    Raises:
        ActsearchError: it is not there, or is no Python source.
    """
    folders = [Path.cwd(), *beside]
    if is_file(given):
        return _of_file(given, kind, folders)
    head, slash, dotted = given.rpartition("/")
    if slash:
        return _of_module(dotted, kind, [(folder / Path(head or "/").expanduser()).resolve() for folder in folders])
    return _of_module(dotted, kind, folders, installed=True)


def _of_file(given: str, kind: str, folders: Sequence[Path]) -> Place:
    tried = [(folder / Path(given).expanduser()).resolve() for folder in folders]
    file = next((path for path in tried if path.is_file()), None)
    if file is None:
        near = [str(path.name) for path in tried[0].parent.glob("*.py")] if tried[0].parent.is_dir() else []
        raise ActsearchError(f"{kind} '{given}' does not exist; looked for {tried[0]}{nearest(Path(given).name, near)}")
    return Place(file.name, _module_name(file), file, file.parent)


def _module_name(file: Path) -> str:
    """Return the file's own name where that is free, so that its neighbours may import it, else a private one."""
    stem = file.stem
    loaded = getattr(sys.modules.get(stem), "__file__", None)
    taken = stem in sys.modules and not (loaded and Path(loaded).resolve() == file)
    if stem.isidentifier() and not taken and stem not in sys.stdlib_module_names and stem not in OURS:
        return stem
    return f"actsearch_own_{hashlib.sha256(str(file).encode()).hexdigest()[:12]}"


def _of_module(dotted: str, kind: str, folders: Sequence[Path], installed: bool = False) -> Place:
    spec = _spec(dotted, [str(folder) for folder in folders], installed)
    if spec is None or not spec.origin or not is_file(spec.origin):
        where = "in this folder or installed" if installed else f"in '{folders[0]}'"
        raise ActsearchError(
            f"{kind} '{dotted}' is not found: there is no module of that name {where}; "
            "name a file as in 'my_code.py', or a module as in 'package.module'"
        )
    file = Path(spec.origin).resolve()
    parts = dotted.split(".")
    if parts[0] in sys.stdlib_module_names:
        raise ActsearchError(f"{kind} '{dotted}' is a module of Python and not yours; name a file as in 'my_code.py'")
    root = file.parents[len(parts) - (file.name != "__init__.py")]
    package = None if INSTALLED.isdisjoint(root.parts) else parts[0]
    return Place(dotted, dotted, file, root, package)


def _spec(dotted: str, folders: Sequence[str], installed: bool) -> ModuleSpec | None:
    """Find a module without importing the packages that it lies in."""
    importlib.invalidate_caches()
    top, *rest = dotted.split(".")
    try:
        spec = _within(folders, top) or (importlib.util.find_spec(top) if installed else None)
    except (ImportError, ValueError):  # such as an empty name
        return None
    for name in rest:
        if spec is None or spec.submodule_search_locations is None:
            return None
        spec = _within(spec.submodule_search_locations, f"{spec.name}.{name}")
    return spec


def _within(folders: Iterable[str], name: str) -> ModuleSpec | None:
    """Find a module in folders; a folder without ``__init__.py`` is one where no other is."""
    kinds = (SourceFileLoader, SOURCE_SUFFIXES), (ExtensionFileLoader, EXTENSION_SUFFIXES)
    found = [spec for folder in folders if (spec := FileFinder(str(folder), *kinds).find_spec(name))]
    return next((spec for spec in found if spec.loader), next(iter(found), None))
