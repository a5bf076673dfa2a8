"""The activation of a stacked network: each member's own function on its own slice.

The stacked network holds a :class:`Slot` wherever a member's network would hold its activation.
Under ``vmap`` a slot steps out to the whole stack (members, ...), where each run of members with
the same expression goes through one kernel. Value and slopes are computed together, so that they
share subexpressions and backward is one multiplication; one tensor is kept for it, and one more
for each learnable constant.

A loss may differentiate the network by its inputs, by transforms of ``torch.func`` inside of the ``vmap``. A slot is
elementwise, so each such transform asks for the same slot with the next derivative by ``x``, which every member has in
symbols: the order counts how many have been asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import torch
from torch import Tensor, nn
from torch._C._functorch import peek_interpreter_stack  # torch.func does not tell
from torch.autograd import forward_ad

from evaluators.training.cohort.fallback import Unstackable
from evaluators.training.cohort.out_of_vmap import members_first
from evaluators.training.places import quantiles
from primitives import Expression, ExpressionError, compile_expression
from primitives.module import derivative_and_slopes, derivative_by_x

_BLOCK = 2**17
"""Elements that go through a kernel at once on a CPU, so that what it holds in between stays in the cache."""


@dataclass(frozen=True)
class Run:
    """Neighbouring members with the same expression.

    Attributes:
        start, stop: of the members.
        expression: theirs.
    """

    start: int
    stop: int
    expression: Expression

    @property
    def constants(self) -> int:
        """How many learnable ones the expression has."""
        return len(self.expression.initial)

    def value(self, order: int) -> Callable[..., Tensor]:
        """Return what makes a derivative of an order of (members, elements) and a column (members, 1) a constant."""
        return derivative_by_x(self.expression, order) if order else compile_expression(self.expression).value

    def both(self, order: int) -> Callable[..., tuple[Tensor, ...]]:
        """Return what makes of the same that, its slopes, and its derivatives by the constants."""
        return derivative_and_slopes(self.expression, order)


def runs_of(expressions: Sequence[Expression]) -> tuple[Run, ...]:
    """Return the runs of a sequence of expressions, one a member."""
    found, at = [], 0
    for expression, same in groupby(expressions):
        count = len(list(same))
        found.append(Run(at, at + count, expression))
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
        seen: takes the quantiles (members, 33) of what comes in, where it is a list.
    """

    def __init__(self) -> None:
        super().__init__()
        self.runs: tuple[Run, ...] = ()
        # In a list: the constants are no parameter of one member's network.
        self.constants: list[nn.Parameter | None] = [None]
        self.seen: list[Tensor] | None = None
        self._made: dict[tuple[Any, ...], tuple[Tensor, dict[int, Tensor]]] | None = None

    def forward(self, x: Tensor) -> Tensor:
        """Apply each member's activation under ``vmap`` over members, before they are placed the identity."""
        if not self.runs:
            return x.clone()
        return _AtSlot.apply(x, self, 0)  # type: ignore[no-any-return]

    @contextmanager
    def sharing(self) -> Iterator[None]:
        """Compute each derivative once of what is seen within: transforms of a loss ask for the same ones again."""
        self._made = {}
        try:
            yield
        finally:
            self._made = None

    def stacked(self, x: Tensor, order: int) -> Tensor:
        """Return a derivative of each member's activation at x of shape (members, ...)."""
        if self._made is None:
            return self._computed(x, order)
        key = x.data_ptr(), x._version, x.shape, x.stride(), torch.is_grad_enabled()
        _, known = self._made.setdefault(key, (x, {}))  # while x is held, nothing else has its address
        if order not in known:
            known[order] = self._computed(x, order)
        return known[order]

    def _computed(self, x: Tensor, order: int) -> Tensor:
        (constants,) = self.constants
        try:
            if torch.is_grad_enabled():
                return _EachItsOwn.apply(x, constants, self.runs, order)  # type: ignore[no-any-return]
            return _values(x, constants, self.runs, order)
        except ExpressionError as error:
            raise Unstackable(str(error)) from error


@contextmanager
def watching(slots: Sequence[Slot]) -> Iterator[None]:
    """Have slots note what comes in."""
    for slot in slots:
        slot.seen = []
    try:
        yield
    finally:
        for slot in slots:
            slot.seen = None


class _AtSlot(torch.autograd.Function):
    """A derivative of a slot's activation for all members: the slot, and the order, are no tensors."""

    @staticmethod
    def forward(*_: Any) -> Tensor:
        """Refuse what no transform over members reaches."""
        raise Unstackable("an activation sees what all members share, such as the inputs themselves")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Slot, int], output: Tensor) -> None:  # noqa: ARG004
        x, ctx.slot, ctx.order = inputs
        ctx.save_for_backward(x)
        ctx.save_for_forward(x)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        (x,) = ctx.saved_tensors
        return grad * _AtSlot.apply(x, ctx.slot, ctx.order + 1), None, None

    @staticmethod
    def jvp(ctx: Any, tangent: Tensor, *_: None) -> Tensor:
        with forward_ad._set_fwd_grad_enabled(True):  # torch switches it off here, outer levels of it too, in silence
            x = forward_ad.unpack_dual(ctx.saved_tensors[0], level=0).primal
            slope: Tensor = _AtSlot.apply(x, ctx.slot, ctx.order + 1)
            return tangent * slope

    @staticmethod
    def vmap(
        info: Any, in_dims: tuple[int | None, None, None], x: Tensor, slot: Slot, order: int
    ) -> tuple[Tensor, int | None]:
        if peek_interpreter_stack() is not None:  # a transform of the loss, over examples: members lie further out
            return _AtSlot.apply(x, slot, order), in_dims[0]
        x = members_first(x, in_dims[0], info.batch_size)
        if slot.seen is not None and not order:
            slot.seen.append(quantiles(x))
        return slot.stacked(x, order), 0


class _EachItsOwn(torch.autograd.Function):
    """Every run through its kernel, forward with the slopes."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, constants: Tensor | None, runs: tuple[Run, ...], order: int) -> Tensor:
        values, slopes, kept = [], [], []
        pieces = _pieces(runs, x)
        for piece, part in zip(pieces, _cut(x, pieces), strict=True):
            value, slope, *others = piece.run.both(order)(part, *piece.constants(constants, part))
            values.append(value.view(-1))
            slopes.append(slope.view(-1))
            kept += others
        ctx.save_for_backward(torch.cat(slopes), *kept)
        ctx.pieces, ctx.constants = pieces, constants
        return torch.cat(values).view(x.shape).to(x.dtype)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor | None, None, None]:
        slope, *kept = ctx.saved_tensors
        to_x = (grad.reshape(-1) * slope).view(grad.shape).to(grad.dtype)
        if ctx.constants is None:
            return to_x, None, None, None
        to_constants, others = torch.zeros_like(ctx.constants), iter(kept)
        for piece, part in zip(ctx.pieces, _cut(grad, ctx.pieces), strict=True):
            for index in range(piece.run.constants):
                to_constants[piece.start : piece.stop, index] += (part * next(others)).sum(dim=1)
        return to_x, to_constants, None, None


def _values(x: Tensor, constants: Tensor | None, runs: tuple[Run, ...], order: int) -> Tensor:
    pieces = _pieces(runs, x)
    cut = zip(pieces, _cut(x, pieces), strict=True)
    values = [piece.run.value(order)(part, *piece.constants(constants, part)).view(-1) for piece, part in cut]
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
