"""How well a tree fits a target: its learnable parameters, and scale and shift of its output, are fitted first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from scipy.optimize import least_squares

from primitives import get
from primitives.numeric import Array, numeric
from search.space.leaves import Learnable, Tree, is_learnable, is_number, leaf
from search.studies.recovery.targets import FRESH, SAMPLE, sampled

EQUAL = 1e-6
"""Root mean square deviation at fresh points, in standard deviations of the target, below which a candidate is the
target. ReLU is 2e-3 away from CRReLU."""
STEPS = 30
"""Steps of Levenberg and Marquardt from each start, at most."""
LOWEST = -16.0
"""Of an error: what doubles can tell."""
_NOTHING = 0.0
_STEP = 1e-7
_PROBES = 0.7, 1.9
_SPARSE = 5
_NEVER = 1e3


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted candidate.

    Attributes:
        tree: with the fitted parameters.
        error: log10 of the mean squared deviation at the sample in variances of the target, from -16 to 0.
        deviation: root mean square deviation at fresh points in standard deviations of the target.
    """

    tree: Tree
    error: float
    deviation: float

    @property
    def recovered(self) -> bool:
        """Whether it is the target."""
        return self.deviation < EQUAL


Family: TypeAlias = tuple[bytes, ...]


def family(tree: Tree) -> Family | None:
    """Return a key of what a tree can be fitted to, ``None`` where it is not finite over the sample.

    Trees that differ in initial values, or in scale and shift of the output, have the same.
    """
    count = sum(map(is_learnable, tree))
    low, high = _PROBES
    settings = [[low] * count, [high] * count]
    settings += [[high if at == place else low for at in range(count)] for place in range(count)]
    rows = outputs(tree, np.array(settings), SAMPLE[::_SPARSE])
    with np.errstate(all="ignore"):
        rows = rows - rows.mean(axis=1, keepdims=True)
        rows /= rows[np.arange(len(rows)), np.abs(rows).argmax(axis=1)][:, None]
    if not np.isfinite(rows).all():
        return None
    first, *others = (np.round(row + 0.0, 6).tobytes() for row in rows)
    return first, *sorted({*others} - {first})


class Fitting:
    """Fits candidates to one function of the library, or a primitive."""

    def __init__(self, name: str) -> None:
        self._sample, self._fresh = sampled(name, SAMPLE), sampled(name, FRESH)
        self._centred = self._sample - self._sample.mean()
        self._size = float(np.sqrt((self._centred**2).mean()))

    def fit(self, tree: Tree) -> Fit:
        """Fit a tree, from its own initial values and from all ones, and return the better.

        As layers around an activation do, ``c*f(x) + d`` takes any ``c`` and ``d``.
        """
        own = np.array([node.value.value for node in tree if is_learnable(node)])
        fitted, deviation = own, self._residuals(tree, own[None])[0]
        if len(own):
            starts = [own] if (own == 1).all() else [own, np.ones_like(own)]
            tried = [self._from(tree, start) for start in starts]
            fitted, deviation = min(tried, key=lambda each: float(each[1] @ each[1]))
        share = float((deviation**2).mean()) / self._size**2
        error = max(LOWEST, min(_NOTHING, float(np.log10(max(share, 1e-300)))))
        fitted_tree = with_parameters(tree, fitted)
        return Fit(fitted_tree, error, self._deviation(tree, fitted) if error < -8 else np.inf)

    def _from(self, tree: Tree, start: Array) -> tuple[Array, Array]:
        """Return fitted parameters and the residuals there."""

        def residuals(parameters: Array) -> Array:
            left: Array = self._residuals(tree, parameters[None])[0]
            return left

        def slopes(parameters: Array) -> Array:
            steps = _STEP * np.maximum(1e-2, np.abs(parameters))
            around = np.concatenate([parameters + np.diag(steps), parameters - np.diag(steps)])
            above, below = np.split(self._residuals(tree, around), 2)
            return np.asarray(((above - below) / (2 * steps[:, None])).T)

        found = least_squares(
            residuals, start, slopes, method="lm", ftol=1e-8, xtol=1e-9, gtol=1e-15, max_nfev=STEPS, x_scale="jac"
        )
        return np.asarray(found.x), np.asarray(found.fun)

    def _residuals(self, tree: Tree, settings: Array) -> Array:
        """Return what is left of the target after the best scale and shift, shape (settings, points)."""
        found = outputs(tree, settings, SAMPLE)
        with np.errstate(all="ignore"):
            found = found - found.mean(axis=1, keepdims=True)
            scales = (found @ self._centred) / np.einsum("ij,ij->i", found, found)
            left = self._centred - scales[:, None] * found
        bad = ~np.isfinite(left).all(axis=1)
        left[bad] = np.where(np.isfinite(found).all(axis=1)[bad, None], 1.0, _NEVER) * self._centred
        return np.asarray(left)

    def _deviation(self, tree: Tree, parameters: Array) -> float:
        """Return how far a fitted tree is from the target at fresh points, with scale and shift of the sample."""
        said = outputs(tree, parameters[None], SAMPLE)[0]
        fresh = outputs(tree, parameters[None], FRESH)[0]
        middle = said.mean()
        scale = float((said - middle) @ self._centred / ((said - middle) @ (said - middle)))
        guess = self._sample.mean() + scale * (fresh - middle)
        far = float(np.sqrt(((guess - self._fresh) ** 2).mean()) / self._fresh.std())
        return far if np.isfinite(far) else np.inf


def outputs(tree: Sequence[Any], settings: Array, points: Array) -> Array:
    """Return what a tree is at points for several settings of its parameters, shape (settings, points).

    Args:
        tree: to be evaluated.
        settings: of the learnable leaves in their order, shape (settings, parameters).
        points: where.
    """
    stack: list[Any] = []
    place = settings.shape[1]
    with np.errstate(all="ignore"):
        for node in reversed(tree):
            if node.arity:
                stack.append(numeric(get(node.name)).value(*(stack.pop() for _ in range(node.arity))))
            elif is_learnable(node):
                place -= 1
                stack.append(settings[:, place, None])
            else:
                stack.append(np.full((1, 1), node.value.value) if is_number(node) else points[None])
    found = np.asarray(stack.pop(), dtype=float)
    shape = len(settings), len(points)
    return found if found.shape == shape else np.array(np.broadcast_to(found, shape))


def with_parameters(tree: Tree, parameters: Array) -> Tree:
    """Return a tree with other initial values of its learnable leaves."""
    left = iter(parameters.tolist())
    return Tree([leaf(Learnable(next(left)), node.ret) if is_learnable(node) else node for node in tree])
