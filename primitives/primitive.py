"""What a primitive is: one value that holds everything the project knows about one function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sympy

Parity = Literal["even", "odd"] | None
Domain = Literal["real", "positive", "nonnegative", "nonzero", "above -1", "above 1", "above -1/e", "between -1 and 1"]
Growth = Literal["bounded", "logarithmic", "root", "linear", "power", "exponential", "mixed"]
ArgumentType = Literal["real", "weight", "exponent"]
Derivative = Callable[..., sympy.Expr]

# Constants are exact rationals of this many significant digits, so that equal formulas hash equal.
SIGNIFICANT_DIGITS = 12
_SIMPLE = 10**6


@dataclass(frozen=True)
class Primitive:
    """A function of one to three arguments that expressions are built from.

    Attributes:
        name: what a formula calls it, e.g. ``"softplus"``.
        arity: 1, 2 or 3.
        build: symbolic constructor, ``build(*args) -> sympy.Expr``.
        function: the sympy class that a formula shows, or ``None`` for an algebraic primitive
            (``add``, ``square``, ``aq``) that is spelled with ``+ * **`` instead.
        torch, numpy, jax: kernel templates with ``{0}``, ``{1}`` and ``{2}``; empty for algebraic ones.
            They are the numerically stable kernels: the torch one is what training executes.
        helpers: ``(dialect, source)`` of the functions that the templates call.
        cost: evaluation cost in units of one float32 elementwise multiplication, a deterministic
            model of vectorised kernels (0 for algebraic ones, whose operations are counted).
        weight: what one use adds to the complexity of an expression.
        definition: the textbook formula, which may overflow; the independent reference.
        parity: ``"even"``, ``"odd"`` or ``None``; used to bring minus signs to a canonical place.
        symmetric: whether the two arguments of a binary one may be exchanged.
        domain: where it is a finite real number; of a unary one.
        growth: the fastest it grows towards either end of the domain; ``"mixed"`` for a binary one
            whose growth depends on its arguments.
        monotone: whether it never falls, or never rises, on its domain; a binary one in each argument.
        native: whether the kernel is one torch function whose own derivative, compiled or not, keeps
            one tensor, so that the function alone needs nothing of ours.
        arguments: what the search grammar may put in each place: any expression, a learnable
            ``"weight"`` or a constant ``"exponent"``; any expression when empty.
        spelled: whether a formula writes it with ``+ - * / **`` or ``sqrt``, and so may show it though it has no
            ``function``.
        exponent: the number that it raises its argument to, of ``square`` and its like.
        textbook: how a grammar that lacks the name says the same with others; ``None`` where it cannot.
        saturates: whether it has no digit left to change where its argument is large, so that an exponential
            inside may be capped.
        slope_of: a function of the same arguments whose derivative is its slope by decree (straight-through), ``None``
            where that is its own.
        hides_nan: whether torch defines it as a number at nan.
        clamp: the bound of ``torch.clamp`` that computes it where one of two arguments is a number.
        takes_numbers: whether its kernels take numbers, as they are, in all places but the first.
        latex: a template of its LaTeX, with ``{0}`` for an argument as it is and ``{bracketed}`` for one in brackets
            unless it is a symbol; what sympy prints when empty.
        synonyms: what else a formula may call it.
        citation: who proposed it, where that is known.
    """

    name: str
    arity: int
    build: Callable[..., sympy.Expr]
    function: Any = None
    torch: str = ""
    numpy: str = ""
    jax: str = ""
    helpers: tuple[tuple[str, str], ...] = ()
    cost: float = 0.0
    weight: int = 1
    definition: Callable[..., sympy.Expr] | None = None
    parity: Parity = None
    symmetric: bool = False
    domain: Domain = "real"
    growth: Growth = "linear"
    monotone: bool = False
    native: bool = False
    arguments: tuple[ArgumentType, ...] = ()
    spelled: bool = False
    exponent: sympy.Rational | None = None
    textbook: Callable[..., sympy.Expr] | None = None
    saturates: bool = False
    slope_of: Callable[..., sympy.Expr] | None = None
    hides_nan: bool = False
    clamp: str = ""
    takes_numbers: bool = False
    latex: str = ""
    synonyms: tuple[str, ...] = ()
    citation: str = "classical"

    @property
    def bounded(self) -> bool:
        """Whether its values stay within fixed limits."""
        return self.growth == "bounded"

    @property
    def types(self) -> tuple[ArgumentType, ...]:
        """The type of each argument."""
        real: ArgumentType = "real"
        return self.arguments or (real,) * self.arity

    @property
    def symbols(self) -> tuple[sympy.Symbol, ...]:
        """Symbols to build it of, one an argument."""
        return tuple(sympy.symbols("x y z")[: self.arity])


def exact(value: Any) -> sympy.Rational:
    """Return a number as a rational: itself when it is simple, else its first 12 significant digits."""
    if isinstance(value, sympy.Rational) and abs(value.p) < _SIMPLE and value.q < _SIMPLE:
        return value
    return sympy.Rational(f"{float(value):.{SIGNIFICANT_DIGITS}g}")


def symbolic_function(
    name: str,
    definition: Callable[..., sympy.Expr] | None,
    derivatives: Sequence[Derivative],
    parity: Parity = None,
    symmetric: bool = False,
) -> Any:
    """Make the sympy ``Function`` class of a named primitive.

    The class knows its own derivative (``fdiff``) in terms of other stable primitives, folds
    numeric arguments, moves a leading minus sign out (odd) or away (even), and sorts the
    arguments of a symmetric function. It is never expanded into ``exp`` and ``log``, which
    overflow.
    """
    arity = len(derivatives)

    def evaluate(cls: Any, *arguments: sympy.Expr) -> sympy.Expr | None:
        if definition is not None and all(argument.is_number for argument in arguments):
            value = definition(*arguments).evalf(20)
            return exact(value) if value.is_real and value.is_finite else sympy.nan
        if parity and arguments[0].could_extract_minus_sign():
            flipped = cls(-arguments[0])
            return -flipped if parity == "odd" else flipped
        if symmetric and sympy.default_sort_key(arguments[0]) > sympy.default_sort_key(arguments[1]):
            return cls(arguments[1], arguments[0])
        return None

    def fdiff(self: Any, argindex: int = 1) -> sympy.Expr:
        return derivatives[argindex - 1](*self.args)

    body = {"eval": classmethod(evaluate), "fdiff": fdiff, "nargs": arity}
    return type(name, (sympy.Function,), body)
