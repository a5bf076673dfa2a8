"""A function and what it wraps: decorators keep the function that was written in their closures."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from inspect import CO_VARARGS
from types import CellType, FunctionType
from typing import Any

from torch import nn

from evaluators.instruments.swapping.source import like


@dataclass(frozen=True, eq=False)
class Chain:
    """An entry of a class, or a function by itself, with every function under its decorators.

    Attributes:
        entry: as it stands in the class.
        functions: the outermost first, the one that was written last.
        cells: by which name each but the last refers to the next.
    """

    entry: Any
    functions: tuple[FunctionType, ...]
    cells: tuple[str, ...]

    @property
    def is_static(self) -> bool:
        """Whether it is called without the module."""
        return isinstance(self.entry, staticmethod)

    @property
    def passes_on(self) -> bool:
        """Whether a first argument more comes through to the last function."""
        return all(f.__code__.co_argcount == 0 and f.__code__.co_flags & CO_VARARGS for f in self.functions[:-1])

    def rebuilt(self, functions: Sequence[FunctionType]) -> Any:
        """Return the entry with other functions in the places of its own."""
        made = functions[-1]
        for outer, cell in zip(reversed(functions[:-1]), reversed(self.cells), strict=True):
            made = _around(outer, cell, made)
        if isinstance(self.entry, property):
            return property(made, self.entry.fset, self.entry.fdel, self.entry.__doc__)
        if isinstance(self.entry, functools.cached_property):
            entry = functools.cached_property(made)
            entry.attrname = self.entry.attrname
            return entry
        return made


def chain_of(entry: Any) -> Chain | None:
    """Return the functions of a class's entry; ``None`` when it holds none that can be written anew."""
    function = entry
    if isinstance(entry, staticmethod):
        function = entry.__func__
    elif isinstance(entry, property):
        function = entry.fget
    elif isinstance(entry, functools.cached_property):
        function = entry.func
    if not isinstance(function, FunctionType):
        return None
    functions, cells = [function], []
    while (found := _wrapped(functions[-1])) and found[1] not in functions:
        cells.append(found[0])
        functions.append(found[1])
    return Chain(entry, tuple(functions), tuple(cells))


def entries(base: type[nn.Module]) -> dict[str, tuple[Any, type]]:
    """Return what a class of modules defines beyond torch's own, by name, with the class that it stands in.

    What every module has, such as ``_load_from_state_dict``, is no part of what it computes.
    """
    found: dict[str, tuple[Any, type]] = {}
    for owner in base.__mro__:
        if owner is object or is_torchs(owner):
            continue
        for name, entry in vars(owner).items():
            if name not in found and (name in ("forward", "__call__") or not hasattr(nn.Module, name)):
                found[name] = (entry, owner)
    return {n: e for n, e in found.items() if inspect.getattr_static(base, n) is e[0]}


def defining_class(function: FunctionType, owner: type | None) -> type | None:
    """Return the class that ``super()`` in a function starts from; where it does not say, the one it stands in."""
    if "__class__" in function.__code__.co_freevars:
        cell = (function.__closure__ or ())[function.__code__.co_freevars.index("__class__")]
        return cell.cell_contents  # type: ignore[no-any-return]
    return owner


def is_torchs(owner: type) -> bool:
    """Tell whether a class is torch's own; its fused modules for quantisation are written like a user's."""
    return f"{owner.__module__}.".startswith("torch.") and not owner.__module__.startswith("torch.ao.nn.")


def _wrapped(function: FunctionType) -> tuple[str, FunctionType] | None:
    """Return the function that a wrapper calls, and its name in there."""
    inside, found = vars(function).get("__wrapped__"), []
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            value = cell.cell_contents
        except ValueError:
            continue
        if isinstance(value, FunctionType):
            found.append((name, value))
            if value is inside or value.__qualname__ == function.__qualname__:
                return name, value
    takes_all = function.__code__.co_argcount == 0 and function.__code__.co_flags & CO_VARARGS
    return found[0] if takes_all and len(found) == 1 else None


def _around(outer: FunctionType, cell: str, inner: FunctionType) -> FunctionType:
    """Return a wrapper around another function, in every place where it keeps the old one."""
    cells = outer.__closure__ or ()
    before = cells[outer.__code__.co_freevars.index(cell)].cell_contents
    made = like(outer, outer.__code__, tuple(CellType(inner) if _holds(old, before) else old for old in cells))
    for key, value in vars(made).items():
        if value is before:
            vars(made)[key] = inner
    return made


def _holds(cell: CellType, value: object) -> bool:
    try:
        return cell.cell_contents is value
    except ValueError:
        return False
