"""Plays games on several processes; the row of a finished game is on disk at once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from search.studies.recovery import rival
from search.studies.recovery.game import Rules, play
from search.studies.recovery.methods import STRATEGIES
from search.studies.recovery.targets import TARGETS
from search.studies.spreading import mend, spread, write_rows

METHODS = (*STRATEGIES, rival.NAME)
COLUMNS = [
    "target", "method", "seed", "limit", "batch", "evaluations", "recovered", "error", "seconds", "found",
]  # fmt: skip
"""``limit`` and ``batch`` are the rules; ``evaluations`` until the target was found, or all; ``error`` as in
:class:`search.studies.recovery.fitting.Fit`; ``found`` the genotype of the best, of the rival its formula."""


@dataclass(frozen=True)
class Unit:
    """A game that is to be played.

    Attributes:
        target, method, seed: of the game.
        rules: of the game.
    """

    target: str
    method: str
    seed: int
    rules: Rules


def units(targets: Sequence[str], methods: Sequence[str], seeds: int, rules: Rules) -> list[Unit]:
    """Return games, those of the first seeds first, so that a study that is stopped is a smaller one."""
    return [Unit(name, method, seed, rules) for seed in range(seeds) for name in targets for method in methods]


def measured(unit: Unit) -> list[dict[str, Any]]:
    """Play a game and return its row, with the columns :data:`COLUMNS`."""
    started, target = time.process_time(), TARGETS[unit.target]
    if unit.method == rival.NAME:
        game = rival.play(target, unit.seed, unit.rules)
    else:
        game = play(target, STRATEGIES[unit.method], unit.seed, unit.rules)
    return [
        {
            "target": unit.target,
            "method": unit.method,
            "seed": unit.seed,
            "limit": unit.rules.evaluations,
            "batch": unit.rules.batch,
            "evaluations": game.evaluations,
            "recovered": int(game.recovered),
            "error": f"{game.error:.3f}",
            "seconds": f"{time.process_time() - started:.1f}",
            "found": game.found,
        }
    ]


def complete(wanted: Sequence[Unit], file: Path, workers: int) -> pd.DataFrame:
    """Play what the file does not have yet, and return the rows of all wanted games in their order.

    Args:
        wanted: games.
        file: CSV that rows are appended to; a line that was cut off is dropped. Rows by other rules are kept there.
        workers: processes of one thread each; 1 plays in this one.
    """
    mend(file)
    known = _keys(pd.read_csv(file)) if file.exists() else set()
    missing = [unit for unit in wanted if _key(unit) not in known]
    write_rows(file, COLUMNS, spread(measured, missing, workers), len(missing), every=10)
    rows = pd.read_csv(file).drop_duplicates(COLUMNS[:5], keep="last")
    rows = rows.sort_values(COLUMNS[:5], kind="stable").reset_index(drop=True)
    beside = file.with_suffix(".new")
    rows.to_csv(beside, index=False)
    beside.replace(file)
    asked = {_key(unit) for unit in wanted}
    return rows[[tuple(row) in asked for row in rows[COLUMNS[:5]].itertuples(index=False)]].reset_index(drop=True)


def _key(unit: Unit) -> tuple[str, str, int, int, int]:
    return unit.target, unit.method, unit.seed, unit.rules.evaluations, unit.rules.batch


def _keys(rows: pd.DataFrame) -> set[tuple[Any, ...]]:
    return set(rows[COLUMNS[:5]].itertuples(index=False, name=None))
