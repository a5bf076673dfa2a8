"""The convolutional networks that PANGAEA and AQuaSurF searched on, for images of CIFAR's size.

Weights start as N(0, (gain/sqrt(fan_in))^2) after an activation and N(0, 1/fan_in) elsewhere. With
ReLU's gain, sqrt(2), that is the initialisation of He et al. 2015 (arXiv 1502.01852) for every layer
after an activation.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from evaluators.tasks.networks import scaled, scaled_linear
from evaluators.training.task import ActivationFactory


def _convolution(before: int, after: int, size: int, gain: float, stride: int = 1, bias: bool = False) -> nn.Conv2d:
    return scaled(nn.Conv2d(before, after, size, stride, padding=size // 2, bias=bias), gain)


class _Shortened(nn.Module):
    """The shortcut without weights: every second pixel, zeros for the new channels (option A)."""

    def __init__(self, new: int, stride: int) -> None:
        super().__init__()
        self.new, self.stride = new, stride

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, c, h, w) to (batch, c + new, h / stride, w / stride)."""
        return nn.functional.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.new))


class _PostBlock(nn.Module):
    """A residual block that activates after the sum (He et al. 2015, arXiv 1512.03385, figure 2)."""

    def __init__(self, before: int, after: int, stride: int, activation: ActivationFactory, gain: float) -> None:
        super().__init__()
        self.branch = nn.Sequential(
            _convolution(before, after, 3, gain, stride),
            nn.BatchNorm2d(after),
            activation(),
            _convolution(after, after, 3, gain),
            nn.BatchNorm2d(after),
        )
        self.shortcut = nn.Identity() if before == after else _Shortened(after - before, stride)
        self.activation = activation()

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, before, h, w) to (batch, after, h / stride, w / stride)."""
        return self.activation(self.branch(x) + self.shortcut(x))  # type: ignore[no-any-return]


class _PreBlock(nn.Module):
    """A residual block that normalises and activates first (He et al. 2016, arXiv 1603.05027, figure 4e).

    Where the width changes, the shortcut is a 1x1 convolution of the activated input.
    """

    def __init__(self, before: int, after: int, stride: int, activation: ActivationFactory, gain: float) -> None:
        super().__init__()
        self.first = nn.Sequential(nn.BatchNorm2d(before), activation())
        self.branch = nn.Sequential(
            _convolution(before, after, 3, gain, stride),
            nn.BatchNorm2d(after),
            activation(),
            _convolution(after, after, 3, gain),
        )
        widens = before != after
        self.shortcut = scaled(nn.Conv2d(before, after, 1, stride, bias=False), gain) if widens else None

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, before, h, w) to (batch, after, h / stride, w / stride)."""
        active = self.first(x)
        kept = x if self.shortcut is None else self.shortcut(active)
        return self.branch(active) + kept  # type: ignore[no-any-return]


def _blocks(
    kind: type[_PostBlock] | type[_PreBlock],
    widths: tuple[int, ...],
    depth: int,
    activation: ActivationFactory,
    gain: float,
) -> list[nn.Module]:
    """Return stages of ``depth`` blocks; each stage but the first halves the resolution."""
    blocks: list[nn.Module] = []
    for stage, (before, after) in enumerate(pairwise(widths)):
        blocks.append(kind(before, after, 2 if stage else 1, activation, gain))
        blocks += [kind(after, after, 1, activation, gain) for _ in range(depth - 1)]
    return blocks


def _head(width: int, classes: int, gain: float) -> list[nn.Module]:
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), scaled_linear(width, classes, gain)]


def resnet56_v1(classes: int, activation: ActivationFactory, gain: float) -> nn.Module:
    """Return ResNet-56 for CIFAR: three stages of 9 blocks, 16, 32 and 64 wide (arXiv 1512.03385, section 4.2)."""
    return nn.Sequential(
        _convolution(3, 16, 3, 1.0),
        nn.BatchNorm2d(16),
        activation(),
        *_blocks(_PostBlock, (16, 16, 32, 64), 9, activation, gain),
        *_head(64, classes, gain),
    )


def _preactivated(
    widths: tuple[int, ...], depth: int, classes: int, activation: ActivationFactory, gain: float
) -> nn.Module:
    return nn.Sequential(
        _convolution(3, widths[0], 3, 1.0),
        *_blocks(_PreBlock, widths, depth, activation, gain),
        nn.BatchNorm2d(widths[-1]),
        activation(),
        *_head(widths[-1], classes, gain),
    )


def resnet56_v2(classes: int, activation: ActivationFactory, gain: float) -> nn.Module:
    """Return ResNet-56 with pre-activation blocks (arXiv 1603.05027), of the widths of :func:`resnet56_v1`."""
    return _preactivated((16, 16, 32, 64), 9, classes, activation, gain)


def wide_resnet_10_4(classes: int, activation: ActivationFactory, gain: float) -> nn.Module:
    """Return WRN-10-4: three stages of one block, 64, 128 and 256 wide (arXiv 1605.07146, without dropout)."""
    return _preactivated((16, 64, 128, 256), 1, classes, activation, gain)


class _ChannelMean(nn.Module):
    """The mean over all places."""

    def forward(self, x: Tensor) -> Tensor:
        """Map (batch, c, h, w) to (batch, c)."""
        return torch.mean(x, dim=(2, 3))


def all_cnn_c(classes: int, activation: ActivationFactory, gain: float) -> nn.Module:
    """Return All-CNN-C: nine convolutions, each with an activation, the last too, and a mean (arXiv 1412.6806).

    All of them are padded. Dropout of 20 percent of the inputs and 50 percent after each convolution
    of stride 2.
    """
    layers: list[nn.Module] = [nn.Dropout(0.2)]
    plan = [(96, 3, 1), (96, 3, 1), (96, 3, 2), (192, 3, 1), (192, 3, 1), (192, 3, 2), (192, 3, 1), (192, 1, 1)]
    before = 3
    for after, size, stride in [*plan, (classes, 1, 1)]:
        layers += [_convolution(before, after, size, gain if before > 3 else 1.0, stride, bias=True), activation()]
        layers += [nn.Dropout(0.5)] if stride == 2 else []
        before = after
    return nn.Sequential(*layers, _ChannelMean())
