"""The command line: ``actsearch``. A command's module is imported when the command runs, so that help is instant."""

from __future__ import annotations

import errno
import importlib
import os
import sys
from contextlib import suppress
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup, TyperOption

from primitives.errors import ActsearchError
from primitives.text import printable, shortened
from search.cli.minus import told_from_options

PANELS = {
    "Search": {
        "launch": "Run a campaign: search, confirm the finalists, export the best.",
        "resume": "Go on after any stop; it needs the run folder, and your own code where it lay.",
        "confirm": "Train finalists and baselines on fresh seeds and test the differences.",
        "salvage": "Write what can still be read of a damaged run to a new run folder.",
    },
    "Read a run": {
        "watch": "Show a campaign that another process runs, until it ends; Ctrl-C leaves the campaign alone.",
        "list": "List the campaigns in a folder.",
        "show": "Show a run, or one candidate: formula, lineage, scores, curves.",
        "pareto": "Show the front with the baselines beside it.",
        "diff": "Show what differs between two runs: configuration, versions, tasks, fronts and evidence.",
        "report": "Write a run as one HTML page that opens anywhere: front, curves, evidence, how to make it again.",
    },
    "Expressions": {
        "score": "Say what is known of an expression without training: screen, prior, cost, tails, nearest known "
        "function.",
        "derive": "Derive the entropy-lowering correction of an activation (EAFO), step by step; ReLU gives CRReLU.",
        "export": "Write an activation as a Python file that needs torch and nothing else, or in another language.",
    },
    "Compare strategies": {
        "table": "Train every distinct function of a small space on a task and keep what came out as Parquet.",
        "replay": "Play a search strategy on a table and say how many trainings it takes to meet one of the best "
        "functions.",
    },
    "What is there": {
        "tasks": "List the tasks that candidates can be trained on, with the validation error of ReLU and GELU where "
        "measured.",
        "library": "List the known activations: baselines first, then names that 'score' and 'export' understand.",
        "primitives": "List the primitives that expressions are built from.",
        "config": "Print a configuration file to start from.",
    },
}
"""What help shows: every command with a line, by panel. The module of a command in :mod:`search.cli.commands` has its
name and holds a function of that name."""

COMMANDS = {name: panel for panel, lines in PANELS.items() for name in lines}


_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class Commands(TyperGroup):
    """Imports a command when it is called, and nothing to list them."""

    def list_commands(self, ctx: object) -> list[str]:  # noqa: ARG002  (typer's interface)
        """Return the names in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: object, cmd_name: str) -> TyperCommand | None:  # noqa: ARG002
        """Return what help shows of a command."""
        if cmd_name not in COMMANDS:
            return None
        panel = COMMANDS[cmd_name]
        return TyperCommand(cmd_name, help=PANELS[panel][cmd_name], rich_help_panel=panel)

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, TyperCommand | None, list[str]]:
        """Return the command itself."""
        name, _, rest = super().resolve_command(ctx, args)
        if name is None:
            return name, None, rest
        found = command(name)
        return name, found, told_from_options(rest, {name for each in found.params for name in each.opts})


def command(name: str) -> TyperCommand:
    """Import a command and return it."""
    module = importlib.import_module(f"search.cli.commands.{name}")
    function = getattr(module, name, None) or getattr(module, f"{name}_")
    alone = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    alone.command(name=name, rich_help_panel=COMMANDS[name])(function)
    made = typer.main.get_command(alone)
    assert isinstance(made, TyperCommand)
    for each in made.params:  # what stands in brackets is a default, and no style
        if isinstance(each, TyperOption) and each.help:
            each.help = each.help.replace("[", "\\[")
    return made


app = typer.Typer(
    name="actsearch",
    cls=Commands,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Search for a better activation function for your network, with evidence you can trust.",
    epilog="Start with: actsearch launch --preset quick",
)


@app.callback()
def _group() -> None:
    """Search for a better activation function for your network, with evidence you can trust."""


def main() -> None:
    """Run the command line.

    Exit codes: 0 done; 1 a fault of ours; 2 a mistake in the input, told in one sentence; 130
    interrupted, with everything finished saved.
    """
    try:
        try:
            app()
        finally:
            sys.stdout.flush()  # a full disk may be told only now
    except ActsearchError as error:
        _tell(f"error: {error}")
        sys.exit(2)
    except BrokenPipeError:
        _mute()
        sys.exit(1)
    except KeyboardInterrupt:
        _tell("stopped before anything began")
        sys.exit(130)
    except Exception as error:
        if os.environ.get("ACTSEARCH_DEBUG"):
            raise
        if place := _in_users_code(error):
            _tell(f"error: {place}: {type(error).__name__}: {error}; mend it (ACTSEARCH_DEBUG=1 shows the way there)")
            sys.exit(2)
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            _mute()
            _tell(f"error: cannot write ({error.strerror}); free space, then do it again: a run goes on with 'resume'")
            sys.exit(2)
        _tell(f"internal error: {type(error).__name__}: {error}")
        print(
            "this is a fault of actsearch, please report it; ACTSEARCH_DEBUG=1 shows where it happened",
            file=sys.stderr,
        )
        sys.exit(1)


def _tell(sentence: str) -> None:
    """Say in one line what is wrong; what a user's code raised or a file held may have several, and escapes."""
    line = " ".join(line.strip() for line in sentence.splitlines() if line.strip())
    print(printable(shortened(line)), file=sys.stderr)


def _mute() -> None:
    """Let nothing more be written to the output, which takes nothing more."""
    with suppress(OSError):  # it may be no file
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _in_users_code(error: Exception) -> str | None:
    """Return where in a user's own code an error came up, ``None`` where it did not."""
    module = sys.modules.get("evaluators.training.user_code.importing")
    place: str | None = None if module is None else module.blamed(error)
    return place


if __name__ == "__main__":
    main()
