"""What learnable constants became."""

from __future__ import annotations

from evaluators import Evaluation
from evaluators.training.places import Place
from primitives import parse
from runs import Candidate, folder
from runs.trained import constants_of, trained_constants


def evaluation(seed, *values, task="t"):
    places = tuple(Place(str(n), {"alpha": value, "other": 9.0}) for n, value in enumerate(values))
    return Evaluation(1, task, 5, seed, "ok", error=0.1, loss=0.1, test_error=0.1, test_loss=0.1, places=places)


def test_constants_are_means_over_layers_and_seeds_with_their_range():
    found = trained_constants(parse("alpha*x; alpha=0.25"), [evaluation(0, 0.1, 0.3), evaluation(1, 0.2, 0.6)])
    ((task, (constant,)),) = found.items()
    assert (task, constant.name, constant.low, constant.high) == ("t", "alpha", 0.1, 0.6)
    assert str(constant) == "alpha = 0.3 (0.1 to 0.6 over layers and seeds; 0.25 at first)"


def test_a_run_says_what_constants_became_on_the_task_that_was_confirmed_first(tmp_path):
    folder.create(tmp_path / "run", "", {"config": ""})
    with folder.writing(tmp_path / "run") as store:
        store.add_candidates([Candidate(1, "alpha*tanh(x); alpha=0.25", "random"), Candidate(2, "tanh(x)", "random")])
        store.record("confirm", [evaluation(0, 0.5), evaluation(0, 0.9, task="u")])
        assert constants_of(store) == {1: {"alpha": 0.5}}
