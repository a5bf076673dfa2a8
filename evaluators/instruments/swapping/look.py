"""Looks through a network for activations and changes nothing: every place, and how each would be replaced."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from types import FunctionType, MethodType
from typing import Any

import torch
from torch import fx, nn

from evaluators.instruments.swapping.chain import Chain, chain_of, defining_class, entries
from evaluators.instruments.swapping.in_place import changed_afterwards, plain_function, watched_names, works_in_place
from evaluators.instruments.swapping.known import (
    Known,
    Wanted,
    called,
    in_place,
    known_class,
    known_function,
    known_module,
)
from evaluators.instruments.swapping.names import MOST, calls_of_self, is_foreign, is_users, may_take_powers
from evaluators.instruments.swapping.paths import FreeNames, around, join
from evaluators.instruments.swapping.places import Left, Place
from evaluators.instruments.swapping.scan import Scanner, mentioned_in
from evaluators.instruments.swapping.sites import SCRIPT, Body, Handed, Site, scripted
from evaluators.instruments.swapping.source import Edit, end_of, start_of
from evaluators.instruments.swapping.subclass import Helper, Level, Members, Written, checksum
from evaluators.instruments.swapping.surroundings import is_gate, larger_activation

_INSIDE = {"_parameters", "_buffers", "_modules", "_non_persistent_buffers_set", "_is_full_backward_hook", "training"}
_HOOKS = ("_forward_hooks", "_forward_pre_hooks")
_DEPTH = 3
Slot = tuple[Any, Any]
"""A list or dictionary, and the index or key in it."""


@dataclass(frozen=True, eq=False)
class Module:
    """A child, or an element of a plain container, that is an activation."""

    place: Place
    owner: nn.Module
    key: str
    old: nn.Module
    slot: Slot | None = None


@dataclass(frozen=True, eq=False)
class Attribute:
    """An attribute, or an element of a plain container, that holds an activation function."""

    place: Place
    owner: nn.Module
    key: str
    slot: Slot | None = None
    changes: bool = False


@dataclass(eq=False)
class Rewrite:
    """A module whose class gets calls written anew."""

    owner: nn.Module
    places: list[tuple[Place, str]] = field(default_factory=list)
    members: Members = ()
    bindings: list[tuple[Any, Any, str]] = field(default_factory=list)


@dataclass(eq=False)
class Graph:
    """Nodes of a graph module."""

    owner: fx.GraphModule
    nodes: list[tuple[Place, fx.Node]] = field(default_factory=list)


@dataclass(eq=False)
class Found:
    """Everything that was found in a network.

    Attributes:
        modules: children and elements of containers that are activations.
        attributes: and functions that are held.
        rewrites: modules with calls.
        graphs: graph modules with calls.
        left: what stays and a person may act on.
        unchosen: places that were not asked for.
        gates: of squeeze-and-excite that were not asked for.
        in_place: ids of modules that work in place on what is read afterwards.
    """

    modules: list[Module] = field(default_factory=list)
    attributes: list[Attribute] = field(default_factory=list)
    rewrites: list[Rewrite] = field(default_factory=list)
    graphs: list[Graph] = field(default_factory=list)
    left: list[Left] = field(default_factory=list)
    unchosen: list[Place] = field(default_factory=list)
    gates: list[Place] = field(default_factory=list)
    in_place: set[int] = field(default_factory=set)

    @property
    def places(self) -> list[Place]:
        """All that would be replaced."""
        held = [one.place for one in self.modules] + [one.place for one in self.attributes]
        calls = [place for one in self.rewrites for place, _ in one.places]
        return held + calls + [place for graph in self.graphs for place, _ in graph.nodes]


class Look:
    """One look through a network."""

    def __init__(
        self, network: nn.Module, wanted: Wanted, chosen: Callable[[Place], bool], functional: bool, ours: set[int]
    ) -> None:
        self._network, self._wanted, self._chosen, self._functional = network, wanted, chosen, functional
        self._ours = ours
        self._scanner = Scanner(wanted)
        self._bodies: dict[Any, Body] = {}
        self._methods: dict[type[nn.Module], list[tuple[str, tuple[Any, type]]]] = {}
        self._odd: dict[type[nn.Module], list[tuple[str, str]]] = {}
        self._handed: dict[int, list[tuple[str, Handed]]] = {}
        self._found = Found()

    def run(self) -> Found:
        """Return what there is."""
        for name, owner in self._network.named_modules():
            if id(owner) in self._ours or self._is_inside_script(name):
                continue
            if isinstance(owner, torch.jit.ScriptModule):
                self._script(name, owner)
            elif isinstance(owner, fx.GraphModule):
                self._children(name, owner, None)
                self._graph(name, owner)
            elif not self._is_activation(owner):
                self._owner(name, owner)
            else:
                self._hooks_of(name, owner)
        self._found.in_place = changed_afterwards(self._network, self._handed)
        return self._found

    def _is_activation(self, module: nn.Module) -> bool:
        return self._wanted.is_module(module) or (known_module(module) is not None and not _adds(module))

    def _is_inside_script(self, name: str) -> bool:
        return any(isinstance(m, torch.jit.ScriptModule) for m in around(self._network, name)[:-1])

    def _owner(self, name: str, owner: nn.Module) -> None:
        larger = functools.cache(lambda: larger_activation(owner))
        self._children(name, owner, larger)
        self._attributes(name, owner, larger)
        if self._functional:
            self._calls(name, owner, larger)
        if isinstance(owner, nn.RNNBase | nn.RNNCellBase):
            self._recurrent(name, owner)

    # -- modules -------------------------------------------------------------------------------------

    def _children(self, name: str, owner: nn.Module, larger: Callable[[], bool] | None) -> None:
        for key, child in owner._modules.items():
            if child is None or id(child) in self._ours:
                continue
            if self._wanted.is_module(child):
                if larger is not None and larger():
                    self._part(name, owner, type(child).__name__, "")
                    continue
                gate = is_gate(around(self._network, name), known_class(type(child)))
                changes = works_in_place(child)
                place = Place(join(name, key), name, "module", type(child).__name__, "", gate, changes)
                if self._takes(place):
                    self._found.modules.append(Module(place, owner, key, child))
            elif (found := known_module(child)) and self._is_subclass(child):
                why = f"a subclass with a forward of its own; swap(network, {found}, …) replaces it"
                self._found.left.append(Left(join(name, key), found, "", why))

    def _is_subclass(self, child: nn.Module) -> bool:
        return known_class(type(child)) in self._wanted.known

    def _takes(self, place: Place) -> bool:
        if self._chosen(place):
            return True
        (self._found.gates if place.gate else self._found.unchosen).append(place)
        return False

    def _part(self, name: str, owner: nn.Module, was: str, line: str) -> None:
        kind = type(owner).__name__
        why = f"it is a part of the activation {kind}; swap(network, {kind}, …) replaces that whole"
        self._found.left.append(Left(name, was, line, why, larger=True))

    # -- attributes ----------------------------------------------------------------------------------

    def _attributes(self, name: str, owner: nn.Module, larger: Callable[[], bool]) -> None:
        for key, value in vars(owner).items():
            if key in _INSIDE or key.endswith("_hooks") or key.startswith("_forward_"):
                continue
            for was, why in self._hidden_in_attribute(value, type(owner)):
                self._found.left.append(Left(join(name, key), was, "", why))
            for slot, element in [(None, value), *_elements(value, _DEPTH)]:
                if self._wanted.is_function(plain_function(element)) and larger():
                    self._part(name, owner, called(plain_function(element)), "")
                else:
                    self._value(name, owner, key, element, slot)
                inside = slot is not None and isinstance(element, FunctionType)
                if inside and self._scanner.might(element, type(owner)):
                    self.hide(join(name, key), mentioned_in(element), "", f"it is in {element.__qualname__} there")

    def _hidden_in_attribute(self, value: Any, base: type[nn.Module]) -> list[tuple[str, str]]:
        """Return the activations in an attribute that is no function, list or dictionary."""
        if isinstance(value, tuple | set | frozenset) and len(value) <= MOST:
            return [
                (self._name_of(one), f"it is held by a {type(value).__name__}; keep them in a list")
                for one in value
                if self._scanner.computes(one) and not isinstance(one, type | tuple)
            ]
        if isinstance(value, functools.partial):
            given = [one for one in (*value.args, *value.keywords.values()) if self._wanted.is_function(one)]
            return [(self._name_of(one), "it is an argument of a partial") for one in given]
        return self._hidden_in(value, base) if is_users(value) else []

    @staticmethod
    def _name_of(value: Any) -> str:
        return type(value).__name__ if isinstance(value, nn.Module) else called(value)

    def _value(self, name: str, owner: nn.Module, key: str, value: Any, slot: Slot | None) -> None:
        if self._wanted.is_function(plain_function(value)):
            place = Place(join(name, key), name, "attribute", called(plain_function(value)))
            if self._takes(place):
                changes = in_place(plain_function(value)) or bool(getattr(value, "keywords", {}).get("inplace"))
                self._found.attributes.append(Attribute(place, owner, key, slot, changes))
        elif slot is not None and isinstance(value, nn.Module) and self._wanted.is_module(value):
            place = Place(join(name, key), name, "attribute", type(value).__name__)
            if id(value) not in self._ours and self._takes(place):
                self._found.modules.append(Module(place, owner, key, value, slot))

    # -- calls ---------------------------------------------------------------------------------------

    def _calls(self, name: str, owner: nn.Module, larger: Callable[[], bool]) -> None:
        base = type(owner)
        writer = _Writer(self, name, owner, larger)
        for key, (entry, defined_in) in self._own_entries(base):
            writer.root(key, key, entry, defined_in)
        for was, why in self._odd.get(base, ()):
            self._found.left.append(Left(name, was, "", why))
        for key, value in list(vars(owner).items()):
            if key not in _INSIDE and not key.endswith("_hooks") and id(value) not in self._ours:
                writer.held(vars(owner), key, value)
        for hooks in _HOOKS:
            for handle, hook in list(getattr(owner, hooks).items()):
                writer.held(getattr(owner, hooks), handle, hook)
        rewrite = writer.done()
        if rewrite.members:
            self._found.rewrites.append(rewrite)

    def _own_entries(self, base: type[nn.Module]) -> list[tuple[str, tuple[Any, type]]]:
        """Return the methods of a class in which there may be something, looked for once."""
        if base in self._methods:
            return self._methods[base]
        found = self._methods[base] = []
        for key, (entry, owner) in entries(base).items():
            chain = chain_of(entry)
            if chain is None:
                self._odd[base] = [*self._odd.get(base, []), *self._hidden_in(entry, base)]
            if chain is None or owner.__module__.startswith(("transformers.modeling_utils", "transformers.generation")):
                continue
            if any(self.may(f, base) for f in chain.functions):
                found.append((key, (entry, owner)))
        return found

    def _hidden_in(self, value: Any, base: type[nn.Module]) -> list[tuple[str, str]]:
        """Return the activations in an object that is no plain function, and why they stay."""
        inner = [getattr(value, name, None) for name in ("__func__", "__wrapped__", "func")]
        held = list(vars(value).values()) if hasattr(value, "__dict__") and not isinstance(value, type) else []
        own = list(vars(type(value)).values()) if is_users(value) else []
        found = []
        for one in (*inner, *held, *own):
            if isinstance(one, FunctionType) and self._scanner.might(one, base):
                names = [k.name for k in mentioned_in(one) if k in self._wanted.known]
                found.append((" or ".join(names), f"it is in {one.__qualname__}, in a {type(value).__name__}"))
            elif not isinstance(one, type) and self._scanner.computes(one):
                known = known_function(one) or known_class(type(one))
                found.append((known.name if known else type(one).__name__, f"it is held by a {type(value).__name__}"))
        return [one for one in dict.fromkeys(found) if one[0]]

    def may(self, function: FunctionType, base: type[nn.Module]) -> bool:
        """Tell whether there may be anything to write anew in a function."""
        if self._scanner.might(function, base):
            return True
        names = set(function.__code__.co_names)
        if not self._held_names.isdisjoint(names) and not is_foreign(function) and may_take_powers(function.__code__):
            return True
        named = not is_foreign(function) and not self._watched.isdisjoint(function.__code__.co_names)
        called = calls_of_self(function.__code__) | (self._lists & set(function.__code__.co_names))
        return named and not self._watched.isdisjoint(called)

    @functools.cached_property
    def _watched(self) -> frozenset[str]:
        """Names of attributes whose calls have to be looked at."""
        return watched_names(self._network, self._wanted)

    @functools.cached_property
    def _held_names(self) -> frozenset[str]:
        """Names of children that are wanted."""
        named = self._network.named_modules(remove_duplicate=False)
        return frozenset(n.rpartition(".")[2] for n, m in named if self._wanted.is_module(m))

    @functools.cached_property
    def _lists(self) -> frozenset[str]:
        """Names of lists of modules, which a forward goes through."""
        named = self._network.named_modules()
        return frozenset(n.rpartition(".")[2] for n, m in named if isinstance(m, nn.ModuleList | nn.Sequential))

    def body(
        self, function: FunctionType, base: type[nn.Module], defined_in: type | None, owned: bool, wrapped: str | None
    ) -> Body:
        """Return what is in a function, looked at once."""
        key = (function, base, owned)
        if key not in self._bodies:
            self._bodies[key] = self._scanner.body(
                function, base, defined_in, owned, self._watched | self._held_names, wrapped
            )
        return self._bodies[key]

    def site(self, name: str, owner: nn.Module, site: Site, larger: Callable[[], bool], key: str) -> Place | None:
        """Return the place of a site if it is to be replaced; note it otherwise."""
        known = self.known(site)
        gate = is_gate(around(self._network, name), known[0])
        place = Place(join(name, key), name, "call", site.function, site.line, gate, site.in_place)
        if larger():
            self._part(name, owner, site.function, site.line)
            return None
        part = site.larger
        if site.weights and all(name in {**owner._parameters, **owner._buffers} for name in site.weights):
            part = "it is taken of the module's own weights"
        if part and not self._names(place):
            why = f"{part}; put it into a module of its own to swap that whole, or ask for it by where="
            self._found.left.append(Left(name, site.function, site.line, why))
            return None
        return place if self._takes(place) else None

    def leave_part(self, name: str, owner: nn.Module, key: str, line: str, what: str) -> None:
        """Leave a child that is only a part of a larger activation, unless it was asked for."""
        found: list[Any] = [*self._found.modules, *self._found.attributes]
        for one in [f for f in found if f.owner is owner and f.key == key and not self._names(f.place)]:
            held: list[Any] = self._found.modules if isinstance(one, Module) else self._found.attributes
            held.remove(one)
            why = f"{what}; put it into a module of its own to swap that whole, or ask for it by where="
            self._found.left.append(Left(name, one.place.was, line, why))

    def keep_compared(self, name: str, owner: nn.Module, key: str, line: str) -> None:
        """Leave an attribute as it is that is compared with functions."""
        for found in [a for a in self._found.attributes if a.owner is owner and a.key == key]:
            self._found.attributes.remove(found)
            self._found.left.append(Left(name, found.place.was, line, f"self.{key} is compared there, so it stays"))

    def replaces_function(self, owner: nn.Module, key: str) -> bool:
        """Tell whether an attribute holds a function that is replaced."""
        return any(a.owner is owner and a.key == key and a.slot is None for a in self._found.attributes)

    def note_handed(self, owner: nn.Module, function: str, body: Body) -> None:
        """Note which children a function of a module hands what."""
        self._handed.setdefault(id(owner), []).extend((function, handed) for handed in body.handed)

    def known(self, site: Site) -> list[Known]:
        """Return what is wanted of a site."""
        return [k for k in site.known if k in self._wanted.known]

    def _names(self, place: Place) -> bool:
        return getattr(self._chosen, "asks", False) and self._chosen(place)

    def hide(self, name: str, known: Sequence[Known], line: str, why: str) -> None:
        """Note what computes a wanted activation and cannot be replaced."""
        if names := [k.name for k in known if k in self._wanted.known]:
            self._found.left.append(Left(name, " or ".join(names), line, why))

    @property
    def scanner(self) -> Scanner:
        """What looks into functions."""
        return self._scanner

    def _hooks_of(self, name: str, activation: nn.Module) -> None:
        """Name what hooks of an activation compute; they go over to the new one as they are."""
        for hook in [h for hooks in _HOOKS for h in getattr(activation, hooks).values()]:
            if isinstance(hook, FunctionType) and self._scanner.might(hook, type(activation)):
                self.hide(name, mentioned_in(hook), "", f"it is in the hook {hook.__qualname__} of an activation")

    # -- what is no Python ---------------------------------------------------------------------------

    def _recurrent(self, name: str, owner: nn.Module) -> None:
        if isinstance(owner, nn.LSTM | nn.GRU | nn.LSTMCell | nn.GRUCell):
            used = {"Sigmoid", "Tanh"}
        else:
            mode = getattr(owner, "mode", getattr(owner, "nonlinearity", "")).lower()
            used = {known for known in ("Tanh", "ReLU") if mode.endswith(known.lower())}
        if found := sorted(used & {k.name for k in self._wanted.known}):
            kind = type(owner).__name__
            why = f"torch computes it inside the fused kernel of {kind}; write the recurrence out to change it"
            self._found.left.append(Left(name, " and ".join(found), "", why))

    def _script(self, name: str, owner: torch.jit.ScriptModule) -> None:
        if found := sorted(known.name for known in scripted(owner, self._wanted)):
            self._found.left.append(Left(name, " and ".join(found), "", SCRIPT))

    def _graph(self, name: str, owner: fx.GraphModule) -> None:
        graph, number = Graph(owner), FreeNames(owner)
        for node in owner.graph.nodes:
            known = known_node(node)
            if known in self._wanted.known:
                place = Place(join(name, number.next()), name, "call", _node_name(node))
                if self._takes(place):
                    graph.nodes.append((place, node))
        if graph.nodes:
            self._found.graphs.append(graph)


class _Writer:
    """Gathers what to write anew for one module."""

    def __init__(self, look: Look, name: str, owner: nn.Module, larger: Callable[[], bool]) -> None:
        self._look, self._name, self._owner, self._larger = look, name, owner, larger
        self._base = type(owner)
        self._numbers, self._helpers = FreeNames(owner), FreeNames(owner)
        self._members: list[Written | Helper] = []
        self._made: dict[tuple[FunctionType, bool], str | None] = {}
        self._rewrite = Rewrite(owner)

    def done(self) -> Rewrite:
        """Return it."""
        self._rewrite.members = tuple(self._members)
        return self._rewrite

    def root(self, name: str, root: str | FunctionType, entry: Any, defined_in: type | None) -> str | None:
        """Write a class's entry or a function anew, if there is anything in it; return its name then."""
        chain = chain_of(entry)
        assert chain is not None
        return self._chain(name, root, chain, defined_in, owned=chain.is_static)

    def held(self, holder: Any, key: Any, value: Any) -> None:
        """Write a function that the module or a hook of it holds anew."""
        bound = isinstance(value, MethodType) and value.__self__ is self._owner
        inner = value.func if isinstance(value, functools.partial) else value
        function = inner.__func__ if isinstance(inner, MethodType) and bound else inner
        if isinstance(inner, MethodType) and not bound and isinstance(inner.__self__, nn.Module):
            return  # another module's: looked up anew when that has its new class
        if not isinstance(function, FunctionType) or known_function(function) is not None:
            return
        if not self._look.scanner.might(function, self._base):
            return
        name = self._helpers.next("_swapped_held")
        if made := self.root_of(name, function, owned=not bound):
            self._rewrite.bindings.append((holder, key, made))

    def root_of(self, name: str, function: FunctionType, owned: bool) -> str | None:
        """Write a function anew that no class holds."""
        chain = chain_of(function)
        assert chain is not None
        return self._chain(name, function, chain, None, owned)

    def _chain(self, name: str, root: Any, chain: Chain, defined_in: type | None, owned: bool) -> str | None:
        key = (chain.functions[0], owned)
        if key in self._made:
            return self._made[key]
        self._made[key] = name
        index = len(self._members)
        self._members.append(Helper(name, "any", ""))  # its turn, before those it refers to
        levels: list[tuple[list[Edit], FunctionType, bool]] = []
        for number, function in enumerate(chain.functions):
            wrapped = chain.cells[number] if number < len(chain.cells) else None
            last = number == len(chain.functions) - 1
            edits = [] if owned and not last else self._edits(name, number, function, defined_in, owned, wrapped)
            levels.append((edits, function, owned and last))
        if any(edits for edits, _, _ in levels):
            written: tuple[Level, ...] = tuple((tuple(e), checksum(f) if e or o else 0) for e, f, o in levels)
            self._members[index] = Written(name, root, owned, written)
            return name
        del self._members[index:]
        self._made[key] = None
        return None

    def _edits(
        self,
        member: str,
        level: int,
        function: FunctionType,
        defined_in: type | None,
        owned: bool,
        wrapped: str | None,
    ) -> list[Edit]:
        if not self._look.may(function, self._base):
            return []
        body = self._look.body(function, self._base, defining_class(function, defined_in), owned, wrapped)
        edits: list[Edit] = []
        self._look.note_handed(self._owner, function.__name__, body)
        for known, line, why in body.hidden:
            self._look.hide(self._name, known, line, why)
        for site in body.sites:
            edits += self._site(site)
        for key, line, what in body.squared:
            self._look.leave_part(self._name, self._owner, key, line, what)
        for key, line in body.compared:
            self._look.keep_compared(self._name, self._owner, key, line)
        for key, node in body.widened:
            if self._look.replaces_function(self._owner, key):
                wide = Helper(self._helpers.next("_swapped"), "any", key)
                self._members.append(wide)
                edits.append(Edit(start_of(node), end_of(node), f"{body.owner_name}.{wide.name}"))
        for use in body.uses:
            helper = self._helpers.next("_swapped")
            own = use.defined_in is not None
            made = self._chain(helper, (member, level, use.text), use.chain, use.defined_in, owned=not own)
            if made:
                of = f"type({body.owner_name})" if use.by_class else body.owner_name
                edits.append(Edit(use.start, use.end, f"{of}.{made}"))
        return edits

    def _site(self, site: Site) -> list[Edit]:
        known = tuple(k.name for k in self._look.known(site))
        if not known:
            return []
        key = self._numbers.next()
        place = self._look.site(self._name, self._owner, site, self._larger, key)
        if place is None:
            return []
        self._rewrite.places.append((place, key))
        self._members.append(Helper("", "holds", key))
        if site.member is None:
            return site.edits(key)
        kind, _, method = site.member.partition(":")
        told = known if kind == "choice" else (method,) if method else ()
        helper = Helper(self._helpers.next("_swapped"), kind, key, told)
        self._members.append(helper)
        return site.edits(helper.name)


def known_node(node: fx.Node) -> Known | None:
    """Return the activation that a node calls as a function or as a method of a tensor."""
    if node.op == "call_function":
        return known_function(node.target)
    return known_function(getattr(torch.Tensor, str(node.target), None)) if node.op == "call_method" else None


def _node_name(node: fx.Node) -> str:
    return f"Tensor.{node.target}" if node.op == "call_method" else called(node.target)


def _elements(value: Any, depth: int) -> Iterator[tuple[Slot, Any]]:
    """Yield what plain containers hold, and where."""
    if depth == 0:
        return
    if not isinstance(value, dict | list) or len(value) > MOST:
        return
    pairs: Any = value.items() if isinstance(value, dict) else enumerate(value)
    for key, element in pairs:
        yield (value, key), element
        yield from _elements(element, depth - 1)


def _adds(module: nn.Module) -> bool:
    """Tell whether a subclass of a known activation holds modules of its own."""
    return any(True for _ in module.children())
