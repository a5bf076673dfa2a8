"""Every property by name, each a small rule.

A difference counts from a millionth of the function's size on, which is its root mean square under a standard normal
input: that is also how exactly two functions are told apart (:data:`primitives.identity.TOLERANCE`).
"""

from __future__ import annotations

import numpy as np

from evaluators.judging.looks import AT_NODES, AT_WIDE, GRID, Looks
from evaluators.judging.properties.curve import Curve
from evaluators.judging.properties.property import Property, Truths
from evaluators.theory.density import Array
from primitives.growth import Tail, growth
from primitives.identity import TOLERANCE
from primitives.registries import Registry

_KINK = 1e-3
"""Jump of the slope, in root mean squares of the slope, from which on a formula is not smooth."""
_BESIDE, _SHARE = 2.0, 0.05
"""A jump on the grid: two steps that each change more than so many times what those beside them do, and than such a
share of the root mean square. Of the library and 300 random functions 2 % are told wrongly."""
_TOUCHES = 1e-3
"""A smallest value, in root mean squares of the function, that counts as a zero between two points."""
_TINY, _TINY_AT_A_GLANCE = 1e-100, 1e-30
"""A zero beyond a value smaller than this is one that a float cannot hold."""
_SETTLES = 0.8
"""A tail that moves from 100 to 200 by less than this share of what it moved from 50 to 100 has a limit."""
_ORDER = np.argsort(GRID, kind="stable")
_SORTED = GRID[_ORDER]
_ZERO = int(np.argmin(np.abs(_SORTED)))
_FAR_FROM, _MIDDLE_TO = 50.0, 20.0
_GROWS = 1.5
_OCTAVES = [2.0**n * np.linspace(1.0, 1.97, 64) for n in (7, 23)]


def _whole(looks: Looks) -> Array:
    """Return values in the order of inputs, which are symmetric about 0."""
    return looks.values[:, _ORDER]


def _size(looks: Looks) -> Array:
    return np.sqrt(looks.rows.second_moment)[:, None]


def _mirrors(values: Array, size: Array | float, sign: float) -> Truths:
    """Tell whether functions equal their mirror images, up to a sign."""
    room = TOLERANCE * np.maximum(np.abs(values), size)
    return np.asarray((np.abs(values - sign * values[..., ::-1]) <= room).all(axis=-1))


def _never_turns(values: Array, size: Array | float) -> Truths:
    """Tell whether values never fall, or never rise."""
    steps = np.diff(values, axis=-1)
    room = 1e-9 * (np.abs(values[..., 1:]) + size)
    return np.asarray((steps >= -room).all(axis=-1) | (steps <= room).all(axis=-1))


# --- bounded ----------------------------------------------------------------------------------


def _bounded(curve: Curve) -> bool:
    return all(_has_limits(curve, tail, side) for tail, side in zip(growth(curve.expression), (-1.0, 1.0), strict=True))


def _has_limits(curve: Curve, tail: Tail, side: float) -> bool:
    """Tell whether a tail stays within limits; one that swings must not swing wider far out."""
    if tail.kind != "oscillating":
        return tail.kind in ("vanishing", "constant")
    near, far = (np.abs(curve.at(side * octave)).max() for octave in _OCTAVES)
    return bool(far <= _GROWS * near + TOLERANCE)


def _looks_bounded(looks: Looks) -> Truths:
    values, far = np.abs(_whole(looks)), np.abs(_SORTED) >= _FAR_FROM
    middle = values[:, np.abs(_SORTED) <= _MIDDLE_TO].max(axis=1)
    passes = np.ones(len(looks), dtype=bool)
    for side in (-1.0, 1.0):
        first, second, third = (looks.values[:, _place(side * x)] for x in (50.0, 100.0, 200.0))
        settles = np.abs(third - second) <= _SETTLES * np.abs(second - first) + TOLERANCE
        passes &= settles | (values[:, far & (side * _SORTED > 0)].max(axis=1) <= _GROWS * middle)
    return passes


def _place(x: float) -> int:
    return AT_WIDE.start + int(np.argmin(np.abs(GRID[AT_WIDE] - x)))


# --- monotone, smooth -------------------------------------------------------------------------


def _monotone(curve: Curve) -> bool:
    room = TOLERANCE * curve.steepness
    one_way = (curve.slopes >= -room).all() or (curve.slopes <= room).all()
    return bool(one_way and _never_turns(curve.values, curve.size))


def _smooth(curve: Curve) -> bool:
    return not (curve.jumps("value", _KINK) or curve.jumps("slope", _KINK))


def _twice_differentiable(curve: Curve) -> bool:
    return _smooth(curve) and not curve.jumps("bend", _KINK)


def _looks_smooth(looks: Looks) -> Truths:
    return ~(_jumps_at_a_glance(looks.rows.slopes) | _jumps_at_a_glance(looks.rows.values))


def _looks_twice_differentiable(looks: Looks) -> Truths:
    bends = np.diff(looks.rows.slopes, axis=1) / looks.rows.grid.step
    return _looks_smooth(looks) & ~_jumps_at_a_glance(bends)


def _jumps_at_a_glance(values: Array) -> Truths:
    """Tell which rows change within two steps of the grid by far more than beside those."""
    steps = np.abs(np.diff(values, axis=1))
    pair = steps[:, 2:-3] + steps[:, 3:-2]
    beside = np.max([steps[:, :-5], steps[:, 1:-4], steps[:, 4:-1], steps[:, 5:]], axis=0)
    size = np.sqrt((values**2).mean(axis=1))[:, None]
    return np.asarray((pair > 2 * _BESIDE * beside + _SHARE * size).any(axis=1))


# --- odd, even, zero at zero, positive --------------------------------------------------------


def _zero_at_zero(curve: Curve) -> bool:
    return bool(np.abs(curve.at(np.zeros(1)))[0] <= TOLERANCE * curve.size)


def _looks_zero_at_zero(looks: Looks) -> Truths:
    return np.asarray(np.abs(_whole(looks)[:, _ZERO]) <= TOLERANCE * _size(looks)[:, 0])


def _positive(curve: Curve) -> bool:
    values = curve.values
    dips = (values[1:-1] < np.minimum(values[:-2], values[2:])) & (values[1:-1] < _TOUCHES * curve.size)
    return bool(_stays_positive(values[None], _TINY)[0] and not dips.any())


def _stays_positive(values: Array, tiny: float) -> Truths:
    """Tell whether values are above 0, or 0 only beyond what a float can hold."""
    middle = values.shape[1] // 2
    passes = (values >= 0).all(axis=1) & (values[:, middle] > 0)
    for side in (values[:, :middle], values[:, middle + 1 :]):
        least = np.where(side > 0, side, np.inf).min(axis=1)
        passes &= (side > 0).all(axis=1) | (least < tiny)
    return np.asarray(passes)


def _even(curve: Curve) -> bool:
    return bool(_mirrors(curve.values, curve.size, 1.0))


def _odd(curve: Curve) -> bool:
    return bool(_mirrors(curve.values, curve.size, -1.0))


_PROPERTIES = (
    Property(
        "bounded",
        "stays within limits: each tail vanishes, settles, or swings no wider between 2^6 and 2^25",
        "it is not bounded",
        _bounded,
        _looks_bounded,
    ),
    Property(
        "monotone",
        "never falls, or never rises, on [-200, 200], but for a millionth of its slope",
        "it is not monotone",
        _monotone,
        lambda looks: _never_turns(looks.values[:, AT_NODES], _size(looks)),
        {"even": "an even function that never turns is constant"},
    ),
    Property(
        "smooth",
        "value and slope have no jump on [-200, 200] above a thousandth of their size",
        "it is not smooth",
        _smooth,
        _looks_smooth,
    ),
    Property(
        "twice_differentiable",
        "value, slope and second derivative have no jump on [-200, 200] above a thousandth of their size",
        "it is not twice differentiable",
        _twice_differentiable,
        _looks_twice_differentiable,
        {},
        ("smooth",),
    ),
    Property(
        "odd",
        "f(-x) = -f(x) on [-200, 200]",
        "it is not odd",
        _odd,
        lambda looks: _mirrors(_whole(looks), _size(looks), -1.0),
        {"even": "only 0 is both", "positive": "an odd function is negative on one side"},
        ("zero_at_zero",),
    ),
    Property(
        "even",
        "f(-x) = f(x) on [-200, 200]",
        "it is not even",
        _even,
        lambda looks: _mirrors(_whole(looks), _size(looks), 1.0),
    ),
    Property(
        "zero_at_zero",
        "f(0) = 0",
        "it is not zero at zero",
        _zero_at_zero,
        _looks_zero_at_zero,
        {"positive": "what is positive is not 0 at 0"},
    ),
    Property(
        "positive",
        "f(x) > 0 on [-200, 200]; a tail that a float cannot tell from 0 counts as positive",
        "it is not positive",
        _positive,
        lambda looks: _stays_positive(_whole(looks), _TINY_AT_A_GLANCE),
    ),
)

PROPERTIES: Registry[Property] = Registry("property", {each.name: each for each in _PROPERTIES}, Property)
"""Every property by name; an extension adds to it with ``PROPERTIES.register(name, Property(...))``."""
