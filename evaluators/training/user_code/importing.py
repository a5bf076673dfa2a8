"""Importing a user's code once, here from its folder and in a worker from the sources that were sent."""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.util
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.machinery import ModuleSpec, SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

from evaluators.training.user_code.place import OURS, Place
from evaluators.training.user_code.reading import reading
from evaluators.training.user_code.sources import Source, fingerprint_of, sources_of, with_read
from primitives.errors import ActsearchError


@dataclass(frozen=True)
class UserCode:
    """A user's code as this process imported it.

    Attributes:
        place: where it lies.
        sources: its file first, then what belongs to it: modules that it imports and files that it reads.
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
_FINDERS: dict[Path, _Sources] = {}


def imported() -> tuple[UserCode, ...]:
    """Return the modules of all of a user's code that this process imported, in that order: what a worker needs too."""
    return tuple(
        UserCode(code.place, tuple(source for source in code.sources if source.module)) for code in _IMPORTED.values()
    )


def blamed(error: BaseException) -> str | None:
    """Return where in a user's code an error came up, as ``own.py, line 3 in ask``; ``None`` where it passed none."""
    files = {source.file: source.relative for code in _IMPORTED.values() for source in code.sources}
    places = [
        f"{files[frame.filename]}, line {frame.lineno} in {frame.name}"
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename in files
    ]
    return places[-1] if places else None


def import_code(place: Place, kind: str, also: Iterable[str] = ()) -> UserCode:
    """Import a user's code: it runs, with the user's rights. A file that changed is imported anew.

    Its own folder is on no path: what lies there and is not among its sources, nothing finds, neither the code nor a
    library that tries a name. Inside a package everything is found.

    Args:
        place: where it lies.
        kind: what to call it in an error, such as ``task file``.
        also: files that are known to belong to it, see :func:`evaluators.training.user_code.sources.sources_of`.

    Raises:
        ActsearchError: it fails, or what lies beside it has the name of something else that is imported.
    """
    known = _IMPORTED.get(place.file)
    code = UserCode(place, sources_of(place, (*also, *(s.relative for s in known.sources)) if known else also))
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
    _FINDERS[place.file] = finder = _Sources(code.sources, yields=True)
    sys.meta_path.insert(0, finder)
    try:
        with reading() as read:
            importlib.import_module(place.module)
    except (Exception, SystemExit) as error:
        _forget(code)
        raise ActsearchError(
            f"{kind} '{place.label}' fails on import: {type(error).__name__}: {error}{_hint(place, error)}"
        ) from error
    _refuse_confusion(code, kind)
    return also_read(code, read)


def also_read(code: UserCode, read: Iterable[Path]) -> UserCode:
    """Return a user's code with the files of its own folder that it read since it was imported; workers get these."""
    whole = UserCode(code.place, with_read(code.place, code.sources, read))
    _IMPORTED[code.place.file] = whole
    return whole


def _forget(code: UserCode) -> None:
    _IMPORTED.pop(code.place.file, None)
    finder = _FINDERS.pop(code.place.file, None)
    if finder in sys.meta_path:
        sys.meta_path.remove(finder)
    for source in code.sources:
        if source.module and getattr(sys.modules.get(source.module), "__file__", None) == source.file:
            del sys.modules[source.module]


def _hint(place: Place, error: BaseException) -> str:
    if isinstance(error, ImportError) and "relative import" in str(error):
        above = [place.root]
        while (above[0] / "__init__.py").is_file() and (above[0].parent / "__init__.py").is_file():
            above.insert(0, above[0].parent)
        dotted = ".".join([*(folder.name for folder in above), place.file.stem])
        return f"; it is part of a package: name it as '{dotted}' from the folder above '{above[0].name}'"
    if isinstance(error, ImportError) and (error.name or "").partition(".")[0] in OURS:
        return f"; '{error.name}' is a package of actsearch, so give a file of that name another one"
    return hint_beside(error, [place])


def hint_beside(error: BaseException, places: Iterable[Place] = ()) -> str:
    """Return a clause for an error of code that did not find what lies beside it.

    Args:
        error: whatever it raised.
        places: where the code lies; all that was imported where none is given.
    """
    name = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    for place in places or [code.place for code in _IMPORTED.values()]:
        file = next((f for f in (place.root / f"{name}.py", place.root / name) if name and f.exists()), None)
        if file is not None:
            return f"; '{file}' belongs to it only where it is imported by its name, as in import {name}"
    return ""


def _refuse_confusion(code: UserCode, kind: str) -> None:
    """Refuse code that got another module than the one beside it, or may later: its numbers would be somebody else's.

    A copy with the same content is no other module.
    """
    others = {s.module: s for known in _IMPORTED.values() if known.place != code.place for s in known.sources}
    for source in filter(lambda source: source.module, code.sources):
        other = others.get(source.module)
        loaded = getattr(sys.modules.get(source.module), "__file__", other.file if other else source.file)
        same = other is not None and loaded == other.file and other.digest == source.digest
        if not same and loaded is not None and Path(loaded).resolve() != Path(source.file).resolve():
            _forget(code)
            raise ActsearchError(
                f"{kind} '{code.place.label}' imports '{source.module}', which is both '{source.file}' beside it and "
                f"'{loaded}', imported before; rename the first"
            )


def install(codes: Iterable[UserCode]) -> None:
    """Import, in a worker, what another process imported, from the sources that it sent.

    Raises:
        Exception: whatever the code raises here.
    """
    for code in codes:
        sys.meta_path.insert(0, _Sources(code.sources, yields=False))
        importlib.import_module(code.place.module)
        _IMPORTED[code.place.file] = code


class _Sources(importlib.abc.MetaPathFinder):
    """Finds modules among sources that are in memory, and packages around them.

    Each module says that it lies where it lay, so that data beside it are found there.
    """

    def __init__(self, sources: Sequence[Source], yields: bool) -> None:
        """Take sources; one that ``yields`` leaves what there is elsewhere under the same name to whoever finds it."""
        self._yields = yields
        self._sources = {source.module: source for source in sources if source.module}
        self._folders = {name: folder for source in self._sources.values() for name, folder in _above(source)}

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        source = self._sources.get(fullname)
        folder = self._folders.get(fullname)
        if (source is None and folder is None) or fullname in OURS:
            return None
        if self._yields and path is None and self._is_elsewhere(fullname, source, target):
            return None
        # Without a loader: a folder without __init__.py.
        loader = _SourceLoader(fullname, source) if source else None
        spec = ModuleSpec(fullname, loader, origin=source.file if source else None, is_package=folder is not None)
        spec.submodule_search_locations = None if folder is None else [folder]  # where it may find what is no source
        spec.has_location = source is not None
        return spec

    def _is_elsewhere(self, name: str, source: Source | None, target: Any) -> bool:
        """Tell whether another finder has a module of a name that is not the very file."""
        for finder in sys.meta_path:
            find = None if isinstance(finder, _Sources) else getattr(finder, "find_spec", None)
            if find is not None and (spec := find(name, None, target)) is not None:
                here = source is not None and spec.origin and Path(spec.origin).resolve() == Path(source.file).resolve()
                folder = self._folders.get(name) if source is None else None
                return not (here or (folder and folder in (spec.submodule_search_locations or ())))
        return False


def _above(source: Source) -> Iterator[tuple[str, str]]:
    """Yield every package that a source is or lies in, with its folder."""
    folder = Path(source.file).parent
    name = source.module if source.is_package else source.module.rpartition(".")[0]
    while name:
        yield name, str(folder)
        name, folder = name.rpartition(".")[0], folder.parent


class _SourceLoader(SourceFileLoader):
    """Loads one source that is in memory; what lies beside it is read where it lies, and nothing compiled is."""

    def __init__(self, name: str, source: Source) -> None:
        super().__init__(name, source.file)
        self._source = source

    def get_data(self, path: str) -> bytes:
        return self._source.text if path == self._source.file else super().get_data(path)

    def path_stats(self, path: str) -> NoReturn:
        raise OSError(f"'{path}' has no compiled form")
