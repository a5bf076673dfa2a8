"""Files for other frameworks: imported, used as their users do, and compared with our own module."""

from __future__ import annotations

import importlib.util
import os
import warnings

import numpy as np
import pytest
import torch

from primitives import ActsearchError, compile_expression, library, parse, resolve
from primitives.export.dialects import DIALECTS, export
from primitives.export.keras_file import ALIKE
from tests.primitives.test_export import GRID, as_ruff_would_write, drawn, load

NAMES = [
    "crrelu", "gelu", "mish", "selu", "elu", "softplus", "logsigmoid", "relu6", "hardswish", "squareplus", "symlog",
    "symexp", "sinc_plus_x", "gelusine", "plu", "golu", "asinh", "softsign", "swish", "xielu", "pau",
]  # fmt: skip
"""Which between them use every kernel of the library but Bessel's functions."""
X = GRID.astype(np.float32)
LOOSE = {"rtol": 1e-4, "atol": 1e-5}
TARGETS = ("timm", "transformers", "flax", "keras", "triton")


def wanted(expression, names=()):
    """Return value, slope and the parameters' gradients of our own module in float32."""
    layer, x = compile_expression(expression).module(), torch.from_numpy(X.copy()).requires_grad_()
    y = layer(x)
    y.sum().backward()
    return y.detach().numpy(), x.grad.numpy(), {name: p.grad.item() for name, p in layer.named_parameters()}


def written(folder, text, target, name="MyAct"):
    """Write a file, import it and return its module; its name is unique to test and target."""
    stem = f"{name.lower()}_{target}_{abs(hash(str(folder)))}"
    (folder / f"{stem}.py").write_text(export(resolve(text), target, name=name, module=stem))
    spec = importlib.util.spec_from_file_location(stem, folder / f"{stem}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_files_for_other_frameworks_are_as_ruff_would_write_them(tmp_path):
    known = [(name, library()[name].expression) for name in NAMES]
    for index, (name, expression) in enumerate([*known, *((f"random{i}", e) for i, e in enumerate(drawn(30)))]):
        class_name = "Act" if index % 2 else "ALearnableActivationWithAVeryLongName"
        for target in TARGETS:
            try:
                (tmp_path / f"{name}_{target}.py").write_text(export(expression, target, name=class_name))
            except ActsearchError as told:
                assert "choose another target" in str(told)  # noqa: PT017 - a function that the framework lacks
    assert len(list(tmp_path.iterdir())) > 200
    as_ruff_would_write(tmp_path)


@pytest.mark.parametrize("target", ["timm", "transformers"])
def test_a_name_that_is_taken_is_refused_and_stays(target, tmp_path):
    pytest.importorskip(target)
    with pytest.raises(ValueError, match=f"{target} has another activation 'gelu'; export with another --name"):
        written(tmp_path, "crrelu", target, "Gelu")


def test_timm_builds_networks_with_it_by_name(tmp_path):
    timm = pytest.importorskip("timm")
    from timm.layers import create_act_layer

    module = written(tmp_path, "crrelu", "timm", "TimmAct")
    network = timm.create_model("resnet10t", act_layer="timmact")
    assert sum(isinstance(part, module.TimmAct) for part in network.modules()) > 5
    assert len({id(p) for n, p in network.named_parameters() if n.endswith("epsilon")}) > 5
    layer = create_act_layer("timmact", inplace=True, num_parameters=3)
    assert layer.epsilon.shape == (3,)
    x = torch.from_numpy(X)
    torch.testing.assert_close(module.TimmAct()(x), compile_expression(resolve("crrelu")).module()(x))


def test_transformers_builds_networks_with_it_by_name(tmp_path):
    transformers = pytest.importorskip("transformers")
    module = written(tmp_path, "x*tanh(softplus(x)) + alpha*x; alpha=0.1", "transformers", "HubAct")
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    network = transformers.BertModel(transformers.BertConfig(hidden_act="hubact", vocab_size=30, **sizes))
    found = [part for part in network.modules() if isinstance(part, module.HubAct)]
    assert len({id(part.alpha) for part in found}) == 2
    network(torch.tensor([[1, 2]])).last_hidden_state.sum().backward()
    assert all(part.alpha.grad is not None for part in found)


def test_the_flax_module_has_params_and_the_torch_modules_derivatives():
    nnx = pytest.importorskip("flax.nnx")
    import jax

    for name in ("crrelu", "swish", "gelu"):
        layer = load(export(resolve(name), "flax", name="Act"))["Act"](rngs=nnx.Rngs(0))
        value, slope, others = wanted(resolve(name))
        np.testing.assert_allclose(layer(X), value, **LOOSE)
        np.testing.assert_allclose(
            jax.grad(lambda x, layer=layer: layer(x).sum())(jax.numpy.asarray(X)), slope, **LOOSE
        )
        found = nnx.grad(lambda layer: layer(X).sum())(layer)
        assert {n: found[n].get_value().item() for n in others} == pytest.approx(others, rel=1e-4)
    made = load(export(resolve("crrelu"), "flax", name="Act"))["Act"](0.3, num_parameters=2)
    assert made.epsilon.get_value().tolist() == pytest.approx([0.3, 0.3])
    assert nnx.jit(lambda layer, x: layer(x))(made, X[:10].reshape(5, 2)).shape == (5, 2)


@pytest.fixture(scope="module")
def keras():
    os.environ.setdefault("KERAS_BACKEND", "torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip("keras", exc_type=ImportError)


@pytest.mark.parametrize("name", NAMES)
def test_the_keras_layer_has_the_torch_modules_values_and_derivatives(name, keras):
    layer = load(export(resolve(name), "keras", name="Act"), f"keras_{name}")["Act"]()
    value, slope, others = wanted(resolve(name))
    x = torch.from_numpy(X.copy()).requires_grad_()
    y = layer(x)
    y.sum().backward()
    np.testing.assert_allclose(y.detach().numpy(), value, **LOOSE)
    np.testing.assert_allclose(x.grad.numpy(), slope, **LOOSE)
    assert {w.name: w.value.grad.item() for w in layer.trainable_weights} == pytest.approx(others, rel=1e-3, abs=1e-4)


def test_a_keras_model_with_it_is_saved_and_its_second_derivative_is_right(keras, tmp_path):
    assert all(hasattr(keras.ops, name) for name in ALIKE)
    act = load(export(resolve("swish"), "keras", name="Act"), "keras_saved")["Act"]
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(4), act(0.7, per_channel=True)])
    model.layers[-1].set_weights([np.array([0.1, 0.2, 0.3, 0.4])])
    model.save(tmp_path / "model.keras")
    restored, x = keras.models.load_model(tmp_path / "model.keras"), np.ones((2, 3), np.float32)
    np.testing.assert_allclose(restored.predict(x, verbose=0), model.predict(x, verbose=0))
    assert restored.layers[-1].beta.shape == (4,)
    layer, leaf = act(1.5), torch.tensor([-2.0, 0.0, 0.7], requires_grad=True)
    (slope,) = torch.autograd.grad(layer(leaf).sum(), leaf, create_graph=True)
    (found,) = torch.autograd.grad(slope.sum(), leaf)
    exact = torch.func.hessian(compile_expression(parse("x*sigmoid(1.5*x)")).module())(leaf.detach())
    torch.testing.assert_close(found, torch.einsum("iii->i", exact))


def test_two_keras_layers_of_one_name_are_loaded_each_as_its_own_and_whole_numbers_become_floats(keras, tmp_path):
    first = load(export(resolve("elu"), "keras"), "keras_first")["Activation"]
    load(export(resolve("symlog"), "keras"), "keras_second")
    model = keras.Sequential([keras.Input((3,)), first()])
    model.save(tmp_path / "model.keras")
    x = np.array([[-1.0, -2.0, 3.0]], np.float32)
    wanted = np.where(x > 0, x, np.expm1(np.minimum(x, 0)))
    np.testing.assert_allclose(np.asarray(keras.models.load_model(tmp_path / "model.keras")(x)), wanted, rtol=1e-5)
    np.testing.assert_allclose(np.asarray(first()(x.astype(np.int32))), wanted, rtol=1e-5)


@pytest.mark.parametrize(("target", "package"), [("keras", "keras.ops"), ("triton", "triton.language")])
def test_what_a_framework_lacks_is_one_sentence_that_names_it(target, package):
    with pytest.raises(
        ActsearchError, match=f"{package} has no i0e, which 'x[*]i0e[(]x[)]' or its slope needs"
    ) as told:
        export(resolve("x*i0e(x)"), target)
    assert "\n" not in str(told.value)
    assert DIALECTS[target].named
