"""The distribution of a pre-activation: named, a mixture, a formula, or a measured sample.

A density is written as text, as a user types it after ``--input``::

    normal          normal(0, 0.139)          logistic(0, 0.5)          student(7)
    0.5*normal(-2, 1) + 0.5*normal(2, 1)      exp(-x**4)                preactivations.npy
"""

from __future__ import annotations

import abc
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray
from scipy import fft, stats

from primitives import ActsearchError, Expression, compile_expression, parse
from primitives.errors import unknown
from primitives.expression import X
from primitives.table import absolute

Array = NDArray[np.float64]

NEGLIGIBLE = 1e-15
"""Mass in each tail beyond a density's reach."""


class Density(abc.ABC):
    """A probability density on the real line.

    Attributes:
        name: the text that :func:`parse_density` reads.
        centre, scale: location and spread that a grid should know about, e.g. mean and deviation.
        reach: lowest and highest input that matter; beyond lies less than 1e-15 of the mass.
    """

    name: str
    centre: float
    scale: float
    reach: tuple[float, float]

    @abc.abstractmethod
    def pdf(self, x: Array) -> Array:
        """Return the density at ``x``, of its shape."""

    @abc.abstractmethod
    def slope(self, x: Array) -> Array:
        """Return the derivative of the density at ``x``, of its shape."""

    @property
    @abc.abstractmethod
    def body(self) -> sympy.Expr:
        """The density as a formula in ``x``; of a sample, the Gaussian mixture fitted to it."""

    def __str__(self) -> str:
        """Return the name."""
        return self.name


@dataclass(frozen=True, eq=False)
class SymbolicDensity(Density):
    """A density given by a formula, normalised."""

    name: str
    formula: sympy.Expr
    centre: float
    scale: float
    reach: tuple[float, float]

    @property
    def body(self) -> sympy.Expr:
        """The formula."""
        return self.formula

    @cached_property
    def _compiled(self) -> Expression:
        return Expression(self.formula)

    def pdf(self, x: Array) -> Array:
        """Return the density at ``x``."""
        return compile_expression(self._compiled).at(x)

    def slope(self, x: Array) -> Array:
        """Return its derivative at ``x``, almost everywhere."""
        return compile_expression(self._compiled).slope_at(x)


@dataclass(frozen=True, eq=False)
class EmpiricalDensity(Density):
    """A sample, smoothed by a Gaussian kernel with Silverman's bandwidth on a grid of 4,096 points.

    Attributes:
        sample: the values, sorted.
        bandwidth: of the kernel; it adds its square to the variance.
    """

    name: str
    sample: Array = field(repr=False)
    bandwidth: float
    centre: float
    scale: float
    reach: tuple[float, float]

    @cached_property
    def _grid(self) -> tuple[Array, Array, Array]:
        """Points, density and its derivative on them."""
        count = 4096
        points = np.linspace(*self.reach, count)
        step = points[1] - points[0]
        histogram = binned((self.sample - points[0]) / step, np.full(len(self.sample), 1 / len(self.sample)), count)
        frequencies = 2 * np.pi * fft.rfftfreq(2 * count, d=step)
        smoothing = np.exp(-(frequencies**2) * max(self.bandwidth, step) ** 2 / 2)
        spectrum = fft.rfft(histogram / step, 2 * count) * smoothing
        density = np.maximum(fft.irfft(spectrum, 2 * count)[:count], 0.0)
        slope = fft.irfft(1j * frequencies * spectrum, 2 * count)[:count]
        return points, density, slope

    def pdf(self, x: Array) -> Array:
        """Return the smoothed density at ``x``, zero beyond the reach."""
        points, density, _ = self._grid
        values: Array = np.interp(x, points, density, left=0.0, right=0.0)
        return values

    def slope(self, x: Array) -> Array:
        """Return its derivative at ``x``, zero beyond the reach."""
        points, _, slope = self._grid
        values: Array = np.interp(x, points, slope, left=0.0, right=0.0)
        return values

    @cached_property
    def body(self) -> sympy.Expr:
        """The Gaussian mixture of one to four components that fits best by BIC."""
        from sklearn.mixture import GaussianMixture

        rows = self.sample[:: max(1, len(self.sample) // 5000), None]
        fits = [GaussianMixture(k, random_state=0, n_init=2).fit(rows) for k in range(1, 5)]
        best = min(fits, key=lambda fit: float(fit.bic(rows)))
        parts = zip(best.weights_, best.means_[:, 0], np.sqrt(best.covariances_[:, 0, 0]), strict=True)
        terms = [_number(w, 4) * _normal(_number(m, 4), _number(s, 4)) for w, m, s in sorted(parts, key=lambda p: p[1])]
        total = sum(_number(w, 4) for w in best.weights_)
        return sympy.Add(*terms) / total

    @cached_property
    def misfit(self) -> float:
        """Total variation distance between the smoothed sample and the fitted mixture, in [0, 1]."""
        points, density, _ = self._grid
        fitted = compile_expression(Expression(self.body)).at(points)
        return float(np.abs(density - fitted).sum() * (points[1] - points[0]) / 2)


def binned(positions: Array, weights: Array, count: int) -> Array:
    """Return weights shared among the three bins next to each position; shape (count,).

    The shares keep mean and variance exactly, so a later smoothing is by what it says; one of
    them may be negative, down to an eighth of the weight.

    Args:
        positions: in bins, shape (n,); what lies outside counts at the edge.
        weights: shape (n,).
        count: of bins.
    """
    positions = np.clip(positions, 1.0, count - 2.0)
    middle = np.rint(positions).astype(np.intp)
    offset = positions - middle
    histogram = np.zeros(count)
    histogram += np.bincount(middle, weights * (1 - offset**2), minlength=count)
    histogram += np.bincount(middle - 1, weights * (offset**2 - offset) / 2, minlength=count)
    histogram += np.bincount(middle + 1, weights * (offset**2 + offset) / 2, minlength=count)
    return histogram


# --- the named ones -------------------------------------------------------------------------


def _number(value: float, digits: int = 12) -> sympy.Expr:
    return sympy.Rational(str(float(f"{value:.{digits}g}")))


def _normal(mean: sympy.Expr, deviation: sympy.Expr) -> sympy.Expr:
    return sympy.exp(-(((X - mean) / deviation) ** 2) / 2) / (deviation * sympy.sqrt(2 * sympy.pi))


def _logistic(mean: sympy.Expr, scale: sympy.Expr) -> sympy.Expr:
    decay = sympy.exp(-(X - mean) / scale)
    return decay / (scale * (1 + decay) ** 2)


def _laplace(mean: sympy.Expr, scale: sympy.Expr) -> sympy.Expr:
    return sympy.exp(-absolute(X - mean) / scale) / (2 * scale)


def _student(freedom: sympy.Expr) -> sympy.Expr:
    factor = sympy.gamma((freedom + 1) / 2) / (sympy.sqrt(freedom * sympy.pi) * sympy.gamma(freedom / 2))
    return sympy.gammasimp(factor) * (1 + X**2 / freedom) ** (-(freedom + 1) / 2)


@dataclass(frozen=True)
class _Family:
    """A named density: its formula, its scipy distribution, its default arguments and what they are called."""

    formula: Callable[..., sympy.Expr]
    distribution: Callable[..., Any]
    defaults: tuple[float, ...]
    arguments: str


FAMILIES = {
    "normal": _Family(_normal, stats.norm, (0.0, 1.0), "mean, deviation"),
    "logistic": _Family(_logistic, stats.logistic, (0.0, 1.0), "mean, scale"),
    "laplace": _Family(_laplace, stats.laplace, (0.0, 1.0), "mean, scale"),
    "student": _Family(_student, stats.t, (5.0,), "degrees of freedom"),
}

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_TERM = re.compile(rf"\s*(?:({_NUMBER})\s*\*\s*)?([a-z]+)\s*(?:\(([^()]*)\))?\s*(?:\+|$)")


def parse_density(text: str) -> Density:
    """Return the density that a text names.

    Args:
        text: ``normal``, ``normal(mean, deviation)``, ``logistic(mean, scale)``,
            ``laplace(mean, scale)``, ``student(freedom)``, a weighted sum of these, any formula in
            ``x`` that is positive and integrates (it is normalised), or the path of a ``.npy``
            file with a sample.

    Raises:
        ActsearchError: it is none of these; the density does not integrate or is negative; the
            sample has values that are no numbers, or too few, or all the same.

    Example:
        >>> parse_density("logistic(0, 0.5)").scale
        0.9068996821171089
    """
    name = text.strip()
    return _from_file(Path(name)) if name.endswith(".npy") else _from_text(name)


@lru_cache(maxsize=64)
def _from_text(text: str) -> SymbolicDensity:
    terms = _terms(text)
    if terms is None:
        return _from_formula(text)
    total = sum(weight for weight, _, _ in terms)
    parts = [(weight / total, FAMILIES[name].formula(*map(_number, values))) for weight, name, values in terms]
    frozen = [(weight / total, FAMILIES[name].distribution(*values)) for weight, name, values in terms]
    mean = sum(weight * part.mean() for weight, part in frozen)
    variance = sum(weight * (part.var() + (part.mean() - mean) ** 2) for weight, part in frozen)
    reach = min(part.ppf(NEGLIGIBLE) for _, part in frozen), max(part.isf(NEGLIGIBLE) for _, part in frozen)
    body = sympy.Add(*(_number(weight) * formula for weight, formula in parts))
    return SymbolicDensity(text, body, float(mean), float(np.sqrt(variance)), _floats(reach))


def _floats(pair: tuple[float, float]) -> tuple[float, float]:
    return float(pair[0]), float(pair[1])


def _terms(text: str) -> list[tuple[float, str, tuple[float, ...]]] | None:
    """Return weight, family and arguments of each term, ``None`` when the text is no sum of families."""
    terms: list[tuple[float, str, tuple[float, ...]]] = []
    at, body = 0, text.strip()
    while at < len(body):
        match = _TERM.match(body, at)
        if match is None or (match[2] not in FAMILIES and (match[3] is not None or terms or match[1])):
            return None
        if match[2] not in FAMILIES:
            if match[2] == "x":
                return None
            known = [*FAMILIES, "a formula in x", "a .npy file"]
            raise ActsearchError(unknown("input density", match[2], known))
        terms.append((float(match[1] or 1.0), match[2], _arguments(match[2], match[3])))
        at = match.end()
    if not terms:
        raise ActsearchError("an input density is empty; name one, as in 'normal' or 'student(7)'")
    if any(weight <= 0 for weight, _, _ in terms):
        raise ActsearchError(f"input density '{text}' has a weight that is not positive")
    return terms


def _arguments(name: str, text: str | None) -> tuple[float, ...]:
    family = FAMILIES[name]
    if not (text or "").strip():
        return family.defaults
    pieces = [piece.strip() for piece in (text or "").split(",")]
    if len(pieces) != len(family.defaults) or not all(re.fullmatch(_NUMBER, piece) for piece in pieces):
        raise ActsearchError(f"input density '{name}({text})' needs {len(family.defaults)} numbers: {family.arguments}")
    values = tuple(map(float, pieces))
    if not (all(map(np.isfinite, values)) and 1e-6 <= values[-1] <= 1e6 and abs(values[0]) <= 1e6):
        raise ActsearchError(f"input density '{name}({text})': the {family.arguments} must lie within 1e-6 and 1e6")
    if name == "student" and (values[0] != round(values[0]) or not 3 <= values[0] <= 30):
        raise ActsearchError(f"input density '{name}({text})': the degrees of freedom must be a whole number, 3 to 30")
    return values


# --- formulas and samples -------------------------------------------------------------------


def _from_formula(text: str) -> SymbolicDensity:
    """Return the density proportional to a formula; its mass is found on a grid that reaches 1e8."""
    expression = parse(text)
    if expression.initial:
        raise ActsearchError(f"input density '{text}' has learnable parameters; write numbers instead")
    steps = np.linspace(-22.0, 22.0, 88_001)
    x = np.sinh(steps)
    values = compile_expression(expression).at(x)
    bad = x[~(values >= 0)]
    if len(bad):
        where = bad[np.argmin(np.abs(bad))]
        raise ActsearchError(f"input density '{text}' is negative or undefined at x = {where:.4g}")
    if np.isinf(values).any():
        raise ActsearchError(f"input density '{text}' does not integrate: it is infinite in places")
    mass = values * np.cosh(steps) * (steps[1] - steps[0])
    total = float(mass.sum())
    if total <= 0:
        raise ActsearchError(f"input density '{text}' is zero everywhere")
    if mass[np.abs(x) > 1e6].sum() > 1e-4 * total:
        raise ActsearchError(f"input density '{text}' does not integrate: its tails hold too much mass")
    below = np.cumsum(mass) / total
    low, first, middle, third, high = np.interp([NEGLIGIBLE, 0.25, 0.5, 0.75, 1 - 1e-12], below, x)
    name = expression.formula
    return SymbolicDensity(name, expression.body / _number(total), middle, (third - first) / 1.349, (low, high))


def _from_file(path: Path) -> EmpiricalDensity:
    try:
        values = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        reason = getattr(error, "strerror", None) or "it is no .npy file of numbers"
        raise ActsearchError(f"cannot read the sample '{path}': {reason}") from None
    if not (isinstance(values, np.ndarray) and np.issubdtype(values.dtype, np.number)) or np.iscomplexobj(values):
        raise ActsearchError(f"the sample '{path}' does not hold real numbers")
    return empirical(values, str(path))


def empirical(values: NDArray[np.number], name: str) -> EmpiricalDensity:
    """Return the density of a sample.

    Args:
        values: any shape; at least 100 finite numbers, not all the same.
        name: what errors and tables call it.

    Raises:
        ActsearchError: the sample is not that.
    """
    sample = np.sort(np.asarray(values, dtype=np.float64).ravel())
    bad = int(np.count_nonzero(~np.isfinite(sample)))
    if bad:
        raise ActsearchError(f"the sample '{name}' holds {bad} values that are not finite (NaN or infinite)")
    if len(sample) < 100:
        raise ActsearchError(f"the sample '{name}' has {len(sample)} values; 100 are the least to judge from")
    deviation = float(sample.std())
    quartiles = float(np.subtract(*np.percentile(sample, [75, 25]))) / 1.349
    if deviation <= 1e-12 * max(1.0, float(np.abs(sample).max())):
        raise ActsearchError(f"the sample '{name}' holds one value only; there is no density to speak of")
    spread = min(deviation, quartiles) if quartiles > 0 else deviation
    bandwidth = 0.9 * spread * len(sample) ** -0.2
    reach = float(sample[0] - 5 * bandwidth), float(sample[-1] + 5 * bandwidth)
    return EmpiricalDensity(name, sample, bandwidth, float(sample.mean()), deviation, reach)
