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


@dataclass
class Table:
    """Rows in the order of the checks, and how each test ended."""

    rows: list[Row] = field(default_factory=list)
    ends: dict[str, str] = field(default_factory=dict)
    test: str = ""

    def add(self, check: str, value: object, spread: str = "", bound: object = "") -> None:
        """Add a row of the test that runs; a row without a bound is a measurement."""
        self.rows.append(Row(self.test, check, shown(value), spread, shown(bound)))

    def end(self, failure: str) -> None:
        """Note how the test that runs ended, ``""`` for well; one that failed early still has a row."""
        self.ends[self.test] = failure
        if failure and not any(row.test == self.test for row in self.rows):
            self.add(self.test.rpartition("::")[2], "none")

    def write(self, path: Path) -> None:
        """Write what there is so far."""
        card, version = torch.cuda.get_device_name(), torch.__version__
        head = HEAD.format(card=card, torch=version, cuda=torch.version.cuda, date=datetime.date.today())
        path.write_text(head + "".join(self._line(row) for row in self.rows))

    def _line(self, row: Row) -> str:
        failure = self.ends.get(row.test, "did not end")
        cells = [row.check, row.value, row.spread, row.bound, failure or ("holds" if row.bound else "measured")]
        return "| " + " | ".join(cell.replace("|", "/").replace("\n", " ") for cell in cells) + " |\n"


def shown(value: object) -> str:
    """Return a number with three digits, anything else as it is."""
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def quartiles(values: list[float]) -> tuple[float, str]:
    """Return the median, and the quartiles as text."""
    low, middle, high = statistics.quantiles(values, n=4)
    return middle, f"{low:.3g} to {high:.3g}"
