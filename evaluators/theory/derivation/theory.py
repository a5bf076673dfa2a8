"""The calculus of variations behind EAFO, for any input density p and activation f, done by sympy.

The functional, its Euler-Lagrange expression, the activation where it vanishes, and the first-order
step written for f instead of its inverse y (Sun et al. 2024, arXiv 2405.12954). Nothing is typed
in but the functional: the rest is differentiated, solved and substituted.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import sympy

from primitives.expression import X

_U = sympy.Symbol("u")
_P = sympy.Function("p")
_INVERSE = sympy.Function("y")(_U)


@dataclass(frozen=True)
class Theory:
    """Formulas in display symbols: ``y'`` and ``p'(y)`` are plain symbols here.

    Attributes:
        output: density of the output, q(u).
        integrand: G, with H[y] the integral of G over u.
        by_value, by_slope: the derivatives of G by y and by y'.
        euler_lagrange: dG/dy - d/du dG/dy', simplified.
        ratio: q'(u)/y'(u), which must be the same.
        extremal_slope: f' where the Euler-Lagrange expression vanishes, C = 1/C1.
        inverse_slope, inverse_bend: y' and y'' in terms of f.
        step: the change eta = -lambda*E of the inverse, in terms of f.
        forward: the change of f, -f'*eta.
    """

    output: sympy.Expr
    integrand: sympy.Expr
    by_value: sympy.Expr
    by_slope: sympy.Expr
    euler_lagrange: sympy.Expr
    ratio: sympy.Expr
    extremal_slope: sympy.Expr
    inverse_slope: sympy.Expr
    inverse_bend: sympy.Expr
    step: sympy.Expr
    forward: sympy.Expr


@cache
def theory() -> Theory:
    """Return the derivation that holds for every p and f."""
    value, rate = sympy.Symbol("y"), sympy.Symbol("y'")
    integrand = -_P(value) * rate * sympy.log(_P(value) * rate)
    along = {value: _INVERSE, rate: _INVERSE.diff(_U)}
    by_value, by_slope = integrand.diff(value), integrand.diff(rate)
    output = _P(_INVERSE) * _INVERSE.diff(_U)
    expression = sympy.expand(sympy.simplify((by_value.subs(along) - by_slope.subs(along).diff(_U)).doit()))
    ratio = sympy.expand((output.diff(_U) / _INVERSE.diff(_U)).doit())
    first, second = _inverse()
    step = sympy.simplify(-sympy.Symbol("lambda") * _forwarded(expression, first, second))
    forward = sympy.expand(-_slope(1) * step)
    return Theory(
        output=shown(output),
        integrand=shown(integrand),
        by_value=shown(sympy.factor(by_value)),
        by_slope=shown(sympy.factor(by_slope)),
        euler_lagrange=shown(expression),
        ratio=shown(ratio),
        extremal_slope=shown(_extremal()),
        inverse_slope=shown(first),
        inverse_bend=shown(second),
        step=shown(sympy.collect(sympy.expand(step), sympy.Symbol("lambda"))),
        forward=shown(sympy.collect(forward, sympy.Symbol("lambda"))),
    )


def _slope(order: int) -> sympy.Expr:
    return sympy.Function("f")(X).diff((X, order))


def _inverse() -> tuple[sympy.Expr, sympy.Expr]:
    """Return y' and y'' at u = f(x), by differentiating y(f(x)) = x."""
    first, second, function = sympy.Symbol("first"), sympy.Symbol("second"), sympy.Function("f")(X)
    composed = sympy.Function("y")(function)
    names = {composed.diff((function, 2)): second, composed.diff(function): first}
    once, twice = (composed.diff((X, order)).doit().subs(names) for order in (1, 2))
    solved = sympy.solve([sympy.Eq(once, 1), sympy.Eq(twice, 0)], [first, second], dict=True)[0]
    return solved[first], solved[second]


def _forwarded(expression: sympy.Expr, first: sympy.Expr, second: sympy.Expr) -> sympy.Expr:
    """Return an expression in y at u = f(x) as one in f at x."""
    swapped = expression.subs(_INVERSE.diff(_U, 2), second).subs(_INVERSE.diff(_U), first).subs(_INVERSE, X)
    return swapped.doit()


def _extremal() -> sympy.Expr:
    """Return the slope of f where q' = 0: p(y) y' is a constant C, with y' = 1/f'."""
    constant, rate = sympy.Symbol("C"), sympy.Symbol("f1")
    return sympy.solve(sympy.Eq(_P(X) / rate, constant), rate)[0]


def shown(expression: sympy.Expr) -> sympy.Expr:
    """Return an expression in which derivatives and function calls are symbols that print as one writes them."""
    expression = expression.doit()
    plain = sympy.Symbol("y")
    rules = [
        (_INVERSE.diff(_U, 2), sympy.Symbol("y''")),
        (_INVERSE.diff(_U), sympy.Symbol("y'")),
        (_slope(2), sympy.Symbol("f''")),
        (_slope(1), sympy.Symbol("f'")),
    ]
    for old, new in rules:
        expression = expression.subs(old, new)
    expression = expression.subs(_INVERSE, plain)
    expression = expression.subs(sympy.Derivative(_P(plain), plain), sympy.Symbol("p'(y)"))
    expression = expression.subs(sympy.Derivative(_P(X), X), sympy.Symbol("p'(x)"))
    return expression.subs(_P(plain), sympy.Symbol("p(y)")).subs(_P(X), sympy.Symbol("p(x)"))
