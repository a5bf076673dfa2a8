"""A step of a derivation: a sentence and equations, as plain text and as LaTeX."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import sympy

from primitives import ExpressionError
from primitives.render import formula, latex

_ESCAPES = {"\\": r"\textbackslash{}", "^": r"\^{}", "~": r"\~{}", "<": r"\(<\)", ">": r"\(>\)"}
_ESCAPES |= {character: f"\\{character}" for character in "_%&#${}"}


@dataclass(frozen=True)
class Equation:
    """An equation in plain text, as formulas are typed, and in LaTeX with an ``&`` before the sign."""

    text: str
    latex: str


@dataclass(frozen=True)
class Step:
    """One step: what it is called, what it says, and its equations."""

    title: str
    sentence: str
    equations: tuple[Equation, ...]


def equation(left: str, right: sympy.Expr, left_latex: str | None = None) -> Equation:
    """Return an equation.

    Args:
        left: plain text; what follows ``for`` is the condition under which the equation holds.
        right: a formula, in the primitives or in sympy's own functions.
        left_latex: LaTeX of the left side; the plain text when left out.
    """
    name, condition = left.partition(" for ")[::2]
    where = rf" \quad ({condition})" if condition else ""
    return Equation(
        f"{name} = {_plain(right)}{' ' * 4 + 'for ' + condition if condition else ''}",
        f"{left_latex or name} &= {latex(right)}{where}",
    )


def _plain(body: sympy.Expr) -> str:
    try:
        return formula(body)
    except ExpressionError:
        if isinstance(body, sympy.Integral):
            return f"integral of {body.function} d{body.variables[0]}"
        return str(body)


def fragment(steps: Iterable[Step]) -> str:
    """Return the steps as LaTeX paragraphs that compile in a document with amsmath."""
    blocks = []
    for step in steps:
        lines = " \\\\\n".join(f"  {line.latex}" for line in step.equations)
        shown = f"\n\\begin{{align*}}\n{lines}\n\\end{{align*}}" if lines else ""
        blocks.append(f"\\paragraph{{{_escaped(step.title)}.}}\n{_escaped(step.sentence)}{shown}\n")
    return "\n".join(blocks)


def _escaped(text: str) -> str:
    return "".join(_ESCAPES.get(character, character) for character in text)
