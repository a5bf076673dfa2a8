"""The one table that all checks on a GPU end in."""

from __future__ import annotations

import datetime
import statistics
from dataclasses import dataclass, field
from pathlib import Path

import torch

HEAD = """# On a GPU

Written by `make gpu`; `measured` rows assert nothing.

| | |
| --- | --- |
| command | `make gpu` |
| card | {card} |
| torch | {torch}, CUDA {cuda} |
| date | {date} |

| check | value | spread | bound or tolerance | result |
| --- | ---: | ---: | ---: | --- |
"""


@dataclass
class Row:
    """One line of the table; ``test`` is the test that wrote it."""

    test: str
    check: str
    value: str
    spread: str
    bound: str
    result: str


@dataclass
class Table:
    """Rows in the order of the checks; ``test`` is the one that runs."""

    rows: list[Row] = field(default_factory=list)
    test: str = ""

    def measured(self, check: str, value: object, spread: str = "") -> None:
        """Add a measurement, which asserts nothing."""
        self.rows.append(Row(self.test, check, shown(value), spread, "", "measured"))

    def holds(self, check: str, value: object, bound: object, holds: bool) -> bool:
        """Add a check and say again whether it holds."""
        self.rows.append(Row(self.test, check, shown(value), "", shown(bound), "holds" if holds else "FAILS"))
        return holds

    def failed(self, reason: str) -> None:
        """Note that the test that runs failed, unless one of its rows says so."""
        if not any(row.test == self.test and row.result == "FAILS" for row in self.rows):
            self.rows.append(Row(self.test, self.test.rpartition("::")[2], "none", "", "", f"FAILS: {reason}"))

    def write(self, path: Path) -> None:
        """Write what there is so far."""
        card, version = torch.cuda.get_device_name(), torch.__version__
        head = HEAD.format(card=card, torch=version, cuda=torch.version.cuda, date=datetime.date.today())
        lines = [[row.check, row.value, row.spread, row.bound, row.result] for row in self.rows]
        path.write_text(head + "".join(f"| {' | '.join(map(plain, cells))} |\n" for cells in lines))


def plain(text: str) -> str:
    """Return a text that fits in one cell."""
    return " ".join(text.replace("|", "/").split())


def shown(value: object) -> str:
    """Return a number with three digits, anything else as it is."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def quartiles(values: list[float]) -> tuple[float, str]:
    """Return the median, and the quartiles as text."""
    low, middle, high = statistics.quantiles(values, n=4)
    return middle, f"{low:.3g} to {high:.3g}"
