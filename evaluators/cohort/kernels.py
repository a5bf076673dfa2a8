"""The activation of a stacked network: each member's own function on its own slice.

The stacked network holds a :class:`Slot` wherever a member's network would hold its activation.
Under ``vmap`` a slot steps out to the whole stack (members, ...), where each run of members with
the same expression goes through one kernel. Value and slopes are computed together, so that they
share subexpressions and backward is one multiplication; one tensor is kept for it, and one more
for each learnable constant.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn

from evaluators.cohort.out_of_vmap import OutOfVmap, members_first
from primitives import Expression, compile_expression

_BLOCK = 2**17
"""Elements that go through a kernel at once on a CPU, so that what it holds in between stays in the cache."""


@dataclass(frozen=True)
class Run:
    """Neighbouring members with the same expression."""

    start: int
    stop: int
    expression: Expression


def runs_of(expressions: Sequence[Expression]) -> tuple[Run, ...]:
    """Return the runs of a sequence of expressions, one a member."""
    found, at = [], 0
    for expression, same in groupby(expressions):
        count = len(list(same))
        found.append(Run(at, at + count, expression))
        at += count
    return tuple(found)


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
        """Apply each member's activation; the shape stays. Works under ``vmap`` over members only."""
        return _AtSlot.apply(x, self)  # type: ignore[no-any-return]

    def stacked(self, x: Tensor) -> Tensor:
        """Apply each member's activation to x of shape (members, ...)."""
        (constants,) = self.constants
        if torch.is_grad_enabled():
            return _EachItsOwn.apply(x, constants, self.runs)  # type: ignore[no-any-return]
        return _values(x, constants, self.runs)


class _AtSlot(OutOfVmap):
    """A slot's activation for all members."""

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, None], x: Tensor, slot: Slot) -> tuple[Tensor, int]:
        return slot.stacked(members_first(x, in_dims[0], info.batch_size)), 0


class _EachItsOwn(torch.autograd.Function):
    """Every run through its kernel, forward with the slopes."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, constants: Tensor | None, runs: tuple[Run, ...]) -> Tensor:
        flat, kind = _flat(x), _computed_in(x)
        output, slope = torch.empty_like(flat), torch.empty_like(flat, dtype=kind)
        kept: list[Tensor] = []
        where: list[tuple[slice, slice, int]] = []
        for run, rows, columns in _pieces(runs, flat):
            function = compile_expression(run.expression).value_and_slopes
            arguments = _columns_of(constants, rows, run, kind)
            value, dx, *others = function(flat[rows, columns].to(kind), *arguments)
            output[rows, columns], slope[rows, columns] = value, dx
            if others:
                where.append((rows, columns, len(others)))
                kept += others
        ctx.save_for_backward(slope, *kept)
        ctx.where, ctx.constants = where, constants
        return output.view(x.shape)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor | None, None]:
        slope, *kept = ctx.saved_tensors
        flat = _flat(grad).to(slope.dtype)
        to_x = (flat * slope).view(grad.shape).to(grad.dtype)
        if ctx.constants is None:
            return to_x, None, None
        to_constants = torch.zeros_like(ctx.constants)
        for rows, columns, count in ctx.where:
            part, kept, mine = flat[rows, columns], kept[count:], kept[:count]
            for index, each in enumerate(mine):
                to_constants[rows, index] += (part * each).sum(dim=1)
        return to_x, to_constants, None


def _values(x: Tensor, constants: Tensor | None, runs: tuple[Run, ...]) -> Tensor:
    flat, kind = _flat(x), _computed_in(x)
    output = torch.empty_like(flat)
    for run, rows, columns in _pieces(runs, flat):
        arguments = _columns_of(constants, rows, run, kind)
        output[rows, columns] = compile_expression(run.expression).value(flat[rows, columns].to(kind), *arguments)
    return output.view(x.shape)


def _flat(x: Tensor) -> Tensor:
    return x.reshape(len(x), -1)


def _computed_in(x: Tensor) -> torch.dtype:
    """Half precision is computed in float32, as generated modules do."""
    return torch.float32 if x.dtype in (torch.float16, torch.bfloat16) else x.dtype


def _pieces(runs: tuple[Run, ...], flat: Tensor) -> Iterator[tuple[Run, slice, slice]]:
    """Yield what goes through a kernel at once: a whole run, or on a CPU blocks of a member that stay in the cache."""
    each = flat.shape[1]
    for run in runs:
        if flat.device.type != "cpu" or (run.stop - run.start) * each <= _BLOCK:
            yield run, slice(run.start, run.stop), slice(0, each)
        else:
            for row in range(run.start, run.stop):
                for at in range(0, each, _BLOCK):
                    yield run, slice(row, row + 1), slice(at, min(at + _BLOCK, each))


def _columns_of(constants: Tensor | None, rows: slice, run: Run, kind: torch.dtype) -> list[Tensor]:
    """Return the constants of a run's members, each of shape (members, 1)."""
    if constants is None or not run.expression.initial:
        return []
    return list(constants[rows, : len(run.expression.initial)].to(kind).split(1, dim=1))
