"""Simplification for derivatives of activations: rational in named functions, which stay named.

`sympy.simplify` takes seconds and spells ``tanh`` in exponentials. Here a formula becomes a
rational function of a few independent named functions, is cancelled as such when it is small
enough, and is spelled with the named primitives again at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import sympy

from primitives import ActsearchError
from primitives.derivative import derivative
from primitives.expression import X
from primitives.table import (
    absolute,
    all_primitives,
    cloglog,
    erf,
    expm1,
    gaussian,
    gelu,
    gompertz,
    mish,
    of_function,
    relu,
    sigmoid,
    sign,
    silu,
    sin,
    sinc,
    softplus,
    step,
    tanh,
)

_LARGE = 100
"""Operations from which on a formula is not cancelled: polynomials in many symbols take long."""

_LONG = 1000
_POWERS = 24
"""Exponents beyond which a power of an exponential becomes a symbol of its own: polynomials are stored densely."""

# Either their slopes are kernels that no formula can name, or they hide a factor that cancels.
_PLAIN: dict[Any, Callable[[sympy.Expr], sympy.Expr]] = {
    gelu: lambda u: u * (1 + erf(u / sympy.sqrt(2))) / 2,
    mish: lambda u: u * tanh(softplus(u)),
    silu: lambda u: u * sigmoid(u),
    gaussian: lambda u: sympy.exp(-(u**2) / 2),
    gompertz: lambda u: sympy.exp(-sympy.exp(-u)),
    cloglog: lambda u: 1 - sympy.exp(-sympy.exp(u)),
    expm1: lambda u: sympy.exp(u) - 1,
    sinc: lambda u: sin(u) / u,
}


def plain(body: sympy.Expr) -> sympy.Expr:
    """Return the same function in terms of few independent ones: no gaussian beside ``exp``, no ``sigmoid(-u)``."""
    body = body.replace(lambda n: n.func in _PLAIN, lambda n: _PLAIN[n.func](*n.args))
    body = body.replace(lambda n: isinstance(n, sigmoid) and n.args[0].could_extract_minus_sign(), _turned)
    doubled = {sigmoid(2 * node.args[0]): (1 + node) / 2 for node in body.atoms(tanh)}
    return body.xreplace(doubled)


def _turned(node: sympy.Expr) -> sympy.Expr:
    return 1 - sigmoid(-node.args[0])


@lru_cache(maxsize=1024)
def slope(body: sympy.Expr) -> sympy.Expr:
    """Return the derivative by ``x`` almost everywhere, in functions that a formula can name.

    Raises:
        ActsearchError: the derivative of one of its functions has no formula.
    """
    found = plain(derivative(plain(body), X))
    names = {primitive.name for primitive in all_primitives()}
    for node in found.atoms(sympy.Function, sympy.Derivative):
        primitive = of_function(node.func)
        if primitive is None or primitive.name not in names:
            inner = next(iter(sorted(body.atoms(sympy.Function), key=str)), body)
            raise ActsearchError(f"the derivatives of '{inner}' have no formula, so its correction has none")
    return tidy(found)


@lru_cache(maxsize=1024)
def tidy(body: sympy.Expr) -> sympy.Expr:
    """Return a shorter formula for the same function almost everywhere, cancelled as a rational function."""
    body = _kinks(plain(body))
    tried = [body]
    if body.count_ops() < _LARGE:
        hidden, exponentials = _without_exponentials(body)
        cancelled = _kinks(sympy.cancel(hidden))
        forms = [cancelled, sympy.factor_terms(cancelled)]
        if cancelled.count_ops() < _LARGE // 3:
            forms.append(_kinks(sympy.factor(cancelled)))
        tried += [form.xreplace(exponentials) for form in forms]
    harmless = [form for form in map(_distributed, tried) if not _overflows_sooner(form, body)]
    return min(harmless or [body], key=lambda form: (form.count_ops(), sympy.default_sort_key(form)))


def _without_exponentials(body: sympy.Expr) -> tuple[sympy.Expr, dict[sympy.Expr, sympy.Expr]]:
    """Return the body with powers of symbols for its exponentials, and what the symbols stand for.

    Left to itself sympy splits exp(-(1250*x/127 - 50)**2/2) into powers of exp(x/16129) by the million.
    """
    families: list[list[sympy.exp]] = []
    for node in sorted(body.atoms(sympy.exp), key=sympy.default_sort_key):
        family = next((family for family in families if _powers([*family, node])), None)
        if family is None:
            families.append([node])
        else:
            family.append(node)
    rule: dict[sympy.Expr, sympy.Expr] = {}
    back: dict[sympy.Expr, sympy.Expr] = {}
    for number, family in enumerate(families):
        symbol, powers = sympy.Symbol(f"e_{number}", positive=True), _powers(family)
        rule |= {node: symbol**power for node, power in zip(family, powers, strict=True)}
        back[symbol] = sympy.exp(family[0].args[0] / powers[0])
    return body.xreplace(rule), back


def _powers(family: list[sympy.exp]) -> list[sympy.Integer]:
    """Return exponentials as small whole powers of one, empty where they are not; the first is a positive power."""
    first = family[0].args[0]
    ratios = [sympy.Integer(1), *(sympy.cancel(node.args[0] / first) for node in family[1:])]
    if not all(ratio.is_Rational for ratio in ratios):
        return []
    powers = [ratio / sympy.gcd_list(ratios) for ratio in ratios]
    return powers if max(map(abs, powers)) <= _POWERS else []


def _distributed(body: sympy.Expr) -> sympy.Expr:
    """Multiply a number into a sum that it stands before, as sympy does when it reads the formula."""
    return body.replace(lambda n: isinstance(n, sympy.Mul) and len(n.args) == 2, lambda n: n.func(*n.args))


def _overflows_sooner(form: sympy.Expr, body: sympy.Expr) -> bool:
    """Tell whether cancelling brought in an exponential, such as exp(x**2), or numbers of many digits."""
    if form.atoms(sympy.exp) - body.atoms(sympy.exp):
        return True
    largest, before = (max((abs(n.p) for n in e.atoms(sympy.Rational)), default=0) for e in (form, body))
    return largest > max(_LONG, before)


def _kinks(body: sympy.Expr) -> sympy.Expr:
    """Use ``step**2 = step``, ``sign**2 = 1``, ``relu*step = relu`` and ``abs*sign = id``, almost everywhere true."""
    body = body.replace(lambda n: isinstance(n, sympy.Pow) and isinstance(n.base, (step, sign)), _power)
    return body.replace(lambda n: isinstance(n, sympy.Mul), _product)


def _power(node: sympy.Expr) -> sympy.Expr:
    if not (node.exp.is_Integer and node.exp > 0):
        return node
    if isinstance(node.base, step):
        return node.base
    return node.base if node.exp % 2 else sympy.Integer(1)


def _product(node: sympy.Expr) -> sympy.Expr:
    factors = list(node.args)
    for factor in node.args:
        base, exponent = factor.as_base_exp()
        if isinstance(base, relu) and exponent.is_positive and step(base.args[0]) in factors:
            factors.remove(step(base.args[0]))
        elif isinstance(factor, absolute) and sign(factor.args[0]) in factors:
            factors.remove(sign(factor.args[0]))
            factors[factors.index(factor)] = factor.args[0]
    return node if len(factors) == len(node.args) else sympy.Mul(*factors)
