"""What a reader wants to know first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from evaluators.training.status import TRAINED
from runs.report.markup import Section, fixed, items, paragraph, spans, text
from runs.report.material import Material
from runs.verdicts import verdicts


def section(material: Material) -> Section:
    """Return a few facts, and what the evidence says of each finalist."""
    parts = [_facts(material)]
    if len(material.comparisons):
        parts += [
            paragraph("What the confirmation says, on seeds that the search never used:"),
            items(_verdicts(material)),
        ]
    elif material.finalists:
        parts.append(paragraph("Nothing has been confirmed yet: what follows are scores of the search, which flatter."))
    return Section("summary", "In short", tuple(parts))


def _verdicts(material: Material) -> list[str]:
    """Return a sentence a finalist and task, the finalist's formula in the first."""
    lines = []
    for (_, steps), part in material.compared.groupby(["task", "steps"], sort=False):
        longer = f", {steps:,} steps" if material.confirmed.groupby("task")["steps"].nunique().max() > 1 else ""
        lines += [f"{line.removesuffix('.')}{longer}." for line in verdicts(part)]
    return lines


def _facts(material: Material) -> Markup:
    counts = Counter(candidate.status for candidate in material.candidates.values())
    passed = sum(material.run.counts("passed_over").values())
    tasks = dict.fromkeys(e.task for e in material.run.evaluations("search"))
    rows = {
        "state": material.state or "unknown",
        "tasks of the search": ", ".join(tasks) or "none trained yet",
        "functions looked at": f"{len(material.candidates) + passed:,}",
        "trained": f"{sum(counts[status] for status in TRAINED):,}, {counts['ok']:,} of them to the end",
        "on the front": f"{int(material.frame['on_front'].sum()):,}" if len(material.frame) else "0",
        "seed of the search": material.run.meta("seed"),
        "seeds of its trainings": spans(material.search_seeds) or "none yet",
    }
    rows |= _best(material)
    pairs = (Markup("<div><dt>{}</dt><dd>{}</dd></div>").format(text(name), text(said)) for name, said in rows.items())
    return Markup('<dl class="facts">{}</dl>').format(Markup("").join(pairs))


def _best(material: Material) -> dict[str, str]:
    """Return the first finalist with its score, and the best baseline with its."""
    found = material.confirmed[(material.confirmed["task"] == material.task) & material.confirmed["test_score"].notna()]
    if found.empty or not material.finalists:
        return {}
    rows = {}
    own = found[found["id"] == material.finalists[0]]
    theirs = found[found["name"].notna()].sort_values("test_score")
    for name, row in (("finalist, by validation", own), ("best baseline", theirs)):
        for each in row.head(1).to_dict("records"):
            score = f"test {str(each['score']).replace('_', ' ')} {fixed(each['test_score'])} ±{fixed(each['test_se'])}"
            rows[name] = f"#{each['id']} {each['name'] or each['expression']}: {score}, seeds {_seeds(material, each)}"
    return rows


def _seeds(material: Material, row: Mapping[Any, Any]) -> str:
    own = material.confirmations.get(int(row["id"]), ())
    return spans(e.seed for e in own if (e.task, e.steps, e.status) == (row["task"], row["steps"], "ok"))
