"""The search grammar: primitives as a DEAP set, trees as sympy expressions and back, trees as JSON."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import sympy
from deap import gp

from primitives import ActsearchError, Expression, get
from primitives.expression import PARAMETER_NAMES, X
from primitives.primitive import exact
from primitives.table import of_function
from search.config import Grammar as GrammarConfig

Tree: TypeAlias = gp.PrimitiveTree


@dataclass(frozen=True)
class Constant:
    """A leaf that is a fixed number."""

    value: float


@dataclass(frozen=True)
class Learnable:
    """A leaf that is a learnable parameter with an initial value; each leaf is its own parameter."""

    value: float


class Grammar:
    """What trees are made of, and the two ways between trees and expressions."""

    def __init__(self, config: GrammarConfig) -> None:
        self.config = config
        self.primitives = gp.PrimitiveSet("activation", 1)
        self.primitives.renameArguments(ARG0="x")
        for name in config.primitives:
            primitive = get(name)
            self.primitives.addPrimitive(primitive.build, primitive.arity, name)
        for value in config.constants:
            self.primitives.addTerminal(Constant(value))
        if config.max_parameters:
            for value in config.learnable:
                self.primitives.addTerminal(Learnable(value))

    def random_tree(self, least: int = 1, most: int = 3) -> Tree:
        """Return a random tree of a depth in that range (DEAP's half-and-half), using ``x``."""
        while True:
            tree = Tree(gp.genHalfAndHalf(self.primitives, min_=least, max_=min(most, self.config.max_depth)))
            if _uses_x(tree):
                return tree

    def expression(self, tree: Sequence[Any]) -> Expression | None:
        """Return what a tree says, or ``None`` when that is no legal expression of this grammar."""
        try:
            body, initial = _built(tree)
            if len(initial) > self.config.max_parameters:
                return None
            expression = Expression(_folded(body), initial)
        except (ActsearchError, TypeError, ValueError, OverflowError, RecursionError):
            return None  # not a real function, e.g. the logarithm of a negative constant
        return expression if expression.complexity <= self.config.max_complexity else None

    def fits(self, tree: Tree) -> bool:
        """Tell whether a tree is within the depth limit and uses ``x``."""
        return tree.height <= self.config.max_depth and _uses_x(tree)

    def dumps(self, tree: Tree) -> str:
        """Return a tree as JSON: its nodes in prefix order, leaves with a value as one-key objects."""
        return json.dumps([_plain(node) for node in tree])

    def loads(self, text: str) -> Tree:
        """Read a tree that :meth:`dumps` wrote; nothing in it is evaluated.

        Raises:
            ActsearchError: it is not a tree of this grammar.
        """
        try:
            nodes = [self._node(plain) for plain in json.loads(text)]
        except (ValueError, TypeError, KeyError) as error:
            raise ActsearchError(f"a stored genotype cannot be read ({error}); was the run file edited?") from None
        if sum(node.arity - 1 for node in nodes) != -1:
            raise ActsearchError("a stored genotype is not a complete tree; was the run file edited?")
        return Tree(nodes)

    def _node(self, plain: Any) -> Any:
        if isinstance(plain, dict):
            ((kind, value),) = plain.items()
            kinds: dict[str, type[Constant | Learnable]] = {"constant": Constant, "learnable": Learnable}
            return leaf(kinds[kind](float(value)))
        if plain == "x":
            return self.primitives.mapping["x"]
        node = self.primitives.mapping[plain]
        if not isinstance(node, gp.Primitive):
            raise KeyError(plain)
        return node

    def tree(self, expression: Expression) -> Tree | None:
        """Return a tree that says an expression, or ``None`` when the grammar lacks a primitive."""
        if len(expression.initial) > self.config.max_parameters:
            return None
        nodes = self._nodes(expression.body, expression.parameters)
        return None if nodes is None else Tree(nodes)

    def _nodes(self, node: sympy.Expr, values: dict[str, float]) -> list[Any] | None:
        if node == X:
            return [self.primitives.mapping["x"]]
        if node.is_Symbol:
            return [leaf(Learnable(values[node.name]))]
        if node.is_number:
            return [leaf(Constant(float(node)))]
        name, arguments = self._spelling(node)
        if name is None or name not in self.primitives.mapping:
            return None
        parts = [self._nodes(argument, values) for argument in arguments]
        if any(part is None for part in parts):
            return None
        return [self.primitives.mapping[name], *(leaf_ for part in parts for leaf_ in part or [])]

    def _spelling(self, node: sympy.Expr) -> tuple[str | None, Sequence[sympy.Expr]]:
        """Return the primitive at the top of an expression and what it is applied to."""
        if isinstance(node, sympy.Add):
            first, rest = node.as_two_terms()
            if rest.could_extract_minus_sign() and "sub" in self.primitives.mapping:
                return "sub", (first, -rest)
            return "add", (first, rest)
        if isinstance(node, sympy.Mul):
            if node.args[0] == -1 and "neg" in self.primitives.mapping:
                return "neg", (-node,)
            return "mul", node.as_two_terms()
        if isinstance(node, sympy.Pow):
            names = {2: "square", 3: "cube", sympy.Rational(1, 2): "sqrt"}
            return names.get(node.exp), (node.base,)
        primitive = of_function(node.func)
        return (primitive.name if primitive else None), node.args


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
    # DEAP keeps the name ARG0 of a renamed argument and changes its value only.
    return any(node.name == "ARG0" for node in tree)


def node_build(node: Any) -> Any:
    """Return the symbolic constructor of a DEAP node."""
    return get(node.name).build


def leaf(value: Constant | Learnable) -> Any:
    """Return a DEAP terminal that carries a value."""
    return gp.Terminal(value, False, object)


def _plain(node: Any) -> Any:
    if node.arity:
        return node.name
    if isinstance(node.value, Constant):
        return {"constant": node.value.value}
    return {"learnable": node.value.value} if isinstance(node.value, Learnable) else "x"


def perturbed(value: float) -> float:
    """Return a number near another: scaled by a log-normal factor, at times with the other sign."""
    scaled = value * random.lognormvariate(0.0, 0.5) if value else random.gauss(0.0, 0.5)
    return float(exact(float(f"{-scaled if random.random() < 0.1 else scaled:.3g}")))
