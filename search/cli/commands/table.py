"""``table``: train a whole small space, or a list, once and for all."""

from __future__ import annotations

import hashlib
import json
import shlex
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from filelock import FileLock, Timeout

from evaluators.tasks.agreement import warning
from evaluators.tasks.fingerprint import TaskPrint
from primitives.errors import ActsearchError
from search.cli.commands.options import (
    AddressOption,
    DataOption,
    DeviceOption,
    ExecutorOption,
    ExtensionOption,
    QuietOption,
    WorkersOption,
)
from search.cli.interrupt import Interruptible
from search.configuration.config import CampaignConfig
from search.configuration.layers import layers
from search.loading.extensions import import_named
from search.loading.run import absolute_folder, execution_overrides, make_executor
from search.loading.tasks import Loaded, Loader, refuse_data_without_use
from search.tables.space import even_draw, of_list, of_space
from search.tables.table import Origin
from search.tables.training import Progress, Wanted, complete

_EVERY = 10.0


def table(
    out: Annotated[Path, typer.Argument(metavar="TABLE.parquet", help="What to make, or to add to.")],
    config: Annotated[
        Path | None, typer.Argument(metavar="[CONFIG.toml]", help="Campaign file whose [grammar] is the space.")
    ] = None,
    expressions: Annotated[
        Path | None, typer.Option("--list", help="A formula or name a line, in the place of a space.")
    ] = None,
    task: Annotated[str | None, typer.Option(help="Task, as for launch.")] = None,
    extension: ExtensionOption = None,
    data: DataOption = None,
    seeds: Annotated[int, typer.Option(min=1, max=1000, help="Trainings of each function, seeds 0, 1, …")] = 2,
    functions: Annotated[
        int | None, typer.Option(min=1, help="An even draw of so many, the baselines among them.")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Optimiser steps [the task's recipe].")] = None,
    executor: ExecutorOption = None,
    workers: WorkersOption = None,
    address: AddressOption = None,
    device: DeviceOption = None,
    quiet: QuietOption = False,
) -> None:
    """Train every distinct function of a small space on a task and keep what came out as Parquet.

    One row an expression and seed: expression, seed, steps, status, error, loss, test_error,
    seconds, and the task's own metrics. The space is every tree of grammar.max_complexity nodes at
    most; the baselines come first. What is in the table is not trained again. Ctrl-C is safe: the
    same command goes on.
    """
    options: dict[str, Any] = {"task": task, "data": absolute_folder(data), "extensions": extension}
    overrides = {key: value for key, value in options.items() if value is not None}
    if steps is not None:
        overrides["fidelity"] = {"steps": steps}
    if execution := execution_overrides(executor, workers, address, device):
        overrides["execution"] = execution
    if expressions is not None and config is not None:
        raise ActsearchError("--list and CONFIG.toml both say which functions; choose one")
    if expressions is None and config is None:
        raise ActsearchError("a table needs functions: a CONFIG.toml whose [grammar] is a small space, or --list FILE")
    if out.suffix != ".parquet":
        raise ActsearchError(f"a table is a Parquet file; call it '{out.with_suffix('.parquet')}'")
    asked = layers(config, None, overrides)
    import_named(asked)
    settings = asked.config()
    refuse_data_without_use(settings.data, [settings.task])
    found = of_list(expressions) if expressions else of_space(settings)
    chosen = found if functions is None else even_draw(found, functions)
    loaded = Loader(settings.execution.executor, settings.data, asked.beside).named([settings.task])
    origin = _origin(settings, loaded, expressions is None)
    if not quiet:
        if reason := warning(origin.task):
            print(f"note: {reason}", file=sys.stderr)
        print(f"{len(chosen)} functions, {seeds} seeds, {origin.steps} steps on {origin.task}", file=sys.stderr)
    wanted = Wanted(chosen, tuple(range(seeds)), origin, settings.fidelity.timeout)
    _complete(wanted, out, settings, loaded, quiet)


def _origin(settings: CampaignConfig, loaded: Loaded, space: bool) -> Origin:
    label = loaded.labels[settings.task]
    made = loaded.tasks[label]
    return Origin(
        command=shlex.join(["actsearch", *sys.argv[1:]]),
        version=version("actsearch"),
        task=label,
        score=made.score,
        steps=settings.fidelity.steps or made.recipe.steps,
        grammar=settings.drawn.model_dump(mode="json") if space else {},
        recipe=_made_of(loaded.records[label].made_of),
    )


def _made_of(task: TaskPrint) -> str:
    """Return eight characters that change with the task's recipe and code; data may differ by rounding."""
    plain = json.dumps([sorted(task.code.items()), sorted(task.recipe.items())])
    return hashlib.sha256(plain.encode()).hexdigest()[:8]


def _complete(wanted: Wanted, out: Path, settings: CampaignConfig, loaded: Loaded, quiet: bool) -> None:
    again = wanted.origin.command
    out.parent.mkdir(parents=True, exist_ok=True)
    try:
        with (
            FileLock(out.with_name(f".{out.name}.lock"), timeout=0),
            Interruptible(again) as guard,
            make_executor(settings.execution, loaded.tasks) as engine,
        ):
            made = complete(wanted, out, engine, _View(quiet, guard))
    except Timeout:
        raise ActsearchError(f"'{out}' is being made by another process; wait for it or stop it first") from None
    rows = made.rows
    good = rows[rows["status"] == "ok"]
    print(f"{out}: {rows['expression'].nunique()} functions, {len(rows)} trainings, {len(good)} of them ok")
    print(f"next: actsearch replay {out}")


class _View:
    """Says now and then how far it is."""

    def __init__(self, quiet: bool, guard: Interruptible) -> None:
        self._quiet, self._guard, self._said = quiet, guard, -_EVERY

    def __call__(self, progress: Progress) -> None:
        self._guard.check()
        if self._quiet or (progress.seconds - self._said < _EVERY and progress.done < progress.total):
            return
        self._said = progress.seconds
        print(
            f"{progress.done} of {progress.total} trainings, {progress.seconds:.0f} s, {progress.left:.0f} s left",
            file=sys.stderr,
            flush=True,
        )
