"""The tables, as markdown."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pandas as pd

from primitives import BASELINES
from runs.statistics import paired
from search.studies.entropy.correlate import OUTCOMES, RESAMPLES, outcomes
from search.studies.entropy.paper import CITATION, LOGS, paper_correlations, paper_scores
from search.studies.entropy.plan import PANELS, Panel, comparisons, paired_variants
from search.studies.entropy.scores import CONTROLS, INTEGRALS, NETWORK

_PAPER = ("standardised entropy", "correction size", "mean share", "chi1", "nonlinearity")
_HEADS = tuple(f"{task}, {setting}" for task, setting in PANELS)


@dataclass(frozen=True)
class Study:
    """Everything that was found, and how.

    Attributes:
        command: what repeats it.
        panel: the functions.
        steps: by task.
        seeds: of the library.
        pairs: seeds of the paired comparisons.
        trainings, scores, correlations: the frames that go into the CSV files.
    """

    command: str
    panel: Panel
    steps: dict[str, int]
    seeds: int
    pairs: int
    trainings: pd.DataFrame
    scores: pd.DataFrame
    correlations: pd.DataFrame


def markdown(study: Study) -> str:
    """Return the whole page."""
    sections = [
        _setup(study),
        *(_correlations(study, outcome) for outcome in OUTCOMES),
        _baselines(study),
        _paired(study),
        *_paper(),
        _legend(),
    ]
    return "\n\n".join(sections) + "\n"


def excerpt(study: Study) -> str:
    """Return what the package's page shows: scores against the error, paired differences, the published order."""
    pictures = (
        "![Spearman correlation of every score with the validation error, with intervals](study/correlations.png)\n\n"
        "![Validation error against entropy and against linearity](study/accuracy.png)"
    )
    rest = (
        "Everything else (loss, baselines, the logs themselves, what each score is): [study/table.md](study/table.md)."
    )
    return "\n\n".join([_setup(study), _correlations(study, "error"), pictures, _paired(study), _logged(), rest])


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a markdown table, the first column left, the others right."""
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _setup(study: Study) -> str:
    failed = study.trainings[study.trainings["status"] != "ok"]["status"].value_counts()
    failures = ", ".join(f"{count} {status}" for status, count in failed.items()) or "none failed"
    merged = "; ".join(f"{name} equals {other}" for name, other in study.panel.merged.items())
    left_out = "; ".join(f"{name}: {reason}" for name, reason in study.panel.rejected.items())
    steps = ", ".join(f"{task} {count} steps" for task, count in study.steps.items())
    return (
        f"Command: `{study.command}`. {len(study.scores)} functions of the reference library, seeds 0 to "
        f"{study.seeds - 1}; paired comparisons seeds 0 to {study.pairs - 1}; {steps}; {len(study.trainings)} "
        f"trainings ({failures}), {study.trainings['seconds'].sum() / 60:.0f} minutes of one core. Left out: "
        f"{left_out or 'nothing'}. Counted once: {merged or 'nothing'}. All numbers are of the validation part; the "
        "test part was not touched. `controlled`: the tasks' own initialisation, pre-activations of deviation about 1 "
        "for every function; `small`: the published one, every linear weight 0.139/sqrt(fan_in) and no gain. Each "
        "training, its status and its seconds are in `trainings.csv`, each score in `scores.csv`."
    )


def _number(value: float, digits: int = 2) -> str:
    if math.isinf(value):
        return "-∞" if value < 0 else "∞"
    return "n/a" if math.isnan(value) else f"{value:+.{digits}f}"


def _interval(value: float, low: float, high: float, digits: int = 2) -> str:
    if math.isnan(low):
        return _number(value, digits)
    text = f"{_number(value, digits)} [{_number(low, digits)}, {_number(high, digits)}]"
    return f"**{text}**" if low > 0 or high < 0 else text


def _correlations(study: Study, outcome: str) -> str:
    found = study.correlations[study.correlations["outcome"] == outcome]
    cells = {
        (row["score"], f"{row['task']}, {row['setting']}"): _interval(row["spearman"], row["low"], row["high"])
        for row in found.to_dict("records")
    }
    first = found.groupby(["task", "setting"], sort=False).first().to_dict("index")
    facts = [first[panel] for panel in PANELS]
    rows = [[score, *(cells[score, head] for head in _HEADS)] for score in found["score"].unique()]
    rows += [
        ["*two seeds agree*", *(_number(fact["agreement"]) for fact in facts)],
        ["*ceiling of any score*", *(_number(fact["ceiling"]) for fact in facts)],
        ["*functions (with a failed seed)*", *(f"{fact['functions']} ({fact['failed']})" for fact in facts)],
    ]
    caption = (
        f"Spearman correlation over functions with the mean validation {outcome} (negative: a higher score goes with "
        f"a lower {outcome}), 95 % bootstrap interval over functions, {RESAMPLES} resamples; bold where it excludes 0. "
        "A function with a failed seed is ranked worst. The ceiling: what seed noise lets a perfect score reach."
    )
    return f"### Scores against validation {outcome}\n\n{caption}\n\n{table(['score', *_HEADS], rows)}"


def _baselines(study: Study) -> str:
    tables = [outcomes(study.trainings, *panel, "error", study.seeds) for panel in PANELS]
    tables = [found.loc[found.index.isin(study.scores.index)] for found in tables]
    rows = []
    for name in (name for name in BASELINES if all(name in found.index for found in tables)):
        means = [found.loc[name].mean() for found in tables]
        ranks = [int(found.mean(axis=1).rank(method="min")[name]) for found in tables]
        rows.append([name, *(f"{mean:.4f} ({rank})" for mean, rank in zip(means, ranks, strict=True))])
    caption = "Mean validation error (rank among all functions)."
    return f"### The baselines\n\n{caption}\n\n{table(['function', *_HEADS], rows)}"


def _paired(study: Study) -> str:
    rows, constants = [], []
    tables = [outcomes(study.trainings, *panel, "error", study.pairs) for panel in PANELS]
    for name, other in comparisons():
        cells = [_difference(found, name, other) for found in tables]
        rows.append([f"{name} less {other}", *cells])
    for variant in paired_variants():
        if variant.name.startswith("crrelu") and not variant.dynamic:
            cells = [_learned(study, variant.name, *panel) for panel in PANELS]
            constants.append([variant.name, *cells])
    caption = (
        f"Validation error in percentage points, mean paired difference over {study.pairs} seeds with 95 % interval "
        "(paired t), not corrected for their number; negative: the first is better; bold where it excludes 0. "
        "CRReLU's number in brackets is its first ε (0.01 without one); decayed: weight decay 0.05 on ε."
    )
    learned = "Learned ε, mean over layers and seeds (smallest to largest)."
    return (
        f"### CRReLU's ε, and static against dynamic EAFO\n\n{caption}\n\n{table(['difference', *_HEADS], rows)}"
        f"\n\n{learned}\n\n{table(['function', *_HEADS], constants)}"
    )


def _difference(errors: pd.DataFrame, name: str, other: str) -> str:
    if name not in errors.index or other not in errors.index:
        return "n/a"
    both = 100 * errors.loc[[name, other]].replace(math.inf, math.nan).dropna(axis=1)
    lost = errors.shape[1] - both.shape[1]
    if both.shape[1] == 0:
        return "all failed"
    sides = both.T
    result = paired(sides[name].tolist(), sides[other].tolist())
    low, high = (math.nan if end is None else end for end in (result.low, result.high))
    return _interval(result.difference, low, high) + (f" ({lost} failed)" if lost else "")


def _learned(study: Study, name: str, task: str, setting: str) -> str:
    rows = study.trainings[(study.trainings["task"] == task) & (study.trainings["setting"] == setting)]
    texts = rows[(rows["name"] == name) & (rows["status"] == "ok")]["constants"]
    values = [float(value) for text in texts for value in str(text).split()]
    if not values:
        return "n/a"
    return f"{_number(sum(values) / len(values))} ({_number(min(values))} to {_number(max(values))})"


def _shown(scores: pd.DataFrame) -> list[str]:
    return [column for column in scores.columns if column.rpartition(" at ")[0] in _PAPER]


def _paper() -> list[str]:
    scores = paper_scores()
    shown = _shown(scores)
    rows = [[str(name), *(f"{row[column]:.4f}" for column in shown)] for name, row in scores.iterrows()]
    parts = [f"### The published logs\n\n{CITATION}\n\n{table(['function', *shown], rows)}"]
    for epochs in (100, 300):
        logs = [row for row in LOGS if row.epochs == epochs]
        names = list(dict.fromkeys(name for row in logs for name in row.accuracies))
        cells = [
            [row.model, f"{row.epsilon:g}", *(f"{row.accuracies[n]:.2f}" if n in row.accuracies else "" for n in names)]
            for row in logs
        ]
        parts.append(f"{epochs} epochs:\n\n{table(['data, model', 'ε₀', *names], cells)}")
    return [*parts, _logged()]


def _logged() -> str:
    """Return how our scores order the functions of the published logs."""
    scores = paper_scores()
    shown, found = _shown(scores), paper_correlations(scores)
    facts = ["epochs", "model", "functions"]
    cells = [
        [*(str(row[fact]) for fact in facts), *(_number(row[s]) for s in shown)] for row in found.to_dict("records")
    ]
    means = found.groupby("epochs")[shown].mean()
    cells += [[str(epochs), "*mean*", "", *(_number(row[s]) for s in shown)] for epochs, row in means.iterrows()]
    caption = (
        "Spearman correlation of our scores with the accuracies of each row of the first author's public training logs "
        "(arXiv 2405.12954; one seed each; positive: a higher score goes with a higher accuracy)."
    )
    return f"### Our scores and the published order\n\n{caption}\n\n{table([*facts, *shown], cells)}"


def _legend() -> str:
    meanings = INTEGRALS | NETWORK | CONTROLS
    lines = "\n".join(f"- **{name}**: {meaning}" for name, meaning in meanings.items())
    return f"### What the scores are\n\n`at d`: for X ~ N(0, d²).\n\n{lines}"
