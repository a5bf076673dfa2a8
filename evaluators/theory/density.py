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
from scipy import fft, optimize, stats

from primitives import ActsearchError, Expression, compile_expression, parse
from primitives.errors import unknown
from primitives.expression import X
from primitives.table import absolute, step

Array = NDArray[np.float64]

_WIDEST, _PASSES, _FAR = 5e5, 12, 14.5
NEGLIGIBLE = 1e-15
"""Mass in each tail beyond a density's reach."""


class Density(abc.ABC):
    """A probability density on the real line.

    Attributes:
        name: the text that :func:`parse_density` reads.
        parts: centre and scale of each part, which a grid must resolve; the first is the whole.
        reach: lowest and highest input that matter; beyond lies less than 1e-15 of the mass.
    """

    name: str
    parts: tuple[tuple[float, float], ...]
    reach: tuple[float, float]

    @property
    def centre(self) -> float:
        """Where the whole lies: mean or median."""
        return self.parts[0][0]

    @property
    def scale(self) -> float:
        """How wide the whole is: a deviation, or that of a normal with the same quartiles."""
        return self.parts[0][1]

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
    parts: tuple[tuple[float, float], ...]
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
    """A sample, smoothed by a Gaussian kernel on a grid of two points a bandwidth or more.

    The bandwidth is chosen by the method of Botev, Grotowski & Kroese (2010, doi 10.1214/10-AOS799),
    which does not blur separate modes into one.

    Attributes:
        sample: the values, sorted.
        bandwidth: of the kernel; it adds its square to the variance.
    """

    name: str
    sample: Array = field(repr=False)
    bandwidth: float
    parts: tuple[tuple[float, float], ...]
    reach: tuple[float, float]

    @cached_property
    def _grid(self) -> tuple[Array, Array, Array]:
        """Points, density and its derivative on them."""
        count = max(4096, 1 + int(np.ceil(2 * (self.reach[1] - self.reach[0]) / self.bandwidth)))
        points = np.linspace(*self.reach, count)
        step = points[1] - points[0]
        histogram = binned((self.sample - points[0]) / step, np.full(len(self.sample), 1 / len(self.sample)), count)
        padded = fft.next_fast_len(2 * count, real=True)
        frequencies = 2 * np.pi * fft.rfftfreq(padded, d=step)
        spectrum = fft.rfft(histogram / step, padded) * np.exp(-((frequencies * self.bandwidth) ** 2) / 2)
        density = np.maximum(fft.irfft(spectrum, padded)[:count], 0.0)
        slope = fft.irfft(1j * frequencies * spectrum, padded)[:count]
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
        fits = [GaussianMixture(k, random_state=0, reg_covar=self.bandwidth**2).fit(rows) for k in range(1, 5)]
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


def _bandwidth(sample: Array) -> float:
    """Return the bandwidth of Botev et al. (2010, algorithm 1), at least a tenth of Silverman's.

    It is the fixed point of the plug-in estimate, found in the cosine spectrum of a histogram; a
    sample that lies on few points has none above that floor.
    """
    quartiles = float(np.subtract(*np.percentile(sample, [75, 25]))) / 1.349
    deviation = float(sample.std())
    silverman = 0.9 * (min(deviation, quartiles) if quartiles > 0 else deviation) * len(sample) ** -0.2
    low, high = sample[0], sample[-1]
    width, low = 1.2 * (high - low), low - 0.1 * (high - low)
    count = 4096
    histogram = binned((sample - low) * (count / width) - 0.5, np.full(len(sample), 1 / len(sample)), count)
    powers = (fft.dct(histogram)[1:] / 2) ** 2
    orders = np.arange(1, count, dtype=float) ** 2

    def excess(time: float) -> float:
        """Return the time less the plug-in estimate made from it."""
        functional = 2 * np.pi**14 * float(np.sum(orders**7 * powers * np.exp(-orders * np.pi**2 * time)))
        for s in range(6, 1, -1):
            odd = float(np.prod(np.arange(1, 2 * s, 2))) / np.sqrt(2 * np.pi)
            constant = (1 + 0.5 ** (s + 0.5)) / 3
            step = (2 * constant * odd / (len(sample) * functional)) ** (2 / (3 + 2 * s))
            functional = 2 * np.pi ** (2 * s) * float(np.sum(orders**s * powers * np.exp(-orders * np.pi**2 * step)))
        return float(time - (2 * len(sample) * np.sqrt(np.pi) * functional) ** -0.4)

    floor, top = (0.1 * silverman / width) ** 2, (2 * silverman / width) ** 2
    found = optimize.brentq(excess, floor, top) if excess(floor) < 0 < excess(top) else floor
    return float(np.sqrt(found) * width)


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


def _uniform(low: sympy.Expr, high: sympy.Expr) -> sympy.Expr:
    return step(X - low) * step(high - X) / (high - low)


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
    "uniform": _Family(_uniform, lambda low, high: stats.uniform(low, high - low), (-1.0, 1.0), "low, high"),
    "student": _Family(_student, stats.t, (5.0,), "degrees of freedom"),
}

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_TERM = re.compile(rf"\s*(?:({_NUMBER})\s*\*\s*)?([a-z]+)\s*(?:\(([^()]*)\))?\s*(?:\+|$)")


def parse_density(text: str) -> Density:
    """Return the density that a text names.

    Args:
        text: ``normal``, ``normal(mean, deviation)``, ``logistic(mean, scale)``,
            ``laplace(mean, scale)``, ``uniform(low, high)``, ``student(freedom)``, a sum of these
            whose weights are scaled to add up to 1, any formula in ``x`` that is positive and
            integrates (it is normalised), or the path of a ``.npy`` file with a sample.

    Raises:
        ActsearchError: it is none of these; the density does not integrate or is negative; the
            sample has values that are no numbers, or too few, or all the same.

    Example:
        >>> parse_density("logistic(0, 0.5)").scale
        0.9068996821171089
    """
    name = text.strip()
    name = name.lower() if name.lower() in FAMILIES else name
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
    centres = [(float(part.mean()), float(part.std())) for _, part in frozen]
    whole = (float(mean), float(np.sqrt(variance)))
    return SymbolicDensity(text, body, (whole, *(centres if len(frozen) > 1 else ())), _floats(reach))


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
        raise ActsearchError(f"input density '{name}({text})' takes in brackets, as numbers: {family.arguments}")
    values = tuple(map(float, pieces))
    if any(not abs(value) <= 1e6 for value in values):
        raise ActsearchError(f"input density '{name}({text})': numbers beyond 1e6 are not allowed")
    last = family.arguments.split(", ")[-1]
    if values[-1] - (values[0] if name == "uniform" else 0.0) < 1e-6:
        least = "above the lower end" if name == "uniform" else "positive, 1e-6 at least"
        raise ActsearchError(f"input density '{name}({text})': the {last} must be {least}")
    if name == "student" and (values[0] != round(values[0]) or not 3 <= values[0] <= 30):
        raise ActsearchError(f"input density '{name}({text})': the degrees of freedom must be a whole number, 3 to 30")
    return values


# --- formulas and samples -------------------------------------------------------------------


def _from_formula(text: str) -> SymbolicDensity:
    """Return the density proportional to a formula.

    Its mass is found on a grid that reaches a billion times its width, moved and scaled until the
    mass no longer changes.
    """
    expression = parse(text)
    if expression.initial:
        raise ActsearchError(f"input density '{text}' has learnable parameters; write numbers instead")
    compiled = compile_expression(expression)
    steps = np.linspace(-22.0, 22.0, 44_001)
    centre, scale, before = 0.0, 1.0, 0.0
    for turn in range(_PASSES):
        x = centre + scale * np.sinh(steps)
        mass = _checked(_beyond_overflow(compiled.at(x)), x, text) * scale * np.cosh(steps)
        total, far = float(mass.sum()), np.abs(steps) > _FAR
        if total <= 0:
            raise ActsearchError(f"input density '{text}' is zero wherever it was looked at, from -1e9 to 1e9")
        if mass[far].sum() > 1e-4 * total:
            raise ActsearchError(
                f"input density '{text}' does not integrate, or its tails hold too much mass to be worked with"
            )
        below, above = np.cumsum(mass) / total, np.cumsum(mass[::-1])[::-1] / total
        first, middle, third = np.interp([0.25, 0.5, 0.75], below - mass / total / 2, x)
        if turn > 1 and abs(total / before - 1) < 1e-3:  # a jump is seen no better, the rest far better
            break
        centre, scale, before = float(middle), max(float(third - first) / 1.349, 1e-12), total
    else:
        raise ActsearchError(f"input density '{text}' is too jagged or too narrow to be integrated; rescale x")
    kept = x[(below > NEGLIGIBLE) & (above > NEGLIGIBLE)]
    body = expression.body / _number(total * float(steps[1] - steps[0]))
    return SymbolicDensity(expression.formula, body, ((centre, scale),), _floats((kept[0], kept[-1])))


def _checked(values: Array, x: Array, text: str) -> Array:
    """Return values of a density.

    Raises:
        ActsearchError: some are none.
    """
    bad = x[~(values >= 0)]
    if len(bad):
        where = bad[np.argmin(np.abs(bad))]
        raise ActsearchError(f"input density '{text}' is negative or undefined at x = {where:.4g}")
    if np.isinf(values).any():
        raise ActsearchError(f"input density '{text}' is infinite in places; only bounded densities can be used")
    return values


def _beyond_overflow(values: Array) -> Array:
    """Return values in which a tail that is undefined, as 0*inf is, goes on with the zeros before it."""
    known = np.flatnonzero(~np.isnan(values))
    if len(known):
        for end, rest in ((known[0], slice(None, known[0])), (known[-1], slice(known[-1] + 1, None))):
            values[rest] = 0.0 if values[end] == 0 else np.nan
    return values


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
    largest = float(np.abs(sample).max())
    if sample[0] == sample[-1]:
        raise ActsearchError(f"the sample '{name}' holds one value only; there is no density to speak of")
    deviation = float(sample.std()) if largest <= 1e6 else np.inf
    if not 1e-6 <= deviation <= 1e6:
        raise ActsearchError(
            f"the sample '{name}' is out of range: its values must be below 1e6 in size and spread by 1e-6 at least; "
            "scale it first"
        )
    bandwidth = _bandwidth(sample)
    if sample[-1] - sample[0] > _WIDEST * bandwidth:
        raise ActsearchError(
            f"the sample '{name}' has values so far out ({sample[0]:.4g} to {sample[-1]:.4g}) that its bulk cannot be "
            "resolved beside them; leave them out"
        )
    quartiles = np.percentile(sample, [25, 50, 75])
    width = float(quartiles[2] - quartiles[0]) / 1.349
    whole = (float(quartiles[1]), width if width > 0 else deviation)
    reach = float(sample[0] - 5 * bandwidth), float(sample[-1] + 5 * bandwidth)
    return EmpiricalDensity(name, sample, bandwidth, (whole,), reach)
