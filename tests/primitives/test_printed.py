"""Formulas as papers print them, and as code has them, are what their authors mean."""

from __future__ import annotations

import inspect
import os

import numpy as np
import pytest
import torch

from primitives import compile_expression, resolve
from tests.primitives.printed import PRINTED, SPELLED

X = np.linspace(-4, 4, 81) + 1e-3
NUMBERS = {"alpha": 0.3, "beta": 0.71, "lambda_": 1.3, "gamma": 1.12, "alpha_p": 0.8, "alpha_n": 0.4, "omega_0": 1.7}


def wanted_names(function):
    return [] if isinstance(function, np.ufunc) else list(inspect.signature(function).parameters)[1:]


@pytest.mark.parametrize("text", [*PRINTED, *SPELLED])
def test_a_formula_as_it_is_printed_or_spelled_is_what_its_authors_mean(text):
    function = {**PRINTED, **SPELLED}[text]
    found = resolve(text)
    names = wanted_names(function)
    numbers = {name: NUMBERS.get(name, 0.35 + 0.13 * at) for at, name in enumerate(names)} or found.parameters
    assert set(found.parameters) == set(numbers)
    with np.errstate(all="ignore"):
        got = compile_expression(found).numpy(X, *(numbers[name] for name in found.parameters))
        wanted = function(X, *(numbers[name] for name in names))
    np.testing.assert_allclose(np.broadcast_to(got, X.shape), wanted, rtol=1e-9, atol=1e-9)


TORCH = """relu hardtanh hardswish relu6 elu selu celu leaky_relu gelu logsigmoid hardshrink tanhshrink softsign
    softplus softshrink tanh sigmoid hardsigmoid silu mish"""
JAX = """relu relu6 sigmoid softplus sparse_plus sparse_sigmoid soft_sign silu swish log_sigmoid leaky_relu hard_sigmoid
    hard_silu hard_swish hard_tanh elu celu selu gelu squareplus mish identity tanh"""
KERAS = """celu elu exponential gelu hard_shrink hard_sigmoid hard_silu hard_swish hard_tanh leaky_relu linear
    log_sigmoid mish relu relu6 selu sigmoid silu soft_shrink softplus softsign sparse_plus sparse_sigmoid squareplus
    swish tanh tanh_shrink"""


def activations_of_torch():
    return {f"F.{name}": getattr(torch.nn.functional, name) for name in TORCH.split()}


def activations_of_timm():
    from timm.layers.create_act import _ACT_FN_DEFAULT

    return {name: _ACT_FN_DEFAULT[name] for name in _ACT_FN_DEFAULT if name != "prelu"}


def activations_of_transformers():
    from transformers.activations import ACT2FN

    own = {name: ACT2FN[name] for name in ACT2FN if name != "xielu"}  # whose initial values are its own
    return {
        name: each.double()
        for name, each in own.items()
        if type(each).__module__.startswith(("transformers.", "torch."))
    }


def activations_of_jax():
    import jax

    return {f"jax.nn.{name}": getattr(jax.nn, name) for name in JAX.split()}


def activations_of_keras():
    os.environ.setdefault("KERAS_BACKEND", "jax")
    import keras

    return {f"keras.activations.{name}": getattr(keras.activations, name) for name in KERAS.split()}


@pytest.mark.parametrize("framework", ["torch", "timm", "transformers", "jax", "keras"])
def test_a_name_of_a_framework_is_what_that_computes(framework):
    """In float32, as jax and Keras do; a word alone is the same function as the word called."""
    found = globals()[f"activations_of_{framework}"]()
    assert len(found) > 15
    x = torch.linspace(-4, 4, 81) + 1e-3
    for name, function in found.items():
        given = x.double() if framework == "transformers" else x.numpy() if framework in ("jax", "keras") else x
        with torch.no_grad():
            wanted = np.asarray(function(given))
        for text in (name, f"{name}(x)"):
            expression = resolve(text)
            ours = compile_expression(expression).numpy(x.double().numpy(), *expression.parameters.values())
            np.testing.assert_allclose(ours, wanted, rtol=2e-4, atol=2e-6, err_msg=f"{framework}: {text}")
