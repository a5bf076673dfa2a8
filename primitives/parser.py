"""Text to Expression by a whitelist walk over Python's syntax tree; nothing is ever evaluated.

Only numbers, ``x``, parameter names, ``pi``, ``E``, ``+ - * / **`` (``^`` is read as ``**``) and
calls of registered primitives pass. Every refusal names the token and its position.
"""

from __future__ import annotations

import ast
import math
import warnings

import sympy

from primitives.errors import ExpressionError, nearest
from primitives.expression import MAX_EXPONENT, MAX_MAGNITUDE, Expression
from primitives.names import ALIASES, CONSTANTS, PARAMETER_NAMES, is_parameter
from primitives.table import all_primitives, get, synonyms

MAX_LENGTH = 2_000
MAX_DEPTH = 50
MAX_OPERATIONS = 400


def parse(text: str) -> Expression:
    """Read a formula, optionally followed by ``; name=value`` for initial parameter values.

    Args:
        text: e.g. ``"x*sigmoid(beta*x); beta=1.5"``. Parameters without a value start at 1.

    Raises:
        ExpressionError: the text is too long or too deep, has an unknown name, a value or
            exponent beyond the limits, or syntax outside the whitelist.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionError(f"the expression has {len(text)} characters, more than the limit of {MAX_LENGTH}")
    body, *assignments = text.split(";")
    source = body.replace("^", "**").strip()
    _check_depth(source)
    initial: dict[str, float] = {}
    for name, value in (_assignment(part) for part in assignments if part.strip()):
        if name in initial:
            raise ExpressionError(f"parameter '{name}' has two initial values; keep one")
        initial[name] = value
    tree = _syntax(source)
    count = sum(isinstance(node, (ast.BinOp, ast.UnaryOp, ast.Call)) for node in ast.walk(tree))
    if count > MAX_OPERATIONS:
        raise ExpressionError(f"the expression has {count} operations, more than the limit of {MAX_OPERATIONS}")
    expression = Expression(_Walker(source).walk(tree), tuple(initial.items()))
    for name in initial:
        if name not in expression.parameters:
            raise ExpressionError(f"parameter '{name}' has a value but does not occur in '{source}'")
    return expression


def _syntax(source: str) -> ast.expr:
    if not source:
        raise ExpressionError("the expression is empty; write a formula in x such as 'x*sigmoid(x)'")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SyntaxWarning)
            return ast.parse(source, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        column = getattr(error, "offset", None) or 1
        reason = getattr(error, "msg", None) or "it is not a formula"
        token = source[column - 1 : column + 9] or "the end"
        raise ExpressionError(f"cannot read the expression at position {column} ('{token}'): {reason}") from None


def _check_depth(source: str) -> None:
    depth = deepest = 0
    for character in source:
        depth += (character == "(") - (character == ")")
        deepest = max(deepest, depth)
    if deepest > MAX_DEPTH:
        raise ExpressionError(f"the expression nests {deepest} brackets, more than the limit of {MAX_DEPTH}")


def _assignment(text: str) -> tuple[str, float]:
    name, equals, value = (part.strip() for part in text.partition("="))
    name = ALIASES.get(name, name)
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not equals or not math.isfinite(number) or abs(number) > MAX_MAGNITUDE:
        limit = f"a finite number up to {MAX_MAGNITUDE:g}"
        raise ExpressionError(f"'{text.strip()}' is not 'name=value' with {limit}, e.g. 'alpha=0.25'")
    if not is_parameter(name):
        hint = nearest(name, PARAMETER_NAMES) or f"; the names are {', '.join(PARAMETER_NAMES)}"
        raise ExpressionError(f"'{name}' is not a parameter name{hint}")
    return name, number


class _Walker:
    """Turns one checked syntax tree into sympy, node by node."""

    def __init__(self, source: str) -> None:
        self.source = source

    def walk(self, node: ast.expr, depth: int = 0) -> sympy.Expr:
        self._guard(node, depth)
        if isinstance(node, ast.Constant):
            return self._number(node)
        if isinstance(node, ast.Name):
            return self._name(node)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
            sign = -1 if isinstance(node.op, ast.USub) else 1
            return sign * self.walk(node.operand, depth + 1)
        if isinstance(node, ast.BinOp):
            return self._binary(node, depth)
        if isinstance(node, ast.Call):
            return self._call(node, depth)
        raise self._refuse(node, f"{type(node).__name__.lower()} is not allowed in a formula")

    def _refuse(self, node: ast.expr, reason: str) -> ExpressionError:
        token = ast.get_source_segment(self.source, node) or self.source
        shown = token if len(token) <= 30 else token[:30] + "…"
        return ExpressionError(f"'{shown}' at position {node.col_offset + 1}: {reason}")

    def _checked(self, node: ast.expr, value: sympy.Expr) -> sympy.Expr:
        """Let only moderate real numbers through, so that no later step can blow up."""
        if value.is_number and not value.is_Rational:
            try:
                size = abs(float(value))
            except (TypeError, OverflowError, ValueError):
                size = math.inf
        else:
            size = abs(value) if value.is_Rational else 0
        if not size <= MAX_MAGNITUDE:
            raise self._refuse(node, f"its value is not a real number of moderate size (up to {MAX_MAGNITUDE:g})")
        return value

    def _number(self, node: ast.Constant) -> sympy.Expr:
        if isinstance(node.value, bool) or not isinstance(node.value, (int, float)):
            raise self._refuse(node, "only real numbers are allowed")
        if not abs(node.value) <= MAX_MAGNITUDE:
            raise self._refuse(node, f"numbers beyond {MAX_MAGNITUDE:g} are not allowed")
        if node.value and abs(node.value) < 1 / MAX_MAGNITUDE:
            raise self._refuse(node, f"numbers closer to 0 than {1 / MAX_MAGNITUDE:g} are not allowed")
        return sympy.Rational(repr(node.value))

    def _name(self, node: ast.Name) -> sympy.Expr:
        name = ALIASES.get(node.id, node.id)
        if name == "x" or is_parameter(name):
            return sympy.Symbol(name)
        if name in CONSTANTS:
            return CONSTANTS[name]
        known = ["x", *PARAMETER_NAMES, *CONSTANTS]
        hint = nearest(name, [*known, *(p.name for p in all_primitives())])
        raise self._refuse(node, f"unknown name{hint or '; use x, a parameter such as alpha, pi or E'}")

    def _binary(self, node: ast.BinOp, depth: int) -> sympy.Expr:
        if isinstance(node.op, (ast.Mult, ast.Div)):
            return self._checked(node, sympy.Mul(*self._factors(node, depth)))
        if isinstance(node.op, (ast.Add, ast.Sub)):
            return self._checked(node, sympy.Add(*self._terms(node, depth)))
        if isinstance(node.op, ast.Pow):
            return self._power(node, self.walk(node.left, depth + 1), self.walk(node.right, depth + 1))
        raise self._refuse(node, f"the operator {type(node.op).__name__} is not one of + - * / **")

    def _factors(self, node: ast.expr, depth: int) -> list[sympy.Expr]:
        """Return the factors of a chain of ``*`` and ``/``, so that sympy sees the product whole.

        Step by step ``-(x + 1)*y`` would become ``(-x - 1)*y``: another structure than was written.
        """
        factors: list[sympy.Expr] = []
        while True:
            if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
                factors.append(sympy.Integer(-1))
                node = node.operand
            elif isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Div)):
                right = self.walk(node.right, depth + 1)
                if isinstance(node.op, ast.Div) and right.is_zero:
                    raise self._refuse(node, "it divides by zero")
                factors.append(1 / right if isinstance(node.op, ast.Div) else right)
                node = node.left
            else:
                return [self.walk(node, depth + 1), *reversed(factors)]

    def _terms(self, node: ast.expr, depth: int) -> list[sympy.Expr]:
        """Return the terms of a chain of ``+`` and ``-``; a long sum is not a deep one."""
        terms: list[sympy.Expr] = []
        while isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub)):
            right = self.walk(node.right, depth + 1)
            terms.append(right if isinstance(node.op, ast.Add) else -right)
            node = node.left
        return [self.walk(node, depth + 1), *reversed(terms)]

    def _guard(self, node: ast.expr, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise self._refuse(node, f"the formula is nested more than {MAX_DEPTH} levels deep")

    def _power(self, node: ast.BinOp, base: sympy.Expr, exponent: sympy.Expr) -> sympy.Expr:
        if exponent.is_number and not abs(exponent) <= MAX_EXPONENT:
            raise self._refuse(node, f"exponents beyond {MAX_EXPONENT} are not allowed")
        if base.is_number and not base.is_positive and not exponent.is_number:
            raise self._refuse(node, "a number to a power that varies must be positive")
        if exponent.is_negative and base.is_zero:
            raise self._refuse(node, "it divides by zero")
        return self._checked(node, base**exponent)

    def _call(self, node: ast.Call, depth: int) -> sympy.Expr:
        if not isinstance(node.func, ast.Name):
            raise self._refuse(node, "only primitives can be called")
        name = synonyms().get(node.func.id, node.func.id)
        names = [primitive.name for primitive in all_primitives()]
        if name not in names:
            hint = nearest(name, [*names, *synonyms()]) or "; 'actsearch primitives' lists what there is"
            raise self._refuse(node.func, f"unknown function{hint}")
        primitive = get(name)
        if node.keywords or len(node.args) != primitive.arity:
            raise self._refuse(node, f"{name} takes {primitive.arity} argument(s), {len(node.args)} given")
        arguments = [
            self._compared(argument, depth)
            if isinstance(argument, ast.Compare) and name == "where" and argument is node.args[0]
            else self.walk(argument, depth + 1)
            for argument in node.args
        ]
        return self._checked(node, primitive.build(*arguments))

    def _compared(self, node: ast.Compare, depth: int) -> sympy.Expr:
        """Return what is positive where a comparison holds, the condition of ``where``."""
        if len(node.ops) != 1 or not isinstance(node.ops[0], (ast.Gt, ast.Lt)):
            raise self._refuse(node, "a condition is written with one > or <")
        left, right = self.walk(node.left, depth + 1), self.walk(node.comparators[0], depth + 1)
        return self._checked(node, left - right if isinstance(node.ops[0], ast.Gt) else right - left)
