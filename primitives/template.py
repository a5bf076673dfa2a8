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
    parameters = [parameter.to(kind) for parameter in parameters]

    def call(*block):
        outputs = function(*(part.to(kind) for part in block), *parameters)
        return outputs if isinstance(outputs, tuple) else (outputs,)

    if (
        torch.compiler.is_compiling()
        or first.device.type != "cpu"
        or first.numel() <= BLOCK
        or any(parameter.numel() > 1 for parameter in parameters)
        or not all(tensor.is_contiguous() for tensor in tensors)
    ):
        output, *sums = call(*tensors)
        return output.to(first.dtype) if half else output, *sums
    blocks = zip(*(tensor.view(-1).split(BLOCK) for tensor in tensors))
    outputs, *sums = zip(*(call(*block) for block in blocks))
    joined = torch.cat(outputs).view(first.shape)
    joined = joined.to(first.dtype) if half else joined
    return joined, *(sum(parts) for parts in sums)
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
        return blockwise(activation, (x,), parameters)[0]

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
            return blockwise(moved, (tangent, x), [*parameters, *tangents])[0]


class ${name}(nn.Module):
    """$summary$described"""

$constructor    def forward(self, x):
        if not x.is_floating_point():
$refusal
$applied
''')

NATIVE = Template('''\
$functions


class ${name}(nn.Module):
    """$summary"""

    def forward(self, x):
        return activation(x)
''')

APPLIED = """\
        compiling = torch.compiler.is_compiling()
        function = ActivationFunction if compiling else ForwardModeFunction
"""
APPLIED_ALONE = f"""\
        if torch.compiler.is_compiling() and not x.requires_grad:
            # Dynamo cannot trace the function below when nothing needs a gradient.
            return blockwise(activation, (x,), ())[0]
{APPLIED}        return function.apply(x)"""

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

    def shaped(self, parameter, x):
        """Return a parameter so that it lines up with the channels of x."""
        count, dim = self.num_parameters, self.channel_dim
        if count == 1:
            return parameter.view(())
        if not -x.dim() <= dim < x.dim() or x.shape[dim] != count:
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
