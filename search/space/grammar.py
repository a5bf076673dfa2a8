"""The search grammar: primitives as a typed DEAP set, trees as expressions and back, trees as JSON."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import sympy
from deap import gp

from primitives import ActsearchError, Expression, get
from primitives.expression import X
from primitives.names import PARAMETER_NAMES
from primitives.primitive import exact
from primitives.table import of_function
from search.space.options import Grammar as GrammarConfig
from search.space.options import limited

Tree: TypeAlias = gp.PrimitiveTree
Budget: TypeAlias = tuple[int, ...]
Spelling: TypeAlias = tuple[str | None, Sequence[sympy.Expr]]


class _Type(type):
    """The class of the grammar's types: hashed by name, not by where it lies in memory.

    DEAP's crossover draws from a list made of a set of types; in an order that changes from
    process to process, equal seeds would give different children.
    """

    def __hash__(cls) -> int:
        return sum(cls.__name__.encode())


class Real(metaclass=_Type):
    """Any expression: ``x``, a number, a free learnable constant, or a primitive of them."""


class Weight(metaclass=_Type):
    """A learnable multiplier; a leaf."""


class Exponent(metaclass=_Type):
    """A fixed number that a power is raised to; a leaf."""


Type: TypeAlias = type[Real] | type[Weight] | type[Exponent]
_TYPES: dict[str, Type] = {"real": Real, "weight": Weight, "exponent": Exponent}


@dataclass(frozen=True)
class Constant:
    """A leaf that is a fixed number."""

    value: float


@dataclass(frozen=True)
class Learnable:
    """A leaf that is a learnable parameter with an initial value; each leaf is its own parameter."""

    value: float


_KINDS: dict[str, type[Constant | Learnable]] = {"constant": Constant, "learnable": Learnable}
_LEAVES: dict[Type, tuple[type[Constant | Learnable], ...]] = {
    Real: (Constant, Learnable),
    Weight: (Learnable,),
    Exponent: (Constant,),
}


class Grammar:
    """What trees are made of, and the two ways between trees and expressions.

    A primitive whose weight or exponent has no leaf to take, as ``scale`` where
    ``max_parameters`` is 0, is left out.

    Attributes:
        config: the section of the campaign's configuration.
        primitives: the typed DEAP set that every operator draws from.
    """

    def __init__(self, config: GrammarConfig) -> None:
        self.config = config
        self.primitives = gp.PrimitiveSetTyped("activation", [Real], Real)
        self.primitives.renameArguments(ARG0="x")
        for type_, values in self._drawn_leaves().items():
            for value in values:
                self.primitives.addTerminal(value, type_)
        for name in config.primitives:
            types = [_TYPES[argument] for argument in get(name).types]
            if all(self.primitives.terminals[type_] for type_ in types):
                self.primitives.addPrimitive(get(name).build, types, Real, name)
        self._powers = [get(name) for name in config.primitives if get(name).exponent is not None]
        self._limits = [(limited(key, config.primitives), most) for key, most in config.max_nesting.items()]

    def _drawn_leaves(self) -> dict[Type, list[Constant | Learnable]]:
        learnable = [Learnable(value) for value in self.config.learnable] if self.config.max_parameters else []
        constants = [Constant(value) for value in self.config.constants]
        exponents = [Constant(value) for value in self.config.exponents]
        return {Real: [*constants, *learnable], Weight: [*learnable], Exponent: [*exponents]}

    def has(self, name: str) -> bool:
        """Tell whether trees may be made of a primitive."""
        return isinstance(self.primitives.mapping.get(name), gp.Primitive)

    # --- random trees -----------------------------------------------------------------------

    def random_tree(self, least: int = 1, most: int = 3) -> Tree:
        """Return a random tree of a depth in that range that :meth:`fits`.

        It is shallower where the nesting limits leave nothing to grow with.
        """
        while True:
            tree = Tree(self.subtree(least, min(most, self.config.max_depth)))
            if self.fits(tree):
                return tree

    def subtree(self, least: int, most: int, type_: Type = Real) -> list[Any]:
        """Return the nodes of a random tree of a type, half and half full and grown (Koza 1992).

        DEAP's own generator fails on a type that has leaves only. This one never breaks a
        nesting limit within the subtree.
        """
        full, height = random.random() < 0.5, random.randint(least, most)
        nodes: list[Any] = []
        stack = [(0, type_, tuple(limit for _, limit in self._limits))]
        while stack:
            depth, wanted, budget = stack.pop()
            node, left = self._drawn(wanted, budget, depth < height, full or depth < least)
            nodes.append(node)
            if node.arity:
                stack.extend((depth + 1, argument, left) for argument in reversed(node.args))
        return nodes

    def _drawn(self, type_: Type, budget: Budget, inner: bool, forced: bool) -> tuple[Any, Budget]:
        """Return a random node and what it leaves of the budget; ``forced`` forbids an early leaf."""
        leaves = self.primitives.terminals[type_]
        options = [(p, left) for p in self.primitives.primitives[type_] if (left := self._spent(budget, p)) is not None]
        share = len(leaves) / (len(leaves) + len(options))
        if not (inner and options) or (not forced and random.random() < share):
            return random.choice(leaves), budget
        return random.choice(options)

    def _spent(self, budget: Budget, node: Any) -> Budget | None:
        """Return how many of each limited family may still follow below a node, ``None`` if it is too many."""
        left = tuple(n - (node.name in names) for n, (names, _) in zip(budget, self._limits, strict=True))
        return None if min(left, default=0) < 0 else left

    def fits(self, tree: Tree) -> bool:
        """Tell whether a tree is within the limits of depth and nesting and uses ``x``."""
        return tree.height <= self.config.max_depth and _uses_x(tree) and self._nests(tree)

    def _nests(self, tree: Tree) -> bool:
        budgets: list[Budget] = [tuple(limit for _, limit in self._limits)]
        for node in tree:
            left = self._spent(budgets.pop(), node)
            if left is None:
                return False
            budgets.extend([left] * node.arity)
        return True

    # --- trees to expressions ---------------------------------------------------------------

    def expression(self, tree: Sequence[Any]) -> Expression | None:
        """Return what a tree says, or ``None`` when that is no legal expression of this grammar."""
        try:
            body, initial = _built(tree)
            if len(initial) > self.config.max_parameters:
                return None
            expression = Expression(_folded(body), initial)
        except (ActsearchError, TypeError, ValueError, OverflowError, RecursionError):
            return None  # not a real function, e.g. the logarithm of a negative constant
        return expression if self.complexity(expression) <= self.config.max_complexity else None

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
            for plain in json.loads(text):
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
            if _KINDS[kind] not in _LEAVES[type_]:
                raise TypeError(f"a {kind} cannot be a {type_.__name__.lower()}")
            return leaf(_KINDS[kind](float(value)), type_)
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
            return [leaf(value, type_)] if type(value) in _LEAVES[type_] else None
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
    # DEAP keeps the name ARG0 of a renamed argument and changes its value only.
    return any(node.name == "ARG0" for node in tree)


def node_build(node: Any) -> Any:
    """Return the symbolic constructor of a DEAP node."""
    return get(node.name).build


def leaf(value: Constant | Learnable, type_: Type = Real) -> Any:
    """Return a DEAP terminal that carries a value."""
    return gp.Terminal(value, False, type_)


def is_learnable(node: Any) -> bool:
    """Tell whether a DEAP node is a learnable leaf."""
    return isinstance(getattr(node, "value", None), Learnable)


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
