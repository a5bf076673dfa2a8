"""``pareto``: the front of a run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from primitives.errors import ActsearchError
from runs import pareto as front
from runs import reading, scored
from runs.axes import axes
from runs.front import nothing_yet
from search.cli.commands.options import FormatOption, RunArgument, locate
from search.cli.output import check_format, emit, say
from search.cli.tables import front_table


def pareto(
    run: RunArgument,
    plot: Annotated[Path | None, typer.Option(help="Write a picture of the front (.png, .svg, .pdf).")] = None,
    format_: FormatOption = "table",
) -> None:
    """Show the front with the baselines beside it.

    The scores are those of the search: picked as the best of many, so flattering. Quote
    'actsearch confirm' instead.
    """
    from runs.plots import plot_front
    from runs.trained import constants_of

    check_format(format_)
    folder = locate(run)
    with reading(folder) as store:
        frame = front(store)
        if frame.empty and plot is not None:
            raise ActsearchError(f"there is nothing to plot in '{folder}': {nothing_yet(store)}")
        if frame.empty and format_ == "table":
            say(f"'{folder}' has no front: {nothing_yet(store)}")
            return
        if plot is not None:
            plot_front(scored(store), plot, str(folder.name), axes(store), constants_of(store))
        emit(
            frame, format_, front_table(frame, f"Front of {folder} and the baselines", axes(store)), optional=("name",)
        )
        if plot is not None:
            print(f"plot: {plot}", file=sys.stderr)
