"""``launch``: a campaign from its start."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

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
    WorkersOption,
    locate,
)
from search.cli.searching import run_and_print
from search.configuration.layers import layers
from search.loading.run import absolute_folder, execution_overrides
from search.logs.catalogue import loggers
from search.session.campaign import Campaign


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
    log: LogOption = None,
    quiet: QuietOption = False,
    events: EventsOption = None,
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
    logs = loggers(log or ())
    sources = list(dict.fromkeys(map(locate, from_ or ())))
    campaign = Campaign(layers(config, preset or (None if config else "quick"), overrides), run=run, start_from=sources)
    if not quiet:
        print(*campaign.notes, sep="\n", end="\n" if campaign.notes else "", file=sys.stderr)
    run_and_print(campaign, logs, quiet, events)
