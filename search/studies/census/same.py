"""A new activation that computes what the old one did, so that a swap should change no bit."""

from __future__ import annotations

import ast
import copy
import functools
import linecache
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from evaluators.instruments.swapping.known import KNOWN, Known
from evaluators.instruments.swapping.places import Place
from evaluators.instruments.swapping.swap import Swapped

Given = tuple[tuple[object, ...], dict[str, object]]
"""Arguments of a call beyond the first, in order and by keyword."""

_SPACES = (functional, torch, torch.special, torch._C._nn)
_IGNORED = {"inplace", "input", "training"}
NAMES = {
    name + end: known
    for known in KNOWN
    for name in (known.name, *known.calls, *(full.rpartition(".")[2] for full in known.classes))
    for end in ("", "_")
}
"""Activations by every name that a place may give them."""


class Same(nn.Module):
    """The old activation; the identity until it is filled."""

    depth = 0

    def __init__(self) -> None:
        super().__init__()
        self.held: list[nn.Module] = []
        self.function = ""
        self.given: Given = ((), {})

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - networks may give it by this name
        """Return what the old activation does; any shape."""
        Same.depth += 1
        try:
            if self.held:
                self.held[0].training = self.training
                output: Tensor = self.held[0](input)
                return output
            args, kwargs = self.given
            return _function(self.function)(input, *args, **kwargs) if self.function else input
        finally:
            Same.depth -= 1

    def hold(self, old: nn.Module) -> None:
        """Compute what a module does, never in place, with its weights."""
        old = copy.copy(old)
        if getattr(old, "inplace", False):
            old.__dict__["inplace"] = False
        self._parameters, self._buffers = old._parameters, old._buffers
        self.held = [old]


def fill(done: Swapped, modules: Mapping[str, nn.Module], twin: nn.Module, kind: Known) -> list[str]:
    """Fill the new activations of a swap; return what could not be found out.

    Args:
        done: what the swap did.
        modules: of the network before, by name.
        twin: the same network without a swap, to read functions from.
        kind: the old activation, used where a place does not say.
    """
    notes: list[str] = []
    for place in done.places:
        same = _reached(done.network, place.name)
        if not isinstance(same, Same):
            continue
        if place.name in modules:
            same.hold(modules[place.name])
            continue
        value = _reached(twin, place.name) if place.kind == "attribute" else None
        if isinstance(value, functools.partial):
            same.given = (), {k: v for k, v in value.keywords.items() if k not in _IGNORED}
        known = NAMES.get(place.was.rpartition(".")[2], kind)
        same.function = known.calls[0] if known.calls else ""
        if place.kind == "call":
            same.given, plain = arguments(place, type(_reached(done.network, place.module)))
            notes += [] if plain else [place.line]
    unfilled = [m for m in done.network.modules() if isinstance(m, Same) and not (m.held or m.function)]
    for same in unfilled:
        same.function = kind.calls[0] if kind.calls else ""
    notes += [f"{len(unfilled)} by kind alone"] if unfilled else []
    return notes


def arguments(place: Place, owner: type) -> tuple[Given, bool]:
    """Return constant arguments of a call beyond the first, and whether these are all."""
    name, _, line = place.line.rpartition(":")
    wanted = place.was.rpartition(".")[2]
    for path in _files(name, owner):
        for call in _calls(path):
            if call.lineno <= int(line) <= (call.end_lineno or call.lineno) and _called(call) == wanted:
                return _constants(call)
    return ((), {}), True


def _constants(call: ast.Call) -> tuple[Given, bool]:
    method = isinstance(call.func, ast.Attribute) and not call.args
    args: list[object] = []
    kwargs: dict[str, object] = {}
    plain = True
    for value in call.args[0 if method else 1 :]:
        if isinstance(value, ast.Constant) and not isinstance(value.value, bool):
            args.append(value.value)
        else:
            plain = False
    for keyword in call.keywords:
        if keyword.arg in _IGNORED:
            continue
        if isinstance(keyword.value, ast.Constant) and keyword.arg is not None:
            kwargs[keyword.arg] = keyword.value.value
        else:
            plain = False
    return (tuple(args), kwargs), plain


def _files(name: str, owner: type) -> Iterable[str]:
    """Yield files of a name: those of the owner's classes first."""
    modules = [sys.modules[c.__module__] for c in owner.__mro__ if c.__module__ in sys.modules]
    paths = [getattr(m, "__file__", None) for m in (*modules, *list(sys.modules.values()))]
    return dict.fromkeys(p for p in paths if p and Path(p).name == name)


@functools.cache
def _calls(path: str) -> list[ast.Call]:
    tree = ast.parse("".join(linecache.getlines(path)))
    return [n for n in ast.walk(tree) if isinstance(n, ast.Call)]


def _called(call: ast.Call) -> str:
    name: str = getattr(call.func, "attr", getattr(call.func, "id", ""))
    return name


@functools.cache
def _function(name: str) -> Callable[..., Tensor]:
    found: Callable[..., Tensor] = next(getattr(space, name) for space in _SPACES if hasattr(space, name))
    return found


def _reached(network: nn.Module, name: str) -> object:
    """Return what a qualified name leads to."""
    found: object = network
    for part in name.split(".") if name else []:
        found = getattr(found, part, None)
    return found
