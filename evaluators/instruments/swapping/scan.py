"""The places in a function's source that compute an activation."""

from __future__ import annotations

import ast
import dataclasses
import inspect
from collections.abc import Iterator
from types import FunctionType, ModuleType
from typing import Any

import torch
from torch import nn

from evaluators.instruments.swapping import trees
from evaluators.instruments.swapping.chain import chain_of
from evaluators.instruments.swapping.known import (
    KNOWN,
    METHODS,
    Known,
    Wanted,
    called,
    in_place,
    known_class,
    known_function,
)
from evaluators.instruments.swapping.names import (
    UNKNOWN,
    Scope,
    functions_in,
    imported,
    inherited,
    is_foreign,
    is_self,
    look_up,
    looks_up_in_package,
    mentioned,
    resolve,
)
from evaluators.instruments.swapping.sites import SCRIPT, Body, Handed, Site, Use, scripted
from evaluators.instruments.swapping.source import (
    OWNER,
    Edit,
    Function,
    Position,
    Source,
    Unreadable,
    end_of,
    read,
    shown,
    start_of,
)

_CALLS = {name: known for known in KNOWN for name in known.calls}


class Scanner:
    """Looks into functions, into each once."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._calls = {name + end for known in wanted.known for name in known.calls for end in ("", "_")}
        if "relu6" in self._calls:
            self._calls |= {"hardtanh", "hardtanh_"}  # between 0 and 6 it is the same
        self._might: dict[FunctionType, bool] = {}
        self._open: list[FunctionType] = []
        self._cut = False

    @property
    def wanted(self) -> Wanted:
        """What is looked for."""
        return self._wanted

    def might(self, function: FunctionType, base: type[nn.Module]) -> bool:
        """Tell, from the names that it looks up, whether a function or one that it calls may have a site."""
        if function in self._open:
            self._cut = True
            return False
        if function not in self._might:
            self._open.append(function)
            found = not is_foreign(function) and self._may(function, base)
            self._open.pop()
            if not found and self._cut and self._open:
                return False  # for now: one that calls it and is called by it is still being looked at
            self._cut = self._cut and bool(self._open)
            self._might[function] = found
        return self._might[function]

    def might_any(self, function: FunctionType, base: type[nn.Module]) -> bool:
        """Tell the same of a function or one that it wraps."""
        chain = chain_of(function)
        return chain is not None and any(self.might(f, base) for f in chain.functions)

    def _may(self, function: FunctionType, base: type[nn.Module]) -> bool:
        names = mentioned(function.__code__)
        defaults = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
        if not self._calls.isdisjoint(names) or any(map(self.computes, defaults)):
            return True
        if "getattr" in names and looks_up_in_package(function):
            return True
        return any(self._may_be(look_up(function, name), names, base) for name in names) or any(
            self._may_be(vars(owner).get(name), names, base)
            for owner in base.__mro__[:-1]
            for name in names
            if not isinstance(vars(owner).get(name), FunctionType) or "super" in names or owner.__name__ in names
        )

    def _may_be(self, value: Any, names: frozenset[str], base: type[nn.Module]) -> bool:
        if value is None or value is UNKNOWN:
            return False
        if isinstance(value, ModuleType):
            if value.__name__ == "torch" or value.__name__.startswith("torch."):
                return any(known_class(vars(value)[n]) in self._wanted.known for n in names if _is_class_of(value, n))
            found = [vars(value).get(name) for name in names]
            return any(isinstance(f, FunctionType) and self.might_any(f, base) for f in found)
        if isinstance(value, type) and issubclass(value, torch.autograd.Function):
            return value.__module__.split(".")[0] != "torch"
        if isinstance(value, torch.jit.ScriptFunction):
            return bool(scripted(value, self._wanted))
        if isinstance(value, staticmethod):
            value = value.__func__
        if self.computes(value) or any(map(self.computes, functions_in(value))):
            return True
        return isinstance(value, FunctionType) and self.might_any(value, base)

    def computes(self, value: Any) -> bool:
        """Tell whether a value is a wanted activation's function, module class or module."""
        if isinstance(value, tuple) and value:
            value = value[0]
        if isinstance(value, type):
            return self._wanted.is_class(value)
        return self._wanted.is_module(value) if isinstance(value, nn.Module) else self._wanted.is_function(value)

    def body(
        self,
        function: FunctionType,
        base: type[nn.Module],
        defined_in: type | None,
        owned: bool,
        watched: frozenset[str] = frozenset(),
        wrapped: str | None = None,
    ) -> Body:
        """Return what is found in a function.

        Args:
            function: to look into.
            base: the class of the module that it works for.
            defined_in: the class that it is a method of.
            owned: whether it must be told the module.
            watched: attributes that hold a function that is wanted, or a module in which something works in place.
            wrapped: the name of the function that it wraps, which is looked at by itself.
        """
        first = next(iter(inspect.signature(function, follow_wrapped=False).parameters.values()), None)
        named = first is not None and first.kind in (first.POSITIONAL_ONLY, first.POSITIONAL_OR_KEYWORD)
        owner_name = OWNER if owned or not named else first.name  # type: ignore[union-attr]
        body = Body(owner_name)
        try:
            source = read(function)
        except Unreadable as reason:
            body.hidden.append((mentioned_in(function), _line(function, 0), str(reason)))
            return body
        bound = [*trees.bound(source.tree), *([wrapped] if wrapped else [])]
        imports = {n: v for n, v in imported(source.tree) if bound.count(n) == 1}
        names = frozenset(bound) - {owner_name} - imports.keys()
        scope = Scope(function, base, defined_in, names, None if owned else owner_name, imports)
        for name, value in _packages(source.tree, scope):
            if bound.count(name) == 1:
                scope = dataclasses.replace(scope, bound=scope.bound - {name}, imports={**scope.imports, name: value})
        _Visit(self, scope, body, source, watched).run()
        return body


def _is_class_of(package: ModuleType, name: str) -> bool:
    value = vars(package).get(name)
    return isinstance(value, type) and issubclass(value, nn.Module)


class _Visit(ast.NodeVisitor):
    """One look through a function's tree."""

    def __init__(self, scanner: Scanner, scope: Scope, body: Body, source: Source, watched: frozenset[str]) -> None:
        self._scanner, self._scope, self._body, self._source = scanner, scope, body, source
        self._watched = watched
        self._parents: dict[ast.AST, ast.AST] = {}

    def run(self) -> None:
        """Look through the function's own body; what is worked out where it is defined is not part of it."""
        tree = self._source.tree
        for parent in ast.walk(tree):
            self._parents.update((child, parent) for child in ast.iter_child_nodes(parent))
        self._defaults()
        for statement in [tree.body] if isinstance(tree, ast.Lambda) else tree.body:
            self.visit(statement)

    def _defaults(self) -> None:
        """Look at each use of an argument whose default is an activation."""
        tree, function = self._source.tree, self._scope.function
        for name, parameter in inspect.signature(function, follow_wrapped=False).parameters.items():
            known = known_function(parameter.default)
            if known is None:
                continue
            uses = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id == name]
            for use in [n for n in uses if isinstance(n.ctx, ast.Load) and not self._is_compared(n)]:
                self._choice(use, (known,), called(parameter.default))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """Look at ``F.relu``, ``super().forward``, ``layers.swish``."""
        if isinstance(node.ctx, ast.Load) and self._reference(node):
            return
        parent = self._parents[node]
        asked = isinstance(node.ctx, ast.Load) and isinstance(parent, ast.Assign | ast.Return)
        of_self = is_self(node.value, self._scope)
        if node.attr in METHODS and asked and not of_self and resolve(node, self._scope) is UNKNOWN:
            self._hide((METHODS[node.attr],), node, "the method is asked for and not called")
        self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        """Look at ``relu``."""
        if isinstance(node.ctx, ast.Load):
            self._reference(node)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        """Look at ``ACTS[name]``."""
        self._looked_up(node)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        """Look at ``x.relu()``, ``getattr(F, name)``, ``self.act(x)``."""
        func = node.func
        if isinstance(func, ast.Attribute) and func.attr in METHODS and self._is_method(node, func):
            self._method(node, func)
            self.visit(func.value)
            for argument in node.args:
                self.visit(argument)
            return
        self._looked_up(node)
        if isinstance(func, ast.Attribute) and func.attr in self._watched and is_self(func.value, self._scope):
            self._body.handed.append(Handed(func.attr, self._is_kept(node), self._is_of_parameter(node)))
            if len(node.args) != 1 or node.keywords:
                self._body.widened.append((func.attr, func))
            if why := trees.larger(node, None, self._parents, self._source.tree):
                self._body.squared.append((func.attr, self._at(node), why))
        if isinstance(func, ast.Name) and func.id in self._scope.bound and func.id in _CALLS:
            why = f"{func.id} has another meaning in this function, which is not followed"
            self._hide((_CALLS[func.id],), node, why)
        self.generic_visit(node)

    def visit_For(self, node: ast.For) -> None:
        """Look at ``for block in self.blocks: x = block(x)``."""
        lists = {n.attr for n in ast.walk(node.iter) if isinstance(n, ast.Attribute) and is_self(n.value, self._scope)}
        names = {n.id for n in ast.walk(node.target) if isinstance(n, ast.Name)}
        for name in lists & self._watched:
            for call in ast.walk(node):
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in names:
                    self._body.handed.append(Handed(name, self._is_kept(call), self._is_of_parameter(call)))
        self.generic_visit(node)

    def visit_Compare(self, node: ast.Compare) -> None:
        """Look at ``act is F.relu``: what is compared stays what it is."""
        for side in (node.left, *node.comparators):
            self._compared(side)
            if known_function(resolve(side, self._scope)) is None:
                self.visit(side)

    def visit_Dict(self, node: ast.Dict) -> None:
        """Look at ``{F.relu: "relu"}[act]``: keys stay what they are."""
        for key, value in zip(node.keys, node.values, strict=True):
            if key is not None and known_function(resolve(key, self._scope)) is None:
                self.visit(key)
            self.visit(value)
        parent = self._parents[node]
        if isinstance(parent, ast.Subscript) and parent.value is node:
            self._compared(parent.slice)

    # -- kinds of places ---------------------------------------------------------------------------

    def _reference(self, node: ast.Name | ast.Attribute) -> bool:
        """Note what a name refers to; tell whether it was something."""
        if found := inherited(node, self._scope):
            self._use(node, found[0], found[1], by_class=False)
            return True
        value, parent = resolve(node, self._scope), self._parents[node]
        if isinstance(parent, ast.Attribute):
            return False  # an attribute of a function stays that function's
        is_call = isinstance(parent, ast.Call) and parent.func is node
        if (known := known_function(value)) is not None:
            if is_call:
                assert isinstance(parent, ast.Call)
                self._call(node, parent, value, known)
            else:
                self._wrapped(node, called(value), (known,), "place" if in_place(value) else "any")
            return True
        if isinstance(value, type | nn.Module) and self._scanner.computes(value):
            return self._module(node, value, is_call)
        if isinstance(value, FunctionType) and self._scanner.might_any(value, self._scope.base):
            owner = next((c for c in self._scope.base.__mro__ if value in vars(c).values()), None)
            ours = isinstance(parent, ast.Call) and parent.args and is_self(parent.args[0], self._scope)
            if owner is not None and is_call and not ours:
                self._hide(mentioned_in(value), node, "a method of the class is given another module there")
                return True
            self._use(node, value, owner, by_class=owner is not None)
            return True
        if isinstance(value, torch.jit.ScriptFunction):
            known_inside = scripted(value, self._scanner.wanted)
            self._body.hidden.append((known_inside, self._at(node), SCRIPT))
            return True
        return self._own_backward(node)

    def _module(self, node: ast.Name | ast.Attribute, value: type | nn.Module, is_call: bool) -> bool:
        """Note a module class that is called, or a module that is there already."""
        kind = value if isinstance(value, type) else type(value)
        known = tuple(k for k in (known_class(kind),) if k)
        if isinstance(value, nn.Module) or is_call:
            self._wrapped(node, kind.__name__, known, "class" if isinstance(value, type) else "any")
        elif isinstance(self._parents[node], ast.Assign):
            self._hide(known, node, "the class gets another name")
        return True

    def _own_backward(self, node: ast.Name | ast.Attribute) -> bool:
        """Name the activations in a function of autograd with a backward of its own."""
        if not (isinstance(node, ast.Attribute) and node.attr == "apply"):
            return False
        kind = resolve(node.value, self._scope)
        if not (isinstance(kind, type) and issubclass(kind, torch.autograd.Function)):
            return False
        forward = chain_of(inspect.getattr_static(kind, "forward", None))
        if forward and self._scanner.might(forward.functions[-1], self._scope.base):
            inner = self._scanner.body(forward.functions[-1], self._scope.base, None, owned=True)
            for site in inner.sites:
                why = f"{kind.__name__} has a backward of its own, which fits that function alone"
                self._body.hidden.append((site.known, site.line, why))
        return True

    def _use(self, node: ast.Name | ast.Attribute, function: FunctionType, owner: type | None, by_class: bool) -> None:
        chain = chain_of(function)
        if chain is None or not self._scanner.might_any(function, self._scope.base):
            return
        if owner is None and not chain.passes_on:
            why = "a decorator with arguments of its own is around it"
            self._body.hidden.append((mentioned_in(chain.functions[-1]), self._at(node), why))
            return
        text = ast.unparse(node)
        self._body.uses.append(Use(start_of(node), end_of(node), text, chain, owner, by_class))

    def _call(self, node: ast.expr, call: ast.Call, value: Any, known: Known) -> None:
        name, changes = called(value), self._works_in_place(call, value)
        larger = trees.larger(call, known, self._parents, self._source.tree)
        weights = trees.weights(call, self._body.owner_name)
        if known.name == "Hardtanh" and [getattr(a, "value", None) for a in call.args[1:3]] == [0, 6]:
            known = next(k for k in KNOWN if k.name == "ReLU6")
        if (changes and self._is_kept(call)) or not trees.is_simple(call):
            member = "place" if changes and self._is_kept(call) else "any"
            self._wrapped(node, name, (known,), member, larger, weights)
            return
        first, *rest = [*call.args, *(k.value for k in call.keywords)]
        trims: list[Edit] = []
        if not call.args:
            keyword = call.keywords[0]
            trims.append(Edit((keyword.lineno, keyword.col_offset), start_of(keyword.value), ""))
        if rest:
            nodes: list[Any] = [*call.args, *call.keywords]
            comma = self._comma(end_of(first), (nodes[1].lineno, nodes[1].col_offset))
            line, column = end_of(call)
            trims.append(Edit(comma, (line, column - 1), ""))

        def edits(member: str) -> list[Edit]:
            return [Edit(start_of(node), end_of(node), f"{self._body.owner_name}.{member}"), *trims]

        self._add(node, Site(name, (known,), self._at(node), edits, None, larger, changes, weights))

    def _method(self, call: ast.Call, func: ast.Attribute) -> None:
        known = METHODS[func.attr]
        larger = trees.larger(call, known, self._parents, self._source.tree)
        start, end = start_of(call), end_of(call)
        changes = func.attr.endswith("_")
        kept = changes and self._is_kept(call)
        dot = self._dot(end_of(func.value), (end_of(func)[0], end_of(func)[1] - len(func.attr)))

        def edits(member: str) -> list[Edit]:
            return [Edit(start, start, f"{self._body.owner_name}.{member}("), Edit(dot, end, ")")]

        member, name = "place" if kept else f"method:{func.attr}", f"Tensor.{func.attr}"
        weights = trees.weights(call, self._body.owner_name)
        self._add(call, Site(name, (known,), self._at(call), edits, member, larger, changes and not kept, weights))

    def _choice(self, func: ast.expr, known: tuple[Known, ...], name: str) -> None:
        start, end = start_of(func), end_of(func)

        def edits(member: str) -> list[Edit]:
            return [Edit(start, start, f"{self._body.owner_name}.{member}("), Edit(end, end, ")")]

        self._add(func, Site(name, known, self._at(func), edits, "choice"))

    def _wrapped(
        self,
        node: ast.expr,
        name: str,
        known: tuple[Known, ...],
        member: str,
        larger: str | None = None,
        weights: frozenset[str] = frozenset(),
    ) -> None:
        def edits(made: str) -> list[Edit]:
            return [Edit(start_of(node), end_of(node), f"{self._body.owner_name}.{made}")]

        self._add(node, Site(name, known, self._at(node), edits, member, larger, False, weights))

    def _looked_up(self, node: ast.Subscript | ast.Call) -> None:
        """Note a look-up that may answer an activation."""
        parent = self._parents[node]
        asks = isinstance(parent, ast.Call) and ast.unparse(parent.func) in ("isinstance", "issubclass")
        if (known := self._choices(node)) and not asks and not self._is_compared(node):
            self._choice(node, known, ast.unparse(node))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "getattr" and len(node.args) > 1:
            name = node.args[1]
            if not known and isinstance(name, ast.Constant) and name.value in METHODS:
                self._hide((METHODS[name.value],), node, "it is asked for by its name")

    def _compared(self, node: ast.expr) -> None:
        if isinstance(node, ast.Attribute) and is_self(node.value, self._scope):
            self._body.compared.append((node.attr, self._at(node)))

    def _is_compared(self, node: ast.expr) -> bool:
        return isinstance(self._parents[node], ast.Compare)

    def _hide(self, known: tuple[Known, ...], node: ast.expr, why: str) -> None:
        self._body.hidden.append((known, self._at(node), why))

    def _add(self, node: ast.expr, site: Site) -> None:
        """Note a site, unless the module has another name there."""
        if self._is_shadowed(node):
            why = f"{self._body.owner_name} is something else there; give it another name"
            self._hide(site.known, node, why)
        else:
            self._body.sites.append(site)

    def _is_shadowed(self, node: ast.AST) -> bool:
        name, tree = self._body.owner_name, self._source.tree
        if any(isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Store) for n in ast.walk(tree)):
            return True
        while node is not tree:
            node = self._parents[node]
            if isinstance(node, Function) and node is not tree and name in trees.arguments(node):
                return True
        return False

    # -- questions -----------------------------------------------------------------------------------

    def _is_method(self, call: ast.Call, func: ast.Attribute) -> bool:
        """Tell whether a call is one of a tensor's methods, for all that is known before it runs."""
        if is_self(func.value, self._scope) or resolve(func, self._scope) is not UNKNOWN:
            return False
        value = resolve(func.value, self._scope)
        if isinstance(value, ModuleType | type) or (isinstance(func.value, ast.Call) and trees.is_super(func.value)):
            return False
        return not call.keywords and (not call.args or func.attr.startswith("prelu"))

    def _choices(self, func: ast.expr) -> tuple[Known, ...]:
        """Return the activations that a look-up in a table, or of a name in a package, may answer."""
        if isinstance(func, ast.Subscript):
            values = functions_in(resolve(func.value, self._scope))
        elif isinstance(func, ast.Call) and isinstance(func.func, ast.Attribute) and func.func.attr == "get":
            values = functions_in(resolve(func.func.value, self._scope))
        elif isinstance(func, ast.Call) and isinstance(func.func, ast.Name) and func.func.id == "getattr" and func.args:
            space = resolve(func.args[0], self._scope)
            values = [v for v in vars(space).values() if known_function(v)] if isinstance(space, ModuleType) else []
        else:
            return ()
        found = []
        for entry in values:
            value = entry[0] if isinstance(entry, tuple) and entry else entry  # transformers keeps arguments beside
            kind = value if isinstance(value, type) else type(value)
            known = known_function(value) or (known_class(kind) if issubclass(kind, nn.Module) else None)
            found.append(known if self._scanner.computes(value) else None)
        return tuple(dict.fromkeys(known for known in found if known))

    def _works_in_place(self, call: ast.Call, value: Any) -> bool:
        flags = [k.value for k in call.keywords if k.arg == "inplace"]
        if isinstance(value, FunctionType) and "inplace" in (names := list(inspect.signature(value).parameters)):
            flags += call.args[names.index("inplace") :][:1]
        return in_place(value) or any(not (isinstance(f, ast.Constant) and f.value is False) for f in flags)

    def _is_kept(self, call: ast.Call) -> bool:
        """Tell whether what a call changes in place is read by another name than its result's."""
        parent = self._parents[call]
        if isinstance(parent, ast.Expr):
            return True
        given = trees.given(call)
        if not isinstance(given, ast.Name):
            return given is not None and bool(trees.viewed(given))
        if given.id in trees.gone_through(self._source.tree):
            return True
        is_child = isinstance(call.func, ast.Attribute) and call.func.attr in self._watched
        if not is_child and self._is_of_parameter(call):
            return True
        if given.id in trees.aliased(self._source.tree, self._until(call)):
            return True
        if isinstance(parent, ast.Assign) and [ast.unparse(t) for t in parent.targets] == [given.id]:
            return False
        if isinstance(parent, ast.Return):
            return False
        later = [n for n in ast.walk(self._source.tree) if isinstance(n, ast.Name) and n.id == given.id]
        return any(start_of(n) > end_of(call) and isinstance(n.ctx, ast.Load) for n in later)

    def _until(self, call: ast.Call) -> Position:
        """Return up to where code may run before a call: to its end, or to that of a loop around it."""
        until, node = end_of(call), self._parents[call]
        while node is not self._source.tree:
            if isinstance(node, ast.For | ast.While | ast.AsyncFor):
                until = end_of(node)
            node = self._parents[node]
        return until

    def _is_of_parameter(self, call: ast.Call) -> bool:
        """Tell whether a call is handed an argument of the function as it came."""
        given, arguments = trees.given(call), self._source.tree.args
        names = {a.arg for a in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]}
        if not isinstance(given, ast.Name) or given.id not in names:
            return False
        stores = [n for n in ast.walk(self._source.tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
        statement: ast.AST = call
        while not isinstance(statement, ast.stmt | ast.Lambda):
            statement = self._parents[statement]
        start = (statement.lineno, statement.col_offset)
        return not any(n.id == given.id and start_of(n) < start for n in stores)

    def _at(self, node: ast.expr | ast.stmt) -> str:
        return _line(self._scope.function, node.lineno + self._source.line - 1)

    def _comma(self, start: Position, end: Position) -> Position:
        return self._sought(b",", start, end)

    def _dot(self, start: Position, end: Position) -> Position:
        return self._sought(b".", start, end)

    def _sought(self, what: bytes, start: Position, end: Position) -> Position:
        """Return the last place of a sign between two others, comments left out."""
        lines = self._source.text.encode().splitlines()
        for line in range(end[0], start[0] - 1, -1):
            first = start[1] if line == start[0] else 0
            last = end[1] if line == end[0] else len(lines[line - 1])
            text = lines[line - 1][first:last].split(b"#")[0]
            if what in text:
                return line, first + text.rindex(what)
        raise AssertionError


def _packages(tree: ast.AST, scope: Scope) -> Iterator[tuple[str, ModuleType]]:
    """Yield the names that a function gives to packages."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            value = resolve(node.value, scope)
            if isinstance(value, ModuleType):
                yield node.targets[0].id, value


def mentioned_in(function: FunctionType) -> tuple[Known, ...]:
    """Return the activations that a function names."""
    names = {name.removesuffix("_") for name in mentioned(function.__code__)}
    return tuple(known for known in KNOWN if names & {*known.calls, known.name})


def _line(function: FunctionType, line: int) -> str:
    return shown(function.__code__, line or function.__code__.co_firstlineno)
