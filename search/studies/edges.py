"""What well-known activations do at the edges: value and slope at infinities, nan, zeros and joints.

``python -m search.studies.edges`` (``make table-edges``) writes ``edges.md`` beside this file: torch, jax and ONNX
Runtime beside our exports to torch, numpy, jax and ONNX, in float32, with versions. What a library lacks is left out.
"""

from __future__ import annotations

import importlib.metadata
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional as F  # noqa: N812

from primitives import Expression, compile_expression, resolve
from primitives.export.dialects import export, export_bytes

FILE = Path(__file__).with_name("edges.md")
EDGES = (-math.inf, math.inf, math.nan, -0.0, 0.0)
PACKAGES = ("torch", "jax", "onnxruntime", "numpy")

Numbers = NDArray[np.float32]
Pair = tuple[Numbers, Numbers | None]


@dataclass(frozen=True)
class Known:
    """A well-known activation.

    Attributes:
        name: ours.
        torch: its function in torch.
        jax: its name in ``jax.nn`` or ``jax.numpy``, with arguments after colons.
        onnx: its operator, with attributes.
        joints: where its definition changes, beside 0.
    """

    name: str
    torch: Callable[[torch.Tensor], torch.Tensor] | None = None
    jax: str = ""
    onnx: tuple[str, dict[str, Any]] | None = None
    joints: tuple[float, ...] = ()


def _op(name: str, **attributes: Any) -> tuple[str, dict[str, Any]]:
    return name, attributes


KNOWN = (
    Known("relu", F.relu, "nn.relu", _op("Relu")),
    Known("leaky_relu", F.leaky_relu, "nn.leaky_relu", _op("LeakyRelu", alpha=0.01)),
    Known("prelu", lambda x: F.prelu(x, torch.tensor(0.25)), "", _op("LeakyRelu", alpha=0.25)),
    Known("relu6", F.relu6, "nn.relu6", None, (6.0,)),
    Known("elu", F.elu, "nn.elu", _op("Elu")),
    Known("celu", F.celu, "nn.celu", _op("Celu")),
    Known("selu", F.selu, "nn.selu", _op("Selu")),
    Known("gelu", F.gelu, "nn.gelu:approximate=False", _op("Gelu")),
    Known("gelu_tanh", lambda x: F.gelu(x, approximate="tanh"), "nn.gelu", _op("Gelu", approximate="tanh")),
    Known("silu", F.silu, "nn.silu"),
    Known("mish", F.mish, "nn.mish", _op("Mish")),
    Known("sigmoid", torch.sigmoid, "nn.sigmoid", _op("Sigmoid")),
    Known("tanh", torch.tanh, "numpy.tanh", _op("Tanh")),
    Known("softplus", F.softplus, "nn.softplus", _op("Softplus")),
    Known("logsigmoid", F.logsigmoid, "nn.log_sigmoid"),
    Known("softsign", F.softsign, "nn.soft_sign", _op("Softsign")),
    Known("hardtanh", F.hardtanh, "nn.hard_tanh", None, (-1.0, 1.0)),
    Known("hardsigmoid", F.hardsigmoid, "nn.hard_sigmoid", _op("HardSigmoid", alpha=1 / 6, beta=0.5), (-3.0, 3.0)),
    Known("hardswish", F.hardswish, "nn.hard_silu", _op("HardSwish"), (-3.0, 3.0)),
    Known("hardshrink", F.hardshrink, "", _op("Shrink", lambd=0.5), (-0.5, 0.5)),
    Known("softshrink", F.softshrink, "", _op("Shrink", lambd=0.5, bias=0.5), (-0.5, 0.5)),
    Known("tanhshrink", F.tanhshrink),
    Known("squareplus", None, "nn.squareplus"),
    Known("squared_relu", lambda x: F.relu(x) ** 2),
    Known("abs", torch.abs, "numpy.abs", _op("Abs")),
    Known("atan", torch.atan, "numpy.arctan", _op("Atan")),
    Known("asinh", torch.asinh, "numpy.arcsinh", _op("Asinh")),
    Known("erf", torch.erf, "scipy.special.erf", _op("Erf")),
    Known("sine", torch.sin, "numpy.sin", _op("Sin")),
    Known("sinc", lambda x: torch.sinc(x / torch.pi)),
    Known("quick_gelu", lambda x: x * torch.sigmoid(1.702 * x)),
    Known("telu", lambda x: x * torch.tanh(torch.exp(x))),
    Known("swish", lambda x: x * torch.sigmoid(x)),
    Known("gaussian", lambda x: torch.exp(-(x**2))),
    Known("lisht", lambda x: x * torch.tanh(x)),
    Known("bent_identity", lambda x: (torch.sqrt(x**2 + 1) - 1) / 2 + x),
    Known("symlog", lambda x: torch.sign(x) * torch.log1p(torch.abs(x))),
    Known("snake", lambda x: x + torch.sin(x) ** 2),
    Known("crrelu", lambda x: F.relu(x) + 0.01 * x * torch.exp(-(x**2) / 2)),
    Known("xielu"),
)


def points(known: Known) -> Numbers:
    """Return where an activation is looked at."""
    return np.array([*EDGES, *known.joints], np.float32)


def _of_torch(function: Callable[[torch.Tensor], torch.Tensor], x: Numbers) -> Pair:
    leaf = torch.from_numpy(x.copy()).requires_grad_()
    y = function(leaf)
    (slope,) = torch.autograd.grad(y.sum(), leaf)
    return y.detach().numpy(), slope.numpy()


def _of_jax(function: Callable[[Any], Any], x: Numbers) -> Pair:
    import jax

    y, slope = jax.vmap(jax.value_and_grad(function))(jax.numpy.asarray(x))
    return np.asarray(y), np.asarray(slope)


def _jax_function(text: str) -> Callable[[Any], Any]:
    import jax
    import jax.scipy.special

    path, _, option = text.partition(":")
    function: Any = jax
    for name in path.split("."):
        function = getattr(function, name)
    return (lambda x: function(x, approximate=False)) if option else function


def _run_onnx(content: bytes, x: Numbers) -> Numbers:
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    found: Numbers = session.run(None, {"x": x.reshape(-1, 1)})[0].reshape(-1)
    return found


def _operator(name: str, attributes: dict[str, Any]) -> bytes:
    """Return a model of one operator."""
    from onnx import TensorProto, helper

    node = helper.make_node(name, ["x"], ["y"], **attributes)
    x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, ["batch", 1]) for n in "xy")
    graph = helper.make_graph([node], "operator", [x], [y])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)
    content: bytes = model.SerializeToString()
    return content


def _of_ours(expression: Expression, x: Numbers) -> dict[str, Pair]:
    """Return what our exports to torch, numpy, jax and ONNX give."""
    functions: dict[str, Any] = {}
    for target in ("numpy", "jax"):
        names: dict[str, Any] = {"__name__": "edges"}
        exec(export(expression, target), names)  # noqa: S102 - our own text
        functions[target] = names["activation"]
    return {
        "our torch": _of_torch(compile_expression(expression).module(), x),
        "our numpy": (functions["numpy"](x), None),
        "our jax": _of_jax(functions["jax"], x),
        "our ONNX": (_run_onnx(export_bytes(expression, "onnx"), x), None),
    }


def found(known: Known) -> dict[str, Pair]:
    """Return values and slopes, where there are any, by who says them; the first is what others are compared with."""
    x, told = points(known), {}
    if known.torch is not None:
        told["torch"] = _of_torch(known.torch, x)
    if known.jax:
        told["jax"] = _of_jax(_jax_function(known.jax), x)
    if known.onnx is not None:
        told["ONNX Runtime"] = (_run_onnx(_operator(*known.onnx), x), None)
    with np.errstate(all="ignore"):
        return told | _of_ours(resolve(known.name), x)


def _same(one: float, other: float) -> bool:
    return bool(np.isclose(one, other, rtol=1e-4, atol=1e-6, equal_nan=True))


def _shown(pair: Pair | None, first: Pair, place: int) -> str:
    """Return value and slope, each marked where it differs from the first's."""
    if pair is None:
        return ""
    parts = []
    for numbers, others in zip(pair, first, strict=True):
        if numbers is not None:
            number, other = float(numbers[place]), np.nan if others is None else float(others[place])
            text = f"{number:.4g}"
            parts.append(text if others is None or _same(number, other) else f"**{text}**")
    return "; ".join(parts)


COLUMNS = ("torch", "jax", "ONNX Runtime", "our torch", "our numpy", "our jax", "our ONNX")


def rows(chosen: Sequence[Known]) -> Iterator[str]:
    """Yield the table's rows in Markdown."""
    for known in chosen:
        told = found(known)
        first = next(iter(told.values()))
        for place, x in enumerate(points(known)):
            cells = [_shown(told.get(column), first, place) for column in COLUMNS]
            yield f"| {known.name} | {x:g} | {' | '.join(cells)} |"


def table(chosen: Sequence[Known]) -> str:
    """Return the whole text."""
    versions = ", ".join(f"{package} {importlib.metadata.version(package)}" for package in PACKAGES)
    lines = list(rows(chosen))
    marked = sum("**" in line for line in lines)
    head = f"| activation | x | {' | '.join(COLUMNS)} |\n|{'---|' * (len(COLUMNS) + 2)}"
    return (
        "# What activations do at the edges\n\n"
        f"Value; slope, in float32, of {len(chosen)} activations at {len(lines)} points; **bold** where it differs by\n"
        f"more than 1e-4 from the first column that has it ({marked} rows). {versions}.\n"
        "Where torch has no such function, its column is the textbook formula under torch's autograd, or empty.\n"
        "Made by `make table-edges`.\n\n" + "\n".join([head, *lines]) + "\n"
    )


if __name__ == "__main__":
    FILE.write_text(table(KNOWN))
    print(f"wrote {FILE}")
