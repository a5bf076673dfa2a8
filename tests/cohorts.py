"""Small networks of four kinds on real digits, and how a stack of them is compared with each alone."""

from __future__ import annotations

import dataclasses
import math

import torch
from torch import nn

from evaluators import Classification, Data, Job, Recipe, assess, load_task
from evaluators.tasks.networks import VisionTransformer, mlp
from evaluators.training.cohort.group import Member
from evaluators.training.cohort.lone import Lone
from evaluators.training.pulse import Beat
from primitives import resolve

CPU = torch.device("cpu")
STEPS = 16
PANEL = ("relu", "gelu", "crrelu", "swish", "tanh", "x*gaussian(x) + beta*sin(alpha*x); alpha=1.0; beta=0.3")


class OnDigits(Classification):
    """scikit-learn's digits through whatever network a subclass has, in float64."""

    recipe = Recipe(steps=STEPS, batch_size=32, precision="float64", activation_decay=0.02, weight_decay=0.1)

    def data(self, part):
        data = load_task("digits-vit").data(part)
        return Data(data.inputs[:200], data.targets[:200])


class Perceptron(OnDigits):
    name = "perceptron"

    def network(self, activation, gain):
        return nn.Sequential(nn.Flatten(), mlp([64, 24, 24, 10], activation, gain))


class Convolutional(OnDigits):
    """Convolutions, batch norm with running statistics, and SGD."""

    name = "convolutional"
    recipe = dataclasses.replace(OnDigits.recipe, optimiser="sgd", learning_rate=0.05, clip=math.inf)

    def network(self, activation, gain):
        layers = [nn.Unflatten(1, (1, 8)), nn.Conv2d(1, 6, 3, padding=1), nn.BatchNorm2d(6), activation()]
        layers += [nn.Conv2d(6, 6, 3, stride=2, groups=2), nn.BatchNorm2d(6), activation(), nn.AvgPool2d(3)]
        head = nn.Linear(6, 10)
        with torch.no_grad():
            head.weight *= gain
        return nn.Sequential(*layers, nn.Flatten(), head)


class Transformer(OnDigits):
    name = "transformer"

    def network(self, activation, gain):
        return VisionTransformer(8, 2, 10, activation, gain, width=16)


class Causal(OnDigits):
    """A small causal transformer over the pixels as tokens: embedding, tied head, mask, RMSNorm, GroupNorm."""

    name = "causal"

    def data(self, part):
        data = super().data(part)
        tokens = (data.inputs.flatten(1)[:, ::4] * 2 + 4).round().clamp(0, 7).long()
        return Data(tokens, data.targets)

    def network(self, activation, gain):
        return Decoder(activation, gain)


class Decoder(nn.Module):
    def __init__(self, activation, gain):
        super().__init__()
        self.embed, self.norm, self.groups = nn.Embedding(8, 16), nn.RMSNorm(16), nn.GroupNorm(4, 16)
        self.qkv, self.mlp = nn.Linear(16, 48), mlp([16, 32, 16], activation, gain)
        self.classes, self.last = nn.Linear(16, 10), nn.Linear(16, 8, bias=False)
        self.last.weight = self.embed.weight
        self.register_buffer("offsets", torch.arange(16.0)[:, None] / 16)

    def forward(self, tokens):
        x = self.embed(tokens) + self.offsets
        q, k, v = self.qkv(self.norm(x)).unflatten(2, (3, 2, 8)).permute(2, 0, 3, 1, 4)
        mixed = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + mixed.transpose(1, 2).flatten(2)
        x = x + self.mlp(self.groups(x.transpose(1, 2)).transpose(1, 2))
        return self.classes(x.mean(1)) + self.last(x).mean((1, 2))[:, None]


def members(names=PANEL, seeds=(0,), steps=STEPS):
    jobs = [
        Job(i, str(resolve(n)), assess(resolve(n)).gain or 1.0, "t", steps, tuple(seeds)) for i, n in enumerate(names)
    ]
    return [Member(job, seed) for job in jobs for seed in seeds]


def lone(task, member, to=STEPS, device=CPU):
    group = Lone(task, member, device)
    group.advance(to, Beat())
    return group


def alone_weights(group):
    """The weights in the order of the network's own, and the activations' constants apart."""
    network = group._training.network
    constants = [n for n, _ in network.named_parameters() if n.rpartition(".")[2] in ("alpha", "beta", "epsilon")]
    every = dict(network.named_parameters()) | dict(network.named_buffers())
    return {n: v for n, v in every.items() if n not in constants}, [every[n].item() for n in constants]


def member_weights(stack, index):
    weights = {n: v[index] for n, v in (stack._weights | stack._buffers).items()} | stack._shared_buffers
    count = len(stack._expressions[index].initial)
    return weights, [
        v.item() for s in stack._slots if s.constants[0] is not None for v in s.constants[0][index, :count]
    ]


NETWORKS = (Perceptron, Convolutional, Transformer, Causal)


def in_precision(network, precision):
    """Return a task of this network with its recipe in another precision."""
    task = network()
    task.recipe = dataclasses.replace(network.recipe, precision=precision)
    return task
