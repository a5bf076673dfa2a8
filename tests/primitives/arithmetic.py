"""Expressions evaluated node by node in mpmath: slow, exact, and sharing nothing with the compiler."""

from __future__ import annotations

import sympy
from mpmath import mp, mpf


def _sigmoid(x):
    return 1 / (1 + mp.exp(-x))


def _relu(x):
    return max(x, mpf(0))


def _softplus(x):
    return mp.log1p(mp.exp(x))


FUNCTIONS = {
    "exp": mp.exp, "log": mp.log, "sin": mp.sin, "cos": mp.cos, "sinh": mp.sinh, "cosh": mp.cosh, "tanh": mp.tanh,
    "atan": mp.atan, "asinh": mp.asinh, "erf": mp.erf, "erfc": mp.erfc, "expm1": mp.expm1, "log1p": mp.log1p,
    "abs": abs, "sign": mp.sign, "max": max, "min": min, "relu": _relu, "sigmoid": _sigmoid, "softplus": _softplus,
    "step": lambda x: mpf(x > 0),
    "logsigmoid": lambda x: -_softplus(-x),
    "gaussian": lambda x: mp.exp(-x * x / 2),
    "softsign": lambda x: x / (1 + abs(x)),
    "elu": lambda x: x if x > 0 else mp.expm1(x),
    "silu": lambda x: x * _sigmoid(x),
    "gelu": lambda x: x * mp.ncdf(x),
    "mish": lambda x: x * mp.tanh(_softplus(x)),
    "gompertz": lambda x: mp.exp(-mp.exp(-x)),
    "cloglog": lambda x: -mp.expm1(-mp.exp(x)),
    "sinc": mp.sinc,
}  # fmt: skip


def evaluate(node: sympy.Expr, symbols: dict[str, mpf]) -> mpf:
    """Return the value of an expression at given values of its symbols, in the working precision."""
    if node.is_Symbol:
        return symbols[node.name]
    if node.is_Rational:
        return mpf(node.p) / node.q
    if node.is_NumberSymbol:
        return {"pi": +mp.pi, "E": +mp.e}["pi" if node is sympy.pi else "E"]
    arguments = [evaluate(argument, symbols) for argument in node.args]
    if node.is_Add:
        return mp.fsum(arguments)
    if node.is_Mul:
        return mp.fprod(arguments)
    if node.is_Pow:
        return arguments[0] ** arguments[1]
    return FUNCTIONS[node.func.__name__](*arguments)
