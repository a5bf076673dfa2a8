"""The two pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd

mpl.use("Agg")
from matplotlib import pyplot as plt

from search.studies.entropy.correlate import outcomes
from search.studies.entropy.plan import PANELS, SETTINGS, SMALL, TASKS
from search.studies.entropy.scores import at

_BLUE, _ORANGE, _GREY = "#0b6e99", "#c2571a", "#b8bec4"
_DPI = 100
_LABELLED = ("relu", "prelu", "elu", "gelu", "tanh", "squared_relu", "abs")


def forest(correlations: pd.DataFrame, path: Path) -> None:
    """Draw every score's correlation with its interval, a panel for each task and setting.

    Args:
        correlations: the frame of that name.
        path: where to write.
    """
    names = list(correlations["score"].unique())
    figure, axes = plt.subplots(
        1, len(PANELS), figsize=(13, 1.5 + 0.29 * len(names)), sharey=True, layout="constrained"
    )
    for axis, (task, setting) in zip(axes, PANELS, strict=True):
        rows = correlations[(correlations["task"] == task) & (correlations["setting"] == setting)]
        for outcome, colour, shift in (("error", _BLUE, -0.16), ("loss", _ORANGE, 0.16)):
            part = rows[rows["outcome"] == outcome].set_index("score").loc[names]
            height = np.arange(len(names)) + shift
            axis.hlines(height, part["low"], part["high"], color=colour, lw=1.4)
            axis.plot(part["spearman"], height, "o", color=colour, ms=4.5, label=f"validation {outcome}")
            for side in (-1, 1):
                axis.axvline(side * part["ceiling"].iloc[0], color=colour, lw=1, ls=":")
        axis.axvline(0, color="black", lw=0.8)
        axis.set_xlim(-1, 1)
        axis.set_title(f"{task}, {setting}", fontsize=11)
        axis.grid(axis="x", alpha=0.25)
    axes[0].set_yticks(range(len(names)), names, fontsize=10)
    axes[0].set_ylim(len(names) - 0.4, -0.6)
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower left", fontsize=9, ncols=2)
    figure.supxlabel("Spearman correlation over functions, 95 % interval (dotted: ceiling by seed noise)", fontsize=11)
    figure.savefig(path, dpi=_DPI)
    plt.close(figure)


def scatter(trainings: pd.DataFrame, scores: pd.DataFrame, seeds: int, path: Path) -> None:
    """Draw the validation error against standardised entropy and against what is not linear.

    Args:
        trainings: the frame of that name.
        scores: the frame of that name.
        seeds: how many trainings a function has in a panel.
        path: where to write.
    """
    figure, axes = plt.subplots(len(SETTINGS), 2 * len(TASKS), figsize=(13, 7.6), layout="constrained")
    for row, setting in enumerate(SETTINGS):
        deviation = 1.0 if setting == "controlled" else SMALL
        nonlinear = scores[at("nonlinearity", deviation)].clip(lower=1e-4)
        entropy = scores[at("standardised entropy", deviation)]
        for column, task in enumerate(TASKS):
            errors = outcomes(trainings, task, setting, "error", seeds).mean(axis=1)
            errors = errors[[name for name in scores.index if name in errors.index]]
            for axis, values, name in (
                (axes[row, 2 * column], entropy, "standardised entropy, nats"),
                (axes[row, 2 * column + 1], nonlinear, "nonlinearity (share)"),
            ):
                if values is nonlinear:
                    axis.set_xscale("log")
                _cloud(axis, values[errors.index], errors)
                axis.set_title(f"{task}, {setting}", fontsize=10)
                axis.set_xlabel(f"{name}, X ~ N(0, {deviation:g}²)", fontsize=9)
            axes[row, 2 * column].set_ylabel("mean validation error", fontsize=9)
    figure.supxlabel("one point a function; triangles: beyond the axis, or failed", fontsize=10)
    figure.savefig(path, dpi=_DPI)
    plt.close(figure)


def _cloud(axis: Any, values: pd.Series, errors: pd.Series) -> None:
    """Draw one point a function; the worst tenth, failed ones among them, may lie beyond the top."""
    low, high = errors.min(), errors.replace(np.inf, errors[np.isfinite(errors)].max()).quantile(0.9)
    room = max(high - low, 1e-3)
    inside, known = errors <= high + 0.1 * room, errors.index.isin(_LABELLED)
    axis.scatter(values[inside & ~known], errors[inside & ~known], s=13, color=_GREY)
    axis.scatter(values[inside & known], errors[inside & known], s=20, color=_ORANGE, zorder=3)
    axis.scatter(values[~inside], np.full(int((~inside).sum()), high + 0.17 * room), s=20, marker="^", color="black")
    axis.set_ylim(low - 0.12 * room, high + 0.22 * room)
    for place, name in enumerate(sorted(errors.index[inside & known], key=lambda n: errors[n])):
        left = axis.transAxes.inverted().transform(axis.transData.transform((values[name], errors[name])))[0] > 0.7
        axis.annotate(
            name,
            (values[name], errors[name]),
            (-5 if left else 5, 9 if place % 2 else -9),
            textcoords="offset points",
            fontsize=8,
            color=_ORANGE,
            va="center",
            ha="right" if left else "left",
        )
    axis.tick_params(labelsize=8)
    axis.grid(alpha=0.2)
