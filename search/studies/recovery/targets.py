"""The seven functions that are to be found again, and the grammar that each is looked for in."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from primitives import resolve
from primitives.numeric import Array
from search.space.describe import everything
from search.space.forest import values
from search.space.grammar import Grammar
from search.space.leaves import Tree
from search.space.options import DEFAULT_PRIMITIVES
from search.space.options import Grammar as GrammarConfig

OPEN_PRIMITIVES = (*DEFAULT_PRIMITIVES, "exp", "log")
"""The default grammar, with what ELU, SELU and softplus are written with once their names are gone."""
REACH = 5.0
SAMPLE: Array = np.linspace(-REACH, REACH, 256)
"""Where candidates are fitted. An even grid, because the tails tell these functions apart, and quantiles of a normal
density would leave them to a handful of points; within 5 lies what a normalised layer feeds an activation."""
FRESH: Array = np.linspace(-2 * REACH, 2 * REACH, 1000)
"""Where it is judged whether a fitted candidate is the target: other points, and twice as far."""


@dataclass(frozen=True)
class Target:
    """A function that is to be found again.

    Attributes:
        name: in the library.
        forbidden: primitives that no candidate may be made of: its own name, and those that are it but for scale and
            shift of output and input, or a part of it.
    """

    name: str
    forbidden: tuple[str, ...]


def sampled(name: str, points: Array) -> Array:
    """Return the values of a function of the library, or of a primitive, at its published parameters."""
    tree = everything().tree(resolve(name))
    assert tree is not None
    found: Array = values([tree], points)[0]
    return found


_ELUS = ("elu", "selu")
TARGETS: dict[str, Target] = {
    target.name: target
    for target in (
        Target("crrelu", ()),
        Target("gelu", ("gelu",)),
        Target("silu", ("silu",)),
        Target("mish", ("mish",)),
        Target("selu", _ELUS),
        Target("elu", _ELUS),
        Target("softplus", ("softplus", "logsigmoid")),
    )
}
"""By name. SELU and ELU are a ReLU beside the same exponential in other proportions, so neither name helps with the
other; the library knows CELU at its published parameter as ELU."""


@cache
def grammar(target: Target) -> Grammar:
    """Return the open grammar without what is forbidden."""
    return Grammar(GrammarConfig(primitives=tuple(n for n in OPEN_PRIMITIVES if n not in target.forbidden)))


def parts(tree: Tree) -> Iterator[Tree]:
    """Yield a tree and all that are part of it."""
    for start in range(len(tree)):
        yield Tree(tree[tree.searchSubtree(start)])
