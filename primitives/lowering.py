"""From the formulas a person reads to the operations a machine should execute.

Nothing here changes a function; it changes how it is computed: polynomials by Horner's rule,
powers from shared squares and square roots (a general ``pow`` costs ten multiplications), and
exponentials that cannot overflow where something saturates them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sympy

from primitives.kernels import CAPPED_EXP
from primitives.registry import Kernels, auxiliary
from primitives.table import of_function, sign, step

_LEAST_DEGREE = 3
_LEAST_FACTOR = 1e-30
_X = sympy.Symbol("x")

capped_exp: Any = auxiliary(
    "capped_exp",
    [lambda u: capped_exp(u)],  # noqa: PLW0108 - it names itself
    Kernels(
        "capped_exp({0})",
        "np.exp(np.minimum({0}, 690))",
        "jnp.exp(jnp.minimum({0}, 80))",
        (("torch", CAPPED_EXP),),
    ),
    25,
)
"""exp up to 80 in float32 and 690 in float64, where a constant between 1e-30 and 1e3 still saturates what is around."""
exp_up_to: Any = auxiliary(
    "exp_up_to",
    [lambda u, most: exp_up_to(u, most), lambda *_: sympy.Integer(0)],  # noqa: PLW0108
    Kernels("torch.exp(torch.clamp({0}, max={1}))", "np.exp(np.minimum({0}, {1}))", "jnp.exp(jnp.minimum({0}, {1}))"),
    25,
    takes_numbers=True,
)
"""exp of what is at most a number."""
_SATURATED = 800
"""Of what any saturating function has no digit left to change, and its slope is 0, in every precision."""


@dataclass(frozen=True)
class Program:
    """Assignments in an order that can be executed, and the results in terms of them."""

    assignments: tuple[tuple[sympy.Symbol, sympy.Expr], ...]
    results: tuple[sympy.Expr, ...]


def program(expressions: Sequence[sympy.Expr]) -> Program:
    """Return the assignments and results that compute several expressions with shared parts."""
    return _program(tuple(expressions))


@lru_cache(maxsize=256)
def _program(expressions: tuple[sympy.Expr, ...]) -> Program:
    spelled = [_horner(_folded(expression)) for expression in expressions]
    powers = _Powers(spelled)
    walked = [powers.walk(expression) for expression in spelled]
    values = [*powers.named.values(), *walked]
    shared, reduced = sympy.cse(values, symbols=sympy.numbered_symbols("t"))
    count = len(powers.named)
    named = list(zip(powers.named, reduced[:count], strict=True))
    return _renumbered(_ordered([*shared, *named]), reduced[count:])


def _folded(expression: sympy.Expr) -> sympy.Expr:
    """Return the expression with every composite constant, such as ``sqrt(2)``, as one number."""
    return expression.replace(lambda e: e.is_number and not e.is_Atom, lambda e: e.evalf(20))


def capped(body: sympy.Expr) -> sympy.Expr:
    """Cap the exponential in ``f(k*exp(u))`` where ``f`` saturates and ``k`` is free of ``x``.

    Above the cap ``f`` has no digit left to change and its slope is 0, which times infinity would
    be nan. A number ``k`` below 1e-30 is left alone: the cap would reach it.
    """
    return body.replace(_saturates, _capped_at)


def _saturates(node: sympy.Expr) -> bool:
    primitive = of_function(node.func)
    return primitive is not None and primitive.saturates


def _capped_at(node: sympy.Expr) -> sympy.Expr:
    for growing in sympy.Mul.make_args(node.args[0]):
        if isinstance(growing, sympy.exp):
            factor = node.args[0] / growing
            if _X not in factor.free_symbols and not (factor.is_number and abs(factor) < _LEAST_FACTOR):
                inner = growing.args[0]
                if factor.is_number:
                    most = sympy.Rational(round(float(sympy.log(_SATURATED / abs(factor))), 1))
                    return node.func(factor * exp_up_to(inner, most))
                return node.func(factor * capped_exp(inner))
    return node


def _horner(node: sympy.Expr) -> sympy.Expr:
    """Write every polynomial of degree 3 or more by Horner's rule, innermost first."""
    if node.is_Atom or not node.args:
        return node
    arguments = tuple(_horner(argument) for argument in node.args)
    node = node if arguments == node.args else node.func(*arguments)
    if not isinstance(node, sympy.Add):
        return node
    for base in sorted(_high_powers(node), key=sympy.default_sort_key):
        unknown = sympy.Dummy()
        candidate = node.xreplace({base: unknown})
        if not base.free_symbols & candidate.free_symbols and candidate.is_polynomial(unknown):
            try:
                return sympy.horner(candidate, wrt=unknown).xreplace({unknown: base})
            except sympy.PolynomialError:  # coefficients that sympy takes for no numbers, such as 1/(a + sqrt(a))
                continue
    return node


def _high_powers(node: sympy.Add) -> Iterator[sympy.Expr]:
    """Yield the bases that occur in at least two terms of a sum, once with an exponent of 3 or more."""
    exponents: dict[sympy.Expr, list[int]] = {}
    for term in node.args:
        for base, exponent in term.as_powers_dict().items():
            if exponent.is_Integer and exponent > 0 and not base.is_number:
                exponents.setdefault(base, []).append(int(exponent))
    yield from (base for base, found in exponents.items() if len(found) > 1 and max(found) >= _LEAST_DEGREE)


def _is_level(term: sympy.Expr) -> bool:
    """Tell whether a term is a number, or a jump times a number."""
    return bool(term.is_number) or isinstance(term.as_coeff_Mul()[1], (step, sign))


class _Powers:
    """Names squares and square roots, and builds the other powers from them; adds numbers and jumps first."""

    def __init__(self, expressions: Sequence[sympy.Expr]) -> None:
        powers = {power for expression in expressions for power in expression.atoms(sympy.Pow)}
        halves = [p for p in powers if p.exp.is_Rational and p.exp.q == 2]
        self._rooted = {p.base for p in halves if abs(p.exp.p) > 1 or p.base ** (-p.exp) in powers}
        self.named: dict[sympy.Symbol, sympy.Expr] = {}
        self._symbols: dict[sympy.Expr, sympy.Symbol] = {}

    def walk(self, node: sympy.Expr) -> sympy.Expr:
        """Return the expression in terms of the names."""
        if node.is_Atom:
            return node
        arguments = tuple(self.walk(argument) for argument in node.args)
        walked = node if arguments == node.args else node.func(*arguments)
        if isinstance(node, sympy.Add):
            return self._levels_first(node, arguments, walked)
        if not isinstance(node, sympy.Pow) or not node.exp.is_Rational:
            return walked
        base, exponent = arguments[0], node.exp
        if exponent.q == 2 and node.base in self._rooted:
            return self._integer(self._name(sympy.sqrt(base)), int(exponent.p))
        return self._integer(base, int(exponent)) if exponent.is_Integer else walked

    def _levels_first(self, node: sympy.Add, arguments: tuple[sympy.Expr, ...], walked: sympy.Expr) -> sympy.Expr:
        """Return a sum in which numbers and jumps are added before the rest: they often cancel, and it is small."""
        is_level = [_is_level(term) for term in node.args]
        if sum(is_level) < 2 or all(is_level):
            return walked
        levels, rest = (
            [each for each, level in zip(arguments, is_level, strict=True) if level == wanted]
            for wanted in (True, False)
        )
        return sympy.Add(*rest) + self._name(sympy.Add(*levels))

    def _integer(self, base: sympy.Expr, exponent: int) -> sympy.Expr:
        if abs(exponent) <= _LEAST_DEGREE:
            return base**exponent
        if exponent < 0:
            return 1 / self._name(self._integer(base, -exponent))
        half = self._integer(self._name(base**2), exponent // 2)
        return half * base if exponent % 2 else half

    def _name(self, value: sympy.Expr) -> sympy.Symbol:
        if value not in self._symbols:
            symbol = sympy.Dummy()
            self._symbols[value], self.named[symbol] = symbol, value
        return self._symbols[value]


def _ordered(assignments: Sequence[tuple[sympy.Symbol, sympy.Expr]]) -> list[tuple[sympy.Symbol, sympy.Expr]]:
    """Return the assignments so that each comes after those it uses."""
    values = dict(assignments)
    done: dict[sympy.Symbol, sympy.Expr] = {}

    def visit(symbol: sympy.Symbol) -> None:
        if symbol in done or symbol not in values:
            return
        for used in sorted(values[symbol].free_symbols, key=sympy.default_sort_key):
            visit(used)
        done[symbol] = values[symbol]

    for symbol, _ in assignments:
        visit(symbol)
    return list(done.items())


def _renumbered(assignments: Sequence[tuple[sympy.Symbol, sympy.Expr]], results: Sequence[sympy.Expr]) -> Program:
    """Give the assignments the names t0, t1, … in order; a second name for the same thing is dropped."""
    names: dict[sympy.Symbol, sympy.Symbol] = {}
    pairs: list[tuple[sympy.Symbol, sympy.Expr]] = []
    for symbol, value in assignments:
        renamed = value.xreplace(names)
        if renamed.is_Symbol:
            names[symbol] = renamed
        else:
            names[symbol] = sympy.Symbol(f"t{len(pairs)}")
            pairs.append((names[symbol], renamed))
    return Program(tuple(pairs), tuple(result.xreplace(names) for result in results))
