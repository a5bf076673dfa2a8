"""What is written down of a campaign, whatever the tool: numbers by name, and the configuration as flat keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from runs.hypervolume import hypervolume, worst
from runs.run import Run
from search.campaign.progress import Progress
from search.configuration.config import CampaignConfig


def of_progress(progress: Progress) -> dict[str, float]:
    """Return what a search has come to, by name.

    ``search/best_<objective>`` is the best of what was found, ``search/best_baseline_<objective>`` of the baselines,
    both in the objective's unit; ``search/hypervolume`` is the share of the box below the worst baseline that the found
    ones dominate; ``candidates/<status>`` are counts; steps are optimiser steps, seconds are s.
    """
    first = progress.objectives[0].name
    found = [best.point for best in progress.best if not best.baseline]
    theirs = [best.point for best in progress.best if best.baseline]
    numbers: dict[str, float] = {
        "search/trained": progress.trained,
        "search/proposed": progress.proposed,
        "search/steps_spent": progress.steps_spent,
        "search/steps_saved": progress.steps_saved,
        "search/wall_seconds": progress.wall_seconds,
        "search/training_seconds": progress.training_seconds,
        **{f"candidates/{status}": count for status, count in progress.counts.items()},
    }
    if found:
        numbers[f"search/best_{first}"] = min(point[0] for point in found)
    if theirs:
        numbers[f"search/best_baseline_{first}"] = min(point[0] for point in theirs)
    if found and (reference := worst(theirs)):
        numbers["search/hypervolume"] = hypervolume(found, reference)
    return {name: float(value) for name, value in numbers.items()}


def of_confirmation(run: Run) -> Iterator[tuple[int, str, float]]:
    """Yield what confirmation measured: the candidate's id, the name of the number, and the number."""
    for row in run.confirmed.to_dict("records"):
        for part in ("test", "validation"):
            if row[f"{part}_score"] == row[f"{part}_score"]:  # no number where every seed failed
                yield int(row["id"]), f"confirmation/{row['task']}/{part}_{row['score']}", float(row[f"{part}_score"])


def flat(config: CampaignConfig) -> dict[str, str | int | float | bool]:
    """Return the configuration as ``section.key`` and value; lists as text."""
    return dict(_flat("", config.model_dump(mode="json", exclude_none=True)))


def _flat(prefix: str, values: Mapping[str, Any]) -> Iterator[tuple[str, str | int | float | bool]]:
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from _flat(f"{prefix}{key}.", value)
        else:
            yield f"{prefix}{key}", value if isinstance(value, (str, int, float, bool)) else str(value)
