"""The places in a function's source that compute an activation."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import FunctionType, ModuleType
from typing import Any

import torch
from torch import nn

from evaluators.swapping.chain import Chain, chain_of
from evaluators.swapping.known import KNOWN, METHODS, Known, Wanted, in_place, known_class, known_function
from evaluators.swapping.names import (
    UNKNOWN,
    Scope,
    functions_in,
    inherited,
    is_foreign,
    is_self,
    look_up,
    looks_up_in_package,
    mentioned,
    resolve,
)
from evaluators.swapping.source import OWNER, Edit, Position, Source, Unreadable, end_of, read, shown, start_of

SCRIPT = "it is TorchScript, which cannot be changed; swap before torch.jit.script"


def scripted(script: Any, wanted: Wanted) -> tuple[Known, ...]:
    """Return the wanted activations in a function or module of TorchScript."""
    used = {node.kind().removeprefix("aten::").rstrip("_") for node in script.inlined_graph.nodes()}
    return tuple(known for known in wanted.known if not used.isdisjoint(known.calls))


@dataclass(frozen=True, eq=False)
class Site:
    """A place in a function's source that computes an activation.

    Attributes:
        function: what it calls, as a person reads it.
        known: the activations that it may be.
        line: file and line.
        edits: given the owner's name and that of the new activation, what to write.
        member: the kind of helper that the edits call, if they do not call the activation itself.
        larger: what it is only a part of, if it is.
        in_place: whether it changes its argument and nothing shows that this is read.
    """

    function: str
    known: tuple[Known, ...]
    line: str
    edits: Callable[[str], list[Edit]]
    member: str | None = None
    larger: str | None = None
    in_place: bool = False


@dataclass(frozen=True, eq=False)
class Use:
    """A place that refers to another function with sites.

    Attributes:
        start: of the reference.
        end: of it.
        text: as it is written.
        chain: the function, under its decorators.
        defined_in: the class that it is a method of, if it is one of the module's own.
        by_class: whether it is asked of a class and not of the module.
    """

    start: Position
    end: Position
    text: str
    chain: Chain
    defined_in: type | None
    by_class: bool = False


@dataclass(frozen=True)
class Handed:
    """A call of a child in which something may work in place.

    Attributes:
        name: of the child.
        kept: whether what it is handed is read afterwards by another name than the result's.
        of_parameter: whether it is handed what the function itself was given.
    """

    name: str
    kept: bool
    of_parameter: bool


@dataclass(eq=False)
class Body:
    """What was found in one function.

    Attributes:
        function: that was looked at.
        owner_name: what the module is called in there.
        owned: whether the module has to be given to it.
        source: of it, if it has to be written anew.
        sites: in it.
        uses: of other functions with sites.
        handed: calls of children in which something works in place.
        widened: calls of attributes with more arguments than an activation takes: their names and where those stand.
        hidden: what cannot be replaced in there: the activations it may be, line and why.
    """

    function: FunctionType
    owner_name: str
    owned: bool
    source: Source | None = None
    sites: list[Site] = field(default_factory=list)
    uses: list[Use] = field(default_factory=list)
    handed: list[Handed] = field(default_factory=list)
    widened: list[tuple[str, ast.expr]] = field(default_factory=list)
    hidden: list[tuple[tuple[Known, ...], str, str]] = field(default_factory=list)


class Scanner:
    """Looks into functions, into each once."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._calls = {name + end for known in wanted.known for name in known.calls for end in ("", "_")}
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
        body = Body(function, owner_name, owned)
        try:
            source = read(function)
        except Unreadable as reason:
            body.hidden.append((_mentioned_in(function), _line(function, 0), str(reason)))
            return body
        bound = frozenset([*_bound(source.tree), *([wrapped] if wrapped else [])])
        scope = Scope(function, base, defined_in, bound - {owner_name}, None if owned else owner_name)
        _Visit(self, scope, body, source, watched).run()
        body.source = source
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
        tree, function = self._source.tree, self._scope.function
        for name, parameter in inspect.signature(function, follow_wrapped=False).parameters.items():
            known = known_function(parameter.default)
            if known is None:
                continue
            if isinstance(tree, ast.Lambda):
                self._body.hidden.append(((known,), self._at(tree), f"it is the default of a lambda's {name}"))
                continue
            start = start_of(tree.body[0])
            indent = " " * start[1]

            def edits(member: str, name: str = name, start: Position = start, indent: str = indent) -> list[Edit]:
                return [Edit(start, start, f"{name} = {self._body.owner_name}.{member}({name})\n{indent}")]

            self._body.sites.append(Site(_called(parameter.default), (known,), self._at(tree), edits, "choice"))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """Look at ``F.relu``, ``super().forward``, ``layers.swish``."""
        if not isinstance(node.ctx, ast.Load) or not self._reference(node):
            self.generic_visit(node)

    def visit_Name(self, node: ast.Name) -> None:
        """Look at ``relu``."""
        if isinstance(node.ctx, ast.Load):
            self._reference(node)

    def visit_Call(self, node: ast.Call) -> None:
        """Look at ``x.relu()``, ``ACTS[name](x)``, ``getattr(F, name)(x)`` and a result that nothing reads."""
        func = node.func
        if isinstance(func, ast.Attribute) and func.attr in METHODS and self._is_method(node, func):
            self._method(node, func)
            self.visit(func.value)
            for argument in node.args:
                self.visit(argument)
            return
        if isinstance(func, ast.Subscript | ast.Call) and (known := self._choices(func)):
            self._choice(func, known)
            self.generic_visit(node)
            return
        if isinstance(func, ast.Attribute) and func.attr in self._watched and is_self(func.value, self._scope):
            self._body.handed.append(Handed(func.attr, self._is_kept(node), self._is_of_parameter(node)))
            if len(node.args) != 1 or node.keywords:
                self._body.widened.append((func.attr, func))
        self.generic_visit(node)

    # -- kinds of places ---------------------------------------------------------------------------

    def _reference(self, node: ast.Name | ast.Attribute) -> bool:
        """Note what a name refers to; tell whether it was something."""
        if found := inherited(node, self._scope):
            self._use(node, found[0], found[1], by_class=False)
            return True
        value, parent = resolve(node, self._scope), self._parents[node]
        is_call = isinstance(parent, ast.Call) and parent.func is node
        if (known := known_function(value)) is not None:
            if is_call:
                assert isinstance(parent, ast.Call)
                self._call(node, parent, value, known)
            else:
                self._wrapped(node, _called(value), (known,), "any")
            return True
        if isinstance(value, type) and is_call and self._scanner.computes(value):
            found_class = known_class(value)
            self._wrapped(node, value.__name__, (found_class,) if found_class else (), "class")
            return True
        if isinstance(value, nn.Module) and self._scanner.computes(value):
            inner = known_class(type(value))
            self._wrapped(node, type(value).__name__, (inner,) if inner else (), "any")
            return True
        if isinstance(value, FunctionType) and self._scanner.might_any(value, self._scope.base):
            owner = next((c for c in self._scope.base.__mro__ if value in vars(c).values()), None)
            self._use(node, value, owner, by_class=owner is not None)
            return True
        if isinstance(value, torch.jit.ScriptFunction):
            known_inside = scripted(value, self._scanner.wanted)
            self._body.hidden.append((known_inside, self._at(node), SCRIPT))
            return True
        return self._own_backward(node)

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
            self._body.hidden.append((_mentioned_in(chain.functions[-1]), self._at(node), why))
            return
        text = ast.unparse(node)
        self._body.uses.append(Use(start_of(node), end_of(node), text, chain, owner, by_class))

    def _call(self, node: ast.expr, call: ast.Call, value: Any, known: Known) -> None:
        name, larger, changes = _called(value), self._larger(call, known), self._works_in_place(call, value)
        if (changes and self._is_kept(call)) or not _is_simple(call):
            member = "place" if changes and self._is_kept(call) else "any"
            self._wrapped(node, name, (known,), member, larger)
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

        self._body.sites.append(Site(name, (known,), self._at(node), edits, None, larger, changes))

    def _method(self, call: ast.Call, func: ast.Attribute) -> None:
        known = METHODS[func.attr]
        larger, start, end = self._larger(call, known), start_of(call), end_of(call)
        changes = func.attr.endswith("_")
        kept = changes and self._is_kept(call)
        dot = self._dot(end_of(func.value), (end_of(func)[0], end_of(func)[1] - len(func.attr)))

        def edits(member: str) -> list[Edit]:
            return [Edit(start, start, f"{self._body.owner_name}.{member}("), Edit(dot, end, ")")]

        member, name = "place" if kept else None, f"Tensor.{func.attr}"
        self._body.sites.append(Site(name, (known,), self._at(call), edits, member, larger, changes and not kept))

    def _choice(self, func: ast.expr, known: tuple[Known, ...]) -> None:
        start, end = start_of(func), end_of(func)

        def edits(member: str) -> list[Edit]:
            return [Edit(start, start, f"{self._body.owner_name}.{member}("), Edit(end, end, ")")]

        self._body.sites.append(Site(ast.unparse(func), known, self._at(func), edits, "choice"))

    def _wrapped(
        self, node: ast.expr, name: str, known: tuple[Known, ...], member: str, larger: str | None = None
    ) -> None:
        def edits(made: str) -> list[Edit]:
            return [Edit(start_of(node), end_of(node), f"{self._body.owner_name}.{made}")]

        self._body.sites.append(Site(name, known, self._at(node), edits, member, larger))

    # -- questions -----------------------------------------------------------------------------------

    def _is_method(self, call: ast.Call, func: ast.Attribute) -> bool:
        """Tell whether a call is one of a tensor's methods, for all that is known before it runs."""
        if is_self(func.value, self._scope) or resolve(func, self._scope) is not UNKNOWN:
            return False
        value = resolve(func.value, self._scope)
        if isinstance(value, ModuleType | type) or (isinstance(func.value, ast.Call) and _is_super(func.value)):
            return False
        return not call.keywords and (not call.args or func.attr.startswith("prelu"))

    def _choices(self, func: ast.expr) -> tuple[Known, ...]:
        """Return the activations that a look-up in a table, or of a name in a package, may answer."""
        if isinstance(func, ast.Subscript):
            values = functions_in(resolve(func.value, self._scope))
        elif isinstance(func, ast.Call) and isinstance(func.func, ast.Name) and func.func.id == "getattr" and func.args:
            space = resolve(func.args[0], self._scope)
            values = [v for v in vars(space).values() if known_function(v)] if isinstance(space, ModuleType) else []
        else:
            return ()
        found = []
        for entry in values:
            value = entry[0] if isinstance(entry, tuple) and entry else entry  # transformers keeps arguments beside
            kind = value if isinstance(value, type) else type(value)
            found.append(known_function(value) or (known_class(kind) if issubclass(kind, nn.Module) else None))
        return tuple(dict.fromkeys(known for known in found if known))

    def _works_in_place(self, call: ast.Call, value: Any) -> bool:
        flags = [k.value for k in call.keywords if k.arg == "inplace"]
        return in_place(value) or any(not (isinstance(f, ast.Constant) and f.value is False) for f in flags)

    def _is_kept(self, call: ast.Call) -> bool:
        """Tell whether what a call changes in place is read by another name than its result's."""
        parent = self._parents[call]
        if isinstance(parent, ast.Expr):
            return True
        given = _given(call)
        if not isinstance(given, ast.Name):
            return False
        is_child = isinstance(call.func, ast.Attribute) and call.func.attr in self._watched
        if not is_child and self._is_of_parameter(call):
            return True
        if isinstance(parent, ast.Assign) and [ast.unparse(t) for t in parent.targets] == [given.id]:
            return given.id in _aliased(self._source.tree)
        if isinstance(parent, ast.Return):
            return False
        later = [n for n in ast.walk(self._source.tree) if isinstance(n, ast.Name) and n.id == given.id]
        return any(start_of(n) > end_of(call) and isinstance(n.ctx, ast.Load) for n in later)

    def _is_of_parameter(self, call: ast.Call) -> bool:
        """Tell whether a call is handed an argument of the function as it came."""
        given, arguments = _given(call), self._source.tree.args
        names = {a.arg for a in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]}
        if not isinstance(given, ast.Name) or given.id not in names:
            return False
        stores = [n for n in ast.walk(self._source.tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)]
        statement: ast.AST = call
        while not isinstance(statement, ast.stmt | ast.Lambda):
            statement = self._parents[statement]
        start = (statement.lineno, statement.col_offset)
        return not any(n.id == given.id and start_of(n) < start for n in stores)

    def _larger(self, call: ast.Call, known: Known) -> str | None:
        """Return what an activation is only a part of, where the source shows it."""
        parent = self._parents[call]
        if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Pow) and parent.left is call:
            return "its power is taken"
        if isinstance(parent, ast.Attribute) and parent.attr in ("square", "square_", "pow", "pow_"):
            return "its power is taken"
        if isinstance(parent, ast.Call) and ast.unparse(parent.func) in ("torch.square", "torch.pow"):
            return "its power is taken"
        given = _given(call)
        if given is not None and not _names(given) - {self._body.owner_name} and _names(given):
            return "it is taken of the module's own weights"
        if known.gate and isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Mult) and given is not None:
            other = parent.right if parent.left is call else parent.left
            if isinstance(other, ast.Name) and other.id in _names(given) and not _calls(given):
                return f"it is multiplied by {other.id}, its own input"
        return None

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


def _mentioned_in(function: FunctionType) -> tuple[Known, ...]:
    """Return the activations that a function names."""
    names = {name.removesuffix("_") for name in mentioned(function.__code__)}
    return tuple(known for known in KNOWN if names & {*known.calls, known.name})


def _bound(tree: ast.AST) -> Iterator[str]:
    """Yield every name that a function or one in it gives a value."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef) and node is not tree:
            yield node.name
        elif isinstance(node, ast.alias):
            yield (node.asname or node.name).split(".")[0]
        elif isinstance(node, ast.ExceptHandler) and node.name:
            yield node.name


def _aliased(tree: ast.AST) -> set[str]:
    """Return the names that share their value with another name."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name):
            found |= {node.value.id, *(t.id for t in node.targets if isinstance(t, ast.Name))}
    return found


def _is_simple(call: ast.Call) -> bool:
    """Tell whether a call's first argument is its input and working out the others does nothing."""
    if any(isinstance(a, ast.Starred) for a in call.args) or any(k.arg is None for k in call.keywords):
        return False
    if not call.args and not (call.keywords and call.keywords[0].arg == "input"):
        return False
    rest = [*call.args[1:], *(k.value for k in call.keywords[0 if call.args else 1 :])]
    plain = (ast.Constant, ast.Name, ast.Attribute, ast.UnaryOp, ast.expr_context, ast.unaryop)
    return all(isinstance(n, plain) for r in rest for n in ast.walk(r))


def _given(call: ast.Call) -> ast.expr | None:
    """Return what an activation is taken of."""
    if isinstance(call.func, ast.Attribute) and call.func.attr in METHODS and not call.args:
        return call.func.value
    return call.args[0] if call.args else None


def _names(node: ast.expr) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def _calls(node: ast.expr) -> bool:
    return any(isinstance(n, ast.Call) for n in ast.walk(node))


def _is_super(call: ast.Call) -> bool:
    return isinstance(call.func, ast.Name) and call.func.id == "super"


def _called(value: Any) -> str:
    return getattr(value, "__name__", None) or str(value)


def _line(function: FunctionType, line: int) -> str:
    return shown(function.__code__, line or function.__code__.co_firstlineno)
