"""Every primitive, one entry each, and the registry a user's own primitive joins.

An entry is the only place that knows a function: its symbol, its derivative, its stable kernels,
its cost, its facts. Costs are a deterministic model (multiplication = 1) of vectorised float32
kernels; the entries marked ``algebraic`` are spelled with ``+ - * / **`` in a formula and cost
what those operations cost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import sympy

from primitives.errors import PrimitiveError, unknown
from primitives.primitive import Derivative, Parity, Primitive, symbolic_function


@dataclass(frozen=True)
class Kernels:
    """The stable kernels of one function: templates with ``{0}`` and ``{1}`` for the arguments."""

    torch: str
    numpy: str
    jax: str


_TABLE: dict[str, Primitive] = {}
_BY_FUNCTION: dict[Any, Primitive] = {}


def register(primitive: Primitive) -> Primitive:
    """Add a primitive to the table.

    Raises:
        PrimitiveError: the name is taken, or the arity is neither 1 nor 2.
    """
    if primitive.name in _TABLE:
        raise PrimitiveError(f"primitive '{primitive.name}' is already registered; choose another name")
    if primitive.arity not in (1, 2):
        raise PrimitiveError(f"primitive '{primitive.name}' has arity {primitive.arity}; it must be 1 or 2")
    _TABLE[primitive.name] = primitive
    if primitive.function is not None:
        _BY_FUNCTION[primitive.function] = primitive
    return primitive


def get(name: str) -> Primitive:
    """Return the primitive of that name.

    Raises:
        PrimitiveError: there is none; the message suggests the nearest name.
    """
    if name not in _TABLE:
        raise PrimitiveError(unknown("primitive", name, _TABLE))
    return _TABLE[name]


def all_primitives() -> tuple[Primitive, ...]:
    """Return every primitive in the order of registration."""
    return tuple(_TABLE.values())


def of_function(function: Any) -> Primitive | None:
    """Return the primitive that a sympy class stands for, or ``None``."""
    return _BY_FUNCTION.get(function)


def named(
    name: str,
    definition: Callable[..., sympy.Expr],
    derivatives: Sequence[Derivative],
    *,
    kernels: Kernels,
    cost: float,
    parity: Parity = None,
    symmetric: bool = False,
    bounded: bool = False,
    monotone: bool = False,
    citation: str = "classical",
) -> Any:
    """Register a primitive with a sympy class of its own and return the class.

    Example:
        >>> cube = named(  # doctest: +SKIP
        ...     "cube", lambda x: x**3, [lambda x: 3 * x**2],
        ...     kernels=Kernels("{0}**3", "{0}**3", "{0}**3"), cost=2.0, parity="odd",
        ... )
    """
    function = symbolic_function(name, definition, derivatives, parity, symmetric)
    register(
        Primitive(
            name=name,
            arity=len(derivatives),
            build=function,
            function=function,
            torch=kernels.torch,
            numpy=kernels.numpy,
            jax=kernels.jax,
            cost=cost,
            definition=definition,
            parity=parity,
            bounded=bounded,
            monotone=monotone,
            citation=citation,
        )
    )
    return function


def _algebraic(name: str, build: Callable[..., sympy.Expr], arity: int, **facts: Any) -> None:
    register(Primitive(name=name, arity=arity, build=build, definition=build, **facts))


def _shared(text: str) -> Kernels:
    """Return one kernel spelled alike in torch, numpy and jax (``lib`` is the module)."""
    return Kernels(text.replace("lib", "torch"), text.replace("lib", "np"), text.replace("lib", "jnp"))


# --- algebra -----------------------------------------------------------------------------------
_algebraic("add", lambda a, b: a + b, 2)
_algebraic("sub", lambda a, b: a - b, 2)
_algebraic("mul", lambda a, b: a * b, 2)
_algebraic("div", lambda a, b: a / b, 2)
_algebraic("aq", lambda a, b: a / sympy.sqrt(1 + b**2), 2, citation="Ni, Drieberg & Rockett 2013, analytic quotient")
_algebraic("neg", lambda a: -a, 1, parity="odd", monotone=True)
_algebraic("square", lambda a: a**2, 1, parity="even")
_algebraic("cube", lambda a: a**3, 1, parity="odd", monotone=True)
_algebraic("sqrt", sympy.sqrt, 1, monotone=True)

# --- elementary functions ------------------------------------------------------------------------
# exp and log are sympy's. The others are classes of our own: sympy's tanh, sinh and cosh take time
# exponential in their nesting just to be built.
for _name, _function, _cost in (("exp", sympy.exp, 6), ("log", sympy.log, 8)):
    register(
        Primitive(
            name=_name,
            arity=1,
            build=_function,
            function=_function,
            torch=f"torch.{_name}({{0}})",
            numpy=f"np.{_name}({{0}})",
            jax=f"jnp.{_name}({{0}})",
            cost=_cost,
            definition=_function,
            monotone=True,
        )
    )
sin: Any = named(
    "sin", sympy.sin, [lambda x: cos(x)], kernels=_shared("lib.sin({0})"), cost=9, parity="odd", bounded=True
)
cos: Any = named(
    "cos", sympy.cos, [lambda x: -sin(x)], kernels=_shared("lib.cos({0})"), cost=9, parity="even", bounded=True
)
sinh: Any = named(
    "sinh", sympy.sinh, [lambda x: cosh(x)], kernels=_shared("lib.sinh({0})"), cost=12, parity="odd", monotone=True
)
cosh: Any = named("cosh", sympy.cosh, [sinh], kernels=_shared("lib.cosh({0})"), cost=12, parity="even")
tanh: Any = named(
    "tanh",
    sympy.tanh,
    [lambda x: 1 - tanh(x) ** 2],
    kernels=_shared("lib.tanh({0})"),
    cost=10,
    parity="odd",
    bounded=True,
    monotone=True,
)
atan = named(
    "atan",
    sympy.atan,
    [lambda x: 1 / (1 + x**2)],
    kernels=Kernels("torch.atan({0})", "np.arctan({0})", "jnp.arctan({0})"),
    cost=12,
    parity="odd",
    bounded=True,
    monotone=True,
)
asinh = named(
    "asinh",
    sympy.asinh,
    [lambda x: 1 / sympy.sqrt(1 + x**2)],
    kernels=Kernels("torch.asinh({0})", "np.arcsinh({0})", "jnp.arcsinh({0})"),
    cost=16,
    parity="odd",
    monotone=True,
)
erf = named(
    "erf",
    sympy.erf,
    [lambda x: 2 * sympy.exp(-(x**2)) / sympy.sqrt(sympy.pi)],
    kernels=Kernels("torch.erf({0})", "scipy.special.erf({0})", "jax.scipy.special.erf({0})"),
    cost=10,
    parity="odd",
    bounded=True,
    monotone=True,
)
erfc = named(
    "erfc",
    sympy.erfc,
    [lambda x: -2 * sympy.exp(-(x**2)) / sympy.sqrt(sympy.pi)],
    kernels=Kernels("torch.erfc({0})", "scipy.special.erfc({0})", "jax.scipy.special.erfc({0})"),
    cost=12,
    bounded=True,
    monotone=True,
)

# --- kinks; derivatives at the kink are torch's: relu'(0) = 0, abs'(0) = 0, max ties share -------
step = named(
    "step",
    lambda x: sympy.Piecewise((1, x > 0), (0, True)),
    [lambda _: sympy.Integer(0)],
    kernels=Kernels("({0} > 0).to({0}.dtype)", "np.where({0} > 0, 1.0, 0.0)", "jnp.where({0} > 0, 1.0, 0.0)"),
    cost=1,
    bounded=True,
    monotone=True,
)
sign = named("sign", sympy.sign, [lambda _: sympy.Integer(0)], kernels=_shared("lib.sign({0})"), cost=1, parity="odd")
absolute = named("abs", sympy.Abs, [sign], kernels=_shared("lib.abs({0})"), cost=1, parity="even")
relu = named(
    "relu",
    lambda x: sympy.Max(0, x),
    [step],
    kernels=Kernels("torch.relu({0})", "np.maximum({0}, 0)", "jax.nn.relu({0})"),
    cost=1,
    monotone=True,
    citation="Nair & Hinton 2010",
)


def _maximum(a: sympy.Expr, b: sympy.Expr) -> sympy.Expr:
    """Return ``relu(b)`` for ``max(0, b)``, else the named symmetric maximum."""
    if a.is_zero:
        return relu(b)
    return relu(a) if b.is_zero else _maximum_function(a, b)


def _minimum(a: sympy.Expr, b: sympy.Expr) -> sympy.Expr:
    """Return ``-relu(-b)`` for ``min(0, b)``, else the named symmetric minimum."""
    if a.is_zero:
        return -relu(-b)
    return -relu(-a) if b.is_zero else _minimum_function(a, b)


_HALF = sympy.Rational(1, 2)
_maximum_function = symbolic_function(
    "max",
    sympy.Max,
    [lambda a, b: _HALF * (1 + sign(a - b)), lambda a, b: _HALF * (1 + sign(b - a))],
    symmetric=True,
)
_minimum_function = symbolic_function(
    "min",
    sympy.Min,
    [lambda a, b: _HALF * (1 + sign(b - a)), lambda a, b: _HALF * (1 + sign(a - b))],
    symmetric=True,
)
for _name, _build, _function in (
    ("max", _maximum, _maximum_function),
    ("min", _minimum, _minimum_function),
):
    register(
        Primitive(
            name=_name,
            arity=2,
            build=_build,
            function=_function,
            torch=f"torch.{_name}imum({{0}}, {{1}})",
            numpy=f"np.{_name}imum({{0}}, {{1}})",
            jax=f"jnp.{_name}imum({{0}}, {{1}})",
            cost=1,
            definition=sympy.Max if _name == "max" else sympy.Min,
        )
    )

# --- stable compounds of exp and log -------------------------------------------------------------
expm1 = named(
    "expm1",
    lambda x: sympy.exp(x) - 1,
    [sympy.exp],
    kernels=_shared("lib.expm1({0})"),
    cost=8,
    monotone=True,
)
log1p = named(
    "log1p",
    lambda x: sympy.log(1 + x),
    [lambda x: 1 / (1 + x)],
    kernels=_shared("lib.log1p({0})"),
    cost=9,
    monotone=True,
)
sigmoid: Any = named(
    "sigmoid",
    lambda x: 1 / (1 + sympy.exp(-x)),
    [lambda x: sigmoid(x) * sigmoid(-x)],
    kernels=Kernels("torch.sigmoid({0})", "scipy.special.expit({0})", "jax.nn.sigmoid({0})"),
    cost=8,
    bounded=True,
    monotone=True,
)
softplus = named(
    "softplus",
    lambda x: sympy.log(1 + sympy.exp(x)),
    [sigmoid],
    kernels=Kernels("F.softplus({0}, threshold=40)", "np.logaddexp({0}, 0)", "jax.nn.softplus({0})"),
    cost=15,
    monotone=True,
    citation="Dugas et al. 2001",
)
logsigmoid: Any = named(
    "logsigmoid",
    lambda x: -sympy.log(1 + sympy.exp(-x)),
    [lambda x: sigmoid(-x)],
    kernels=Kernels("F.logsigmoid({0})", "(-np.logaddexp(-{0}, 0))", "jax.nn.log_sigmoid({0})"),
    cost=15,
    monotone=True,
)
gaussian: Any = named(
    "gaussian",
    lambda x: sympy.exp(-(x**2) / 2),
    [lambda x: -x * gaussian(x)],
    kernels=_shared("lib.exp(-0.5 * {0}**2)"),
    cost=8,
    parity="even",
    bounded=True,
)
softsign = named(
    "softsign",
    lambda x: x / (1 + sympy.Abs(x)),
    [lambda x: (1 + absolute(x)) ** -2],
    kernels=Kernels("F.softsign({0})", "({0} / (1 + np.abs({0})))", "jax.nn.soft_sign({0})"),
    cost=5,
    parity="odd",
    bounded=True,
    monotone=True,
    citation="Turian 2009",
)

# --- activations that torch has a kernel for -----------------------------------------------------
elu = named(
    "elu",
    lambda x: sympy.Max(0, x) + sympy.exp(sympy.Min(0, x)) - 1,
    [lambda x: sympy.exp(-relu(-x))],
    kernels=Kernels("F.elu({0})", "(np.maximum({0}, 0) + np.expm1(np.minimum({0}, 0)))", "jax.nn.elu({0})"),
    cost=9,
    monotone=True,
    citation="Clevert et al. 2015, arXiv 1511.07289",
)
silu = named(
    "silu",
    lambda x: x / (1 + sympy.exp(-x)),
    [lambda x: sigmoid(x) * (1 + x * sigmoid(-x))],
    kernels=Kernels("F.silu({0})", "({0} * scipy.special.expit({0}))", "jax.nn.silu({0})"),
    cost=9,
    citation="Elfwing et al. 2017, arXiv 1702.03118",
)
gelu = named(
    "gelu",
    lambda x: x * (1 + sympy.erf(x / sympy.sqrt(2))) / 2,
    [lambda x: erfc(-x / sympy.sqrt(2)) / 2 + x * gaussian(x) / sympy.sqrt(2 * sympy.pi)],
    kernels=Kernels(
        "F.gelu({0})", "(0.5 * {0} * scipy.special.erfc(-{0} / 2**0.5))", "jax.nn.gelu({0}, approximate=False)"
    ),
    cost=12,
    citation="Hendrycks & Gimpel 2016, arXiv 1606.08415",
)
