"""``replay``: a strategy played on a table of trained functions."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from primitives.errors import ActsearchError
from search.cli.commands.options import ExtensionOption
from search.cli.output import check_format, console, number, to_json
from search.cli.tables import add_row, new_table
from search.configuration.config import CampaignConfig
from search.configuration.reading import from_dict, parsed
from search.strategies.catalogue import STRATEGIES
from search.strategies.strategy import StrategyOptions
from search.tables.board import Plain, plain
from search.tables.games import Outcome, Quartiles, played
from search.tables.replay import Rules

_DIGITS = 4


def replay(
    table: Annotated[Path, typer.Argument(metavar="TABLE.parquet", help="From 'actsearch table', or a stranger's.")],
    strategy: Annotated[str | None, typer.Option(help="Which; that of a campaign when left out.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="An option of it; may be repeated.")
    ] = None,
    repeats: Annotated[int, typer.Option(min=1, help="Games, of seeds 0, 1, …")] = 20,
    by: Annotated[str | None, typer.Option(help="Score: error, loss or another column [the task's own].")] = None,
    trainings: Annotated[int, typer.Option(min=1, help="Trainings of a game at most.")] = 400,
    batch: Annotated[int, typer.Option(min=1, help="Functions trained before the next are chosen.")] = 4,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; all CPUs by default.")] = None,
    extension: ExtensionOption = None,
    plot: Annotated[Path | None, typer.Option(help="Write a picture (.png, .svg, .pdf).")] = None,
    format_: Annotated[str, typer.Option("--format", help="table, json or csv.")] = "table",
) -> None:
    """Play a search strategy on a table and say how many trainings it takes to meet one of the best functions.

    One seed's score is told, chosen at random; the mean over seeds judges. The baselines' results
    are told first and count. Proposals that the table lacks, and repeated ones, cost nothing but are
    counted. Regret is how far the mean of what looked best is above the table's best.
    """
    from search.loading.extensions import import_extensions
    from search.tables.picture import plot_games

    check_format(format_)
    import_extensions(extension or ())
    name, options = _strategy(strategy, set_ or [])
    board = plain(table, by)
    if trainings > len(board.texts):
        trainings = len(board.texts)
        print(f"note: a game ends after {trainings} trainings, the functions of the table", file=sys.stderr)
    rules = Rules(trainings, batch)
    count = min(workers or os.cpu_count() or 1, repeats)
    outcome = played(board, name, options, rules, repeats, count, extension or ())
    if plot is not None:
        plot_games({name: outcome}, trainings, plot, f"{name} on {table.name}, {repeats} games, by {board.by}")
    _print(name, board, outcome, format_)
    if plot is not None:
        print(f"plot: {plot}", file=sys.stderr)


def _strategy(name: str | None, given: list[str]) -> tuple[str, StrategyOptions]:
    """Return a strategy's name and its options as a campaign would check them."""
    chosen = name or CampaignConfig.model_fields["strategy"].default.name
    STRATEGIES[chosen]  # an unknown name is told with the nearest
    raw: dict[str, Any] = {"name": chosen}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals:
            raise ActsearchError(f"--set takes KEY=VALUE, and '{text}' has no '='")
        raw |= parsed(f"{key.strip()} = {value.strip()}", f"--set {text}")
    return chosen, from_dict({"strategy": raw}, "--set", stored=True).strategy


def summary(name: str, board: Plain, outcome: Outcome) -> dict[str, Any]:
    """Return what is printed as JSON; missing numbers were not reached."""
    return {
        "strategy": name,
        "repeats": len(outcome.games),
        "functions": len(board.texts),
        "trainings_to_top_1_percent": vars(Quartiles.of(outcome.first_percent)),
        "trainings_to_top_10": vars(Quartiles.of(outcome.first_ten)),
        "regret": {str(after): vars(Quartiles.of(values)) for after, values in outcome.regret.items()},
        "elsewhere": outcome.elsewhere,
        "repeated": outcome.repeated,
    }


def _rows(said: dict[str, Any]) -> list[tuple[str, dict[str, float | None]]]:
    first = [
        ("trainings to a top-1 % function", said["trainings_to_top_1_percent"]),
        ("trainings to a top-10 function", said["trainings_to_top_10"]),
    ]
    return first + [(f"regret after {after}", values) for after, values in said["regret"].items()]


def _print(name: str, board: Plain, outcome: Outcome, format_: str) -> None:
    said = summary(name, board, outcome)
    rows = _rows(said)
    if format_ == "json":
        print(to_json(said))
        return
    if format_ == "csv":
        frame = pd.DataFrame([{"strategy": name, "what": what, **values} for what, values in rows])
        print(frame.to_csv(index=False), end="")
        return
    shown = new_table(
        f"{name}: {said['repeats']} games on {said['functions']} functions", "", ">median", ">quartile", ">quartile"
    )
    for what, values in rows:
        digits = _DIGITS if what.startswith("regret") else 0
        cells = (number(values[key], digits) or "not reached" for key in ("median", "low", "high"))
        add_row(shown, what, *cells)
    console().print(shown)
    print(
        f"free and not counted, a game: {outcome.elsewhere:.0f} proposals that the table lacks, "
        f"{outcome.repeated:.0f} repeated ones"
    )
