"""Trees as PANGAEA makes them (Bingham & Miikkulainen 2022, arXiv 2006.03179): shapes, mutations, multipliers.

A tree is first made *plain*, of operators and ``x`` alone: a small one at the start, later a mutated parent without its
multipliers. Then learnable multipliers are put on some of its edges. What the grammar of a campaign asks for differs
from the paper in two things. Numbers are leaves here and none is drawn, so the operators 0 and 1 are lacking. And the
other argument of an inserted binary operator is ``x``, where no number can leave the function as it was: an
unchanged function would not be trained again.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import Any

from search.space.cuts import Cut, cuts
from search.space.grammar import Grammar
from search.space.leaves import Real, Tree, Weight, is_number
from search.space.variation import multiplier, multipliers, multiplies, replaced

LARGEST_PLAIN = 7
"""Operators and ``x`` of a tree, at most."""
MULTIPLIERS = 3
"""Multipliers that are put on the edges of a tree, at most."""
INITIAL = 1.0
"""Where a multiplier starts, so that a function starts as the plain one."""

_ATTEMPTS = 100


class Pangaea:
    """Makes the trees of one grammar.

    An operator is a primitive of one real place or of two; that of an exponent is filled at random. A tree that is too
    large, or beyond the limits of the grammar, is drawn again.

    Attributes:
        unary: operators of one argument.
        binary: operators of two.
    """

    def __init__(self, grammar: Grammar) -> None:
        self._grammar = grammar
        self._x = [grammar.primitives.mapping["x"]]
        known = {view.name: grammar.primitives.mapping[view.name] for view in grammar.algebra.views}
        operators = [each for each in known.values() if Weight not in each.args]
        self.unary = [each for each in operators if _places(each) == 1]
        self.binary = [each for each in operators if _places(each) == 2]
        self.mutations: dict[str, Callable[[Tree], Tree | None]] = {
            "insert": self.insert,
            "remove": self.remove,
            "change": self.change,
            "regenerate": self.regenerate,
        }

    # --- whole trees ------------------------------------------------------------------------------

    def initial(self) -> Tree | None:
        """Return a chain of two unary operators, or a binary one of two unary ones; ``None`` where none fits."""
        for _ in range(_ATTEMPTS if self.unary else 0):
            one, other = random.choices(self.unary, k=2)
            inner = self._applied(one, self._x)
            if random.random() < 0.5:
                nodes = self._applied(other, inner)
            else:
                nodes = self._applied(random.choice(self.binary), inner, self._applied(other, self._x))
            tree = self.parameterised(Tree(nodes))
            if self._grammar.fits(tree):
                return tree
        return None

    def mutated(self, parent: Tree) -> tuple[str, Tree] | None:
        """Return the name of a mutation and the child that it makes; ``None`` where none fits."""
        before = self.plain(parent)
        for _ in range(_ATTEMPTS):
            name = random.choice(list(self.mutations))
            after = self.mutations[name](before)
            if after is None or not 1 < size(after) <= LARGEST_PLAIN:
                continue
            child = self.parameterised(after)
            if self._grammar.fits(child):
                return name, child
        return None

    # --- multipliers --------------------------------------------------------------------------------

    def plain(self, tree: Tree) -> Tree:
        """Return a tree without its learnable multipliers."""
        dropped: set[int] = set()
        for whole, kept in multipliers(tree, cuts(self._grammar, tree)):
            dropped |= {*range(whole.start, kept.start), *range(kept.end, whole.end)}
        return Tree([node for at, node in enumerate(tree) if at not in dropped])

    def parameterised(self, plain: Tree) -> Tree:
        """Return a plain tree with multipliers on random edges: from none to three, each number being as likely."""
        edges = [cut.start for cut in self._edges(plain)]
        config = self._grammar.config
        most = min(MULTIPLIERS, config.max_parameters - self._grammar.learnable(plain), len(edges))
        count = random.randint(0, max(0, most)) if multiplies(self._grammar) else 0
        nodes = list(plain)
        for start in sorted(random.sample(edges, count), reverse=True):
            value = INITIAL if INITIAL in config.learnable else random.choice(config.learnable)
            nodes[start:start] = multiplier(self._grammar, value)
        return Tree(nodes)

    # --- mutations of plain trees: each returns a child or, where there is nothing to mutate, None ----

    def insert(self, tree: Tree) -> Tree | None:
        """Put an operator on an edge, that above the whole tree and those above each ``x`` being some of them."""
        operator = random.choice([*self.unary, *self.binary])
        cut = random.choice(self._edges(tree))
        part = tree[cut.where]
        arguments = [part] if _places(operator) == 1 else random.sample([part, self._x], 2)
        return replaced(tree, cut, self._applied(operator, *arguments))

    def remove(self, tree: Tree) -> Tree | None:
        """Put its argument in the place of an operator, of two a random one."""
        cut = self._operator(tree)
        if cut is None:
            return None
        kept = random.choice([part for part in self._edges(tree) if part.start in cut.parts])
        return replaced(tree, cut, tree[kept.where])

    def change(self, tree: Tree) -> Tree | None:
        """Put another operator of as many arguments in the place of one."""
        cut = self._operator(tree)
        if cut is None:
            return None
        node = tree[cut.start]
        others = [other for other in self._alike(node) if other.name != node.name]
        if not others:
            return None
        places = {place.start: place for place in cuts(self._grammar, tree)}
        arguments = [tree[places[part].where] for part in cut.parts if places[part].type is Real]
        return replaced(tree, cut, self._applied(random.choice(others), *arguments))

    def regenerate(self, tree: Tree) -> Tree | None:
        """Draw every operator anew; what stands above what stays."""
        stack: list[list[Any]] = []
        for node in reversed(tree):
            if not node.arity:
                stack.append([node])
                continue
            arguments = [(type_, stack.pop()) for type_ in node.args]
            real = [argument for type_, argument in arguments if type_ is Real]
            stack.append(self._applied(random.choice(self._alike(node) or [node]), *real))
        return Tree(stack.pop())

    # --- pieces -------------------------------------------------------------------------------------

    def _edges(self, tree: Tree) -> list[Cut]:
        """Return every subtree that has an ``x`` in it: there is an edge above it."""
        return [cut for cut in cuts(self._grammar, tree) if cut.kind == "x"]

    def _operator(self, tree: Tree) -> Cut | None:
        """Return where a random operator stands."""
        inner = [cut for cut in self._edges(tree) if cut.parts]
        return random.choice(inner) if inner else None

    def _alike(self, node: Any) -> list[Any]:
        """Return the operators of as many arguments as a node."""
        return {1: self.unary, 2: self.binary}.get(_places(node), [])

    def _applied(self, operator: Any, *arguments: Sequence[Any]) -> list[Any]:
        """Return the nodes of an operator of arguments."""
        left = iter(arguments)
        nodes = [operator]
        for type_ in operator.args:
            nodes += next(left) if type_ is Real else [self._grammar.number("constant", type_)]
        return nodes


def size(tree: Tree) -> int:
    """Return how many operators and ``x`` a plain tree has."""
    return sum(not is_number(node) for node in tree)


def _places(operator: Any) -> int:
    """Return how many arguments an operator has that may be any expression."""
    return sum(type_ is Real for type_ in operator.args)
