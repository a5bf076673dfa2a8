"""Arguments that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

RunArgument = Annotated[Path, typer.Argument(metavar="RUN", help="Run folder, or its name inside campaigns/.")]
FormatOption = Annotated[str, typer.Option("--format", help="table, json or csv.")]
ExecutorOption = Annotated[str | None, typer.Option(help="ray, or serial for one process.")]
WorkersOption = Annotated[int | None, typer.Option(min=1, help="Ray workers; all CPUs by default.")]
AddressOption = Annotated[str | None, typer.Option(help="Address of a running Ray cluster.")]
DeviceOption = Annotated[str | None, typer.Option(help="auto, cpu, cuda or mps; auto takes a GPU where there is one.")]
DataOption = Annotated[
    Path | None, typer.Option(help="Folder of data sets, for tasks that need one [$ACTSEARCH_DATA, else data].")
]
ExtensionOption = Annotated[
    list[str] | None,
    typer.Option("--extension", help="Your own code to import first, 'file.py' or 'package.module'; may be repeated."),
]
TrustOption = Annotated[bool, typer.Option("--trust", help="Import the run's own code though it never ran here.")]
LogOption = Annotated[
    list[str] | None,
    typer.Option("--log", help="Also write it down for tensorboard (in the run folder) or mlflow; may be repeated."),
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")]
EventsOption = Annotated[
    str | None,
    typer.Option("--events", metavar="FILE", help="Write progress as JSON lines to a file; - for standard output."),
]
DENSITY_HELP = (
    "normal, logistic, laplace, uniform or student, with numbers as in 'normal(0, 0.139)', summed as in "
    "'0.5*normal(-2, 1) + 0.5*normal(2, 1)', a formula in x, or FILE.npy"
)


def locate(run: Path) -> Path:
    """Return the folder a user means: the path itself, or that name inside ``campaigns/``."""
    inside = Path("campaigns") / run
    return inside if not run.exists() and inside.is_dir() else run
