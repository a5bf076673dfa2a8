"""What a campaign leaves when it is over: the picture of its front, the exported best, costs, and the report."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from evaluators.training.pieces import pick_device
from primitives import parse
from primitives.errors import ActsearchError
from primitives.export.dialects import export
from runs import Store, finalists, scored
from runs.axes import axes
from runs.candidate import Candidate
from runs.costs import as_meta, costs_of, measured_costs
from runs.files import put
from runs.finding import find_candidate
from runs.folder import EXPORTS, inside, machine
from runs.plots import plot_front
from runs.provenance import provenance
from runs.report.page import write_report
from runs.trained import constants_of
from search.configuration.config import CampaignConfig
from search.loading.run import recommended


@dataclass(frozen=True)
class Outcome:
    """Files of a campaign that is over.

    Attributes:
        picture: of the front; ``None`` where nothing was trained to the end.
        exported: the file of the recommended candidate; ``None`` where there is none.
        recommendation: its id, and why it is that.
        report: the page; ``None`` where something hindered it, and
        why_no_report: what that was.
    """

    picture: Path | None = None
    exported: Path | None = None
    recommendation: tuple[int, str] | None = None
    report: Path | None = None
    why_no_report: str = ""


def write_outcome(store: Store, folder: Path, config: CampaignConfig) -> Outcome:
    """Draw the front and export the recommended candidate into the run folder."""
    everything = scored(store)
    if everything.empty:
        return Outcome()
    picture = inside(folder, "front.png")
    title = f"{config.name}: {', '.join(config.searched)}, {config.fidelity.steps} steps, seed {config.seed}"
    plot_front(everything, picture, title, axes(store), constants_of(store))
    best = recommended(store, config)
    if best is None:
        return Outcome(picture)
    candidate = find_candidate(store, str(best[0]))
    file = inside(folder, f"{EXPORTS}/act{candidate.id}.py")
    put(file, _exported(store, folder, candidate).encode())
    return Outcome(picture, file, best)


def keep_costs(store: Store, config: CampaignConfig) -> None:
    """Measure what finalists cost on this machine, where that is wanted and not known; it decides nothing."""
    chosen = finalists(store, config.confirm.top) if config.confirm.measure else []
    if not set(chosen) - set(costs_of(store)[0]["id"]):
        return
    frame = measured_costs([parse(find_candidate(store, str(i)).expression) for i in chosen])
    where = f"{machine()}, {pick_device()}"
    for key, value in as_meta(chosen, [*frame.to_dict("records")], where).items():
        store.set_meta(key, value)


def with_report(outcome: Outcome, folder: Path) -> Outcome:
    """Write the report of a run that nobody runs any more; what hinders that spoils nothing else."""
    try:
        return dataclasses.replace(outcome, report=write_report(folder))
    except ActsearchError as error:
        return dataclasses.replace(outcome, why_no_report=str(error))


def _exported(store: Store, folder: Path, candidate: Candidate) -> str:
    """Return the text of a candidate's torch file with provenance."""
    where = provenance(store, folder, candidate)
    return export(parse(candidate.expression), name=f"Act{candidate.id}", gain=candidate.gain or 1.0, provenance=where)
