"""How to make the run again: command, seed, configuration, versions, machine."""

from __future__ import annotations

import json
import shlex

from markupsafe import Markup

from evaluators.tasks.fingerprint import TaskPrint
from runs.report.markup import Cell, Section, block, heading, items, paragraph, table
from runs.report.material import Material
from runs.user_code import extension_records, task_records

_LONGEST_CONFIG = 100_000


def section(material: Material) -> Section:
    """Return what is needed, and how far the result is the same."""
    config = material.run.meta("config")[:_LONGEST_CONFIG]
    run = material.folder
    commands = (
        f"actsearch launch {shlex.quote(str(run / 'config.toml'))} --run {shlex.quote(f'{run.name}-again')}\n"
        f"actsearch report {shlex.quote(f'{run.name}-again')}"
    )
    words = (
        "The configuration is the whole of it, resolved: every key that decides anything stands in it, the seed too. "
        "On one machine a campaign with the serial executor repeats to the byte; with several workers the order of "
        "results steers the search, and only the single trainings repeat."
    )
    return Section(
        "again",
        "How to make it again",
        (
            block(commands),
            paragraph(words),
            _facts(material),
            *_made_of(material),
            heading("Configuration"),
            block(config) if config else paragraph("The run file holds none."),
        ),
    )


def packages(text: str) -> dict[str, str]:
    """Return versions by package; none where the text is something else."""
    try:
        found = json.loads(text)
        return {str(name): str(version) for name, version in found.items()}
    except (ValueError, AttributeError, RecursionError):
        return {}


def _facts(material: Material) -> Markup:
    run = material.run
    seconds = run.meta("search_seconds")
    rows = {
        "seed of the search": run.meta("seed"),
        "seeds of its trainings": ", ".join(map(str, material.search_seeds)),
        "begun": run.meta("created"),
        "machine": run.meta("machine"),
        "state": run.meta("state"),
        **({"wall time of the search, seconds": seconds} if seconds else {}),
        **{f"version of {name}": version for name, version in packages(run.meta("packages")).items()},
    }
    return table("Versions and machine", ["what", "value"], [[Cell(name), Cell(value)] for name, value in rows.items()])


def _made_of(material: Material) -> list[Markup]:
    """Return what tasks and extensions were made of."""
    lines = [
        f"task {record.label}, found as {record.where}: {_print(record.made_of)}"
        for record in task_records(material.run).values()
    ]
    lines += [
        f"extension {record.label}, found as {record.where}: fingerprint {str(record.fingerprint)[:16]}"
        for record in extension_records(material.run).values()
    ]
    return [heading("What tasks and extensions were made of"), items(lines)] if lines else []


def _print(made_of: TaskPrint) -> str:
    """Return fingerprint and recipe of a task."""
    try:
        recipe = ", ".join(f"{name} {value}" for name, value in made_of.recipe.items())
        return f"fingerprint {made_of.short} of code, data and recipe; {recipe}"
    except (AttributeError, TypeError, ValueError, RecursionError):
        return "what it was made of is not ours"
