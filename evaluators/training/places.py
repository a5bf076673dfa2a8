"""What the activations of a trained network have become, and what they see."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn


QUANTILES = 33
"""Of the inputs of an activation, at equal steps of probability from 0 to 1."""

_VALUES = 8192
_DIGITS = 5


@dataclass(frozen=True)
class Place:
    """One activation of a trained network.

    Attributes:
        name: of the layer, as in ``named_modules()``; further uses of one layer have `` (2)``, `` (3)`` behind it.
        constants: what its learnable parameters became, by name, the mean where it has one a channel.
        inputs: 33 quantiles of what it sees of validation examples, at probabilities 0, 1/32, … 1; none where it sees
            a number that is not finite, or was not used.
    """

    name: str
    constants: Mapping[str, float] = field(default_factory=dict, hash=False)
    inputs: tuple[float, ...] = ()


def quantiles(x: Tensor) -> Tensor:
    """Return quantiles (rows, 33), on the CPU, of up to 8,192 values of each row, evenly chosen from (rows, ...)."""
    import torch

    flat = x.detach().reshape(len(x), -1)
    if flat.shape[1] > _VALUES:
        flat = flat[:, torch.linspace(0, flat.shape[1] - 1, _VALUES, device=x.device).long()]
    at = torch.linspace(0, 1, QUANTILES, dtype=torch.float32, device=x.device)
    return torch.quantile(flat.float(), at, dim=1).T.cpu()


def places_of(name: str, constants: Mapping[str, float], seen: Sequence[Tensor]) -> Iterator[Place]:
    """Yield a layer's places: one for each time that it was used in a pass, one where it was not.

    Args:
        name: of the layer.
        constants: its learnable parameters.
        seen: quantiles (33,) of each use.
    """
    import torch

    rounded = {each: _rounded(value) for each, value in constants.items()}
    for number, some in enumerate(seen or [torch.full((QUANTILES,), torch.nan)], start=1):
        inputs = tuple(map(_rounded, some.tolist())) if bool(torch.isfinite(some).all()) else ()
        yield Place(name if number == 1 else f"{name} ({number})", rounded, inputs)


def _rounded(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")


@contextmanager
def watched(layers: Iterable[tuple[str, nn.Module]]) -> Iterator[dict[str, list[Tensor]]]:
    """Note the quantiles (33,) of what layers are called with, by name."""
    seen: dict[str, list[Tensor]] = {}
    hooks = []
    for name, layer in layers:
        there = seen.setdefault(name, [])

        def note(_: nn.Module, inputs: tuple[Any, ...], there: list[Tensor] = there) -> None:
            there.append(quantiles(inputs[0][None])[0])

        hooks.append(layer.register_forward_pre_hook(note))
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()
