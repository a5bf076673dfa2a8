"""The training callback: puts adaptive activations into a network and moves them every so many steps."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any

import torch
from torch import nn

from evaluators.instruments.dynamic.adaptive import AdaptiveActivation
from primitives import ActsearchError, Expression, compile_expression, resolve

KNOWN: dict[type[nn.Module], Callable[[Any], str]] = {
    nn.ReLU: lambda _: "relu",
    nn.GELU: lambda layer: "gelu" if layer.approximate == "none" else "gelu_tanh",
    nn.SiLU: lambda _: "silu",
    nn.Mish: lambda _: "mish",
    nn.ELU: lambda layer: "elu" if layer.alpha == 1 else f"{layer.alpha!r}*elu(x) + {1 - layer.alpha!r}*relu(x)",
    nn.LeakyReLU: lambda layer: f"{layer.negative_slope!r}*x + {1 - layer.negative_slope!r}*relu(x)",
    nn.Softplus: lambda layer: "softplus" if layer.beta == 1 else f"softplus({layer.beta!r}*x)/{layer.beta!r}",
    nn.Tanh: lambda _: "tanh",
    nn.Sigmoid: lambda _: "sigmoid",
    nn.SELU: lambda _: "selu",
    nn.Hardswish: lambda _: "hardswish",
    nn.ReLU6: lambda _: "relu6",
}
"""Which function a layer of torch computes."""


class DynamicEAFO:
    """Adapts activations while a network trains: two lines in any torch loop.

    Every ``every`` steps each layer adds up to 1,024 of its pre-activations to a running histogram
    and moves one step down its standardised output entropy, keeping the output's second moment.
    Between two updates a step costs nothing but the layer itself. Where the input has moved away,
    the place of the change follows.

    In a distributed network each process measures its own inputs and the first one's buffers are
    broadcast, as torch does with every buffer. Under gradient accumulation the last forward pass
    before the update counts.

    It belongs to one network. To copy both, copy them together, in one call:
    ``network, dynamic = copy.deepcopy((network, dynamic))``. To save both, save both their
    ``state_dict``: the step counter is in this one's, all else in the network's.

    Args:
        network: what is trained; its layers are replaced in place.
        replace: the type of layer to replace wherever it is a submodule, shared ones included;
            ``None`` adapts the :class:`AdaptiveActivation` layers that are already there.
        base: the function of the replaced layers, where their type does not tell.
        every: steps between two updates.
        rate: size of the first step; df is -rate*Var[f] times the projected first variation.
        settle: updates after which the step has halved: rate/(1 + updates/settle).
        bound: largest slope of the change, f - scale*base, anywhere, in units of the root mean
            square slope of scale*base under the layer's running density; scale is what keeps the
            second moment. It holds, to 0.5 %, after every update.
        memory: share of the old density that an update keeps.

    Attributes:
        layers: the adaptive layers by their name in the network.
        steps: how often :meth:`step` was called.

    Raises:
        ActsearchError: there is nothing to adapt, the function of a layer is not known or cannot be
            adapted, or an argument is of the wrong kind or out of range.

    Example:
        >>> network = nn.Sequential(nn.Linear(4, 8), nn.GELU(), nn.Linear(8, 2))
        >>> dynamic = DynamicEAFO(network, nn.GELU)
        >>> dynamic.step()  # after each optimizer.step()
    """

    def __init__(
        self,
        network: nn.Module,
        replace: type[nn.Module] | None = None,
        *,
        base: Expression | str | None = None,
        every: int = 50,
        rate: float = 0.1,
        settle: float = 20.0,
        bound: float = 0.5,
        memory: float = 0.9,
    ) -> None:
        _check(every, rate, settle, bound, memory)
        if not isinstance(network, nn.Module):
            raise ActsearchError(f"the network must be an nn.Module, not {network!r}")
        if replace is not None:
            _make_adaptive(network, replace, base)
        elif base is not None:
            raise ActsearchError("base= says what the replaced layers compute; name their type too, as in nn.ReLU")
        found = {name: layer for name, layer in network.named_modules() if isinstance(layer, AdaptiveActivation)}
        if not found:
            raise ActsearchError(
                "the network has no AdaptiveActivation to adapt; name a type of layer to replace"
                + _activations_of(network)
            )
        self.layers: dict[str, AdaptiveActivation] = found
        self.steps, self.every = 0, every
        self.rate, self.settle, self.bound, self.memory = rate, settle, bound, memory
        self._network = network
        self._collect()

    def step(self) -> None:
        """Count one optimiser step and update the layers when it is time. Call it after ``optimizer.step()``."""
        self.steps += 1
        if self.steps % self.every == 0:
            for layer in self.layers.values():
                rate = self.rate / (1 + int(layer.counts[0]) / self.settle)
                layer.adapt(rate, self.bound, self.memory)
        self._collect()

    def _collect(self) -> None:
        """Have the layers collect in the step that ends with an update, and in no other."""
        due = (self.steps + 1) % self.every == 0
        if due or self.steps % self.every == 0:
            for layer in self.layers.values():
                layer.collecting = due

    def entropies(self) -> dict[str, tuple[float, float]]:
        """Return per layer the standardised entropy of the base and of the function now, in nats.

        Both under the layer's running density and smoothed by
        :data:`evaluators.instruments.dynamic.family.SMOOTHING`; NaN before the first update.
        """
        return {name: layer.entropies() for name, layer in self.layers.items()}

    def freeze(self) -> dict[str, Expression]:
        """Replace each adaptive layer by the function it has become, and return these by name.

        What is put in is the plain compiled module that an export of the expression holds; no layer
        is adapted any more. Parameters of a base are new objects: make the optimiser anew.

        Raises:
            ActsearchError: the network itself is the adaptive layer; export its ``expression``.
        """
        frozen = {name: layer.expression for name, layer in self.layers.items()}
        plain = {id(layer): _plain(layer, frozen[name]) for name, layer in self.layers.items()}
        _exchange(self._network, lambda layer: plain.get(id(layer)))
        self.layers = {}
        return frozen

    def state_dict(self) -> dict[str, int]:
        """Return the step counter; all else is in the network's own ``state_dict``."""
        return {"steps": self.steps}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on at the step of a saved state; load the network's own ``state_dict`` as well."""
        self.steps = state["steps"]
        for layer in self.layers.values():
            layer.collecting = (self.steps + 1) % self.every == 0


def _check(every: int, rate: float, settle: float, bound: float, memory: float) -> None:
    """Raise for a number out of range."""
    rules: list[tuple[str, Any, Callable[[Any], bool], str]] = [
        ("every", every, lambda v: v >= 1 and v % 1 == 0, "a whole number of steps, 1 or more"),
        ("rate", rate, lambda v: 0 < v <= 1, "a number above 0 and at most 1"),
        ("settle", settle, lambda v: v > 0, "a number above 0"),
        ("bound", bound, lambda v: 0 < v <= 10, "a number above 0 and at most 10"),
        ("memory", memory, lambda v: 0 <= v < 1, "a number at least 0 and below 1"),
    ]
    for name, value, good, wanted in rules:
        if isinstance(value, bool) or not isinstance(value, Real) or not good(value):
            raise ActsearchError(f"{name}={value!r} does not do; it must be {wanted}")


def _make_adaptive(network: nn.Module, replace: type[nn.Module], base: Expression | str | None) -> None:
    """Replace each layer of exactly this type."""
    if not (isinstance(replace, type) and issubclass(replace, nn.Module)):
        raise ActsearchError(f"the type of layer to replace must be a class such as nn.GELU, not {replace!r}")
    made: dict[int, nn.Module] = {}
    first = next((p for p in network.parameters() if p.is_floating_point()), None)
    double = torch.float64 if first is not None and first.dtype == torch.float64 else torch.float32

    def adaptive(layer: nn.Module) -> nn.Module | None:
        if type(layer) is not replace:
            return None
        if id(layer) not in made:
            new = AdaptiveActivation(base or _function_of(layer), device=first.device if first is not None else None)
            made[id(layer)] = new.to(double).train(layer.training)
        return made[id(layer)]

    _exchange(network, adaptive)
    if not made:
        below = sorted({type(m).__name__ for m in network.modules() if isinstance(m, replace)})
        if below:
            raise ActsearchError(
                f"the network has no {replace.__name__} itself, but {', '.join(below)}, a subclass that may compute "
                "something else; give that class by itself, with base= for its function"
            )
        raise ActsearchError(
            f"the network has no {replace.__name__} layer to adapt; a function call such as F.relu cannot be replaced"
            + _activations_of(network)
        )


def _function_of(layer: nn.Module) -> Expression:
    """Return what a layer of torch computes."""
    text = KNOWN.get(type(layer))
    if text is None:
        known = ", ".join(kind.__name__ for kind in KNOWN)
        raise ActsearchError(
            f"what {type(layer).__name__} computes is not known; say it with base=, a name or a formula, "
            f"or use one of {known}"
        )
    return resolve(text(layer))


def _exchange(network: nn.Module, new: Callable[[nn.Module], nn.Module | None]) -> None:
    """Put in the new module for each submodule that has one."""
    if new(network) is not None:
        raise ActsearchError("the network is itself the activation; put it into an nn.Sequential first")
    for parent in list(network.modules()):
        for name, child in parent._modules.items():
            module = None if child is None else new(child)
            if module is None:
                continue
            parent._modules[name] = module
            if isinstance(parent, nn.TransformerEncoderLayer):
                parent.activation_relu_or_gelu = 0  # else its fast path computes the old function in eval mode


def _plain(layer: AdaptiveActivation, expression: Expression) -> nn.Module:
    """Return the compiled module of a frozen expression, where the layer was."""
    module = compile_expression(expression).module()
    return module.to(layer.table).train(layer.training)


def _activations_of(network: nn.Module) -> str:
    """Return a clause that names the activation layers of a network."""
    names = {type(m).__name__ for m in network.modules() if type(m).__module__ == "torch.nn.modules.activation"}
    return f"; it has {', '.join(sorted(names))}" if names else "; it has no activation layers of torch"
