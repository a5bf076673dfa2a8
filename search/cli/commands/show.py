"""``show``: a run, or one of its candidates."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
import typer
from rich.table import Table

from evaluators import Evaluation
from evaluators.judging.features.catalogue import kept
from evaluators.judging.objectives import spoken
from primitives import Expression
from primitives.text import printable
from runs import Candidate, Store, reading
from runs.account import credit, kind_of
from runs.candidate import readable
from runs.finding import find_candidate
from runs.folder import state_of
from runs.front import scored
from runs.scores import FORMER, scores_of
from runs.stacking import unstacked_lines
from runs.trained import trained_constants
from runs.user_code import extension_records
from search.cli.commands.options import FormatOption, RunArgument, locate
from search.cli.output import check_format, console, emit, number, say, to_csv, to_json
from search.cli.tables import add_row, new_table
from search.live.wording import bars


def show(
    run: RunArgument,
    id_: Annotated[str | None, typer.Argument(metavar="[ID]", help="Candidate, or a baseline's name.")] = None,
    format_: FormatOption = "table",
) -> None:
    """Show a run, or one candidate: formula, lineage, scores, curves."""
    check_format(format_)
    folder = locate(run)
    with reading(folder) as store:
        if id_ is None:
            _show_run(store, folder, format_)
        else:
            _show_candidate(store, find_candidate(store, id_), format_)


def _show_run(store: Store, folder: Path, format_: str) -> None:
    found = pd.DataFrame(store.counted(), columns=["status", "reason", "origin", "candidates"])
    found["reason"] = [kind_of(reason) for reason in found["reason"]]
    counted = found.groupby(["status", "reason"])["candidates"].sum().reset_index()
    passed = store.counts("passed_over").items()
    looked_at = pd.DataFrame(
        [{"status": "passed over", "reason": reason, "candidates": count} for reason, count in passed],
        columns=counted.columns,
    )
    counted = pd.concat([part.sort_values("candidates", ascending=False) for part in (counted, looked_at)])
    state = state_of(folder, store)
    title = f"{folder}: {found['candidates'].sum()} candidates, {state}"
    table = new_table(title, "status", "why", ">number")
    for row in counted.to_dict("records"):
        add_row(table, row["status"], printable(row["reason"]), f"{row['candidates']:,}")
    if format_ != "table":
        emit(counted, format_, table)
        return
    brought = "\nnothing was proposed yet" if found.empty else _credit(store)
    made = f"created {store.meta('created')} on {store.meta('machine')}"
    console().print(table, brought, *unstacked_lines(store), made, store.meta("config"), sep="\n")
    if state == "stopped":
        say(f"it stopped before its end; go on with: actsearch resume {folder}")


def _credit(store: Store) -> Table:
    """Return what each operator brought: how many were trained, went to the end, and are on the front."""
    table = new_table("what each operator brought", "operator", ">trained", ">to the end", ">on the front")
    for row in credit(store.counted(), scored(store).query("on_front")["origin"]).to_dict("records"):
        add_row(table, printable(str(row["operator"])), *(f"{row[name]:,}" for name in ("trained", "ended", "front")))
    return table


def _show_candidate(store: Store, candidate: Candidate, format_: str) -> None:
    expression = readable(candidate.expression)
    trained = [
        (purpose, evaluation)
        for purpose in ("search", "confirm")
        for evaluation in store.evaluations(purpose, [candidate.id])
    ]
    evaluations = [{"purpose": purpose, **dataclasses.asdict(evaluation)} for purpose, evaluation in trained]
    if format_ == "json":
        plain = dataclasses.asdict(candidate)
        del plain["mark"]  # it says nothing to a reader
        facts = dict.fromkeys(kept()) | plain.pop("facts")
        latex = expression.latex if expression else None
        print(to_json({**plain, **facts, "latex": latex, "evaluations": evaluations}))
        return
    if format_ == "csv":
        say(to_csv(pd.DataFrame(evaluations)), end="")
        return
    parts: list[Any] = [
        f"#{candidate.id} {candidate.name or ''}  {candidate.expression}",
        f"LaTeX: {expression.latex}" if expression else f"not read here: {_foreign(store)}",
        f"status: {candidate.status} {candidate.reason}",
        ", ".join(f"{name} {value:.4g}" for name, value in candidate.facts.items()) or "not assessed",
        "\nlineage:",
        *_lineage(store, candidate),
    ]
    if candidate.gain is not None and expression:
        parts.append("\n" + _drawing(candidate.expression))
    parts += _after_training(expression, [e for purpose, e in trained if purpose == "confirm"])
    if any(e.validation_curve for _, e in trained):
        parts.append("losses on the way: of training, and in the line below of the validation part")
    if evaluations:
        parts.append(_evaluations_table(trained, scores_of(store)))
    reasons = dict.fromkeys(e["unstacked"] for e in evaluations if e["unstacked"])
    parts += [f"trained by itself, not in a stack: {printable(reason)}" for reason in reasons]
    console().print(*parts, sep="\n")  # only now: what cannot be read is told alone


def _after_training(expression: Expression | None, confirmation: Sequence[Evaluation]) -> list[str]:
    """Return what learnable constants became, a line a task."""
    if expression is None:
        return []
    found = trained_constants(expression, confirmation)
    return [f"after training on {task}: {', '.join(map(str, constants))}" for task, constants in found.items()]


def _evaluations_table(trained: Sequence[tuple[str, Evaluation]], scores: Mapping[str, str]) -> Table:
    """Return a candidate's trainings, by the score of each task and by error; of losses both parts."""
    columns = (">validation", ">test", ">error", ">test error", "training loss")
    table = new_table("", "purpose", "task", ">steps", ">seed", "status", "score", *columns)
    for purpose, e in trained:
        score = scores.get(e.task, FORMER)
        numbers = [part.get(name) for name in (score, "error") for part in (e.validation, e.test)]
        place = (purpose, e.task, str(e.steps), str(e.seed), e.status, spoken(score))
        both = [bars(e.curve), bars([loss for _, loss in e.validation_curve])]
        add_row(table, *place, *map(number, numbers), "\n".join(filter(None, both)))
    return table


def _foreign(store: Store) -> str:
    """Say where the primitives may come from that a formula of a run uses and nobody knows here."""
    names = ", ".join(extension_records(store)) or "one that is installed elsewhere"
    return f"its primitives come from an extension ({names}), which reading commands do not import"


def _lineage(store: Store, candidate: Candidate, depth: int = 4) -> list[str]:
    """Return the ancestors of a candidate, indented, a few generations deep."""
    known = {c.id: c for c in store.candidates()}

    def lines(c: Candidate, level: int) -> list[str]:
        text = [f"{'  ' * level}#{c.id} {c.origin}: {c.name or c.expression}"]
        if level < depth:
            for parent in dict.fromkeys(c.parents):
                text += lines(known[parent], level + 1) if parent in known else []
        return text

    return lines(candidate, 0)


def _drawing(expression: str, width: int = 61, height: int = 15) -> str:
    """Draw the function on [-4, 4] in characters."""
    from runs.plots import curve

    _, y = curve(expression, count=width)
    low, high = float(np.clip(y.min(), -6, 0)), float(np.clip(y.max(), 0.5, 6))
    rows = [[" "] * width for _ in range(height)]
    zero = round((high / (high - low)) * (height - 1))
    rows[zero] = ["·"] * width
    for line in rows:
        line[width // 2] = "·"
    for column, value in enumerate(y):
        if low <= value <= high:
            rows[round((high - value) / (high - low) * (height - 1))][column] = "●"
    labels = {0: f"{high:6.2f} ", zero: f"{0:6.2f} ", height - 1: f"{low:6.2f} "}
    drawn = [labels.get(i, " " * 7) + "".join(row).rstrip() for i, row in enumerate(rows)]
    return "\n".join([*drawn, " " * 7 + "-4" + " " * (width // 2 - 2) + "0" + " " * (width // 2 - 1) + "4"])
