"""What a campaign prints when its search is over: front, evidence, costs, the picture, and the exported file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evaluators.tasks.agreement import warning
from primitives import Expression, parse
from primitives.export.dialects import export
from runs import Store, comparisons, confirmed, finalists, pareto, scored
from runs.axes import axes
from runs.candidate import Candidate
from runs.files import put
from runs.folder import EXPORTS, inside
from runs.plots import plot_front
from runs.provenance import provenance
from search.cli.output import console, say
from search.cli.tables import comparison_table, confirmed_table, front_table, verdicts
from search.cli.timing_table import measured_costs, timing_table
from search.configuration.config import CampaignConfig
from search.loading.run import find_candidate, recommended


def export_candidate(store: Store, folder: Path, candidate: Candidate, name: str) -> str:
    """Return the text of a candidate's torch file with provenance."""
    expression: Expression = parse(candidate.expression)
    gain = candidate.gain or 1.0
    return export(expression, name=name, gain=gain, provenance=provenance(store, folder, candidate))


def print_confirmation(store: Store, config: CampaignConfig) -> None:
    """Print what confirmation says, the tasks of the search first, and a verdict for each finalist."""
    out = console()
    results, differences = confirmed(store), comparisons(store)
    own = {name: place for place, name in enumerate(config.searched)}
    found = set(zip(results["task"], results["steps"], strict=True))
    keys = sorted(found, key=lambda key: (own.get(key[0], len(own)), *key))
    parts = [differences[(differences["task"] == t) & (differences["steps"] == s)] for t, s in keys]
    for (task, steps), part in zip(keys, parts, strict=True):
        panel = results[(results["task"] == task) & (results["steps"] == steps)]
        out.print(confirmed_table(panel, task in own), "")
        if len(part):
            out.print(comparison_table(part), "")
        if reason := warning(task, str(panel["score"].iloc[0]), int(panel["seeds"].max())):
            say(f"note: {reason}\n")
    for part in parts:
        for line in verdicts(part):
            say(line)


def print_costs(chosen: Sequence[Candidate]) -> None:
    """Print what finalists cost on this machine; it decides nothing."""
    if chosen:
        console().print(timing_table(measured_costs([parse(candidate.expression) for candidate in chosen])), "")


def print_outcome(store: Store, folder: Path, config: CampaignConfig) -> None:
    """Print front and confirmation, draw the picture, export the recommended candidate."""
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
    everything = scored(store)
    if everything.empty:
        return
    picture = inside(folder, "front.png")
    title = f"{config.name}: {', '.join(config.searched)}, {config.fidelity.steps} steps, seed {config.seed}"
    plot_front(everything, picture, title, axes(store))
    say(f"\nplot: {picture}")
    best = recommended(store, config)
    if best is None:
        return
    candidate = find_candidate(store, str(best[0]))
    file = inside(folder, f"{EXPORTS}/act{candidate.id}.py")
    put(file, export_candidate(store, folder, candidate, f"Act{candidate.id}").encode())
    say(f"exported: {file} (#{candidate.id}, {best[1]})")
