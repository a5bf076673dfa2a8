"""An activation as a torch module with a pair of Triton kernels, forward and backward, for CUDA."""

from __future__ import annotations

from string import Template

from primitives.emit import code, function_source
from primitives.export.exported import Exported
from primitives.export.torch_file import torch_text
from primitives.export.triton_words import in_triton
from primitives.expression import Expression
from primitives.module import as_large_as_x, module_source

_USE = Template("""\
Use it like any torch activation; on CUDA a contiguous input with one value a parameter
goes through the Triton kernels, anything else through the plain code::

    from $module import $name

    layer = $name()

With TRITON_INTERPRET=1 the kernels run on a CPU, too.
""")

_LAUNCH = '''\
BLOCK_SIZE = 1024
INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"


def fits(x):
    """Tell whether the kernels take an input: on CUDA, or in Triton's interpreter."""
    return (
        isinstance(x, torch.Tensor)
        and (x.is_cuda or INTERPRETED)
        and x.is_floating_point()
        and x.is_contiguous()
        and x.numel() > 0
        and not torch.compiler.is_compiling()
        and not torch.jit.is_tracing()
        and not torch._C._are_functorch_transforms_active()
        and torch.autograd.forward_ad._current_level < 0
    )


def launch(kernel, x, *others):
    """Start a kernel on all elements of x."""
    wide = tl.float64 if x.dtype == torch.float64 else tl.float32
    count = x.numel()
    with torch.cuda.device_of(x):
        kernel[(triton.cdiv(count, BLOCK_SIZE),)](
            x, *others, count, WIDE=wide, BLOCK=BLOCK_SIZE
        )


class KernelFunction(torch.autograd.Function):
    """The pair of kernels; the derivative of the derivative is that of the plain code."""

    @staticmethod
    def forward(ctx, x, *parameters):
        ctx.save_for_backward(x, *parameters)
        y = torch.empty_like(x)
        launch(forward_kernel, x, y, *parameters)
        return y

    @staticmethod
    def backward(ctx, grad):
        x, *parameters = ctx.saved_tensors
        if torch.is_grad_enabled():
            dx, *sums = blockwise(gradients, (grad, x), parameters)
            return dx, *(s.to(p.dtype) for s, p in zip(sums, parameters))
        dx = torch.empty_like(x)
        kind = torch.float64 if x.dtype == torch.float64 else torch.float32
        blocks = triton.cdiv(x.numel(), BLOCK_SIZE)
        sums = [torch.empty(blocks, dtype=kind, device=x.device) for _ in parameters]
        launch(backward_kernel, x, grad.contiguous(), dx, *parameters, *sums)
        pairs = zip(sums, parameters)
        return dx, *(s.sum().to(p.dtype).view(p.shape) for s, p in pairs)'''

_MODULE = Template('''\
class $name(Plain$name):
    """The same with Triton's kernels where they fit."""

    def forward(self, x):
        if not fits(x)$single:
            return super().forward(x)
        $call''')

_CALL = """\
parameters = [getattr(self, name) for name in self.activation_parameters]
        return KernelFunction.apply(x, *parameters)"""


def triton_file(exported: Exported) -> str:
    """Return a torch module's file whose value and gradient are one Triton kernel each on CUDA.

    Raises:
        ActsearchError: Triton's language lacks a function in the value or the slopes.
    """
    expression = exported.expression
    plain = module_source(expression, f"Plain{exported.name}", native=False).rstrip()
    forward, helpers = _kernel(expression, "forward")
    backward, others = _kernel(expression, "backward")
    single = " or self.num_parameters > 1" if expression.parameters else ""
    call = _CALL if expression.parameters else "return KernelFunction.apply(x)"
    module = _MODULE.substitute(name=exported.name, single=single, call=call)
    jits = [helper.rstrip() for helper in dict.fromkeys([*helpers, *others])]
    source = "\n\n\n".join([plain, *jits, forward, backward, _LAUNCH, module]) + "\n"
    use = _USE.substitute(module=exported.importable, name=exported.name)
    imports = ("import os\n", "import triton", "import triton.language as tl")
    return torch_text(exported, use, imports, needs="torch and triton", source=source)


def _kernel(expression: Expression, which: str) -> tuple[str, tuple[str, ...]]:
    """Return a kernel and the functions that it calls."""
    names = list(expression.parameters)
    wanted = [expression.kernel] if which == "forward" else list(expression.slopes.values())
    used = {symbol.name for each in wanted for symbol in each.free_symbols}
    lines = code(wanted, "jax", lambda body: in_triton(body, expression.formula))
    results = [as_large_as_x(each, text, "jax") for each, text in zip(wanted, lines.results, strict=True)]
    outputs = ["y"] if which == "forward" else ["dx", *(f"d{name}" for name in names)]
    pointers = ["x", *(["y"] if which == "forward" else ["grad", "dx"]), *names]
    pointers += [] if which == "forward" else [f"d{name}" for name in names]
    arguments = [*(f"{name}_ptr" for name in pointers), "count", "WIDE: tl.constexpr", "BLOCK: tl.constexpr"]
    body = [
        "block = tl.program_id(0).to(tl.int64)",
        "offsets = block * BLOCK + tl.arange(0, BLOCK)",
        "inside = offsets < count",
        "x = tl.load(x_ptr + offsets, mask=inside, other=0.0).to(WIDE)",
        *(f"{name} = tl.load({name}_ptr).to(WIDE)" for name in names if name in used),
        *lines.lines(),
        *(f"{name} = {text}" for name, text in zip(outputs, results, strict=True)),
        *(_STORE if which == "forward" else _STORES),
        *(line for name in (names if which == "backward" else []) for line in _summed(name)),
    ]
    doc = "Write the value." if which == "forward" else "Write grad times each slope; for a parameter a sum a block."
    text = function_source(f"{which}_kernel", arguments, doc, body).replace("jnp.", "tl.")
    return f"@triton.jit\n{text}", lines.helpers


_STORE = ["tl.store(y_ptr + offsets, y, mask=inside)"]
_STORES = [
    "grad = tl.load(grad_ptr + offsets, mask=inside, other=0.0).to(WIDE)",
    "tl.store(dx_ptr + offsets, grad * dx, mask=inside)",
]


def _summed(name: str) -> list[str]:
    return [f"d{name} = tl.where(inside, grad * d{name}, 0.0)", f"tl.store(d{name}_ptr + block, tl.sum(d{name}))"]
