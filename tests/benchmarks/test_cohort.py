"""Cohort training against training one by one, and against Ray Tune with ASHA.

Unless they say otherwise the rows count seconds of one core's time, not of the clock, so that other
programs on the machine count less; rivals and stacks take turns within each round.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
import torch
from scipy.stats import spearmanr
from torch import Tensor

from evaluators import Cohort, Halving, Job, Task, assess, load_task
from evaluators.tasks.offline import equations
from evaluators.training.cohort.group import Member
from evaluators.training.cohort.lone import Lone
from evaluators.training.cohort.size import stack_limit
from evaluators.training.cohort.stack import Stack
from evaluators.training.cohort.trainer import run_cohort
from evaluators.training.executors.ray.executor import RayExecutor
from evaluators.training.job import Answers
from evaluators.training.task import Network
from primitives import library, resolve
from tests.benchmarks.asha import Plain, asha
from tests.benchmarks.roofline import Load, flops, load, roof
from tests.functions import FUNCTIONS, jobs_of

pytestmark = [pytest.mark.bench, pytest.mark.timeout(1200)]

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Case:
    """A task, how long the turns are, and what must hold.

    Attributes:
        stretch: steps of the stack in each turn.
        bar: what 32 different candidates should gain on the plain loop, if that was ever set.
        least: what is asserted of them: what was measured, less a margin.
    """

    task: str
    stretch: int
    bar: float | None
    least: float


CASES = (
    Case("mnist1d-mlp", 5, 3.0, 1.6),
    Case("digits-vit", 1, 1.5, 1.2),
    Case("text-gpt", 1, 1.5, 1.1),
    Case("mnist1d-cnn", 1, None, 1.2),
    Case("mnist5k-cnn", 1, None, 1.2),
    Case("tabular", 4, None, 2.5),
    Case("pinn-poisson", 1, 2.0, 2.0),
    Case("pinn-burgers", 1, 2.0, 2.0),
    Case("inr-image", 1, None, 1.0),
    Case("inr-signal", 1, 1.2, 1.2),
    Case("deep-mlp", 1, None, 1.0),
)
ROUNDS = 5
PARTS = 4
"""A round's turns: in each the stack goes on for a quarter of the steps, and a quarter of the others for all."""


def timed(work: Callable[[], object], clock: Callable[[], float] = time.process_time) -> float:
    """Return the seconds that something takes."""
    started = clock()
    work()
    return clock() - started


def quartiles(values: Iterable[float]) -> str:
    low, middle, high = statistics.quantiles(values, n=4)
    return f"{middle:5.2f} ({low:.2f} to {high:.2f})"


@contextmanager
def differentiated_by_autograd() -> Iterator[None]:
    """Let equations be differentiated as a person would in plain torch: by ``torch.autograd.grad``."""

    def gradient_and_second(
        network: Network, points: Tensor, axes: tuple[int, ...]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        points.requires_grad_()
        (first,) = torch.autograd.grad(network(points).sum(), points, create_graph=True)
        second = (torch.autograd.grad(first[:, at].sum(), points, create_graph=True)[0][:, at : at + 1] for at in axes)
        return first, tuple(second)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(equations, "gradient_and_second", gradient_and_second)
        yield


class Race:
    """The same candidates in a stack, one by one in our trainer, and in a plain loop."""

    def __init__(self, task: Task, functions: Sequence[str], seeds: Sequence[int]) -> None:
        jobs = jobs_of(task, functions, task.recipe.steps, seeds)
        members = [Member(job, *job.seeds) for job in jobs]
        self.stack = Stack(task, members, CPU)
        self.lone = [Lone(task, member, CPU) for member in members]
        self.plain = [Plain(task, job) for job in jobs]
        self.count, self._stacked, self._alone = len(jobs), 0, 0

    def advance_stack(self, steps: int) -> None:
        self._stacked += steps
        assert not self.stack.advance(self._stacked, math.inf)

    def round(self, stretch: int) -> tuple[float, float, float]:
        """Train all for ``PARTS*stretch`` steps; return the seconds of a candidate's step of each kind."""
        steps = PARTS * stretch
        self._alone += steps
        stack = lone = plain = 0.0
        for part in range(PARTS):
            stack += timed(lambda: self.advance_stack(stretch))
            lone += timed(lambda part=part: [one.advance(self._alone, math.inf) for one in self.lone[part::PARTS]])
            with differentiated_by_autograd():
                plain += timed(lambda part=part: [one.advance(self._alone) for one in self.plain[part::PARTS]])
        each = steps * self.count
        return stack / each, lone / each, plain / each

    def check(self) -> None:
        """See that all three train alike: the first steps' losses agree."""
        for member, lone, plain in zip(self.stack.members, self.lone, self.plain, strict=True):
            assert lone.curve(member)[0] == pytest.approx(plain.losses[0], rel=1e-3)
            assert self.stack.curve(member)[0] == pytest.approx(plain.losses[0], rel=1e-3)


def race(task: Task, functions: Sequence[str], seeds: Sequence[int], stretch: int) -> list[tuple[float, float, float]]:
    """Return for each round the seconds of a candidate's step: stacked, one by one, in a plain loop."""
    entered = Race(task, functions, seeds)
    entered.round(1)
    entered.check()
    return [entered.round(stretch) for _ in range(ROUNDS)]


def shown(rounds: list[tuple[float, float, float]]) -> str:
    times = "  ".join(f"{1e6 * statistics.median(column):7.0f}" for column in zip(*rounds, strict=True))
    against = [quartiles(row[rival] / row[0] for row in rounds) for rival in (2, 1)]
    return f"{times}  {against[0]:22} {against[1]:22}"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.task)
def test_a_stack_of_32_against_the_same_one_by_one(case):
    task = load_task(case.task)
    differentiated = "sine" if task.needs else "hardswish"  # torch has no third derivative of that
    chosen_functions = [differentiated if name == "hardswish" else name for name in FUNCTIONS]
    print(f"\n{case.task}, microseconds of one core for a candidate's step; ratios: median of {ROUNDS} (quartiles)")
    print(f"{'':22}  stacked  one by one  plain  plain/stacked          one by one/stacked")
    rows = {}
    for name, functions, seeds in (
        ("32 functions", chosen_functions, (0,)),
        ("16 functions, 2 seeds", chosen_functions[::2], (0, 1)),
    )[: 2 if case.bar else 1]:
        rows[name] = race(task, functions, seeds, case.stretch)
        print(f"{name:22} {shown(rows[name])}")
    stacked, lone, plain = (statistics.median(column) for column in zip(*rows["32 functions"], strict=True))
    limit = stack_limit(task, CPU)
    chosen = stacked if limit > 1 else lone
    print(f"the rule chooses {'stacks of ' + str(limit) if limit > 1 else 'one by one'}: ", end="")
    print(f"{plain / chosen:.2f} times the plain loop, {min(stacked, lone) / chosen:.0%} of the better choice", end="")
    print(f"; the goal is {case.bar}" if case.bar else "")
    assert plain / stacked >= case.least


SIZES = (1, 2, 4, 8, 16, 32, 64)


@pytest.mark.parametrize("case", CASES[:2], ids=lambda case: case.task)
def test_64_members_hardly_gain_on_32(case):
    """The cohort's size on a CPU, ``evaluators.training.cohort.size.MOST``, rests on this."""
    task = load_task(case.task)
    known = {str(resolve(function)) for function in FUNCTIONS}
    sound = (name for name, entry in library().items() if assess(entry.expression).rejection is None)
    others = [name for name in sound if str(resolve(name)) not in known]
    functions = (*FUNCTIONS, *others[: max(SIZES) - len(FUNCTIONS)])
    members = [Member(job, *job.seeds) for job in jobs_of(task, functions, task.recipe.steps, (0,))]
    stacks = {size: Stack(task, members[:: len(members) // size], CPU) for size in SIZES}
    seconds: dict[int, list[float]] = {size: [] for size in SIZES}
    for turn in range(1, ROUNDS + 2):
        for size, stack in stacks.items():
            taken = timed(lambda stack=stack, turn=turn: stack.advance(turn * PARTS, math.inf)) / PARTS / size
            seconds[size] += [taken] if turn > 1 else []
    print(f"\n{case.task}, microseconds of one core for a candidate's step: median of {ROUNDS} (quartiles)")
    for size, taken in seconds.items():
        low, middle, high = statistics.quantiles(taken, n=4)
        print(f"{size:3} members {1e6 * middle:6.0f} ({1e6 * low:.0f} to {1e6 * high:.0f})")
    assert statistics.median(seconds[64]) > 0.8 * statistics.median(seconds[32])


# --- halving -----------------------------------------------------------------------------------

TOP = 8
KEEP = 0.5


def final_errors(answers: Answers, steps: int) -> dict[int, float]:
    """Return the validation errors of the candidates that were trained to the end."""
    return {e.candidate: e.error for rows in answers for e in rows if e.steps == steps and e.error is not None}


def best(errors: dict[int, float]) -> list[int]:
    return sorted(errors, key=errors.__getitem__)[:TOP]


def plain_seconds(task: Task, jobs: Sequence[Job], stretch: int) -> float:
    """Return the seconds of all jobs to the end in plain loops, from a stretch after some steps of warm-up."""
    total = 0.0
    for job in jobs:
        training = Plain(task, job)
        training.advance(5)
        total += timed(lambda training=training: training.advance(5 + stretch)) / stretch
    return total * jobs[0].steps


def test_halving_against_all_trained_to_the_end():
    task = load_task("mnist1d-mlp")
    assert isinstance(task, Task)
    task.data("train")
    steps = task.recipe.steps
    rungs = (steps // 4, steps // 2)
    jobs = jobs_of(task, FUNCTIONS, steps, (0,))
    plain, seconds, answers = [plain_seconds(task, jobs, 30)], {}, {}

    def run(name: str, jobs: list[Job], halving: Halving | None) -> None:
        cohort = Cohort(tuple(jobs), halving)
        seconds[name] = timed(lambda: answers.update({name: run_cohort(cohort, task, CPU)}))
        plain.append(plain_seconds(task, jobs, 30))

    run("halved", jobs, Halving(rungs, KEEP))
    run("to the end", jobs, None)
    run("other seed", jobs_of(task, FUNCTIONS, steps, (1,)), None)
    one_by_one = statistics.median(plain)
    truth, survivors = final_errors(answers["to the end"], steps), final_errors(answers["halved"], steps)
    other = final_errors(answers["other seed"], steps)
    kept = [candidate for candidate in best(truth) if candidate in survivors]
    agreement = spearmanr([truth[c] for c in survivors], list(survivors.values())).statistic
    trained = sum(max(e.steps for e in rows) for rows in answers["halved"])
    ratios = {name: one_by_one / taken for name, taken in seconds.items()}
    print(f"\nmnist1d-mlp, {len(jobs)} candidates, {steps} steps, rungs {rungs}, half goes on, one core")
    print(f"plain loop to the end {one_by_one:.1f} s (from 30 steps of each, {len(plain)} times, ", end="")
    print(f"{min(plain):.1f} to {max(plain):.1f})")
    print(f"stacked to the end {seconds['to the end']:.1f} s: {ratios['to the end']:.2f} times as fast (goal 3)")
    print(f"stacked and halved {seconds['halved']:.1f} s: {ratios['halved']:.2f} times as fast (goal 5), ", end="")
    print(f"{trained / (len(jobs) * steps):.0%} of the steps")
    print(
        f"of the {TOP} best to the end {len(kept)} survive; the best {'does' if best(truth)[0] in kept else 'does not'}"
    )
    print(f"{len(set(best(truth)) & set(best(other)))} of them are among the {TOP} best of another seed", end="; ")
    print(f"the {len(survivors)} survivors' order agrees to {agreement:.3f} (Spearman)")
    assert ratios["to the end"] > 1.5
    assert ratios["halved"] > 2.5
    assert agreement > 0.95
    assert len(kept) >= TOP // 2


# --- end to end --------------------------------------------------------------------------------

WORKERS = 2


def ours(executor: RayExecutor, jobs: list[Job]) -> tuple[float, int]:
    """Train jobs in one cohort a worker, halved; return the seconds of the clock and the steps of all together."""
    steps = jobs[0].steps
    halving = Halving((steps // 4, steps // 2), KEEP)
    started = time.perf_counter()
    for worker in range(WORKERS):
        executor.submit(Cohort(tuple(jobs[worker::WORKERS]), halving))
    rows: list[list] = []
    while len(rows) < len(jobs):
        rows += [each for _, answers in executor.collect() for each in answers]
    return time.perf_counter() - started, sum(max(e.steps for e in each) for each in rows)


def test_end_to_end_against_ray_tune_with_asha():
    task = load_task("mnist1d-mlp")
    assert isinstance(task, Task)
    task.data("train")
    print(
        f"\nmnist1d-mlp, {len(FUNCTIONS)} candidates, {WORKERS} workers of one CPU, rungs at 1/4 and 1/2, half goes on"
    )
    print("steps  ours: s  steps  candidates/min  Tune: s  steps  candidates/min  ratio  (with the workers' start)")
    ratios = []
    for steps in (300, 300, 600):
        jobs = jobs_of(task, FUNCTIONS, steps, (0,))
        began = time.perf_counter()
        with RayExecutor({task.name: task}, workers=WORKERS, device="cpu") as executor:
            executor.members(task.name, 1)
            ready = time.perf_counter() - began
            seconds, trained = ours(executor, jobs)
        tune = asha(task, jobs, WORKERS)
        ratios.append(tune.seconds / seconds)
        rates = [60 * len(jobs) / taken for taken in (seconds, tune.seconds)]
        print(f"{steps:5} {seconds:8.1f} {trained:6} {rates[0]:15.0f} {tune.seconds:8.1f} {tune.steps:6}", end="")
        with_start = (tune.seconds + tune.start) / (seconds + ready)
        print(f" {rates[1]:15.0f} {ratios[-1]:6.2f}  {with_start:6.2f}")
    print(f"median {statistics.median(ratios):.2f}, goal 5")
    assert statistics.median(ratios) > 1.2


# --- what bounds it ----------------------------------------------------------------------------


def test_what_bounds_a_step():
    peak = roof()
    print(f"\none core: {peak.flops / 1e9:.0f} GFLOP/s in a product of 1024, {peak.bytes / 1e9:.0f} GB/s in a copy")
    print("a candidate's step; traffic: what operators read and write, as if no cache held anything")
    print("task          trained        us  MFLOP  GFLOP/s (of peak)    MB  GB/s  products activations optimiser rest")
    for case in CASES:
        task = load_task(case.task)
        assert isinstance(task, Task)
        for name, seconds, work, asked in measured(task, case.stretch):
            rates = work / seconds / 1e9, asked.bytes / seconds / 1e9
            shares = "  ".join(f"{share:8.0%}" for share in asked.shares.values())
            print(f"{case.task:13} {name:10} {1e6 * seconds:6.0f} {work / 1e6:6.1f} {rates[0]:8.1f}", end="")
            print(f" ({1e9 * rates[0] / peak.flops:5.1%}) {asked.bytes / 1e6:9.1f} {rates[1]:5.1f}  {shares}")
            assert 1e9 * rates[0] < peak.flops


def measured(task: Task, stretch: int) -> list[tuple[str, float, float, Load]]:
    """Return for the stack and the plain loop the seconds, operations and load of a candidate's step."""
    entered = Race(task, FUNCTIONS, (0,))
    times = [entered.round(stretch) for _ in range(2)]
    some = entered.plain[::4]

    def plain_step() -> None:
        for training in some:
            training.advance(len(training.losses) + 1)

    work = flops(plain_step) / len(some)
    found = []
    for name, column, train, count in (
        ("stacked", 0, lambda: entered.advance_stack(1), entered.count),
        ("plain", 2, plain_step, len(some)),
    ):
        asked = load(train)
        each = Load(asked.bytes / count, asked.shares)
        found.append((name, statistics.median(row[column] for row in times), work, each))
    return found
