"""Every primitive, one entry each.

An entry is the only place that knows a function: its symbol, its derivative, its stable kernels, its cost, its facts. A
cost is that of one value in float32 multiplications, as measured by ``search/studies/cost_calibration.py`` in compiled
kernels on one core, and at least 1; an ``algebraic`` entry is spelled with others in a formula and costs what they do.

Together they hold the operators of PANGAEA (Bingham & Miikkulainen 2020, arXiv 2006.03179, in the list that AQuaSurF's
code has), the Swish search's set (Ramachandran et al. 2017, arXiv 1710.05941; what has a learned beta there is said
with a learnable leaf here), and what the reference library needs; :mod:`primitives.special` has what papers use too.
"""

from __future__ import annotations

from typing import Any

import sympy

from primitives.bessel import bessel_ratio
from primitives.kernels import (
    ASINH,
    ELU,
    EXPM1,
    FUSES,
    GUMBELS,
    JAX_GELU_SLOPE,
    LOG1P,
    MISH,
    MISH_SLOPES,
    SINC,
    SOFTPLUS,
    SQUAREPLUS,
    TANH,
)
from primitives.primitive import Primitive, symbolic_function
from primitives.registry import (
    Kernels,
    add,
    algebraic,
    all_primitives,
    auxiliary,
    get,
    make,
    of_function,
    synonyms,
    unregister,
)
from primitives.sinc import sinc_slope

__all__ = ["Kernels", "all_primitives", "auxiliary", "get", "of_function", "synonyms", "unregister"]

_SWISH_SEARCH = "Ramachandran et al. 2017, arXiv 1710.05941"
_HALF = sympy.Rational(1, 2)


def _shared(text: str) -> Kernels:
    """Return one kernel spelled alike in torch, numpy and jax (``lib`` is the module)."""
    return Kernels(text.replace("lib", "torch"), text.replace("lib", "np"), text.replace("lib", "jnp"))


def _in_torch(torch: str, helper: str, elsewhere: str) -> Kernels:
    """Return a kernel with a helper in torch and one spelled alike in numpy and jax."""
    others = _shared(elsewhere)
    return Kernels(torch, others.numpy, others.jax, (("torch", helper),))


def _builtin(name: str, definition: Any, slope: Any, kernels: Kernels, cost: float, **facts: Any) -> Any:
    """Add a unary entry of the table itself; the test suite checks it, so the import need not.

    ``textbook=True`` says that the definition is made of other primitives.
    """
    textbook = definition if facts.get("textbook") is True else facts.get("textbook")
    return add(make(name, definition, [slope], kernels, cost=cost, **{**facts, "textbook": textbook})).function


# --- algebra -----------------------------------------------------------------------------------
algebraic("add", lambda a, b: a + b, 2, growth="mixed", spelled=True)
algebraic("sub", lambda a, b: a - b, 2, growth="mixed", spelled=True)
algebraic("mul", lambda a, b: a * b, 2, growth="mixed", spelled=True)
algebraic("div", lambda a, b: a / b, 2, growth="mixed", spelled=True)
algebraic("pow", lambda a, b: a**b, 2, growth="exponential", spelled=True)
algebraic(
    "aq",
    lambda a, b: a / sympy.sqrt(1 + b**2),
    2,
    growth="mixed",
    citation="Ni, Drieberg & Rockett 2013, analytic quotient",
)
algebraic(
    "scale",
    lambda a, b: a * b,
    2,
    growth="mixed",
    arguments=("weight", "real"),
    citation="edge multiplier of PANGAEA, arXiv 2006.03179",
    spelled=True,
)
algebraic("power", lambda a, b: a**b, 2, growth="mixed", arguments=("real", "exponent"), spelled=True)
algebraic("zero", lambda _: sympy.Integer(0), 1, growth="bounded", monotone=True)
algebraic("one", lambda _: sympy.Integer(1), 1, growth="bounded", monotone=True)
algebraic("identity", lambda a: a, 1, parity="odd", monotone=True)
algebraic("neg", lambda a: -a, 1, parity="odd", monotone=True, spelled=True)
algebraic("inverse", lambda a: 1 / a, 1, parity="odd", domain="nonzero", growth="mixed", spelled=True)
algebraic("square", lambda a: a**2, 1, parity="even", growth="power", spelled=True, exponent=sympy.Integer(2))
algebraic(
    "cube", lambda a: a**3, 1, parity="odd", monotone=True, growth="power", spelled=True, exponent=sympy.Integer(3)
)
algebraic("sqrt", sympy.sqrt, 1, monotone=True, domain="nonnegative", growth="root", spelled=True, exponent=_HALF)

# --- elementary functions ------------------------------------------------------------------------
# exp and log are sympy's. The others are classes of our own: sympy's tanh, sinh and cosh take time
# exponential in their nesting just to be built.
for _name, _function, _cost, _domain, _growth, _synonyms in (
    ("exp", sympy.exp, 21, "real", "exponential", ()),
    ("log", sympy.log, 41, "positive", "logarithmic", ("ln",)),
):
    add(
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
            domain=_domain,  # type: ignore[arg-type]
            growth=_growth,  # type: ignore[arg-type]
            synonyms=_synonyms,
        )
    )
_odd: dict[str, Any] = {"parity": "odd", "monotone": True}
_sigmoidal: dict[str, Any] = {**_odd, "growth": "bounded"}
sin: Any = _builtin("sin", sympy.sin, lambda x: cos(x), _shared("lib.sin({0})"), 19, parity="odd", growth="bounded")
cos: Any = _builtin("cos", sympy.cos, lambda x: -sin(x), _shared("lib.cos({0})"), 20, parity="even", growth="bounded")
sinh: Any = _builtin(
    "sinh", sympy.sinh, lambda x: cosh(x), _shared("lib.sinh({0})"), 1174, growth="exponential", **_odd
)
cosh: Any = _builtin("cosh", sympy.cosh, sinh, _shared("lib.cosh({0})"), 549, parity="even", growth="exponential")
tanh: Any = _builtin(
    "tanh",
    sympy.tanh,
    lambda x: 1 - tanh(x) ** 2,
    Kernels("fused_tanh({0})", "np.tanh({0})", "jnp.tanh({0})", (("torch", FUSES), ("torch", TANH))),
    44,
    **_sigmoidal,
    saturates=True,
)
atan = _builtin(
    "atan",
    sympy.atan,
    lambda x: 1 / (1 + x**2),
    Kernels("torch.atan({0})", "np.arctan({0})", "jnp.arctan({0})"),
    71,
    **_sigmoidal,
    synonyms=("arctan",),
)
asinh = _builtin(
    "asinh",
    sympy.asinh,
    lambda x: 1 / sympy.sqrt(1 + x**2),
    Kernels(
        "fast_asinh({0})", "np.arcsinh({0})", "jnp.arcsinh({0})", (("torch", FUSES), ("torch", LOG1P), ("torch", ASINH))
    ),
    103,
    growth="logarithmic",
    **_odd,
    synonyms=("arcsinh",),
)
erf = _builtin(
    "erf",
    sympy.erf,
    lambda x: 2 * sympy.exp(-(x**2)) / sympy.sqrt(sympy.pi),
    Kernels("torch.erf({0})", "scipy.special.erf({0})", "jax.scipy.special.erf({0})"),
    36,
    **_sigmoidal,
    saturates=True,
)
erfc = _builtin(
    "erfc",
    sympy.erfc,
    lambda x: -2 * sympy.exp(-(x**2)) / sympy.sqrt(sympy.pi),
    Kernels("torch.erfc({0})", "scipy.special.erfc({0})", "jax.scipy.special.erfc({0})"),
    218,
    growth="bounded",
    monotone=True,
    saturates=True,
)
sinc: Any = _builtin(
    "sinc",
    sympy.sinc,
    sinc_slope,
    _in_torch("sinc({0})", SINC, "lib.sinc({0} / lib.pi)"),
    31,
    parity="even",
    growth="bounded",
    citation="sin(x)/x, 1 at 0; " + _SWISH_SEARCH,
    textbook=lambda a: sin(a) / a,
)

# --- Bessel functions, scaled: exp(-|x|) I0(x) and exp(-|x|) I1(x) -------------------------------
_i1e_ratio: Any = bessel_ratio(lambda x: sign(x))
i0e: Any = _builtin(
    "i0e",
    lambda x: sympy.exp(-sympy.Abs(x)) * sympy.besseli(0, x),
    lambda x: i1e(x) - sign(x) * i0e(x),
    Kernels("torch.special.i0e({0})", "scipy.special.i0e({0})", "jax.scipy.special.i0e({0})"),
    2412,
    parity="even",
    growth="bounded",
)
i1e: Any = _builtin(
    "i1e",
    lambda x: sympy.exp(-sympy.Abs(x)) * sympy.besseli(1, x),
    lambda x: i0e(x) - sign(x) * i1e(x) - _i1e_ratio(x),
    Kernels("torch.special.i1e({0})", "scipy.special.i1e({0})", "jax.scipy.special.i1e({0})"),
    1017,
    parity="odd",
    growth="bounded",
)

# --- kinks; derivatives at the kink are torch's: relu'(0) = 0, abs'(0) = 0, max ties share -------
step = _builtin(
    "step",
    lambda x: sympy.Piecewise((1, x > 0), (0, True)),
    lambda _: sympy.Integer(0),
    Kernels("torch.sign(torch.relu({0}))", "np.where({0} > 0, 1.0, 0.0)", "jnp.where({0} > 0, 1.0, 0.0)"),
    1,
    growth="bounded",
    monotone=True,
    hides_nan=True,
)
sign: Any = _builtin(
    "sign", sympy.sign, lambda _: sympy.Integer(0), _shared("lib.sign({0})"), 5, **_sigmoidal, hides_nan=True
)
absolute = _builtin(
    "abs", sympy.Abs, sign, _shared("lib.abs({0})"), 1, parity="even", latex=r"\left|{{{0}}}\right|", synonyms=("Abs",)
)
relu = _builtin(
    "relu",
    lambda x: sympy.Max(0, x),
    step,
    Kernels("torch.relu({0})", "np.maximum({0}, 0)", "jax.nn.relu({0})"),
    1,
    monotone=True,
    citation="Nair & Hinton 2010",
    native=True,
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


def _above(a: sympy.Expr, b: sympy.Expr) -> sympy.Expr:
    """Return the share of the larger of two that is the first; at a bound that is a number torch's clamp has none."""
    return step(a - b) if a.is_number or b.is_number else _HALF * (1 + sign(a - b))


_maximum_function = symbolic_function(
    "max",
    sympy.Max,
    [lambda a, b: _above(a, b), lambda a, b: _above(b, a)],
    symmetric=True,
)
_minimum_function = symbolic_function(
    "min",
    sympy.Min,
    [lambda a, b: _above(-a, -b), lambda a, b: _above(-b, -a)],
    symmetric=True,
)
for _name, _build, _class, _definition, _bound in (
    ("max", _maximum, _maximum_function, sympy.Max, "min"),
    ("min", _minimum, _minimum_function, sympy.Min, "max"),
):
    add(
        Primitive(
            name=_name,
            arity=2,
            build=_build,
            function=_class,
            torch=f"torch.{_name}imum({{0}}, {{1}})",
            numpy=f"np.{_name}imum({{0}}, {{1}})",
            jax=f"jnp.{_name}imum({{0}}, {{1}})",
            cost=2,
            definition=_definition,
            symmetric=True,
            growth="mixed",
            clamp=_bound,
            synonyms=(_name.capitalize(), f"{_name}imum"),
        )
    )
hardtanh = _builtin(
    "hardtanh",
    lambda x: sympy.Max(-1, sympy.Min(1, x)),
    lambda x: step(1 - absolute(x)),
    Kernels("F.hardtanh({0})", "np.clip({0}, -1, 1)", "jnp.clip({0}, -1, 1)"),
    4,
    citation="Collobert 2004",
    **_sigmoidal,
    native=True,
)
hardsigmoid = _builtin(
    "hardsigmoid",
    lambda x: sympy.Max(0, sympy.Min(1, x / 6 + _HALF)),
    lambda x: step(3 - absolute(x)) / 6,
    Kernels("(F.relu6({0} + 3) / 6)", "np.clip({0} / 6 + 0.5, 0, 1)", "jnp.clip({0} / 6 + 0.5, 0, 1)"),
    6,
    monotone=True,
    growth="bounded",
    citation="torch.nn.Hardsigmoid",
)
relu6 = _builtin(
    "relu6",
    lambda x: sympy.Min(6, sympy.Max(0, x)),
    lambda x: step(x) * step(6 - x),
    Kernels("F.relu6({0})", "np.clip({0}, 0, 6)", "jnp.clip({0}, 0, 6)"),
    4,
    monotone=True,
    growth="bounded",
    citation="Krizhevsky 2010",
    native=True,
)

# --- stable compounds of exp and log -------------------------------------------------------------
expm1 = _builtin(
    "expm1",
    lambda x: sympy.exp(x) - 1,
    sympy.exp,
    Kernels("fused_expm1({0})", "np.expm1({0})", "jnp.expm1({0})", (("torch", FUSES), ("torch", EXPM1))),
    44,
    monotone=True,
    growth="exponential",
    textbook=True,
    latex=r"\left(e^{{{0}}} - 1\right)",
)
log1p = _builtin(
    "log1p",
    lambda x: sympy.log(1 + x),
    lambda x: 1 / (1 + x),
    Kernels("fused_log1p({0})", "np.log1p({0})", "jnp.log1p({0})", (("torch", FUSES), ("torch", LOG1P))),
    51,
    monotone=True,
    domain="above -1",
    growth="logarithmic",
    textbook=True,
)
sigmoid: Any = _builtin(
    "sigmoid",
    lambda x: 1 / (1 + sympy.exp(-x)),
    lambda x: sigmoid(x) * (1 - sigmoid(x)),
    Kernels("torch.sigmoid({0})", "scipy.special.expit({0})", "jax.nn.sigmoid({0})"),
    26,
    monotone=True,
    growth="bounded",
    native=True,
    textbook=True,
    saturates=True,
)
softplus = _builtin(
    "softplus",
    lambda x: sympy.log(1 + sympy.exp(x)),
    sigmoid,
    Kernels(
        "fused_softplus({0})",
        "np.logaddexp({0}, 0)",
        "jax.nn.softplus({0})",
        (("torch", FUSES), ("torch", LOG1P), ("torch", SOFTPLUS)),
    ),
    70,
    monotone=True,
    citation="Dugas et al. 2001",
    textbook=True,
)
logsigmoid: Any = _builtin(
    "logsigmoid",
    lambda x: -sympy.log(1 + sympy.exp(-x)),
    lambda x: sigmoid(-x),
    Kernels("F.logsigmoid({0})", "(-np.logaddexp(-{0}, 0))", "jax.nn.log_sigmoid({0})"),
    95,
    monotone=True,
    synonyms=("log_sigmoid",),
)
gaussian: Any = _builtin(
    "gaussian",
    lambda x: sympy.exp(-(x**2) / 2),
    lambda x: -x * gaussian(x),
    _shared("lib.exp(-0.5 * {0}**2)"),
    23,
    parity="even",
    growth="bounded",
    textbook=True,
    saturates=True,
    latex="e^{{-{bracketed}^{{2}}/2}}",
)
# exp(exp(x)) overflows above x = 4.5 and its slope is 0*inf; -20 is where the value is 0 to any precision.
gompertz: Any = _builtin(
    "gompertz",
    lambda x: sympy.exp(-sympy.exp(-x)),
    lambda x: gumbel(x),
    Kernels(
        "torch.exp(-torch.exp(-{0}.clamp(min=-20)))",
        "np.exp(-np.exp(-np.maximum({0}, -20)))",
        "jnp.exp(-jnp.exp(-jnp.maximum({0}, -20)))",
    ),
    59,
    monotone=True,
    growth="bounded",
    citation="Gompertz 1825; the gate of GoLU",
)
gumbel: Any = auxiliary(
    "gumbel",
    [lambda x: get("where").build(x + 20, gumbel(x) * (sympy.exp(-x) - 1), 0)],
    Kernels("gumbel({0})", "gumbel({0})", "gumbel({0})", GUMBELS),
    60,
)
cloglog: Any = _builtin(
    "cloglog",
    lambda x: 1 - sympy.exp(-sympy.exp(x)),
    lambda x: gumbel(-x),
    Kernels(
        "(-torch.expm1(-torch.exp({0}.clamp(max=20))))",
        "(-np.expm1(-np.exp(np.minimum({0}, 20))))",
        "(-jnp.expm1(-jnp.exp(jnp.minimum({0}, 20))))",
    ),
    142,
    monotone=True,
    growth="bounded",
    citation="complementary log-log link",
)
softsign: Any = _builtin(
    "softsign",
    lambda x: x / (1 + sympy.Abs(x)),
    lambda x: (1 + absolute(x)) ** -2,
    Kernels("F.softsign({0})", "({0} / (1 + np.abs({0})))", "jax.nn.soft_sign({0})"),
    5,
    citation="Turian 2009",
    **_sigmoidal,
)

squareplus: Any = _builtin(
    "squareplus",
    lambda x: (x + sympy.sqrt(x**2 + 4)) / 2,
    lambda x: squareplus(x) / sympy.sqrt(x**2 + 4),
    Kernels(
        "squareplus({0})",
        "np.where({0} < 0, 2 / (np.sqrt({0}**2 + 4) - {0}), ({0} + np.sqrt({0}**2 + 4)) / 2)",
        "jnp.where({0} < 0, 2 / (jnp.sqrt({0}**2 + 4) - {0}), ({0} + jnp.sqrt({0}**2 + 4)) / 2)",
        (("torch", SQUAREPLUS),),
    ),
    16,
    monotone=True,
    citation="Barron 2021, arXiv 2112.11687",
)

# --- activations that torch has a kernel for -----------------------------------------------------
elu = _builtin(
    "elu",
    lambda x: sympy.Max(0, x) + sympy.exp(sympy.Min(0, x)) - 1,
    lambda x: sympy.exp(-relu(-x)),
    Kernels(
        "fused_elu({0})",
        "(np.maximum({0}, 0) + np.expm1(np.minimum({0}, 0)))",
        "jax.nn.elu({0})",
        (("torch", FUSES), ("torch", EXPM1), ("torch", ELU)),
    ),
    54,
    monotone=True,
    citation="Clevert et al. 2015, arXiv 1511.07289",
)
_SELU_SCALE, _SELU_ALPHA = sympy.Float("1.0507009873554804934", 30), sympy.Float("1.6732632423543772848", 30)
selu = _builtin(
    "selu",
    lambda x: _SELU_SCALE * (sympy.Max(0, x) + _SELU_ALPHA * (sympy.exp(sympy.Min(0, x)) - 1)),
    lambda x: _SELU_SCALE * (step(x) + _SELU_ALPHA * sympy.exp(-relu(-x)) * (1 - step(x))),
    Kernels(
        "F.selu({0})",
        "(1.0507009873554805 * np.where({0} > 0, {0}, 1.6732632423543772 * np.expm1(np.minimum({0}, 0))))",
        "jax.nn.selu({0})",
    ),
    83,
    monotone=True,
    citation="Klambauer et al. 2017, arXiv 1706.02515",
    native=True,
)
silu = _builtin(
    "silu",
    lambda x: x / (1 + sympy.exp(-x)),
    lambda x: sigmoid(x) * (1 + x * (1 - sigmoid(x))),
    Kernels("F.silu({0})", "({0} * scipy.special.expit({0}))", "jax.nn.silu({0})"),
    26,
    citation="Elfwing et al. 2017, arXiv 1702.03118",
    native=True,
    textbook=lambda a: a * sigmoid(a),
    synonyms=("swish",),
)
_gelu_slope = auxiliary(
    "gelu_slope",
    [lambda x: (2 - x**2) * gaussian(x) / sympy.sqrt(2 * sympy.pi)],
    Kernels(
        "torch.ops.aten.gelu_backward(torch.ones_like({0}), {0})",
        "(0.5 * scipy.special.erfc(-{0} / 2**0.5) + {0} * np.exp(-0.5 * {0}**2) / (2 * np.pi)**0.5)",
        "gelu_slope({0})",
        (("jax", JAX_GELU_SLOPE),),
    ),
    67,
)
gelu = _builtin(
    "gelu",
    lambda x: x * (1 + sympy.erf(x / sympy.sqrt(2))) / 2,
    _gelu_slope,
    Kernels("F.gelu({0})", "(0.5 * {0} * scipy.special.erfc(-{0} / 2**0.5))", "jax.nn.gelu({0}, approximate=False)"),
    41,
    citation="Hendrycks & Gimpel 2016, arXiv 1606.08415",
    native=True,
    textbook=lambda a: a * (1 + erf(a / sympy.sqrt(2))) / 2,
)


def _mish_curvature(x: sympy.Expr) -> sympy.Expr:
    """Return the second derivative of ``x*tanh(softplus(x))``, of saturating functions alone."""
    gate, tail = sigmoid(x), tanh(softplus(x))
    return (1 - tail**2) * gate * (2 + x * (1 - gate) - 2 * x * gate * tail)


_mish_slope: Any = auxiliary(
    "mish_slope",
    [_mish_curvature],
    Kernels("mish_slope({0})", "mish_slope({0})", "mish_slope({0})", MISH_SLOPES),
    37,
)
mish = _builtin(
    "mish",
    lambda x: x * sympy.tanh(sympy.log(1 + sympy.exp(x))),
    _mish_slope,
    Kernels("mish({0})", "({0} * np.tanh(np.logaddexp({0}, 0)))", "jax.nn.mish({0})", (("torch", MISH),)),
    30,
    citation="Misra 2019, arXiv 1908.08681",
    textbook=lambda a: a * tanh(softplus(a)),
)

# --- the rest of the Swish search's set ----------------------------------------------------------
algebraic(
    "relu_neg", lambda a: -relu(-a), 1, lambda a: sympy.Min(a, 0), monotone=True, citation="min(x, 0); " + _SWISH_SEARCH
)
_TINY = sympy.Rational(1, 10**8)
algebraic(
    "log_abs",
    lambda a: sympy.log(absolute(a) + _TINY),
    1,
    lambda a: sympy.log(sympy.Abs(a) + _TINY),
    parity="even",
    growth="logarithmic",
    citation="log(|x| + 1e-8); " + _SWISH_SEARCH,
)
algebraic("bell", lambda a: sympy.exp(-(a**2)), 1, parity="even", growth="bounded", citation=_SWISH_SEARCH)
algebraic(
    "gate",
    lambda a, b: sigmoid(a) * b,
    2,
    lambda a, b: b / (1 + sympy.exp(-a)),
    growth="mixed",
    citation=_SWISH_SEARCH,
)
algebraic("rbf", lambda a, b: sympy.exp(-((a - b) ** 2)), 2, growth="bounded", citation=_SWISH_SEARCH)
algebraic(
    "laplace",
    lambda a, b: sympy.exp(-absolute(a - b)),
    2,
    lambda a, b: sympy.exp(-sympy.Abs(a - b)),
    growth="bounded",
    citation=_SWISH_SEARCH,
)

import primitives.special  # noqa: E402, F401 - the rest of the table, listed after these
