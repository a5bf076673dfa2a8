"""How well a tree fits a target: its learnable parameters, and scale and shift of its output, are fitted first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from scipy.optimize import least_squares

from primitives import get
from primitives.numeric import Array, numeric
from search.space.describe import everything
from search.space.leaves import Learnable, Tree, is_learnable, is_number, is_x, leaf
from search.studies.recovery.targets import FRESH, SAMPLE, sampled

EQUAL = 1e-6
"""Root mean square deviation at fresh points, in standard deviations of the target, below which a candidate is the
target. ReLU is 2e-3 away from CRReLU."""
STEPS = 30
"""Steps of Levenberg and Marquardt from each start, at most."""
LOWEST = -16.0
"""Of an error: what doubles can tell."""
_CLOSE = -8.0
_STEP = 1e-7
_PROBES = 0.7, 1.9
_SPARSE = 5
_NEG = everything().primitives.mapping["neg"]
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

    Trees that differ in initial values, in scale and shift of the output, or in sign of the input, have the same.
    """
    count = sum(map(is_learnable, tree))
    low, high = _PROBES
    settings = [[low] * count, [high] * count]
    settings += [[high if at == place else low for at in range(count)] for place in range(count)]
    rows = outputs(tree, np.array(settings), SAMPLE[::_SPARSE])
    with np.errstate(all="ignore"):
        rows = rows - rows.mean(axis=1, keepdims=True)
        sizes = np.abs(rows).max(axis=1)
    if not (np.isfinite(rows).all() and (sizes > 0).all()):
        return None
    return min(_written(rows), _written(rows[:, ::-1]))


def _written(rows: Array) -> Family:
    """Return a key of rows, of which the first counts by itself."""
    scaled = rows / rows[np.arange(len(rows)), np.abs(rows).argmax(axis=1)][:, None]
    first, *others = ((np.round(row, 6) + 0.0).tobytes() for row in scaled)
    return first, *sorted({*others} - {first})


class Fitting:
    """Fits candidates to one function of the library, or a primitive."""

    def __init__(self, name: str) -> None:
        self._sample, self._fresh = sampled(name, SAMPLE), sampled(name, FRESH)
        self._centred = self._sample - self._sample.mean()
        self._size = float(np.sqrt((self._centred**2).mean()))

    def fit(self, tree: Tree) -> Fit:
        """Fit a tree, and its reflection, from its own initial values and from all ones; return the best.

        As layers around an activation do, ``c*f(x) + d`` takes any ``c`` and ``d``.
        """
        ways = [tree] if is_even(tree) else [tree, reflected(tree)]
        own = np.array([node.value.value for node in tree if is_learnable(node)])
        starts = [own] if not len(own) or (own == 1).all() else [own, np.ones_like(own)]
        tried = [(way, *self._from(way, start)) for way in ways for start in starts]
        best, fitted, left = min(tried, key=lambda each: float(each[2] @ each[2]))
        share = float((left**2).mean()) / self._size**2
        error = max(LOWEST, min(0.0, float(np.log10(max(share, 1e-300)))))
        deviation = self._deviation(best, fitted) if error < _CLOSE else np.inf
        return Fit(with_parameters(best, fitted), error, deviation)

    def _from(self, tree: Tree, start: Array) -> tuple[Array, Array]:
        """Return fitted parameters and the residuals there."""
        if not len(start):
            return start, self._residuals(tree, start[None])[0]

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
        if not np.isfinite(found.x).all():
            return start, residuals(start)
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


def reflected(tree: Sequence[Any]) -> Tree:
    """Return a tree of ``f(-x)``."""
    nodes: list[Any] = []
    for node in tree:
        if is_x(node) and nodes and nodes[-1].name == "neg":
            nodes[-1] = node
        else:
            nodes += [_NEG, node] if is_x(node) else [node]
    return Tree(nodes)


def is_even(tree: Tree) -> bool:
    """Tell whether a tree is the same reflected, at its initial values."""
    rows = outputs(tree, np.array([[node.value.value for node in tree if is_learnable(node)]]), SAMPLE)
    return bool(np.array_equal(rows, rows[:, ::-1]))


def with_parameters(tree: Tree, parameters: Array) -> Tree:
    """Return a tree with other initial values of its learnable leaves."""
    left = iter(parameters.tolist())
    return Tree([leaf(Learnable(next(left)), node.ret) if is_learnable(node) else node for node in tree])
