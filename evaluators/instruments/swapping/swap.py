"""``swap``: replace the activations of any ``nn.Module``, wherever they are, and nothing else."""

from __future__ import annotations

import dataclasses
import difflib
import fnmatch
import functools
from collections import Counter
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import nn

from evaluators.instruments.swapping.apply import apply
from evaluators.instruments.swapping.check import Checked, check
from evaluators.instruments.swapping.known import Wanted
from evaluators.instruments.swapping.look import Found, Look
from evaluators.instruments.swapping.new import New, factory
from evaluators.instruments.swapping.places import Left, Place
from primitives import ActsearchError

Old = type[nn.Module] | Sequence[type[nn.Module]] | Literal["all"]
Where = str | Sequence[str] | Callable[[Place], bool]


@dataclass(frozen=True)
class Swapped:
    """What :func:`swap` did.

    Attributes:
        network: the network that was given, changed in place; the new activation itself when the
            network was nothing but an old one.
        places: that have a new activation now; ``name`` is that of the new module.
        left: activations of the wanted kind that stay, where a person may want to act.
        gates: gates of squeeze-and-excite that were not asked for.
        unchosen: places that ``where`` left out.
    """

    network: nn.Module
    places: tuple[Place, ...] = ()
    left: tuple[Left, ...] = ()
    gates: tuple[Place, ...] = ()
    unchosen: tuple[Place, ...] = ()
    _wanted: Wanted = field(default=Wanted((), ()), repr=False)
    _new: tuple[nn.Module, ...] = field(default=(), repr=False)

    @property
    def modules(self) -> tuple[str, ...]:
        """Qualified names of the activation modules replaced."""
        return tuple(p.name for p in self.places if p.kind == "module")

    @property
    def attributes(self) -> tuple[str, ...]:
        """Qualified names of attributes that held an activation function and now hold a module."""
        return tuple(p.name for p in self.places if p.kind == "attribute")

    @property
    def calls(self) -> tuple[tuple[str, str], ...]:
        """Qualified name of the module that each call became, with the function that it was."""
        return tuple((p.name, p.was) for p in self.places if p.kind == "call")

    @property
    def count(self) -> int:
        """Places that have the new activation."""
        return len(self.places)

    def swap(self, old: Old, new: New, *, where: Where | None = None, functional: bool = True) -> Swapped:
        """Replace further activations of the same network; places that have a new one already stay.

        Args:
            old: as in :func:`swap`.
            new: as in :func:`swap`.
            where: as in :func:`swap`.
            functional: as in :func:`swap`.

        Returns:
            What both did together.

        Raises:
            ActsearchError: as in :func:`swap`.
        """
        return _swap(self.network, old, new, where, functional, self)

    def check(self, example: Any, through: nn.Module | None = None) -> Checked:
        """Run the network on an example and tell what still computes an old activation and what never ran.

        The run is that of a copy, in evaluation and in training mode, and leaves the network, torch's
        generator and its gradients as they were.

        Args:
            example: what the network is called with: a tensor, a tuple of arguments, or a mapping of
                keyword arguments.
            through: the network that is called, when the swapped one is a part of it.

        Returns:
            What was seen.

        Raises:
            ActsearchError: the network raises on the example.
        """
        staying, called = (*self.gates, *self.unchosen), through or self.network
        if not any(module is self.network for module in called.modules()):
            raise ActsearchError("through must be the swapped network or one around it")
        prefix = next((name for name, module in called.named_modules() if module is self.network), "")
        places, stays = ([_inside(prefix, place) for place in some] for some in (self.places, staying))
        return check(called, example, self._wanted, self._new, places, stays, self.left)

    def and_also(self, other: Swapped) -> Swapped:
        """Return what this and another swap of the same network did together."""
        wanted = Wanted(
            self._wanted.classes + other._wanted.classes,
            tuple(dict.fromkeys(self._wanted.known + other._wanted.known)),
        )
        return Swapped(
            other.network,
            self.places + other.places,
            tuple(dict.fromkeys(self.left + other.left)),
            tuple(dict.fromkeys(self.gates + other.gates)),
            tuple(dict.fromkeys(self.unchosen + other.unchosen)),
            wanted,
            self._new + other._new,
        )

    def __str__(self) -> str:
        """Return one line a place, and one for each that a person may want to act on."""
        lines = [f"{self.count} places have a new activation"]
        for place in self.places:
            was = f" (was {place.was}{f' at {place.line}' if place.line else ''})" if place.kind == "call" else ""
            lines.append(f"  {place.kind} {place.name}{was}")
        lines += [f"  left {left}" for left in self.left]
        if self.gates:
            lines.append(f"  gates of squeeze-and-excite left: {len(self.gates)}; where= asks for them by name")
        return "\n".join(lines)


_HEARD: ContextVar[list[Swapped] | None] = ContextVar("swaps that are listened to", default=None)


@contextmanager
def swaps_heard() -> Iterator[list[Swapped]]:
    """Yield a list of what :func:`swap` does while the context lasts."""
    heard: list[Swapped] = []
    token = _HEARD.set(heard)
    try:
        yield heard
    finally:
        _HEARD.reset(token)


def what_to_act_on(heard: Sequence[Swapped], network: nn.Module, example: Any) -> tuple[str, ...]:
    """Return a line for everything that a person may act on in a network whose parts were swapped.

    Args:
        heard: what was swapped while it was made.
        network: that was made.
        example: what it is called with.

    Raises:
        ActsearchError: the network raises on the example.
    """
    inside = {id(module) for module in network.modules()}
    swaps = [one for one in heard if id(one.network) in inside]
    lines: list[str] = []
    for part in {id(one.network): one.network for one in swaps}.values():
        done = functools.reduce(Swapped.and_also, (one for one in swaps if one.network is part))
        checked = done.check(example, through=network)
        lines += str(checked).splitlines() if not checked.fine else []
    return tuple(lines)


def swap(
    network: nn.Module,
    old: Old,
    new: New,
    *,
    where: Where | None = None,
    functional: bool = True,
) -> Swapped:
    """Replace activations of a network in place, each by a fresh one, and change nothing else.

    A class stands for its activation in every shape it is met in: ``nn.GELU`` for ``nn.GELU`` with
    either ``approximate``, timm's and transformers' GELU modules, ``F.gelu``, ``x.relu()`` or
    ``torch.ops.aten.gelu`` anywhere in a module's methods and in the functions that they call, tables and
    attributes that hold it, forward hooks. A subclass is replaced when it only inherits the forward.

    Nothing is traced and the network does not run. A module in which a call is replaced becomes an instance of a
    subclass of its class in which that call, and nothing else, is written anew; it is copied, pickled and compiled
    like any other. One that was shared stays shared, and gets one new activation; a place that worked in place and
    whose input is read afterwards still changes it. New modules follow what they replace: training or evaluation mode,
    device, type, forward hooks. Either everything is replaced or, when an error is raised, nothing.

    What stays is in ``left``, with the reason: fused kernels of ``nn.LSTM``, TorchScript, functions of autograd with
    a backward of their own, activations that are a part of a larger one, such as ``relu(x)**2``. Gates of
    squeeze-and-excite stay unless ``where`` asks for them.

    Weights stay as they are, too. What a campaign measured of a function holds for its task's initialisation, where the
    layer after an activation starts at its gain (``GAIN`` in an exported file), for its learning rate and for its
    clipping of gradients: a loop with torch's default initialisation and without clipping may see another order.

    Args:
        network: to change.
        old: a module class, several, or ``"all"`` for every known activation.
        new: made once for each place: a module class, an instance (copied), a factory such as
            ``compile_expression(...).module``, a name such as ``"crrelu"``, or a formula such as ``"x*sigmoid(x)"``.
        where: which places: qualified names of them or of modules around them, patterns with ``*``, or a function
            of a :class:`Place`. All but gates if it is not given.
        functional: whether to look for calls, not for modules and attributes alone.

    Returns:
        What was replaced and what was left.

    Raises:
        ActsearchError: there is nothing to replace, ``where`` names nothing, ``new`` is no activation, or the
            network is TorchScript.

    Example:
        >>> from torch import nn
        >>> swap(nn.Sequential(nn.Linear(2, 2), nn.GELU()), nn.GELU, nn.Tanh).modules
        ('1',)
    """
    return _swap(network, old, new, where, functional, Swapped(network))


def _swap(network: nn.Module, old: Old, new: New, where: Where | None, functional: bool, before: Swapped) -> Swapped:
    if not isinstance(network, nn.Module):
        raise ActsearchError(f"network must be an nn.Module, not {type(network).__name__}")
    if isinstance(network, torch.jit.ScriptModule):
        raise ActsearchError("the network is TorchScript, which cannot be changed; swap before torch.jit.script")
    wanted, make = Wanted.of(old), factory(new)
    chosen = _Chosen(where)
    found = Look(network, wanted, chosen, functional, {id(m) for m in before._new}).run()
    root = Place("", "", "module", type(network).__name__)
    is_root = wanted.is_module(network) and not before.places
    if not is_root:
        _refuse_nothing(network, wanted, found, chosen)
    network, places, modules = apply(network, found, make, root if is_root else None)
    now = Swapped(network, places, tuple(found.left), tuple(found.gates), tuple(found.unchosen), wanted, modules)
    if (heard := _HEARD.get()) is not None:
        heard.append(now)
    return before.and_also(now)


class _Chosen:
    """Whether a place is asked for."""

    def __init__(self, where: Where | None) -> None:
        if where is not None and not callable(where) and not _is_texts(where):
            raise ActsearchError(f"where must be names, patterns or a function of a place, not {where!r}")
        self._where = (
            (where,) if isinstance(where, str) else where if where is None or callable(where) else tuple(where)
        )
        self.asks = where is not None
        self.seen: list[Place] = []
        self.used: set[str] = set()

    def __call__(self, place: Place) -> bool:
        self.seen.append(place)
        if self._where is None:
            return not place.gate
        if callable(self._where):
            try:
                return bool(self._where(place))
            except Exception as error:  # a user's function may raise anything
                why = f"{type(error).__name__}: {error}"
                raise ActsearchError(f"where raises {why}; it is called with a Place and says yes or no") from error
        found = {pattern for pattern in self._where if _matches(place, pattern)}
        self.used |= found
        return bool(found)

    def refuse_unused(self) -> None:
        """Raise when a name or a pattern fits no place."""
        if self._where is None or callable(self._where):
            return
        names = list(dict.fromkeys(name for place in self.seen for name in _around(place)))
        for pattern in self._where:
            if pattern not in self.used:
                near = difflib.get_close_matches(pattern, names, 1) or names[:1]
                hint = f"; did you mean '{near[0]}'?" if near else ""
                raise ActsearchError(f"where='{pattern}' fits none of the {len(self.seen)} places{hint}")


def _inside(prefix: str, place: Place) -> Place:
    """Return a place as it is named in a network around its own."""
    if not prefix:
        return place
    around = f"{prefix}.{place.module}" if place.module else prefix
    return dataclasses.replace(place, name=f"{prefix}.{place.name}", module=around)


def _is_texts(where: object) -> bool:
    return isinstance(where, str) or (isinstance(where, Sequence | Set) and all(isinstance(w, str) for w in where))


def _matches(place: Place, pattern: str) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for name in _around(place))


def _around(place: Place) -> list[str]:
    """Return the names of the modules around a place, and its own."""
    parts = place.name.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts) + 1)]


def _others(network: nn.Module) -> Counter[str]:
    """Return the known activations of a network, by class or function, with their numbers."""
    found = Look(network, Wanted.of("all"), lambda _: True, True, set()).run()
    return Counter(f"calls of {place.was}" if place.kind == "call" else place.was for place in found.places)


def _refuse_nothing(network: nn.Module, wanted: Wanted, found: Found, chosen: _Chosen) -> None:
    chosen.refuse_unused()
    if found.places:
        return
    there = ", ".join(f"{name} ({count})" for name, count in _others(network).most_common()) or "no known one"
    stays = [str(left) for left in found.left[:3]]
    if found.gates:
        stays.append(f"{len(found.gates)} gates of squeeze-and-excite, which where= asks for")
    if found.unchosen:
        stays.append(f"{len(found.unchosen)} places that where= leaves out")
    left = f"; left as they are: {'; '.join(stays)}" if stays else ""
    raise ActsearchError(f"{type(network).__name__} has no {wanted} to replace; its activations: {there}{left}")
