"""Puts new activations into the places that were found: all of them, or none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import FunctionType, MethodType
from typing import Any

import torch
from torch import fx, nn
from torch.nn.utils import parametrize

from evaluators.instruments.swapping.chain import chain_of, entries
from evaluators.instruments.swapping.look import Attribute, Found, Graph, Module, Rewrite
from evaluators.instruments.swapping.names import is_foreign, mentioned
from evaluators.instruments.swapping.new import refuse_no_activation
from evaluators.instruments.swapping.paths import FreeNames, path
from evaluators.instruments.swapping.places import Place
from evaluators.instruments.swapping.subclass import Helper, made_beside, subclass
from primitives import ActsearchError

_ITERATED = {"children", "named_children", "modules", "named_modules", "_modules"}
_DEEP = 4
"""Methods that call methods: how far a forward is followed."""
_KEPT_HOOKS = (
    *("_forward_hooks", "_forward_hooks_with_kwargs", "_forward_hooks_always_called", "_backward_hooks"),
    *("_forward_pre_hooks", "_forward_pre_hooks_with_kwargs", "_backward_pre_hooks", "_is_full_backward_hook"),
)
Result = tuple[nn.Module, tuple[Place, ...], tuple[nn.Module, ...]]


def apply(network: nn.Module, found: Found, make: Callable[[], nn.Module], root: Place | None) -> Result:
    """Replace everything that was found.

    Args:
        network: to change.
        found: in it.
        make: a fresh activation.
        root: the place of the network itself, when it is an activation.

    Returns:
        The network, the places that have a new activation, and those activations.

    Raises:
        ActsearchError: nothing was changed.
    """
    return _Apply(network, make).run(found, root)


class _Apply:
    """One application, with what takes it back."""

    def __init__(self, network: nn.Module, make: Callable[[], nn.Module]) -> None:
        self._network, self._make = network, make
        self._names = {id(module): name for name, module in network.named_modules()}
        self._undo: list[Callable[[], None]] = []
        self._places: list[Place] = []
        self._new: list[nn.Module] = []
        self._in_place: set[int] = set()
        self._by_old: dict[int, nn.Module] = {}
        self._tried = False

    def run(self, found: Found, root: Place | None) -> Result:
        """Replace everything, or take back what was replaced."""
        try:
            if root is not None:
                return self._fresh(root, self._network, self._network), (root,), tuple(self._new)
            self._in_place = found.in_place
            for rewrite in found.rewrites:
                self._rewrite(rewrite)
            for graph in found.graphs:
                self._graph(graph)
            for module in found.modules:
                self._module(module)
            for attribute in found.attributes:
                self._attribute(attribute)
            self._rebind()
        except BaseException:
            for undo in reversed(self._undo):
                undo()
            raise
        return self._network, tuple(self._places), tuple(self._new)

    def _module(self, found: Module) -> None:
        if id(found.old) not in self._by_old:
            self._by_old[id(found.old)] = self._fresh(found.place, found.old, found.owner)
            _take_hooks(found.old, self._by_old[id(found.old)])
            if id(found.old) in self._in_place:
                _write_into_input(self._by_old[id(found.old)])
        new = self._by_old[id(found.old)]
        if found.slot is not None:
            self._put(found.slot[0], found.slot[1], new)
            self._register(found.owner, FreeNames(found.owner).next(), new)
        else:
            self._put(found.owner._modules, found.key, new)
            self._no_fused_kernel(found.owner, new)
        self._places.append(found.place)

    def _attribute(self, found: Attribute) -> None:
        new = self._fresh(found.place, found.owner, found.owner)
        if found.slot is not None:
            self._put(found.slot[0], found.slot[1], new)
            self._register(found.owner, FreeNames(found.owner).next(), new)
        elif _is_iterated(found.owner):
            self._put(vars(found.owner), found.key, new)
            self._register(found.owner, found.key, new)
        else:  # in both: a class may look for the key where it was
            self._put(vars(found.owner), found.key, new)
            self._put(found.owner._modules, found.key, new)
        if found.changes:
            _write_into_input(new)
        self._no_fused_kernel(found.owner, new)
        self._places.append(found.place)

    def _rewrite(self, found: Rewrite) -> None:
        owner, before = found.owner, type(found.owner)
        made = self._class(owner, found)
        for place, key in found.places:
            self._register(owner, key, self._fresh(place, owner, owner))
            self._places.append(place)
        self._undo.append(lambda: setattr(owner, "__class__", before))
        try:
            owner.__class__ = made
        except TypeError as error:
            raise ActsearchError(
                f"{self._names[id(owner)] or 'the network'}: {before.__name__} cannot have a subclass in its place "
                f"({error}); swap with functional=False and replace its functional activations by modules"
            ) from error
        for holder, key, name in found.bindings:
            self._put(holder, key, _bound(owner, name, holder[key]))

    def _class(self, owner: nn.Module, found: Rewrite) -> type[nn.Module]:
        """Return the class of a module whose calls are written anew; one that torch put around a class stays around."""
        before = type(owner)
        if not parametrize.is_parametrized(owner):
            return subclass(before, found.members)
        body = {name: value for name, value in vars(before).items() if name not in ("__dict__", "__weakref__")}
        return made_beside(before.__name__, subclass(before.__bases__[0], found.members), body)

    def _rebind(self) -> None:
        """Look up anew what modules hold of others: old activations, and methods."""
        for owner in self._network.modules():
            for key, value in list(vars(owner).items()):
                if isinstance(value, nn.Module) and id(value) in self._by_old:
                    self._put(vars(owner), key, self._by_old[id(value)])
                holder = getattr(value, "__self__", None) if isinstance(value, MethodType) else None
                if not isinstance(holder, nn.Module) or isinstance(holder, torch.jit.ScriptModule):
                    continue
                holder = self._by_old.get(id(holder), holder)
                anew = getattr(type(holder), value.__func__.__name__, None)
                if isinstance(anew, FunctionType) and anew is not value.__func__:
                    self._put(vars(owner), key, MethodType(anew, holder))

    def _graph(self, found: Graph) -> None:
        before = _copied(found.owner.graph)
        self._undo.append(lambda: setattr(found.owner, "graph", before))
        for place, node in found.nodes:
            key = place.name.rpartition(".")[2]
            self._put(found.owner._modules, key, self._fresh(place, found.owner, found.owner))
            _replace(found.owner.graph, node, key)
            self._places.append(place)
        found.owner.recompile()

    def _register(self, owner: nn.Module, key: str, new: nn.Module) -> None:
        """Make a new activation a child of a module, or of one near it whose children nobody goes through."""
        rest = key
        for name, around in reversed(path(self._network, self._names[id(owner)])):
            if not _is_iterated(around):
                break
            rest = f"{name}_{rest}"
        else:
            around = next((child for child in owner.children() if not _is_iterated(child)), owner)
            rest = key
        if around is owner and _is_iterated(owner):
            raise ActsearchError(
                f"{self._names[id(owner)] or 'the network'} runs all its children in turn and has none that can hold a "
                "new activation; put it into a module of your own and swap there"
            )
        self._put(around._modules, rest, new)
        if around is not owner:
            self._put(vars(owner), key, new)

    def _fresh(self, place: Place, old: nn.Module, owner: nn.Module) -> nn.Module:
        """Return a new activation in the mode, on the device and of the type of its surroundings."""
        new = self._make()
        if not self._tried:
            refuse_no_activation(new)
            self._tried = True
        new.train(old.training)
        near = next(_floats(self._network, self._names.get(id(owner), place.module)), None)
        new = new if near is None else new.to(near.device, near.dtype)
        self._new.append(new)
        return new

    def _no_fused_kernel(self, owner: nn.Module, new: nn.Module) -> None:
        """Tell torch's encoder layer whether its fused kernel knows the activation, as it does when it is made."""
        if isinstance(owner, nn.TransformerEncoderLayer):
            flag = 1 if isinstance(new, nn.ReLU) else 2 if isinstance(new, nn.GELU) else 0
            self._put(vars(owner), "activation_relu_or_gelu", flag)

    def _put(self, holder: Any, key: Any, value: Any) -> None:
        if isinstance(holder, list) or key in holder:
            before = holder[key]
            self._undo.append(lambda: holder.__setitem__(key, before))
        else:
            self._undo.append(lambda: holder.__delitem__(key))
        holder[key] = value


def _take_hooks(old: nn.Module, new: nn.Module) -> None:
    """Let what was hooked to an old activation be hooked to the new one."""
    for name in _KEPT_HOOKS:
        if getattr(old, name, None):
            setattr(new, name, getattr(old, name))


def _write_into_input(new: nn.Module) -> None:
    """Let a new activation change its input, as the old one did where that is read afterwards."""
    new.__class__ = subclass(type(new), (Helper("forward", "input", "forward"),))


def _bound(owner: nn.Module, name: str, old: Any) -> Any:
    """Return a rewritten function as it is held: bound to its module."""
    made = getattr(owner, name)
    if hasattr(old, "func") and hasattr(old, "keywords"):
        return type(old)(made, *old.args, **old.keywords)
    assert isinstance(made, MethodType)
    return made


def _is_iterated(owner: nn.Module) -> bool:
    """Tell whether a module's forward goes through its children, so that one more would run."""
    if isinstance(owner, nn.Sequential | nn.ModuleList | nn.ModuleDict):
        return True
    methods, names = entries(type(owner)), {"forward"}
    for _ in range(_DEEP):
        names |= {n for name in names & methods.keys() for f in _all(methods[name][0]) for n in mentioned(f.__code__)}
    return not _ITERATED.isdisjoint(names)


def _all(entry: Any) -> tuple[Any, ...]:
    chain = chain_of(entry)
    return tuple(f for f in chain.functions if not is_foreign(f)) if chain else ()


def _floats(network: nn.Module, name: str) -> Iterator[torch.Tensor]:
    """Yield floating-point weights, those nearest to a module first: its own, then its parents'."""
    for _, module in reversed(path(network, name)):
        yield from (p for p in (*module.parameters(), *module.buffers()) if p.is_floating_point())


# -- graph modules ---------------------------------------------------------------------------------


def _copied(graph: fx.Graph) -> fx.Graph:
    copied = fx.Graph()
    copied.output(copied.graph_copy(graph, {}))
    return copied


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
    name = str(node.target) if node.op == "call_method" else getattr(node.target, "__name__", "")
    return name.split(".")[0].endswith("_") or node.kwargs.get("inplace") is True


def _read_result(graph: fx.Graph, given: fx.Node, fresh: fx.Node) -> None:
    """Let what reads the input after a call in place read its result, as it did."""
    order = {node: position for position, node in enumerate(graph.nodes)}
    for user in list(given.users):
        if order[user] > order[fresh]:
            user.replace_input_with(given, fresh)
