"""The activation of a stacked network: each member's own function on its own slice.

The stacked network holds a :class:`Slot` wherever a member's network would hold its activation.
Under ``vmap`` a slot steps out to the whole stack (members, ...), where each run of members with
the same expression goes through one kernel. Value and slopes are computed together, so that they
share subexpressions and backward is one multiplication; one tensor is kept for it, and one more
for each learnable constant.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn
from torch._C._functorch import is_batchedtensor  # torch.func does not tell

from evaluators.training.cohort.fallback import Unstackable
from evaluators.training.cohort.out_of_vmap import keep_nothing, members_first, only_under_vmap
from primitives import Expression, compile_expression

_BLOCK = 2**17
"""Elements that go through a kernel at once on a CPU, so that what it holds in between stays in the cache."""


@dataclass(frozen=True)
class Run:
    """Neighbouring members with the same expression.

    Attributes:
        start, stop: of the members.
        constants: how many learnable ones the expression has.
        value: from (members, elements) and a column (members, 1) a constant to the values.
        both: from the same to the values, the slopes, and the derivatives by the constants.
    """

    start: int
    stop: int
    constants: int
    value: Callable[..., Tensor]
    both: Callable[..., tuple[Tensor, ...]]


def runs_of(expressions: Sequence[Expression]) -> tuple[Run, ...]:
    """Return the runs of a sequence of expressions, one a member."""
    found, at = [], 0
    for expression, same in groupby(expressions):
        count, compiled = len(list(same)), compile_expression(expression)
        found.append(Run(at, at + count, len(expression.initial), compiled.value, compiled.value_and_slopes))
        at += count
    return tuple(found)


@dataclass(frozen=True)
class Piece:
    """Members of a run, or a part of one, that go through its kernel at once.

    Attributes:
        start, stop: of the members.
        size: elements in all.
    """

    run: Run
    start: int
    stop: int
    size: int

    def constants(self, every: Tensor | None, like: Tensor) -> list[Tensor]:
        """Return the constants of these members, each of shape (members, 1)."""
        if every is None or not self.run.constants:
            return []
        return list(every[self.start : self.stop, : self.run.constants].to(like.dtype).split(1, dim=1))


def initial_constants(expressions: Sequence[Expression], like: Tensor) -> nn.Parameter | None:
    """Return the members' learnable constants at one place, shape (members, most constants), or ``None``.

    Rows of members with fewer are filled up with zeros, which get no gradient.
    """
    width = max(len(expression.initial) for expression in expressions)
    if not width:
        return None
    rows = [[value for _, value in e.initial] + [0.0] * (width - len(e.initial)) for e in expressions]
    return nn.Parameter(torch.tensor(rows).to(like))  # in torch's default type first, as modules make theirs


class Slot(nn.Module):
    """Holds the place of an activation.

    Attributes:
        runs: what the members compute here.
        constants: their learnable constants here, or ``None``.
    """

    def __init__(self) -> None:
        super().__init__()
        self.runs: tuple[Run, ...] = ()
        # In a list: the constants are no parameter of one member's network.
        self.constants: list[nn.Parameter | None] = [None]

    def forward(self, x: Tensor) -> Tensor:
        """Apply each member's activation under ``vmap`` over members, before they are placed the identity."""
        if not self.runs:
            return x.clone()
        if not is_batchedtensor(x):
            raise Unstackable("an activation sees what all members share, such as the inputs themselves")
        return _AtSlot.apply(x, self)  # type: ignore[no-any-return]

    def stacked(self, x: Tensor) -> Tensor:
        """Apply each member's activation to x of shape (members, ...)."""
        (constants,) = self.constants
        if torch.is_grad_enabled():
            return _EachItsOwn.apply(x, constants, self.runs)  # type: ignore[no-any-return]
        return _values(x, constants, self.runs)


class _AtSlot(torch.autograd.Function):
    """A slot's activation for all members."""

    forward = staticmethod(only_under_vmap)
    setup_context = staticmethod(keep_nothing)  # type: ignore[assignment]

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, None], x: Tensor, slot: Slot) -> tuple[Tensor, int]:
        return slot.stacked(members_first(x, in_dims[0], info.batch_size)), 0


class _EachItsOwn(torch.autograd.Function):
    """Every run through its kernel, forward with the slopes."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, constants: Tensor | None, runs: tuple[Run, ...]) -> Tensor:
        values, slopes, kept = [], [], []
        pieces = _pieces(runs, x)
        for piece, part in zip(pieces, _cut(x, pieces), strict=True):
            value, slope, *others = piece.run.both(part, *piece.constants(constants, part))
            values.append(value.view(-1))
            slopes.append(slope.view(-1))
            kept += others
        ctx.save_for_backward(torch.cat(slopes), *kept)
        ctx.pieces, ctx.constants = pieces, constants
        return torch.cat(values).view(x.shape).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor | None, None]:
        slope, *kept = ctx.saved_tensors
        to_x = (grad.reshape(-1) * slope).view(grad.shape).to(grad.dtype)
        if ctx.constants is None:
            return to_x, None, None
        to_constants, others = torch.zeros_like(ctx.constants), iter(kept)
        for piece, part in zip(ctx.pieces, _cut(grad, ctx.pieces), strict=True):
            for index in range(piece.run.constants):
                to_constants[piece.start : piece.stop, index] += (part * next(others)).sum(dim=1)
        return to_x, to_constants, None


def _values(x: Tensor, constants: Tensor | None, runs: tuple[Run, ...]) -> Tensor:
    pieces = _pieces(runs, x)
    cut = zip(pieces, _cut(x, pieces), strict=True)
    values = [piece.run.value(part, *piece.constants(constants, part)).view(-1) for piece, part in cut]
    return torch.cat(values).view(x.shape).to(x.dtype)


def _computed_in(x: Tensor) -> torch.dtype:
    """Half precision is computed in float32, as generated modules do."""
    return torch.float32 if x.dtype in (torch.float16, torch.bfloat16) else x.dtype


def _pieces(runs: tuple[Run, ...], x: Tensor) -> list[Piece]:
    """Return what goes through a kernel at once: a whole run, or on a CPU blocks of a member that stay in the cache."""
    each = x[0].numel()
    found = []
    for run in runs:
        if x.device.type != "cpu" or (run.stop - run.start) * each <= _BLOCK:
            found.append(Piece(run, run.start, run.stop, (run.stop - run.start) * each))
        else:
            sizes = [min(_BLOCK, each - at) for at in range(0, each, _BLOCK)]
            found += [Piece(run, row, row + 1, size) for row in range(run.start, run.stop) for size in sizes]
    return found


def _cut(x: Tensor, pieces: list[Piece]) -> list[Tensor]:
    """Return the pieces of a tensor, each of shape (members, elements)."""
    parts = x.reshape(-1).to(_computed_in(x)).split([piece.size for piece in pieces])
    return [part.view(piece.stop - piece.start, -1) for part, piece in zip(parts, pieces, strict=True)]
