"""What is trained: functions, tasks, settings and seeds."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import nn

from evaluators import Task, assess, load_task
from evaluators.training.task import ActivationFactory
from primitives import IdentityIndex, fingerprint, library, resolve
from search.studies.around import Around

STEPS = {"mnist1d-mlp": 1000, "digits-vit": 300}
"""Those of the tasks' own recipes, but 1,000 for 1,500, so that all fits into 40 minutes on two cores."""

TASKS = tuple(STEPS)
SETTINGS = ("controlled", "small")
SMALL = 0.139
"""Pre-activation deviation in the published ViT-Tiny: sqrt(192) inputs times an initial deviation of 0.01."""

DECAY = 0.05
"""Weight decay that the published training puts on epsilon."""

PAIRS = 10
"""Seeds of the comparisons within pairs."""

EPSILONS = (0.01, -0.1, -0.5)
DYNAMIC = ("relu", "gelu", "crrelu")
PANELS = tuple((task, setting) for task in TASKS for setting in SETTINGS)


class StudyTask(Around):
    """A task in one of the two settings.

    ``controlled`` is the task itself: pre-activations start with a deviation of about 1 whatever
    the activation. ``small`` is the published initialisation: the weights of every linear layer
    are 0.139/sqrt(fan_in), and no gain corrects for the activation.
    """

    def __init__(self, inner: Task, setting: str, activation_decay: float = 0.0) -> None:
        super().__init__(inner)
        self.setting = setting
        self.recipe = dataclasses.replace(inner.recipe, activation_decay=activation_decay)

    def network(self, activation: ActivationFactory, gain: float) -> nn.Module:
        """Return the task's network, in ``small`` with small weights and without the gain."""
        if self.setting == "controlled":
            return self.inner.network(activation, gain)
        network = self.inner.network(activation, 1.0)
        with torch.no_grad():
            for layer in network.modules():
                if isinstance(layer, nn.Linear):
                    layer.weight.mul_(SMALL)
        return network


@cache
def study_task(name: str, setting: str, activation_decay: float = 0.0) -> StudyTask:
    """Return a task in a setting; its data are made once a process."""
    return StudyTask(_loaded(name), setting, activation_decay)


@cache
def _loaded(name: str) -> Task:
    task = load_task(name)
    assert isinstance(task, Task)
    return task


@dataclass(frozen=True)
class Variant:
    """A function as it is trained.

    Attributes:
        name: in every table.
        expression: text that :func:`primitives.parse` reads.
        activation_decay: weight decay of its learnable constants.
        dynamic: whether EAFO adapts it during training.
    """

    name: str
    expression: str
    activation_decay: float = 0.0
    dynamic: bool = False


@dataclass(frozen=True)
class Training:
    """One training."""

    variant: Variant
    task: str
    setting: str
    seed: int
    steps: int

    @property
    def key(self) -> tuple[str, str, str, int, int]:
        """What identifies its row."""
        return self.task, self.setting, self.variant.name, self.seed, self.steps


@dataclass(frozen=True)
class Panel:
    """The reference library as far as it can be trained.

    Attributes:
        variants: one for each function.
        rejected: why others cannot be trained, by name.
        merged: the function that others are equal to, by name.
    """

    variants: tuple[Variant, ...]
    rejected: dict[str, str]
    merged: dict[str, str]


def reference_panel(names: Sequence[str] | None = None) -> Panel:
    """Return the whole library, or some of it, without what fails the screen and without doubles."""
    index = IdentityIndex()
    kept: list[Variant] = []
    rejected: dict[str, str] = {}
    merged: dict[str, str] = {}
    for name in names or library():
        expression = resolve(name)
        if reason := assess(expression).rejection:
            rejected[name] = reason
            continue
        print_ = fingerprint(expression)
        known = index.find_structure(expression.key)
        known = index.find_values(print_) if known is None else known
        if known is not None:
            merged[name] = kept[known].name
            continue
        index.add(len(kept), expression.key, print_)
        kept.append(Variant(name, str(expression)))
    return Panel(tuple(kept), rejected, merged)


def crrelu(epsilon: float, decay: float = 0.0) -> Variant:
    """Return CRReLU with a first epsilon; the published one without decay is the library's."""
    name = "crrelu" if epsilon == 0.01 else f"crrelu({epsilon:g})"
    formula = f"relu(x) + epsilon*x*gaussian(x); epsilon={epsilon!r}"
    return Variant(f"{name} decayed" if decay else name, formula, decay)


def dynamic(name: str) -> Variant:
    """Return a library function that EAFO adapts during training."""
    return Variant(f"{name} dynamic", str(resolve(name)), dynamic=True)


def paired_variants() -> tuple[Variant, ...]:
    """Return everything that is compared within pairs of equal seeds."""
    static = [Variant(name, str(resolve(name))) for name in DYNAMIC]
    epsilons = [crrelu(epsilon, decay) for epsilon in EPSILONS for decay in (0.0, DECAY)]
    both = [*static, *epsilons, *(dynamic(name) for name in DYNAMIC)]
    return tuple({variant.name: variant for variant in both}.values())


def comparisons() -> tuple[tuple[str, str], ...]:
    """Return the names that are compared, each with what it is compared to."""
    from_relu = [(crrelu(epsilon).name, "relu") for epsilon in EPSILONS]
    decays = [(crrelu(epsilon, DECAY).name, crrelu(epsilon).name) for epsilon in EPSILONS]
    signs = [(crrelu(epsilon).name, "crrelu") for epsilon in EPSILONS[1:]]
    return (*from_relu, *signs, *decays, *((dynamic(name).name, name) for name in DYNAMIC))


def plan(panel: Panel, seeds: int, pairs: int, steps: dict[str, int]) -> list[Training]:
    """Return every training, seed by seed."""
    wanted: dict[tuple[str, str, str, int, int], Training] = {}
    for seed in range(max(seeds, pairs)):
        variants = (*(panel.variants if seed < seeds else ()), *(paired_variants() if seed < pairs else ()))
        for task, setting in PANELS:
            for variant in variants:
                training = Training(variant, task, setting, seed, steps[task])
                wanted.setdefault(training.key, training)
    return list(wanted.values())
