"""``swap``: replace the activations of any ``nn.Module``, wherever they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import fx, nn

from evaluators.swapping.forward import Untraceable, install, is_installed, merged, trace
from evaluators.swapping.known import Known, Wanted, known_function, known_method, known_module
from primitives import ActsearchError


@dataclass(frozen=True)
class Swapped:
    """What :func:`swap` did.

    Attributes:
        network: the network that was given, changed in place; the new activation itself when the
            network was nothing but an old one.
        modules: qualified names of the activation modules replaced.
        attributes: qualified names of attributes that held an activation function and now hold a module.
        calls: qualified name of the module that each functional call became, with the function it was.
        untraced: qualified names of submodules whose own forward :mod:`torch.fx` cannot trace, and
            why: functional calls in there, if any, are as they were.
    """

    network: nn.Module
    modules: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    calls: tuple[tuple[str, str], ...] = ()
    untraced: tuple[tuple[str, str], ...] = ()

    @property
    def count(self) -> int:
        """Places that have the new activation."""
        return len(self.modules) + len(self.attributes) + len(self.calls)

    def __str__(self) -> str:
        """Return one line a place."""
        lines = [f"{self.count} places have the new activation"]
        lines += [f"  module {name}" for name in self.modules]
        lines += [f"  attribute {name}" for name in self.attributes]
        lines += [f"  call {name} (was {function})" for name, function in self.calls]
        lines += [f"  not looked into: {name or 'the network itself'}: {reason}" for name, reason in self.untraced]
        return "\n".join(lines)


def swap(
    network: nn.Module,
    old: type[nn.Module] | Sequence[type[nn.Module]] | Literal["all"],
    new: Callable[[], nn.Module],
    *,
    functional: bool = True,
) -> Swapped:
    """Replace activations of a network in place, each by a fresh one.

    A class stands for its activation in every shape it is met in: ``nn.GELU`` for ``nn.GELU`` with
    either ``approximate``, timm's and transformers' GELU modules, ``F.gelu`` called in a forward, and
    an attribute that holds ``F.gelu``. Classes match exactly: a subclass of ``nn.GELU`` is replaced
    when it is named itself. An instance under two names gives two fresh modules; one that a forward
    calls twice gives one.

    Functional calls are found by tracing each submodule's own forward with :mod:`torch.fx`; where
    one is found, the submodule gets the traced forward, in which plain Python attributes are
    constants and optional arguments stay at their defaults (another value raises). Such a module
    keeps its class as base, its attributes and its weights; it can be copied, and saved by
    ``state_dict``, but not pickled. What cannot be traced is left as it was and reported.

    New modules follow what they replace: training or evaluation mode, device, dtype. Weights of
    the rest and their names stay. Activations that torch computes inside a fused recurrent kernel
    (``nn.LSTM``) are out of reach.

    Args:
        network: to change.
        old: a module class, several, or ``"all"`` for every known activation, gates' sigmoids included.
        new: called once for each place: a module class or a factory, such as ``nn.ReLU`` or
            ``compile_expression(...).module``.
        functional: whether to look for functional calls.

    Returns:
        What was replaced, and what could not be looked into.

    Raises:
        ActsearchError: there is nothing to replace, or ``new`` does not make modules.

    Example:
        >>> from torch import nn
        >>> swap(nn.Sequential(nn.Linear(2, 2), nn.GELU()), nn.GELU, nn.Tanh).modules
        ('1',)
    """
    return _Swap(network, Wanted.of(old), new, functional).run()


class _Swap:
    """One call of :func:`swap`."""

    def __init__(self, network: nn.Module, wanted: Wanted, new: Callable[[], nn.Module], functional: bool) -> None:
        self._network, self._wanted, self._new, self._functional = network, wanted, new, functional
        self._there: Counter[str] = Counter()
        self._modules: list[str] = []
        self._attributes: list[str] = []
        self._calls: list[tuple[str, str]] = []
        self._untraced: list[tuple[str, str]] = []

    def run(self) -> Swapped:
        """Replace everything."""
        if self._wanted.is_module(self._network):
            return Swapped(self._fresh("", self._network), modules=("",))
        owners = [(name, owner) for name, owner in self._network.named_modules() if not self._is_activation(owner)]
        for name, owner in owners:
            self._swap_modules(name, owner)
            self._swap_attributes(name, owner)
        if self._functional:
            for name, owner in owners:
                self._swap_calls(name, owner)
        done = Swapped(
            self._network,
            *map(tuple, (self._modules, self._attributes, self._calls, self._untraced)),  # type: ignore[arg-type]
        )
        if not done.count:
            raise ActsearchError(self._nothing())
        return done

    def _is_activation(self, module: nn.Module) -> bool:
        return self._wanted.is_module(module) or known_module(module) is not None

    def _swap_modules(self, name: str, owner: nn.Module) -> None:
        for key, child in list(owner._modules.items()):
            if child is None:
                continue
            if self._wanted.is_module(child):
                owner._modules[key] = self._fresh(_join(name, key), child)
                self._modules.append(_join(name, key))
                _no_fused_kernel(owner)
            elif found := known_module(child):
                self._there[found] += 1

    def _swap_attributes(self, name: str, owner: nn.Module) -> None:
        if is_installed(owner):
            return
        for key, value in list(vars(owner).items()):
            if self._wanted.is_function(value):
                setattr(owner, key, self._fresh(name, owner))
                self._attributes.append(_join(name, key))
                _no_fused_kernel(owner)
            elif found := known_function(value):
                self._there[f"the function {found.name}"] += 1

    def _swap_calls(self, name: str, owner: nn.Module) -> None:
        if isinstance(owner, nn.RNNBase | nn.RNNCellBase) and self._wanted.is_function(torch.tanh):
            self._untraced.append((name, "torch computes its activations inside a fused kernel"))
        if _is_torchs_own(owner):
            return
        try:
            graphs = trace(owner)
            self._count_calls(graphs[0])
            if not any(self._is_call(node) for graph in graphs for node in graph.nodes):
                return
            graph = merged(graphs)
        except Untraceable as reason:
            self._untraced.append((name, str(reason)))
            return
        for node in [node for node in graph.nodes if self._is_call(node)]:
            key = _free_name(owner)
            owner.add_module(key, self._fresh(name, owner))
            self._calls.append((_join(name, key), _called(node)))
            _replace(graph, node, key)
        install(owner, graph)

    def _is_call(self, node: fx.Node) -> bool:
        return _known_call(node) in self._wanted.known

    def _count_calls(self, graph: fx.Graph) -> None:
        for node in graph.nodes:
            if found := _known_call(node):
                self._there[f"calls of {found.name}"] += 1

    def _fresh(self, name: str, place: nn.Module) -> nn.Module:
        """Return a new activation in the mode, on the device and of the type of its surroundings."""
        made = self._new()
        if not isinstance(made, nn.Module):
            raise ActsearchError(f"new must make an nn.Module each time it is called, not a {type(made).__name__}")
        made.train(place.training)
        near = next(_floats(self._network, name), None)
        return made if near is None else made.to(near.device, near.dtype)

    def _nothing(self) -> str:
        there = ", ".join(f"{name} ({count})" for name, count in self._there.most_common()) or "no known one"
        hidden = f"; torch.fx could not look into {_names(self._untraced)}" if self._untraced else ""
        return f"{type(self._network).__name__} has no {self._wanted} to replace; its activations: {there}{hidden}"


def _names(untraced: Sequence[tuple[str, str]]) -> str:
    shown = ", ".join(name or "its own forward" for name, _ in untraced[:3])
    return shown if len(untraced) <= 3 else f"{shown} and {len(untraced) - 3} more"


def _join(name: str, key: str) -> str:
    return f"{name}.{key}" if name else key


def _floats(network: nn.Module, name: str) -> Iterator[torch.Tensor]:
    """Yield floating-point weights, those nearest to a module first: its own, then its parents'."""
    parts = name.split(".") if name else []
    for length in range(len(parts), -1, -1):
        module = network.get_submodule(".".join(parts[:length]))
        yield from (p for p in (*module.parameters(), *module.buffers()) if p.is_floating_point())


def _no_fused_kernel(owner: nn.Module) -> None:
    """Keep torch from its fused encoder layer, which knows ReLU and GELU alone and never calls the module."""
    if isinstance(owner, nn.TransformerEncoderLayer):
        owner.activation_relu_or_gelu = 0


def _is_torchs_own(owner: nn.Module) -> bool:
    """Tell whether a module's forward is written in torch, where functional calls need no replacing."""
    return (type(owner).forward.__module__ or "").startswith("torch.")


def _free_name(owner: nn.Module) -> str:
    number = 1
    while hasattr(owner, f"activation_{number}"):
        number += 1
    return f"activation_{number}"


def _known_call(node: fx.Node) -> Known | None:
    """Return the activation that a node calls as a function or as a method of a tensor."""
    if node.op == "call_function":
        return known_function(node.target)
    return known_method(str(node.target)) if node.op == "call_method" else None


def _called(node: fx.Node) -> str:
    if node.op == "call_method":
        return f"Tensor.{node.target}"
    return getattr(node.target, "__name__", str(node.target))


def _replace(graph: fx.Graph, node: fx.Node, key: str) -> None:
    """Put a call of a submodule in the place of a functional call."""
    given = node.args[0] if node.args else node.kwargs["input"]
    with graph.inserting_after(node):
        fresh = graph.create_node("call_module", key, (given,))
    node.replace_all_uses_with(fresh)
    if isinstance(given, fx.Node) and _is_in_place(node):
        _read_result(graph, given, fresh)
    graph.erase_node(node)


def _is_in_place(node: fx.Node) -> bool:
    return _called(node).endswith("_") or node.kwargs.get("inplace") is True


def _read_result(graph: fx.Graph, given: fx.Node, fresh: fx.Node) -> None:
    """Let what reads the input after a call in place read its result, as it did."""
    order = {node: position for position, node in enumerate(graph.nodes)}
    for user in list(given.users):
        if order[user] > order[fresh]:
            user.replace_input_with(given, fresh)
