"""An activation as an ONNX model, through torch's own exporter."""

from __future__ import annotations

import contextlib
import io
import logging
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor, nn

from primitives.errors import ActsearchError
from primitives.export.exported import Exported
from primitives.expression import Expression
from primitives.module import compile_expression

_OPERATION = re.compile(r"torch\.ops\.(?:aten|prims)\.(\w+)")


def onnx_file(exported: Exported) -> bytes:
    """Return a serialised ONNX model for inference.

    It has one float32 input ``x`` of shape ``(batch, features)``, both dynamic, and the parameters as constants at
    their initial values; in float32 its numbers are those of the compiled module to 1e-5.

    Raises:
        ActsearchError: onnx or onnxscript is not installed, or an operation has no translation.
    """
    expression = exported.expression
    facts = {"formula": expression.formula, "latex": expression.latex, "gain": f"{exported.gain:.6g}"}
    facts["provenance"] = "\n".join(exported.provenance.lines)
    return _model(expression, exported.name, "\n".join(exported.story), facts)


@torch.no_grad()
def _model(expression: Expression, name: str, story: str, facts: Mapping[str, str]) -> bytes:
    if find_spec("onnx") is None or find_spec("onnxscript") is None:
        raise ActsearchError("target 'onnx' needs onnx and onnxscript: pip install 'actsearch[onnx]'")
    try:
        with _quiet():
            model = _translated(expression)
    except Exception as error:
        raise ActsearchError(
            f"torch cannot translate '{expression.formula}' to ONNX: {_reason(error)}; "
            "choose another target, such as torch"
        ) from error
    _forget_the_exporters_notes(model)
    model.graph.name, model.producer_name, model.doc_string = name, "actsearch", story
    for key, value in facts.items():
        model.metadata_props.add(key=key, value=value)
    content: bytes = model.SerializeToString(deterministic=True)
    return content


class _Inference(nn.Module):
    """The value without the backward pass, which ONNX has no use for."""

    def __init__(self, expression: Expression) -> None:
        super().__init__()
        self._value = compile_expression(expression).value
        self._names = tuple(expression.parameters)
        for name, value in expression.initial:
            self.register_parameter(name, nn.Parameter(torch.tensor(value)))

    def forward(self, x: Tensor) -> Tensor:
        return self._value(x, *(getattr(self, name) for name in self._names))


def _translated(expression: Expression) -> Any:
    """Return the ``onnx.ModelProto`` of an expression."""
    program = torch.onnx.export(
        _Inference(expression).eval(),
        (torch.zeros(2, 3),),
        dynamo=True,
        verbose=False,
        input_names=["x"],
        output_names=["y"],
        dynamic_shapes=({0: torch.export.Dim("batch"), 1: torch.export.Dim("features")},),
        custom_translation_table=_translations(),
    )
    assert program is not None
    return program.model_proto


def _translations() -> dict[Callable[..., Any], Callable[..., Any]]:
    """Return translations where torch's exporter has none, or one that overflows."""
    from onnxscript import opset18

    op: Any = opset18

    def copysign(size: Any, sign: Any) -> Any:
        magnitude = op.Abs(size)
        return op.Where(op.Less(sign, op.CastLike(0.0, sign)), op.Neg(magnitude), magnitude)

    def log_sigmoid(x: Any) -> Any:  # torch's log(sigmoid(x)) is -inf below -104
        decay = op.Exp(op.Neg(op.Abs(x)))
        one, zero = op.CastLike(1.0, x), op.CastLike(0.0, x)
        return op.Sub(op.Min(x, zero), op.Log(op.Add(one, decay)))

    aten = torch.ops.aten
    return {aten.copysign.Tensor: copysign, aten.log_sigmoid.default: log_sigmoid}


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep what the exporter prints, logs and warns of away from the user's terminal."""
    before = logging.root.manager.disable
    sink = io.StringIO()
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(sink), contextlib.redirect_stderr(sink):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


def _reason(error: BaseException) -> str:
    """Return which operation stood in the way, or the first line of what the exporter says."""
    cause: BaseException | None = error
    while cause is not None:
        found = _OPERATION.search(str(cause))
        if found:
            return f"its exporter has no translation of {found[1]}"
        cause = cause.__cause__
    return (str(error).splitlines() or [type(error).__name__])[0]


def _forget_the_exporters_notes(model: Any) -> None:
    """Remove the exporter's notes, which hold stack traces with the paths of this machine."""
    functions = list(model.functions)
    graphs = [model.graph, *functions]
    noted = [model, *graphs, *(node for graph in graphs for node in graph.node)]
    noted += [*model.graph.input, *model.graph.output, *model.graph.initializer, *model.graph.value_info]
    noted += [value for function in functions for value in function.value_info]
    for part in noted:
        del part.metadata_props[:]
        part.doc_string = ""
