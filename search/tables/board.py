"""A table made ready to be played on: scores, what is best, and which function a tree says."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import ValidationError

from primitives import BASELINES, ActsearchError, IdentityIndex, fingerprint, parse, resolve
from primitives.errors import unknown
from primitives.numeric import Array
from search.space.describe import Described, described, everything
from search.space.forest import look
from search.space.grammar import Grammar
from search.space.leaves import Exponent, Tree, is_learnable, is_number
from search.space.options import DEFAULT_PRIMITIVES
from search.space.options import Grammar as GrammarConfig
from search.tables.table import Table, read

NEEDED = ("expression", "seed", "status")
"""Columns without which a table cannot be played on, beside the one that is judged by."""
_MOST_STEPS = 2**53
_LEAST = 20
_AT_ONCE = 256


@dataclass(frozen=True)
class Plain:
    """A table as plain values, to be sent to other processes.

    Attributes:
        by: the column that is judged by.
        texts: of its functions.
        genotypes: a tree of each in the grammar of everything, ``None`` where it has none.
        scores: of each what its seeds said; none of one that always failed.
        steps: of a training.
        grammar: that strategies draw from.
    """

    by: str
    texts: tuple[str, ...]
    genotypes: tuple[str | None, ...]
    scores: tuple[tuple[float, ...], ...]
    steps: int
    grammar: GrammarConfig


def plain(file: Path, by: str | None = None) -> Plain:
    """Read a table, a stranger's too.

    Args:
        file: Parquet.
        by: the column that is made small; the score of the table's task when ``None``.

    Raises:
        ActsearchError: it lacks a column, an expression cannot be read, or it has too few functions.
    """
    table = read(file, NEEDED)
    by = table.origin.score if by is None else by
    numbers = [name for name in table.rows.columns if pd.api.types.is_numeric_dtype(table.rows[name])]
    if by not in numbers or by in ("seed", "steps", "seconds"):
        scores = [name for name in numbers if name not in ("seed", "steps", "seconds", "test_error")]
        raise ActsearchError(f"'{file}' cannot be judged by it: {unknown('column of scores', by, scores)}")
    rows = table.rows[(table.rows["status"] == "ok") & np.isfinite(table.rows[by])]
    texts = tuple(dict.fromkeys(map(str, table.rows["expression"])))
    if len(texts) < _LEAST:
        raise ActsearchError(f"'{file}' has {len(texts)} functions; a replay needs {_LEAST} at least")
    by_text: dict[str, list[float]] = {text: [] for text in texts}
    for text, value in zip(rows["expression"], rows[by], strict=True):
        by_text[str(text)].append(float(value))
    trees = [_tree(file, text) for text in texts]
    genotypes = tuple(None if tree is None else everything().dumps(tree) for tree in trees)
    steps = _steps(file, table.rows) if "steps" in table.rows else 1
    found = tuple(tuple(values) for values in by_text.values())
    return Plain(
        by, texts, genotypes, found, steps, _grammar(file, table, [tree for tree in trees if tree is not None])
    )


def _steps(file: Path, rows: pd.DataFrame) -> int:
    """Return the most steps of a row."""
    if not pd.api.types.is_numeric_dtype(rows["steps"]) or not 1 <= (most := rows["steps"].max()) < _MOST_STEPS:
        raise ActsearchError(f"the column 'steps' of '{file}' holds something else than numbers of steps, 1 or more")
    return int(most)


def _tree(file: Path, text: str) -> Tree | None:
    try:
        return everything().tree(parse(text))
    except ActsearchError as error:
        raise ActsearchError(f"'{file}' has an expression that cannot be read: {error}") from None


def _grammar(file: Path, table: Table, trees: Sequence[Tree]) -> GrammarConfig:
    """Return the grammar of a table: the one it was made of, or for a list what its functions are made of."""
    if table.origin.grammar:
        try:
            return GrammarConfig.model_validate(dict(table.origin.grammar))
        except ValidationError as error:
            raise ActsearchError(f"'{file}' has a grammar that cannot be read: {error.errors()[0]['msg']}") from None
    used = {node.name for tree in trees for node in tree if node.arity}
    numbers: dict[str, dict[float, None]] = {"constants": {}, "learnable": {}, "exponents": {}}
    for node in (node for tree in trees for node in tree if is_number(node)):
        kind = "learnable" if is_learnable(node) else "exponents" if node.ret is Exponent else "constants"
        numbers[kind][node.value.value] = None
    names = [name for name in everything().primitives.mapping if name in used]
    joins = [] if {"add", "mul", "max", "min", "sub"} & used else ["add"]
    return GrammarConfig(
        primitives=(*names, *joins) if names else DEFAULT_PRIMITIVES,
        max_parameters=min(8, max((everything().learnable(tree) for tree in trees), default=0)),
        max_depth=min(15, max([tree.height for tree in trees] + [2])),
        max_complexity=min(200, max([len(tree) for tree in trees] + [4])),
        max_nesting={},
        **{name: tuple(values) for name, values in numbers.items() if values or name != "exponents"},
    )


class Board:
    """A table that strategies are played on.

    Attributes:
        grammar: that they draw from.
        scores: of each function what its seeds said.
        means: of those, infinite where there are none, shape (functions,).
        baselines: places of the library's baselines that the table has.
    """

    def __init__(self, table: Plain) -> None:
        self.plain, self.grammar = table, Grammar(table.grammar)
        self.scores = table.scores
        self.means: Array = np.array([np.mean(values) if values else np.inf for values in table.scores])
        self._index = IdentityIndex()
        self._described: dict[int, Described] = {}
        self._places: dict[Hashable, int | None] = {}
        self._enter()
        found = (self._index.find_values(fingerprint(resolve(name), absorbed=True)) for name in BASELINES)
        self.baselines = tuple(dict.fromkeys(place for place in found if place is not None))

    def __len__(self) -> int:
        """Return the number of functions."""
        return len(self.scores)

    def _enter(self) -> None:
        """Take in the functions of the table."""
        trees = {n: everything().loads(text) for n, text in enumerate(self.plain.genotypes) if text is not None}
        numbers, found = list(trees), list(trees.values())
        for places, looked in look(found):
            sound = np.flatnonzero(looked.looks.sound)
            self._described.update(
                (numbers[places[at]], seen) for at, seen in zip(sound, described(looked, sound), strict=True)
            )
            for place, print_ in zip(places, looked.prints, strict=True):
                self._index.add(numbers[place], "", print_)
        for number, text in enumerate(self.plain.texts):
            if number not in trees:
                self._index.add(number, "", fingerprint(parse(text), absorbed=True))

    @cached_property
    def order(self) -> list[int]:
        """The places of all functions, the best first by the mean over their seeds."""
        return [int(place) for place in np.argsort(self.means, kind="stable")]

    def best(self, count: int) -> frozenset[int]:
        """Return the places of the best so many."""
        return frozenset(self.order[:count])

    def described(self, place: int) -> Described | None:
        """Return what arrays say of a function."""
        return self._described.get(place)

    def places(self, trees: Sequence[Tree]) -> list[int | None]:
        """Return of each tree which function of the table it says, ``None`` of none."""
        keys = [self.grammar.algebra.key(tree) for tree in trees]
        new = {key: tree for key, tree in zip(keys, trees, strict=True) if key not in self._places}
        for some, looked in look(list(new.values())):
            for key, place in zip(list(new)[some.start : some.stop], range(len(some)), strict=True):
                sound = looked.looks.reason(place) is None
                self._places[key] = self._index.find_values(looked.prints[place]) if sound else None
        return [self._places[key] for key in keys]

    def baseline_tree(self, place: int) -> Tree | None:
        """Return a tree of a function of the table in its grammar, ``None`` where that has none."""
        return self.grammar.tree(parse(self.plain.texts[place]))
