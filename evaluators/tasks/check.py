"""One look at a task before anything is trained on it, so that a fault is named by its method and shape."""

from __future__ import annotations

import dataclasses
import math
import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, get_args, get_type_hints

import torch
from torch import Tensor, nn

from evaluators.instruments.swapping.swap import swaps_heard, what_to_act_on
from evaluators.judging.features.catalogue import kept
from evaluators.judging.features.feature import RESERVED
from evaluators.judging.objectives import SCORE_NAME
from evaluators.judging.properties.catalogue import PROPERTIES
from evaluators.training.examples import extreme_rows
from evaluators.training.pieces import has_own_loss, on_device, pick_device, seeded, weights_type
from evaluators.training.task import AnyTask, Classification, Data, OwnLoop, Part, Recipe, Task, rename
from evaluators.training.user_code.importing import hint_beside
from evaluators.training.user_code.reading import reading
from primitives import ActsearchError
from primitives.errors import unknown
from primitives.registries import is_name

_PARTS: tuple[Part, ...] = ("train", "validation", "test")
_EXAMPLES = 4
_MANY = 64
"""Examples of a part that metrics are tried on."""
_SCORED: tuple[Part, ...] = ("validation", "test")
_AT_ONCE = 1024
_ALL_BYTES = 2**30
"""Bytes of loaded inputs up to which every example is looked at, beyond them an even spread."""
_SPREAD = 256
_PAIRED = 16
"""Examples beyond which it is not tried whether all are compared with all."""
_RECIPE = get_type_hints(Recipe)
Answer = TypeVar("Answer")
Batch = tuple[Tensor, Tensor]


def check_task(task: AnyTask, executor: str = "serial") -> tuple[str, ...]:
    """Try every method of a task on the CPU; it leaves torch's generator as it was.

    Every value of the data is looked at, and network, loss and error are tried on the first examples of each part
    and on those with the smallest and the largest symbol. A task with a loop of its own is asked for its recipe
    and to check for itself.

    Args:
        task: to be tried.
        executor: with ``ray`` the task must come through to another process, too.

    Returns:
        What a person may want to act on: where :func:`evaluators.swap` left an old activation in the network that
        still runs, or put a new one that never does.

    Raises:
        ActsearchError: a method raises or answers in a wrong shape or type, a value is not finite or a class out of
            range, or the task cannot be sent to a worker; the message names which.
    """
    check = _Check(task.name if isinstance(getattr(task, "name", None), str) else type(task).__name__)
    check.that(isinstance(getattr(task, "name", None), str), "its name is missing; set name = 'my-task'")
    rename(task, task.name)
    recipe = getattr(task, "recipe", None)
    check.that(isinstance(recipe, Recipe), "its recipe is missing; set recipe = Recipe(steps=500)")
    check.recipe(task.recipe)
    check.that(
        isinstance(task.score, str) and re.fullmatch(SCORE_NAME, task.score) is not None,
        f"its score cannot be {task.score!r}; it is a name of small letters, digits and '_', as a campaign file has it",
    )
    notes: tuple[str, ...] = ()
    if isinstance(task, OwnLoop):
        check.call("check", task.check)
    else:
        with seeded(0, torch.device("cpu")):
            with reading():  # data are compared by their values; of their files only what may be settings counts
                parts = {part: check.data(task, part) for part in _PARTS}
                targets = {part: check.values(task, part, data) for part, data in parts.items()}
                tried = {part: check.batch(task, part, data, _telling_rows(data)) for part, data in parts.items()}
                scored = {part: check.batch(task, part, parts[part], _even_rows(parts[part])) for part in _SCORED}
            notes = check.network(task, tried, targets, scored)
            check.needs(task)
    if executor == "ray":
        from evaluators.training.user_code.sending import refuse_unsendable

        refuse_unsendable(task)
    return notes


def first_answers(task: Task) -> tuple[float, float]:
    """Return loss and mean error of a fresh network, of seed 0, on a few examples; the same in every process."""
    rows = torch.arange(min(_EXAMPLES, len(task.data("train"))))
    outputs, targets = _first_outputs(task, "train", rows)
    with seeded(0, torch.device("cpu")), torch.no_grad():
        loss, error = float(task.loss(outputs, targets)), float(task.error(outputs, targets).double().mean())
    return (loss + _first_own_loss(task, rows) if has_own_loss(task) else loss), error


def _first_own_loss(task: Task, rows: Tensor) -> float:
    """Return what training of a fresh network, of seed 0 and smooth, lowers on some examples."""
    with seeded(0, torch.device("cpu")):
        data = on_device(task.data("train"), task.recipe, torch.device("cpu"))
        network = task.network(nn.Tanh, 1.0).to(weights_type(task.recipe))
        return float(task.loss_of(network, *task.batch(data, rows, None)).detach())


def metric_names(task: AnyTask) -> tuple[str, ...]:
    """Return the names of a task's metrics; of a loop of its own nobody knows them before."""
    if isinstance(task, OwnLoop):
        return ()
    return tuple(task.metrics(*_first_outputs(task, "validation", _even_rows(task.data("validation")))))


def _first_outputs(task: Task, part: Part, rows: Tensor) -> Batch:
    """Return outputs of a fresh network, of seed 0, on some examples, and their targets."""
    with seeded(0, torch.device("cpu")), torch.no_grad():
        data = on_device(task.data(part), task.recipe, torch.device("cpu"))
        inputs, targets = task.batch(data, rows, None)
        return task.network(nn.ReLU, 1.0).to(weights_type(task.recipe)).eval()(inputs), targets


def _even_rows(data: Data) -> Tensor:
    """Return rows from the first to the last: what is said of a whole part needs all of its kinds."""
    return torch.linspace(0, len(data) - 1, min(_MANY, len(data))).round().long()


def _telling_rows(data: Data) -> Tensor:
    """Return the first rows, and those that hold the smallest and the largest symbol or target."""
    rows = list(range(min(_EXAMPLES, len(data))))
    for values, fractions in ((data.inputs, False), (data.targets, True)):
        if fractions or not values.is_floating_point():
            rows += extreme_rows(values)
    return torch.tensor(list(dict.fromkeys(rows)))


class _Check:
    """The checks of one task, whose name every message starts with."""

    def __init__(self, name: str) -> None:
        self._name = name

    def that(self, holds: bool, otherwise: str) -> None:
        """Raise unless something holds."""
        if not holds:
            raise ActsearchError(f"task '{self._name}': {otherwise}")

    def recipe(self, recipe: Recipe) -> None:
        """Check the values of a recipe."""
        for field in dataclasses.fields(recipe):
            value = getattr(recipe, field.name)
            choices = get_args(_RECIPE[field.name])
            if choices:
                self.that(
                    value in choices, f"recipe.{field.name} cannot be {value!r}; it is one of {', '.join(choices)}"
                )
            elif field.name in ("steps", "batch_size"):
                self.that(isinstance(value, int) and value > 0, f"recipe.{field.name} cannot be {value!r}; 1 or more")
            else:
                least = "more than 0" if field.name in ("learning_rate", "clip") else "0 or more"
                fine = isinstance(value, (int, float)) and (value > 0 or (value == 0 and least == "0 or more"))
                self.that(fine, f"recipe.{field.name} cannot be {value!r}; it is a number, {least}")

    def call(self, method: str, function: Callable[..., Answer], *arguments: Any) -> Answer:
        """Call a method; what it raises is told with the method's name and the shapes it was given."""
        try:
            return function(*arguments)
        except ActsearchError:
            raise
        except (Exception, SystemExit) as error:
            given = ", ".join(_shape(a) for a in arguments if isinstance(a, Tensor))
            raise ActsearchError(
                f"task '{self._name}': {method}{f' given {given}' if given else ''} "
                f"raises {type(error).__name__}: {error}{hint_beside(error)}"
            ) from error

    def data(self, task: Task, part: Part) -> Data:
        """Check one part of the data."""
        method = f'data("{part}")'
        data = self.call(method, task.data, part)
        self.that(isinstance(data, Data), f"{method} must return Data(inputs, targets), not a {type(data).__name__}")
        for name, values in (("inputs", data.inputs), ("targets", data.targets)):
            what = f"a {type(values).__name__}" if not isinstance(values, Tensor) else _no_rows(values)
            self.that(not what, f"{method} must hold dense tensors, one row an example; its {name} is {what}")
        self.that(
            len(data.inputs) == len(data.targets) > 0,
            f"{method} needs as many targets as inputs and at least one; its shapes are inputs "
            f"{_shape(data.inputs)} and targets {_shape(data.targets)}",
        )
        return data

    def values(self, task: Task, part: Part, data: Data) -> Tensor:
        """Check that everything the network and the loss are given is finite; return all targets that were seen."""
        data = on_device(data, task.recipe, pick_device("cpu"))
        (inputs, targets) = self.batch(task, part, data, torch.zeros(1, dtype=torch.long), augmented=False)
        fits = type(task).batch is Task.batch or inputs.nbytes * len(data) <= _ALL_BYTES
        count = len(data) if fits else min(_SPREAD, len(data))
        rows = torch.linspace(0, len(data) - 1, count, dtype=torch.float64).round().long()
        seen = []
        for some in rows.split(_AT_ONCE):
            inputs, targets = self.batch(task, part, data, some, augmented=False)
            for name, values in (("inputs", inputs), ("targets", targets)):
                self._finite(f"{name} of {part}", values, some)
            seen.append(targets)
        return torch.cat(seen)

    def _finite(self, what: str, values: Tensor, rows: Tensor) -> None:
        if values.is_floating_point():
            wrong = ~torch.isfinite(values).reshape(len(rows), -1).all(dim=1)
            if wrong.any():
                row = int(rows[int(wrong.nonzero()[0])])
                self.that(
                    False,
                    f"the {what} are not finite in row {row} ({str(values.dtype).removeprefix('torch.')}); leave such "
                    "rows out, or fill them in, in data() or batch()",
                )

    def batch(self, task: Task, part: Part, data: Data, rows: Tensor, augmented: bool = True) -> Batch:
        """Check how some examples are loaded, augmented when it is the training part and that is wanted."""
        data = on_device(data, task.recipe, pick_device("cpu"))
        generator = torch.Generator().manual_seed(0) if augmented and part == "train" else None
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
        return inputs, targets

    def network(
        self,
        task: Task,
        tried: Mapping[Part, Batch],
        targets: Mapping[Part, Tensor],
        scored: Mapping[Part, Batch],
    ) -> tuple[str, ...]:
        """Check the network, its activations, loss and error on some examples of each part; ``targets`` are all.

        Metrics are tried on ``scored``, an even choice from the parts that they are computed of.

        What :func:`evaluators.swap` did not reach in it is returned.
        """
        made: list[nn.Module] = []
        reached: set[nn.Module] = set()

        def activation() -> nn.Module:
            made.append(nn.ReLU())
            made[-1].register_forward_hook(lambda module, *_: reached.add(module))
            return made[-1]

        activation.__qualname__ = "activation"  # errors quote it
        with swaps_heard() as heard:
            network = self.call("network(activation, gain)", task.network, activation, 1.0)
        self.that(
            isinstance(network, nn.Module),
            f"network(activation, gain) must return an nn.Module, not a {type(network).__name__}",
        )
        self.that(
            bool(made), "network(activation, gain) never calls activation(), so every candidate would be the same"
        )
        network.train().to(weights_type(task.recipe))
        outputs = self.outputs("the network", network, tried["train"][0])
        self.that(
            not reached.isdisjoint(made),
            "no activation() that network(activation, gain) made is used by its forward",
        )
        for part, seen in targets.items():
            self.classes(task, part, seen, outputs)
        loss = self.loss(task, outputs, tried["train"][1])
        what = "loss(outputs, targets)"
        if has_own_loss(task):
            loss, what = self.loss_of(task, network, tried["train"]), "loss_of(network, inputs, targets)"
        self.that(
            loss.requires_grad, f"{what} has no gradient by the network's weights; compute it from outputs with torch"
        )
        network.eval()
        with torch.no_grad():
            for inputs, wanted in tried.values():
                outputs = self.outputs("the network in evaluation", network, inputs)
                self.loss(task, outputs, wanted)
                self.error(task, outputs, wanted)
                self.pairing(task, outputs, wanted)
            for inputs, wanted in scored.values():
                self.metrics(task, self.outputs("the network in evaluation", network, inputs), wanted)
        return what_to_act_on(heard, network, tried["train"][0])

    def needs(self, task: Task) -> None:
        """Check what it asks of functions."""
        for name in task.needs:
            self.that(name in PROPERTIES, f"its needs hold an {unknown('property', name, PROPERTIES)}")
        scale: Any = task.input_scale
        right = isinstance(scale, (int, float)) and 0 < scale <= 1000
        self.that(right, f"its input_scale is {scale!r}; it is a standard deviation above 0, of 1000 at most")

    def outputs(self, what: str, network: nn.Module, inputs: Tensor) -> Tensor:
        """Check that a network answers with one tensor."""
        outputs: Any = self.call(what, network, inputs)
        if isinstance(outputs, Mapping) and outputs:
            keys = ", ".join(repr(key) for key in outputs)
            told = f"a {type(outputs).__name__} with {keys}; return one of them, as in outputs[{next(iter(outputs))!r}]"
        elif isinstance(outputs, (tuple, list)):
            told = f"a {type(outputs).__name__}; return one of its tensors, as in outputs[0]"
        else:
            told = f"a {type(outputs).__name__}; return a tensor"
        self.that(
            isinstance(outputs, Tensor),
            f"{what} returns {told}, from the forward of a module that wraps it: loss and error are given one tensor",
        )
        found: Tensor = outputs
        return found

    def classes(self, task: Task, part: Part, targets: Tensor, outputs: Tensor) -> None:
        """Check that the targets of a classification are classes that the network has."""
        if not isinstance(task, Classification) or type(task).loss is not Classification.loss:
            return
        if targets.is_floating_point() or outputs.dim() < 2:
            return  # the loss says so itself
        wrong = (targets < 0) | (targets >= outputs.shape[1])
        if wrong.any():
            value = int(targets[wrong][0])
            self.that(
                False,
                f"the targets of {part} hold the class {value}, but the network has {outputs.shape[1]} outputs, the "
                f"classes 0 to {outputs.shape[1] - 1}; number the classes from 0, or widen the network",
            )

    def loss(self, task: Task, outputs: Tensor, targets: Tensor) -> Tensor:
        """Check the loss."""
        with warnings.catch_warnings():
            warnings.filterwarnings("error", message="Using a target size")
            try:
                loss: Any = self.call("loss(outputs, targets)", task.loss, outputs, targets)
            except ActsearchError as error:
                if isinstance(error.__cause__, UserWarning):
                    self._shapes("loss", outputs, targets)
                raise
        return self.scalar("loss(outputs, targets)", loss, f"outputs {_shape(outputs)} and targets {_shape(targets)}")

    def loss_of(self, task: Task, network: nn.Module, batch: Batch) -> Tensor:
        """Check what training lowers, where that is not the loss of outputs."""
        what = "loss_of(network, inputs, targets)"
        loss: Any = self.call(what, task.loss_of, network, *batch)
        return self.scalar(what, loss, f"inputs {_shape(batch[0])} and targets {_shape(batch[1])}")

    def scalar(self, what: str, loss: Any, given: str) -> Tensor:
        """Check that a loss is one finite number."""
        self.that(isinstance(loss, Tensor), f"{what} must return a tensor, not a {type(loss).__name__}")
        self.that(
            loss.shape == (),
            f"{what} must return a scalar, the mean over the batch, not {_shape(loss)}; it was given {given}",
        )
        self.that(
            bool(torch.isfinite(loss)),
            f"{what} is {float(loss.detach())} for a fresh network, {given}; look for a division by zero, or a "
            "logarithm of what is not positive",
        )
        found: Tensor = loss
        return found

    def pairing(self, task: Task, outputs: Tensor, targets: Tensor) -> None:
        """Check that loss and error compare each output with its own target.

        Where outputs (n, 1) meet targets (n,), arithmetic pairs every output with every target, without a word.
        """
        if outputs.numel() != targets.numel() or outputs.shape == targets.shape or not 2 <= len(targets) <= _PAIRED:
            return
        rows = torch.linspace(0, 1, len(outputs)).view(-1, *[1] * (outputs.dim() - 1))
        for values in (outputs, targets.reshape(outputs.shape).to(outputs.dtype)):
            different = values * (1 - rows / 2) + 0.05 * rows  # a network may begin with one answer for all
            for method in ("loss", "error"):
                if _pairs_all(getattr(task, method), different, targets):
                    self._shapes(method, outputs, targets)

    def _shapes(self, method: str, outputs: Tensor, targets: Tensor) -> None:
        self.that(
            False,
            f"{method}(outputs, targets) compares every output with every target, since it is given outputs "
            f"{_shape(outputs)} and targets {_shape(targets)}; give both one shape, as by targets[:, None] in data() "
            "or outputs.squeeze(1) in the network",
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
        self.that(
            bool(torch.isfinite(error).all()) and not error.is_complex(),
            f"error(outputs, targets) is {error.flatten()[0].item()} for a fresh network, outputs {_shape(outputs)} "
            f"and targets {_shape(targets)}; look for a division by zero, or a logarithm of what is not positive",
        )

    def metrics(self, task: Task, outputs: Tensor, targets: Tensor) -> None:
        """Check the metrics, and that the task's score is one of them, or error or loss."""
        metrics: Any = self.call("metrics(outputs, targets)", task.metrics, outputs, targets)
        self.that(
            isinstance(metrics, Mapping) and all(isinstance(name, str) for name in metrics),
            f"metrics(outputs, targets) must return a dictionary of numbers by name, not a {type(metrics).__name__}",
        )
        for name, value in metrics.items():
            self.that(
                is_name(name) and name not in RESERVED and name not in kept(),
                f"metrics(outputs, targets) has the name {name!r}, which is taken, or is not made of letters, digits, "
                "'_', '.' and '-'; choose another",
            )
            self.that(
                isinstance(value, (int, float)) and math.isfinite(value),
                f"metrics(outputs, targets) says {name} = {value!r} for a fresh network; return a finite float, "
                "as by float(tensor)",
            )
        known = ("error", "loss", *metrics)
        why = ""
        if task.score == "calibrated_loss" and isinstance(task, Classification):
            why = "; only a classification with the loss that it has by itself reports a calibrated loss"
        self.that(task.score in known, f"its score cannot be {task.score!r}; it is one of {', '.join(known)}{why}")


def _pairs_all(function: Callable[[Tensor, Tensor], Tensor], outputs: Tensor, targets: Tensor) -> bool:
    """Tell whether a function of as many outputs as targets, in another shape, pairs every one with every other.

    Then its answer is the mean over all pairs, and not that over the examples. An answer that is neither, as the root
    of a mean, is that of all pairs if it is the same when the targets change places, and another one for outputs in
    the targets' shape.
    """

    def answer(values: Tensor, wanted: Tensor) -> Tensor:
        return function(values, wanted).double().mean()

    def differ(one: Tensor, other: Tensor) -> bool:
        return not torch.isclose(one, other, rtol=1e-4, atol=1e-9, equal_nan=True)

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            whole = answer(outputs, targets)
            pairs = [[answer(output, target) for target in targets.split(1)] for output in outputs.split(1)]
            table = torch.tensor(pairs, dtype=whole.dtype)
            if not differ(whole, table.diagonal().mean()):
                return False
            moved = answer(outputs, targets.roll(1, 0))
            return not differ(whole, table.mean()) or (
                not differ(whole, moved) and differ(whole, answer(outputs.reshape(targets.shape), targets))
            )
    except Exception:  # outputs that are made up, or of one example, the function need not take
        return False


def _no_rows(values: Tensor) -> str:
    """Return what a tensor is that does not hold examples as rows."""
    if values.layout != torch.strided:
        return f"sparse ({str(values.layout).removeprefix('torch.')}); call its to_dense()"
    return "" if values.dim() else "a single number"


def _shape(tensor: Tensor) -> str:
    return str(tuple(tensor.shape))
