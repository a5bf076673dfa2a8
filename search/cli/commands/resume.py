"""``resume``: a campaign that stopped."""

from __future__ import annotations

from typing import Annotated

import typer

from runs import folder as folders
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
    quiet: QuietOption = False,
) -> None:
    """Go on after any stop; it needs the run folder, and your own code where it lay."""
    folder = locate(run)
    with folders.writing(folder) as store:
        import_own(store, folder, extension, trust)
        settings = stored_config(store, folder)
        if store.meta("state") == "finished":
            print_outcome(store, folder, settings)
            print("\nthe campaign was finished before; nothing was left to search")
            return
        execution = execution_of(settings, execution_overrides(executor, workers, address, device))
        names = task_names(settings)
        tasks = recorded_tasks(store, folder, names, task, loader_of(settings, names, data, execution), trust)
        with Interruptible(f"actsearch resume {folder}", folder) as guard, make_executor(execution, tasks) as engine:
            search_and_print(store, folder, settings, engine, guard, quiet)
