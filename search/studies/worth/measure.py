"""Everything that the study says of its tables, in two frames."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from primitives.numeric import Array
from search.studies.entropy.correlate import bootstrapped
from search.studies.spreading import spread
from search.studies.worth.fit import (
    ABLATIONS,
    ADDITIONS,
    FEW,
    MANY,
    Case,
    Regime,
    compared,
    importances,
    predictions,
)
from search.studies.worth.sheet import NETWORK, Sheet, group_of

Importances = Mapping[str, tuple[float, float, float]]


@dataclass(frozen=True, eq=False)
class Subject:
    """Functions that a question is asked of.

    Attributes:
        sheet: the functions.
        network: their features of a network by name; empty where these are not asked about.
    """

    sheet: Sheet
    network: Mapping[str, Array]

    @property
    def cases(self) -> tuple[Case, ...]:
        """What forests may see of them."""
        return ADDITIONS if self.network else ABLATIONS


@dataclass(frozen=True, eq=False)
class Piece:
    """Work for one process.

    Attributes:
        number: of the subject.
        subject: whose functions.
        regime: what forests are fitted on.
        case: what they see; ``None`` asks for importances.
    """

    number: int
    subject: Subject
    regime: Regime
    case: Case | None


def worked(piece: Piece) -> tuple[Piece, Any]:
    """Return a piece with its importances or its predictions."""
    sheet, more = piece.subject.sheet, piece.subject.network
    if piece.case is None:
        return piece, importances(sheet, piece.regime, more)
    return piece, predictions(sheet, piece.regime, piece.case, more)


def pieces(subjects: Sequence[Subject], repeats: int | None = None) -> list[Piece]:
    """Return all work, the longest first."""
    many, few = (replace(regime, repeats=repeats or regime.repeats) for regime in (MANY, FEW))
    numbered = [*enumerate(subjects)]
    important = [Piece(number, subject, many, None) for number, subject in numbered]
    return important + [
        Piece(number, subject, regime, case)
        for regime in (many, few)
        for number, subject in numbered
        for case in subject.cases
    ]


def answers(subjects: Sequence[Subject], workers: int, repeats: int | None = None) -> dict[tuple[Any, ...], Any]:
    """Return importances and predictions by number of the subject, name of the regime and of the case."""
    work, found = pieces(subjects, repeats), {}
    for done, (piece, answer) in enumerate(spread(worked, work, workers), start=1):
        found[piece.number, piece.regime.name, piece.case and piece.case.name] = answer
        print(f"{done} of {len(work)} fitted", flush=True)
    return found


def worths(subject: Subject, important: Importances, seconds: Mapping[str, float]) -> pd.DataFrame:
    """Return what each feature is worth by itself and in the forest, one row a feature, the best first.

    Args:
        subject: the functions; where features of the network are known, the rows are of these alone.
        important: of the forest that sees them all.
        seconds: a function by feature, where it is known.
    """
    sheet, better = subject.sheet, subject.sheet.better
    columns = subject.network or sheet.features
    rows = []
    for name, values in columns.items():
        whole, half = bootstrapped(values, sheet.scores), bootstrapped(values[better], sheet.scores[better])
        row: dict[str, Any] = {
            "table": sheet.name,
            "feature": name,
            "group": NETWORK if subject.network else group_of(name),
        }
        row |= {"functions": len(sheet), "seeds": sheet.table.shape[1]}
        row |= _ends("rho", (whole.spearman, whole.low, whole.high))
        row |= _ends("half_rho", (half.spearman, half.low, half.high))
        row |= _ends("importance", important[name])
        rows.append({**row, "seconds": seconds.get(name, np.nan)})
    frame = pd.DataFrame(rows)
    order = frame["rho"].abs().sort_values(ascending=False, kind="stable", na_position="last").index
    return frame.loc[order].reset_index(drop=True)


def _ends(name: str, values: Iterable[float]) -> dict[str, float]:
    return dict(zip((name, f"{name}_low", f"{name}_high"), values, strict=True))


def ablations(subject: Subject, said: Mapping[str, Mapping[str, Array]]) -> pd.DataFrame:
    """Return how each forest ranks the better half, one row a regime and case.

    Args:
        subject: the functions.
        said: predictions by regime and case.
    """
    shared = {"table": subject.sheet.name, "functions": len(subject.sheet), "network": bool(subject.network)}
    rows = [
        {**shared, "fitted_on": regime, **row}
        for regime, found in said.items()
        for row in compared(subject.sheet, found)
    ]
    return pd.DataFrame(rows)


def found_of(
    subjects: Sequence[Subject], seconds: Sequence[Mapping[str, float]], workers: int, repeats: int | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return worths and ablations of all subjects.

    Args:
        subjects: functions of tables.
        seconds: of each the time of its features.
        workers: processes of one thread each.
        repeats: of every cross-validation; each regime's own when ``None``.
    """
    found = answers(subjects, workers, repeats)
    worth, ablation = [], []
    for number, (subject, times) in enumerate(zip(subjects, seconds, strict=True)):
        worth.append(worths(subject, found[number, MANY.name, None], times))
        said = {
            regime.name: {case.name: found[number, regime.name, case.name] for case in subject.cases}
            for regime in (MANY, FEW)
        }
        ablation.append(ablations(subject, said))
    return pd.concat(worth, ignore_index=True), pd.concat(ablation, ignore_index=True)
