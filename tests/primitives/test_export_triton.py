"""The pair of Triton kernels: by the interpreter on a CPU, and compiled for CUDA without one."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from primitives import compile_expression, resolve
from primitives.export.dialects import export
from tests.primitives.test_export import GRID
from tests.primitives.test_export_elsewhere import NAMES, written

triton = pytest.importorskip("triton")

TEXTS = [*NAMES, "atan(x)*x", "gompertz(x)", "sinh(x)", "cosh(x)", "x*sign(x - 1)", "abs(x)**alpha; alpha=1.3"]

SCRIPT = """
import importlib.util, json, sys, torch
found = {}
for path in sys.argv[2:]:
    spec = importlib.util.spec_from_file_location("act", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for kind in ("float64", "float16"):
        layer = module.Act().to(torch.float64 if kind == "float64" else torch.float32)
        x = torch.tensor(json.loads(sys.argv[1]), dtype=getattr(torch, kind)).requires_grad_()
        y = layer(x)
        assert type(y.grad_fn).__name__ == "KernelFunctionBackward"
        y.sum().backward(retain_graph=True)
        gradients = [p.grad.tolist() for p in layer.parameters()]
        (slope,) = torch.autograd.grad(y.sum(), x, create_graph=True)
        (second,) = torch.autograd.grad(slope.sum(), x, allow_unused=True) if slope.requires_grad else (None,)
        assert not module.fits(x.view(-1, 1).expand(-1, 2))
        found[f"{path} {kind}"] = [y.tolist(), x.grad.tolist(), gradients, second is None or second.tolist()]
print(json.dumps(found))
"""


def test_the_kernels_in_tritons_interpreter_have_the_torch_modules_values_and_gradients(tmp_path):
    files = {}
    for index, text in enumerate(TEXTS):
        files[tmp_path / f"act{index}.py"] = resolve(text)
        (tmp_path / f"act{index}.py").write_text(export(resolve(text), "triton", name="Act"))
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SCRIPT, json.dumps(GRID.tolist()), *map(str, files)],
        capture_output=True, text=True, check=False, env={**os.environ, "TRITON_INTERPRET": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    for path, expression in files.items():
        for kind, rtol in (("float64", 2e-7), ("float16", 2e-3)):
            layer = (
                compile_expression(expression)
                .module()
                .to(getattr(torch, "float64" if kind == "float64" else "float32"))
            )
            x = torch.tensor(GRID, dtype=getattr(torch, kind)).requires_grad_()
            y = layer(x)
            y.sum().backward()
            ours = [y.tolist(), x.grad.tolist(), [p.grad.tolist() for p in layer.parameters()]]
            for one, other in zip(found[f"{path} {kind}"], ours, strict=False):
                large = np.array(other) if np.size(other) else np.zeros(0)
                kept = np.abs(large) < 1e30
                np.testing.assert_allclose(
                    np.array(one)[kept], large[kept], rtol=rtol, atol=rtol, err_msg=str(expression)
                )


@pytest.mark.parametrize("text", ["crrelu", pytest.param("gelusinc", marks=pytest.mark.slow), "xielu"])
def test_both_kernels_compile_for_cuda_without_a_gpu(text, tmp_path, monkeypatch):
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path / "cache"))
    module = written(tmp_path, text, "triton")
    for kernel, kind in ((module.forward_kernel, "fp16"), (module.backward_kernel, "fp64")):
        signature = {name: "constexpr" if name.isupper() else "*fp32" for name in kernel.arg_names}
        signature |= {"count": "i32"} | {
            n: f"*{kind}" for n in ("x_ptr", "y_ptr", "grad_ptr", "dx_ptr") if n in signature
        }
        wide = triton.language.float64 if kind == "fp64" else triton.language.float32
        source = ASTSource(kernel, signature, constexprs={"WIDE": wide, "BLOCK": 1024})
        assert ".entry" in triton.compile(source, target=GPUTarget("cuda", 90, 32)).asm["ptx"]


def test_outside_cuda_and_the_interpreter_the_plain_code_runs(tmp_path):
    module = written(tmp_path, "gelu", "triton")
    layer, x = module.MyAct(), torch.linspace(-3, 3, 7, requires_grad=True)
    y = layer(x)
    assert type(y.grad_fn).__name__ == "EagerFunctionBackward"
    torch.testing.assert_close(y, torch.nn.functional.gelu(x))
    torch.testing.assert_close(torch.fx.symbolic_trace(torch.nn.Sequential(layer))(x), y)
