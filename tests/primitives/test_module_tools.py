"""A module passes what nn.PReLU passes: tracing, saving, resetting, forward mode and both exporters to ONNX."""

from __future__ import annotations

import contextlib
import copy
import io
import pickle
import warnings

import numpy as np
import pytest
import torch
from torch import nn

from primitives import compile_expression, resolve
from primitives.export.dialects import export
from tests.primitives.test_export import load


def exported(text):
    return load(export(resolve(text), "torch", name="Act"), "exported_for_tools")["Act"]


MAKERS = {
    "prelu": nn.PReLU,
    "compiled": compile_expression(resolve("crrelu")).module,
    "exported": exported("crrelu"),
    "alone": compile_expression(resolve("x*tanh(x)")).module,
    "channels": lambda: compile_expression(resolve("swish")).module(num_parameters=4),
    "native": compile_expression(resolve("gelu")).module,
}


@pytest.fixture(params=MAKERS)
def layer(request):
    return MAKERS[request.param]()


def block(layer):
    return nn.Sequential(nn.Conv2d(3, 4, 3), layer, nn.Conv2d(4, 2, 1)).eval()


def test_fx_traces_it_and_the_graph_has_its_values_and_gradients(layer):
    network, x = block(layer), torch.randn(2, 3, 6, 6)
    graph = torch.fx.symbolic_trace(network)
    if list(layer.parameters()):
        assert [node.target for node in graph.graph.nodes if node.op == "call_module"] == ["0", "1", "2"]
    for twin in (graph, copy.deepcopy(graph)):
        torch.testing.assert_close(twin(x), network(x))
    found, wanted = (torch.autograd.grad(f(x).sum(), list(network.parameters())) for f in (graph, network))
    torch.testing.assert_close(found, wanted)


def test_features_are_extracted_and_quantisation_prepared_around_it(layer):
    extraction = pytest.importorskip("torchvision.models.feature_extraction")
    quantize_fx = pytest.importorskip("torch.ao.quantization.quantize_fx")
    network, x = block(layer), torch.randn(2, 3, 6, 6)
    found = extraction.create_feature_extractor(network, {"1": "acted"})(x)["acted"]
    torch.testing.assert_close(found, network[:2](x))
    mapping = torch.ao.quantization.get_default_qconfig_mapping()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        prepared = quantize_fx.prepare_fx(copy.deepcopy(network), mapping, (x,))
    torch.testing.assert_close(prepared(x), network(x))


@pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning", "ignore:`torch.jit:DeprecationWarning")
def test_a_traced_module_is_saved_and_takes_other_batches(layer):
    network, file = block(layer), io.BytesIO()
    torch.jit.save(torch.jit.trace(network, (torch.randn(2, 3, 40, 80),)), file)
    file.seek(0)
    restored = torch.jit.load(file)
    for batch in (0, 1, 60):  # the last beyond one block
        x = torch.randn(batch, 3, 30, 30)
        torch.testing.assert_close(restored(x), network(x))


@pytest.mark.filterwarnings("ignore:`torch.jit:FutureWarning", "ignore:`torch.jit:DeprecationWarning")
def test_script_says_in_one_sentence_what_to_use_instead():
    with pytest.raises(TypeError, match=r"use torch\.jit\.trace, torch\.export or torch\.compile") as told:
        torch.jit.script(block(MAKERS["exported"]()))
    assert "\n" not in str(told.value)


def test_parameters_are_reset_also_after_a_start_on_meta():
    made = MAKERS["exported"]
    with torch.device("meta"):
        layer = made(0.7, num_parameters=3)
    layer = layer.to_empty(device="cpu")
    layer.reset_parameters()
    assert layer.epsilon.tolist() == pytest.approx([0.7] * 3)
    assert layer.epsilon.requires_grad
    twin = copy.deepcopy(MAKERS["compiled"](0.3))
    with torch.no_grad():
        twin.epsilon.fill_(9)
    twin = pickle.loads(pickle.dumps(twin))
    twin.reset_parameters()
    assert twin.epsilon.item() == pytest.approx(0.3)


def test_forward_mode_and_hessians_agree_with_reverse_mode(layer):
    layer, x = layer.double(), torch.randn(4, 4, dtype=torch.float64)
    along = torch.ones_like(x)
    leaf = x.clone().requires_grad_()
    (slope,) = torch.autograd.grad(layer(leaf).sum(), leaf)
    with torch.autograd.forward_ad.dual_level():
        dual = layer(torch.autograd.forward_ad.make_dual(x, along))
        moved = torch.autograd.forward_ad.unpack_dual(dual).tangent
    torch.testing.assert_close(moved, slope)
    torch.testing.assert_close(torch.func.jvp(layer, (x,), (along,))[1], slope)
    row = x[:, 0].unsqueeze(0)

    def total(at):
        return layer(at).square().sum()

    wanted = torch.autograd.functional.hessian(total, row)
    torch.testing.assert_close(torch.func.hessian(total)(row), wanted)
    product = torch.autograd.functional.hvp(total, row, torch.ones_like(row))[1]
    torch.testing.assert_close(product, wanted.sum((2, 3)))


@pytest.mark.parametrize("newer", [True, False])
@pytest.mark.parametrize(("name", "traced"), [("channels", 0), ("exported", 1)])
def test_both_exporters_to_onnx_take_any_batch(name, newer, traced):
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    network, file = block(MAKERS[name]()), io.BytesIO()
    options = {"verbose": False, "dynamic_shapes": ({0: torch.export.Dim("batch")},)}
    if not newer:
        options = {"input_names": ["x"], "dynamic_axes": {"x": {0: "batch"}}}
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        torch.onnx.export(network, (torch.randn(traced, 3, 6, 6),), file, dynamo=newer, **options)
    session = runtime.InferenceSession(file.getvalue())
    for batch in (0, 1, 5):
        x = torch.randn(batch, 3, 6, 6)
        (found,) = session.run(None, {session.get_inputs()[0].name: x.numpy()})
        np.testing.assert_allclose(found, network(x).detach().numpy(), rtol=1e-4, atol=1e-5)


def test_the_older_exporter_takes_a_large_layer_whole_and_expm1():
    pytest.importorskip("onnxscript")
    runtime = pytest.importorskip("onnxruntime")
    layer, file = compile_expression(resolve("xielu")).module().eval(), io.BytesIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        torch.onnx.export(
            layer, (torch.randn(2**18, 1),), file, dynamo=False, input_names=["x"], dynamic_axes={"x": {0: "batch"}}
        )
    x = torch.linspace(-9, 9, 11).unsqueeze(1)
    (found,) = runtime.InferenceSession(file.getvalue()).run(None, {"x": x.numpy()})
    np.testing.assert_allclose(found, layer(x).detach().numpy(), rtol=1e-5, atol=1e-6)
