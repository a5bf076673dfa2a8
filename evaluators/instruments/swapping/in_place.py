"""Which modules that work in place change what is read afterwards.

``y = self.relu(x); return y + x`` reads the changed ``x`` when ``relu`` works in place, also when it is the first
layer of a child that is handed ``x``. What the source of the forwards does not show, a trial run does.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence

from torch import nn

from evaluators.instruments.swapping.known import Wanted
from evaluators.instruments.swapping.sites import Handed

Calls = Mapping[int, Sequence[tuple[str, Handed]]]
"""What each module, by its id, hands to its children, with the name of the function."""


def watched_names(network: nn.Module, wanted: Wanted) -> frozenset[str]:
    """Return the names of attributes whose calls have to be looked at.

    They hold a wanted function, which may be called with more arguments than an activation takes, or a module in
    which a wanted activation works in place.
    """
    names: set[str] = set()
    for name, module in network.named_modules():
        if wanted.is_module(module) and works_in_place(module):
            names.update(name.split("."))
        names.update(key for key, value in vars(module).items() if wanted.is_function(plain_function(value)))
    return frozenset(names)


def plain_function(value: object) -> object:
    """Return the function that a partial calls, or the value itself."""
    return value.func if isinstance(value, functools.partial) and not value.args else value


def works_in_place(module: nn.Module) -> bool:
    """Tell whether a module is one of torch's that changes its input."""
    return bool(getattr(module, "inplace", False)) and not isinstance(module, nn.Dropout)


def changed_afterwards(network: nn.Module, calls: Calls) -> set[int]:
    """Return the ids of modules that work in place on what somebody reads afterwards."""
    found: set[int] = set()
    for owner in network.modules():
        for _, handed in calls.get(id(owner), ()):
            child = owner._modules.get(handed.name)
            if handed.kept and child is not None:
                found.update(id(module) for module in _first(child, calls, set()))
    return found


def _first(module: nn.Module, calls: Calls, seen: set[int]) -> Iterator[nn.Module]:
    """Yield the modules that work in place on what a module is given."""
    if id(module) in seen:
        return
    seen.add(id(module))
    if works_in_place(module):
        yield module
    elif isinstance(module, nn.ModuleList):
        for child in module:
            yield from _first(child, calls, seen)
    elif isinstance(module, nn.Sequential):
        for child in module.children():
            yield from _first(child, calls, seen)
            if not isinstance(child, nn.Identity | nn.Dropout):
                return
    else:
        for function, handed in calls.get(id(module), ()):
            held = module._modules.get(handed.name)
            if function == "forward" and handed.of_parameter and held is not None:
                yield from _first(held, calls, seen)
