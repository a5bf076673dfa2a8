"""What a campaign prints when its search is over: front, evidence, costs, the picture, and the exported file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evaluators.tasks.agreement import warning
from primitives import parse
from runs import Store, comparisons, confirmed, finalists, pareto
from runs.axes import axes
from runs.candidate import Candidate
from runs.finding import find_candidate
from runs.user_code import seen_before, task_records
from search.cli.output import console
from search.cli.tables import comparison_table, confirmed_table, front_table, verdicts
from search.cli.timing_table import measured_costs, timing_table
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
            print(f"note: {reason}\n")
    for part in parts:
        for line in verdicts(part):
            print(line)


def print_costs(chosen: Sequence[Candidate]) -> None:
    """Print what finalists cost on this machine; it decides nothing."""
    if chosen:
        console().print(timing_table(measured_costs([parse(candidate.expression) for candidate in chosen])), "")


def print_outcome(store: Store, folder: Path, config: CampaignConfig, outcome: Outcome) -> None:
    """Print front, confirmation and costs, and which files were left."""
    out = console()
    title = f"Front of {folder} and the baselines: scores of the search, the best of many, so no evidence"
    out.print(front_table(pareto(store), title, axes(store)), "")
    chosen = [find_candidate(store, str(i)) for i in finalists(store, config.confirm.top)]
    stopped = [f"#{candidate.id}" for candidate in chosen if candidate.status == "stopped"]
    if stopped:
        print(f"{', '.join(stopped)}: stopped by halving, finalists for want of others that were trained to the end\n")
    print_confirmation(store, config)
    if config.confirm.measure:
        print_costs(chosen)
    if outcome.picture is not None:
        print(f"\nplot: {outcome.picture}")
    if outcome.recommendation is not None:
        identifier, why = outcome.recommendation
        print(f"exported: {outcome.exported} (#{identifier}, {why})")
