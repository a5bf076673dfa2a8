"""``resume``: a campaign that stopped."""

from __future__ import annotations

from typing import Annotated

import typer

from search.cli.commands.options import (
    AddressOption,
    DataOption,
    DeviceOption,
    EventsOption,
    ExecutorOption,
    ExtensionOption,
    LogOption,
    QuietOption,
    RunArgument,
    TrustOption,
    WorkersOption,
    locate,
)
from search.cli.searching import run_and_print
from search.loading.run import execution_overrides
from search.logs.catalogue import loggers
from search.session.campaign import Campaign


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
    log: LogOption = None,
    quiet: QuietOption = False,
    events: EventsOption = None,
) -> None:
    """Go on after any stop; it needs the run folder, and your own code where it lay."""
    logs = loggers(log or ())
    execution = execution_overrides(executor, workers, address, device)
    campaign = Campaign.resume(
        locate(run), moved=task or (), extensions=extension or (), trust=trust, data=data, execution=execution
    )
    run_and_print(campaign, logs, quiet, events)
