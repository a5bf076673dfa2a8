"""The source of a function that exists, and the function that a changed source makes in its place.

Only names that the function reads are looked up when the new one runs: globals, closure, defaults and
annotations are those of the old one, and nothing of its module is run again.
"""

from __future__ import annotations
import __future__

import ast
import copy
import dis
import functools
import inspect
import itertools
import linecache
import os
import sys
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import CellType, CodeType, FunctionType
from typing import Any

_NO_STEPS = {"CACHE", "PUSH_NULL", "NOP", "RESUME", "EXTENDED_ARG", "PRECALL"}
_JUMPS = {*dis.hasjrel, *dis.hasjabs}
OWNER = "_swapped_owner"
"""The argument by which a function that is no method is told the module it works for."""
_FUTURE = functools.reduce(int.__or__, (getattr(__future__, n).compiler_flag for n in __future__.all_feature_names))
_LOCALS = ".<locals>."
_PREFIX = "if 1:\n"
_NO_TYPES: dict[str, Any] = {"type_params": []} if sys.version_info >= (3, 12) else {}
Position = tuple[int, int]
Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


class Unreadable(Exception):
    """A function whose source cannot be had; the message is a clause that says why."""


@dataclass(frozen=True)
class Edit:
    """A stretch of source to write anew.

    Attributes:
        start: its line, counted from 1, and its column in bytes.
        end: the same of the first byte after it.
        text: what to write.
    """

    start: Position
    end: Position
    text: str


@dataclass(frozen=True, eq=False)
class Source:
    """The source of one function.

    Attributes:
        text: of whole lines that hold it.
        line: of the first one in its file.
        number: of the function among those in the text, in the order of their beginnings.
        tree: of the function; lines count from 1, the first one of ``text``.
    """

    text: str
    line: int
    number: int
    tree: Function


def read(function: FunctionType) -> Source:
    """Return the source of a function.

    Raises:
        Unreadable: there is none, or it is not the source of what runs.
    """
    code = function.__code__
    lines = linecache.getlines(code.co_filename, function.__globals__)
    if not 0 < code.co_firstlineno <= len(lines):
        raise Unreadable("its source is not at hand")
    for text, line in _texts(lines, code):
        for number, tree in enumerate(_functions(text)):
            named = getattr(tree, "name", "<lambda>") == code.co_name
            if (
                named
                and _line(tree) + line - 1 == code.co_firstlineno
                and _is_there(tree, code)
                and _is_same(_compiled(function, tree, "check"), code)
            ):
                return Source(text, line, number, tree)
    if "@pytest_ar" in code.co_names:
        raise Unreadable("pytest has rewritten an assert in it; keep networks outside of test files")
    raise Unreadable("its source in the file is not what runs")


def rewritten(function: FunctionType, source: Source, edits: Sequence[Edit], owned: bool) -> FunctionType:
    """Return a function like another one with a changed source.

    Args:
        function: to be like.
        source: of it.
        edits: to make; they may lie next to each other but not overlap.
        owned: whether it has a first argument more, :data:`OWNER`.
    """
    if owned:
        edits = [*edits, _first_argument(source)]
    text = edited(source.text, edits)
    name = f"<swapped {zlib.crc32(text.encode()):08x} of {function.__code__.co_filename}>"
    tree = _functions(text)[source.number]
    ast.increment_lineno(tree, source.line - 1)
    code = _compiled(function, tree, name)
    lines = ["\n"] * (source.line - 1) + text.splitlines(keepends=True)
    linecache.cache[name] = (len(text), None, lines, name)
    return like(function, code.replace(co_qualname=function.__code__.co_qualname), _closure(function, code))


def like(function: FunctionType, code: CodeType, closure: tuple[CellType, ...]) -> FunctionType:
    """Return a function with another code and closure, and everything else as it is."""
    made = FunctionType(code, function.__globals__, function.__name__, function.__defaults__, closure or None)
    made.__kwdefaults__ = function.__kwdefaults__
    made.__dict__.update(vars(function))
    made.__annotations__ = inspect.get_annotations(function)
    made.__qualname__, made.__module__, made.__doc__ = function.__qualname__, function.__module__, function.__doc__
    return made


def edited(text: str, edits: Sequence[Edit]) -> str:
    """Return a text with stretches of it written anew; what is put in one place comes in the order given."""
    data, starts = text.encode(), [0]
    for line in data.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for _, edit in sorted(enumerate(edits), key=lambda e: (e[1].start, e[1].end, e[0]), reverse=True):
        start, end = (starts[line - 1] + column for line, column in (edit.start, edit.end))
        data = data[:start] + edit.text.encode() + data[end:]
    return data.decode()


def shown(code: CodeType, line: int) -> str:
    """Return file and line as a person reads them, also of code that was written anew."""
    return f"{os.path.basename(code.co_filename).rstrip('>')}:{line}"


def start_of(node: ast.expr | ast.stmt) -> Position:
    """Return where a node begins."""
    return node.lineno, node.col_offset


def end_of(node: ast.expr | ast.stmt) -> Position:
    """Return where a node ends."""
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return node.end_lineno, node.end_col_offset


def _texts(lines: list[str], code: CodeType) -> Iterator[tuple[str, int]]:
    """Yield the lines of a function, then those of its file, each with the number of the first."""
    yield "".join(inspect.getblock(lines[code.co_firstlineno - 1 :])), code.co_firstlineno
    yield "".join(lines), 1


def _functions(text: str) -> list[Function]:
    """Return the functions and lambdas in a text, in the order of their beginnings; none where it is no whole code."""
    indented = text[:1] in (" ", "\t")
    try:
        tree = ast.parse(_PREFIX + text if indented else text)
    except SyntaxError:
        return []
    if indented:
        ast.increment_lineno(tree, -1)
    found = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)]
    return sorted(found, key=lambda node: (node.lineno, node.col_offset))


def _line(tree: Function) -> int:
    """Return the line that a function's code says it begins at: that of its first decorator."""
    return min([tree.lineno, *(int(d.lineno) for d in getattr(tree, "decorator_list", []))])


def _is_there(tree: Function, code: CodeType) -> bool:
    """Tell whether code comes from a lambda in this place and not from one beside it that does the same."""
    columns = [p[2] for p in code.co_positions() if p[0] is not None and p[2] and p[3]]
    return not isinstance(tree, ast.Lambda) or not columns or max(columns) >= tree.col_offset


def _first_argument(source: Source) -> Edit:
    """Return the edit that gives a function its owner as the first argument."""
    tree, arguments = source.tree, source.tree.args
    lines = source.text.splitlines()
    if isinstance(tree, ast.Lambda):
        line, column = tree.lineno, tree.col_offset + len("lambda")
    else:
        line = tree.lineno
        column = lines[line - 1].encode().index(b"(", tree.col_offset) + 1
    any_there = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    comma = ", " if any(any_there) else ""
    return Edit((line, column), (line, column), f" {OWNER}{comma}")


def _compiled(function: FunctionType, tree: Function, name: str) -> CodeType:
    """Return the code of a function from its tree, compiled where its class and its closure are around it."""
    free = [n for n in function.__code__.co_freevars if n != "__class__"]
    tree = _bare(tree)
    body: ast.stmt = ast.Expr(tree) if isinstance(tree, ast.Lambda) else tree
    owner = _class_name(function)
    if owner:
        body = ast.ClassDef(name=owner, bases=[], keywords=[], body=[body], decorator_list=[], **_NO_TYPES)
    arguments = ast.arguments([], [ast.arg(n) for n in free], None, [], [], None, [])
    called = function.__code__.co_name
    top = owner or called
    own = [ast.Global([top])] if top.isidentifier() and top not in free else []
    around = ast.FunctionDef(name="_", args=arguments, body=[*own, body], decorator_list=[], **_NO_TYPES)
    module = ast.fix_missing_locations(ast.Module([around], []))
    code = compile(module, name, "exec", flags=function.__code__.co_flags & _FUTURE, dont_inherit=True)
    found = _inner(code, called, depth=3 if owner else 2)
    assert found is not None
    return found


def _bare(tree: Function) -> Function:
    """Return a function's tree without what is worked out where it is defined; the body is the same object."""
    bare, arguments = copy.copy(tree), tree.args

    def plain(argument: ast.arg | None) -> ast.arg | None:
        return argument and ast.copy_location(ast.arg(argument.arg), argument)

    bare.args = ast.arguments(
        [ast.arg(a.arg) for a in arguments.posonlyargs],
        [ast.arg(a.arg) for a in arguments.args],
        plain(arguments.vararg),
        [ast.arg(a.arg) for a in arguments.kwonlyargs],
        [None] * len(arguments.kwonlyargs),
        plain(arguments.kwarg),
        [],
    )
    if not isinstance(bare, ast.Lambda):
        bare.decorator_list, bare.returns = [], None
    return bare


def _class_name(function: FunctionType) -> str | None:
    """Return the name of the class that a function was written in, which private names depend on."""
    owner = function.__qualname__.split(".")[-2:-1]
    return owner[0] if owner and owner != ["<locals>"] else None


def _inner(code: CodeType, name: str, depth: int) -> CodeType | None:
    inner = [c for c in code.co_consts if isinstance(c, CodeType)]
    if depth == 1:
        return next((c for c in inner if c.co_name == name), None)
    return next((found for c in inner if (found := _inner(c, name, depth - 1))), None)


def _closure(function: FunctionType, code: CodeType) -> tuple[CellType, ...]:
    cells = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    return tuple(cells[name] for name in code.co_freevars)


def _is_same(one: CodeType, other: CodeType) -> bool:
    """Tell whether two codes do the same; how an attribute is loaded for a call depends on what is imported above."""
    names = ("co_varnames", "co_freevars", "co_cellvars", "co_argcount", "co_kwonlyargcount")
    if any(getattr(one, name) != getattr(other, name) for name in names):
        return False
    return all(map(_is_same_step, *(_padded(list(_steps(code))) for code in (one, other))))


def _steps(code: CodeType) -> Iterator[tuple[str, object]]:
    for step in dis.get_instructions(code):
        if step.opname not in _NO_STEPS:
            yield step.opname.replace("LOAD_METHOD", "LOAD_ATTR"), None if step.opcode in _JUMPS else step.argval


def _padded(steps: list[tuple[str, object]]) -> Iterator[tuple[str, object]]:
    return itertools.chain(steps, [("END", len(steps))])


def _is_same_step(one: tuple[str, object], other: tuple[str, object]) -> bool:
    if isinstance(one[1], CodeType) and isinstance(other[1], CodeType):
        return one[0] == other[0] and _is_same(one[1], other[1])
    if one[0] != other[0] or type(one[1]) is not type(other[1]):
        return False
    if isinstance(one[1], str) and isinstance(other[1], str) and _LOCALS in one[1] and _LOCALS in other[1]:
        return one[1].split(_LOCALS)[-1] == other[1].split(_LOCALS)[-1]  # the name of a class that is made in there
    return repr(one[1]) == repr(other[1])
