"""``confirm``: finalists and baselines on fresh seeds."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from evaluators.training.executors.options import ExecutorOptions
from evaluators.training.task import AnyTask
from runs import Store, comparisons
from runs import folder as folders
from runs.folder import write_copies
from runs.report.page import FILE
from runs.scores import remember as remember_scores
from runs.user_code import as_meta, kept_copies, task_records
from search.campaign.added import add_baselines
from search.campaign.confirmation import Plan, missing_jobs
from search.campaign.confirmation import confirm as run_confirmation
from search.campaign.watching import Watchers
from search.cli.commands.options import (
    AddressOption,
    DataOption,
    DeviceOption,
    EventsOption,
    ExecutorOption,
    ExtensionOption,
    FormatOption,
    QuietOption,
    RunArgument,
    TrustOption,
    WorkersOption,
    locate,
)
from search.cli.interrupt import Interruptible
from search.cli.output import check_format, records, say, to_json
from search.cli.printing import print_confirmation, print_report
from search.cli.progress import Announced, frames
from search.configuration.config import CampaignConfig
from search.live.frames import Frames
from search.loading.run import execution_of, execution_overrides, make_executor, stored_config
from search.loading.tasks import refuse_data_without_use
from search.session.outcome import Outcome, with_report
from search.session.recorded import import_own, loader_of, recorded_tasks, scores_of_tasks


def confirm(
    run: RunArgument,
    top: Annotated[int | None, typer.Option(min=1, help="Finalists.")] = None,
    seeds: Annotated[int | None, typer.Option(min=2, help="Fresh seeds.")] = None,
    task: Annotated[
        list[str] | None, typer.Option(help="Task, wherever its file is now; may be given several times.")
    ] = None,
    baseline: Annotated[
        list[str] | None,
        typer.Option(help="A function to compare finalists with as well, a known one or a formula; may be repeated."),
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Optimiser steps [each task's recipe].")] = None,
    timeout: Annotated[
        float | None, typer.Option(min=1, help="Seconds that two seeds of a finalist add to their cohort's limit.")
    ] = None,
    extension: ExtensionOption = None,
    trust: TrustOption = False,
    data: DataOption = None,
    executor: ExecutorOption = None,
    workers: WorkersOption = None,
    address: AddressOption = None,
    device: DeviceOption = None,
    format_: FormatOption = "table",
    quiet: QuietOption = False,
    events: EventsOption = None,
) -> None:
    """Train finalists and baselines on fresh seeds and test the differences.

    What was trained before is not trained again, so a second call with the same options answers
    at once and needs no task file. --baseline adds to what finalists are compared with, and a search
    that goes on trains it, too. A task whose code, data or recipe has changed since is refused; named by
    --task it is confirmed under a name of its own. JSON and CSV give the paired comparisons. A report
    that the run has is written anew.
    """
    check_format(format_)
    folder = locate(run)
    with folders.writing(folder) as store:
        import_own(store, folder, extension, trust)
        settings = stored_config(store, folder)
        chosen = settings.confirm
        add_baselines(store, baseline or ())
        limit = chosen.timeout if timeout is None else timeout
        plan = Plan(top or chosen.top, seeds or chosen.seeds, settings.confirm_tasks, steps or chosen.steps, limit)
        execution = execution_of(settings, execution_overrides(executor, workers, address, device))
        if task or not _is_stored(store, plan):  # stored evidence needs no task
            tasks = _tasks(store, folder, settings, task, data, execution, trust)
            plan = dataclasses.replace(plan, tasks=tuple(tasks))
            with Interruptible(f"actsearch confirm {folder}", folder) as guard:
                _train(store, plan, tasks, execution, (Announced(guard.check, True), frames(quiet, events)))
        elif data is not None:
            refuse_data_without_use(data, plan.tasks)
        frame = comparisons(store)
        if format_ == "table":
            print_confirmation(store, settings)
        else:
            say(to_json(records(frame)) if format_ == "json" else frame.to_csv(index=False).rstrip())
    if (folder / FILE).exists():
        outcome = with_report(Outcome(), folder)
        if format_ == "table":
            print_report(outcome)


def _is_stored(store: Store, plan: Plan) -> bool:
    """Tell whether a run holds all that a plan asks for, by the recipes that it remembers."""
    known = {label: record.made_of.recipe.get("steps", "") for label, record in task_records(store).items()}
    if not all(known.get(name, "").isdecimal() for name in plan.tasks):
        return False
    return not missing_jobs(store, plan, {name: int(known[name]) for name in plan.tasks})


def _tasks(
    store: Store,
    folder: Path,
    settings: CampaignConfig,
    named: list[str] | None,
    data: Path | None,
    execution: ExecutorOptions,
    trust: bool,
) -> dict[str, AnyTask]:
    """Return the tasks to confirm on: those that the run was made with, or those that the user names."""
    loader = loader_of(settings, named or settings.confirm_tasks, data, execution)
    if not named:
        return recorded_tasks(store, folder, settings.confirm_tasks, None, loader, trust)
    records = task_records(store)
    results = dict.fromkeys([settings.task, *(e.task for e in store.evaluations("confirm", lean=True))])
    loaded = loader.beside_results(named, records, results)
    remember_scores(store, scores_of_tasks(loaded.tasks, settings))
    if new := {label: record for label, record in loaded.records.items() if label not in records}:
        write_copies(folder, kept_copies([(c.place.label, c.sources) for c in loaded.codes.values()], folder))
        for key, value in as_meta({**records, **new}.values()).items():
            store.set_meta(key, value)
    return loaded.tasks


def _train(
    store: Store,
    plan: Plan,
    tasks: Mapping[str, AnyTask],
    execution: ExecutorOptions,
    watchers: tuple[Announced, Frames],
) -> None:
    """Start workers only when something is missing."""
    if not missing_jobs(store, plan, {name: task.recipe.steps for name, task in tasks.items()}):
        return
    _, shown = watchers
    with make_executor(execution, tasks) as executor:
        shown.begin(store.path.parent)
        try:
            run_confirmation(store, plan, executor, Watchers(watchers).confirming)
        finally:
            shown.closed()
