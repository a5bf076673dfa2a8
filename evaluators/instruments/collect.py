"""The distribution that each activation of a real network sees, at initialisation or while it trains."""

from __future__ import annotations

from collections import deque
from types import TracebackType
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from evaluators.theory.density import EmpiricalDensity, empirical
from primitives import ActsearchError

_VALUES = 4096
_CALLS = 16


class PreActivations:
    """Collects the inputs of every activation layer of some kinds; a context manager.

    Of each forward pass 4,096 values a layer are kept, drawn at random, and of the passes the
    last 16, so during training the densities follow the network. Activations that a network
    calls as functions are not layers and are not seen.

    Attributes:
        sites: names of the layers, as in ``network.named_modules()``; a layer that is used in
            several places is one site.

    Example:
        >>> from torch import nn
        >>> network = nn.Sequential(nn.Linear(8, 64), nn.GELU(), nn.Linear(64, 2))
        >>> with PreActivations(network, nn.GELU) as seen:
        ...     _ = network(torch.randn(256, 8))
        >>> list(seen.densities())
        ['1']
    """

    def __init__(self, network: nn.Module, *kinds: type[nn.Module], seed: int = 0) -> None:
        """Prepare to watch.

        Args:
            network: whose layers to watch.
            kinds: classes of activation layers.
            seed: of the draw of values.

        Raises:
            ActsearchError: the network has no layer of these kinds, or is no network, or they are no classes.
        """
        if not isinstance(network, nn.Module):
            raise ActsearchError(f"the network must be an nn.Module, not {network!r}")
        for kind in kinds:
            if not isinstance(kind, type):
                raise ActsearchError(f"a kind of activation layer must be a class such as nn.GELU, not {kind!r}")
        self._layers = {name: module for name, module in network.named_modules() if isinstance(module, kinds)}
        if not self._layers:
            wanted = ", ".join(kind.__name__ for kind in kinds) or "no kind given"
            raise ActsearchError(f"the network has no activation layer of the kind asked for ({wanted})")
        self.sites = tuple(self._layers)
        self._values: dict[str, deque[Tensor]] = {name: deque(maxlen=_CALLS) for name in self.sites}
        self._generator = torch.Generator().manual_seed(seed)
        self._hooks: list[Any] = []

    def __enter__(self) -> Self:
        """Start watching."""
        for name, layer in self._layers.items():
            self._hooks.append(layer.register_forward_pre_hook(self._watch(name), with_kwargs=True))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop watching; what was collected stays."""
        while self._hooks:
            self._hooks.pop().remove()

    def _watch(self, name: str) -> Any:
        def hook(_: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> None:
            tensors = [value for value in (*inputs, *named.values()) if isinstance(value, Tensor)]
            if not tensors:
                return
            flat = tensors[0].detach().reshape(-1)
            if len(flat) > _VALUES:
                flat = flat[torch.randint(len(flat), (_VALUES,), generator=self._generator).to(flat.device)]
            self._values[name].append(flat.cpu().to(torch.float64, copy=True))  # in this order: mps has no float64

        return hook

    def samples(self) -> dict[str, np.ndarray[Any, np.dtype[np.float64]]]:
        """Return what each site saw, shape (n,); sites that were never called are left out."""
        return {name: torch.cat(list(values)).numpy() for name, values in self._values.items() if values}

    def densities(self) -> dict[str, EmpiricalDensity]:
        """Return the density that each site saw.

        Raises:
            ActsearchError: a site saw values that are not finite, fewer than 100, or one only.
        """
        return {name: empirical(sample, name) for name, sample in self.samples().items()}
