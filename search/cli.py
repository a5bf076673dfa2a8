"""The command line: ``actsearch``. Heavy imports happen inside the commands, so help is instant."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import typer

from primitives.errors import ActsearchError
from search.commands import catalogue, derive, export, inspect, run, score

app = typer.Typer(
    name="actsearch",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Search for a better activation function for your network, with evidence you can trust.",
    epilog="Start with: actsearch launch --preset quick",
)

_PANELS: dict[str, tuple[Callable[..., None], ...]] = {
    "Search": (run.launch, run.resume, run.confirm),
    "Read a run": (inspect.list_, inspect.show, inspect.pareto),
    "Expressions": (score.score, derive.derive, export.export),
    "What is there": (catalogue.tasks, catalogue.library, catalogue.primitives, catalogue.config),
}
for _panel, _commands in _PANELS.items():
    for _command in _commands:
        app.command(name=_command.__name__.rstrip("_"), rich_help_panel=_panel)(_command)


def main() -> None:
    """Run the command line.

    Exit codes: 0 done; 1 a fault of ours; 2 a mistake in the input, told in one sentence; 130
    interrupted, with everything finished saved.
    """
    try:
        app()
    except ActsearchError as error:
        # What a user's code raised may have several lines; a mistake is told in one.
        print("error:", *(line.strip() for line in str(error).splitlines() if line.strip()), file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        if os.environ.get("ACTSEARCH_DEBUG"):
            raise
        print(
            f"internal error: {type(error).__name__}: {error}\n"
            "this is a fault of actsearch, please report it; ACTSEARCH_DEBUG=1 shows where it happened",
            file=sys.stderr,
        )
        sys.exit(1)


if __name__ == "__main__":
    main()
