"""An activation as a frozen value: a formula in ``x`` and its learnable parameters."""

from __future__ import annotations

import hashlib
import html
from dataclasses import dataclass
from functools import cached_property

import sympy

from primitives.canonical import canonical
from primitives.derivative import derivative
from primitives.drawing import curves
from primitives.errors import ExpressionError
from primitives.joints import differentiable, joined
from primitives.lowering import capped
from primitives.names import PARAMETER_NAMES, is_parameter
from primitives.primitive import exact
from primitives.render import formula, latex
from primitives.stable import stable
from primitives.table import of_function
from primitives.tails import tamed

X = sympy.Symbol("x")
MAX_PARAMETERS = 12
MAX_EXPONENT = 16
MAX_MAGNITUDE = 1e30


@dataclass(frozen=True)
class Expression:
    """A function of one variable, symbolic and immutable.

    Attributes:
        body: the sympy expression in ``x`` and the parameters.
        initial: ``(name, initial value)`` of each learnable parameter, sorted by name.

    Raises:
        ExpressionError: a symbol that is neither ``x`` nor a parameter, too many parameters, an
            exponent beyond 16, or a value that is not a real number.

    Example:
        >>> from primitives import parse
        >>> str(parse("max(0, x) + eps*x*exp(-x^2/2); eps=0.01"))
        'relu(x) + epsilon*x*exp(-0.5*x**2); epsilon=0.01'
    """

    body: sympy.Expr
    initial: tuple[tuple[str, float], ...] = ()

    def __post_init__(self) -> None:
        if self.body.has(sympy.nan, sympy.zoo, sympy.oo, -sympy.oo, sympy.I):
            raise ExpressionError(f"'{self.body}' is not a real number anywhere; check it for a division by zero")
        long = {n: exact(n) for n in self.body.atoms(sympy.Float, sympy.Rational)}
        short = {number: exact_ for number, exact_ in long.items() if number != exact_}
        object.__setattr__(self, "body", canonical(self.body.xreplace(short)))
        names = {symbol.name for symbol in self.body.free_symbols} - {"x"}
        stray = sorted(name for name in names if not is_parameter(name))
        if stray:
            raise ExpressionError(f"'{stray[0]}' is neither x nor a parameter ({', '.join(PARAMETER_NAMES)})")
        if len(names) > MAX_PARAMETERS:
            raise ExpressionError(f"{len(names)} learnable parameters are more than the limit of {MAX_PARAMETERS}")
        for power in self.body.atoms(sympy.Pow):
            if power.base.is_number and not power.base.is_positive and not power.exp.is_number:
                raise ExpressionError(
                    f"'{power.base}' to a power that varies is not a real number; the base must be > 0"
                )
            if power.exp.is_number and abs(power.exp) > MAX_EXPONENT:
                raise ExpressionError(f"an exponent of {power.exp} is beyond the limit of {MAX_EXPONENT}")
        values = dict(self.initial)
        for name, value in values.items():
            if not (isinstance(value, (int, float)) and abs(value) <= MAX_MAGNITUDE):
                raise ExpressionError(f"the initial value {value!r} of {name} is not a number up to {MAX_MAGNITUDE:g}")
        kept = tuple((name, float(exact(values.get(name, 1.0)))) for name in sorted(names))
        object.__setattr__(self, "initial", kept)

    @property
    def parameters(self) -> dict[str, float]:
        """Names and initial values of the learnable parameters."""
        return dict(self.initial)

    @cached_property
    def formula(self) -> str:
        """The infix formula without the initial values."""
        return formula(self.body)

    def __str__(self) -> str:
        """Return the text that :func:`primitives.parse` reads back to an equal expression."""
        values = "".join(f"; {name}={value!r}" for name, value in self.initial)
        return self.formula + values

    @property
    def latex(self) -> str:
        """The formula in LaTeX."""
        return latex(self.body)

    def _repr_latex_(self) -> str:
        """Return the formula for a notebook's own LaTeX."""
        return f"${self.latex}$"

    def _repr_svg_(self) -> str | None:
        """Return curve and slope as a picture, ``None`` where a primitive has no numpy kernel."""
        return curves(self.body, self.by_x(1), self.parameters)

    def _repr_html_(self) -> str:
        """Return formula, curve, and the text that :func:`primitives.parse` reads back, for a notebook."""
        shown = (html.escape(self._repr_latex_()), self._repr_svg_(), f"<code>{html.escape(str(self))}</code>")
        return "".join(f"<div>{part}</div>" for part in shown if part)

    @cached_property
    def complexity(self) -> int:
        """Number of nodes of the formula as a binary tree (``a - b`` is one), primitives by weight."""
        return _weight(self.body)

    @cached_property
    def key(self) -> str:
        """Structural identity: equal for formulas that differ only in parameter names or the order of terms.

        Formulas that are symmetric in two parameters may escape it; values find those.
        """
        order = [s for s in sympy.preorder_traversal(self.body) if s.is_Symbol and s != X]
        names = list(dict.fromkeys(symbol.name for symbol in order))
        renaming = {sympy.Symbol(n): sympy.Symbol(PARAMETER_NAMES[i]) for i, n in enumerate(names)}
        body = self.body.xreplace(renaming)
        values = [self.parameters[name] for name in names]
        return hashlib.sha256(f"{formula(body)}|{values}".encode()).hexdigest()[:16]

    @cached_property
    def kernel(self) -> sympy.Expr:
        """The body as it is computed: nothing overflows that the value does not, and joints have their limit."""
        return joined(capped(stable(self.body)), self.initial)

    @cached_property
    def forward(self) -> sympy.Expr:
        """The kernel as a file spells it: who differentiates that itself finds the limits at joints as well."""
        return differentiable(self.kernel, self.initial)

    @cached_property
    def slopes(self) -> dict[str, sympy.Expr]:
        """The derivatives of the kernel with respect to ``x`` and every parameter, by name."""
        return self.slopes_of(self.kernel)

    def slopes_of(self, body: sympy.Expr) -> dict[str, sympy.Expr]:
        """Return the derivatives of a formula in the same symbols by ``x`` and every parameter, by name."""
        symbols = [X, *(sympy.Symbol(name) for name, _ in self.initial)]
        slopes = {symbol.name: joined(derivative(body, symbol), self.initial) for symbol in symbols}
        return {**slopes, X.name: tamed(slopes[X.name], self.initial)}

    @cached_property
    def slope_kernels(self) -> dict[str, sympy.Expr]:
        """The slopes as a file spells them: who differentiates that by ``x`` once more finds the limits at joints."""
        return {**self.slopes, X.name: differentiable(self.slopes[X.name], self.initial)}

    def by_x(self, order: int) -> sympy.Expr:
        """Return the derivative of the kernel by ``x`` of an order, 0 for the kernel itself.

        Raises:
            ExpressionError: a primitive does not say its derivative of that order.
        """
        found = self.kernel
        for number in range(1, order + 1):
            found = self.slopes["x"] if number == 1 else joined(derivative(found, X), self.initial)
            if found.has(sympy.Derivative, sympy.Subs):
                raise ExpressionError(f"derivative {number} of '{self.formula}' by x is not known in symbols")
        return found


def _weight(node: sympy.Expr) -> int:
    if node.is_Atom:
        return 1
    if isinstance(node, sympy.Pow) and node.exp.is_number:
        return 1 + _weight(node.base)
    if isinstance(node, sympy.Mul) and node.args[0] == -1:
        return 1 + _weight(-node)
    if isinstance(node, sympy.Add):
        minus = sum(isinstance(child, sympy.Mul) and child.args[0] == -1 for child in node.args)
        operators: int = len(node.args) - 1 - min(minus, len(node.args) - 1)
        return sum(map(_weight, node.args)) + operators
    inner: int = sum(map(_weight, node.args))
    if isinstance(node, sympy.Mul):
        factors: int = len(node.args)
        return inner + factors - 1
    primitive = of_function(node.func)
    weight: int = primitive.weight if primitive else 1
    return inner + weight
