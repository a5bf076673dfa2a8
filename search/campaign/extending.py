"""A search that goes on beyond its budget: the new one, and why it may be none."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import tomlkit

from evaluators.training.status import TRAINED
from primitives.errors import ActsearchError
from runs import Store
from runs.files import put
from runs.folder import CONFIG, inside
from search.configuration.config import CampaignConfig
from search.configuration.reading import from_toml

BEFORE = "config_before"
"""Key of the run's own dictionary: the configuration before the last extension."""
_FLYING = ", those that were in training when it stopped among them"
_OPTIONS = {"trainings": "--trainings", "steps": "--steps-budget", "minutes": "--minutes"}


def spent(store: Store, settings: CampaignConfig) -> dict[str, float]:
    """Return what a search has used of each limit of a budget: trainings, optimiser steps, minutes."""
    candidates = {candidate.id: candidate for candidate in store.candidates()}
    reached: dict[int, dict[str, int]] = defaultdict(dict)
    for each in store.evaluations("search"):
        reached[each.candidate][each.task] = max(each.steps, reached[each.candidate].get(each.task, 0))
    steps = sum(
        sum(found.values()) for i, found in reached.items() if i in candidates and candidates[i].status in TRAINED
    )
    return {
        "trainings": sum(candidate.was_chosen for candidate in candidates.values()),
        "steps": settings.fidelity.seeds * steps,
        "minutes": store.seconds("search_seconds") / 60,
    }


def extended(settings: CampaignConfig, used: Mapping[str, float], budget: Mapping[str, float]) -> CampaignConfig:
    """Return a configuration with another budget.

    Args:
        settings: of the run.
        used: see :func:`spent`.
        budget: new totals by name: ``trainings``, ``steps`` or ``minutes``.

    Raises:
        ActsearchError: a total is not more than what is used, or another limit keeps it from having an effect.
    """
    whole = settings.model_copy(update={"budget": settings.budget.model_copy(update=dict(budget))})
    for name in budget:
        if _is_reached(whole, used, name):
            raise ActsearchError(
                f"{_OPTIONS[name]} {budget[name]:g} is no extension: it is the new total, and the search has used "
                f"{_said(name, used[name])} already{_FLYING if name == 'trainings' else ''}; name more"
            )
    said = " ".join(f"{_OPTIONS[name]} {value:g}" for name, value in budget.items())
    for name in _reached(whole, used):
        raise ActsearchError(
            f"{said} has no effect by itself: the search ended at {_said(name, getattr(whole.budget, name))}, its "
            f"other limit; raise that too, with {_OPTIONS[name]}"
        )
    return whole


def _reached(settings: CampaignConfig, used: Mapping[str, float]) -> Iterator[str]:
    return (name for name in _OPTIONS if _is_reached(settings, used, name))


def _is_reached(settings: CampaignConfig, used: Mapping[str, float], name: str) -> bool:
    limit = getattr(settings.budget, name)
    return limit is not None and used[name] >= limit


def _said(name: str, number: float) -> str:
    unit = {"trainings": "trainings", "steps": "optimiser steps", "minutes": "minutes"}[name]
    return f"{number:,.1f} {unit}" if name == "minutes" else f"{number:,.0f} {unit}"


def extend(store: Store, folder: Path, settings: CampaignConfig, budget: Mapping[str, float]) -> CampaignConfig:
    """Give a run another budget, in the run file and in the copy for reading; a finished search is open again.

    Args:
        store: of the run, for writing.
        folder: of the run.
        settings: of the run.
        budget: see :func:`extended`.

    Raises:
        ActsearchError: as :func:`extended`; then nothing has changed.
    """
    before = store.meta("config")
    document = tomlkit.parse(before)
    section = document.setdefault("budget", tomlkit.table())
    for name, value in budget.items():
        section[name] = value
    text = tomlkit.dumps(document)
    from_toml(text, "command line", stored=True)
    whole = extended(settings, spent(store, settings), budget)
    store.set_all({"config": text, BEFORE: before, "state": "searching"})
    put(inside(folder, CONFIG), text.encode())
    return whole


def refresh_copy(store: Store, folder: Path) -> None:
    """Write the copy for reading anew where it is that of before the last extension.

    Raises:
        ActsearchError: it cannot be written.
    """
    copy = folder / CONFIG
    try:
        if copy.read_text(encoding="utf-8") == store.meta(BEFORE, "\0"):
            put(inside(folder, CONFIG), store.meta("config").encode())
    except (OSError, UnicodeDecodeError):  # that of before can be read
        return
