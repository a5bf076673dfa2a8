"""``watch``: a campaign that another process runs."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from primitives.errors import ActsearchError
from runs.folder import database, owner_of
from search.cli.commands.options import RunArgument, locate
from search.cli.output import console
from search.live.events import last_frame
from search.live.view import LineView, TerminalView
from search.live.wording import headline

_EVERY = 1.0


def watch(
    run: RunArgument,
    once: Annotated[bool, typer.Option("--once", help="Show the last state and end.")] = False,
) -> None:
    """Show a campaign that another process runs, until it ends; Ctrl-C leaves the campaign alone.

    Reads what the campaign writes into its folder every two seconds, so that it works over a shared disk too.
    """
    folder = locate(run)
    database(folder)
    frame = last_frame(folder)
    if frame is None:
        raise ActsearchError(
            f"run '{folder}' has told nothing of itself yet; 'actsearch show {folder}' shows what is stored"
        )
    out = console(stderr=True)
    view = TerminalView(out) if out.is_terminal and not once else LineView()
    view.start()
    try:
        view.show(frame)
        while not once and (owner_of(folder) is not None):
            time.sleep(_EVERY)
            frame = last_frame(folder) or frame
            view.show(frame)
    except KeyboardInterrupt:
        raise typer.Exit(0) from None
    finally:
        view.stop()
    if not once:
        print(f"{headline(frame)}; it has ended; next: actsearch show {folder}")
