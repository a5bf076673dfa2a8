"""How a formula is computed where its spelling would overflow: the same function, its large parts taken out first.

A formula keeps the spelling that a person chose; what is executed does not. ``exp(u)*sigmoid(v)`` is computed as
``exp(u + logsigmoid(v))``, a quotient of sums of exponentials after division by the largest of them, a part behind a
step as a case, a learnable power of a function that may be 0 by cases. Each rule is an identity; ratios keep their
slopes, because what a quotient is divided by falls out of them whatever its own slope is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import sympy

from primitives.canonical import canonical, without
from primitives.sampled import Values
from primitives.special import sech, where
from primitives.table import (
    absolute,
    atan,
    cosh,
    erf,
    erfc,
    expm1,
    get,
    gompertz,
    gumbel,
    log1p,
    logsigmoid,
    relu,
    sigmoid,
    sinh,
    step,
    tanh,
)

_X = sympy.Symbol("x")
_FAR = np.array([-1000.0, 1000.0])
_LARGE = 100.0
_ONE = sympy.Integer(1)


def stable(body: sympy.Expr) -> sympy.Expr:
    """Return what computes a formula without an overflow that its value does not have."""
    if not body.has(sympy.exp, expm1, sinh, cosh, step, atan, erf, tanh, sympy.Pow):
        return body
    plain = body.replace(_is_power_of_number, lambda node: sympy.exp(node.exp * sympy.log(node.base)))
    return _walked(plain if plain == body else canonical(plain))


def _is_power_of_number(node: sympy.Expr) -> bool:
    return bool(node.is_Pow and node.base.is_Rational and node.base.is_positive and node.exp.has(_X))


def _walked(node: sympy.Expr) -> sympy.Expr:
    """Return a node with its rule applied once, after those of its arguments."""
    if node.is_Atom or node.is_number:
        return node
    arguments = tuple(_walked(argument) for argument in node.args)
    node = node if arguments == node.args else node.func(*arguments)
    rule = _RULES.get(node.func)
    return rule(node) if rule is not None else node


# --- products ------------------------------------------------------------------------------------


def _product(node: sympy.Expr) -> sympy.Expr:
    return _behind_a_step(node) or _rising_from_zero(_scaled_product(node))


def _behind_a_step(node: sympy.Expr) -> sympy.Expr | None:
    """``step(u)*v`` is ``v`` where ``u > 0`` and 0 elsewhere, and ``(1 - step(u))*v`` the other way round."""
    for factor in node.args:
        rest = without(node, factor)
        if not rest.has(sympy.exp, expm1, sinh, cosh, sympy.log, sympy.Pow):
            continue
        rest = _product(rest) if rest.is_Mul else rest
        if isinstance(factor, step):
            return where(factor.args[0], rest, 0)
        if isinstance(factor, sympy.Add) and len(factor.args) == 2 and factor.args[0] == 1:
            other = -factor.args[1]
            if isinstance(other, step):
                return where(other.args[0], 0, rest)
    return None


def _scaled_product(node: sympy.Expr) -> sympy.Expr:
    """Divide each sum with growing exponentials by the largest of them where something else may shrink as fast."""
    sums = [factor for factor in node.args if _sum_that_grows(factor.as_base_exp()[0])]
    falling = [factor for factor in sums if factor.is_Pow and not factor.exp.is_positive]
    if not sums or not (falling or any(_shrinks(factor) for factor in node.args if factor not in sums)):
        return node
    return sympy.Mul(*(_scaled(factor) if factor in sums else factor for factor in node.args))


def _merged(node: sympy.Expr) -> sympy.Expr:
    """Put all that falls or grows exponentially under one exponential."""
    if not node.is_Mul:
        return node
    exponentials = [factor for factor in node.args if isinstance(factor, sympy.exp)]
    if len(exponentials) > 1 and any(map(_grows, exponentials)):
        together = sympy.exp(sympy.Add(*(factor.args[0] for factor in exponentials)))
        return _merged(without(node, *exponentials) * together)
    growing = [factor for factor in node.args if isinstance(factor, (sympy.exp, sinh, cosh)) and _grows(factor)]
    falling = [factor for factor in node.args if isinstance(factor.as_base_exp()[0], (sigmoid, sech, gompertz))]
    if not growing or not falling:
        return node
    for factor in growing:
        if isinstance(factor, sympy.exp) and (inner := gompertz(-factor.args[0])) in falling:
            return without(node, factor, inner) * gumbel(-factor.args[0])
    parts = [_logarithm(factor) for factor in (*growing, *falling)]
    if any(part is None for part in parts):
        return node
    exponents, beside = zip(*(part for part in parts if part is not None), strict=True)
    return without(node, *growing, *falling) * sympy.Mul(*beside) * sympy.exp(sympy.Add(*exponents))


def _logarithm(factor: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr] | None:
    """Return ``u`` and ``v`` of which a factor is ``exp(u)*v``, with ``v`` bounded, ``None`` of what has none."""
    base, power = factor.as_base_exp()
    if isinstance(factor, sympy.exp):
        return factor.args[0], _ONE
    inner = base.args[0]
    size = absolute(inner)
    if isinstance(base, sigmoid):
        return power * logsigmoid(inner), _ONE
    if isinstance(base, sech):
        return -power * size, (2 * sigmoid(2 * size)) ** power
    if isinstance(base, (sinh, cosh)) and power == 1:
        even = (1 + sympy.exp(-2 * size)) / 2
        return size, even * tanh(inner) if isinstance(base, sinh) else even
    return None


def _rising_from_zero(node: sympy.Expr) -> sympy.Expr:
    """``expm1(u)*v`` is ``-expm1(-u)*exp(u)*v`` where u is positive, if it grows and something beside it falls."""
    for rising in node.args:
        if not (isinstance(rising, expm1) and _grows(rising)):
            continue
        rest = without(node, rising)
        if any(_shrinks(factor) for factor in sympy.Mul.make_args(rest)):
            inner = rising.args[0]
            return where(inner, -expm1(-inner) * _merged(sympy.exp(inner) * rest), rising * _merged(rest))
    return _merged(node)


# --- sums ----------------------------------------------------------------------------------------


def _sum(node: sympy.Expr) -> sympy.Expr:
    """``k*pi/2 + k*atan(u)`` is ``-k*atan(1/u)`` where u is far below 0; 1 + erf is erfc, 1 + tanh sigmoid."""
    number, rest = node.as_coeff_Add()
    for term in node.args if number else ():
        factor, bent = term.as_coeff_Mul()
        if isinstance(bent, (erf, tanh)) and abs(factor) == abs(number):
            sign, inner = factor / number, bent.args[0]
            whole = erfc(-sign * inner) if isinstance(bent, erf) else 2 * sigmoid(2 * sign * inner)
            return number * whole + sympy.Add(*(other for other in node.args if other not in (term, number)))
    for term in node.args:
        factor, angle = term.as_independent(atan, as_Add=False)
        if not isinstance(angle, atan) or not factor.is_number or len(node.args) != 2 or rest != term:
            continue
        inner = angle.args[0]
        if number == abs(factor) * sympy.pi / 2:
            below = where(-inner - 1, inner, -1) if factor.is_positive else where(inner - 1, inner, 1)
            side = -inner - 1 if factor.is_positive else inner - 1
            return where(side, -factor * atan(1 / below), node)
    return node


# --- powers and logarithms -----------------------------------------------------------------------


def _power(node: sympy.Expr) -> sympy.Expr:
    base, exponent = node.base, node.exp
    if not exponent.is_number:
        if isinstance(base, sigmoid):
            return sympy.exp(exponent * logsigmoid(base.args[0]))
        if isinstance(base, relu) or base.func == absolute:
            inner = base.args[0] if isinstance(base, relu) else base
            return where(inner, where(inner, inner, 1) ** exponent, 0)
    if _sum_that_grows(base) and not (exponent.is_Integer and exponent.is_positive):
        return _scaled(node)
    return node


def _log(node: sympy.Expr) -> sympy.Expr:
    inner = node.args[0]
    if not _sum_that_grows(inner):
        return node
    largest, terms = _divided(inner)
    if isinstance(node, log1p):
        return largest + log1p(expm1(-largest) + sympy.Add(*terms))
    return largest + sympy.log(sympy.Add(*terms))


def _relu(node: sympy.Expr) -> sympy.Expr:
    """``relu(k*expm1(u))`` with a learnable k is ``k*expm1(relu(u))`` or, where k is negative, of ``min(0, u)``."""
    factors = sympy.Mul.make_args(node.args[0])
    rising = [factor for factor in factors if isinstance(factor, expm1) and _grows(factor)]
    others = [factor for factor in factors if factor not in rising]
    if len(rising) != 1 or not others or any(other.has(_X) for other in others):
        return node
    beside, inner = sympy.Mul(*others), rising[0].args[0]
    return beside * expm1(where(beside, relu(inner), -relu(-inner)))


# --- sums of exponentials ------------------------------------------------------------------------


def _sum_that_grows(node: sympy.Expr) -> bool:
    return isinstance(node, sympy.Add) and any(_exponents(term, grows=True) for term in node.args)


def _exponents(term: sympy.Expr, grows: bool) -> list[sympy.Expr]:
    """Return what exponentials a term is a multiple of are raised to, of an expm1 as well."""
    factors = [each for each in sympy.Mul.make_args(term) if isinstance(each, (sympy.exp, expm1))]
    return [factor.args[0] for factor in factors if not grows or _grows(factor)]


def _scaled(node: sympy.Expr) -> sympy.Expr:
    """Return a power of a sum as one of the sum divided by its largest exponential, which comes before it."""
    base, exponent = node.as_base_exp()
    largest, terms = _divided(base)
    return sympy.exp(exponent * largest) * sympy.Add(*terms) ** exponent


def _divided(total: sympy.Expr) -> tuple[sympy.Expr, list[sympy.Expr]]:
    """Return the logarithm of the largest exponential of a sum, at least 0, and the terms divided by it."""
    exponents = [exponent for term in total.args for exponent in _exponents(term, grows=True)]
    largest = _largest(list(dict.fromkeys(exponents)))
    return largest, [_shifted(term, largest) for term in total.args]


def _shifted(term: sympy.Expr, largest: sympy.Expr) -> sympy.Expr:
    """Return a term times ``exp(-largest)``, under one exponential where it has one."""
    for factor in sympy.Mul.make_args(term):
        if isinstance(factor, expm1) and _grows(factor):
            rest = term / factor
            return rest * (sympy.exp(factor.args[0] - largest) - sympy.exp(-largest))
    exponentials = [factor for factor in sympy.Mul.make_args(term) if isinstance(factor, sympy.exp)]
    exponent = sympy.Add(*(factor.args[0] for factor in exponentials), -largest)
    return without(term, *exponentials) * sympy.exp(exponent)


def _largest(exponents: Sequence[sympy.Expr]) -> sympy.Expr:
    """Return the largest of some exponents and 0."""
    rates = [exponent.as_coefficient(_X) for exponent in exponents]
    if all(rate is not None and rate.is_number for rate in rates):
        up = max((rate for rate in rates if rate.is_positive), default=sympy.S.Zero)
        down = min((rate for rate in rates if rate.is_negative), default=sympy.S.Zero)
        return (relu(up * _X) if up else sympy.S.Zero) + (relu(down * _X) if down else sympy.S.Zero)
    found = exponents[0]
    for exponent in exponents[1:]:
        found = get("max").build(found, exponent)
    return relu(found)


def _grows(node: sympy.Expr) -> bool:
    """Tell whether an exponential may overflow: with a learnable part it may at either end."""
    inner = node.args[0]
    if not inner.has(_X):
        return False
    if inner.free_symbols != {_X}:
        return True
    found = Values(_FAR, {}).of(inner)
    if found is None:
        return True
    ends = np.abs(found) if isinstance(node, (sinh, cosh)) else found
    return bool((ends > _LARGE).any())


def _shrinks(factor: sympy.Expr) -> bool:
    """Tell whether a factor may fall as fast as exponentials grow."""
    base, power = factor.as_base_exp()
    if isinstance(base, (sigmoid, sech, gompertz)):
        return True
    if isinstance(factor, sympy.exp):
        return True
    return bool(factor.is_Pow and not power.is_positive and _sum_that_grows(base))


_RULES: dict[type, Callable[[sympy.Expr], sympy.Expr]] = {
    sympy.Mul: _product,
    sympy.Add: _sum,
    sympy.Pow: _power,
    sympy.log: _log,
    log1p: _log,
    relu: _relu,
}
