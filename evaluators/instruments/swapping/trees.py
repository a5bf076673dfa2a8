"""What the tree of a function's source shows: aliases, what a call is taken of, what it is a part of."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping

from evaluators.instruments.swapping.known import METHODS, Known
from evaluators.instruments.swapping.source import Function, Position, end_of, start_of

Parents = Mapping[ast.AST, ast.AST]
_SQUARES = ("torch.square", "torch.pow")
_POWERS = ("square", "square_", "pow", "pow_")
_VIEWS = {"view", "reshape", "transpose", "permute", "flatten", "unsqueeze", "squeeze", "chunk", "split", "t", "detach"}
_KEEPING = {"append", "add", "insert", "appendleft", "update", "setdefault", "extend"}


def larger(call: ast.Call, known: Known | None, parents: Parents, tree: ast.AST) -> str | None:
    """Return what an activation is only a part of, where the source shows it.

    Args:
        call: of the activation.
        known: what it is.
        parents: of every node.
        tree: of the function.
    """
    if _is_squared(call, parents):
        return "its power is taken"
    parent = parents[call]
    if isinstance(parent, ast.Assign) and len(parent.targets) == 1 and isinstance(parent.targets[0], ast.Name):
        name, until = parent.targets[0].id, _next_store(parent, tree)
        uses = [n for n in ast.walk(tree) if isinstance(n, ast.Name) and n.id == name and isinstance(n.ctx, ast.Load)]
        if any(end_of(parent) < start_of(n) < until and _is_squared(n, parents) for n in uses):
            return "its power is taken afterwards"
    taken = given(call)
    if taken is None or known is None or not _activations_alone(taken):
        return None
    node: ast.AST = call
    while isinstance(parents[node], ast.BinOp):
        parent = parents[node]
        assert isinstance(parent, ast.BinOp)
        other = parent.right if parent.left is node else parent.left
        if isinstance(parent.op, ast.Mult) and not calls(other) and names(other) & names(taken):
            return f"it is multiplied by {ast.unparse(other)}, its own input"
        if names(other):
            return None
        node = parent
    parent = parents[node]
    if isinstance(parent, ast.Call) and parent.func is not node and ast.unparse(parent.func).split(".")[-1] == "mul":
        others = [a for a in parent.args if a is not node]
        others += [parent.func.value] if isinstance(parent.func, ast.Attribute) else []
        if any(isinstance(o, ast.Name) and o.id in names(taken) for o in others):
            return "it is multiplied by its own input"
    return None


def _is_squared(node: ast.expr, parents: Parents) -> bool:
    parent = parents[node]
    if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Pow) and parent.left is node:
        return not (isinstance(parent.right, ast.Constant) and parent.right.value == 1)
    if isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.Mult):
        return ast.unparse(parent.left) == ast.unparse(parent.right)
    if isinstance(parent, ast.Attribute) and parent.attr in _POWERS:
        return True
    if isinstance(parent, ast.Call) and parent.func is not node:
        twice = ast.unparse(parent.func) == "torch.mul" and len({ast.unparse(a) for a in parent.args}) == 1
        return ast.unparse(parent.func) in _SQUARES or twice
    return False


def _next_store(statement: ast.Assign, tree: ast.AST) -> Position:
    """Return where the name that a statement gives a value gets another one."""
    target = statement.targets[0]
    assert isinstance(target, ast.Name)
    later = [
        start_of(n)
        for n in ast.walk(tree)
        if isinstance(n, ast.Name) and n.id == target.id and isinstance(n.ctx, ast.Store)
    ]
    after = [position for position in later if position > end_of(statement)]
    lines = {position[0] for position in after}
    return (min(lines) + 1, 0) if lines else (2**31, 0)


def _activations_alone(node: ast.expr) -> bool:
    """Tell whether nothing but activations is called in an expression."""
    called = [n.func for n in ast.walk(node) if isinstance(n, ast.Call)]
    return all(isinstance(f, ast.Name | ast.Attribute) and ast.unparse(f).split(".")[-1] in _PLAIN for f in called)


_PLAIN = {*METHODS, "softplus", "tanh", "sigmoid", "pow", "exp", "erf", "clamp"}


def bound(tree: ast.AST) -> Iterator[str]:
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


def arguments(function: Function) -> set[str]:
    """Return the names of a function's arguments."""
    return {node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg)}


def aliased(tree: ast.AST, until: Position) -> set[str]:
    """Return the names whose value another name, a container or a view may hold as well by then."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if (getattr(node, "lineno", 0), getattr(node, "col_offset", 0)) >= until:
            continue
        held: list[ast.expr] = []
        if isinstance(node, ast.Assign | ast.NamedExpr):
            held = [node.value, *viewed(node.value)]
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if isinstance(node.value, ast.Name):
                found |= {t.id for t in targets if isinstance(t, ast.Name)}
        elif isinstance(node, ast.List | ast.Tuple | ast.Set) and isinstance(
            getattr(node, "ctx", ast.Load()), ast.Load
        ):
            held = node.elts
        elif isinstance(node, ast.Dict):
            held = node.values
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _KEEPING:
            held = node.args
        elif isinstance(node, ast.Yield) and node.value:
            held = [node.value]
        found |= {h.id for h in held if isinstance(h, ast.Name)}
    return found


def gone_through(tree: ast.AST) -> set[str]:
    """Return the names that stand for the elements of something."""
    targets = [n.target for n in ast.walk(tree) if isinstance(n, ast.For | ast.AsyncFor | ast.comprehension)]
    return {n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name)}


def viewed(value: ast.expr) -> list[ast.expr]:
    """Return what a value is a view of, for all that is known."""
    if isinstance(value, ast.Subscript):
        return [value.value]
    func = value.func if isinstance(value, ast.Call) else None
    return [func.value] if isinstance(func, ast.Attribute) and func.attr in _VIEWS else []


def is_simple(call: ast.Call) -> bool:
    """Tell whether a call's first argument is its input and working out the others does nothing."""
    if any(isinstance(a, ast.Starred) for a in call.args) or any(k.arg is None for k in call.keywords):
        return False
    if not call.args and not (call.keywords and call.keywords[0].arg == "input"):
        return False
    rest = [*call.args[1:], *(k.value for k in call.keywords[0 if call.args else 1 :])]
    plain = (ast.Constant, ast.Name, ast.Attribute, ast.UnaryOp, ast.expr_context, ast.unaryop)
    return all(isinstance(n, plain) for r in rest for n in ast.walk(r))


def given(call: ast.Call) -> ast.expr | None:
    """Return what an activation is taken of."""
    if isinstance(call.func, ast.Attribute) and call.func.attr in METHODS and not call.args:
        return call.func.value
    return call.args[0] if call.args else None


def weights(call: ast.Call, owner: str) -> frozenset[str]:
    """Return the attributes of a module that a call is taken of, if of nothing else."""
    taken = given(call)
    if taken is None or calls(taken) or names(taken) != {owner}:
        return frozenset()
    held = (n for n in ast.walk(taken) if isinstance(n, ast.Attribute) and isinstance(n.value, ast.Name))
    return frozenset(n.attr for n in held)


def names(node: ast.expr) -> set[str]:
    """Return the names in an expression."""
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)}


def calls(node: ast.expr) -> bool:
    """Tell whether anything is called in an expression."""
    return any(isinstance(n, ast.Call) for n in ast.walk(node))


def is_super(call: ast.Call) -> bool:
    """Tell whether a call is one of ``super``."""
    return isinstance(call.func, ast.Name) and call.func.id == "super"
