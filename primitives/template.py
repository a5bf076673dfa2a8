"""The text of a generated activation: what a person would write who had measured it.

Backward keeps one tensor, the input, and the parameters; it computes the slopes anew from them.
On a CPU, large inputs go through in blocks that stay in the cache. Half precision is computed in
float32, as torch's own kernels do. What is in its precision already is not cast: a cast to the same
type at the end of ``forward`` makes torch.compile of torch 2.11 lose the gradient.
"""

from __future__ import annotations

from string import Template

BLOCKWISE = '''\
BLOCK = 2**17


def blockwise(function, tensors, parameters):
    """Call an elementwise function, on a CPU in blocks that stay in its cache.

    Half precision is computed in float32. The first output has the shape of the
    tensors, the others are sums and add up over the blocks.
    """
    first = tensors[0]
    half = first.dtype in (torch.float16, torch.bfloat16)
    kind = torch.float32 if half else first.dtype
    parameters = [p if p.dtype == kind else p.to(kind) for p in parameters]
    whole = (
        torch.compiler.is_compiling()
        or torch.jit.is_tracing()
        or first.numel() <= BLOCK
        or first.device.type != "cpu"
        or any(parameter.numel() > 1 for parameter in parameters)
        or not all(tensor.is_contiguous() for tensor in tensors)
    )
    if whole and not half:
        return function(*tensors, *parameters)
    blocks = [tensors]
    if not whole:
        blocks = zip(*(tensor.view(-1).split(BLOCK) for tensor in tensors))
    found = [function(*(b.to(kind) for b in block), *parameters) for block in blocks]
    alone = not isinstance(found[0], tuple)
    parts, *sums = [found] if alone else zip(*found)
    output = parts[0] if whole else torch.cat(parts).view(first.shape)
    output = output.to(first.dtype) if half else output
    return output if alone else (output, *(sum(each) for each in sums))
'''

MODULE = Template('''\
$functions


def gradients(grad, x, *parameters):
    """Return grad times each slope; for a parameter summed to its shape."""
    dx, *others = activation_slopes(x, *parameters)
    sums = [(grad * d).sum_to_size(p.shape) for d, p in zip(others, parameters)]
    return grad * dx, *sums


def moved(tangent, x, *others):
    """Return how the value moves; of the others half are parameters, half how they move."""
    count = len(others) // 2
    dx, *slopes = activation_slopes(x, *others[:count])
    return sum((d * by for d, by in zip(slopes, others[count:])), dx * tangent)


$blockwise

class ActivationFunction(torch.autograd.Function):
    """The value with its exact derivative; only its inputs are kept for backward."""

    generate_vmap_rule = True

    @staticmethod
    def forward(x, *parameters):
        return blockwise(activation, (x,), parameters)

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad):
        x, *parameters = ctx.saved_tensors
        dx, *sums = blockwise(gradients, (grad, x), parameters)
        return dx, *(s.to(p.dtype) for s, p in zip(sums, parameters))


class ForwardModeFunction(ActivationFunction):
    """The same with forward-mode derivatives, which torch.compile refuses to trace."""

    @staticmethod
    def setup_context(ctx, inputs, output):
        ctx.save_for_backward(*inputs)
        ctx.save_for_forward(*inputs)

    @staticmethod
    def jvp(ctx, tangent, *tangents):
        # Torch switches forward mode off in here, and would lose its outer levels in silence.
        forward_ad = torch.autograd.forward_ad
        with forward_ad._set_fwd_grad_enabled(True):
            kept = [forward_ad.unpack_dual(each, level=0) for each in ctx.saved_tensors]
            x, *parameters = (dual.primal for dual in kept)
            return blockwise(moved, (tangent, x), [*parameters, *tangents])


class EagerFunction(ForwardModeFunction):
    """The same as torch calls it fastest, without a look at the signature each time."""

    setup_context = torch.autograd.Function.setup_context

    @staticmethod
    def forward(ctx, x, *parameters):
        ctx.save_for_backward(x, *parameters)
        ctx.save_for_forward(x, *parameters)
        return blockwise(activation, (x,), parameters)


class ${name}(nn.Module):
    """$summary$described"""

$constructor    def forward(self, x):
        if isinstance(x, torch.fx.Proxy):  # a leaf of traced graphs, as torch's own are
            place = x.tracer.path_of_module(self)
            return x.tracer.create_proxy("call_module", place, (x,), {})
        if not x.is_floating_point():
$refusal
$applied
        if torch.compiler.is_compiling():
            function = ActivationFunction
        elif torch.jit.is_tracing():
            return blockwise(activation, (x,), $tuple)
        elif torch._C._are_functorch_transforms_active():
            function = ForwardModeFunction
        else:
            function = EagerFunction
        return function.apply(x$passed)

    def __prepare_scriptable__(self):
        raise TypeError(
            "TorchScript cannot compile a derivative written in Python; "
            "use torch.jit.trace, torch.export or torch.compile instead of torch.jit.script"
        )
''')

NATIVE = Template('''\
$functions


class ${name}(nn.Module):
    """$summary"""

    def forward(self, x):
        return activation(x)
''')

APPLIED_ALONE = """\
        if torch.compiler.is_compiling() and not x.requires_grad:
            # Dynamo cannot trace the functions below when nothing needs a gradient.
            return blockwise(activation, (x,), ())"""

CONSTRUCTOR = Template('''\
$names

$signature
        super().__init__()
        if num_parameters < 1:
            raise ValueError(f"num_parameters must be positive, not {num_parameters}")
        self.num_parameters, self.channel_dim = num_parameters, channel_dim

        def values(initial):
            size = (num_parameters,)
            full = torch.full(size, float(initial), dtype=dtype, device=device)
            return nn.Parameter(full, requires_grad=learnable)

$assignments
$initial

    def reset_parameters(self):
        """Give every parameter its initial value again."""
        with torch.no_grad():
            for name, value in zip(self.activation_parameters, self.initial):
                getattr(self, name).fill_(value)

    def shaped(self, parameter, x):
        """Return a parameter so that it lines up with the channels of x."""
        count, dim = self.num_parameters, self.channel_dim
        if count == 1:
            return parameter if x.dim() else parameter.view(())
        fits = -x.dim() <= dim < x.dim()
        if not fits or (not torch.jit.is_tracing() and x.shape[dim] != count):
            raise ValueError(
                f"expected {count} channels in dimension {dim}, "
                f"got an input of shape {tuple(x.shape)}"
            )
        shape = [1] * x.dim()
        shape[dim] = count
        return parameter.view(shape)

    def extra_repr(self):
        return f"num_parameters={self.num_parameters}, channel_dim={self.channel_dim}"

''')

DESCRIBED = Template("""

    Args:
$rows
        num_parameters: 1 for one value a layer, or the number of channels.
        channel_dim: 1 as in nn.PReLU, -1 for inputs (batch, tokens, width).
        learnable: whether training changes the values.
        device, dtype: of the values, as for any module.
    """)
