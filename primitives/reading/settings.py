"""Functions of torch, jax and Keras that take settings beside their input, in our own infix."""

from __future__ import annotations

from collections.abc import Sequence

from primitives.errors import ExpressionError, nearest

LEAKY_RELU = "max(0, {0}) + {1}*min(0, {0})"
GELU_TANH = "{0}*(1 + tanh(sqrt(2/pi)*({0} + 0.044715*{0}**3)))/2"
_SLOPE = ("negative_slope", "alpha", "weight", "slope", "init", "a")
SETTINGS: dict[str, tuple[tuple[tuple[str, ...], ...], str]] = {
    "leaky_relu": ((_SLOPE,), LEAKY_RELU),
    "prelu": ((_SLOPE,), LEAKY_RELU),
    "elu": ((("alpha",),), "relu({0}) + {1}*expm1(-relu(-{0}))"),
    "celu": ((("alpha",),), "relu({0}) + {1}*expm1(-relu(-{0})/{1})"),
    "softplus": ((("beta",),), "softplus({1}*{0})/{1}"),
    "squareplus": ((("b",),), "({0} + sqrt({0}**2 + {1}))/2"),
    "swish": ((("beta",),), "{0}*sigmoid({1}*{0})"),
    "silu": ((("beta",),), "{0}*sigmoid({1}*{0})"),
    "hardtanh": ((("min_val",), ("max_val",)), "min(max({0}, {1}), {2})"),
    "threshold": ((("threshold",), ("value",)), "where({0} - {1}, {0}, {2})"),
    "softshrink": ((("lambd", "lower"),), "relu({0} - {1}) - relu(-{0} - {1})"),
    "hardshrink": ((("lambd",),), "{0}*step(abs({0}) - {1})"),
    "relun": ((("n", "max_value"),), "min(max(0, {0}), {1})"),
    "gelu": ((("approximate",),), f"where({{1}}, {GELU_TANH}, gelu({{0}}))"),
    "heaviside": ((("values",),), ""),
    "log": ((("base",),), "log({0})/log({1})"),
    "softclip": ((("alpha",),), "(softplus({1}*{0}) - softplus({1}*({0} - 1)))/{1}"),
}
"""By the function's name: what each of its settings may be called, in order, and its infix by input and settings."""


def with_settings(word: str, meaning: str, arguments: Sequence[tuple[str, str]]) -> str:
    """Return the infix of a call with settings.

    Args:
        word: the function as it was written.
        meaning: a key of :data:`SETTINGS`.
        arguments: keyword, empty where none is given, and infix of each; the input first.

    Raises:
        ExpressionError: there are too many or too few of them, or one of another name.
    """
    names, template = SETTINGS[meaning]
    given: dict[int, str] = {}
    for place, (key, text) in enumerate(arguments):
        index = place if not key else _index(word, key, names)
        if index > len(names) or index in given:
            raise ExpressionError(f"{word} takes its input and {_said(names)}")
        given[index] = f"({text})"
    if len(given) != 1 + len(names):
        raise ExpressionError(f"{word} takes its input and {_said(names)}")
    if meaning == "heaviside":
        return _heaviside(given[0], given[1])
    return template.format(*(given[place] for place in range(1 + len(names))))


def _heaviside(inner: str, middle: str) -> str:
    """Return the step with a value of its own at 0."""
    forms = {"0": "step({0})", "1": "1 - step(-{0})", "0.5": "(1 + sign({0}))/2"}
    number = middle.strip("()").removesuffix(".0").rstrip(".")
    if number not in forms:
        raise ExpressionError(f"heaviside is read with 0, 0.5 or 1 as its value at 0, not {middle.strip('()')}")
    return forms[number].format(inner)


def _index(word: str, key: str, names: Sequence[Sequence[str]]) -> int:
    for place, allowed in enumerate(names, start=1):
        if key in allowed:
            return place
    hint = nearest(key, [name for each in names for name in each])
    raise ExpressionError(f"'{key}=' in {word}(...) is not read{hint or ''}; {word} takes its input and {_said(names)}")


def _said(names: Sequence[Sequence[str]]) -> str:
    return " and ".join(each[0] for each in names)
