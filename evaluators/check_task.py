"""One look at a task before anything is trained on it, so that a fault is named by its method and shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from evaluators.task import AnyTask, Data, OwnLoop, Part, Recipe, Task
from evaluators.train import on_device, pick_device, weights_type
from primitives import ActsearchError

_PARTS: tuple[Part, ...] = ("train", "validation", "test")
_EXAMPLES = 4
Answer = TypeVar("Answer")


def check_task(task: AnyTask) -> None:
    """Try every method of a task on a few examples, on the CPU; it leaves torch's generator as it was.

    A task with a loop of its own is asked for its recipe and to check for itself.

    Raises:
        ActsearchError: a method raises or answers in a wrong shape or type; the message names both.
    """
    check = _Check(task.name if isinstance(getattr(task, "name", None), str) else type(task).__name__)
    check.that(isinstance(getattr(task, "name", None), str), "its name is missing; set name = 'my-task'")
    recipe = getattr(task, "recipe", None)
    check.that(isinstance(recipe, Recipe), "its recipe is missing; set recipe = Recipe(steps=500)")
    if isinstance(task, OwnLoop):
        check.call("check", task.check)
        return
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        parts = {part: check.data(task, part) for part in _PARTS}
        batches = {part: check.batch(task, part, data) for part, data in parts.items()}
        check.network(task, *batches["train"])


class _Check:
    """The checks of one task, whose name every message starts with."""

    def __init__(self, name: str) -> None:
        self._name = name

    def that(self, holds: bool, otherwise: str) -> None:
        """Raise unless something holds."""
        if not holds:
            raise ActsearchError(f"task '{self._name}': {otherwise}")

    def call(self, method: str, function: Callable[..., Answer], *arguments: Any) -> Answer:
        """Call a method; what it raises is told with the method's name and the shapes it was given."""
        try:
            return function(*arguments)
        except ActsearchError:
            raise
        except Exception as error:
            given = ", ".join(_shape(a) for a in arguments if isinstance(a, Tensor))
            raise ActsearchError(
                f"task '{self._name}': {method}{f' given {given}' if given else ''} "
                f"raises {type(error).__name__}: {error}"
            ) from error

    def data(self, task: Task, part: Part) -> Data:
        """Check one part of the data."""
        method = f'data("{part}")'
        data = self.call(method, task.data, part)
        self.that(isinstance(data, Data), f"{method} must return Data(inputs, targets), not a {type(data).__name__}")
        for name, values in (("inputs", data.inputs), ("targets", data.targets)):
            self.that(
                isinstance(values, Tensor), f"{method} must hold tensors; its {name} is a {type(values).__name__}"
            )
        self.that(
            len(data.inputs) == len(data.targets) > 0,
            f"{method} needs as many targets as inputs and at least one; its shapes are inputs "
            f"{_shape(data.inputs)} and targets {_shape(data.targets)}",
        )
        return data

    def batch(self, task: Task, part: Part, data: Data) -> tuple[Tensor, Tensor]:
        """Check how a few examples are loaded, augmented when it is the training part."""
        data = on_device(data, task.recipe, pick_device("cpu"))
        rows = torch.arange(min(_EXAMPLES, len(data)))
        generator = torch.Generator().manual_seed(0) if part == "train" else None
        answer: Any = self.call("batch(data, rows, generator)", task.batch, data, rows, generator)
        self.that(
            isinstance(answer, tuple) and len(answer) == 2 and all(isinstance(a, Tensor) for a in answer),
            "batch(data, rows, generator) must return a tensor of inputs and one of targets",
        )
        inputs, targets = answer
        self.that(
            len(inputs) == len(targets) == len(rows),
            f"batch(data, rows, generator) given {len(rows)} rows returns inputs {_shape(inputs)} "
            f"and targets {_shape(targets)}",
        )
        self.that(
            not inputs.is_floating_point() or bool(torch.isfinite(inputs).all()),
            f"the first inputs of {part} are not finite",
        )
        return inputs, targets

    def network(self, task: Task, inputs: Tensor, targets: Tensor) -> None:
        """Check the network, its activations, loss and error."""
        made: list[nn.Module] = []
        reached: set[nn.Module] = set()

        def activation() -> nn.Module:
            made.append(nn.ReLU())
            made[-1].register_forward_hook(lambda module, *_: reached.add(module))
            return made[-1]

        activation.__qualname__ = "activation"  # errors quote it
        network = self.call("network(activation, gain)", task.network, activation, 1.0)
        self.that(
            isinstance(network, nn.Module),
            f"network(activation, gain) must return an nn.Module, not a {type(network).__name__}",
        )
        self.that(
            bool(made), "network(activation, gain) never calls activation(), so every candidate would be the same"
        )
        network.train().to(weights_type(task.recipe))
        outputs = self.call("the network", network, inputs)
        self.that(
            not reached.isdisjoint(made),
            "no activation() that network(activation, gain) made is used by its forward",
        )
        self.loss(task, outputs, targets)
        with torch.no_grad():
            self.error(task, self.call("the network in evaluation", network.eval(), inputs), targets)

    def loss(self, task: Task, outputs: Tensor, targets: Tensor) -> None:
        """Check the loss."""
        loss = self.call("loss(outputs, targets)", task.loss, outputs, targets)
        self.that(isinstance(loss, Tensor), f"loss(outputs, targets) must return a tensor, not a {type(loss).__name__}")
        self.that(
            loss.shape == (),
            f"loss(outputs, targets) must return a scalar, the mean over the batch, not {_shape(loss)}; "
            f"it was given outputs {_shape(outputs)} and targets {_shape(targets)}",
        )
        self.that(
            loss.requires_grad,
            "loss(outputs, targets) has no gradient by the network's weights; compute it from outputs with torch",
        )

    def error(self, task: Task, outputs: Tensor, targets: Tensor) -> None:
        """Check the error."""
        error = self.call("error(outputs, targets)", task.error, outputs, targets)
        self.that(
            isinstance(error, Tensor), f"error(outputs, targets) must return a tensor, not a {type(error).__name__}"
        )
        self.that(
            error.shape == targets.shape[:1],
            f"error(outputs, targets) must return one number an example, shape ({len(targets)},), not {_shape(error)}; "
            f"it was given outputs {_shape(outputs)} and targets {_shape(targets)}",
        )


def _shape(tensor: Tensor) -> str:
    return str(tuple(tensor.shape))
