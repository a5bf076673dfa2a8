"""The search grammar: primitives as a typed DEAP set, trees as expressions and back, trees as JSON."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from math import prod
from typing import Any, TypeAlias

import sympy
from deap import gp

from primitives import ActsearchError, Expression, get
from primitives.expression import X
from primitives.names import PARAMETER_NAMES
from primitives.primitive import exact
from primitives.table import of_function
from search.space.algebra import Algebra, View, algebra
from search.space.counting import Budget, Counts, Limits, Place
from search.space.leaves import (
    KINDS,
    LEAVES,
    TYPES,
    Constant,
    Exponent,
    Learnable,
    Real,
    Tree,
    Type,
    Weight,
    is_learnable,
    is_x,
    leaf,
)
from search.space.options import DRAWN, limited
from search.space.options import Grammar as GrammarConfig

Spelling: TypeAlias = tuple[str | None, Sequence[sympy.Expr]]


LARGEST = 24
"""Nodes of the largest tree that is drawn at random."""

ENOUGH = 10_000
"""Trees of a size from which on it is drawn as often as any other."""

STATES = 32
"""Ways in which limits of nesting may be used up that are counted apart; the time of counting is in proportion."""

_ATTEMPTS = 1000


class Grammar:
    """What trees are made of, and the two ways between trees and expressions.

    A primitive whose weight or exponent has no leaf to take, as ``scale`` where
    ``max_parameters`` is 0, is left out.

    Attributes:
        config: the section of the campaign's configuration.
        primitives: the typed DEAP set that every operator draws from.
        limits: of depth, parameters and nesting.
    """

    def __init__(self, config: GrammarConfig) -> None:
        self.config = config
        self.primitives = gp.PrimitiveSetTyped("activation", [Real], Real)
        self.primitives.renameArguments(ARG0="x")
        for type_, values in self._drawn_leaves().items():
            for value in values:
                self.primitives.addTerminal(value, type_)
        for name in config.primitives:
            types = [TYPES[argument] for argument in get(name).types]
            if all(self.primitives.terminals[type_] for type_ in types):
                self.primitives.addPrimitive(get(name).build, types, Real, name)
        self._powers = [get(name) for name in config.primitives if get(name).exponent is not None]
        nesting = tuple((limited(key, config.primitives), most) for key, most in config.max_nesting.items())
        self.limits = Limits(config.max_depth, config.max_parameters, nesting)

    def _drawn_leaves(self) -> dict[Type, list[Constant | Learnable]]:
        learnable = [Learnable(value) for value in self.config.learnable] if self.config.max_parameters else []
        constants = [Constant(value) for value in self.config.constants]
        exponents = [Constant(value) for value in self.config.exponents]
        return {Real: [*constants, *learnable], Weight: [*learnable], Exponent: [*exponents]}

    def has(self, name: str) -> bool:
        """Tell whether trees may be made of a primitive."""
        return isinstance(self.primitives.mapping.get(name), gp.Primitive)

    # --- random trees -----------------------------------------------------------------------

    @cached_property
    def algebra(self) -> Algebra:
        """What trees need not contain."""
        config = self.config
        forbidden = frozenset().union(*(names for names, most in self.limits.nesting if not most))
        names = [name for name in config.primitives if self.has(name) and name not in forbidden]
        return algebra(names, bool(config.constants), bool(config.max_parameters and config.learnable))

    @cached_property
    def counts(self) -> Counts:
        """How many trees of each size there are, up to :data:`LARGEST` nodes.

        Of more limits of nesting than can be told apart in :data:`STATES` ways, the last ones are not counted with.
        """
        kept: list[tuple[frozenset[str], int]] = []
        for names, most in self.limits.nesting:
            if most and prod(n + 1 for _, n in (*kept, (names, most))) <= STATES:
                kept.append((names, most))
        limits = replace(self.limits, nesting=tuple(kept))
        return Counts(self.algebra, limits, min(LARGEST, max(3, self.config.max_complexity)))

    def random_tree(self, least: int = 2, most: int = DRAWN) -> Tree:
        """Return a random tree, even in its number of nodes and in its shape, in which algebra undoes nothing.

        A size of which there are few trees is drawn more rarely, in proportion, so that they do not come again and
        again.

        Args:
            least: nodes.
            most: nodes. Where the grammar has no tree of a size in this range, it is the largest that it has.
        """
        wanted = [size for size in self._weights if least <= size <= most] or [max(self._weights)]
        weights = [self._weights[size] for size in wanted]
        for _ in range(_ATTEMPTS):
            tree = Tree(self.subtree(self.counts.top, random.choices(wanted, weights)[0]))
            if self.fits(tree):  # but where limits of nesting are not counted with, it does
                return tree
        return Tree([self.primitives.mapping["x"]])

    @cached_property
    def _weights(self) -> dict[int, int]:
        """How often trees of each size are drawn."""
        sizes = range(1, min(self.counts.most, self.config.max_complexity) + 1)
        return {size: min(count, ENOUGH) for size in sizes if (count := self.counts.trees(size))}

    def subtree(self, place: Place, size: int) -> list[Any]:
        """Return the nodes of a random tree for a place; numbers are drawn evenly from the grammar's.

        Raises:
            ValueError: there is none of that size.
        """
        nodes: list[Any] = []
        wanted: list[Type] = [Real]
        for drawn in self.counts.draw(place, size):
            type_ = wanted.pop()
            if isinstance(drawn, View):
                nodes.append(self.primitives.mapping[drawn.name])
                wanted.extend(reversed(nodes[-1].args))
            else:
                nodes.append(self.primitives.mapping["x"] if drawn == "x" else self.number(drawn, type_))
        return nodes

    def number(self, kind: str, type_: Type = Real) -> Any:
        """Return a random leaf of a kind, ``constant`` or ``learnable``, with one of the grammar's values."""
        values = {"constant": self.config.constants, "learnable": self.config.learnable}[kind]
        return leaf(KINDS[kind](random.choice(self.config.exponents if type_ is Exponent else values)), type_)

    def is_tree(self, nodes: Sequence[Any]) -> bool:
        """Tell whether nodes are one complete tree of this grammar's primitives and leaves."""
        wanted: list[Type] = [Real]
        for node in nodes:
            if not wanted:
                return False
            type_ = wanted.pop()
            if node.arity:
                if not self.has(node.name) or type_ is not Real:
                    return False
                wanted.extend(reversed(self.primitives.mapping[node.name].args))
            elif not (isinstance(node.value, LEAVES[type_]) or (node.value == "x" and type_ is Real)):
                return False
        return not wanted

    def fits(self, tree: Tree) -> bool:
        """Tell whether a tree is within the limits of depth, parameters and nesting and uses ``x``."""
        if tree.height > self.config.max_depth or not _uses_x(tree):
            return False
        return self.learnable(tree) <= self.config.max_parameters and self._nests(tree)

    def _nests(self, tree: Tree) -> bool:
        budgets: list[Budget] = [self.limits.budget]
        for node in tree:
            left = self.limits.spent(budgets.pop(), node.name)
            if left is None:
                return False
            budgets.extend([left] * node.arity)
        return True

    def surcharge(self, tree: Tree) -> int:
        """Return what the grammar's own weights add to the complexity of a tree."""
        weights = self.config.weights
        return sum(weights[node.name] - get(node.name).weight for node in tree if node.name in weights)

    # --- trees to expressions ---------------------------------------------------------------

    def expression(self, tree: Sequence[Any]) -> Expression | None:
        """Return what a tree says, or ``None`` when that is no legal expression of this grammar."""
        try:
            expression = self.formula(tree)
        except ActsearchError:
            return None
        return expression if self.complexity(expression) <= self.config.max_complexity else None

    def formula(self, tree: Sequence[Any]) -> Expression:
        """Return what a tree says, however long it is.

        Raises:
            ActsearchError: it is no real function, as the logarithm of a negative constant, or has too many parameters.
        """
        try:
            body, initial = _built(tree)
            if len(initial) > self.config.max_parameters:
                raise ActsearchError(f"{len(initial)} learnable parameters are more than grammar.max_parameters")
            return Expression(_folded(body), initial)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise ActsearchError(f"a tree says no function: {error}") from error

    @staticmethod
    def learnable(tree: Sequence[Any]) -> int:
        """Return how many learnable parameters a tree has."""
        return sum(map(is_learnable, tree))

    def complexity(self, expression: Expression) -> int:
        """Return the complexity that ``max_complexity`` limits: by the grammar's own weights where it has some."""
        return expression.complexity + (self._surcharge(expression.body) if self.config.weights else 0)

    def _surcharge(self, node: sympy.Expr) -> int:
        if node.is_Symbol or node.is_number:
            return 0
        name, arguments = self._spelling(node)
        weight = self.config.weights.get(name or "")
        own = 0 if weight is None or name is None else weight - get(name).weight
        return own + sum(map(self._surcharge, arguments))

    # --- JSON -------------------------------------------------------------------------------

    def dumps(self, tree: Tree) -> str:
        """Return a tree as JSON: its nodes in prefix order, leaves with a value as one-key objects."""
        return json.dumps([_plain(node) for node in tree])

    def loads(self, text: str) -> Tree:
        """Read a tree that :meth:`dumps` wrote; nothing in it is evaluated.

        The type of a leaf is that of its place.

        Raises:
            ActsearchError: it is not a tree of this grammar.
        """
        nodes: list[Any] = []
        wanted: list[Type] = [Real]
        try:
            plains = json.loads(text)
            if not isinstance(plains, list):
                raise TypeError("it is no list")
            for plain in plains:
                nodes.append(self._node(plain, wanted.pop()))
                wanted.extend(reversed(nodes[-1].args if nodes[-1].arity else ()))
        except IndexError:
            wanted = [Real]  # nodes were left when the tree was complete
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise ActsearchError(f"a stored genotype cannot be read ({error}); was the run file edited?") from None
        if wanted:
            raise ActsearchError("a stored genotype is not a complete tree; was the run file edited?")
        return Tree(nodes)

    def _node(self, plain: Any, type_: Type) -> Any:
        if isinstance(plain, dict):
            ((kind, value),) = plain.items()
            if KINDS[kind] not in LEAVES[type_]:
                raise TypeError(f"a {kind} cannot be a {type_.__name__.lower()}")
            if type(value) not in (int, float) or not abs(value) < math.inf:
                raise TypeError(f"{value!r:.20} is no number")
            return leaf(KINDS[kind](float(value)), type_)
        if plain != "x" and not self.has(plain):
            raise KeyError(plain)
        if type_ is not Real:
            raise TypeError(f"'{plain}' cannot be a {type_.__name__.lower()}")
        return self.primitives.mapping[plain]

    # --- expressions to trees ---------------------------------------------------------------

    def tree(self, expression: Expression) -> Tree | None:
        """Return a tree that says an expression, or ``None`` when there is none in this grammar.

        There is none where a primitive is lacking, and where a parameter cannot be written once,
        because each learnable leaf is a parameter of its own. What the search starts from may be
        deeper or nest more than children may.
        """
        if len(expression.initial) > self.config.max_parameters:
            return None
        body = expression.body.replace(lambda e: e.is_Add, _gathered)
        nodes = self._nodes(body, Real, expression.parameters)
        if nodes is None or sum(map(is_learnable, nodes)) > len(expression.initial):
            return None
        return Tree(nodes)

    def _nodes(self, node: sympy.Expr, type_: Type, values: dict[str, float]) -> list[Any] | None:
        if node == X:
            return [self.primitives.mapping["x"]] if type_ is Real else None
        if node.is_Symbol or node.is_number:
            value = Learnable(values[node.name]) if node.is_Symbol else Constant(float(node))
            return [leaf(value, type_)] if type(value) in LEAVES[type_] else None
        name, arguments = self._spelling(node)
        if type_ is not Real or name is None:
            return None
        if not self.has(name):
            textbook = get(name).textbook
            return self._nodes(textbook(*arguments), type_, values) if textbook else None
        top = self.primitives.mapping[name]
        nodes = [top]
        for argument, wanted in zip(arguments, top.args, strict=True):
            part = self._nodes(argument, wanted, values)
            if part is None:
                return None
            nodes += part
        return nodes

    def _spelling(self, node: sympy.Expr) -> Spelling:
        """Return the primitive at the top of an expression and what it is applied to."""
        if isinstance(node, sympy.Add):
            minus = [term for term in node.args if term.could_extract_minus_sign()]
            if 0 < len(minus) < len(node.args) and self.has("sub"):
                less = sympy.Add(*minus)
                return "sub", (node - less, -less)
            return "add", node.as_two_terms()
        if isinstance(node, sympy.Mul):
            return self._product(node)
        if isinstance(node, sympy.Pow):
            return self._power(node.base, node.exp)
        primitive = of_function(node.func)
        return (primitive.name if primitive else None), node.args

    def _product(self, node: sympy.Mul) -> Spelling:
        if node.args[0] == -1 and self.has("neg"):
            return "neg", (-node,)
        learnable = [factor for factor in node.args if factor.is_Symbol and factor != X]
        if learnable and self.has("scale"):
            return "scale", (learnable[0], _without(node, learnable[:1]))
        below = [factor for factor in node.args if factor.is_Pow and factor.exp.is_negative]
        if below and len(below) < len(node.args) and self.has("div"):
            return "div", (_without(node, below), sympy.Mul(*(1 / factor for factor in below)))
        return "mul", node.as_two_terms()

    def _power(self, base: sympy.Expr, exponent: sympy.Expr) -> Spelling:
        if not exponent.is_number:
            return "pow", (base, exponent)
        for primitive in self._powers:
            if primitive.exponent == exponent:
                return primitive.name, (base,)
        if exponent == -1 or (exponent.is_negative and not self.has("power")):
            if self.has("inverse"):
                return "inverse", (base**-exponent,)
            if self.has("div"):
                return "div", (sympy.S.One, base**-exponent)
        return ("power" if self.has("power") else "pow"), (base, exponent)


def _gathered(node: sympy.Add) -> sympy.Expr:
    """Return a sum in which a parameter that multiplies several terms, as PReLU's does, is written once."""
    for symbol in sorted(node.free_symbols - {X}, key=str):
        terms = sympy.Add(*(sympy.expand_mul(term, deep=False) for term in node.args)).args
        with_it = [term for term in terms if term.has(symbol)]
        if len(with_it) < 2 or not all(symbol in sympy.Mul.make_args(term) for term in with_it):
            continue
        slope = sympy.Add(*(term / symbol for term in with_it))
        if not slope.has(symbol):
            node = sympy.Add(symbol * slope, *(term for term in terms if term not in with_it))
    return node


def _without(node: sympy.Mul, factors: Sequence[sympy.Expr]) -> sympy.Expr:
    """Return a product without some of its factors, the others as they are."""
    return sympy.Mul(*(factor for factor in node.args if factor not in factors), evaluate=False)


def _built(tree: Sequence[Any]) -> tuple[sympy.Expr, tuple[tuple[str, float], ...]]:
    """Return the symbolic form of a tree and the initial values of its parameters, named in order."""
    stack: list[sympy.Expr] = []
    initial: list[tuple[str, float]] = []
    for node in reversed(tree):
        if node.arity:
            stack.append(node_build(node)(*(stack.pop() for _ in range(node.arity))))
        elif isinstance(node.value, Learnable):
            name = PARAMETER_NAMES[len(initial) % len(PARAMETER_NAMES)]
            initial.append((name, node.value.value))
            stack.append(sympy.Symbol(name))
        else:
            stack.append(exact(node.value.value) if isinstance(node.value, Constant) else X)
    return stack.pop(), tuple(initial)


def _folded(body: sympy.Expr) -> sympy.Expr:
    """Return the body with every composite constant, such as ``tanh(0.5)``, as one decimal."""
    return body.replace(lambda e: e.is_number and not e.is_Rational, lambda e: exact(e.evalf(20)))


def _uses_x(tree: Sequence[Any]) -> bool:
    return any(map(is_x, tree))


def node_build(node: Any) -> Any:
    """Return the symbolic constructor of a DEAP node."""
    return get(node.name).build


def _plain(node: Any) -> Any:
    if node.arity:
        return node.name
    if isinstance(node.value, Constant):
        return {"constant": node.value.value}
    return {"learnable": node.value.value} if isinstance(node.value, Learnable) else "x"
