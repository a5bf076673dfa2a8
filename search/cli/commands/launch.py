"""``launch``: a campaign from its start."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from evaluators.judging.objectives import SCORE, chosen_objectives, spoken
from evaluators.tasks.agreement import warning
from evaluators.tasks.check import metric_names
from evaluators.training.cohort.trainer import why_not_stacked
from evaluators.training.pieces import is_here, pick_device
from evaluators.training.task import AnyTask
from runs import axes as run_axes
from runs import folder as folders
from runs import scores as run_scores
from runs.lessons import Lesson
from runs.lessons import as_meta as lessons_as_meta
from runs.user_code import TaskRecord, as_meta, kept_copies
from search.campaign.loop import check_objectives, check_starters
from search.campaign.reach import check_wishes
from search.cli.commands.options import (
    AddressOption,
    DataOption,
    DeviceOption,
    ExecutorOption,
    ExtensionOption,
    QuietOption,
    WorkersOption,
    locate,
)
from search.cli.interrupt import Interruptible
from search.cli.output import say
from search.cli.searching import scores_of_tasks, search_and_print, task_names
from search.configuration.config import CampaignConfig
from search.configuration.layers import Layers, layers
from search.configuration.writing import to_toml
from search.loading.extensions import import_named, record_of
from search.loading.formulas import Found, fitting, formulas_from
from search.loading.lessons import taught_by
from search.loading.run import absolute_folder, default_folder, execution_overrides, make_executor, settled
from search.loading.tasks import Loader, refuse_data_without_use


def launch(
    config: Annotated[Path | None, typer.Argument(metavar="[CONFIG.toml]", help="Campaign file.")] = None,
    preset: Annotated[str | None, typer.Option(help="quick, standard or smoke; a file is put over it.")] = None,
    run: Annotated[Path | None, typer.Option(help="Run folder [campaigns/<date>-<name>].")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the campaign.")] = None,
    task: Annotated[
        str | None, typer.Option(help="Task, or 'file.py:Class' or 'package.module:Class' for your own network.")
    ] = None,
    extension: ExtensionOption = None,
    data: DataOption = None,
    from_: Annotated[
        list[Path] | None,
        typer.Option("--from", help="Formulas to start from: a list, PySR's hall of fame, a run; may be repeated."),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the search.")] = None,
    trainings: Annotated[int | None, typer.Option(help="Candidates to train.")] = None,
    steps: Annotated[int | None, typer.Option(help="Optimiser steps of a search training.")] = None,
    steps_budget: Annotated[int | None, typer.Option(help="Optimiser steps of all search trainings together.")] = None,
    minutes: Annotated[float | None, typer.Option(help="Minutes that the search takes at most.")] = None,
    forbid: Annotated[
        list[str] | None, typer.Option(help="Primitive that no formula may have; may be repeated.")
    ] = None,
    require: Annotated[
        list[str] | None, typer.Option(help="Primitive that each formula must have; may be repeated.")
    ] = None,
    property_: Annotated[
        list[str] | None,
        typer.Option(
            "--property",
            help="What each function must be: bounded, monotone, smooth, twice_differentiable, odd, even, "
            "zero_at_zero, positive; may be repeated.",
        ),
    ] = None,
    max_cost: Annotated[float | None, typer.Option(help="Cost of a formula at most; ReLU has 2.")] = None,
    executor: ExecutorOption = None,
    workers: WorkersOption = None,
    address: AddressOption = None,
    device: DeviceOption = None,
    quiet: QuietOption = False,
) -> None:
    """Run a campaign: search, confirm the finalists, export the best.

    Leaves a folder with run.sqlite (every candidate and evaluation), config.toml, front.png,
    exports/, and code/ with copies of your own. Without a file or preset it uses the preset quick.
    Ctrl-C is safe: resume goes on.
    """
    options: dict[str, Any] = {"name": name, "seed": seed, "data": absolute_folder(data), "extensions": extension}
    overrides: dict[str, Any] = {key: value for key, value in options.items() if value is not None}
    if task is not None:
        overrides |= {"task": task, "confirm": {"tasks": []}}
    sections: dict[str, dict[str, Any]] = {
        "budget": {"trainings": trainings, "steps": steps_budget, "minutes": minutes},
        "fidelity": {"steps": steps},
        "wishes": {"forbidden": forbid, "required": require, "properties": property_, "max_cost": max_cost},
        "execution": {**execution_overrides(executor, workers, address, device)},
    }
    for section, keys in sections.items():
        if said := {key: value for key, value in keys.items() if value is not None}:
            overrides[section] = said
    asked = layers(config, preset or (None if config else "quick"), overrides)
    _launch(asked, run, quiet, list(dict.fromkeys(map(locate, from_ or ()))))


def with_seeds(asked: Layers, found: Sequence[Found], quiet: bool) -> Layers:
    """Return layers whose seeds are those of the file and preset, and then what was found."""
    for reason in (reason for each in found for reason in each.passed_over) if not quiet else ():
        say(f"note: not a seed, {reason}", stderr=True)
    own = asked.raw.get("seeds", [])
    seeds = [*(own if isinstance(own, list) else []), *(text for each in found for text in each.formulas)]
    return dataclasses.replace(asked, options={**asked.options, "seeds": list(dict.fromkeys(seeds))})


def _launch(asked: Layers, run: Path | None, quiet: bool, sources: Sequence[Path]) -> None:
    codes = import_named(asked)
    settings = asked.config()
    check_starters(settings)
    folder = run or default_folder(settings.name)
    folders.check_free(folder)
    names = task_names(settings)
    refuse_data_without_use(settings.data, names)
    loaded = Loader(settings.execution.executor, settings.data, asked.beside).named(names)
    extensions = [code.place.label for code in codes]
    whole = settled(settings, loaded.labels, extensions, loaded.tasks)
    if sources:  # only now is known what the tasks need of seeds
        asked = with_seeds(asked, [fitting(whole, formulas_from(source), source) for source in sources], quiet)
        whole = settled(asked.config(), loaded.labels, extensions, loaded.tasks)
        check_starters(whole)
    check_wishes(whole)
    first = loaded.tasks[whole.task]
    check_objectives(whole, first, metric_names(first))
    asked.refuse_idle(whole)  # again: rungs may fall together on the steps of a recipe
    if not quiet:
        _tell_recipes(asked, whole, loaded.tasks)
        _tell_needs(settings, whole)
        _tell_blunt(scores_of_tasks(loaded.tasks, whole), whole)
        _tell_unstacked(loaded.tasks, whole.execution.device)
    lessons = _lessons(sources, whole, loaded.records[whole.task], quiet)
    text = to_toml(whole)
    meta = as_meta(loaded.records.values(), map(record_of, codes))
    objectives = chosen_objectives(whole.objectives, whole.goes_by)
    meta |= run_axes.as_meta(objectives) | run_scores.as_meta(scores_of_tasks(loaded.tasks, whole))
    meta |= lessons_as_meta(lessons)
    copies = kept_copies([(c.place.label, c.sources) for c in (*codes, *loaded.codes.values())])
    with (
        Interruptible(f"actsearch resume {folder}", folder) as guard,
        make_executor(whole.execution, loaded.tasks) as engine,
    ):
        folders.create(folder, text, {"config": text, "seed": str(whole.seed), "state": "searching", **meta}, copies)
        with folders.writing(folder) as store:
            search_and_print(store, folder, whole, engine, guard, quiet)


def _lessons(sources: Sequence[Path], settings: CampaignConfig, record: TaskRecord, quiet: bool) -> list[Lesson]:
    """Return what the runs among some sources teach, and say how much, or why only their formulas count."""
    lessons: list[Lesson] = []
    for source in sources:
        if not source.is_dir():
            continue
        taught = taught_by(source, settings, record)
        lessons += taught.lessons
        told = sum(bool(lesson.points) for lesson in taught.lessons)
        said = (
            f"of '{source}' only formulas are taken over: {taught.why_not}"
            if taught.why_not
            else f"{told} trainings of '{source}' teach this campaign; they are not repeated, but for those of seeds"
        )
        if not quiet:
            say(f"note: {said}", stderr=True)
    return list({lesson.expression: lesson for lesson in lessons}.values())


def _tell_needs(asked: CampaignConfig, settled: CampaignConfig) -> None:
    """Say what the task needs of functions beyond what was wished for."""
    tasks = " and ".join(settled.searched)
    added = [name for name in settled.wishes.properties if name not in asked.wishes.properties]
    if added:
        print(f"{tasks}: functions must be {' and '.join(added)}; baselines need not be", file=sys.stderr)
    if settled.wishes.input_scale != asked.wishes.input_scale:
        scale = f"{settled.wishes.input_scale:g}"
        print(f"{tasks}: functions are screened at inputs of standard deviation {scale}, too", file=sys.stderr)


def _tell_unstacked(tasks: Mapping[str, AnyTask], device: str) -> None:
    """Say which tasks train one candidate after another, and why, as seen from this machine."""
    place = pick_device(device)
    for name, task in tasks.items() if is_here(place) else ():
        if reason := why_not_stacked(task, place):
            print(f"{name} trains one candidate after another: {reason}", file=sys.stderr)


def _tell_blunt(scores: Mapping[str, str], settings: CampaignConfig) -> None:
    """Say which tasks are known to be no evidence by the score and the number of seeds that they are used with."""
    for name, score in scores.items():
        seeds = [settings.fidelity.seeds] if name in settings.searched else []
        seeds += [settings.confirm.seeds] if settings.confirm.automatic and name in settings.confirm_tasks else []
        if reason := warning(name, score, min(seeds)):
            print(f"note: {reason}", file=sys.stderr)


def _tell_recipes(asked: Layers, settings: CampaignConfig, tasks: Mapping[str, AnyTask]) -> None:
    """Say which steps, rate and batch apply to which training, and why."""
    steps_of = asked.said_by("fidelity", "steps")
    scores = scores_of_tasks(tasks, settings)
    for name, steps in zip(settings.searched, (settings.fidelity.whole, *settings.fidelity.further), strict=True):
        score = chosen_objectives((SCORE,), scores[name])[0].label
        print(_recipe_line("search", tasks[name], steps, steps_of, score), file=sys.stderr)
    if settings.confirm.automatic:
        for name in settings.confirm_tasks:
            said = asked.said_by("confirm", "steps")
            steps = settings.confirm.steps or tasks[name].recipe.steps
            score = f"test {spoken(scores_of_tasks(tasks, settings)[name])}"
            print(_recipe_line("confirmation", tasks[name], steps, said, score), file=sys.stderr)


def _recipe_line(what: str, task: AnyTask, steps: int, said_by: str | None, score: str) -> str:
    own = task.recipe.steps
    why = "its recipe" if said_by is None else f"{said_by}; its recipe has {own}"
    return (
        f"{what} on {task.name} by {score}: {steps} steps ({why}), batches of {task.recipe.batch_size} "
        f"and learning rate {task.recipe.learning_rate:g} (its recipe)"
    )
