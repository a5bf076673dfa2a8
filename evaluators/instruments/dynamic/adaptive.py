"""An activation layer whose shape is state, not a parameter; see :mod:`evaluators.instruments.dynamic.family`.

All of it lies in buffers, so that ``state_dict``, ``to``, ``deepcopy`` and the broadcast of a
distributed network carry it along. A forward pass costs an exponential and ten passes over the
input in eager mode; ``torch.compile`` makes one of them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from evaluators.instruments.dynamic.family import Ground, Shape, descend, ground, refitted, tabulated
from evaluators.instruments.dynamic.placement import running
from evaluators.theory.density import Array
from evaluators.theory.finite import not_finite
from evaluators.theory.quadrature import sample
from primitives import ActsearchError, Expression, compile_expression, parse, resolve

BINS = 256
SAMPLE = 1024
"""Most values that are taken from one forward pass."""

_BLOCK = 2**17
_CLIP = 40.0
_VALUE, _SLOPE = (3, 4, 5, 6), (8, 9, 10, 11, 12)

Kernel = Callable[..., Tensor]
Slopes = Callable[..., tuple[Tensor, ...]]


def _bell(x: Tensor, entries: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Return z and its Gaussian; beyond 40 that is 0, and clipped there a power of z stays finite."""
    z = (x * entries[0]).add_(entries[1]).clamp(-_CLIP, _CLIP)
    return z, torch.addcmul(entries[2], z, z, value=-0.5).exp_()


def _with_bump(base: Tensor, z: Tensor, decay: Tensor, entries: Sequence[Tensor], powers: Sequence[int]) -> Tensor:
    """Return scale*base + decay*(polynomial in z whose factors are these entries of the table).

    A scalar plus a product is one pass over the data, which is why the table holds a zero.
    """
    polynomial = (z * entries[powers[0]]).add_(entries[powers[1]])
    for power in powers[2:]:
        polynomial = torch.addcmul(entries[power], polynomial, z)
    return torch.addcmul(base * entries[7], decay, polynomial)


def _computed_in(x: Tensor) -> torch.dtype:
    """Return float32 for half precision, as the generated activations do, else the input's own type."""
    return torch.float32 if x.dtype in (torch.float16, torch.bfloat16) else x.dtype


def _cast(output: Tensor, kind: torch.dtype) -> Tensor:
    """Return an output in a type; one that is in it is no copy: see :mod:`primitives.template` on torch 2.11."""
    return output if output.dtype == kind else output.to(kind)


def _blockwise(function: Callable[..., Tensor], *tensors: Tensor) -> Tensor:
    """Call an elementwise function of tensors of one shape, on a CPU in blocks that stay in its cache."""
    first = tensors[0]
    whole = torch.compiler.is_compiling() or first.device.type != "cpu" or first.numel() <= _BLOCK
    if whole or not all(tensor.is_contiguous() for tensor in tensors):
        return function(*tensors)
    blocks = zip(*(tensor.view(-1).split(_BLOCK) for tensor in tensors), strict=True)
    return torch.cat([function(*block) for block in blocks]).view(first.shape)


def _output(x: Tensor, table: Tensor, value: Kernel, parameters: Sequence[Tensor]) -> Tensor:
    """Return the activation."""
    kind = _computed_in(x)
    entries, own = table.to(kind).unbind(), [parameter.to(kind) for parameter in parameters]

    def output(part: Tensor) -> Tensor:
        wide = part.to(kind)
        return _cast(_with_bump(value(wide, *own), *_bell(wide, entries), entries, _VALUE), part.dtype)

    return _blockwise(output, x)


class _Adaptive(torch.autograd.Function):
    """Value and derivative; the slope of a small input is computed along with it and kept.

    Of an input beyond one block only the input is kept, as everywhere, and the slope computed anew.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(x: Tensor, table: Tensor, value: Kernel, slopes: Slopes, *parameters: Tensor) -> tuple[Tensor, Tensor]:
        if x.numel() > _BLOCK or parameters or torch.compiler.is_compiling():
            return _output(x, table, value, parameters), x.new_empty(0)
        wide = x.to(_computed_in(x))
        entries = table.to(wide.dtype).unbind()
        bell = _bell(wide, entries)
        output = _with_bump(value(wide), *bell, entries, _VALUE)
        return _cast(output, x.dtype), _with_bump(slopes(wide)[0], *bell, entries, _SLOPE)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
        x, table, _, ctx.slopes, *parameters = inputs
        ctx.mark_non_differentiable(output[1])
        ctx.set_materialize_grads(False)
        ctx.save_for_backward(x, table, output[1], *parameters)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor | None) -> tuple[Tensor | None, ...]:
        x, table, kept, *parameters = ctx.saved_tensors
        grad, kind = grads[0], _computed_in(x)
        if grad is None:
            return (None,) * (4 + len(parameters))
        if kept.numel() and not torch.is_grad_enabled():  # with gradients enabled, for a second derivative
            return (grad * kept).to(x.dtype), None, None, None
        entries, own = table.to(kind).unbind(), [parameter.to(kind) for parameter in parameters]

        def product(part: Tensor, cotangent: Tensor) -> Tensor:
            wide = part.to(kind)
            slope = _with_bump(ctx.slopes(wide, *own)[0], *_bell(wide, entries), entries, _SLOPE)
            return _cast(cotangent * slope, part.dtype)

        sums = []
        if parameters:
            others, weighted = ctx.slopes(x.to(kind), *own)[1:], grad * entries[7]
            pairs = zip(others, parameters, strict=True)
            sums = [(weighted * other).sum_to_size(p.shape).to(p.dtype) for other, p in pairs]
        return _blockwise(product, x, grad), None, None, None, *sums


class AdaptiveActivation(nn.Module):
    """An activation that starts as exactly a known function and is moved by :class:`~evaluators.DynamicEAFO`.

    Until something moves it, it is its base. Its shape is no parameter: an optimiser never sees it.

    Args:
        base: an expression, the name of a library function, or a formula. Its learnable
            parameters, if any, are learned as usual and named in ``activation_parameters``.
        bins: of the running histogram of the input.
        device, dtype: of the buffers and the base's parameters, as for any module.

    Attributes:
        base: the expression.
        table: shape (13,), the numbers of the present shape; see :class:`evaluators.instruments.dynamic.family.Shape`.
        density: shape (bins,), the running share of inputs in each bin.
        counts: shape (2,), updates made and updates left out because the input was no good.

    Its ``state_dict`` holds the base's formula too, as bytes in a tensor, and is refused by a layer
    with another base.

    Raises:
        ActsearchError: the base is no function, not finite somewhere in [-200, 200], or flat.

    Example:
        >>> layer = AdaptiveActivation("gelu")
        >>> str(layer.expression)
        'gelu(x)'
    """

    table: Tensor
    density: Tensor
    counts: Tensor

    def __init__(
        self,
        base: Expression | str = "relu",
        bins: int = BINS,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if bins < 16:
            raise ActsearchError(f"a histogram of {bins} bins says too little; use 16 or more")
        self._compile(_usable(base))
        self.register_buffer("table", torch.tensor(Shape().table, device=device, dtype=dtype))
        self.register_buffer("density", torch.zeros(bins, device=device, dtype=dtype))
        self.register_buffer("counts", torch.zeros(2, dtype=torch.int64, device=device))
        for name, value in self.base.initial:
            self.register_parameter(name, nn.Parameter(torch.full((1,), value, device=device, dtype=dtype)))
        self.collecting = False
        self._sample: Tensor | None = None

    def _compile(self, base: Expression) -> None:
        compiled = compile_expression(base)
        self.base, self.activation_parameters = base, tuple(base.parameters)
        self._value, self._slopes = compiled.value, compiled.slopes

    def __getstate__(self) -> dict[str, Any]:
        """Return the state with the base as text: generated functions cannot be pickled."""
        left_out = ("_value", "_slopes", "_sample")
        return {**{k: v for k, v in self.__dict__.items() if k not in left_out}, "base": str(self.base)}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        self._sample = None
        self._compile(parse(state["base"]))

    def get_extra_state(self) -> Tensor:
        """Return the base's formula, without its parameters' values, as bytes.

        A tensor, because much code copies or moves each value of a ``state_dict``.
        """
        return torch.tensor(list(self.base.formula.encode()), dtype=torch.uint8)

    def set_extra_state(self, state: Tensor) -> None:
        """Refuse the state of another base.

        Raises:
            ActsearchError: the state was saved from another base.
        """
        saved = bytes(state.tolist()).decode()
        if saved != self.base.formula:
            raise ActsearchError(
                f"this state was saved from an activation that starts at {saved} and cannot be loaded into one that "
                f"starts at {self.base.formula}; make the layer with that base first"
            )

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - what torch's activations call it
        """Return the activation, elementwise.

        Args:
            input: floating point, any shape; half precision is computed in float32.

        Raises:
            TypeError: the input holds no floating-point numbers.
        """
        if not input.is_floating_point():
            raise TypeError(f"AdaptiveActivation takes floating-point tensors, not {input.dtype}")
        if self.collecting and self.training:
            self._sample = _some(input)
        parameters = [getattr(self, name).view(()) for name in self.activation_parameters]
        if not (torch.is_grad_enabled() and any(tensor.requires_grad for tensor in (input, *parameters))):
            return _output(input, self.table, self._value, parameters)
        table = self.table.clone()  # an update between forward and backward must not touch what was saved
        output: Tensor = _Adaptive.apply(input, table, self._value, self._slopes, *parameters)[0]
        return output

    def extra_repr(self) -> str:
        """Return the base and how often it was moved."""
        return f"{self.base.formula}, updates={int(self.counts[0])}"

    @property
    def shape(self) -> Shape:
        """The present member of the family."""
        return tabulated(self.table)

    @property
    def expression(self) -> Expression:
        """The present function, frozen: numbers for the shape, the base's parameters at their present values.

        It is the layer's function wherever ``abs(x)`` is below 1e12 widths.
        """
        values = tuple((name, float(getattr(self, name).detach())) for name in self.activation_parameters)
        return self.shape.expression(Expression(self.base.body, values))

    def adapt(self, rate: float, bound: float, memory: float) -> bool:
        """Take what was collected into the running density and move one step; say whether it moved.

        Where the density has left the bump's centre and width, these follow first. Nothing moves,
        and the second of ``counts`` goes up, where the input or the base's output is constant or not
        finite.

        Args:
            rate: size of the step, see :func:`evaluators.instruments.dynamic.family.descend`.
            bound: of the bump's slope, likewise.
            memory: share of the old density that stays, in [0, 1).
        """
        if self._sample is None or not self._sample.numel():
            return False
        values, self._sample = self._sample.cpu().double().numpy(), None
        moved = self._moved(values, rate, bound, memory) if np.isfinite(values).all() else None
        self.counts[0 if moved is not None else 1] += 1
        if moved is None:
            return False
        shape, density = moved
        self.table.copy_(torch.tensor(shape.table, dtype=self.table.dtype))
        self.density.copy_(torch.from_numpy(density).to(self.density.dtype))
        return True

    def _moved(self, values: Array, rate: float, bound: float, memory: float) -> tuple[Shape, Array] | None:
        """Return the next shape and density, ``None`` where there is none."""
        found = running(values, self.shape, self._shares(), memory)
        if found is None:
            return None
        shape, density = found
        at = self._ground(shape, density)
        if at is None:
            return None
        moved = descend(refitted(self.shape, shape, at), at, rate, bound)
        largest = torch.finfo(self.table.dtype).max
        return (moved, density) if all(abs(number) <= largest for number in moved.table) else None

    def _shares(self) -> Array:
        """Return the running density on the CPU, where every device's numbers can be widened."""
        shares: Array = self.density.cpu().double().numpy()
        return shares

    def _ground(self, shape: Shape, density: Array) -> Ground | None:
        own = [getattr(self, name).detach().cpu().double().view(()) for name in self.activation_parameters]
        return ground(self._value, self._slopes, own, shape, density)

    def entropies(self) -> tuple[float, float]:
        """Return the standardised entropy of the base and of the present function under the running density.

        In nats, smoothed by :data:`evaluators.instruments.dynamic.family.SMOOTHING`; both are NaN before the first
        update.
        """
        shape, density = self.shape, self._shares()
        at = self._ground(shape, density) if density.any() else None
        if at is None:
            return math.nan, math.nan
        start = Shape(shape.steepness, shape.offset)
        return at.output(start).entropy, at.output(shape).entropy


def _usable(base: Expression | str) -> Expression:
    """Return the expression; raise for one that nothing can be grown from."""
    if not isinstance(base, (Expression, str)):
        raise ActsearchError(f"base={base!r} does not do; give a name such as 'gelu', a formula or an Expression")
    expression = resolve(base) if isinstance(base, str) else base
    reason = not_finite(expression)
    if reason is None:
        samples = sample(expression)
        slope, size = (math.sqrt(samples.under.expectation(v**2)) for v in (samples.slopes, samples.values))
        reason = None if slope > 1e-6 * size else "its slope is zero almost everywhere"
    if reason is not None:
        raise ActsearchError(
            f"the base '{expression.formula}' cannot be adapted: {reason}; "
            "give a function that is finite on [-200, 200] and not flat, such as 'gelu'"
        )
    return expression


def _some(x: Tensor) -> Tensor:
    """Return a copy of at most 1,024 values, evenly from all rows and channels."""
    while not torch.compiler.is_compiling() and torch._C._functorch.is_functorch_wrapped_tensor(x):
        x = torch._C._functorch.get_unwrapped(x)  # under vmap or torch.func.grad: what lies below
    flat = x.detach().reshape(-1)
    stride = max(1, -(-flat.numel() // SAMPLE))
    while math.gcd(stride, flat.numel()) > 1:  # else it would meet the same channels in every row
        stride += 1
    return flat[::stride].to(torch.float32, copy=True)
