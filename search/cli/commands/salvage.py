"""``salvage``: what a damaged run still holds, as a new run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from search.cli.commands.options import RunArgument, locate
from search.cli.output import say


def salvage(
    run: RunArgument,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="New run folder [RUN-salvaged].")] = None,
) -> None:
    """Write what can still be read of a damaged run to a new run folder.

    Candidates are kept with all of their evaluations; those that lost some are trained again by
    'resume'. The damaged folder is left as it is.
    """
    from runs.salvage import salvage as salvaged

    folder = locate(run)
    new = output or folder.with_name(f"{folder.name}-salvaged")
    found = salvaged(folder, new)
    say(f"kept in {new}: {found.candidates:,} candidates and {found.evaluations:,} evaluations")
    lost = [
        f"{found.lost_candidates:,} candidates and {found.lost_evaluations:,} evaluations at least"
        if found.lost_candidates or found.lost_evaluations
        else "",
        f"some or all evaluations of candidates that were kept ({found.again:,}), which 'resume' trains again"
        if found.again
        else "",
    ]
    unknown = "nothing that the file still speaks of; what stood in a part that is missing cannot be counted"
    say(f"lost: {'; '.join(filter(None, lost)) or unknown}")
    if found.has_config:
        say(f"next: actsearch show {new}, actsearch resume {new}")
    else:
        say(f"next: actsearch show {new}; the configuration is lost, so the run cannot be resumed")
