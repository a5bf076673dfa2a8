"""A task: data in three parts, a network that takes the activation, a loss and an error."""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from evaluators.training.calibration import brier_score, calibrated_loss
from primitives.errors import ActsearchError

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

Part = Literal["train", "validation", "test"]
ActivationFactory = Callable[[], "nn.Module"]
Network = Callable[["Tensor"], "Tensor"]
"""What a loss may call as often as it likes: a network with its weights in it."""


@dataclass(frozen=True)
class Data:
    """One part of a task's data, in memory.

    Attributes:
        inputs: shape (n, ...), float, or int64 symbols.
        targets: shape (n, ...).
    """

    inputs: Tensor
    targets: Tensor

    def __len__(self) -> int:
        """Return the number of examples."""
        return len(self.inputs)

    def to(self, device: torch.device) -> Data:
        """Return the same data on another device."""
        return Data(self.inputs.to(device), self.targets.to(device))


@dataclass(frozen=True)
class Recipe:
    """How a task is trained: linear warm-up, then cosine decay.

    Attributes:
        steps: optimiser steps of a full training.
        batch_size: examples a step, drawn without replacement epoch by epoch.
        optimiser: ``adamw``, or ``sgd`` with Nesterov momentum.
        learning_rate: peak value.
        weight_decay: of tensors of two or more dimensions.
        decay_vectors: whether biases and norms decay too.
        activation_decay: weight decay of the learnable constants of activations. At 0 nothing
            pulls them; above, decay turns a function into another one (CRReLU into ReLU).
        momentum: of SGD; AdamW's betas are torch's.
        warmup: share of the steps with rising learning rate.
        first_rate, last_rate: the learning rate before the first and after the last step, as shares of the peak.
        clip: largest norm of the whole gradient; infinite for none.
        precision: ``float32``, ``float64``, or ``bfloat16`` for automatic mixed precision over float32 weights.
        randomness: ``shared`` when all candidates of a seed see the same dropout masks and augmented
            batches, which pairs them; ``member`` when each draws its own (the masks of a stack then
            depend on who is in it).
    """

    steps: int
    batch_size: int = 64
    optimiser: Literal["adamw", "sgd"] = "adamw"
    learning_rate: float = 3e-3
    weight_decay: float = 0.01
    decay_vectors: bool = False
    activation_decay: float = 0.0
    momentum: float = 0.9
    warmup: float = 0.1
    first_rate: float = 0.0
    last_rate: float = 0.0
    clip: float = 1.0
    precision: Literal["float32", "float64", "bfloat16"] = "float32"
    randomness: Literal["shared", "member"] = "shared"


class Task(abc.ABC):
    """What candidates are trained on. Subclass it for your own network.

    ``tests`` for a subclass: :class:`evaluators.testing.TaskContract`.
    """

    name: str
    recipe: Recipe
    scale_controlled: bool = True
    """Whether :meth:`network` uses the gain; a published initialisation does not."""
    score: str = "error"
    """What a search goes by: ``error``, ``loss``, or one of :meth:`metrics`; lower is better."""

    needs: tuple[str, ...] = ()
    """What a function must be to be trained here, by the names of :data:`evaluators.judging.properties.catalogue.\
PROPERTIES`: ``twice_differentiable`` where the loss takes second derivatives by the inputs."""
    input_scale: float = 1.0
    """Standard deviation of what the first activations see, where it is not 1; a function is also screened there."""

    @abc.abstractmethod
    def data(self, part: Part) -> Data:
        """Return one part of the data. The three parts share no example."""

    def batch(self, data: Data, rows: Tensor, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
        """Return inputs and targets of some examples, on the device of ``data``.

        Override it to augment, or to load what does not fit in memory: ``data.inputs`` may then
        hold file numbers. It draws from nothing but the generator, so that all candidates of a
        seed see the same batches.

        Args:
            data: a part of this task's data.
            rows: indices, shape (n,), on the CPU, where they index data of any device.
            generator: for augmentation while training, one for each seed and step, and for each
                candidate under ``Recipe(randomness="member")``; ``None`` when scoring.
        """
        del generator
        return data.inputs[rows], data.targets[rows]

    @abc.abstractmethod
    def network(self, activation: ActivationFactory, gain: float) -> nn.Module:
        """Build a freshly initialised network.

        Args:
            activation: call it once for each place that needs an activation layer.
            gain: multiply the initial standard deviation 1/sqrt(fan_in) of every layer that
                follows an activation by this, so that each activation starts at the same
                signal scale. Random numbers must come from torch's global generator and must
                not depend on the activation.
        """

    @abc.abstractmethod
    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the scalar training loss, a mean over the batch."""

    def loss_of(self, network: Network, inputs: Tensor, targets: Tensor) -> Tensor:
        """Return the scalar that training lowers: :meth:`loss` of the outputs, unless you override it.

        Override it where training needs more than outputs, such as derivatives of the network by its inputs. Write
        those with ``torch.func`` (``grad``, ``jvp``, ``jacrev``, ``hessian``), which stack; ``torch.autograd.grad``
        cannot be stacked, and candidates train one by one. Scores are of :meth:`loss` and :meth:`error` all the same.

        Args:
            network: what :meth:`network` built, with its weights in it.
            inputs: of a batch.
            targets: of the same.
        """
        return self.loss(network(inputs), targets)

    @abc.abstractmethod
    def error(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the error of each example, shape (n,); its mean counts, lower is better."""

    def metrics(self, outputs: Tensor, targets: Tensor) -> Mapping[str, float]:
        """Return other numbers of a part, lower is better; there are none unless you override it.

        Args:
            outputs: of all examples of the part, shape (n, ...), so that they need not be means.
            targets: of the same examples.
        """
        del outputs, targets
        return {}


class Classification(Task):
    """A task with class indices as targets: cross-entropy, the share of wrong answers, and scores of probabilities."""

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the cross-entropy of logits (n, classes) against indices (n,)."""
        from torch import nn

        return nn.functional.cross_entropy(outputs, targets)

    def error(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return 1.0 where the largest logit is not the target, else 0.0."""
        return (outputs.argmax(dim=1) != targets).float()

    def metrics(self, outputs: Tensor, targets: Tensor) -> Mapping[str, float]:
        """Return ``calibrated_loss`` and ``brier`` where outputs are logits (n, classes) for the loss here."""
        if type(self).loss is not Classification.loss or outputs.dim() != 2 or targets.shape != outputs.shape[:1]:
            return {}
        return {"calibrated_loss": calibrated_loss(outputs, targets), "brier": brier_score(outputs, targets)}


@dataclass(frozen=True)
class Outcome:
    """What a training that a task did by itself came to.

    Attributes:
        error, loss: of the validation part, lower is better.
        test_error, test_loss: of the test part, when asked for.
        curve: training losses, at most 20.
        metrics: anything else worth keeping of the validation part, by name.
        test_metrics: the same of the test part, when asked for.
    """

    error: float
    loss: float
    test_error: float | None = None
    test_loss: float | None = None
    curve: tuple[float, ...] = ()
    metrics: Mapping[str, float] = field(default_factory=dict, hash=False)
    test_metrics: Mapping[str, float] = field(default_factory=dict, hash=False)


class OwnLoop(abc.ABC):
    """A task that trains by its own loop, such as a library's trainer, one candidate at a time."""

    name: str
    recipe: Recipe
    score: str = "error"
    """What a search goes by: ``error``, ``loss``, or one of the metrics of its :class:`Outcome`; lower is better."""

    def check(self) -> None:  # noqa: B027 - most have nothing to look for
        """Look for what training will need, before a campaign starts.

        Raises:
            primitives.ActsearchError: a package or a file is missing; the message says how to mend it.
        """

    @abc.abstractmethod
    def train(
        self,
        activation: ActivationFactory,
        gain: float,
        steps: int,
        seed: int,
        device: torch.device,
        deadline: float,
        score_test: bool,
    ) -> Outcome:
        """Train and score one network.

        Args:
            activation: called once for each place that needs an activation layer.
            gain: initialisation factor; a pre-trained network has no use for it.
            steps: optimiser steps.
            seed: fixes everything random, whatever the activation; global generators are left as they were.
            device: where to train.
            deadline: on the clock of :func:`time.monotonic`; look at it between steps.
            score_test: whether to score the test part.

        Raises:
            evaluators.training.pieces.Diverged: a loss or a score is not finite.
            evaluators.training.pulse.Late: the deadline has passed.
        """


AnyTask = Task | OwnLoop


def rename(task: AnyTask, name: str) -> None:
    """Give a task the name that a run's results have.

    Raises:
        ActsearchError: it does not take one.
    """
    try:
        task.name = name
    except AttributeError as error:
        raise ActsearchError(
            f"task '{name}': its name cannot be set, which a run does; give it as name = 'my-task' in the class"
        ) from error


"""What executors hold and trainings are made of."""
