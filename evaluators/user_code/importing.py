"""Importing a user's code once, here from its folder and in a worker from the sources that were sent."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Any

from evaluators.user_code.place import OURS, Place
from evaluators.user_code.sources import Source, fingerprint_of, sources_of
from primitives.errors import ActsearchError


@dataclass(frozen=True)
class UserCode:
    """A user's code as this process imported it.

    Attributes:
        place: where it lies.
        sources: its file first, then what belongs to it.
    """

    place: Place
    sources: tuple[Source, ...]

    @property
    def fingerprint(self) -> str:
        """A hash of what it says, wherever it lies."""
        return fingerprint_of(self.sources)

    @property
    def module(self) -> ModuleType:
        """The module."""
        return sys.modules[self.place.module]


_IMPORTED: dict[Path, UserCode] = {}
_ROOTS: list[str] = []
"""Folders of users' code at the end of the path, the latest first."""


def imported() -> tuple[UserCode, ...]:
    """Return all of a user's code that this process imported, in that order: what a worker needs too."""
    return tuple(_IMPORTED.values())


def import_code(place: Place, kind: str) -> UserCode:
    """Import a user's code: it runs, with the user's rights. A file that changed is imported anew.

    Args:
        place: where it lies.
        kind: what to call it in an error, such as ``task file``.

    Raises:
        ActsearchError: it fails, or what lies beside it has the name of something else that is imported.
    """
    code = UserCode(place, sources_of(place))
    known = _IMPORTED.get(place.file)
    if known is not None:
        if known.fingerprint == code.fingerprint and known.place.module in sys.modules:
            return known
        _forget(known)
    for source in code.sources[1:]:
        if source.module.partition(".")[0] in sys.stdlib_module_names:
            raise ActsearchError(
                f"{kind} '{place.label}' imports '{source.module}', which beside it is '{source.file}' and elsewhere a "
                "module of Python; rename the file"
            )
    _reach(place.root)
    try:
        _load(place)
    except (Exception, SystemExit) as error:
        _forget(code)
        raise ActsearchError(
            f"{kind} '{place.label}' fails on import: {type(error).__name__}: {error}{_hint(place, error)}"
        ) from error
    _refuse_confusion(code, kind)
    _IMPORTED[place.file] = code
    return code


def _forget(code: UserCode) -> None:
    _IMPORTED.pop(code.place.file, None)
    for source in code.sources:
        if getattr(sys.modules.get(source.module), "__file__", None) == source.file:
            del sys.modules[source.module]


def _load(place: Place) -> None:
    importlib.invalidate_caches()
    if not place.module.startswith("actsearch_own_"):
        importlib.import_module(place.module)
        return
    spec = importlib.util.spec_from_file_location(place.module, place.file)
    assert spec is not None
    assert spec.loader is not None
    sys.modules[place.module] = module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)


def _hint(place: Place, error: BaseException) -> str:
    if isinstance(error, ImportError) and "relative import" in str(error):
        folder = place.root.name
        return f"; it is part of a package: name it as '{folder}.{place.file.stem}' from the folder above '{folder}'"
    if isinstance(error, ImportError) and (error.name or "").partition(".")[0] in OURS:
        return f"; '{error.name}' is a package of actsearch, so give a file of that name another one"
    return ""


def _refuse_confusion(code: UserCode, kind: str) -> None:
    """Refuse code that got another module than the one beside it: its numbers would be somebody else's."""
    for source in code.sources:
        loaded = getattr(sys.modules.get(source.module), "__file__", source.file)
        if loaded is not None and Path(loaded).resolve() != Path(source.file).resolve():
            _forget(code)
            raise ActsearchError(
                f"{kind} '{code.place.label}' imports '{source.module}', which is both '{source.file}' beside it and "
                f"'{loaded}', imported before; rename the first"
            )


def _reach(root: Path) -> None:
    """Let code import what lies beside it; its folder comes after all others, so that it replaces no package.

    Whatever is imported later, by us or a library, is so never a file that nobody looked at.
    """
    if not any(isinstance(finder, _OurOwn) for finder in sys.meta_path):
        sys.meta_path.insert(0, _OurOwn())
    if str(root) not in sys.path:
        first = min((sys.path.index(other) for other in _ROOTS if other in sys.path), default=len(sys.path))
        sys.path.insert(first, str(root))
        _ROOTS.append(str(root))


class _OurOwn(importlib.abc.MetaPathFinder):
    """Finds actsearch's packages beside this one, whatever a user's folder holds."""

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        del path, target
        if fullname not in OURS:
            return None
        folder = Path(__file__).parents[2] / fullname
        return importlib.util.spec_from_file_location(
            fullname, folder / "__init__.py", submodule_search_locations=[str(folder)]
        )


# --- in a worker ----------------------------------------------------------------------------


def install(codes: Iterable[UserCode]) -> None:
    """Import, in a worker, what another process imported, from the sources that it sent.

    Raises:
        Exception: whatever the code raises here.
    """
    for code in codes:
        sys.meta_path.insert(0, _Sent(code.sources))
        importlib.import_module(code.place.module)
        _IMPORTED[code.place.file] = code


class _Sent(importlib.abc.MetaPathFinder):
    """Finds modules among sources; each says that it lies where it lay, so that data beside it are found there."""

    def __init__(self, sources: Sequence[Source]) -> None:
        self._sources = {source.module: source for source in sources}
        self._folders = {name: folder for source in sources for name, folder in _above(source)}

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        del path, target
        source = self._sources.get(fullname)
        folder = self._folders.get(fullname)
        if source is None and folder is None:
            return None
        # Without a loader: a folder without __init__.py.
        loader = _SourceLoader(source) if source else None
        spec = ModuleSpec(fullname, loader, origin=source.file if source else None, is_package=folder is not None)
        spec.submodule_search_locations = None if folder is None else [folder]  # where it may find what was not sent
        spec.has_location = source is not None
        return spec


def _above(source: Source) -> Iterator[tuple[str, str]]:
    """Yield every package that a source is or lies in, with its folder."""
    folder = Path(source.file).parent
    name = source.module if source.is_package else source.module.rpartition(".")[0]
    while name:
        yield name, str(folder)
        name, folder = name.rpartition(".")[0], folder.parent


class _SourceLoader(importlib.abc.SourceLoader):
    """Loads one source that is in memory."""

    def __init__(self, source: Source) -> None:
        self._source = source

    def get_filename(self, fullname: str) -> str:
        del fullname
        return self._source.file

    def get_data(self, path: str) -> bytes:
        if path != self._source.file:
            raise OSError(f"no cached code at '{path}'")
        return self._source.text
