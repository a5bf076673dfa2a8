"""Symbols to text: one renderer for formulas a person reads and for code that torch, numpy or jax run."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import sympy
from sympy.printing.latex import LatexPrinter

from primitives.errors import ExpressionError
from primitives.primitive import Primitive
from primitives.table import of_function

Dialect = Literal["formula", "torch", "numpy", "jax"]

_LIBRARY = {"torch": "torch", "numpy": "np", "jax": "jnp"}
_ADD, _MUL, _NEG, _POW, _ATOM = 1, 2, 3, 4, 5
_LONG = 10**6
_COMPARISON = re.compile("[<>]|[=!]=")
_CALL_ARGUMENT = re.compile(r"[(] ?\{(\d)\}(?=[,)])|, \{(\d)\}(?=[,)])")


@dataclass
class Renderer:
    """Walks one sympy tree; code dialects may push an assignment for an argument used twice.

    Attributes:
        dialect: what to write.
        statements: assignments ``(name, right side)`` that the texts returned so far rely on.
        helpers: sources of the functions that they call.
        argument_text: what writes an argument that gets a statement of its own; ``text`` if ``None``.
    """

    dialect: Dialect
    statements: list[tuple[str, str]] = field(default_factory=list)
    helpers: list[str] = field(default_factory=list)
    argument_text: Callable[[sympy.Expr], str] | None = None

    def fresh(self) -> str:
        """Return a name that no statement has yet."""
        return f"u{len(self.statements)}"

    def text(self, node: sympy.Expr, least: int = _ADD) -> str:
        """Return the text of ``node``, in brackets when it binds less tightly than ``least``."""
        text, precedence = self._render(node)
        return text if precedence >= least else f"({text})"

    def _render(self, node: sympy.Expr) -> tuple[str, int]:
        if isinstance(node, sympy.Symbol):
            return node.name, _ATOM
        if isinstance(node, sympy.Rational) or (node.is_number and self.dialect != "formula"):
            return _number(node, self.dialect)
        if isinstance(node, sympy.Add):
            return self._add(node), _ADD
        if isinstance(node, sympy.Mul):
            return self._mul(node)
        if isinstance(node, sympy.Pow):
            return self._pow(node)
        if isinstance(node, sympy.NumberSymbol):
            return {sympy.pi: "pi", sympy.E: "E"}[node], _ATOM
        return self._call(node)

    def _add(self, node: sympy.Expr) -> str:
        first, *rest = sorted(node.as_ordered_terms(), key=lambda term: term.could_extract_minus_sign())
        text = self.text(first, _ADD)
        for term in rest:
            negative = term.could_extract_minus_sign()
            text += (" - " if negative else " + ") + self.text(-term if negative else term, _MUL)
        return text

    def _mul(self, node: sympy.Expr) -> tuple[str, int]:
        coefficient, factors = node.as_coeff_mul()
        if coefficient.is_negative:
            alone = coefficient == -1 and len(factors) == 1
            text = self.text(-node, _MUL)
            if self.dialect == "formula":
                return "-" + text, _NEG if alone else _MUL
            return "-" + _power_bracketed(text), _NEG if alone and " / " not in text else _MUL
        above: list[sympy.Expr] = []
        below: list[sympy.Expr] = []
        for factor in sympy.Mul(*factors, evaluate=False).as_ordered_factors():
            inverse = isinstance(factor, sympy.Pow) and factor.exp.is_Rational and factor.exp < 0
            (below if inverse else above).append(1 / factor if inverse else factor)
        if coefficient != 1:
            quotient = _is_quotient(coefficient, self.dialect)
            self._split(coefficient, above, below) if quotient else above.insert(0, coefficient)
        text = "*".join(self.text(factor, _NEG) for factor in above) or "1"
        for factor in below:
            text += "/" + self.text(factor, _POW)
        spaced = text if self.dialect == "formula" else _spaced(text)
        return spaced, _MUL

    @staticmethod
    def _split(coefficient: sympy.Rational, above: list[sympy.Expr], below: list[sympy.Expr]) -> None:
        if coefficient.p != 1:
            above.insert(0, sympy.Integer(coefficient.p))
        below.append(sympy.Integer(coefficient.q))

    def _pow(self, node: sympy.Expr) -> tuple[str, int]:
        base, exponent = node.base, node.exp
        if exponent.is_Rational and exponent < 0:
            return f"1 / {self.text(1 / node, _POW)}" if self.dialect != "formula" else (
                f"1/{self.text(1 / node, _POW)}"
            ), _MUL
        if exponent == sympy.Rational(1, 2):
            prefix = "" if self.dialect == "formula" else f"{_LIBRARY[self.dialect]}."
            return f"{prefix}sqrt({self.text(base)})", _ATOM
        simple = all(part.is_Symbol or (part.is_number and _is_short(part)) for part in (base, exponent))
        power = "**" if self.dialect == "formula" or simple else " ** "
        return f"{self.text(base, _ATOM)}{power}{self.text(exponent, _ATOM)}", _POW

    def _call(self, node: sympy.Expr) -> tuple[str, int]:
        primitive = of_function(node.func)
        if primitive is None:
            raise ExpressionError(f"'{node.func}' is not a primitive; 'actsearch primitives' lists what is")
        if self.dialect == "formula":
            arguments = [self.text(argument) for argument in node.args]
            if primitive.name == "where":
                arguments[0] = self._condition(node.args[0])
            return f"{primitive.name}({', '.join(arguments)})", _ATOM
        template = getattr(primitive, self.dialect)
        if not template:
            raise ExpressionError(
                f"'{primitive.name}' has no kernel in {self.dialect}; export to torch or numpy instead"
            )
        bracketed = template.startswith("(") and _matching(template) == len(template) - 1
        template = template[1:-1] if bracketed else template
        self.helpers += [s for d, s in primitive.helpers if d == self.dialect and s not in self.helpers]
        return self._fill(primitive, template, node.args), _ATOM if template.endswith(")") and not bracketed else _ADD

    def _condition(self, positive: sympy.Expr) -> str:
        """Return the text of what is positive as a comparison that the parser reads as the same."""
        number, rest = positive.as_coeff_Add()
        if rest.could_extract_minus_sign():
            return f"{self.text(-rest)} < {self.text(number)}"
        return f"{self.text(rest)} > {self.text(-number)}"

    def _fill(self, primitive: Primitive, template: str, arguments: Sequence[sympy.Expr]) -> str:
        """Put the arguments into a kernel template, bracketed or named first where it needs that."""
        if self.dialect == "torch" and primitive.clamp and any(argument.is_number for argument in arguments):
            return self._clamp(primitive.clamp, arguments)
        bare = {int(a or b) for a, b in _CALL_ARGUMENT.findall(template)}
        among_others = len(arguments) > 1 and not primitive.clamp
        texts = []
        for index, argument in enumerate(arguments):
            filled = among_others and argument.is_number and not primitive.takes_numbers
            once = index in bare and template.count(f"{{{index}}}") == 1
            if once or argument.is_Symbol:
                text = self._filled_in(argument) if filled else self.text(argument, _ADD)
            elif argument.is_number and not filled:
                text = self.text(argument, _ATOM)
            else:
                write = self._filled_in if filled else self.argument_text or self.text
                text = write(argument)
                self.statements.append((name := self.fresh(), text))
                text = name
            if text in texts and _COMPARISON.search(template):  # linters refuse a name compared with itself
                self.statements.append((name := self.fresh(), text))
                text = name
            texts.append(text)
        return template.format(*texts)

    def _clamp(self, side: str, arguments: Sequence[sympy.Expr]) -> str:
        """Render ``max(c, x)`` as ``torch.clamp``, because ``torch.maximum`` takes no number."""
        bound, inner = arguments if arguments[0].is_number else reversed(arguments)
        return f"torch.clamp({self.text(inner)}, {side}={self.text(bound)})"

    def _filled_in(self, number: sympy.Expr) -> str:
        """Return a number as what a kernel of two arguments takes in any place.

        For torch that is a tensor of the kind of ``x``: most of its functions of two tensors take no
        number. It has no dimension, as a learnable parameter has none, and broadcasts like one. For
        numpy and jax it is a float, which takes the kind of what it meets; an integer would not in
        ``1/{1}`` or ``np.reciprocal({1})``.
        """
        text = self.text(number)
        if self.dialect == "torch":
            return f"x.new_full((), {text})"
        return literal(float(number)) if number.is_Integer else text


def _spaced(text: str) -> str:
    """Put spaces around the ``*`` and ``/`` of this level (those outside brackets), but not ``**``."""
    out, depth, index = [], 0, 0
    while index < len(text):
        character = text[index]
        depth += (character in "([") - (character in ")]")
        if text.startswith("**", index):
            out.append("**")
            index += 2
            continue
        lone = character in "*/" and depth == 0 and not text[index - 1].isspace()
        out.append(f" {character} " if lone else character)
        index += 1
    return "".join(out)


def _matching(text: str) -> int:
    """Return where the bracket closes with which a text begins."""
    depth = 0
    for index, character in enumerate(text):
        depth += (character in "([") - (character in ")]")
        if depth == 0:
            return index
    return -1


def _power_bracketed(text: str) -> str:
    """Put brackets around the first factor of a product when it is a power, as formatters do after a minus sign."""
    depth, power = 0, False
    for index, character in enumerate(text):
        depth += (character in "([") - (character in ")]")
        if depth == 0 and text[index : index + 3] in (" * ", " / "):
            return f"({text[:index]}){text[index:]}" if power else text
        power = power or (depth == 0 and text.startswith("**", index))
    return f"({text})" if power else text


def _is_quotient(number: sympy.Expr, dialect: Dialect) -> bool:
    """Tell whether a number is written ``p/q``; code writes long fractions as decimals, formulas stay exact."""
    quotient = number.is_Rational and not _is_short(number)
    return bool(quotient and (dialect == "formula" or max(abs(number.p), number.q) < _LONG))


def literal(value: float) -> str:
    """Return a float as Python code, its exponent without the plus sign that formatters remove."""
    return repr(value).replace("e+", "e")


def _is_short(number: sympy.Rational) -> bool:
    """Tell whether a rational is an integer or a decimal of a few digits."""
    return bool(number.is_Integer) or sympy.Rational(repr(float(number))) == number


def _number(node: sympy.Expr, dialect: Dialect) -> tuple[str, int]:
    """Return a number's text: an integer, a short decimal, ``p/q``, or 17 digits of anything else."""
    if _is_quotient(node, dialect):
        return (f"{node.p}/{node.q}" if dialect == "formula" else f"{node.p} / {node.q}"), _MUL
    value = float(node)
    number = repr(value) if dialect == "formula" else literal(value)
    text = str(node) if node.is_Integer and abs(value) < 1e15 else number
    return text, _NEG if value < 0 else _ATOM


def formula(expression: sympy.Expr) -> str:
    """Return the infix text that the parser reads back to the same expression."""
    return Renderer("formula").text(expression)


class _Latex(LatexPrinter):
    """LaTeX with the notation a paper would use for our named primitives, where their entries have one."""

    def _print(self, expr: sympy.Expr, **kwargs: Any) -> str:
        primitive = of_function(expr.func) if isinstance(expr, sympy.Function) else None
        return (
            self._noted(primitive.latex, expr, **kwargs)
            if primitive and primitive.latex
            else super()._print(expr, **kwargs)
        )

    def _print_Symbol(self, expr: sympy.Symbol, style: str = "plain") -> str:  # noqa: N802  (sympy's name)
        return str(super()._print_Symbol(sympy.Symbol(expr.name.removesuffix("_")), style))

    def _noted(self, template: str, node: sympy.Expr, exp: str | None = None) -> str:
        arguments = [self._print(argument) for argument in node.args]
        bracketed = arguments[0] if node.args[0].is_Symbol else f"\\left({arguments[0]}\\right)"
        text = template.format(*arguments, bracketed=bracketed)
        if exp is None:
            return text
        return f"{text}^{{{exp}}}" if text.startswith("\\left") else f"\\left({text}\\right)^{{{exp}}}"


def latex(expression: sympy.Expr) -> str:
    """Return the LaTeX of an expression; decimals stay decimals rather than large fractions."""
    decimals = {n: sympy.Float(float(n), 8) for n in expression.atoms(sympy.Rational) if n.q > 20}
    return str(_Latex({"full_prec": False}).doprint(expression.xreplace(decimals)))
