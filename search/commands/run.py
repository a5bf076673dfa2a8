"""``launch``, ``resume`` and ``confirm``: the commands that train."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer

from search.commands.options import (
    AddressOption,
    DataOption,
    ExecutorOption,
    FormatOption,
    QuietOption,
    RunArgument,
    WorkersOption,
    locate,
)

if TYPE_CHECKING:
    from evaluators import Executor
    from evaluators.task import AnyTask
    from runs import Store
    from search.config import CampaignConfig, Execution


def launch(
    config: Annotated[Path | None, typer.Argument(metavar="[CONFIG.toml]", help="Campaign file.")] = None,
    preset: Annotated[str | None, typer.Option(help="quick, standard or smoke; a file is put over it.")] = None,
    run: Annotated[Path | None, typer.Option(help="Run folder [campaigns/<date>-<name>].")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the campaign.")] = None,
    task: Annotated[str | None, typer.Option(help="Task, or 'file.py:Class' for your own network.")] = None,
    data: DataOption = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the search.")] = None,
    trainings: Annotated[int | None, typer.Option(help="Candidates to train.")] = None,
    steps: Annotated[int | None, typer.Option(help="Optimiser steps of a search training.")] = None,
    executor: ExecutorOption = None,
    workers: WorkersOption = None,
    address: AddressOption = None,
    quiet: QuietOption = False,
) -> None:
    """Run a campaign: search, confirm the finalists, export the best.

    Leaves a folder with run.sqlite (every candidate and evaluation), config.toml, front.png and
    exports/. Without a file or preset it uses the preset quick. Ctrl-C is safe: resume goes on.
    """
    from runs import folder as folders
    from search.campaign import check_starters
    from search.config import resolve_config, to_toml
    from search.session import (
        absolute_folder,
        absolute_task,
        absolute_tasks,
        default_folder,
        execution_overrides,
        make_executor,
    )

    options: dict[str, Any] = {"name": name, "seed": seed, "data": absolute_folder(data)}
    overrides: dict[str, Any] = {key: value for key, value in options.items() if value is not None}
    if task is not None:
        overrides |= {"task": absolute_task(task), "confirm": {"tasks": []}}
    if trainings is not None:
        overrides["budget"] = {"trainings": trainings}
    if steps is not None:
        overrides["fidelity"] = {"steps": steps}
    if execution := execution_overrides(executor, workers, address):
        overrides["execution"] = execution
    settings = resolve_config(config, preset or (None if config else "quick"), overrides)
    settings = absolute_tasks(settings)
    check_starters(settings)
    folder = run or default_folder(settings.name)
    folders.check_free(folder)
    tasks = _tasks(settings, data)
    if not quiet:
        _tell_unstacked(tasks, settings.execution.device)
    text = to_toml(settings)
    with _Interruptible(f"actsearch resume {folder}") as guard, make_executor(settings.execution, tasks) as engine:
        folders.create(folder, text, {"config": text, "seed": str(settings.seed), "state": "searching"})
        with folders.writing(folder) as store:
            _search(store, folder, settings, engine, guard, quiet)


def resume(
    run: RunArgument,
    data: DataOption = None,
    executor: ExecutorOption = None,
    workers: WorkersOption = None,
    address: AddressOption = None,
    quiet: QuietOption = False,
) -> None:
    """Go on after any stop; everything it needs is in the run folder."""
    from runs import folder as folders
    from search.session import execution_overrides, make_executor, print_outcome, stored_config

    folder = locate(run)
    with folders.writing(folder) as store:
        settings = stored_config(store, folder)
        if store.meta("state") == "finished":
            print_outcome(store, folder, settings)
            print("\nthe campaign was finished before; nothing was left to search")
            return
        execution = _execution(settings, execution_overrides(executor, workers, address))
        tasks = _tasks(settings, data)
        with _Interruptible(f"actsearch resume {folder}") as guard, make_executor(execution, tasks) as engine:
            _search(store, folder, settings, engine, guard, quiet)


def confirm(
    run: RunArgument,
    top: Annotated[int | None, typer.Option(min=1, help="Finalists.")] = None,
    seeds: Annotated[int | None, typer.Option(min=2, help="Fresh seeds.")] = None,
    task: Annotated[list[str] | None, typer.Option(help="Task; may be given several times.")] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Optimiser steps [each task's recipe].")] = None,
    data: DataOption = None,
    executor: ExecutorOption = None,
    workers: WorkersOption = None,
    address: AddressOption = None,
    format_: FormatOption = "table",
    quiet: QuietOption = False,
) -> None:
    """Train finalists and baselines on fresh seeds and test the differences.

    What was trained before is not trained again, so a second call with the same options answers
    at once. JSON and CSV give the paired comparisons.
    """
    from runs import comparisons
    from runs import folder as folders
    from search.confirmation import Plan
    from search.output import check_format, records, to_json
    from search.session import absolute_task, execution_overrides, print_confirmation, stored_config

    check_format(format_)
    folder = locate(run)
    with folders.writing(folder) as store:
        settings = stored_config(store, folder)
        names = tuple(absolute_task(name) for name in task or settings.confirm_tasks)
        chosen = settings.confirm
        plan = Plan(top or chosen.top, seeds or chosen.seeds, names, steps or chosen.steps, settings.fidelity.timeout)
        execution = _execution(settings, execution_overrides(executor, workers, address))
        with _Interruptible(f"actsearch confirm {folder}") as guard:
            _train_confirmation(store, plan, execution, guard, quiet, str(data) if data else settings.data)
        frame = comparisons(store)
        if format_ == "table":
            print_confirmation(store, settings)
        else:
            print(to_json(records(frame)) if format_ == "json" else frame.to_csv(index=False).rstrip())


def _execution(settings: CampaignConfig, overrides: dict[str, Any]) -> Execution:
    from search.config import from_dict, merge

    merged = merge(settings.model_dump(mode="json"), {"execution": overrides})
    return from_dict(merged, "command line", stored=True).execution


def _search(
    store: Store, folder: Path, settings: CampaignConfig, executor: Executor, guard: _Interruptible, quiet: bool
) -> None:
    """Search until the budget is spent, then confirm, print and export."""
    from runs import finalists
    from search.campaign import Campaign
    from search.confirmation import confirm as run_confirmation
    from search.progress import ProgressView, closing_line, halving_line, prior_lines
    from search.session import print_outcome

    campaign = Campaign(settings, store)
    if not quiet:
        print(f"campaign in {folder}: {settings.task}, {settings.budget.trainings} trainings", file=sys.stderr)
    with ProgressView(quiet, guard.check) as view:
        campaign.run(executor, view)
        if settings.confirm.automatic and finalists(store, 1):
            run_confirmation(store, _plan(settings), executor, view.confirming)
    print_outcome(store, folder, settings)
    store.set_meta("state", "finished")
    print(
        "", closing_line(campaign.progress), halving_line(campaign.progress), *prior_lines(campaign.progress), sep="\n"
    )
    print(f"next: actsearch show {folder} ID, actsearch pareto {folder}, actsearch export {folder} ID -o act.py")


def _plan(settings: CampaignConfig) -> Any:
    from search.confirmation import Plan

    chosen = settings.confirm
    return Plan(chosen.top, chosen.seeds, settings.confirm_tasks, chosen.steps, settings.fidelity.timeout)


def _tell_unstacked(tasks: Mapping[str, AnyTask], device: str) -> None:
    """Say which tasks train one candidate after another, and why, as seen from this machine."""
    from evaluators.cohort.trainer import why_not_stacked
    from evaluators.train import pick_device

    for name, task in tasks.items():
        if reason := why_not_stacked(task, pick_device(device)):
            print(f"{name} trains one candidate after another: {reason}", file=sys.stderr)


def _tasks(settings: CampaignConfig, data: Path | None) -> dict[str, AnyTask]:
    """Return the tasks of a campaign: of the search, and of the confirmation that follows it."""
    from search.session import load_tasks

    names = [settings.task, *(settings.confirm_tasks if settings.confirm.automatic else ())]
    return load_tasks(names, str(data) if data else settings.data)


def _train_confirmation(
    store: Store, plan: Any, execution: Execution, guard: _Interruptible, quiet: bool, data: str | None
) -> None:
    """Start workers only when something is missing."""
    from search.confirmation import confirm as run_confirmation
    from search.confirmation import missing_jobs
    from search.progress import ProgressView
    from search.session import load_tasks, make_executor

    tasks = load_tasks(plan.tasks, data)
    if not missing_jobs(store, plan, list(tasks.values())):
        return
    with make_executor(execution, tasks) as executor, ProgressView(quiet, guard.check) as view:
        run_confirmation(store, plan, executor, view.confirming)


class _Interruptible:
    """Turns Ctrl-C and SIGTERM into a saved campaign, the command that goes on with it, and exit code 130."""

    def __init__(self, command: str) -> None:
        self._command = command
        self._requested = False

    def __enter__(self) -> Self:
        self._handlers = {number: signal.signal(number, self._stop) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def _stop(self, *_: object) -> None:
        self._requested = True
        raise KeyboardInterrupt

    def check(self) -> None:
        """Stop now if a signal came where Python ignores exceptions, such as in a destructor."""
        if self._requested:
            raise KeyboardInterrupt

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        if kind is not None and issubclass(kind, KeyboardInterrupt):
            print(f"\nstopped; everything finished is saved. Go on with: {self._command}", file=sys.stderr)
            raise typer.Exit(130) from None
