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
    events: EventsOption = None,
) -> None:
    """Go on after any stop; it needs the run folder, and your own code where it lay.

    --trainings, --minutes and --steps-budget give a search another budget, a finished one too: it
    goes on from where it ended, and finalists are confirmed anew. Evidence that is there is kept.
    """
    logs = loggers(log or ())
    execution = execution_overrides(executor, workers, address, device)
    asked = {"trainings": trainings, "steps": steps_budget, "minutes": minutes}
    campaign = Campaign.resume(
        locate(run),
        budget={name: total for name, total in asked.items() if total is not None},
        moved=task or (),
        extensions=extension or (),
        trust=trust,
        data=data,
        execution=execution,
    )
    run_and_print(campaign, logs, quiet, events)
