"""Extensions: a user's code that is imported before anything else, so that its primitives have names."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from evaluators import EXECUTORS, FEATURES, OBJECTIVES, PROPERTIES, TASKS
from evaluators.tasks.own import KIND as TASK_FILE
from evaluators.tasks.own import is_own, own_place
from evaluators.training.user_code.importing import UserCode, import_code
from evaluators.training.user_code.place import Place, label_of, place_of
from evaluators.training.user_code.sources import fingerprint_of, sources_of
from primitives import DIALECTS, all_primitives
from primitives.errors import ActsearchError, nearest
from primitives.registries import Registry
from runs.user_code import CODE, ExtensionRecord, kept_in
from search.configuration.layers import Layers
from search.loading.trust import allow, remember
from search.strategies.catalogue import STRATEGIES

GROUP = "actsearch.extensions"
"""Entry points of installed packages whose modules are extensions of every campaign."""

KIND = "extension"

REGISTRIES: tuple[Registry[Any], ...] = (STRATEGIES, EXECUTORS, TASKS, OBJECTIVES, FEATURES, PROPERTIES, DIALECTS)
"""What an extension may add to, beside primitives."""


def installed() -> tuple[str, ...]:
    """Return the modules of installed packages that are extensions, by name."""
    return tuple(sorted({point.value.partition(":")[0] for point in entry_points(group=GROUP)}))


def import_extensions(given: Iterable[str], beside: Sequence[Path] = ()) -> list[UserCode]:
    """Import the installed extensions and those that the user names, and say so.

    Args:
        given: files or modules.
        beside: folders to look for files in after the current one.

    Raises:
        ActsearchError: one is not there or fails.
    """
    for name in installed():
        _imported(place_of(name, KIND))
    places = {place.file: place for place in (place_of(name, KIND, beside) for name in given)}
    labels = [place.label for place in places.values()]
    if twice := [label for label in labels if labels.count(label) > 1]:
        raise ActsearchError(
            f"two extensions are called '{twice[0]}', and a run calls them so; rename one of the files"
        )
    codes = [_imported(place) for place in places.values()]
    remember((code.fingerprint, code.place.label) for code in codes)
    return codes


def import_named(asked: Layers) -> list[UserCode]:
    """Import all the code that a configuration names, before it is checked; return its extensions.

    Task files are imported, too, since they may register primitives.

    Raises:
        ActsearchError: some code is not there or fails.
    """
    raw = asked.raw
    given = _texts(raw.get("extensions"))
    codes = import_extensions(given, asked.beside)
    confirm = raw.get("confirm")
    tasks = [raw.get("task"), *_texts(confirm.get("tasks") if isinstance(confirm, dict) else ())]
    for name in tasks:
        if isinstance(name, str) and is_own(name):
            import_code(own_place(name, asked.beside), TASK_FILE)
    return codes


def _texts(value: Any) -> list[str]:
    """Return the texts of a list; what else there may be is told when the configuration is checked."""
    return [text for text in value if isinstance(text, str)] if isinstance(value, (list, tuple)) else []


def import_recorded(
    labels: Iterable[str], records: Mapping[str, ExtensionRecord], folder: Path, moved: Sequence[str], trust: bool
) -> None:
    """Import the extensions of a run.

    Args:
        labels: as the run's configuration names them.
        records: what the run remembers of them.
        folder: of the run.
        moved: where the user says that some of them are now.
        trust: import what never ran on this machine, too.

    Raises:
        ActsearchError: one is not there, has changed, is not known on this machine, or fails.
    """
    wanted = list(labels)
    now = {label_of(given): given for given in moved}
    for label in now:
        if label not in wanted:
            raise ActsearchError(
                f"the run has no extension '{label}'{nearest(label, wanted)}; an extension keeps the name that it had "
                f"when the run was made, of which there is a copy in {folder / CODE}"
            )
    import_extensions(())
    for label in wanted:
        record = records.get(label)
        place = _place(label, now.get(label) or (record.where if record else label))
        sources = sources_of(place, record.files if record else ())
        if record is not None and fingerprint_of(sources) != record.fingerprint:
            raise ActsearchError(_changed(record, folder))
        allow(place, sources, label, trust or label in now)
        _imported(place, record.files if record else ())


def _place(label: str, where: str) -> Place:
    try:
        return place_of(where, KIND)
    except ActsearchError as error:
        raise ActsearchError(f"{error}; say where the run's extension '{label}' is now with --extension") from None


def _changed(record: ExtensionRecord, folder: Path) -> str:
    copy = kept_in(folder, record.label) / record.label
    return (
        f"extension '{record.label}' changed since the run was made, so its formulas may mean something else; go "
        f"on with the copy that the run keeps, --extension {copy}, or launch a campaign of its own"
    )


def _imported(place: Place, also: Iterable[str] = ()) -> UserCode:
    before = _registered()
    code = import_code(place, KIND, also)
    added = [name for name in _registered() if name not in before]
    what = f", which registers {', '.join(added)}" if added else ""
    print(f"imported extension {place.label}{what}", file=sys.stderr)
    return code


def _registered() -> list[str]:
    """Return everything that may be named, a primitive by its name and all else with its kind."""
    named = [primitive.name for primitive in all_primitives()]
    return named + [f"{registry.kind} {name}" for registry in REGISTRIES for name in registry]


def record_of(code: UserCode) -> ExtensionRecord:
    """Return what a run remembers of an extension."""
    files = tuple(source.relative for source in code.sources)
    return ExtensionRecord(code.place.label, code.place.where, code.fingerprint, files)
