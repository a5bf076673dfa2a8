"""Operators for which a stack has a better rule than ``vmap``'s own.

``vmap`` spells a batched linear layer out as a product and a sum, and has no rule for the fused
attention of a CPU. Here the first is one batched product with the bias inside, and the second folds
members into the batch, which calls the very kernel that one network calls.

Two more are for the numbers. ``vmap`` holds ``padding_idx`` for the first member only, and fills a
dropout mask in the order of a contiguous tensor, where one network fills it in the order in which
its tensor lies in memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch._C._functorch import get_dynamic_layer_stack_depth, is_batchedtensor  # torch.func does not tell
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from evaluators.training.cohort.fallback import Unstackable
from evaluators.training.cohort.out_of_vmap import keep_nothing, members_first, only_under_vmap

_FEW_TOKENS = 24


class StackedOperators(TorchFunctionMode):
    """While active, linear layers, attention, padded embeddings and dropout take the stack's rules.

    Args:
        linear: whether ``F.linear`` does; under autocast it must not, which would not cast within the rule.
        shared: whether members share their random numbers.
    """

    def __init__(self, linear: bool = True, shared: bool = True) -> None:
        super().__init__()
        self._linear, self._shared = linear, shared

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Call a function or what stands in for it."""
        del types
        kwargs = kwargs or {}
        if get_dynamic_layer_stack_depth() > 1:  # a transform of the loss's own, of which these rules know nothing
            return func(*args, **kwargs)
        if not any(is_batchedtensor(each) for each in (*args, *kwargs.values()) if isinstance(each, Tensor)):
            return func(*args, **kwargs)
        if self._linear and func is functional.linear and not kwargs and len(args) == 3 and args[2] is not None:
            return _Linear.apply(*args)
        if func is functional.scaled_dot_product_attention and not kwargs.get("dropout_p") and len(args) <= 4:
            options = {name: value for name, value in kwargs.items() if name != "attn_mask"}
            mask = args[3] if len(args) == 4 else kwargs.get("attn_mask")
            return _Attention.apply(*args[:3], mask, options)
        if func is functional.embedding:
            return _embedding(*args, **kwargs)
        if func is functional.dropout and self._shared:
            return _dropout(*args, **kwargs)
        return func(*args, **kwargs)


def _embedding(
    input: Tensor,  # noqa: A002 - torch's name
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """``F.embedding``, in which the row of padding gets no gradient, whichever member's it is."""
    if padding_idx is None or max_norm is not None or scale_grad_by_freq or sparse:
        return functional.embedding(input, weight, padding_idx, max_norm, norm_type, scale_grad_by_freq, sparse)
    rows = functional.embedding(input, weight)
    return torch.where((input == padding_idx % len(weight)).unsqueeze(-1), rows.detach(), rows)


def _dropout(
    input: Tensor,  # noqa: A002 - torch's name
    p: float = 0.5,
    training: bool = True,
    inplace: bool = False,
) -> Tensor:
    """``F.dropout``; on a CPU the mask is drawn for one member, as its tensor lies in memory, and shared."""
    if not training or inplace or not 0 < p < 1 or input.device.type != "cpu":
        return functional.dropout(input, p, training, inplace)
    output: Tensor = _Dropout.apply(input, p)
    return output


class _Linear(torch.autograd.Function):
    """``F.linear`` with a bias; its rule for members is one batched product forward and two backward."""

    forward = staticmethod(only_under_vmap)
    setup_context = staticmethod(keep_nothing)  # type: ignore[assignment]

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *tensors: Tensor) -> tuple[Tensor, int]:
        x, weight, bias = (members_first(t, d, info.batch_size) for t, d in zip(tensors, in_dims, strict=True))
        flat = x.reshape(len(x), -1, x.shape[-1])
        output = _BatchedLinear.apply(flat, weight, bias)
        return output.view(*x.shape[:-1], weight.shape[1]), 0


class _BatchedLinear(torch.autograd.Function):
    """x (members, n, in), weight (members, out, in) and bias (members, out) to (members, n, out)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return torch.baddbmm(bias.unsqueeze(1), x, weight.transpose(1, 2))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        to_x = torch.bmm(grad, weight) if ctx.needs_input_grad[0] else None
        return to_x, torch.bmm(grad.transpose(1, 2), x), grad.sum(dim=1)


class _Dropout(torch.autograd.Function):
    """A product with a mask that all members share."""

    forward = staticmethod(only_under_vmap)
    setup_context = staticmethod(keep_nothing)  # type: ignore[assignment]

    @staticmethod
    def vmap(_: Any, in_dims: tuple[int, None], x: Tensor, p: float) -> tuple[Tensor, int]:
        (dimension, _), one = in_dims, x.select(in_dims[0], 0)
        mask = torch.empty_like(one).bernoulli_(1 - p).div_(1 - p)
        return x * mask.unsqueeze(dimension), dimension


class _Attention(torch.autograd.Function):
    """Fused attention without dropout; members become part of its batch."""

    forward = staticmethod(only_under_vmap)
    setup_context = staticmethod(keep_nothing)  # type: ignore[assignment]

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *inputs: Any) -> tuple[Tensor, int]:
        *tensors, mask, options = inputs
        count = info.batch_size
        stacked = [members_first(t, d, count) for t, d in zip(tensors, in_dims, strict=False)]
        if len({tensor.dim() for tensor in stacked}) > 1:
            raise Unstackable("it has attention between tensors of different dimensions")
        batched = stacked[0].dim() > 3  # else a member has no batch of its own, and members are the batch
        query, key, value = (tensor.flatten(0, 1) if batched else tensor for tensor in stacked)
        if mask is not None and in_dims[3] is not None:
            raise Unstackable("it has an attention mask that differs between members")
        if _is_small(query, key, mask, options):
            scale = query.shape[-1] ** -0.5
            output = torch.softmax((query * scale) @ key.transpose(-2, -1), dim=-1) @ value
        else:
            output = functional.scaled_dot_product_attention(query, key, value, mask, **options)
        return output.unflatten(0, (count, -1)) if batched else output, 0


def _is_small(query: Tensor, key: Tensor, mask: Tensor | None, options: dict[str, Any]) -> bool:
    """Tell whether plain attention over so few tokens beats the fused one: on a CPU its backward is 3 times as fast."""
    few = query.shape[-2] * key.shape[-2] <= _FEW_TOKENS**2
    plain = (
        mask is None and options.get("scale") is None and not (options.get("is_causal") or options.get("enable_gqa"))
    )
    return few and plain and query.device.type == "cpu"
