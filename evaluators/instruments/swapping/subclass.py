"""The class of a module in which calls of an activation are written anew: a subclass of its own.

It can be made again from the module's class and its members, so a module of it is copied and pickled like any
other; who loads the pickle needs this package and the same source.
"""

from __future__ import annotations

import ast
import copy
import functools
import types
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FunctionType, MethodType
from typing import Any

import torch
from torch import nn

from evaluators.instruments.swapping.chain import Chain, chain_of, defining_class, entries
from evaluators.instruments.swapping.known import KNOWN, Wanted, functions_of
from evaluators.instruments.swapping.names import Scope, inherited, resolve
from evaluators.instruments.swapping.source import Edit, Unreadable, read, rewritten
from primitives import ActsearchError

_MEMBERS = "_swapped_members"
Level = tuple[tuple[Edit, ...], int]
"""What to write anew in one function of a chain, and a checksum of its source."""


def _itself(value: Any, memo: Any) -> Any:
    """Return what a frozen value's copy is."""
    del memo
    return value


@dataclass(frozen=True)
class Written:
    """A function that is written anew.

    Attributes:
        name: of it in the subclass.
        root: where it comes from: the name of a class's entry, a function itself, or the member, the function in
            its chain and the expression there that refers to it.
        owned: whether it is given the module as its first argument.
        levels: what to write anew, for each function of its chain, the outermost first.
    """

    name: str
    root: str | FunctionType | tuple[str, int, str]
    owned: bool
    levels: tuple[Level, ...]
    __deepcopy__ = _itself


@dataclass(frozen=True)
class Helper:
    """A method through which a call reaches a new activation that cannot be called in its place.

    Attributes:
        name: of the method.
        kind: ``any`` takes further arguments, ``place`` writes into its argument, ``method`` asks whether it is
            given a tensor, ``class`` is called like a module class, ``choice`` is given what a look-up answered,
            ``input`` is the forward of an activation itself, which then writes into its input, ``holds`` is no
            method and says what the module holds.
        activation: name of the new module.
        known: names of the activations that a choice replaces, or of the method.
    """

    name: str
    kind: str
    activation: str
    known: tuple[str, ...] = ()
    __deepcopy__ = _itself


Members = tuple[Written | Helper, ...]


def subclass(base: type[nn.Module], members: Members) -> type[nn.Module]:
    """Return the subclass of a module class with some members, the same one each time.

    Raises:
        ActsearchError: the source is not the one that the members were made from.
    """
    for made in base.__subclasses__():
        if vars(made).get(_MEMBERS) == members:
            return made
    body: dict[str, Any] = {
        _MEMBERS: members,
        "__module__": base.__module__,
        "__qualname__": base.__qualname__,
        "__doc__": base.__doc__,
        "__init__": _init(base),
        "__reduce_ex__": _reduce,
    }
    if hasattr(base, "__deepcopy__"):
        body["__deepcopy__"] = _deepcopy
    chains: dict[str, tuple[Chain, tuple[FunctionType, ...]]] = {}
    for member in members:
        if isinstance(member, Helper) and member.kind == "holds":
            continue
        if isinstance(member, Helper):
            helper = _input(member, base) if member.kind == "input" else _HELPERS[member.kind](member)
            body[member.name] = helper
            continue
        chain = _found(base, member, chains)
        last = len(member.levels) - 1
        functions = tuple(
            _anew(chain.functions[n], level, member.owned and n == last) for n, level in enumerate(member.levels)
        )
        chains[member.name] = chain, functions
        made = chain.rebuilt(functions)
        body[member.name] = _Static(made, chain.functions[0]) if chain.is_static else made
        if isinstance(member.root, FunctionType):
            made.__name__ = member.name  # a bound method is pickled by its name
    return made_beside(base.__name__, base, body)


def made_beside(name: str, base: type[nn.Module], body: dict[str, Any]) -> type[nn.Module]:
    """Return a subclass of which neither the base nor its metaclass is told: nobody wrote it."""
    made = type.__new__(type(base), name, (nn.Module,), body)
    try:
        made.__bases__ = (base,)
    except TypeError:  # a class with slots cannot be put beneath a class that is there
        made = types.new_class(name, (base,), {}, lambda namespace: namespace.update(body))
    return made


class _Static:
    """A static method that is given the module when it is asked of one."""

    def __init__(self, function: FunctionType, original: FunctionType) -> None:
        self._function, self._original = function, original

    def __get__(self, module: nn.Module | None, kind: type) -> Any:
        return self._original if module is None else MethodType(self._function, module)


def checksum(function: FunctionType) -> int:
    """Return a number that changes with a function's source."""
    return zlib.crc32(read(function).text.encode())


def _anew(function: FunctionType, level: Level, owned: bool) -> FunctionType:
    edits, checked = level
    if not edits and not owned:
        return function
    try:
        source = read(function)
    except Unreadable as reason:
        raise ActsearchError(f"the swapped {function.__qualname__} cannot be made again: {reason}") from reason
    if zlib.crc32(source.text.encode()) != checked:
        raise ActsearchError(
            f"{function.__qualname__} in {function.__code__.co_filename} is not what it was when its activations were "
            "swapped; build the network anew, swap, and load its state_dict"
        )
    return rewritten(function, source, edits, owned)


def _found(base: type[nn.Module], member: Written, chains: dict[str, tuple[Chain, tuple[FunctionType, ...]]]) -> Chain:
    """Return the functions that a member is made from."""
    if isinstance(member.root, FunctionType):
        entry: Any = member.root
    elif isinstance(member.root, str):
        entry = entries(base).get(member.root, (None,))[0]
    else:
        parent, level, text = member.root
        function = chains[parent][0].functions[level]
        entry = referred(base, function, text)
    chain = chain_of(entry)
    if chain is None or len(chain.functions) != len(member.levels):
        raise ActsearchError(
            f"{base.__qualname__} is not what it was when its activations were swapped; build the network anew, "
            "swap, and load its state_dict"
        )
    return chain


def referred(base: type[nn.Module], function: FunctionType, text: str) -> Any:
    """Return what an expression in a function refers to."""
    node = ast.parse(text, mode="eval").body
    owner = defining_class(function, next((c for c in base.__mro__ if _holds(c, function)), None))
    first = function.__code__.co_varnames[: function.__code__.co_argcount][:1]
    scope = Scope(function, base, owner, frozenset(), first[0] if first else None)
    found = inherited(node, scope)
    return found[0] if found else resolve(node, scope)


def _holds(owner: type, function: FunctionType) -> bool:
    """Tell whether a function is among a class's, under decorators or not."""
    entry = vars(owner).get(function.__name__)
    chain = chain_of(entry)
    return chain is not None and function in chain.functions


def _init(base: type[nn.Module]) -> Callable[..., None]:
    @functools.wraps(base.__init__)
    def __init__(self: nn.Module, *args: Any, **kwargs: Any) -> None:  # noqa: N807
        """Make a module as written: what is swapped is a module, not its class."""
        self.__class__ = base
        self.__init__(*args, **kwargs)  # type: ignore[misc]

    return __init__


def _reduce(self: nn.Module, protocol: Any) -> Any:
    """Return how to make a module again: as one of the class it had, then as one of the class it has."""
    kind, layers = next(c for c in type(self).__mro__ if _MEMBERS in vars(c)), []
    base = kind
    while _MEMBERS in vars(base):
        layers.append(vars(base)[_MEMBERS])
        base = base.__bases__[0]
    if _is_custom(base):
        with _as_written(self, base) as held:
            reduce: Any = base.__reduce_ex__
            made, arguments, *rest = reduce(self, protocol)
            state = rest[0] if rest else None
            return _restored_whole, (base, tuple(reversed(layers)), made, arguments, state, held)
    ordinary: Any = base.__reduce_ex__
    made, arguments, *rest = ordinary(self, protocol)
    arguments = tuple(base if argument is type(self) else argument for argument in arguments)
    return (_restored, (base, tuple(reversed(layers)), made, arguments), *rest)


def _is_custom(base: type[nn.Module]) -> bool:
    """Tell whether a class says itself how it is copied and pickled."""
    own = ("__reduce__", "__reduce_ex__", "__getstate__", "__setstate__", "__deepcopy__")
    standard = (nn.Module, object)
    return any(n in vars(c) for c in base.__mro__ if c not in standard for n in own)


@contextmanager
def _as_written(module: nn.Module, base: type[nn.Module]) -> Iterator[dict[str, nn.Module]]:
    """Let a module be of its own class and without its new activations meanwhile; yield those."""
    kind = type(module)
    names = [m.activation for c in kind.__mro__ for m in vars(c).get(_MEMBERS, ()) if getattr(m, "kind", "") == "holds"]
    held = {name: module._modules.pop(name) for name in names if name in module._modules}
    module.__class__ = base
    try:
        yield held  # type: ignore[misc]
    finally:
        module.__class__ = kind
        module._modules.update(held)


def _deepcopy(self: nn.Module, memo: Any) -> Any:
    """Return a copy by the class's own rule, with copies of the new activations."""
    reduced: Any = self.__reduce_ex__(4)
    arguments = reduced[1]
    base, layers, _, _, _, held = arguments
    with _as_written(self, base):
        module = base.__deepcopy__(self, memo)
    return _swapped_again(module, base, layers, {name: copy.deepcopy(one, memo) for name, one in held.items()})


def _restored_whole(
    base: type[nn.Module], layers: tuple[Members, ...], made: Callable[..., Any], arguments: Any, state: Any, held: Any
) -> Any:
    """Return a module of a class that makes itself, state and all."""
    module = made(*arguments)
    if state is not None:
        put = getattr(module, "__setstate__", None) or vars(module).update
        put(state)
    return _swapped_again(module, base, layers, held)


def _swapped_again(module: Any, base: type[nn.Module], layers: tuple[Members, ...], held: dict[str, nn.Module]) -> Any:
    if held:
        module._modules.update(held)
    for members in layers:
        base = subclass(base, members)
    module.__class__ = base
    return module


def _restored(base: type[nn.Module], layers: tuple[Members, ...], made: Callable[..., Any], arguments: Any) -> Any:
    """Return a module of a subclass, before its state is put in."""
    return _swapped_again(made(*arguments), base, layers, {})


# -- helpers ---------------------------------------------------------------------------------------


def _any(member: Helper) -> Callable[..., Any]:
    name = member.activation

    def apply(self: nn.Module, input: torch.Tensor, *_: Any, inplace: bool = False, **__: Any) -> torch.Tensor:  # noqa: A002
        if inplace:
            return input.copy_(getattr(self, name)(input.clone()))
        return getattr(self, name)(input)  # type: ignore[no-any-return]

    return apply


def _place(member: Helper) -> Callable[..., Any]:
    name = member.activation

    def apply(self: nn.Module, input: torch.Tensor, *_: Any, inplace: bool = True, **__: Any) -> torch.Tensor:  # noqa: A002
        if not inplace:
            return getattr(self, name)(input)  # type: ignore[no-any-return]
        return input.copy_(getattr(self, name)(input.clone()))

    return apply


def _method(member: Helper) -> Callable[..., Any]:
    name, method = member.activation, member.known[0]

    def apply(self: nn.Module, value: Any, *args: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return getattr(self, name)(value)
        return getattr(value, method)(*args)

    return apply


def _class(member: Helper) -> Callable[..., Any]:
    name = member.activation

    def make(self: nn.Module, *_: Any, **__: Any) -> nn.Module:
        return getattr(self, name)  # type: ignore[no-any-return]

    return make


def _choice(member: Helper) -> Callable[..., Any]:
    known = tuple(known for known in KNOWN if known.name in member.known)
    functions, wanted = tuple(f for k in known for f in functions_of(k)), Wanted((), known)
    name, apply = member.activation, _any(member)

    def choose(self: nn.Module, found: Any) -> Any:
        if isinstance(found, nn.Module):
            return getattr(self, name) if wanted.is_module(found) else found
        if isinstance(found, type):
            return (lambda *_, **__: getattr(self, name)) if wanted.is_class(found) else found
        for function in functions:  # a comparison that torch.compile looks through
            if found is function:
                return functools.partial(apply, self)
        return found

    return choose


def _input(member: Helper, base: type[nn.Module]) -> Callable[..., Any]:
    name = member.activation

    def forward(self: nn.Module, input: torch.Tensor) -> torch.Tensor:  # noqa: A002
        return input.copy_(getattr(base, name)(self, input.clone()))

    return forward


_HELPERS: dict[str, Callable[[Helper], Callable[..., Any]]] = {
    "any": _any,
    "place": _place,
    "method": _method,
    "class": _class,
    "choice": _choice,
}
