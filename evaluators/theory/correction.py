"""The EAFO correction of an activation as a formula, in forward form.

To first order the output entropy of ``f`` falls along ``p' - p f''/f'``, with ``p`` the density of
the input (Sun et al. 2024, arXiv 2405.12954, whose correction is written for the inverse of ``f``;
substituting ``y' = 1/f'`` and ``y'' = -f''/f'^3`` gives this). Where ``f`` is flat it is the limit
of a straight branch whose slope goes to 0: ``f'' = 0`` there, which leaves ``p'``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import sympy

from evaluators.theory.algebra import plain, slope, tidy
from evaluators.theory.density import Array, Density
from evaluators.theory.finite import not_finite
from evaluators.theory.pieces import bends, joined
from evaluators.theory.quadrature import finite_sample, quadrature
from primitives import ActsearchError, Expression, ExpressionError, compile_expression, parse
from primitives.canonical import canonical
from primitives.derivative import derivative
from primitives.expression import X
from primitives.names import PARAMETER_NAMES

FLOOR = 0.01
"""Square of the slope below which a slope counts as zero, in units of its mean square."""

_POLE = 0.5
_MASS = 1e-7
_ZERO = 1e-9
_SPIKE = 1e4
_SMALL = 0.05
_AGREES = 1e-6


class VanishingError(ActsearchError):
    """The correction of an activation is zero: under this input its output is uniform already.

    Attributes:
        whole: whether the activation is the input's distribution function, up to scale and shift;
            otherwise it is so only piece by piece, or flat, as ReLU under ``uniform``.
    """

    def __init__(self, message: str, whole: bool) -> None:
        super().__init__(message)
        self.whole = whole


@dataclass(frozen=True)
class Correction:
    """The EAFO correction of an activation: lambda*(p' - p f''/f').

    Attributes:
        term: the correction without its numeric factor, positive in the right tail, e.g.
            ``x*gaussian(x)`` for ReLU under a normal.
        factor: the correction p' - p f''/f' is ``factor*term``; -1/sqrt(2*pi) for ReLU under a
            normal. Its sign is the sign of epsilon in ``f + epsilon*term`` that descends.
        regularised: whether f''/f' had a pole and became f' f''/(f'^2 + floor).
        floor: what was added to f'^2, else 0.
    """

    term: sympy.Expr
    factor: float
    regularised: bool
    floor: float = 0.0


def split(density: Density) -> tuple[sympy.Expr, sympy.Expr]:
    """Return the constant factor of a density and the rest of it, which depends on ``x``."""
    constant, rest = canonical(density.body).as_independent(X, as_Add=False)
    return constant, canonical(rest)


def slopes(expression: Expression) -> tuple[sympy.Expr, sympy.Expr]:
    """Return f' and f'' almost everywhere, in functions that a formula can name."""
    first = slope(expression.body)
    return first, slope(first)


def residue(expression: Expression, density: Density) -> sympy.Expr:
    """Return p'/p - f''/f', simplified: 0 when f is the input's distribution function, up to scale and shift."""
    first, second = slopes(expression)
    return tidy(relative(split(density)[1]) - tidy(second / first))


def relative(rest: sympy.Expr) -> sympy.Expr:
    """Return p'/p, which the constant factor of p has no part in."""
    return tidy(slope(rest) / rest)


def _ratios(body: sympy.Expr, first: sympy.Expr, second: sympy.Expr, floor: sympy.Expr) -> Iterator[sympy.Expr]:
    """Yield formulas of f''/f', or of f' f''/(f'^2 + floor) when there is a floor: whole, and from its pieces."""
    if second == 0:
        yield sympy.Integer(0)
        return
    yield tidy(second / first) if floor == 0 else first * second / (first**2 + floor)
    parts = bends(body, floor)
    if len(parts) > 1 or parts[0].body == 0:
        yield joined(parts)


def correction(expression: Expression, density: Density) -> Correction:
    """Return the correction that lowers the output entropy of an activation under an input density.

    Args:
        expression: f; its parameters stay symbols. Almost everywhere two derivatives are enough.
        density: p, of the pre-activation; of a sample, the mixture fitted to it.

    Raises:
        VanishingError: f is already the worst activation for this input.
        ActsearchError: f is not finite where the density has mass, is constant there or on every
            piece, or has no correction of moderate size.

    Example:
        >>> from evaluators.theory.density import parse_density
        >>> from primitives import resolve
        >>> correction(resolve("tanh"), parse_density("normal")).term
        (x - 2*tanh(x))*gaussian(x)
    """
    finite_sample(expression, quadrature(density))
    first, second = slopes(expression)
    if first == 0:
        raise ActsearchError(f"'{expression.formula}' is flat wherever it has a slope; there is nothing to correct")
    floor = _floor(expression, first, second, density)
    for tried in (floor,) if floor else (sympy.Integer(0), _two_digits(expression, first, density)):
        found = _shortest(expression, density, _ratios(expression.body, first, second, tried))
        if found is not None:
            return Correction(*found, regularised=tried != 0, floor=float(tried))
    raise ActsearchError(
        f"the correction of '{expression.formula}' has no formula that is finite wherever "
        f"the input density '{density}' has mass"
    )


def corrected(expression: Expression, density: Density, size: float = 0.01) -> Expression:
    """Return ``f + epsilon*term`` with a learnable ``epsilon`` that starts at ``size``.

    ReLU under a standard normal gives CRReLU. When f has an ``epsilon`` of its own, the first free
    parameter name takes its place.

    Raises:
        ActsearchError: see :func:`correction`.
    """
    return with_term(expression, correction(expression, density).term, size)


def with_term(expression: Expression, term: sympy.Expr, size: float) -> Expression:
    """Return the expression plus a learnable multiple of a term, which starts at ``size``."""
    free = [name for name in ("epsilon", *PARAMETER_NAMES) if name not in expression.parameters]
    whole = Expression(expression.body + sympy.Symbol(free[0]) * term, (*expression.initial, (free[0], size)))
    try:
        return parse(str(whole))
    except ExpressionError as error:
        raise ActsearchError(f"the corrected '{expression.formula}' is no usable formula: {error}") from None


def unrefined(body: sympy.Expr, density: Density) -> sympy.Expr:
    """Return the correction without its constants as differentiation gives it: ``x*gaussian(x)`` for ReLU, a normal.

    A quarter of the time of :func:`correction`, for a search that looks at the values of what comes of it: nothing is
    checked, the sign is any, and there is a pole where f' is 0 and f'' is not.

    Args:
        body: f, without parameters.
        density: p.
    """
    rest = split(density)[1]
    first = plain(derivative(plain(body), X))
    second = plain(derivative(first, X))
    return canonical(rest * ((tidy(second / first) if second != 0 else second) - relative(rest)))


def _floor(expression: Expression, first: sympy.Expr, second: sympy.Expr, density: Density) -> sympy.Expr:
    """Return what must be added to f'^2: 0 unless f''/f' has a pole where p is above 1e-7 of its peak."""
    under = quadrature(density)
    rise, bend = _at(expression, first, under.nodes), _at(expression, second, under.nodes)
    pdf = compile_expression(Expression(density.body)).at(under.nodes)
    steep = np.abs(bend) * np.gradient(under.nodes) >= _POLE * np.abs(rise)
    if not (steep & (bend != 0) & (pdf > _MASS * pdf.max())).any():
        return sympy.Integer(0)
    return _two_digits(expression, first, density)


def _two_digits(expression: Expression, first: sympy.Expr, density: Density) -> sympy.Expr:
    under = quadrature(density)
    square = under.expectation(_at(expression, first, under.nodes) ** 2)
    return sympy.Rational(f"{FLOOR * square:.2g}") if np.isfinite(square) else sympy.Integer(0)


def _at(expression: Expression, body: sympy.Expr, nodes: Array) -> Array:
    """Return values of a formula in the symbols of an expression, at its initial parameter values."""
    return compile_expression(Expression(body, expression.initial)).at(nodes)


def _shortest(
    expression: Expression, density: Density, ratios: Iterator[sympy.Expr]
) -> tuple[sympy.Expr, float] | None:
    """Return term and factor in the shortest spelling that is finite at the nodes, and far out if one is so.

    Raises:
        ActsearchError: the correction is zero, or beyond all measure.
    """
    constant, rest = split(density)
    nodes = quadrature(density).nodes
    found: list[tuple[Expression, sympy.Expr, float]] = []
    for body, number in (spelling for ratio in ratios for spelling in _spellings(rest, ratio)):
        try:
            values = _at(expression, body, nodes)
        except ExpressionError:
            continue
        if not np.isfinite(values).all():
            continue
        _refuse(expression, density, values * float(number * constant))
        unit = _unit(float(np.abs(values).max()) / density.scale)
        sign = -1 if values[np.flatnonzero(np.abs(values) > _ZERO * np.abs(values).max())[-1]] < 0 else 1
        term = canonical(_times(sign, body / unit))
        found.append((with_term(expression, term, 1.0), term, float(constant * number * unit * sign)))
    found.sort(key=lambda row: row[0].complexity)
    return next((row[1:] for row in found if not not_finite(row[0])), found[0][1:] if found else None)


def _refuse(expression: Expression, density: Density, values: Array) -> None:
    """Raise an error when the values of p' - p f''/f' at the nodes are all zero, or a spike beside p'."""
    nodes = quadrature(density).nodes
    size = np.abs(values) * density.scale**2  # of the order 1 whatever the input's scale
    if size.max() < _ZERO:
        whole = _is_distribution(expression, density)
        reason = (
            f"is already the worst activation for the input density '{density}': it is the distribution function of "
            "the input, up to scale and shift, and its output is uniform"
            if whole
            else f"has a correction of zero under the input density '{density}': on each piece between its kinks it is "
            "flat, or the distribution function of the input up to scale and shift"
        )
        raise VanishingError(f"'{expression.formula}' {reason}, so there is nothing to correct", whole)
    constant, rest = split(density)
    own = np.abs(_at(expression, slope(rest), nodes)) * float(constant) * density.scale**2
    if size.max() > _SPIKE * max(1.0, own.max()):
        where = nodes[np.argmax(size)]
        raise ActsearchError(
            f"'{expression.formula}' all but has a kink at x = {where:.4g}, which makes its correction a spike of "
            f"height {np.abs(values).max():.2g}; write it as a kink, as in relu(x) or abs(x)"
        )


def _is_distribution(expression: Expression, density: Density) -> bool:
    """Tell whether f' is p times one number, but for a thousandth of the mass."""
    under = quadrature(density)
    pdf = density.pdf(under.nodes)
    inside = pdf > _ZERO * pdf.max()
    ratio = compile_expression(expression).slope_at(under.nodes[inside]) / pdf[inside]
    middle = float(np.median(ratio))
    same = np.abs(ratio - middle) <= _AGREES * abs(middle)
    return middle != 0 and bool(under.weights[inside][same].sum() > 0.999)


def _spellings(rest: sympy.Expr, ratio: sympy.Expr) -> Iterator[tuple[sympy.Expr, sympy.Expr]]:
    """Yield formulas of k' - k f''/f', k the density without its constant, divided by k's own numeric factor."""
    number, own = (sympy.Integer(1), slope(rest)) if rest.is_Add else slope(rest).as_content_primitive()
    if ratio == 0:
        yield canonical(own), number
    if not rest.is_Add:
        factor, own_ratio = relative(rest).as_content_primitive()
        yield canonical(rest * tidy(own_ratio - ratio / factor)), factor
    yield canonical(own - rest * ratio / number), number


def _unit(peak: float) -> sympy.Rational:
    """Return what brings a term to the scale of the input: 1 when its peak is there already, else the peak."""
    return sympy.Integer(1) if _SMALL <= peak <= 1 / _SMALL else sympy.Rational(f"{peak:.1e}")


def _times(sign: int, body: sympy.Expr) -> sympy.Expr:
    """Return a product times 1 or -1, its first sum turned where that saves the minus sign."""
    number, product = (sign * body).as_coeff_Mul()
    sums = [factor for factor in sympy.Mul.make_args(product) if factor.is_Add]
    if number > 0 or not sums:
        return number * product
    return -number * product.xreplace({sums[0]: sympy.Add(*(-term for term in sums[0].args))})
