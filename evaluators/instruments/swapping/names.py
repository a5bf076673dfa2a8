"""What a name in a function's source stands for, found without running anything of the user's."""

from __future__ import annotations

import ast
import builtins
import dis
import functools
import inspect
import itertools
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import CodeType, FunctionType, MappingProxyType, MethodType, ModuleType
from typing import Any

import torch
from torch import nn
from torch._ops import OpOverloadPacket

MOST = 1000
"""Elements of a list that are looked at: longer ones hold data."""
UNKNOWN = object()
"""The answer for what only running can tell."""
_TORCHS = ("torch", "torch._C", "torch._ops")
_LIBRARIES = {"torch", "numpy", "transformers.modeling_utils", "transformers.generation", "transformers.integrations"}


@dataclass(frozen=True, eq=False)
class Scope:
    """Where a function's names are looked up.

    Attributes:
        function: whose names.
        base: the module class that it works for.
        defined_in: the class it is a method of, whose bases ``super()`` means; ``None`` for no method.
        bound: names that the function gives values itself.
        self_name: the name of the module in there.
        imports: what it imports itself.
    """

    function: FunctionType
    base: type[nn.Module]
    defined_in: type | None
    bound: frozenset[str]
    self_name: str | None
    imports: Mapping[str, Any] = field(default_factory=dict)


def resolve(node: ast.expr, scope: Scope) -> Any:
    """Return what an expression of names and attributes stands for, or :data:`UNKNOWN`."""
    if isinstance(node, ast.Name):
        if node.id in scope.imports:
            return scope.imports[node.id]
        return UNKNOWN if node.id in scope.bound else look_up(scope.function, node.id)
    if not isinstance(node, ast.Attribute):
        return UNKNOWN
    if is_self(node.value, scope):
        return _plain(inspect.getattr_static(scope.base, node.attr, UNKNOWN), methods=False)
    return attribute(resolve(node.value, scope), node.attr)


def imported(tree: ast.AST) -> Iterator[tuple[str, Any]]:
    """Yield the names that a function imports itself, of packages that are there already."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                name = alias.name if alias.asname else alias.name.split(".")[0]
                if name in sys.modules:
                    yield alias.asname or name, sys.modules[name]
        elif isinstance(node, ast.ImportFrom) and node.module in sys.modules and not node.level:
            for alias in node.names:
                yield alias.asname or alias.name, attribute(sys.modules[node.module], alias.name)


def is_self(node: ast.expr, scope: Scope) -> bool:
    """Tell whether an expression is the module itself."""
    return isinstance(node, ast.Name) and node.id == scope.self_name


def inherited(node: ast.expr, scope: Scope) -> tuple[FunctionType, type | None] | None:
    """Return the method that ``super().name`` means and the class it stands in."""
    if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Call)) or scope.defined_in is None:
        return None
    call = node.value
    if not (isinstance(call.func, ast.Name) and call.func.id == "super"):
        return None
    first = scope.defined_in
    if call.args:  # super(Block, self)
        first = resolve(call.args[0], scope)
        if len(call.args) != 2 or not is_self(call.args[1], scope) or not isinstance(first, type):
            return None
    start = scope.base.__mro__.index(first) + 1 if first in scope.base.__mro__ else None
    for owner in scope.base.__mro__[start:] if start else ():
        if node.attr in vars(owner):
            found = vars(owner)[node.attr]
            if isinstance(found, staticmethod) and isinstance(found.__func__, FunctionType):
                return found.__func__, None
            return (found, owner) if isinstance(found, FunctionType) else None
    return None


def look_up(function: FunctionType, name: str) -> Any:
    """Return what a free name of a function stands for now."""
    if name in function.__code__.co_freevars:
        cell = (function.__closure__ or ())[function.__code__.co_freevars.index(name)]
        try:
            return cell.cell_contents
        except ValueError:
            return UNKNOWN
    return function.__globals__.get(name, getattr(builtins, name, UNKNOWN))


def attribute(value: Any, name: str) -> Any:
    """Return an attribute of a package, a class or one of torch's groups of operators."""
    if value is UNKNOWN:
        return UNKNOWN
    if isinstance(value, ModuleType):
        if name in vars(value):
            return vars(value)[name]
        return getattr(value, name, UNKNOWN) if value.__name__.startswith("torch.") else UNKNOWN
    if isinstance(value, OpOverloadPacket | torch._ops._OpNamespace):
        return getattr(value, name, UNKNOWN)
    if isinstance(value, type):
        return _plain(inspect.getattr_static(value, name, UNKNOWN), methods=True)
    return UNKNOWN


def _plain(value: Any, methods: bool) -> Any:
    """Return the function in a class's entry; what is bound when it is looked up counts only if asked for."""
    if isinstance(value, staticmethod):
        return value.__func__
    return UNKNOWN if isinstance(value, FunctionType) and not methods else value


def is_foreign(function: FunctionType) -> bool:
    """Tell whether a function is a library's that holds no network's activations."""
    module = function.__globals__.get("__name__") or ""  # a decorator gives its wrapper the name of what it wraps
    parts = module.split(".")
    if module.startswith("torch.ao.nn."):
        return False
    return any(".".join(parts[:length]) in _LIBRARIES for length in (1, 2))


@functools.lru_cache(maxsize=4096)
def mentioned(code: CodeType) -> frozenset[str]:
    """Return the names that a piece of code and the functions in it look up, and the texts that it holds."""
    names = {*code.co_names, *code.co_freevars}
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= mentioned(constant)
    return frozenset(names)


def looks_up_in_package(function: FunctionType) -> bool:
    """Tell whether a function asks a package for what a variable names, as in ``getattr(F, name)``."""
    return any(
        isinstance(look_up(function, after.argval), ModuleType)
        for step, after in itertools.pairwise(dis.get_instructions(function))
        if step.argval == "getattr" and after.opname == "LOAD_GLOBAL"
    )


@functools.lru_cache(maxsize=4096)
def calls_of_self(code: CodeType) -> frozenset[str]:
    """Return the names that a piece of code calls on its first argument, as in ``self.act(x)``."""
    return frozenset(
        step.argval
        for before, step in itertools.pairwise(dis.get_instructions(code))
        if before.opname in ("LOAD_FAST", "LOAD_DEREF")
        and before.argval in code.co_varnames[:1]
        and (step.opname == "LOAD_METHOD" or (step.opname == "LOAD_ATTR" and "NULL" in step.argrepr))
    )


def is_users(value: Any) -> bool:
    """Tell whether a value is an object of a class that a user wrote, and no module."""
    kind = type(value)
    known = ("builtins", "torch", "numpy", "collections", "functools", "types", "transformers.configuration_utils")
    plain = kind.__module__.startswith(known) or isinstance(value, nn.Module | type | torch.Tensor | ModuleType)
    return not plain and hasattr(value, "__dict__")


@functools.lru_cache(maxsize=4096)
def may_take_powers(code: CodeType) -> bool:
    """Tell whether a piece of code takes powers or multiplies."""
    if {"square", "pow", "mul", "square_", "pow_"} & set(code.co_names):
        return True
    return any(s.opname == "BINARY_OP" and s.argrepr in ("**", "*", "**=", "*=") for s in dis.get_instructions(code))


def functions_in(value: Any) -> list[Any]:
    """Return the values of a mapping, for a table of functions or modules."""
    if isinstance(value, dict):
        return list(dict.values(value))
    if isinstance(value, list | tuple):
        return list(value[:MOST])
    return list(value.values()) if isinstance(value, MappingProxyType) else []


def plain_function(value: Any) -> FunctionType | None:
    """Return the Python function in a value: itself, that of a bound method."""
    if isinstance(value, MethodType):
        value = value.__func__
    return value if isinstance(value, FunctionType) else None
