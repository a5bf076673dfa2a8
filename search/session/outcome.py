"""What a campaign leaves beside its run file when it is over: the picture of its front, and the exported best."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from primitives import parse
from primitives.export.dialects import export
from runs import Store, scored
from runs.axes import axes
from runs.candidate import Candidate
from runs.finding import find_candidate
from runs.folder import EXPORTS, inside
from runs.plots import plot_front
from runs.provenance import provenance
from search.configuration.config import CampaignConfig
from search.loading.run import recommended


@dataclass(frozen=True)
class Outcome:
    """Files of a campaign that is over.

    Attributes:
        picture: of the front; ``None`` where nothing was trained to the end.
        exported: the file of the recommended candidate; ``None`` where there is none.
        recommendation: its id, and why it is that.
    """

    picture: Path | None = None
    exported: Path | None = None
    recommendation: tuple[int, str] | None = None


def write_outcome(store: Store, folder: Path, config: CampaignConfig) -> Outcome:
    """Draw the front and export the recommended candidate into the run folder."""
    everything = scored(store)
    if everything.empty:
        return Outcome()
    picture = inside(folder, "front.png")
    title = f"{config.name}: {', '.join(config.searched)}, {config.fidelity.steps} steps, seed {config.seed}"
    plot_front(everything, picture, title, axes(store))
    best = recommended(store, config)
    if best is None:
        return Outcome(picture)
    candidate = find_candidate(store, str(best[0]))
    file = inside(folder, f"{EXPORTS}/act{candidate.id}.py")
    file.write_text(_exported(store, folder, candidate), encoding="utf-8")
    return Outcome(picture, file, best)


def _exported(store: Store, folder: Path, candidate: Candidate) -> str:
    """Return the text of a candidate's torch file with provenance."""
    where = provenance(store, folder, candidate)
    return export(parse(candidate.expression), name=f"Act{candidate.id}", gain=candidate.gain or 1.0, provenance=where)
