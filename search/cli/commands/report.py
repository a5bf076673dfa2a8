"""``report``: a run as one HTML page."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from runs import reading
from runs.folder import DATABASE, state_of
from runs.report.page import RUNNING, write_report
from search.cli.commands.options import RunArgument, locate

_EVERY = 10.0
"""Seconds between two writings of a followed run, at least."""
_SHARE = 0.1
"""Of the time that writing may take of a machine that has a campaign to run."""


def report(
    run: RunArgument,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="File [RUN/report.html].")] = None,
    follow: Annotated[bool, typer.Option(help="Write it anew while another process runs the campaign.")] = False,
) -> None:
    """Write a run as one HTML page that opens anywhere: front, curves, evidence, how to make it again.

    The page needs no network and sends nothing. While the campaign is not finished it loads itself anew; --follow
    keeps it up to date until nobody runs the campaign.
    """
    folder = locate(run)
    before = _state(folder)
    file = write_report(folder, output)
    if follow:
        print(f"following {folder}; the report is {file}", file=sys.stderr, flush=True)
        _follow(folder, output, before)
    print(f"report: {file}")


def _follow(folder: Path, output: Path | None, written: object) -> None:
    """Write the report anew, whenever the run has changed, until nobody runs the campaign."""
    running, took = True, 0.0
    while running:
        with reading(folder) as store:
            running = state_of(folder, store) in RUNNING
        now = _state(folder)
        if now != written:
            started = time.monotonic()
            write_report(folder, output)
            written, took = now, time.monotonic() - started
        if running:
            time.sleep(max(_EVERY, took / _SHARE))


def _state(folder: Path) -> tuple[tuple[int, int], ...]:
    """Return what is different once something was written to a run."""
    files = (folder / f"{DATABASE}{end}" for end in ("", "-wal"))
    found = [file.stat() for file in files if file.exists()]
    return tuple((each.st_mtime_ns, each.st_size) for each in found)
