from __future__ import annotations

import dataclasses
import math
from itertools import islice

import pytest
import torch

from evaluators import Evaluation, Job, Recipe, assess, load_task
from evaluators.training.cohort.trainer import run_job
from evaluators.training.pieces import Diverged, batches, device_here, groups_of, learning_rate, pick_device
from evaluators.training.scoring import score
from evaluators.training.single import fit
from primitives import ActsearchError, compile_expression, resolve

CPU = pick_device("cpu")


def job(name="relu", **changes):
    expression = resolve(name)
    values = {"candidate": 1, "expression": str(expression), "gain": assess(expression).gain, "task": "digits-vit"}
    return Job(**{**values, "steps": 20, "seeds": (0,), **changes})


@pytest.fixture(scope="module")
def task():
    return load_task("digits-vit")


def test_validation_is_scored_always_and_test_only_when_asked(task):
    (plain,), (tested,) = run_job(job(), task, CPU), run_job(job(score_test=True), task, CPU)
    assert plain.test_error is None
    assert tested.test_error is not None
    assert plain.error == tested.error


def test_batches_depend_on_the_seed_alone_and_cover_an_epoch_without_repeats():
    one = torch.cat(list(islice(batches(100, 32, seed=5), 3)))
    assert torch.equal(one, torch.cat(list(islice(batches(100, 32, seed=5), 3))))
    assert len(set(one.tolist())) == 96
    assert not torch.equal(one, torch.cat(list(islice(batches(100, 32, seed=6), 3))))


def test_the_learning_rate_rises_then_falls_to_zero():
    rates = [learning_rate(step, 100, Recipe(steps=100)) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == 1.0
    assert rates[-1] < 0.001
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)


def test_the_parameters_of_an_activation_are_learned_and_never_decayed(task):
    network = task.network(compile_expression(resolve("crrelu")).module, 1.0)
    groups = groups_of(network, Recipe(steps=1, weight_decay=0.5))
    decayed = {id(p) for group in groups if group["weight_decay"] for p in group["params"]}
    epsilons = [p for name, p in network.named_parameters() if "epsilon" in name]
    assert len(epsilons) == 2
    assert not decayed & {id(p) for p in epsilons}
    every = {id(p) for group in groups for p in group["params"]}
    assert every == {id(p) for p in network.parameters()}


def test_a_late_job_times_out_with_a_status(task):
    (evaluation,) = run_job(job(steps=2000, timeout=0.05), task, CPU)
    assert evaluation.status == "timeout"
    assert evaluation.error is None


def test_training_leaves_the_global_generator_alone(task):
    before = torch.get_rng_state()
    run_job(job(), task, CPU)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("value", [math.nan, math.inf, None])
def test_an_ok_evaluation_must_be_finite(value):
    with pytest.raises(ValueError, match="finite"):
        Evaluation(1, "t", 1, 0, "ok", error=value, loss=1.0)


def test_a_failed_evaluation_has_no_objective_values():
    with pytest.raises(ValueError, match="no objective values"):
        Evaluation(1, "t", 1, 0, "diverged", error=0.1, loss=1.0)


def test_gain_correction_gives_every_baseline_the_same_forward_scale():
    """Through five wide layers the signal stays within a factor of two, with LeCun weights it would not."""
    from evaluators.tasks.networks import mlp
    from primitives import BASELINES, library

    x = torch.randn(256, 512, generator=torch.Generator().manual_seed(0))
    for name in BASELINES:
        expression = library()[name].expression
        torch.manual_seed(0)
        network = mlp([512] * 7, compile_expression(expression).module, assess(expression).gain)
        scale = network(x).square().mean().sqrt().item()
        assert 0.5 < scale < 2.0, (name, scale)


def test_a_watcher_sees_the_fresh_network_and_every_step_and_changes_nothing_by_watching(task):
    seen = []

    def watch(network):
        seen.append([p.detach().clone() for p in network.parameters()])
        return lambda: seen.append([p.detach().clone() for p in network.parameters()])

    plain, curve = fit(task, torch.nn.ReLU, 1.0, 5, seed=3, device=CPU)
    watched, same = fit(task, torch.nn.ReLU, 1.0, 5, seed=3, device=CPU, watch=watch)
    assert curve == same
    assert len(seen) == 6
    assert not torch.equal(seen[0][0], seen[1][0])
    for one, other, last in zip(plain.parameters(), watched.parameters(), seen[-1], strict=True):
        assert torch.equal(one, other)
        assert torch.equal(other, last)


def test_the_constants_of_activations_decay_when_a_recipe_says_so(task):
    layer = compile_expression(resolve("crrelu")).module
    recipe = dataclasses.replace(task.recipe, weight_decay=0.5, activation_decay=0.25)
    groups = groups_of(task.network(layer, 1.0), recipe)
    assert sorted((group["weight_decay"], len(group["params"])) for group in groups)[1] == (0.25, 2)
    assert sorted(group["weight_decay"] for group in groups) == [0.0, 0.25, 0.5]


def test_a_network_that_puts_out_no_numbers_has_diverged(task):
    network, _ = fit(task, torch.nn.ReLU, 1.0, 1, seed=0, device=CPU)
    torch.nn.init.constant_(network.head.weight, math.inf)
    with pytest.raises(Diverged, match="not finite after training"):
        score(network, task, "validation", CPU)


def test_a_device_that_is_not_here_is_refused_before_anything_is_trained(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ActsearchError, match="there is no device 'cuda' that torch can use here; use --device auto"):
        device_here("cuda")
    with pytest.raises(ActsearchError, match="unknown device 'gpu'"):
        device_here("gpu")
    assert device_here("cpu") == torch.device("cpu")
