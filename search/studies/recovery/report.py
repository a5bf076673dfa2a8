"""The study's page."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import pandas as pd

from search.studies.recovery import rival
from search.studies.recovery.fitting import EQUAL, STEPS
from search.studies.recovery.game import Rules
from search.studies.recovery.targets import FRESH, SAMPLE, TARGETS

_WIDE = 1.959963984540054


def wilson(count: int, total: int) -> tuple[float, float]:
    """Return the 95 % interval of a share (Wilson 1927)."""
    share, z = count / total, _WIDE**2 / total
    middle = (share + z / 2) / (1 + z)
    half = _WIDE * sqrt(share * (1 - share) / total + z / (4 * total)) / (1 + z)
    return max(0.0, middle - half), min(1.0, middle + half)


def summary(rows: pd.DataFrame, methods: Sequence[str]) -> pd.DataFrame:
    """Return a row a method: games, recovered, share, low, high, and the median of evaluations to success.

    The median is over all games, infinite where fewer than half succeed.
    """
    found = []
    for method in methods:
        own = rows[rows["method"] == method]
        if own.empty:
            continue
        count, total = int(own["recovered"].sum()), len(own)
        needed = own["evaluations"].astype(float).where(own["recovered"] == 1, float("inf"))
        low, high = wilson(count, total)
        median = float(needed.quantile(interpolation="higher"))
        won = own.loc[own["recovered"] == 1, "evaluations"].median()
        found.append((method, total, count, count / total, low, high, median, won, own["seconds"].median()))
    names = ["method", "games", "recovered", "share", "low", "high", "median", "won", "seconds"]
    return pd.DataFrame(found, columns=names)


def markdown(rows: pd.DataFrame, methods: Sequence[str], rules: Rules, command: str) -> str:
    """Return the page.

    Args:
        rows: of :func:`search.studies.recovery.measure.complete`.
        methods: in the order in which they are shown.
        rules: of the games.
        command: that made it.
    """
    return f"""# Known functions found again

Made by `{command}` from [`recovery.csv`](recovery.csv), one row a game.

Each of seven functions is looked for from its values at {len(SAMPLE)} even points in [-5, 5]. A candidate's learnable
parameters are fitted to them, from its own initial values and from ones (Levenberg and Marquardt, {STEPS} steps each at
most), and a scale and a shift of its output and the sign of its input, which the layers around an activation absorb:
that makes no other function here, as everywhere. What is told of it is the
log10 of the mean squared deviation in variances of the target, its cost and its complexity, and the tree with the
fitted parameters. It is the target when its root mean square deviation at {len(FRESH)} points in [-10, 10], with all
that was fitted, is below {EQUAL:g} standard deviations of the target (ReLU is 2e-3 away from CRReLU).

All strategies draw from the default grammar with `exp` and `log`, without the primitives that are the target by name or
but for scale and shift: {_forbidden()}. They are told no baseline, make no EAFO step, and of the library's functions
`guided` proposes none, whole or in hybrids, of which any part can be fitted to the target or to a forbidden primitive.
A game has {rules.evaluations:,} evaluations in batches of {rules.batch}; an evaluation is a new candidate that passes
the screen and is no longer than the grammar allows; what can be fitted alike is new once. `{rival.NAME}` has as many,
fits constants itself (uncounted steps), shares {len(rival.SYMBOLS) - 2} primitives, says what it lacks with `exp` and
`log` but for `erf` (so never GELU), computes in float32, and is judged by {rival.EQUAL:g}.

{_overall(rows, methods)}

Intervals are Wilson's, 95 %. *Evaluations* is the median over all games, ∞ where fewer than half succeed, and in
brackets over those that succeed; `{rival.NAME}` does not stop at the target. *Seconds* are processor time of a game,
median.

{_by_target(rows, methods)}
"""


def _forbidden() -> str:
    return "; ".join(f"{name}: {', '.join(target.forbidden) or 'none'}" for name, target in TARGETS.items())


def _overall(rows: pd.DataFrame, methods: Sequence[str]) -> str:
    lines = ["| method | games | recovered | share | evaluations | seconds |", "|---|---|---|---|---|---|"]
    for row in summary(rows, methods).to_dict("records"):
        median = "∞" if row["median"] == float("inf") else f"{row['median']:.0f}"
        won = f" ({row['won']:.0f})" if row["recovered"] else ""
        share = f"{row['share']:.0%} [{row['low']:.0%}, {row['high']:.0%}]"
        cells = [f"`{row['method']}`", row["games"], row["recovered"], share, f"{median}{won}", f"{row['seconds']:.0f}"]
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def _by_target(rows: pd.DataFrame, methods: Sequence[str]) -> str:
    shown = [method for method in methods if (rows["method"] == method).any()]
    lines = [f"| recovered | {' | '.join(f'`{method}`' for method in shown)} |", "|---" * (len(shown) + 1) + "|"]
    for name in TARGETS:
        own = [rows[(rows["target"] == name) & (rows["method"] == method)] for method in shown]
        cells = [f"{int(each['recovered'].sum())} of {len(each)}" for each in own]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)
