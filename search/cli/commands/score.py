"""``score``: what is known of an expression without training."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import torch
import typer
from rich.table import Table

from evaluators import assess
from evaluators.instruments.measures import measure, sites
from evaluators.judging.features.catalogue import kept
from evaluators.theory.density import Density, parse_density
from evaluators.training.pieces import device_here
from evaluators.training.task import AnyTask, Task
from primitives import Expression, ExpressionError, growth, nearest_known
from primitives.errors import ActsearchError
from runs.costs import measured_costs
from search.cli.commands.options import DENSITY_HELP, DataOption, DeviceOption, ExtensionOption, FormatOption
from search.cli.formulas import typed
from search.cli.network_table import network_facts, network_table
from search.cli.output import console, emit, number
from search.cli.tables import add_row, new_table
from search.cli.timing_table import timing_table
from search.loading.tasks import Loader


def score(
    expressions: Annotated[list[str], typer.Argument(metavar="EXPR...", help="Formulas or library names.")],
    input_: Annotated[str | None, typer.Option("--input", help=f"Measure under this density: {DENSITY_HELP}.")] = None,
    task: Annotated[str | None, typer.Option(help="Measure under what each layer of a task's network sees.")] = None,
    extension: ExtensionOption = None,
    data: DataOption = None,
    steps: Annotated[int, typer.Option(min=0, help="With --task: train that long before looking.")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="With --task: of weights and batches.")] = 0,
    device: DeviceOption = None,
    gradients: Annotated[
        bool, typer.Option("--gradients", help="With --task: also its network's gradients at initialisation.")
    ] = False,
    time: Annotated[bool, typer.Option("--time", help="Also measure time and memory, compiled and eager.")] = False,
    format_: FormatOption = "table",
) -> None:
    """Say what is known of an expression without training: screen, prior, cost, tails, nearest known function.

    With --input or --task: entropies, remaining correction and mean-field numbers under another
    input than the standard normal, one row for each density.

    With --task and --gradients: also the norm of the gradient and the spectrum of the Fisher information of
    the task's network at initialisation.

    With --time: forward and backward of a million elements on this machine, relative to torch's ReLU and GELU.
    """
    if extension:
        from search.loading.extensions import import_extensions

        import_extensions(extension)
    found = [typed(text) for text in expressions]
    if task is None and (steps or seed):
        raise ActsearchError("--steps and --seed belong to --task; name one, as in --task digits-vit")
    if task is None and data is not None:
        raise ActsearchError("--data belongs to --task; name one that needs data, as in --task cifar10-vit-tiny")
    if task is None and device is not None:
        raise ActsearchError("--device belongs to --task; name one, as in --task digits-vit")
    if gradients and (task is None or steps):
        raise ActsearchError("--gradients are those of a task's network before training; name a --task and no --steps")
    if input_ is not None and task is not None:
        raise ActsearchError("--input and --task both say what the input is; choose one")
    if time and (input_ is not None or task is not None):
        raise ActsearchError("--time does not depend on the input; leave out --input and --task")
    if input_ is None and task is None:
        _score_all(found, format_, time)
    else:
        _measure_all(found, input_, _loaded(task, data), (steps, seed, device or "auto"), format_, gradients)


def _score_all(expressions: list[Expression], format_: str, time: bool) -> None:
    """Print what is known of each expression, and with ``time`` what was measured."""
    rows: list[dict[str, Any]] = []
    for expression in expressions:
        found = assess(expression)
        facts = {name: found.facts.get(name) for name in kept()}
        screen = found.rejection or "passes"
        rows.append({"expression": str(expression), "screen": screen, **facts, **_likeness(expression)})
    shown = sorted(kept().values(), key=lambda feature: not feature.predicts)  # the theory first
    table = new_table("", "expression", "screen", *(f">{feature.name}" for feature in shown), "tails", "known as")
    for row in rows:
        numbers = (number(row[feature.name], feature.digits) for feature in shown)
        tails = f"{row['left_tail']} | {row['right_tail']}"
        add_row(table, row["expression"], row["screen"], *numbers, tails, row["known_as"] or "")
    timings = measured_costs(expressions) if time else pd.DataFrame(index=range(len(rows)))
    emit(pd.DataFrame(rows).join(timings.drop(columns="expression", errors="ignore")), format_, table)
    if format_ == "table":
        if time:
            print()
            console().print(timing_table(timings))
        print("\nprior: entropy of the standardised output, in nats; correction: how much EAFO would still change")


def _loaded(task: str | None, data: Path | None) -> AnyTask | None:
    if task is None:
        return None
    loaded = Loader(data=str(data) if data else None).named([task])
    return loaded.tasks[loaded.labels[task]]


def _measure_all(
    expressions: list[Expression],
    input_: str | None,
    task: AnyTask | None,
    training: tuple[int, int, str],
    format_: str,
    gradients: bool,
) -> None:
    """Print the measures of each expression under a density, or under every layer's of a network.

    Args:
        expressions: to be measured.
        input_: the density.
        task: gives the network.
        training: its steps, seed and device.
        format_: of what is printed.
        gradients: whether to look at the task's network at initialisation as well.
    """
    density = None if input_ is None else parse_density(input_)
    steps, seed, device = training
    under = density or task
    assert under is not None
    rows: list[dict[str, Any]] = []
    for expression in expressions:
        try:
            rows += _measured(expression, under, (steps, seed, device_here(device)), gradients)
        except ActsearchError as error:  # of one function among several, which the others need not suffer
            if len(expressions) == 1:
                raise
            rows.append(
                {"expression": str(expression), "input": input_ or (task.name if task else None), "refusal": str(error)}
            )
    frame = pd.DataFrame(rows)
    emit(frame, format_, _measures_table(frame))
    if format_ == "table":
        _explain(rows, gradients)


def _measured(
    expression: Expression, under: Density | AnyTask, training: tuple[int, int, torch.device], gradients: bool
) -> list[dict[str, Any]]:
    """Return a row of measures under a density, or one a layer of a task's network."""
    steps, seed, device = training
    facts: dict[str, float] = {}
    if isinstance(under, Density):
        places = [(under.name, under, expression)]
    else:
        found = sites(expression, under, steps, seed, device)
        places = [(site.name, site.density, site.expression) for site in found]
        if gradients and isinstance(under, Task):
            facts = network_facts(expression, under, seed, device)
    rows = []
    for name, arriving, present in places:
        measured = dataclasses.asdict(measure(present, arriving))
        row = {"expression": str(present), "input": name, "refusal": None}
        rows.append(row | measured.pop("mean_field") | measured | facts)
    return rows


def _explain(rows: list[dict[str, Any]], gradients: bool) -> None:
    """Print what stands below the table."""
    if gradients:
        print()
        console().print(network_table([row for row in rows if not row["refusal"]]))
    for row in rows:
        if row["refusal"]:
            print(f"\nnot measured: {row['refusal']}")
    print("\nentropy: of the standardised output, in nats; raw: of the output itself, -inf with an atom, mass on one")
    print("point; linear: share of the output's variance that a straight line explains; chi1: gradient growth a layer")


def _measures_table(frame: pd.DataFrame) -> Table:
    columns = ("expression", "input", ">mean", ">deviation", ">entropy", ">correction", ">raw", ">atom", ">linear")
    table = new_table("", *columns, ">chi1")
    for row in frame[frame["refusal"].isna()].to_dict("records"):
        shape = (number(row["input_mean"], 3), number(row["input_deviation"], 3))
        raw = "-inf" if row["atom"] else number(row["raw_entropy"])
        theory = (number(row["entropy"]), number(row["correction"], 2), raw, number(row["atom"] or None, 3))
        field = (number(row["linear_share"]), number(row["chi1"]))
        add_row(table, row["expression"], row["input"], *shape, *theory, *field)
    return table


def _likeness(expression: Expression) -> dict[str, object]:
    """Return what a function does far out and which known one it is or resembles."""
    left, right = map(str, growth(expression))
    try:
        match = nearest_known(expression)
    except ExpressionError:
        known: dict[str, object] = {"known_as": None, "nearest": None, "same": False, "distance": None}
    else:
        known = {"known_as": str(match), "nearest": match.name, "same": match.same, "distance": match.distance}
    return {"left_tail": left, "right_tail": right, **known}
