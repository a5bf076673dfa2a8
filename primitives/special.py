"""Cases, hyperbolic relatives, special functions and steps: what formulas of papers use beside the commoner ones.

None is in the default grammar. They need nothing of :mod:`primitives.table` but by name.
"""

from __future__ import annotations

from typing import Any

import sympy

from primitives.kernels import SYMEXP, SYMLOG
from primitives.primitive import Primitive, symbolic_function
from primitives.registry import Kernels, add, auxiliary, get, make
from primitives.special_kernels import (
    CBRT,
    HANKEL,
    J0,
    J1_RATIO,
    J2_RATIO,
    LAMBERTW,
    LOGCOSH,
    NUMPY_J1_RATIO,
    NUMPY_J2_RATIO,
    SECH,
    SERIES,
    in_jax,
    in_numpy,
)

_HALF = sympy.Rational(1, 2)


def _of(name: str, argument: sympy.Expr) -> sympy.Expr:
    return get(name).build(argument)


def _add(name: str, definition: Any, slope: Any, kernels: Kernels, cost: float, **facts: Any) -> Any:
    """Add a unary entry; the test suite checks it, so the import need not."""
    return add(make(name, definition, [slope], kernels, cost=cost, **facts)).function


# --- cases ---------------------------------------------------------------------------------------
_where_function: Any = symbolic_function(
    "where",
    lambda c, a, b: sympy.Piecewise((a, c > 0), (b, True)),
    [lambda *_: sympy.Integer(0), lambda c, *_: _of("step", c), lambda c, *_: where(c, 0, 1)],
)


def where(c: sympy.Expr, a: sympy.Expr, b: sympy.Expr) -> sympy.Expr:
    """Return what is ``a`` where ``c > 0`` and ``b`` elsewhere, one of them where that is decided."""
    c, a, b = map(sympy.sympify, (c, a, b))
    if a == b:
        return a
    if c.is_number:
        return a if c.is_positive else b
    if {a, b} == {sympy.S.Zero, sympy.S.One}:
        return _of("step", c) if a == 1 else 1 - _of("step", c)
    return _where_function(c, a, b)


add(
    Primitive(
        name="where",
        arity=3,
        build=where,
        function=_where_function,
        torch="torch.where({0} > 0, {1}, {2})",
        numpy="np.where({0} > 0, {1}, {2})",
        jax="jnp.where({0} > 0, {1}, {2})",
        cost=1,
        definition=lambda c, a, b: sympy.Piecewise((a, c > 0), (b, True)),
        growth="mixed",
        hides_nan=True,
        latex=r"\begin{{cases}} {1} & {0} > 0 \\ {2} & \text{{otherwise}} \end{{cases}}",
        citation="a function by cases: the second where the first is positive, else the third",
    )
)


def through_cases(node: sympy.Expr, slopes: tuple[sympy.Expr, ...]) -> sympy.Expr | None:
    """Return the derivative of a function by cases from those of its arguments, ``None`` of anything else.

    It has cases itself: a branch that is not taken may be infinite, and zero times that is no number.
    """
    if not isinstance(node, _where_function):
        return None
    return where(node.args[0], slopes[1], slopes[2])


# --- hyperbolic and circular relatives -----------------------------------------------------------
sech: Any = _add(
    "sech",
    lambda x: 2 / (sympy.exp(x) + sympy.exp(-x)),
    lambda x: -sech(x) * _of("tanh", x),
    Kernels("sech({0})", "sech({0})", "sech({0})", (("torch", SECH), ("numpy", in_numpy(SECH)), ("jax", in_jax(SECH)))),
    30,
    parity="even",
    growth="bounded",
    saturates=True,
)
logcosh: Any = _add(
    "logcosh",
    lambda x: sympy.log(sympy.cosh(x)),
    lambda x: _of("tanh", x),
    Kernels(
        "logcosh({0})",
        "logcosh({0})",
        "logcosh({0})",
        (("torch", LOGCOSH), ("numpy", in_numpy(LOGCOSH)), ("jax", in_jax(LOGCOSH))),
    ),
    927,
    parity="even",
    synonyms=("log_cosh",),
)
tan: Any = _add(
    "tan",
    lambda x: sympy.sin(x) / sympy.cos(x),
    lambda x: 1 + tan(x) ** 2,
    Kernels("torch.tan({0})", "np.tan({0})", "jnp.tan({0})"),
    74,
    parity="odd",
    growth="mixed",
)
atanh: Any = _add(
    "atanh",
    lambda x: sympy.log((1 + x) / (1 - x)) / 2,
    lambda x: 1 / ((1 - x) * (1 + x)),
    Kernels("torch.atanh({0})", "np.arctanh({0})", "jnp.arctanh({0})"),
    76,
    parity="odd",
    monotone=True,
    domain="between -1 and 1",
    growth="mixed",
    synonyms=("arctanh", "artanh"),
)
acosh: Any = _add(
    "acosh",
    lambda x: sympy.log(x + sympy.sqrt(x - 1) * sympy.sqrt(x + 1)),
    lambda x: 1 / (sympy.sqrt(x - 1) * sympy.sqrt(x + 1)),
    Kernels("torch.acosh({0})", "np.arccosh({0})", "jnp.arccosh({0})"),
    684,
    monotone=True,
    domain="above 1",
    growth="logarithmic",
    synonyms=("arccosh", "arcosh"),
)
erfinv: Any = _add(
    "erfinv",
    sympy.erfinv,
    lambda x: sympy.sqrt(sympy.pi) * sympy.exp(erfinv(x) ** 2) / 2,
    Kernels("torch.erfinv({0})", "scipy.special.erfinv({0})", "jax.scipy.special.erfinv({0})"),
    1705,
    parity="odd",
    monotone=True,
    domain="between -1 and 1",
    growth="mixed",
)
cbrt: Any = _add(
    "cbrt",
    lambda x: sympy.sign(x) * sympy.Abs(x) ** sympy.Rational(1, 3),
    lambda x: 1 / (3 * cbrt(x) ** 2),
    Kernels("cbrt({0})", "np.cbrt({0})", "jnp.cbrt({0})", (("torch", CBRT),)),
    227,
    parity="odd",
    monotone=True,
    growth="root",
)

_hafner: dict[str, Any] = {"parity": "odd", "monotone": True, "citation": "Hafner et al. 2023, arXiv 2301.04104"}
symlog: Any = _add(
    "symlog",
    lambda x: sympy.sign(x) * sympy.log(1 + sympy.Abs(x)),
    lambda x: 1 / (1 + _of("abs", x)),
    Kernels(
        "symlog({0})",
        "(np.sign({0}) * np.log1p(np.abs({0})))",
        "(jnp.sign({0}) * jnp.log1p(jnp.abs({0})))",
        (("torch", SYMLOG),),
    ),
    59,
    growth="logarithmic",
    **_hafner,
)
symexp: Any = _add(
    "symexp",
    lambda x: sympy.sign(x) * (sympy.exp(sympy.Abs(x)) - 1),
    lambda x: sympy.exp(_of("abs", x)),
    Kernels(
        "symexp({0})",
        "(np.sign({0}) * np.expm1(np.abs({0})))",
        "(jnp.sign({0}) * jnp.expm1(jnp.abs({0})))",
        (("torch", SYMEXP),),
    ),
    89,
    growth="exponential",
    **_hafner,
)

# --- Bessel's J and Lambert's W ------------------------------------------------------------------
_J = (SERIES, HANKEL, J0, J1_RATIO)
_OF_J0, _OF_J1 = (
    tuple((dialect, said(each)) for each in (*_J[:2], last) for dialect, said in (("torch", str), ("jax", in_jax)))
    for last in _J[2:]
)
_OF_J2 = (*_OF_J0, *_OF_J1[4:], ("torch", J2_RATIO), ("jax", in_jax(J2_RATIO)), ("numpy", NUMPY_J2_RATIO))
_j2_ratio: Any = auxiliary(
    "j2_ratio",
    [sympy.Function("j2_ratio_slope")],
    Kernels("j2_ratio({0})", "j2_ratio({0})", "j2_ratio({0})", _OF_J2),
    400,
)
_j1_ratio: Any = auxiliary(
    "j1_ratio",
    [lambda x: -_j2_ratio(x)],
    Kernels("j1_ratio({0})", "j1_ratio({0})", "j1_ratio({0})", (*_OF_J1, ("numpy", NUMPY_J1_RATIO))),
    339,
)
j0: Any = _add(
    "j0",
    lambda x: sympy.besselj(0, x),
    lambda x: -j1(x),
    Kernels("bessel_j0({0})", "scipy.special.j0({0})", "bessel_j0({0})", _OF_J0),
    346,
    parity="even",
    growth="bounded",
    latex=r"J_{{0}}\left({0}\right)",
    synonyms=("bessel_j0",),
)
j1: Any = _add(
    "j1",
    lambda x: sympy.besselj(1, x),
    lambda x: j0(x) - _j1_ratio(x),
    Kernels("({0} * j1_ratio({0}))", "scipy.special.j1({0})", "({0} * j1_ratio({0}))", _OF_J1),
    346,
    parity="odd",
    growth="bounded",
    latex=r"J_{{1}}\left({0}\right)",
    synonyms=("bessel_j1",),
)
lambertw: Any = _add(
    "lambertw",
    sympy.LambertW,
    lambda x: sympy.exp(-lambertw(x)) / (1 + lambertw(x)),
    Kernels(
        "lambertw({0})",
        "lambertw({0})",
        "lambertw({0})",
        (("torch", LAMBERTW), ("numpy", in_numpy(LAMBERTW)), ("jax", in_jax(LAMBERTW))),
    ),
    573,
    monotone=True,
    domain="above -1/e",
    growth="logarithmic",
    latex=r"W\left({0}\right)",
    citation="principal branch: the inverse of w*exp(w)",
)

# --- steps: the slope is 0 where there is one, or, by name, that of the input ---------------------
for _name, _definition, _cost, _latex in (
    ("floor", sympy.floor, 2, r"\left\lfloor{{{0}}}\right\rfloor"),
    ("round", lambda x: sympy.floor(x + _HALF), 1, ""),
):
    for _through in (False, True):
        add(
            make(
                f"{_name}_ste" if _through else _name,
                _definition,
                [(lambda _: sympy.Integer(1)) if _through else (lambda _: sympy.Integer(0))],
                Kernels(f"torch.{_name}({{0}})", f"np.{_name}({{0}})", f"jnp.{_name}({{0}})"),
                cost=1 if _through else _cost,
                monotone=True,
                latex="" if _through else _latex,
                slope_of=(lambda x: x) if _through else None,
                citation="straight-through slope 1, Bengio et al. 2013, arXiv 1308.3432" if _through else "classical",
            )
        )
