"""What a cohort tells of itself while it trains, and what is kept of trainings that count as evidence."""

from __future__ import annotations

import dataclasses
import itertools
import time
from types import SimpleNamespace
from unittest.mock import MagicMock

import pytest

from evaluators import Cohort, Halving, Job
from evaluators.training.cohort.trainer import run_cohort
from evaluators.training.executors.ray.fleet import Hand
from evaluators.training.executors.ray.pulses import Pulses
from evaluators.training.places import QUANTILES
from evaluators.training.pulse import Beat, Late, Pulse
from evaluators.training.single import Single
from primitives import compile_expression, parse, resolve
from tests.cohorts import CPU, Perceptron

STEPS = 24
NAMES = ("relu", "prelu", "tanh", "crrelu")


def jobs(names=NAMES, seeds=(0, 1), **more):
    return tuple(Job(n, str(resolve(name)), 1.4, "t", STEPS, seeds, **more) for n, name in enumerate(names))


@pytest.fixture
def every_step(monkeypatch):
    monkeypatch.setattr("evaluators.training.pulse._EVERY", 0.0)


def test_a_cohort_tells_every_step_who_is_left_and_the_lowest_score_at_each_rung(every_step):
    heard = []
    answers = run_cohort(Cohort(jobs(), Halving((6, 12), 0.5)), Perceptron(), CPU, heard.append)
    first, *later = heard
    assert (first.step, first.steps, first.members, first.started, first.best) == (0, STEPS, 8, 8, None)
    assert [pulse.step for pulse in later] == list(range(1, STEPS + 1))
    assert [pulse.rung for pulse in later] == [6] * 6 + [12] * 6 + [STEPS] * 12
    left = [2 * sum(any(e.steps > at for e in each) for each in answers) for at in (0, 6, 12)]
    assert [later[0].members, later[6].members, later[12].members] == left
    assert later[-1].done == 6 * sum(left[:2]) + 12 * left[2]
    lowest = min((e.error, e.candidate) for each in answers for e in each if e.steps == 12)
    assert (later[-1].best, later[-1].best_candidate) == lowest


def test_pulses_come_twice_a_second_at_most_and_a_training_past_its_deadline_is_given_up(monkeypatch):
    clock = itertools.count(0, 0.1)
    monkeypatch.setattr(time, "monotonic", lambda: next(clock) / 2)
    heard, beat = [], Beat(100.0)
    beat.listener = heard.append
    beat.begin("t", 3, 100)
    for step in range(1, 101):
        beat.step(step, 3)
    assert len(heard) == pytest.approx(20, abs=2)
    assert heard[-1].rate == pytest.approx(3 / 0.1, rel=0.05)
    with pytest.raises(Late):
        Beat(-1.0).step(1, 1)


class Alone(Perceptron):
    """The same, never stacked."""

    def network(self, activation, gain):
        network = super().network(activation, gain)
        network.register_forward_hook(lambda module, inputs, output: output + 0 * float(output.detach().sum()))
        return network


@pytest.mark.parametrize("task", [Perceptron, Alone])
def test_evidence_keeps_validation_losses_on_the_way_and_the_constants_and_inputs_of_every_activation(task):
    (crrelu,) = jobs(("crrelu",), (0,), score_test=True)
    panel = (crrelu, *jobs(("tanh",), (0,), score_test=True)) if task is Perceptron else (crrelu,)
    panel = tuple(dataclasses.replace(job, candidate=n) for n, job in enumerate(panel))
    ((found,), *_) = run_cohort(Cohort(panel), task(), CPU)
    assert [steps for steps, _ in found.validation_curve] == sorted({STEPS * n // 10 for n in range(1, 11)})
    assert found.validation_curve[-1][1] == pytest.approx(found.loss, rel=1e-5)
    alone = Single(task(), compile_expression(parse(crrelu.expression)).module, 1.4, STEPS, 0, CPU)
    alone.advance(STEPS, Beat())
    learned = [p.item() for n, p in alone.network.named_parameters() if n.endswith("epsilon")]
    assert [place.constants["epsilon"] for place in found.places] == pytest.approx(learned, rel=1e-3)
    assert len(found.places) == len(learned) > 0
    for place in found.places:
        assert len(place.inputs) == QUANTILES
        assert list(place.inputs) == sorted(place.inputs)
        assert place.inputs[0] < 0 < place.inputs[-1]


def test_a_search_training_is_not_slowed_by_looks():
    ((found,),) = run_cohort(Cohort(jobs(("relu",), (0,))), Perceptron(), CPU)
    assert found.validation_curve == () == found.places


def test_what_a_listener_raises_ends_the_training():
    class Enough(BaseException):
        pass

    def stop(pulse):
        raise Enough

    with pytest.raises(Enough):
        run_cohort(Cohort(jobs()), Perceptron(), CPU, stop)


def test_what_a_worker_said_of_its_last_cohort_is_not_heard_of_the_next():
    """A cohort ends between the question and the answer."""
    last = Pulse("digits", 5, 5, 5, 0, 2)
    ray = SimpleNamespace(wait=lambda asked, **_: (asked, []), get=lambda _: (1, last, 0.0))
    hand = Hand(MagicMock(), "node", "1")
    pulses = Pulses(ray)
    pulses.listen([hand])
    pulses.listen([hand])
    heard = pulses.of(hand, 1)
    assert heard is not None
    assert heard[0] == last
    assert pulses.of(hand, 2) is None
