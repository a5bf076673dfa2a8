"""What became of every proposal: what each filter rejected, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from evaluators.training.status import FAILURES, TRAINED
from runs.account import kind_of
from runs.report.markup import Cell, Section, code, count, figure, items, paragraph, table
from runs.report.material import Material
from runs.stacking import unstacked_lines

_MOST = 200
"""Rows of the table."""
_PLAIN = {"ok": "trained to the end", "pending": "waits for its training"}
"""Statuses without a reason."""


def section(material: Material) -> Section:
    """Return the way of all proposals, and a table of reasons."""
    rows = [*_rows(material)]
    total = sum(number for *_, number, _ in rows)
    cells = [
        [
            Cell(status),
            Cell(reason or _PLAIN.get(status, "")),
            count(number),
            figure(100 * number / max(1, total), 1),
            code(example),
        ]
        for status, reason, number, example in rows[:_MOST]
    ]
    left = f" The {len(rows) - _MOST:,} rarest reasons are left out." if len(rows) > _MOST else ""
    caption = (
        "Every function by what became of it and why, with one example. Rejected: by the screen, before any training; "
        f"cached: the same function is there already; passed over: never became a candidate.{left}"
    )
    heads = ["status", "why", ">number", ">% of all", "example"]
    lone = unstacked_lines(material.run)
    parts = [paragraph(_summary(material, total)), table(caption, heads, cells), *([items(lone)] if lone else [])]
    return Section("filters", "What the filters took", tuple(parts))


def _rows(material: Material) -> Iterator[tuple[str, str, int, str]]:
    """Yield status, reason, number and an example, candidates first, the commonest first."""
    found: Counter[tuple[str, str]] = Counter()
    examples: dict[tuple[str, str], str] = {}
    for candidate in material.candidates.values():
        key = (candidate.status, kind_of(candidate.reason))
        found[key] += 1
        examples.setdefault(key, f"#{candidate.id} {candidate.expression}")
    for (status, reason), number in found.most_common():
        yield status, reason, number, examples[status, reason]
    for reason, number in Counter(material.run.counts("passed_over")).most_common():
        yield "passed over", reason, number, ""


def _summary(material: Material, total: int) -> str:
    counts = Counter(candidate.status for candidate in material.candidates.values())
    trained = sum(counts[status] for status in TRAINED)
    failed = sum(counts[status] for status in FAILURES)
    return (
        f"{total:,} functions were looked at, baselines included; {len(material.candidates):,} of them became "
        f"candidates; {trained:,} were trained, {counts['stopped']:,} of them stopped early and {counts['ok']:,} to "
        f"the end; trainings that failed: {failed:,}."
    )
