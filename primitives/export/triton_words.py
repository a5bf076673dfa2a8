"""How Triton's language says our primitives: as functions beside its kernels, of operations it has everywhere."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import sympy

from primitives.errors import ActsearchError
from primitives.registry import Kernels, auxiliary
from primitives.table import of_function

_SOURCE = '''\
def square(x):
    """Return x*x."""
    return x * x


def cube(x):
    """Return x*x*x."""
    return x * x * x


def power(x, exponent):
    """Return a positive x to a power."""
    return tl.exp(exponent * tl.log(x))


def sign(x):
    """Return -1, 0 or 1."""
    return tl.where(x > 0, 1.0, tl.where(x < 0, -1.0, 0.0))


def step(x):
    """Return 1 where x is positive, else 0."""
    return tl.where(x > 0, 1.0, 0.0)


def relu(x):
    """Return max(0, x)."""
    return tl.where(x <= 0, 0.0, x)


def maximum(x, y):
    """Return the larger of two; nan where one is."""
    return tl.where(x > y, x, tl.where(x <= y, y, x + y))


def minimum(x, y):
    """Return the smaller of two; nan where one is."""
    return tl.where(x < y, x, tl.where(x >= y, y, x + y))


def clip(x, low, high):
    """Return x within bounds."""
    return tl.where(x < low, low, tl.where(x > high, high, x))


def capped_exp(x):
    """Return exp, but finite where something around it has long saturated."""
    return tl.exp(tl.where(x > 80, 80.0, x))


def expm1(x):
    """Return exp(x) - 1, by its series where that would cancel."""
    rest = 1 + x / 4 * (1 + x / 5 * (1 + x / 6 * (1 + x / 7)))
    series = x * (1 + x / 2 * (1 + x / 3 * rest))
    return tl.where(tl.abs(x) < 0.05, series, tl.exp(x) - 1)


def log1p(x):
    """Return log(1 + x) from log and what rounding 1 + x lost."""
    whole = 1 + x
    lost = (x - (whole - 1)) / whole
    return tl.log(whole) + tl.where((x > -1) & (x < 1e8), lost, 0.0)


def tanh(x):
    """Return tanh, by its series where the quotient would cancel."""
    decay, z = tl.exp(-2 * tl.abs(x)), x * x
    series = x * (1 - z * (1 / 3 - z * (2 / 15 - z * 17 / 315)))
    quotient = (1 - decay) / (1 + decay)
    return tl.where(tl.abs(x) < 0.02, series, tl.where(x < 0, -quotient, quotient))


def sinh(x):
    """Return sinh, by its series where the difference would cancel."""
    half, z = tl.exp(tl.abs(x) / 2), x * x
    far = 0.5 * half * half - 0.5 / half / half
    series = 1 + z / 20 * (1 + z / 42 * (1 + z / 72 * (1 + z / 110 * (1 + z / 156))))
    series = x * (1 + z / 6 * series)
    return tl.where(tl.abs(x) < 1, series, tl.where(x < 0, -far, far))


def cosh(x):
    """Return cosh."""
    half = tl.exp(tl.abs(x) / 2)
    return 0.5 * half * half + 0.5 / half / half


def asinh(x):
    """Return asinh."""
    zero = x == 0
    size = tl.where(zero, 1.0, tl.abs(x))
    inverse = 1 / size
    far = log1p(size + size / (inverse + tl.sqrt(1 + inverse * inverse)))
    return tl.where(zero, x, tl.where(x < 0, -far, far))


def atan(x):
    """Return atan: the angle is halved twice, then its series is short."""
    large = tl.abs(x) > 1
    z = tl.where(large, 1 / tl.where(large, tl.abs(x), 1.0), tl.abs(x))
    z = z / (1 + tl.sqrt(1 + z * z))
    z = z / (1 + tl.sqrt(1 + z * z))
    y = z * z
    series = 1 / 11 - y * (1 / 13 - y * (1 / 15 - y * (1 / 17 - y * (1 / 19 - y / 21))))
    series = 1 - y * (1 / 3 - y * (1 / 5 - y * (1 / 7 - y * (1 / 9 - y * series))))
    angle = 4 * z * series
    angle = tl.where(large, 1.5707963267948966 - angle, angle)
    return tl.where(x < 0, -angle, angle)


def sinc(x):
    """Return sin(x)/x, 1 at 0."""
    zero = x == 0
    return tl.where(zero, 1.0, tl.sin(x) / tl.where(zero, 1.0, x))


def sinc_slope(x):
    """Return the derivative of sin(x)/x, by its series where the quotient would cancel."""
    near = tl.abs(x) < 0.5
    far, y = tl.where(near, 1.0, x), tl.where(near, x, 0.0)
    z = y * y
    series = 1 - z / 28 * (1 - z / 54 * (1 - z / 88 * (1 - z / 130 * (1 - z / 180))))
    series = -x / 3 * (1 - z / 10 * series)
    return tl.where(near, series, (tl.cos(far) - tl.sin(far) / far) / far)


def softplus(x):
    """Return log(1 + exp(x))."""
    return relu(x) + log1p(tl.exp(-tl.abs(x)))


def logsigmoid(x):
    """Return log(sigmoid(x))."""
    return -softplus(-x)


def sigmoid(x):
    """Return 1/(1 + exp(-x))."""
    decay = tl.exp(-tl.abs(x))
    return tl.where(x < 0, decay, 1.0) / (1 + decay)


def silu(x):
    """Return x*sigmoid(x)."""
    return x * sigmoid(x)


def elu(x):
    """Return x above 0, exp(x) - 1 below."""
    return tl.where(x > 0, x, expm1(tl.where(x > 0, 0.0, x)))


def selu(x):
    """Return the scaled elu that keeps mean and variance."""
    below = 1.6732632423543772 * expm1(tl.where(x > 0, 0.0, x))
    return 1.0507009873554805 * tl.where(x > 0, x, below)


def gelu(x):
    """Return x times the normal distribution function."""
    return 0.5 * x * (1 + tl.erf(x * 0.7071067811865476))


def gelu_slope(x):
    """Return the derivative of gelu."""
    density = 0.3989422804014327 * tl.exp(-0.5 * x * x)
    return 0.5 * (1 + tl.erf(x * 0.7071067811865476)) + x * density


def mish(x):
    """Return x*tanh(softplus(x)), which is rational in exp(x)."""
    e = tl.exp(tl.where(x > 20, 20.0, x))
    n = e * (e + 2)
    return x * (n / (n + 2))


def mish_slope(x):
    """Return the derivative of mish, rational in exp(x)."""
    x = tl.where(x > 20, 20.0, x)
    e = tl.exp(x)
    n = e * (e + 2)
    return n / (n + 2) + x * (4 * e * (e + 1) / (n + 2) / (n + 2))


def gaussian(x):
    """Return exp(-x*x/2)."""
    return tl.exp(-0.5 * x * x)


def gompertz(x):
    """Return exp(-exp(-x))."""
    return tl.exp(-tl.exp(-tl.where(x < -20, -20.0, x)))


def gumbel(x):
    """Return the derivative of gompertz."""
    x = tl.where(x < -20, -20.0, x)
    return tl.exp(-x - tl.exp(-x))


def held(x, single, double):
    """Return x within the bound of single precision."""
    return tl.where(x < -single, -single, tl.where(x > single, single, x))


def exp_up_to(x, most):
    """Return exp of x, or of a number where x is above it."""
    return tl.exp(tl.where(x > most, most, x))


def sech(x):
    """Return 1/cosh(x), of an exponential that only falls."""
    decay = tl.exp(-tl.abs(x))
    return 2 * decay / (1 + decay * decay)


def tan(x):
    """Return the tangent."""
    return tl.sin(x) / tl.cos(x)


def cloglog(x):
    """Return 1 - exp(-exp(x))."""
    return -expm1(-tl.exp(tl.where(x > 20, 20.0, x)))


def softsign(x):
    """Return x/(1 + abs(x))."""
    return x / (1 + tl.abs(x))


def symlog(x):
    """Return sign(x)*log(1 + abs(x))."""
    return sign(x) * log1p(tl.abs(x))


def symexp(x):
    """Return sign(x)*(exp(abs(x)) - 1)."""
    return sign(x) * expm1(tl.abs(x))


def squareplus(x):
    """Return (x + sqrt(x^2 + 4))/2, the other way round where the sum would cancel."""
    root = tl.sqrt(x * x + 4)
    return tl.where(x < 0, 2 / (root + tl.abs(x)), (root + tl.abs(x)) / 2)
'''

_PREFIX = "tl_"
"""The plain code beside may have a function of the same name."""

_SAID = {
    "exp": "tl.exp({0})", "log": "tl.log({0})", "sin": "tl.sin({0})", "cos": "tl.cos({0})", "abs": "tl.abs({0})",
    "erf": "tl.erf({0})", "max": "maximum({0}, {1})", "min": "minimum({0}, {1})", "power": "power({0}, {1})",
    "hardtanh": "clip({0}, -1.0, 1.0)", "relu6": "clip({0}, 0.0, 6.0)",
    "hardsigmoid": "clip({0} / 6 + 0.5, 0.0, 1.0)", "where": "tl.where({0} > 0, {1}, {2})", "floor": "tl.floor({0})",
    "floor_ste": "tl.floor({0})", "held": "held({0}, {1}, {2})", "exp_up_to": "exp_up_to({0}, {1})",
}  # fmt: skip


def _helpers() -> dict[str, tuple[str, ...]]:
    """Return the source of each function, after those of the functions that it calls."""
    sources = {part.split("(")[0].removeprefix("def "): part for part in _SOURCE.rstrip().split("\n\n\n")}
    ours = re.compile(rf"(?<![.\w])({'|'.join(sources)})\(")
    found: dict[str, tuple[str, ...]] = {}
    for name, source in sources.items():
        header, doc, body = source.split('"""', 2)
        before = [each for word in ours.findall(body) for each in found[word]]
        text = '"""'.join([ours.sub(_PREFIX + r"\1(", header), doc, ours.sub(_PREFIX + r"\1(", body)])
        found[name] = tuple(dict.fromkeys([*before, f"@triton.jit\n{text}"]))
    return found


_HELPERS = _helpers()


@cache
def _word(name: str, arity: int) -> Any:
    """Return a function of formulas that is written as Triton says a primitive."""
    template = _SAID.get(name, f"{name}({{0}})")
    called = template.split("(")[0]
    helpers = tuple(("jax", source) for source in _HELPERS.get(called, ()))
    template = template if called.startswith("tl.") else _PREFIX + template
    nothing: list[Callable[..., sympy.Expr]] = [lambda *_: sympy.Integer(0)] * arity
    return auxiliary(
        f"triton_{name}", nothing, Kernels("", "", template, helpers), 1, takes_numbers=name in ("held", "exp_up_to")
    )


def in_triton(body: sympy.Expr, formula: str) -> sympy.Expr:
    """Return a lowered expression in Triton's words, which jax's renderer writes.

    Raises:
        ActsearchError: Triton has no word for a function.
    """
    if body.is_Atom or body.is_number:
        return body
    arguments = [in_triton(argument, formula) for argument in body.args]
    if isinstance(body, sympy.Pow):
        return _power(*arguments)
    primitive = of_function(body.func)
    if primitive is None:
        return body.func(*arguments)
    if primitive.name not in _SAID and primitive.name not in _HELPERS:
        raise ActsearchError(
            f"triton.language has no {primitive.name}, which '{formula}' or its slope needs; "
            "choose another target, such as torch"
        )
    return _word(primitive.name, len(arguments))(*arguments)


def _power(base: sympy.Expr, exponent: sympy.Expr) -> sympy.Expr:
    """Return a power as products; the language has none."""
    if exponent.is_Rational and exponent < 0:
        return 1 / _power(base, -exponent)
    if exponent == 1 or exponent == sympy.Rational(1, 2):
        return base**exponent
    if exponent in (2, 3):
        return _word("square" if exponent == 2 else "cube", 1)(base)
    return _word("power", 2)(base, exponent)
