"""Many children of many operators, of which a model of this campaign's own trainings picks the few that are trained."""

from __future__ import annotations

import random
from bisect import insort
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Literal

from pydantic import Field

from primitives import BASELINES, library
from search.space.eafo import EafoSteps
from search.space.grammar import Grammar
from search.space.leaves import Tree
from search.space.shapes import can_have_gates, can_have_sides, gated, sided
from search.space.variation import Parent, crossover, join, mutate
from search.strategies.choice import Choice
from search.strategies.fresh import Fresh
from search.strategies.proposal import LIBRARY, Proposal
from search.strategies.strategy import Strategy, StrategyOptions, Told
from search.strategies.surrogate import Surrogate

_FLOOR = 1.0
"""Credit that an operator has before anything is known."""
_GIVEN = ("baseline", "seed", "")
"""Origins of what no operator made: its user, or an earlier run."""
_FAMILIES = "random", LIBRARY, "crossover", "hybrid", "join", "sides", "gate", "eafo"
"""Operators of their own; all others are mutations."""
_LIBRARY = 0.3
"""Share of newcomers that are functions of the library."""
_FROM_FRONT, _FROM_ALL = 0.3, 0.2
"""Shares of parents that are of the front, and that are the best of a few of all that were trained."""
_FEW = 3
_SMALL = range(2, 7)
"""Sizes of the small trees that half of the random ones are, each size as often."""
_TINY = range(2, 5)
"""Sizes of the random trees that a side or a gate is."""


class GuidedOptions(StrategyOptions):
    """How candidates are proposed."""

    name: Literal["guided"] = Field(
        "guided", description="guided, nsga2, aging as in PANGAEA, exhaustive in small spaces, or random as a control"
    )
    population: int = Field(
        16, ge=4, le=10_000, description="parents that a strategy keeps, and candidates in flight at most"
    )
    newcomers: float = Field(0.3, ge=0, le=1, description="share of children that are random trees")
    eafo_step: bool = Field(True, description="make children by the EAFO step")
    hybrids: bool = Field(True, description="propose functions of the library, and hybrids with them")
    shapes: bool = Field(True, description="make children of two sides, as ELU is, and gates on the input, as SiLU is")


class Guided(Strategy):
    """Makes children of the best; operators are drawn by what they have brought."""

    def __init__(
        self,
        grammar: Grammar,
        options: GuidedOptions,
        choice: Choice | None = None,
        known: Sequence[Tree] | None = None,
    ) -> None:
        """Begin with nothing told.

        Args:
            grammar: of its trees.
            options: its.
            choice: what picks among the children; a :class:`Surrogate` where ``None``.
            known: functions that it proposes and makes hybrids with; :func:`known_trees` where ``None``.
        """
        self.grammar = grammar
        self.choice: Choice | None = choice or Surrogate(grammar)
        self._options = options
        self._fresh = Fresh(grammar.algebra)
        self._eafo = EafoSteps(grammar)
        self._best: list[tuple[int, float, int, Told]] = []
        self._front: list[Told] = []
        self._all: list[Told] = []
        self._parents: dict[int, Parent] = {}
        self._tried: Counter[str] = Counter()
        self._kept: Counter[str] = Counter()
        self._given = known

    def ask(self, count: int) -> list[Proposal]:
        """Return children, random trees and known functions."""
        self._eafo.begin()
        return self._fresh.batch(count, self._child)

    def tell(self, told: Told) -> None:
        """Keep it if it is among the best, and credit who made it."""
        self._fresh.tell(told.tree)
        self._all.append(told)
        entry = (told.missed, told.objectives[0], told.id, told)
        insort(self._best, entry, key=lambda one: one[:3])
        kept = len(self._best) <= self._options.population or self._best[-1] is not entry
        del self._best[self._options.population :]
        if not told.missed:
            self._front = _front_with(self._front, told)
        if told.origin not in _GIVEN:
            family = self.family(told.origin)
            self._tried[family] += 1
            self._kept[family] += kept

    def lines(self) -> list[str]:
        """Return what each operator brought."""
        told = [name for name in (*self._operators, "random", LIBRARY) if self._tried[name]]
        parts = [f"{name} {self._kept[name]} of {self._tried[name]}" for name in told]
        return (
            [f"trained children that came among the best {self._options.population}: {', '.join(parts)}"]
            if parts
            else []
        )

    # --- operators ----------------------------------------------------------------------------

    @staticmethod
    def family(origin: str) -> str:
        """Return the operator that a proposal comes from; mutations count as one, and both kinds of EAFO step."""
        if origin == "bump":
            return "eafo"
        return origin if origin in _FAMILIES else "mutation"

    @property
    def credit(self) -> dict[str, float]:
        """Share of what each operator proposed and was trained that came among the best, smoothed."""
        return {name: (self._kept[name] + _FLOOR) / (self._tried[name] + 2 * _FLOOR) for name in self._operators}

    @cached_property
    def _operators(self) -> dict[str, Callable[[Told], Proposal | None]]:
        own: dict[str, Callable[[Told], Proposal | None]] = {"mutation": self._mutated, "crossover": self._crossed}
        if self._options.eafo_step:
            own["eafo"] = self._stepped
        own["join"] = self._joined
        if self._options.hybrids and self._known:
            own["hybrid"] = self._hybrid
        if self._options.shapes:
            own |= {"sides": self._sided} if can_have_sides(self.grammar) else {}
            own |= {"gate": self._gated} if can_have_gates(self.grammar) else {}
        return own

    @cached_property
    def _known(self) -> list[Tree]:
        """Trees of known functions."""
        return known_trees(self.grammar) if self._given is None else [*self._given]

    def _child(self) -> Proposal:
        if len(self._best) < 2 or random.random() < self._options.newcomers:
            return self._newcomer()
        names, weights = zip(*self.credit.items(), strict=True)
        (name,) = random.choices(names, weights)
        return self._operators[name](self._parent()) or self._newcomer()

    def _newcomer(self) -> Proposal:
        if self._options.hybrids and self._known and random.random() < _LIBRARY:
            return Proposal(random.choice(self._known), LIBRARY)
        return Proposal(self._small() if random.random() < 0.5 else self.grammar.random_tree(), "random")

    def _small(self, sizes: range = _SMALL) -> Tree:
        size = random.choice(sizes)
        return self.grammar.random_tree(size, size)

    def _parent(self) -> Told:
        """Return one of the best by the first objective, the better the more often, or one of the front."""
        luck = random.random()
        if luck < _FROM_FRONT and (front := self._good_front()):
            return random.choice(front)
        if luck > 1 - _FROM_ALL:
            return min(random.choices(self._all, k=_FEW), key=lambda told: (told.missed, told.objectives[0]))
        return self._best[int(len(self._best) * random.random() ** 2)][3]

    def _good_front(self) -> list[Told]:
        """Return the members of the front that are no worse than the worst of the best by the first objective."""
        worst = self._best[-1][3].objectives[0]
        return [each for each in self._front if each.objectives[0] <= worst]

    def _cut(self, told: Told) -> Parent:
        if len(self._parents) > 8 * self._options.population:
            self._parents.clear()
        return self._parents.get(told.id) or self._parents.setdefault(told.id, Parent(self.grammar, told.tree))

    def _mutated(self, parent: Told) -> Proposal | None:
        found = mutate(self.grammar, self._cut(parent))
        return None if found is None else Proposal(found[1], found[0], (parent.id,))

    def _crossed(self, parent: Told) -> Proposal | None:
        other = self._parent()
        child = crossover(self.grammar, self._cut(parent), self._cut(other))
        return None if child is None else Proposal(child, "crossover", (parent.id, other.id))

    def _joined(self, parent: Told) -> Proposal | None:
        """Put a small random tree beside the parent, under a primitive that takes both."""
        child = join(self.grammar, self._cut(parent), self._small())
        return None if child is None else Proposal(child, "join", (parent.id,))

    def _stepped(self, parent: Told) -> Proposal | None:
        found = self._eafo.step(parent.tree)
        return None if found is None else Proposal(found[1], found[0], (parent.id,))

    def _sided(self, parent: Told) -> Proposal | None:
        """Put the parent, or a small random tree, on one side of zero and something else on the other."""
        pair = [parent.tree, self._small(_TINY)]
        random.shuffle(pair)
        child = sided(self.grammar, *pair)
        return None if child is None else Proposal(child, "sides", (parent.id,))

    def _gated(self, parent: Told) -> Proposal | None:
        """Multiply the input by the parent, or by a small random tree."""
        gate, parents = (parent.tree, (parent.id,)) if random.random() < 0.5 else (self._small(_TINY), ())
        child = gated(self.grammar, gate)
        return None if child is None else Proposal(child, "gate", parents)

    def _hybrid(self, parent: Told) -> Proposal | None:
        """Put a part of a known function into the parent, or of the parent into a known function."""
        pair = [self._cut(parent), Parent(self.grammar, random.choice(self._known))]
        random.shuffle(pair)
        child = crossover(self.grammar, *pair)
        return None if child is None else Proposal(child, "hybrid", (parent.id,))


def known_trees(grammar: Grammar) -> list[Tree]:
    """Return trees of the library's functions that a grammar can say, but for the baselines, which are trained."""
    found = (grammar.tree(entry.expression) for name, entry in library().items() if name not in BASELINES)
    return [tree for tree in found if tree is not None and grammar.fits(tree)]


def _front_with(front: list[Told], new: Told) -> list[Told]:
    """Return the front of a front and one more; of equals the earlier one stays."""
    if any(_covers(each, new) for each in front):
        return front
    return [*(each for each in front if not _covers(new, each)), new]


def _covers(one: Told, other: Told) -> bool:
    """Tell whether one is nowhere worse than the other."""
    return all(a <= b for a, b in zip(one.objectives, other.objectives, strict=True))
