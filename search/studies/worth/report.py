"""The study's page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from evaluators.instruments.network_features import NETWORK_FEATURES
from evaluators.judging.features.catalogue import FEATURES
from search.studies.worth.fit import FEW, MANY
from search.studies.worth.network import EXAMPLES, SEEDS
from search.studies.worth.sheet import NETWORK, Sheet


def markdown(sheets: Sequence[Sheet], worths: pd.DataFrame, ablations: pd.DataFrame, rows: pd.DataFrame) -> str:
    """Return the page.

    Args:
        sheets: the tables.
        worths: one row a table and feature.
        ablations: one row a table, regime and case.
        rows: features of networks.
    """
    parts = [_head(), *(_of(sheet, worths, ablations, rows) for sheet in sheets)]
    return "\n\n".join(parts) + "\n"


def _head() -> str:
    return f"""# What each feature is worth

Made by `make study-worth` from the [tables](tables) of trained functions; numbers in [`features.csv`](features.csv),
[`features_ablation.csv`](features_ablation.csv) and [`features_network.csv`](features_network.csv).
What follows from them: [evaluators](../README.md#what-each-feature-is-worth).

*Rank correlation* is Spearman's with the mean score over seeds, positive where a low value goes with a low error,
with a 95 % bootstrap interval over functions; *better half* is the same within the half of the functions with the lower
score. A feature that is good in the middle has none and may still serve a forest. *Importance* is by how much the rank
correlation of the surrogate's forest with held-out scores falls when the feature is shuffled there
({MANY.folds} folds, {MANY.repeats} times; a corrected t-interval). Features that say the same share their importance,
so a small one does not mean that all of them could go: the tables of what the forest loses leave out whole groups.
**Bold** is what excludes 0. No interval is corrected for the number of features, and the functions of a table are near
relatives, so the intervals are too narrow. *Time* is a function's, of one thread: of a cheap feature by itself from
arrays, in a batch of 256 (many share what they take); of the features of a network, all `fisher_` together (without
`fisher_trace`) and all others together, {len(SEEDS)} initialisations with {EXAMPLES} examples each."""


def _of(sheet: Sheet, worths: pd.DataFrame, ablations: pd.DataFrame, rows: pd.DataFrame) -> str:
    own, removed = (frame[frame["table"] == sheet.name] for frame in (worths, ablations))
    dear = own["group"] == NETWORK
    noise = sheet.noise
    count = int(own.loc[dear, "functions"].iloc[0])
    times = rows[rows["table"] == sheet.name][["seconds_gradient", "seconds_spectrum"]].mean()
    return "\n".join(
        [
            f"## {sheet.name}: {len(sheet):,} functions, {sheet.table.shape[1]} seeds, by `{sheet.by}`",
            "",
            f"Two seeds agree by {noise.agreement:.2f} over all functions; a perfect score would reach about "
            f"{noise.ceiling:.2f}.",
            "",
            *_worths(own[~dear]),
            "",
            f"### In the network of the task, {count:,} of the functions",
            "",
            f"{times['seconds_gradient']:.2f} s a function for the gradient's, {times['seconds_spectrum']:.2f} s for "
            "the spectrum's. Importance is in a forest that sees the cheap features as well.",
            "",
            *_worths(own[dear]),
            "",
            "### What the forest loses and gains",
            "",
            "Rank correlation of its cross-validated predictions with the score among the better half, and the "
            f"difference from all cheap features, when it is fitted on {MANY.name} of the functions and on {FEW.most}.",
            "",
            *_ablations(removed[~removed["network"]]),
            "",
            f"The same of the {count:,} functions whose features in the network are known:",
            "",
            *_ablations(removed[removed["network"]]),
        ]
    )


def _worths(own: pd.DataFrame) -> list[str]:
    heads = ("feature", "what it is", "group", "rank correlation", "better half", "importance", "time")
    lines = [f"| {' | '.join(heads)} |", "|---|---|---|--:|--:|--:|--:|"]
    for row in own.to_dict("records"):
        cells = (f"`{row['feature']}`", _label(row["feature"]), row["group"])
        numbers = (_interval(row, "rho"), _interval(row, "half_rho"), _interval(row, "importance", 3))
        lines.append(f"| {' | '.join((*cells, *numbers, _time(row['seconds'])))} |")
    return lines


def _label(name: str) -> str:
    if name in FEATURES:
        return FEATURES[name].label
    return NETWORK_FEATURES[name].label if name in NETWORK_FEATURES else "of the standardised outputs"


def _ablations(own: pd.DataFrame) -> list[str]:
    regimes = list(dict.fromkeys(own["fitted_on"]))
    heads = ["the forest sees", *(f"{name}: {what}" for name in regimes for what in ("correlation", "difference"))]
    lines = [f"| {' | '.join(heads)} |", "|---" + "|--:" * (len(heads) - 1) + "|"]
    for case in dict.fromkeys(own["case"]):
        rows = [own[(own["case"] == case) & (own["fitted_on"] == name)].iloc[0].to_dict() for name in regimes]
        shown = [
            text
            for row in rows
            for text in (_interval(row, "rho"), "" if case == "all" else _interval(row, "difference", 3))
        ]
        lines.append(f"| {' | '.join([case, *shown])} |")
    return lines


def _interval(row: dict[Any, Any], name: str, digits: int = 2) -> str:
    value, low, high = (float(row[key]) for key in (name, f"{name}_low", f"{name}_high"))
    if np.isnan(value):
        return "constant"
    text = f"{value:+.{digits}f} [{low:+.{digits}f}, {high:+.{digits}f}]"
    return f"**{text}**" if low > 0 or high < 0 else text


def _time(seconds: float) -> str:
    if np.isnan(seconds):
        return ""
    return f"{seconds:.2f} s" if seconds >= 0.01 else f"{1e6 * seconds:.2g} µs"
