"""An activation as a formula: LaTeX, or what sympy reads."""

from __future__ import annotations

import sympy

from primitives.export.exported import Exported
from primitives.table import all_primitives


def latex_line(exported: Exported) -> str:
    """Return one line of LaTeX."""
    return exported.expression.latex + "\n"


def sympy_line(exported: Exported) -> str:
    """Return one line that ``sympy.sympify`` reads: in sympy's own functions, named primitives by definition."""
    body = exported.expression.body
    for _ in range(8):
        expanded = _spell_out(body)
        if expanded == body:
            break
        body = expanded
    clashing = {s: sympy.Symbol(f"Symbol('{s.name}')") for s in body.free_symbols if hasattr(sympy, s.name)}
    return f"{body.xreplace(clashing)}\n"


def _spell_out(body: sympy.Expr) -> sympy.Expr:
    for primitive in all_primitives():
        if primitive.function is not None and primitive.definition not in (None, primitive.function):
            body = body.replace(primitive.function, primitive.definition)
    return body
