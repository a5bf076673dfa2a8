"""From a configuration or a run to what runs: executors, folders, the stored configuration, and candidates."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import tomlkit

from evaluators import Executor
from evaluators.judging.objectives import MEASURED, SCORE, spoken
from evaluators.training.executors.catalogue import EXECUTORS
from evaluators.training.executors.options import ExecutorOptions
from evaluators.training.task import AnyTask, Task
from primitives.registries import made
from runs import Store, confirmed, finalists
from runs.finding import find_candidate
from runs.folder import CONFIG
from runs.scores import FORMER
from search.configuration.config import CampaignConfig
from search.configuration.reading import from_dict, from_toml, merge_chosen, parsed
from search.space.wishes import Wishes


def absolute_folder(folder: Path | None) -> str | None:
    """Return a folder's name that means the same from any folder."""
    return None if folder is None else str(folder.expanduser().resolve())


def make_executor(options: ExecutorOptions, tasks: Mapping[str, AnyTask]) -> Executor:
    """Start the executor that a configuration names."""
    return made(EXECUTORS, options.executor, Executor, tasks, options)


def settled(
    config: CampaignConfig, labels: Mapping[str, str], extensions: Sequence[str], tasks: Mapping[str, AnyTask]
) -> CampaignConfig:
    """Return a configuration that says everything: tasks and extensions by their labels, what else the tasks say.

    Args:
        config: as it was given.
        labels: of tasks, by the name that was given.
        extensions: labels.
        tasks: by label.
    """
    task, *further = (tasks[labels[name]] for name in config.searched)
    steps = config.fidelity.steps or task.recipe.steps
    own = config.fidelity.further or tuple(config.fidelity.steps or each.recipe.steps for each in further)
    return config.model_copy(
        update={
            "task": labels[config.searched[0]],
            "tasks": tuple(labels[name] for name in config.tasks),
            "score": config.score or _named_score(config.objectives) or task.score,
            "extensions": tuple(extensions),
            "wishes": _with_needs(config.wishes, (task, *further)),
            "fidelity": config.fidelity.model_copy(update={"steps": steps, "further": own}),
            "confirm": config.confirm.model_copy(
                update={"tasks": tuple(labels.get(name, name) for name in config.confirm.tasks)}
            ),
        }
    )


def _with_needs(wishes: Wishes, tasks: Sequence[AnyTask]) -> Wishes:
    """Return what is wished for with what tasks need; a loop of its own says nothing of that."""
    told = [task for task in tasks if isinstance(task, Task)]
    properties = tuple(dict.fromkeys((*wishes.properties, *(name for task in told for name in task.needs))))
    scale = max([wishes.input_scale, *(task.input_scale for task in told)])
    return wishes.model_copy(update={"properties": properties, "input_scale": scale})


def _named_score(objectives: Sequence[str]) -> str | None:
    """Return what the objectives name in the place of the task's score, so that confirmation goes by the same."""
    return None if SCORE in objectives else next((name for name in objectives if name in MEASURED), None)


def execution_overrides(
    executor: str | None, workers: int | None, address: str | None, device: str | None
) -> dict[str, str | int]:
    """Return the given command-line options as a configuration section."""
    given = {"executor": executor, "workers": workers, "address": address, "device": device}
    return {key: value for key, value in given.items() if value is not None}


def execution_of(settings: CampaignConfig, overrides: dict[str, str | int]) -> ExecutorOptions:
    """Return where the trainings of a run go on: as it began, unless options say otherwise.

    Raises:
        ActsearchError: an option is none of the executor's.
    """
    raw = {"execution": settings.execution.model_dump(mode="json", exclude_none=True)}
    return from_dict(merge_chosen(raw, {"execution": overrides}), "command line", stored=True).execution


def default_folder(name: str) -> Path:
    """Return ``campaigns/<date>-<name>``, numbered when that is taken."""
    base = Path("campaigns") / f"{time.strftime('%Y-%m-%d')}-{name}"
    folder, number = base, 1
    while folder.exists():
        number += 1
        folder = base.with_name(f"{base.name}-{number}")
    return folder


def stored_config(store: Store, folder: Path) -> CampaignConfig:
    """Return the configuration a run was started with; the run file is the truth, not the copy beside it."""
    text = store.meta("config")
    copy = folder / CONFIG
    if copy.is_file() and copy.read_text(encoding="utf-8", errors="replace") != text:
        print(
            f"note: {copy} differs from the configuration the run was started with; the run keeps the latter",
            file=sys.stderr,
        )
    return from_toml(_whole(text), f"{folder} (stored configuration)", stored=True)


def stored_extensions(store: Store, folder: Path) -> tuple[str, ...]:
    """Return the extensions a run was started with, by label, read without checking what they may make valid."""
    found = parsed(store.meta("config"), f"{folder} (stored configuration)").get("extensions", [])
    return tuple(str(label) for label in found) if isinstance(found, list) else ()


def _whole(text: str) -> str:
    """Return a stored configuration that says what older versions did where they had no key.

    Nobody was stopped, and the search went by the error.
    """
    document = tomlkit.parse(text)
    document.setdefault("score", FORMER)
    document.setdefault("fidelity", {}).setdefault("rungs", [])
    return tomlkit.dumps(document)


def recommended(store: Store, config: CampaignConfig) -> tuple[int, str] | None:
    """Return the finalist to export and why: lowest fresh-seed validation score on the search task.

    Of several tasks it is the lowest mean, each score relative to the baselines'.

    Validation decides and the test part is only reported, so choosing among finalists does not
    flatter the test score. Without confirmation it is the first finalist that was trained to the end.
    """
    frame = confirmed(store)
    found = frame[frame["task"].isin(config.searched) & frame["test_score"].notna()]
    found = found[found["steps"] == found.groupby("task")["steps"].transform("max")]
    theirs = found[found["name"].notna()].groupby("task")["validation_score"].mean()
    own = found[found["name"].isna()]
    if not own.empty:
        relative = own["validation_score"] / (own["task"].map(theirs) if config.tasks else 1.0)
        means = own.assign(relative=relative).groupby("id")[["failed", "relative"]].mean().reset_index()
        best = means.sort_values(["failed", "relative", "id"]).iloc[0]
        what = "mean relative score" if config.tasks else f"validation {spoken(own['score'].iloc[0])}"
        return int(best["id"]), f"lowest fresh-seed {what} among the finalists"
    ended = [i for i in finalists(store, 1) if find_candidate(store, str(i)).status == "ok"]
    return (ended[0], "first of the search's front, not confirmed yet") if ended else None
