"""The confirmation: fresh seeds, the test part, paired differences with intervals."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from markupsafe import Markup
from scipy import stats

from evaluators import Evaluation
from evaluators.judging.objectives import spoken
from evaluators.tasks.agreement import warning
from runs.provenance import recipes_of
from runs.report.markup import (
    Cell,
    Section,
    code,
    count,
    figure,
    fixed,
    heading,
    items,
    paragraph,
    seeds_cell,
    spans,
    table,
)
from runs.report.material import Material
from runs.report.plot import BASELINE, FOUND, Trace, axis, layout, numbers, plot, said, short
from runs.statistics import LEVEL as SURE
from runs.verdicts import LEVEL, verdicts


def section(material: Material) -> Section:
    """Return, task by task, a picture, the results, the comparisons and what they say."""
    title = "Confirmation on fresh seeds"
    if material.confirmed.empty:
        words = f"Nothing has been confirmed yet; 'actsearch confirm {material.folder}' does it."
        return Section("evidence", title, (paragraph(words),))
    keys = list(dict.fromkeys(zip(material.confirmed["task"], material.confirmed["steps"], strict=True)))
    keys.sort(key=lambda key: key[0] != material.task)
    parts = [
        paragraph(
            "Seeds that the search never used, and the test part of the data. Differences are taken seed by seed; an "
            "interval is that of the paired t-test, and a star marks a Holm-corrected p below 0.05 over all pairs of "
            "the task. The intervals speak of training noise on one fixed test part."
        )
    ]
    if recipes := recipes_of(material.run, {str(task) for task, _ in keys}):
        words = f"It holds for these recipes: {'; '.join(recipes)}. With other initial weights or without clipping the "
        parts.append(paragraph(words + "order of functions can be another."))
    for number, (task, steps) in enumerate(keys):
        parts += _task(material, str(task), int(steps), number)
    return Section("evidence", title, tuple(parts))


def _of(frame: pd.DataFrame, task: str, steps: int) -> pd.DataFrame:
    return frame[(frame["task"] == task) & (frame["steps"] == steps)]


def _task(material: Material, task: str, steps: int, number: int) -> list[Markup]:
    results, differences = _of(material.confirmed, task, steps), _of(material.compared, task, steps)
    score = str(results["score"].iloc[0])
    parts = [heading(f"{task}, {steps:,} steps")]
    if lines := verdicts(differences) if len(differences) else []:
        parts.append(items(lines))
    if reason := warning(task, score, int(results["seeds"].max())):
        parts.append(paragraph(f"Note: {reason}", note=True))
    parts += [_picture(material, results, task, steps, number), _results(material, results, task, steps)]
    return [*parts, *([_matrix(material, differences, task, steps)] if len(differences) else [])]


def _own(material: Material, identifier: int, task: str, steps: int) -> list[Evaluation]:
    return [e for e in material.confirmations.get(identifier, ()) if (e.task, e.steps) == (task, steps)]


def _sound(evaluations: Iterable[Evaluation], score: str) -> dict[int, float]:
    """Return the score on the test part by seed."""
    return {e.seed: e.test[score] for e in evaluations if score in e.test and score in e.validation}


def interval(values: Iterable[float]) -> tuple[float, float] | None:
    """Return the 95 % interval of a mean by the t distribution; ``None`` of fewer than two values or equal ones."""
    found = np.asarray([*values], dtype=float)
    if len(found) < 2 or float(found.std(ddof=1)) <= 1e-12:
        return None
    low, high = stats.t.interval(SURE, len(found) - 1, float(found.mean()), float(stats.sem(found)))
    return float(low), float(high)


def _picture(material: Material, results: pd.DataFrame, task: str, steps: int, number: int) -> Markup:
    """Return the score of every seed, with the mean and its interval."""
    score = str(results["score"].iloc[0])
    rows = results[results["test_score"].notna()].sort_values(["test_score", "id"], ascending=False)
    traces: list[Trace] = []
    for identifier in map(int, rows["id"]):
        by_seed = _sound(_own(material, identifier, task, steps), score)
        finalist = material.candidates[identifier].name is None
        colour = FOUND[0] if finalist else BASELINE
        label = short(material.label(identifier), 18)
        mean, reach = float(np.mean([*by_seed.values()])), interval(by_seed.values())
        half = 0.0 if reach is None else (reach[1] - reach[0]) / 2
        formula = said(material.candidates[identifier].expression)
        said_of = f"<b>{label}</b><br>{formula}<br>mean {mean:.4f} ± {half:.4f}, seeds {spans(by_seed)}"
        common = {
            "type": "scatter",
            "mode": "markers",
            "showlegend": False,
            "hovertemplate": "%{hovertext}<extra></extra>",
        }
        traces.append(
            {
                **common,
                "x": numbers(by_seed.values()),
                "y": [label] * len(by_seed),
                "hovertext": [f"{label}: {value:.4f}, seed {seed}" for seed, value in by_seed.items()],
                "marker": {"color": colour, "size": 6, "opacity": 0.45},
            }
        )
        traces.append(
            {
                **common,
                "x": numbers([mean]),
                "y": [label],
                "hovertext": [said_of],
                "marker": {"color": colour, "size": 11, "symbol": "line-ns", "line": {"width": 2.5, "color": colour}},
                "error_x": {"type": "data", "array": numbers([half]), "color": colour, "thickness": 2, "width": 0},
            }
        )
    shape = layout(
        xaxis=axis(f"test {spoken(score)}"),
        yaxis=axis("", type="category", categoryorder="array", categoryarray=[t["y"][0] for t in traces[::2]]),
        showlegend=False,
    )
    title = f"Test {spoken(score)} of every seed, and the means with 95 % intervals; lower is better. Blue: finalists."
    return plot(f"plot-evidence-{number}", title, traces, shape, 90 + 26 * len(rows))


def _results(material: Material, results: pd.DataFrame, task: str, steps: int) -> Markup:
    score = str(results["score"].iloc[0])
    rows = []
    for row in results.sort_values(["test_score", "id"]).to_dict("records"):
        own = _own(material, int(row["id"]), task, steps)
        by_seed = _sound(own, score)
        reach = interval(by_seed.values())
        failed = {e.seed for e in own} - by_seed.keys()
        rows.append(
            [
                count(row["id"]),
                Cell(row["name"]) if row["name"] else code(row["expression"]),
                figure(row["test_score"], 4, row["test_se"]),
                Cell(f"[{fixed(reach[0])}, {fixed(reach[1])}]", reach[0]) if reach else Cell(""),
                figure(row["validation_score"]),
                figure(row["search_score"]) if task == material.task else Cell(""),
                seeds_cell(by_seed),
                seeds_cell(failed),
            ]
        )
    heads = [">id", "activation", f">test {spoken(score)}", ">95 % interval", f">validation {spoken(score)}"]
    heads += [">claimed by the search", "seeds", "failed seeds"]
    caption = f"{task}, {steps:,} steps: means ± standard errors over the seeds"
    if task == material.task:
        caption += f"; the search claimed by its own seeds {spans(material.search_seeds)}, its steps and validation"
    return table(caption, heads, rows)


def _matrix(material: Material, differences: pd.DataFrame, task: str, steps: int) -> Markup:
    """Return paired differences, baselines down, finalists across."""
    finalists = [i for i in material.finalists if i in {*differences["id"]}]
    score = spoken(str(differences["score"].iloc[0]))
    rows = []
    for name in dict.fromkeys(differences["baseline"]):
        own = differences[differences["baseline"] == name]
        cells = [_difference(own[own["id"] == i]) for i in finalists]
        rows.append([Cell(name), *cells, Cell(_seeds_of_pairs(material, finalists, name, task, steps), tight=True)])
    caption = (
        f"{task}: test {score} minus the baseline's, 95 % interval, below zero is better; * Holm-corrected p < {LEVEL}"
    )
    return table(caption, ["baseline", *(f">#{i}" for i in finalists), "paired seeds"], rows)


def _difference(rows: pd.DataFrame) -> Cell:
    if rows.empty:
        return Cell("")
    row = rows.iloc[0]
    sure = bool(row["p_holm"] < LEVEL)
    shown = f"{row['difference']:+.4f}"
    if pd.notna(row["low"]):
        shown += f" [{row['low']:+.4f}, {row['high']:+.4f}]"
    return Cell(shown + ("*" if sure else ""), float(row["difference"]), strong=sure)


def _seeds_of_pairs(material: Material, finalists: Iterable[int], baseline: str, task: str, steps: int) -> str:
    """Return the seeds that a baseline shares with each finalist, once where they are the same."""
    score = material.score(task)
    by_id = {c.id: c.name for c in material.baselines}
    theirs = next(
        (
            found
            for i, name in by_id.items()
            if name == baseline and (found := _sound(_own(material, i, task, steps), score))
        ),
        {},
    )
    shared = (theirs.keys() & _sound(_own(material, i, task, steps), score).keys() for i in finalists)
    return "; ".join(dict.fromkeys(spans(seeds) for seeds in shared if seeds))
