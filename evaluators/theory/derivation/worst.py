"""The worst activation with boundary conditions: the input's distribution function, in closed form."""

from __future__ import annotations

import numpy as np
import sympy

from evaluators.theory.algebra import plain, slope, tidy
from evaluators.theory.correction import relative, residue, split
from evaluators.theory.density import Density
from evaluators.theory.pieces import Piece, bends, pieces
from evaluators.theory.quadrature import quadrature
from primitives import Expression, ExpressionError, compile_expression, table
from primitives.canonical import canonical
from primitives.expression import X

_AGREES = 1e-3
_NAMED = {sympy.erf: table.erf, sympy.atan: table.atan}


def worst(density: Density) -> Expression | None:
    """Return the distribution function of a density as an expression on (0, 1).

    Integrated by sympy, piece by piece, and compared with the quadrature's cumulative mass.
    ``None`` where no closed form is found: for a formula density that is neither rational, nor a
    polynomial times the exponential of a quadratic, nor rational in one exponential.

    Example:
        >>> from evaluators.theory.density import parse_density
        >>> str(worst(parse_density("logistic")))
        'sigmoid(x)'
    """
    constant, rest = density.body.as_independent(X, as_Add=False)
    found = [_distribution(constant * term) for term in sympy.Add.make_args(rest)]
    if any(term is None for term in found):
        return None
    try:
        expression = Expression(_display(sympy.Add(*found)))
    except ExpressionError:
        return None
    return expression if _is_distribution(expression, density) else None


def is_stationary(expression: Expression, density: Density) -> bool:
    """Tell whether sympy reduces the correction of an expression to zero, on every piece between its kinks."""
    difference = plain(slope(expression.body) - density.body)
    if sympy.expand(difference.replace(sympy.exp, lambda inner: sympy.exp(sympy.expand(inner)))) == 0:
        return True  # f' = p, so p' - p f''/f' = p' - p p'/p
    if residue(expression, density) == 0:
        return True
    inputs, outputs = pieces(split(density)[1]), bends(expression.body, sympy.Integer(0))
    if len(inputs) == 1:
        return False
    ends = {part.low for part in inputs}
    for part in inputs:
        same = [other for other in outputs if other.low <= part.low and part.high <= other.high]
        if len(same) != 1 or tidy(relative(plain(part.body)) - same[0].body) != 0:
            return False
    return ends >= {other.low for other in outputs}


def antiderivative(body: sympy.Expr) -> sympy.Expr | None:
    """Return an integral over ``x`` of a smooth formula, ``None`` where none is found in closed form."""
    constant, rest = body.as_independent(X, as_Add=False)
    if rest == 1:
        return constant * X
    if (rooted := _half_power(rest)) is not None:
        return constant * rooted
    if not _has_closed_form(rest):
        return None
    centre = _centre(rest)
    moved = rest.subs(X, X + centre).replace(sympy.exp, lambda inner: sympy.exp(sympy.expand(inner)))
    integral = sympy.integrate(moved, X).subs(X, X - centre)
    integral = _named(integral)
    named = all(table.of_function(node.func) for node in integral.atoms(sympy.Function))
    return constant * integral if named and not integral.has(sympy.Integral, sympy.Piecewise) else None


def _distribution(body: sympy.Expr) -> sympy.Expr | None:
    """Return the integral from minus infinity of one term, with its kinks clamped rather than switched."""
    constant, rest = body.as_independent(X, as_Add=False)
    parts = pieces(canonical(rest))
    total = sympy.Integer(0)
    for part in parts:
        integral = antiderivative(part.body if len(parts) > 1 else rest)
        if integral is None:
            return None
        start = value_at(integral, part.low)
        total += integral.subs(X, _clamped(part)) - start
    return _named(constant * total)


def _named(body: sympy.Expr) -> sympy.Expr:
    return body.replace(lambda n: n.func in _NAMED, lambda n: _NAMED[n.func](*n.args))


def value_at(integral: sympy.Expr, end: sympy.Expr) -> sympy.Expr:
    """Return the value of an integral at an end, at infinity as a limit, in sympy's own functions."""
    known = {ours: theirs for theirs, ours in _NAMED.items()}
    exact = integral.replace(lambda n: n.func in known, lambda n: known[n.func](*n.args))
    return sympy.limit(exact, X, end) if end.is_infinite else exact.subs(X, end)


def _clamped(part: Piece) -> sympy.Expr:
    """Return x held within the piece."""
    inner = X
    if not part.high.is_infinite:
        inner = part.high - table.relu(part.high - inner)
    if not part.low.is_infinite:
        inner = part.low + table.relu(inner - part.low)
    return inner


def _centre(rest: sympy.Expr) -> sympy.Expr:
    """Return where the exponent of a Gaussian is largest, else 0: centred, its integral stays short."""
    for exponential in rest.atoms(sympy.exp):
        polynomial = sympy.Poly(exponential.args[0], X)
        if polynomial.degree() == 2:
            return -polynomial.coeff_monomial(X) / (2 * polynomial.coeff_monomial(X**2))
    return sympy.Integer(0)


def _has_closed_form(rest: sympy.Expr) -> bool:
    """Tell whether sympy integrates a formula quickly: rational, Gaussian times polynomial, or logistic."""
    if rest.is_rational_function(X):
        return True
    exponentials = list(rest.atoms(sympy.exp))
    if len(exponentials) != 1 or not exponentials[0].args[0].is_polynomial(X):
        return False
    symbol = sympy.Dummy()
    inner = rest.xreplace({exponentials[0]: symbol})
    degree = sympy.degree(exponentials[0].args[0], X)
    if degree == 1 and not inner.has(X):
        return bool(inner.is_rational_function(symbol))
    return bool(degree <= 2 and inner.is_polynomial(X, symbol) and sympy.degree(inner, symbol) == 1)


def _half_power(rest: sympy.Expr) -> sympy.Expr | None:
    """Integrate (1 + x^2/n)^-(m/2) for odd m >= 3 by s = x/sqrt(n + x^2), which leaves a polynomial."""
    base, exponent = rest.as_base_exp()
    if not (exponent.is_Rational and exponent.q == 2 and exponent <= sympy.Rational(-3, 2) and base.is_polynomial(X)):
        return None
    square = base.coeff(X, 2)
    if base != 1 + square * X**2 or not square.is_positive:
        return None
    sine = sympy.Dummy()
    polynomial = sympy.expand((1 - sine**2) ** (-exponent - sympy.Rational(3, 2)))
    integral = sympy.integrate(polynomial, sine) / sympy.sqrt(square)
    return integral.subs(sine, X / sympy.sqrt(1 / square + X**2))


def _display(body: sympy.Expr) -> sympy.Expr:
    """Return the formula as one writes it: sigmoid(2*x) as (1 + tanh(x))/2."""
    rational: list[sympy.Expr] = []
    rest: list[sympy.Expr] = []
    for term in sympy.Add.make_args(sympy.expand_mul(body)):
        (rational if term.is_rational_function(X) and term.has(X) else rest).append(term)
    body = canonical(sympy.factor(sympy.Add(*rational)) + sympy.Add(*rest))
    doubled = table.sigmoid(2 * X)
    return (1 + table.tanh(X)) / 2 if body == doubled else body


def _is_distribution(expression: Expression, density: Density) -> bool:
    """Tell whether it rises from 0 to 1 with the density as its slope; a formula density's mass is known to 1e-4."""
    nodes = quadrature(density).nodes
    compiled, pdf = compile_expression(expression), compile_expression(Expression(density.body)).at(nodes)
    ends = compiled.at(nodes[[0, -1]])
    rises = bool(np.abs(ends - [0, 1]).max() < _AGREES)
    return rises and bool(np.abs(compiled.slope_at(nodes) - pdf)[nodes != 0].max() < _AGREES * pdf.max())
