"""``resume``: a campaign that stopped."""

from __future__ import annotations

from typing import Annotated

import typer

from runs import folder as folders
from search.campaign.extending import extend, refresh_copy
from search.cli.commands.options import (
    AddressOption,
    DataOption,
    DeviceOption,
    ExecutorOption,
    ExtensionOption,
    QuietOption,
    RunArgument,
    TrustOption,
    WorkersOption,
    locate,
)
from search.cli.interrupt import Interruptible
from search.cli.printing import print_outcome
from search.cli.searching import import_own, loader_of, recorded_tasks, search_and_print, task_names
from search.loading.run import execution_of, execution_overrides, make_executor, stored_config


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
    trainings: Annotated[
        int | None, typer.Option(min=1, help="Extend the search: candidates to train, the new total.")
    ] = None,
    steps_budget: Annotated[
        int | None, typer.Option(min=1, help="Extend it: optimiser steps of all search trainings, the new total.")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(help="Extend it: minutes of search, the new total over all processes.")
    ] = None,
    quiet: QuietOption = False,
) -> None:
    """Go on after any stop; it needs the run folder, and your own code where it lay.

    --trainings, --minutes and --steps-budget give a search another budget, a finished one too: it
    goes on from where it ended, and finalists are confirmed anew. Evidence that is there is kept.
    """
    folder = locate(run)
    with folders.writing(folder) as store:
        import_own(store, folder, extension, trust)
        settings = stored_config(store, folder)
        refresh_copy(store, folder)
        asked = {"trainings": trainings, "steps": steps_budget, "minutes": minutes}
        if budget := {name: total for name, total in asked.items() if total is not None}:
            settings = extend(store, folder, settings, budget)
        if store.meta("state") == "finished":
            print_outcome(store, folder, settings)
            print("\nthe campaign was finished before; nothing was left to search")
            return
        execution = execution_of(settings, execution_overrides(executor, workers, address, device))
        names = task_names(settings)
        tasks = recorded_tasks(store, folder, names, task, loader_of(settings, names, data, execution), trust)
        with Interruptible(f"actsearch resume {folder}", folder) as guard, make_executor(execution, tasks) as engine:
            search_and_print(store, folder, settings, engine, guard, quiet)
