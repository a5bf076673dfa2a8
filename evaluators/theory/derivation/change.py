"""What adding a little of the correction does to the output entropy: which sign descends, and by how much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import sympy

from evaluators.theory.algebra import plain, slope, tidy
from evaluators.theory.correction import Correction
from evaluators.theory.density import Density, EmpiricalDensity
from evaluators.theory.derivation.worst import antiderivative, value_at
from evaluators.theory.entropy import LEAST_ATOM, along, raw_entropy, raw_variation, variation
from evaluators.theory.pieces import Piece, pieces
from evaluators.theory.quadrature import Samples, finite_sample, quadrature, sample
from primitives import Expression, compile_expression
from primitives.expression import X

_LONG = 30
_TAIL = 0.01
"""Share of an expectation that the outermost 64th of the nodes on either side may carry."""

_NOTHING = 1e-6
"""Nats a unit of epsilon below which an entropy counts as unchanged."""

Sign = Literal[-1, 1]


@dataclass(frozen=True)
class Change:
    """Derivatives of the output entropy by epsilon at 0, in nats, and entropies a step to either side.

    Attributes:
        raw: of the raw entropy; where flat pieces hold mass, of the entropy *given that f is not
            flat*, not weighted by the probability of that; ``None`` where there is none.
        exact: the same as a number of sympy's, where the integral has a closed form; a sample's
            numbers come from the sample, so it has none.
        trouble: why there is no ``raw``, else empty.
        flat: mass of the output on single points, those of flat pieces.
        standardised: of the entropy of the standardised, smoothed output.
        before, plus, minus: that entropy at epsilon 0, +size and -size.
    """

    raw: float | None
    exact: sympy.Expr | None
    trouble: str
    flat: float
    standardised: float
    before: float
    plus: float
    minus: float


@dataclass(frozen=True)
class Descending:
    """The sign of epsilon that lowers the output entropy, by each measure.

    Attributes:
        theory: of the first-order change p' - p f''/f', sure where f is smooth and invertible.
        raw: of the measured derivative of the raw entropy (given that f is not flat); ``None``
            where there is none or it is zero.
        standardised: of that of the standardised, smoothed entropy; ``None`` where it is zero.
    """

    theory: Sign | None
    raw: Sign | None
    standardised: Sign | None


def descending(found: Correction, measured: Change) -> Descending:
    """Return the signs of epsilon that lower the entropy."""
    return Descending(1 if found.factor > 0 else -1, _against(measured.raw), _against(measured.standardised))


def _against(rate: float | None) -> Sign | None:
    """Return the sign of a step that lowers what changes at a rate."""
    if rate is None or abs(rate) < _NOTHING:
        return None
    return -1 if rate > 0 else 1


def change(expression: Expression, found: Correction, density: Density, size: float) -> Change:
    """Measure what f + epsilon*term does to the entropy of f.

    Args:
        expression: f.
        found: its correction.
        density: of the input.
        size: the step of epsilon, positive.
    """
    samples = finite_sample(expression, quadrature(density))
    direction = sample(Expression(found.term, expression.initial), samples.under)
    jumps = any(_is_steep_about(expression, end) for end in jumps_of(found.term, expression))
    raw, trouble, flat = _raw(samples, direction, jumps, _open_ends(expression))
    minus, before, plus = along(samples, direction.values, np.array([-size, 0.0, size]))
    smooth = _is_monotone(samples) and not jumps and not found.regularised and raw is not None
    formal = smooth and not isinstance(density, EmpiricalDensity)
    exact = _exact(expression, found.term, density) if formal else None
    return Change(
        raw if exact is None else float(exact),
        exact,
        trouble,
        flat,
        variation(samples, direction.values),
        float(before),
        float(plus),
        float(minus),
    )


def jumps_of(term: sympy.Expr, expression: Expression) -> tuple[float, ...]:
    """Return where the correction of an expression jumps."""
    compiled = compile_expression(Expression(term, expression.initial))
    ends = np.array([float(part.low) for part in pieces(term)[1:]])
    either_side = [compiled.at(ends + side) for side in (-1e-9, 1e-9)]
    return tuple(float(end) for end in ends[np.abs(either_side[1] - either_side[0]) > 1e-6])


def _is_steep_about(expression: Expression, end: float) -> bool:
    """Tell whether a function is flat on neither side of a point."""
    return bool(compile_expression(expression).slope_at(np.array([end - 1e-9, end + 1e-9])).all())


def _open_ends(expression: Expression) -> tuple[bool, bool]:
    """Tell whether the outermost pieces of a function, left and right, have a slope."""
    parts = pieces(expression.body)
    return slope(parts[0].body) != 0, slope(parts[-1].body) != 0


def _raw(
    samples: Samples, direction: Samples, jumps: bool, open_ends: tuple[bool, bool]
) -> tuple[float | None, str, float]:
    """Return the derivative of the raw entropy, flat pieces held still, or why there is none, and their mass.

    Where f is monotone it is E[df'/f'], exact however small a slope is; folds and jumps need the
    difference quotient.
    """
    rising = samples.slopes != 0
    flat = raw_entropy(samples).atom
    if not _is_monotone(samples) or jumps:
        if flat >= LEAST_ATOM:
            return None, "f is flat in places (to rounding, at least) and not monotone elsewhere, or jumps", flat
        return raw_variation(samples, direction.values), "", flat
    weights = samples.under.weights[rising]
    parts = weights * direction.slopes[rising] / samples.slopes[rising] / weights.sum()
    sizes, edge = np.abs(parts), max(1, len(parts) // 64)
    tails = sizes[:edge].sum() * open_ends[0] + sizes[-edge:].sum() * open_ends[1]
    if not tails <= _TAIL * sizes.sum():
        return None, "in a tail the slope of f falls so fast that the first-order change is infinite", flat
    return float(parts.sum()), "", flat


def _is_monotone(samples: Samples) -> bool:
    steps = np.diff(samples.values)
    return bool((steps >= 0).all() or (steps <= 0).all())


def _exact(expression: Expression, term: sympy.Expr, density: Density) -> sympy.Expr | None:
    """Return E[term'/f'] over the pieces where f is not flat, given one of them; of a monotone f."""
    if expression.initial or density.body.is_rational_function(X) or len(pieces(term)) > 1 or density.body.is_Add:
        return None
    total = mass = sympy.Integer(0)
    rise = slope(term)
    for part in pieces(expression.body):
        steepness = slope(part.body)
        if steepness == 0:
            continue
        if steepness.count_ops() + rise.count_ops() > _LONG:
            return None
        above = _integral(tidy(density.body * rise / steepness), part)
        below = _integral(density.body, part)
        if above is None or below is None:
            return None
        total, mass = total + above, mass + below
    return sympy.simplify(total / mass) if mass != 0 else None


def _integral(body: sympy.Expr, part: Piece) -> sympy.Expr | None:
    """Return the integral over a piece, ``None`` where there is no closed form."""
    merged = sympy.expand(plain(body), power_exp=False)
    integral = sympy.Integer(0)
    for summand in sympy.Add.make_args(sympy.powsimp(merged)):
        found = antiderivative(summand)
        if found is None:
            return None
        integral += found
    ends = [value_at(integral, end) for end in (part.low, part.high)]
    return ends[1] - ends[0] if all(end.is_number and end.is_finite for end in ends) else None
