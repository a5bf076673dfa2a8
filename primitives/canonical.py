"""Textbook spellings become named primitives, whose kernels neither overflow nor cancel.

``1/(1 + exp(-x))`` is ``sigmoid(x)``, ``log(1 + exp(x))`` is ``softplus(x)``, ``exp(-x**2/2)`` is
``gaussian(x)``, ``sin(x)/x`` is ``sinc(x)``. Every rule is an identity on the whole real line; the
naive form gives inf/inf or 0*inf in floating point somewhere, if not in its value then in its slope.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy

from primitives.special import cbrt, logcosh, sech
from primitives.table import (
    absolute,
    asinh,
    atan,
    cloglog,
    cosh,
    elu,
    erf,
    erfc,
    expm1,
    gaussian,
    gelu,
    get,
    gompertz,
    log1p,
    logsigmoid,
    mish,
    relu,
    sigmoid,
    silu,
    sin,
    sinc,
    sinh,
    softplus,
    step,
    tanh,
)

_SQRT2 = sympy.sqrt(2)


def canonical(body: sympy.Expr) -> sympy.Expr:
    """Return the same function with textbook spellings replaced by named primitives, innermost first."""
    if body.is_Atom or body.is_number:
        return body
    arguments = tuple(canonical(argument) for argument in body.args)
    node = body if arguments == body.args else _renewed(body.func(*arguments), arguments)
    rule = _RULES.get(node.func)
    return rule(node) if rule and not node.is_number else node


def _renewed(node: sympy.Expr, arguments: tuple[sympy.Expr, ...]) -> sympy.Expr:
    """Return a sum or product with its new terms or factors, which sympy made of others, canonical as well."""
    if not isinstance(node, (sympy.Add, sympy.Mul)):
        return node
    new = {each: _RULES[each.func](each) for each in node.args if each not in arguments and each.func in _SMALL}
    return node.func(*(new.get(each, each) for each in node.args)) if new else node


def _pow(node: sympy.Expr) -> sympy.Expr:
    """``(c + k*exp(u))**-n`` is ``(sigmoid(log(c/k) - u)/c)**n``, ``(u**2)**(n/2)`` ``abs(u)**n``, ``1/cosh`` sech."""
    base, exponent = node.base, node.exp
    if isinstance(base, sympy.Pow) and base.exp.is_even and exponent.is_Rational and exponent.q == 2:
        whole = base.exp * exponent
        return (base.base if whole.is_even else absolute(base.base)) ** whole
    if isinstance(base, cbrt) and exponent.is_Integer and exponent % 3 == 0:
        return base.args[0] ** (exponent / 3)
    if isinstance(base, cosh) and exponent.is_negative:
        return sech(base.args[0]) ** -exponent
    if not (exponent.is_Integer and exponent < 0 and isinstance(base, sympy.Add) and len(base.args) == 2):
        return node
    if base.args[0] == 1 and isinstance(base.args[1], cosh):
        return (sech(base.args[1].args[0] / 2) ** 2 / 2) ** -exponent
    number, rest = base.as_coeff_Add()
    factor, growing = rest.as_coeff_Mul()
    if not (number.is_positive and factor.is_positive and isinstance(growing, sympy.exp)):
        return node
    return (sigmoid(sympy.log(number / factor) - growing.args[0]) / number) ** -exponent


def _mul(node: sympy.Expr) -> sympy.Expr:
    for rule in (_exp_times_sigmoid, _tanh, _exp_times_sech, _sin_over, _gate, _on_one_side):
        changed = rule(node)
        if changed is not None:
            return changed
    return node


def _exp_times_sigmoid(node: sympy.Expr) -> sympy.Expr | None:
    """``exp(u)*sigmoid(c - u)**n`` is ``exp(c)*sigmoid(u - c)*sigmoid(c - u)**(n - 1)``."""
    for factor in node.args:
        gate, power = factor.as_base_exp()
        if not (isinstance(gate, sigmoid) and power.is_Integer and power > 0):
            continue
        for growing in node.args:
            if isinstance(growing, sympy.exp) and (constant := growing.args[0] + gate.args[0]).is_number:
                rest = without(node, factor, growing) * gate ** (power - 1)
                return rest * sympy.exp(constant) * sigmoid(-gate.args[0])
    return None


def _tanh(node: sympy.Expr) -> sympy.Expr | None:
    """``expm1(u)*sigmoid(-u)`` and ``sinh(u)*sech(u/2)**2/2`` are ``tanh(u/2)``, ``sinh(u)*sech(u)`` is ``tanh(u)``."""
    for rising in node.args:
        if isinstance(rising, expm1) and (gate := sigmoid(-rising.args[0])) in node.args:
            return without(node, rising, gate) * tanh(rising.args[0] / 2)
        if isinstance(rising, sinh) and (falling := sech(rising.args[0])) in node.args:
            return without(node, rising, falling) * tanh(rising.args[0])
        if isinstance(rising, sinh) and (falling := sech(rising.args[0] / 2) ** 2) in node.args:
            return 2 * without(node, rising, falling) * tanh(rising.args[0] / 2)
    return None


def _exp_times_sech(node: sympy.Expr) -> sympy.Expr | None:
    """``exp(u)*sech(u)`` is ``2*sigmoid(2*u)``."""
    for falling in node.args:
        if isinstance(falling, sech):
            for growing in node.args:
                if isinstance(growing, sympy.exp) and growing.args[0] in (falling.args[0], -falling.args[0]):
                    return 2 * without(node, growing, falling) * sigmoid(2 * growing.args[0])
    return None


def _on_one_side(node: sympy.Expr) -> sympy.Expr | None:
    """``u*step(u)`` is ``relu(u)``."""
    for side in node.args:
        if isinstance(side, step) and side.args[0] in node.args:
            return without(node, side, side.args[0]) * relu(side.args[0])
    return None


def _sin_over(node: sympy.Expr) -> sympy.Expr | None:
    """``sin(k*u)/u`` is ``k*sinc(k*u)``."""
    for wave in node.args:
        if not isinstance(wave, sin):
            continue
        for divisor in node.args:
            base, power = divisor.as_base_exp()
            factor = wave.args[0] / base
            if power == -1 and not base.is_number and sympy.fraction(factor)[1].is_number:
                return without(node, wave, divisor) * factor * sinc(wave.args[0])
    return None


def _gate(node: sympy.Expr) -> sympy.Expr | None:
    """``u*sigmoid(u)`` is silu, ``u*tanh(softplus(u))`` mish, ``u*(1 + erf(u/sqrt(2)))`` twice gelu."""
    for gate in node.args:
        found = _gated(gate)
        if found and found[0] in node.args:
            inner, whole = found
            return without(node, gate, inner) * whole
    return None


def _gated(gate: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr] | None:
    """Return what a gate must be multiplied with to be a named activation, and that activation."""
    if isinstance(gate, sigmoid) and gate.args[0].is_Symbol:
        return gate.args[0], silu(gate.args[0])
    if isinstance(gate, tanh) and isinstance(gate.args[0], softplus):
        return gate.args[0].args[0], mish(gate.args[0].args[0])
    if isinstance(gate, sympy.Add) and len(gate.args) == 2 and (number := gate.args[0]).is_number:
        factor, bent = gate.args[1].as_coeff_Mul()
        if isinstance(bent, erf) and factor == number:
            return bent.args[0] * _SQRT2, 2 * number * gelu(bent.args[0] * _SQRT2)
    if isinstance(gate, erfc):
        return -gate.args[0] * _SQRT2, 2 * gelu(-gate.args[0] * _SQRT2)
    return None


def without(product: sympy.Expr, *parts: sympy.Expr) -> sympy.Expr:
    """Return a product without some of its factors."""
    return sympy.Mul(*(factor for factor in sympy.Mul.make_args(product) if factor not in parts))


def _add(node: sympy.Expr) -> sympy.Expr:
    """``k*exp(u) - k`` is expm1, ``k - k*gompertz(u)`` cloglog, ``k - k*sigmoid(u)`` is ``k*sigmoid(-u)``, ..."""
    number = node.args[0]
    if not number.is_number:
        return _hyperbolic(_elu(node))
    for term in node.args[1:]:
        factor, inner = term.as_coeff_Mul()
        if inner.func in _FROM_ONE and factor == -number:
            return number * _FROM_ONE[inner.func](inner.args[0]) + sympy.Add(
                *(other for other in node.args[1:] if other != term)
            )
    return node


_FROM_ONE: dict[Any, Callable[[sympy.Expr], sympy.Expr]] = {
    sympy.exp: lambda u: -expm1(u),
    gompertz: lambda u: cloglog(-u),
    sigmoid: lambda u: sigmoid(-u),
}
"""What ``1 - f(u)`` is, by function, without the digits that the difference would lose."""


def _elu(node: sympy.Expr) -> sympy.Expr:
    """``k*relu(u) + k*expm1(-relu(-u))`` is ``k*elu(u)``."""
    for term in node.args:
        factor, falling = term.as_coeff_Mul()
        if isinstance(falling, expm1) and isinstance(below := -falling.args[0], relu):
            inner = -below.args[0]
            straight = factor * relu(inner)
            if straight in node.args:
                return sympy.Add(*(each for each in node.args if each not in (term, straight))) + factor * elu(inner)
    return node


def _hyperbolic(node: sympy.Expr) -> sympy.Expr:
    """``k*exp(u) + k*exp(-u)`` is ``2*k*cosh(u)``, ``k*exp(u) - k*exp(-u)`` is ``2*k*sinh(u)``."""
    if not isinstance(node, sympy.Add) or len(node.args) != 2:
        return node
    (first, one), (second, other) = (term.as_coeff_Mul() for term in node.args)
    if not (isinstance(one, sympy.exp) and isinstance(other, sympy.exp) and one.args[0] == -other.args[0]):
        return node
    if first == second:
        return 2 * first * cosh(one.args[0])
    return 2 * first * sinh(one.args[0]) if first == -second else node


def _log(node: sympy.Expr) -> sympy.Expr:
    """``log(c + k*exp(u))`` is softplus, ``log(1 + u)`` log1p, of sigmoid logsigmoid, of cosh logcosh, and so on."""
    inner = node.args[0]
    factor, grown = inner.as_coeff_Mul()
    if isinstance(grown, cosh) and factor.is_positive:
        return sympy.log(factor) + logcosh(grown.args[0])
    number, rest = inner.as_coeff_Add()
    factor, grown = rest.as_coeff_Mul()
    if isinstance(grown, sympy.exp) and number.is_positive and factor.is_positive:
        return sympy.log(number) + softplus(grown.args[0] + sympy.log(factor / number))
    if (wide := _of_asinh(inner)) is not None:
        return asinh(wide)
    if isinstance(inner, sigmoid):
        return logsigmoid(inner.args[0])
    if isinstance(inner, sympy.Add) and inner.args[0] == 1:
        return _log1p(log1p(inner - 1))
    return node


def _of_asinh(inner: sympy.Expr) -> sympy.Expr | None:
    """Return ``u`` of ``u + sqrt(u**2 + 1)``."""
    if isinstance(inner, sympy.Add) and len(inner.args) == 2:
        for root, wide in (inner.args, inner.args[::-1]):
            if isinstance(root, sympy.Pow) and root.exp == sympy.S.Half and (root.base - wide**2 - 1).is_zero:
                return wide
    return None


def _log1p(node: sympy.Expr) -> sympy.Expr:
    """``log1p(exp(u))`` is ``softplus(u)`` and ``log1p(-sigmoid(u))`` is ``logsigmoid(-u)``."""
    inner = node.args[0]
    if isinstance(inner, sympy.exp):
        return softplus(inner.args[0])
    return logsigmoid(-(-inner).args[0]) if isinstance(-inner, sigmoid) else node


def _exp(node: sympy.Expr) -> sympy.Expr:
    """``exp(-u**2/2)`` is ``gaussian(u)`` and ``exp(-exp(u))`` is ``gompertz(-u)``."""
    factor, inner = node.args[0].as_coeff_Mul()
    if factor == sympy.Rational(-1, 2) and isinstance(inner, sympy.Pow) and inner.exp == 2:
        return gaussian(inner.base)
    return gompertz(-inner.args[0]) if factor == -1 and isinstance(inner, sympy.exp) else node


def _relu(node: sympy.Expr) -> sympy.Expr:
    """``relu(k*expm1(u))`` is ``k*expm1(relu(u))``, with what is never negative beside it, or ``min`` for ``-k``."""
    inner = node.args[0]
    factors = sympy.Mul.make_args(inner)
    rising = [factor for factor in factors if isinstance(factor, expm1)]
    others = [factor for factor in factors if factor not in rising]
    if len(rising) != 1 or not all(other.is_number or other.func in _NEVER_NEGATIVE for other in others):
        return node
    beside, argument = sympy.Mul(*others), rising[0].args[0]
    if _sign(others) > 0:
        return beside * expm1(relu(argument))
    return beside * expm1(-relu(-argument))


def _sign(factors: list[sympy.Expr]) -> int:
    return -1 if sympy.Mul(*(factor for factor in factors if factor.is_number)).is_negative else 1


_NEVER_NEGATIVE = (sigmoid, sympy.exp, softplus, gaussian, sech, cosh, absolute, relu, step)


def _least(node: sympy.Expr) -> sympy.Expr:
    """``min(c, k*exp(u))`` is ``k*exp(min(log(c/k), u))``."""
    for number, other in (node.args, reversed(node.args)):
        factor, growing = other.as_coeff_Mul()
        if number.is_positive and factor.is_positive and isinstance(growing, sympy.exp):
            return factor * sympy.exp(get("min").build(sympy.log(number / factor), growing.args[0]))
    return node


def _cbrt(node: sympy.Expr) -> sympy.Expr:
    """``cbrt(u**3)`` is ``u``."""
    inner = node.args[0]
    return inner.base if isinstance(inner, sympy.Pow) and inner.exp == 3 else node


def _atan(node: sympy.Expr) -> sympy.Expr:
    """``atan(sinh(u))`` is ``2*atan(tanh(u/2))`` and ``atan(exp(u))`` is ``pi/4 + atan(tanh(u/2))``."""
    inner = node.args[0]
    if isinstance(inner, sinh):
        return 2 * atan(tanh(inner.args[0] / 2))
    return sympy.pi / 4 + atan(tanh(inner.args[0] / 2)) if isinstance(inner, sympy.exp) else node


_SMALL = (sympy.Pow, sympy.exp)
_RULES: dict[Any, Callable[[sympy.Expr], sympy.Expr]] = {
    sympy.Pow: _pow,
    sympy.Mul: _mul,
    sympy.Add: _add,
    sympy.log: _log,
    log1p: _log1p,
    sympy.exp: _exp,
    relu: _relu,
    get("min").function: _least,
    atan: _atan,
    cbrt: _cbrt,
}
