"""From a lowered program to lines of source that a formatter would leave as they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import sympy

from primitives.lowering import program
from primitives.render import Dialect, Renderer

WIDTH = 88
"""The line length of ruff's and black's defaults."""
INDENT = "    "


@dataclass(frozen=True)
class Code:
    """Straight-line code.

    Attributes:
        statements: assignments ``(name, right side)``.
        results: the texts of the results in terms of them.
        helpers: sources of the functions that they call.
    """

    statements: tuple[tuple[str, str], ...]
    results: tuple[str, ...]
    helpers: tuple[str, ...]

    def lines(self) -> list[str]:
        """Return the assignments as lines of source."""
        return [f"{name} = {value}" for name, value in self.statements]


def code(
    expressions: Sequence[sympy.Expr],
    dialect: Dialect,
    spelled: Callable[[sympy.Expr], sympy.Expr] = lambda lowered: lowered,
) -> Code:
    """Return straight-line code for several expressions that share their common subexpressions.

    Args:
        expressions: what to compute.
        dialect: the language.
        spelled: what to write for an expression after it is lowered to operations.
    """
    lowered = program(expressions)
    writer = _Writer(Renderer(dialect))
    for symbol, value in lowered.assignments:
        text = writer.fitted(spelled(value), len(symbol.name) + 3)
        writer.renderer.statements.append((symbol.name, text))
    results = tuple(writer.fitted(spelled(result), len("return torch.zeros_like(x) + ")) for result in lowered.results)
    return Code(tuple(writer.renderer.statements), results, tuple(writer.renderer.helpers))


@dataclass(frozen=True)
class _Writer:
    """Renders expressions in lines that fit, naming parts of those that do not."""

    renderer: Renderer

    def __post_init__(self) -> None:
        self.renderer.argument_text = lambda node: self.fitted(node, len("u00 = "))

    def fitted(self, node: sympy.Expr, taken: int) -> str:
        """Return the text of a node for a line of which ``taken`` characters are used already."""
        while True:
            before = len(self.renderer.statements)
            text = self.renderer.text(node)
            part = self._part(node) if len(text) > WIDTH - len(INDENT) - taken else None
            if part is None:
                return text
            del self.renderer.statements[before:]
            node = self._halved(node) if part is node else node.xreplace({part: self._assign(part)})

    def _part(self, node: sympy.Expr) -> sympy.Expr | None:
        """Return the longest argument that could be named, the node itself if it has too many, else ``None``."""
        parts = [_divisor(argument) for argument in node.args if argument.args and not argument.is_number]
        parts = [part for part in parts if part.args]
        if parts:
            return max(parts, key=lambda part: len(str(part)))
        return node if len(node.args) > 2 and isinstance(node, (sympy.Add, sympy.Mul)) else None

    def _halved(self, node: sympy.Expr) -> sympy.Expr:
        """Name the first half of the arguments of a long sum or product."""
        half = len(node.args) // 2
        return node.func(self._assign(node.func(*node.args[:half])), *node.args[half:])

    def _assign(self, part: sympy.Expr) -> sympy.Symbol:
        text = self.fitted(part, len("u00 = "))
        name = self.renderer.fresh()
        self.renderer.statements.append((name, text))
        return sympy.Symbol(name)


def _divisor(node: sympy.Expr) -> sympy.Expr:
    """Return the base of a reciprocal, so that the division stays one, and anything else as it is."""
    return node.base if isinstance(node, sympy.Pow) and node.exp == -1 else node


def function_source(name: str, arguments: Sequence[str], doc: str, body: Sequence[str]) -> str:
    """Return the source of a function, each line of which fits or is broken at its last call.

    Args:
        name: what it is called.
        arguments: with their default values.
        doc: one line.
        body: lines without indentation.
    """
    lines = [bracketed(f"def {name}", arguments, ":"), f'{INDENT}"""{doc}"""']
    return "\n".join([*lines, *(_broken(f"{INDENT}{line}") for line in body)])


def _broken(line: str) -> str:
    """Return a line with one argument of its last call a line, if it is too long and ends with a call."""
    if len(line) <= WIDTH or not line.endswith(")"):
        return line
    depth, commas = 0, []
    for index in range(len(line) - 1, -1, -1):
        depth += (line[index] in ")]") - (line[index] in "([")
        if depth == 1 and line[index] == ",":
            commas.append(index)
        if depth == 0:
            break
    if not (line[index - 1].isalnum() or line[index - 1] == "_"):
        return line
    edges = [index, *reversed(commas), len(line) - 1]
    items = [line[start + 1 : end].strip() for start, end in pairwise(edges)]
    indent = line[: len(line) - len(line.lstrip())]
    return bracketed(line[:index].lstrip(), items, "", indent)


def bracketed(head: str, items: Sequence[str], tail: str, indent: str = "") -> str:
    """Return ``head(items)tail`` on one line, or with one item a line when that is too long."""
    line = f"{indent}{head}({', '.join(items)}){tail}"
    if len(line) <= WIDTH:
        return line
    rows = "".join(f"{indent}{INDENT}{item},\n" for item in items)
    return f"{indent}{head}(\n{rows}{indent}){tail}"


def bracketed_tuple(head: str, items: Sequence[str], indent: str = "") -> str:
    """Return ``head(items)`` on one line or several; one item alone keeps its comma."""
    return f"{indent}{head}({items[0]},)" if len(items) == 1 else bracketed(head, items, "", indent)
