"""What a property is: a name, a rule for many functions at a glance, and one for a formula that is exact."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from evaluators.judging.looks import Looks
from evaluators.judging.properties.curve import Curve
from primitives.errors import ActsearchError

Truths = NDArray[np.bool_]


@dataclass(frozen=True)
class Property:
    """Something that a function has or has not, at the initial values of its parameters.

    Attributes:
        name: in a configuration.
        about: one line: when a function has it, with the tolerance.
        lacking: what is said of a function without it, such as ``it is not odd``.
        of: tells whether a formula has it; this one decides.
        quick: tells it of many functions at once from arrays, shape (n,); it may let through what ``of`` refuses, and
            should refuse next to nothing that ``of`` lets through. Everything passes where there is none.
        excludes: properties that no function worth a training has together with this one, each with the reason.
        implies: properties that every function with this one has, too.
    """

    name: str
    about: str
    lacking: str
    of: Callable[[Curve], bool]
    quick: Callable[[Looks], Truths] | None = None
    excludes: Mapping[str, str] = field(default_factory=dict, hash=False)
    implies: tuple[str, ...] = ()

    def holds(self, curve: Curve) -> bool:
        """Tell whether a formula has the property.

        Raises:
            ActsearchError: the rule fails.
        """
        try:
            return bool(self.of(curve))
        except Exception as error:
            raise ActsearchError(f"property '{self.name}' fails: {type(error).__name__}: {error}") from error

    def likely(self, looks: Looks) -> Truths:
        """Tell of many functions whether each may have the property, shape (n,).

        Raises:
            ActsearchError: the rule fails, or says something else than one truth of each.
        """
        if self.quick is None:
            return np.ones(len(looks), dtype=bool)
        try:
            with np.errstate(all="ignore"):
                found = np.asarray(self.quick(looks))
        except Exception as error:
            raise ActsearchError(f"property '{self.name}' fails: {type(error).__name__}: {error}") from error
        if found.dtype != np.bool_ or found.shape != (len(looks),):
            raise ActsearchError(f"property '{self.name}': quick must return one bool of each function")
        return found
