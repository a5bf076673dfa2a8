"""``launch``, ``resume`` and ``confirm``: the commands that train."""

from __future__ import annotations

import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer

from search.commands.options import (
    AddressOption,
    DataOption,
    DeviceOption,
    ExecutorOption,
    ExtensionOption,
    FormatOption,
    QuietOption,
    RunArgument,
    TrustOption,
    WorkersOption,
    locate,
)

if TYPE_CHECKING:
    from evaluators import Executor
    from evaluators.task import AnyTask
    from runs import Store
    from search.config import CampaignConfig, Execution
    from search.layers import Layers
    from search.loading import Loader


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
    seed: Annotated[int | None, typer.Option(help="Seed of the search.")] = None,
    trainings: Annotated[int | None, typer.Option(help="Candidates to train.")] = None,
    steps: Annotated[int | None, typer.Option(help="Optimiser steps of a search training.")] = None,
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
    from search.layers import layers
    from search.session import absolute_folder, execution_overrides

    options: dict[str, Any] = {"name": name, "seed": seed, "data": absolute_folder(data), "extensions": extension}
    overrides: dict[str, Any] = {key: value for key, value in options.items() if value is not None}
    if task is not None:
        overrides |= {"task": task, "confirm": {"tasks": []}}
    if trainings is not None:
        overrides["budget"] = {"trainings": trainings}
    if steps is not None:
        overrides["fidelity"] = {"steps": steps}
    if execution := execution_overrides(executor, workers, address, device):
        overrides["execution"] = execution
    _launch(layers(config, preset or (None if config else "quick"), overrides), run, quiet)


def _launch(asked: Layers, run: Path | None, quiet: bool) -> None:
    from runs import folder as folders
    from runs.user_code import as_meta, kept_copies
    from search.campaign import check_starters
    from search.config import to_toml
    from search.extensions import import_named, record_of
    from search.loading import Loader, refuse_data_without_use
    from search.session import default_folder, make_executor, settled

    codes = import_named(asked)
    settings = asked.config()
    check_starters(settings)
    folder = run or default_folder(settings.name)
    folders.check_free(folder)
    names = _task_names(settings)
    refuse_data_without_use(settings.data, names)
    loaded = Loader(settings.execution.executor, settings.data, asked.beside).named(names)
    label = loaded.labels[settings.task]
    whole = settled(settings, loaded.labels, [code.place.label for code in codes], loaded.tasks[label].recipe)
    asked.refuse_idle(whole)  # again: rungs may fall together on the steps of a recipe
    if not quiet:
        _tell_recipes(asked, whole, loaded.tasks)
        _tell_unstacked(loaded.tasks, whole.execution.device)
    text = to_toml(whole)
    meta = as_meta(loaded.records.values(), map(record_of, codes))
    copies = kept_copies([(c.place.label, c.sources) for c in (*codes, *loaded.codes.values())])
    with (
        _Interruptible(f"actsearch resume {folder}") as guard,
        make_executor(whole.execution, loaded.tasks) as engine,
    ):
        folders.create(folder, text, {"config": text, "seed": str(whole.seed), "state": "searching", **meta}, copies)
        with folders.writing(folder) as store:
            _search(store, folder, whole, engine, guard, quiet)


def resume(
    run: RunArgument,
    task: Annotated[
        list[str] | None, typer.Option(help="Where a task file of the run is now, 'file.py:Class'; may be repeated.")
    ] = None,
    extension: ExtensionOption = None,
    trust: TrustOption = False,
    data: DataOption = None,
    executor: ExecutorOption = None,
    workers: WorkersOption = None,
    address: AddressOption = None,
    device: DeviceOption = None,
    quiet: QuietOption = False,
) -> None:
    """Go on after any stop; it needs the run folder, and your own code where it lay."""
    from runs import folder as folders
    from search.session import execution_overrides, make_executor, print_outcome, stored_config

    folder = locate(run)
    with folders.writing(folder) as store:
        _import_recorded(store, folder, extension, trust)
        settings = stored_config(store, folder)
        if store.meta("state") == "finished":
            print_outcome(store, folder, settings)
            print("\nthe campaign was finished before; nothing was left to search")
            return
        execution = _execution(settings, execution_overrides(executor, workers, address, device))
        names = _task_names(settings)
        tasks = _recorded_tasks(store, folder, names, task, _loader(settings, names, data, execution), trust)
        with _Interruptible(f"actsearch resume {folder}") as guard, make_executor(execution, tasks) as engine:
            _search(store, folder, settings, engine, guard, quiet)


def confirm(
    run: RunArgument,
    top: Annotated[int | None, typer.Option(min=1, help="Finalists.")] = None,
    seeds: Annotated[int | None, typer.Option(min=2, help="Fresh seeds.")] = None,
    task: Annotated[
        list[str] | None, typer.Option(help="Task, wherever its file is now; may be given several times.")
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
) -> None:
    """Train finalists and baselines on fresh seeds and test the differences.

    What was trained before is not trained again, so a second call with the same options answers
    at once. A task whose code, data or recipe has changed since is refused; named by --task it is
    confirmed under a name of its own. JSON and CSV give the paired comparisons.
    """
    from runs import comparisons
    from runs import folder as folders
    from search.confirmation import Plan
    from search.output import check_format, records, to_json
    from search.session import execution_overrides, print_confirmation, stored_config

    check_format(format_)
    folder = locate(run)
    with folders.writing(folder) as store:
        _import_recorded(store, folder, extension, trust)
        settings = stored_config(store, folder)
        chosen = settings.confirm
        execution = _execution(settings, execution_overrides(executor, workers, address, device))
        tasks = _confirm_tasks(store, folder, settings, task, data, execution, trust)
        limit = chosen.timeout if timeout is None else timeout
        plan = Plan(top or chosen.top, seeds or chosen.seeds, tuple(tasks), steps or chosen.steps, limit)
        with _Interruptible(f"actsearch confirm {folder}") as guard:
            _train_confirmation(store, plan, tasks, execution, guard, quiet)
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
    from runs.stacking import unstacked_lines
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
        "",
        closing_line(campaign.progress),
        halving_line(campaign.progress),
        *unstacked_lines(store),
        *prior_lines(campaign.progress),
        sep="\n",
    )
    print(f"next: actsearch show {folder} ID, actsearch pareto {folder}, actsearch export {folder} ID -o act.py")


def _plan(settings: CampaignConfig) -> Any:
    from search.confirmation import Plan

    chosen = settings.confirm
    return Plan(chosen.top, chosen.seeds, settings.confirm_tasks, chosen.steps, chosen.timeout)


def _tell_unstacked(tasks: Mapping[str, AnyTask], device: str) -> None:
    """Say which tasks train one candidate after another, and why, as seen from this machine."""
    from evaluators.cohort.trainer import why_not_stacked
    from evaluators.train import is_here, pick_device

    place = pick_device(device)
    for name, task in tasks.items() if is_here(place) else ():
        if reason := why_not_stacked(task, place):
            print(f"{name} trains one candidate after another: {reason}", file=sys.stderr)


def _tell_recipes(asked: Layers, settings: CampaignConfig, tasks: Mapping[str, AnyTask]) -> None:
    """Say which steps, rate and batch apply to which training, and why."""
    task = tasks[settings.task]
    steps_of = asked.said_by("fidelity", "steps")
    print(_recipe_line("search", task, settings.fidelity.whole, steps_of), file=sys.stderr)
    if settings.confirm.automatic:
        for name in settings.confirm_tasks:
            said = asked.said_by("confirm", "steps")
            steps = settings.confirm.steps or tasks[name].recipe.steps
            print(_recipe_line("confirmation", tasks[name], steps, said), file=sys.stderr)


def _recipe_line(what: str, task: AnyTask, steps: int, said_by: str | None) -> str:
    own = task.recipe.steps
    why = "its recipe" if said_by is None else f"{said_by}; its recipe has {own}"
    return (
        f"{what} on {task.name}: {steps} steps ({why}), batches of {task.recipe.batch_size} "
        f"and learning rate {task.recipe.learning_rate:g} (its recipe)"
    )


def _task_names(settings: CampaignConfig) -> list[str]:
    """Return the tasks of a campaign: of the search, and of the confirmation that follows it."""
    return [settings.task, *(settings.confirm_tasks if settings.confirm.automatic else ())]


def _import_recorded(store: Store, folder: Path, extension: list[str] | None, trust: bool) -> None:
    """Import the extensions that a run was made with, before its configuration is read."""
    from runs.user_code import extension_records
    from search.extensions import import_recorded
    from search.session import stored_extensions

    labels = stored_extensions(store, folder)
    import_recorded(labels, extension_records(store), folder, extension or (), trust)


def _loader(settings: CampaignConfig, names: Sequence[str], data: Path | None, execution: Execution) -> Loader:
    """Return what loads the tasks of a run that exists."""
    from search.loading import Loader, refuse_data_without_use

    refuse_data_without_use(data, names)
    return Loader(execution.executor, str(data) if data else settings.data)


def _recorded_tasks(
    store: Store,
    folder: Path,
    names: Sequence[str],
    moved: list[str] | None,
    loader: Loader,
    trust: bool,
) -> dict[str, AnyTask]:
    """Return tasks that a run was made with."""
    from runs.user_code import task_records

    return loader.recorded(names, task_records(store), folder, moved or (), trust).tasks


def _confirm_tasks(
    store: Store,
    folder: Path,
    settings: CampaignConfig,
    named: list[str] | None,
    data: Path | None,
    execution: Execution,
    trust: bool,
) -> dict[str, AnyTask]:
    """Return the tasks to confirm on: those that the run was made with, or those that the user names."""
    from runs.folder import write_copies
    from runs.user_code import as_meta, kept_copies, task_records

    loader = _loader(settings, named or settings.confirm_tasks, data, execution)
    if not named:
        return _recorded_tasks(store, folder, settings.confirm_tasks, None, loader, trust)
    records = task_records(store)
    results = dict.fromkeys([settings.task, *(e.task for e in store.evaluations("confirm"))])
    loaded = loader.beside_results(named, records, results)
    if new := {label: record for label, record in loaded.records.items() if label not in records}:
        write_copies(folder, kept_copies([(c.place.label, c.sources) for c in loaded.codes.values()], folder))
        for key, value in as_meta({**records, **new}.values()).items():
            store.set_meta(key, value)
    return loaded.tasks


def _train_confirmation(
    store: Store, plan: Any, tasks: Mapping[str, AnyTask], execution: Execution, guard: _Interruptible, quiet: bool
) -> None:
    """Start workers only when something is missing."""
    from search.confirmation import confirm as run_confirmation
    from search.confirmation import missing_jobs
    from search.progress import ProgressView
    from search.session import make_executor

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
