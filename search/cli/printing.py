"""What a campaign prints when its search is over: front, evidence, costs, the picture, and the exported file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evaluators.tasks.agreement import warning
from runs import Store, comparisons, confirmed, finalists, pareto
from runs.axes import axes
from runs.candidate import Candidate
from runs.costs import costs_of
from runs.finding import find_candidate
from runs.folder import machine
from runs.user_code import seen_before, task_records
from runs.verdicts import verdicts
from search.cli.output import console, say
from search.cli.tables import comparison_table, confirmed_table, front_table
from search.cli.timing_table import timing_table
from search.configuration.config import CampaignConfig
from search.session.outcome import Outcome


def print_confirmation(store: Store, config: CampaignConfig) -> None:
    """Print what confirmation says, the tasks of the search first, and a verdict for each finalist."""
    out = console()
    results, differences = confirmed(store), comparisons(store)
    records = task_records(store)
    own = {name: place for place, name in enumerate(config.searched)}
    found = set(zip(results["task"], results["steps"], strict=True))
    keys = sorted(found, key=lambda key: (own.get(key[0], len(own)), *key))
    parts = [differences[(differences["task"] == t) & (differences["steps"] == s)] for t, s in keys]
    for (task, steps), part in zip(keys, parts, strict=True):
        panel = results[(results["task"] == task) & (results["steps"] == steps)]
        out.print(confirmed_table(panel, seen_before(task, own, records)), "")
        if len(part):
            out.print(comparison_table(part), "")
        if reason := warning(task, str(panel["score"].iloc[0]), int(panel["seeds"].max())):
            say(f"note: {reason}\n")
    for part in parts:
        for line in verdicts(part):
            say(line)


def print_costs(store: Store, chosen: Sequence[Candidate]) -> None:
    """Print what finalists cost on the machine that measured them; it decides nothing."""
    frame, where = costs_of(store)
    formulas = {candidate.id: candidate.expression for candidate in chosen}
    shown = frame[frame["id"].isin(formulas)]
    if len(shown):
        if not where.startswith(machine()):
            say(f"not here, on {where}:")
        console().print(timing_table(shown.assign(expression=shown["id"].map(formulas))), "")


def print_report(outcome: Outcome) -> None:
    """Say where the report is, or what hindered it."""
    if outcome.report is not None:
        say(f"report: {outcome.report}")
    elif outcome.why_no_report:
        say(f"note: there is no report: {outcome.why_no_report}", stderr=True)


def print_outcome(store: Store, folder: Path, config: CampaignConfig, outcome: Outcome) -> None:
    """Print front, confirmation and costs, and which files were left."""
    out = console()
    title = f"Front of {folder} and the baselines: scores of the search, the best of many, so no evidence"
    out.print(front_table(pareto(store), title, axes(store)), "")
    chosen = [find_candidate(store, str(i)) for i in finalists(store, config.confirm.top)]
    stopped = [f"#{candidate.id}" for candidate in chosen if candidate.status == "stopped"]
    if stopped:
        say(f"{', '.join(stopped)}: stopped by halving, finalists for want of others that were trained to the end\n")
    print_confirmation(store, config)
    if config.confirm.measure:
        print_costs(store, chosen)
    if outcome.picture is not None:
        say(f"\nplot: {outcome.picture}")
    if outcome.recommendation is not None:
        identifier, why = outcome.recommendation
        say(f"exported: {outcome.exported} (#{identifier}, {why})")
