"""A table of trained functions as what the study needs of it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evaluators.judging.features.catalogue import FEATURES, GROUPS
from evaluators.judging.looks import Looks
from primitives.numeric import Array
from search.space.describe import Described, everything
from search.space.forest import look
from search.strategies.model import columns, components
from search.studies.entropy.correlate import Noise, noise
from search.tables.board import Board, plain
from search.tables.table import read

COMPONENTS = "components"
"""The group of the principal components of standardised outputs."""
NETWORK = "network"
"""The group of the features of a real network."""
_OWN = "own"


@dataclass(frozen=True, eq=False)
class Sheet:
    """Described functions and what training said of them.

    Attributes:
        name: of the table.
        task: that they were trained on.
        by: the score.
        texts: of the functions.
        described: what arrays say of each.
        table: of each what each seed said, shape (n, seeds).
    """

    name: str
    task: str
    by: str
    texts: tuple[str, ...]
    described: tuple[Described, ...]
    table: Array

    def __len__(self) -> int:
        """Return the number of functions."""
        return len(self.texts)

    def __getitem__(self, rows: NDArray[np.intp]) -> Sheet:
        """Return some of the functions."""
        texts, described = (tuple(every[row] for row in rows) for every in (self.texts, self.described))
        return replace(self, texts=texts, described=described, table=self.table[rows])

    @cached_property
    def scores(self) -> Array:
        """Means over the seeds; lower is better."""
        scores: Array = self.table.mean(axis=1)
        return scores

    @property
    def better(self) -> NDArray[np.bool_]:
        """Which functions are of the better half."""
        better: NDArray[np.bool_] = self.scores <= np.median(self.scores)
        return better

    @property
    def noise(self) -> Noise:
        """How well seeds agree on all functions."""
        return noise(self.table)

    @property
    def names(self) -> tuple[str, ...]:
        """The features, in the order of what a model is fitted on."""
        return tuple(self.described[0].facts)

    @property
    def features(self) -> dict[str, Array]:
        """Features and components by name, on the scale that a model sees, shape (n,)."""
        found = columns(self.described, components(self.described)).astype(float)
        return dict(zip(named(self.names, found.shape[1]), found.T, strict=True))


def named(features: tuple[str, ...], width: int) -> tuple[str, ...]:
    """Return the names of what a model is fitted on: the features, then the components."""
    return (*features, *(f"component_{place}" for place in range(1, width - len(features) + 1)))


def group_of(name: str) -> str:
    """Return the group of a feature or component."""
    if name.startswith("component_"):
        return COMPONENTS
    return next((group for group, members in GROUPS.items() if name in {each.name for each in members}), _OWN)


def sheet(file: Path) -> Sheet:
    """Read a table; functions that failed with a seed, or that no tree says, are left out."""
    board = Board(plain(file))
    seeds = max(map(len, board.scores))
    kept = [n for n, scores in enumerate(board.scores) if len(scores) == seeds and board.described(n) is not None]
    described = tuple(found for n in kept if (found := board.described(n)) is not None)
    texts = tuple(board.plain.texts[n] for n in kept)
    table = np.array([board.scores[n] for n in kept])
    return Sheet(file.stem, read(file).origin.task, board.plain.by, texts, described, table)


def seconds(file: Path) -> Mapping[str, float]:
    """Return the time of each feature a function, from arrays, by itself, in a batch of 256, and of what all share."""
    genotypes = [text for text in plain(file).genotypes if text is not None]
    looked = next(iter(look([everything().loads(text) for text in genotypes])))[1].looks
    found = {name: _timed(looked, name) for name in FEATURES}
    return {name: value for name, value in found.items() if value is not None}


def _timed(looks: Looks, name: str, repeats: int = 3) -> float | None:
    quick = FEATURES[name].quick
    if quick is None:
        return None
    passed = []
    for _ in range(repeats):
        fresh = replace(looks)  # nothing cached
        _ = fresh.sound
        started = time.process_time()
        quick(fresh)
        passed.append(time.process_time() - started)
    return min(passed) / len(looks)
