"""The members' own networks, and the one that stands for all of them in a stack."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from evaluators.training.cohort.fallback import Unstackable
from evaluators.training.cohort.group import Member
from evaluators.training.cohort.kernels import Slot
from evaluators.training.pieces import fresh_network
from evaluators.training.task import Task
from primitives import Expression, compile_expression, parse


@dataclass(frozen=True)
class Built:
    """Networks with the initial weights of their members.

    Attributes:
        skeleton: the first member's, with slots in the places of its activations.
        own: every member's, as it would be trained alone.
        expressions: of their activations.
    """

    skeleton: nn.Module
    own: tuple[nn.Module, ...]
    expressions: tuple[Expression, ...]

    def sites(self, network: nn.Module) -> list[nn.Module]:
        """Return one network's activation layers, in the order of the skeleton's slots."""
        modules = dict(network.named_modules())
        return [modules[name] for name, module in self.skeleton.named_modules() if isinstance(module, Slot)]

    def in_double(self) -> Built:
        """Return the same in float64, converted in place."""
        return Built(self.skeleton.double(), tuple(network.double() for network in self.own), self.expressions)

    def stacked(self) -> tuple[dict[str, nn.Parameter], dict[str, Tensor]]:
        """Return copies of the members' weights and buffers, each of shape (members, ...), by name.

        Raises:
            Unstackable: the networks hold different ones.
        """
        weights, buffers = dict(self.skeleton.named_parameters()), dict(self.skeleton.named_buffers())
        parameters = [dict(network.named_parameters()) for network in self.own]
        held = [dict(network.named_buffers()) for network in self.own]
        for network, theirs, states in zip(self.own, parameters, held, strict=True):
            self._check(network, theirs, states)
        return (
            {
                name: nn.Parameter(torch.stack([each[name].detach() for each in parameters]), weight.requires_grad)
                for name, weight in weights.items()
            },
            {name: torch.stack([each[name] for each in held]) for name in buffers},
        )

    def _check(self, network: nn.Module, weights: dict[str, nn.Parameter], buffers: dict[str, Tensor]) -> None:
        """Refuse a network that does not hold what the skeleton holds."""
        slots = {name for name, module in self.skeleton.named_modules() if isinstance(module, Slot)}
        if not slots <= dict(network.named_modules()).keys():
            raise Unstackable("its networks have their activations in different places")
        theirs = {
            name: (w.shape, w.requires_grad) for name, w in weights.items() if name.rpartition(".")[0] not in slots
        }
        ours = {name: (w.shape, w.requires_grad) for name, w in self.skeleton.named_parameters()}
        states = {name: (b.shape, b.dtype) for name, b in self.skeleton.named_buffers()}
        if ours != theirs or states != {name: (b.shape, b.dtype) for name, b in buffers.items()}:
            raise Unstackable("its networks differ in the names or shapes of their weights or buffers")


def build(task: Task, members: Sequence[Member], device: torch.device) -> Built:
    """Build the networks of members; what a network raises while it is made is let through."""
    expressions = tuple(parse(member.job.expression) for member in members)
    own = [own_network(task, member, device, each) for member, each in zip(members, expressions, strict=True)]
    return Built(skeleton_of(task, members[0], device), tuple(own), expressions)


def skeleton_of(task: Task, member: Member, device: torch.device) -> nn.Module:
    """Build a member's network with slots in the places of its activations."""
    return fresh_network(task, Slot, member.job.gain, member.seed, device)


def own_network(task: Task, member: Member, device: torch.device, expression: Expression | None = None) -> nn.Module:
    """Build the network that a member is trained as alone, its expression read already or not."""
    activation = compile_expression(expression or parse(member.job.expression)).module
    return fresh_network(task, activation, member.job.gain, member.seed, device)
