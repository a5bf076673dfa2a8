"""``score``: what is known of an expression without training."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated

import typer

from search.commands.options import DENSITY_HELP, FormatOption

if TYPE_CHECKING:
    from primitives import Expression


def score(
    expressions: Annotated[list[str], typer.Argument(metavar="EXPR...", help="Formulas or library names.")],
    input_: Annotated[str | None, typer.Option("--input", help=f"Measure under this density: {DENSITY_HELP}.")] = None,
    task: Annotated[str | None, typer.Option(help="Measure under what each layer of a task's network sees.")] = None,
    steps: Annotated[int, typer.Option(min=0, help="With --task: train that long before looking.")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="With --task: of weights and batches.")] = 0,
    format_: FormatOption = "table",
) -> None:
    """Say what is known of an expression without training: screen, prior, cost, tails, nearest known function.

    With --input or --task: entropies, remaining correction and mean-field numbers under another
    input than the standard normal, one row for each density.
    """
    from primitives import resolve
    from primitives.errors import ActsearchError

    found = [resolve(text) for text in expressions]
    if task is None and (steps or seed):
        raise ActsearchError("--steps and --seed belong to --task; name one, as in --task digits-vit")
    if input_ is not None and task is not None:
        raise ActsearchError("--input and --task both say what the input is; choose one")
    if input_ is None and task is None:
        _score_all(found, format_)
    else:
        _measure_all(found, input_, task, steps, seed, format_)


def _score_all(expressions: list[Expression], format_: str) -> None:
    """Print what is known of each expression."""
    import pandas as pd

    from evaluators import assess
    from search.output import emit, number
    from search.tables import add_row, new_table

    rows = []
    for expression in expressions:
        found = dataclasses.asdict(assess(expression))
        reason = found.pop("rejection") or "passes"
        rows.append({"expression": str(expression), "screen": reason, **found, **_likeness(expression)})
    columns = ("expression", "screen", ">prior", ">correction", ">cost", ">complexity", ">gain", "tails", "known as")
    table = new_table("", *columns)
    for row in rows:
        theory = (number(row["prior"]), number(row["correction"], 2))
        numbers = (number(row["cost"], 0), str(row["complexity"]), number(row["gain"]))
        tails = f"{row['left_tail']} | {row['right_tail']}"
        add_row(table, row["expression"], row["screen"], *theory, *numbers, tails, row["known_as"] or "")
    emit(pd.DataFrame(rows), format_, table)
    if format_ == "table":
        print("\nprior: entropy of the standardised output, in nats; correction: how much EAFO would still change")


def _measure_all(
    expressions: list[Expression], input_: str | None, task: str | None, steps: int, seed: int, format_: str
) -> None:
    """Print the measures of each expression under a density, or under every layer's of a network."""
    import pandas as pd

    from evaluators import load_task
    from evaluators.density import parse_density
    from evaluators.measures import Site, measure, sites
    from search.output import emit, number
    from search.tables import add_row, new_table

    rows = []
    for expression in expressions:
        if task is None:
            density = parse_density(input_ or "")
            places = [(density.name, density, expression)]
        else:
            found: list[Site] = sites(expression, load_task(task), steps, seed)
            places = [(site.name, site.density, site.expression) for site in found]
        for name, density, present in places:
            measured = dataclasses.asdict(measure(present, density))
            rows.append({"expression": str(present), "input": name, **measured.pop("mean_field"), **measured})
    columns = ("expression", "input", ">mean", ">deviation", ">entropy", ">limit", ">correction", ">linear", ">chi1")
    table = new_table("", *columns)
    for row in rows:
        shape = (number(row["input_mean"], 3), number(row["input_deviation"], 3))
        limit = "-inf" if row["atom"] else number(row["limit"])
        theory = (number(row["entropy"]), limit, number(row["correction"], 2))
        add_row(
            table, row["expression"], row["input"], *shape, *theory, number(row["linear_share"]), number(row["chi1"])
        )
    emit(pd.DataFrame(rows), format_, table)
    if format_ == "table":
        print("\nentropy: of the standardised output, in nats; limit: the same without noise; linear: share of the")
        print("output's variance that a straight line explains; chi1: growth of gradients from layer to layer")


def _likeness(expression: Expression) -> dict[str, object]:
    """Return what a function does far out and which known one it is or resembles."""
    from primitives import ExpressionError, growth, nearest_known

    left, right = map(str, growth(expression))
    try:
        match = nearest_known(expression)
    except ExpressionError:
        known: dict[str, object] = {"known_as": None, "nearest": None, "same": False, "distance": None}
    else:
        known = {"known_as": str(match), "nearest": match.name, "same": match.same, "distance": match.distance}
    return {"left_tail": left, "right_tail": right, **known}
