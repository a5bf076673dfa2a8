from __future__ import annotations

import random

import numpy as np
import pytest

from evaluators.judging.features.catalogue import quick
from evaluators.judging.objectives import chosen_objectives
from search.campaign.loop import seeded
from search.space.describe import of_trees
from search.space.grammar import Grammar
from search.space.options import Grammar as GrammarConfig
from search.strategies import surrogate as module
from search.strategies.choice import Child, Result
from search.strategies.model import targets
from search.strategies.proposal import Proposal
from search.strategies.surrogate import Settings, Surrogate

GRAMMAR = Grammar(GrammarConfig())


@pytest.fixture(scope="module")
def children():
    with seeded(5, 0):
        trees = [GRAMMAR.random_tree() for _ in range(260)]
    return [
        Child(Proposal(tree, "random"), found, np.zeros(0))
        for tree, found in zip(trees, of_trees(trees), strict=True)
        if found is not None
    ]


def worth(child):
    return child.described.facts["linear_share"]


def told(children, worth=worth):
    choice = Surrogate(GRAMMAR)
    for number, child in enumerate(children):
        choice.chose(number, GRAMMAR.dumps(child.proposal.tree), "")
        choice.tell(Result(number, {100: (worth(child),)}, 100))
    return choice


def ordered(choice, pool, count=8):
    with seeded(1, 1):
        return choice.order(pool, count)


def test_what_it_picks_is_as_good_as_what_it_was_told_says(children):
    known, pool = children[:120], children[120:]
    picked = ordered(told(known), pool)
    assert sorted(picked) == list(range(len(pool)))
    values = np.array([worth(child) for child in pool])
    assert np.median(values[picked[:8]]) <= np.quantile(values, 0.1)
    upside_down = ordered(told(known, lambda child: -worth(child)), pool)
    assert np.median(values[upside_down[:8]]) >= np.quantile(values, 0.9)


def test_before_it_knows_enough_the_order_is_luck_and_whole(children):
    for known in ([], children[:7]):
        assert sorted(ordered(told(known), children[7:50])) == list(range(43))
    assert ordered(told([]), []) == []


def test_equal_histories_choose_alike_and_telling_draws_nothing(children):
    state = random.getstate()
    first, second = told(children[:60]), told(children[:60])
    assert random.getstate() == state
    assert ordered(first, children[60:]) == ordered(second, children[60:])


def test_members_of_a_batch_are_picked_by_different_trees(children):
    pool = children[60:]
    batches = []
    for seed in range(4):
        with seeded(seed, 0):
            batches.append(frozenset(told(children[:60]).order(pool, 4)[:4]))
    assert len(set(batches)) > 1


def test_what_was_stopped_at_a_rung_is_judged_by_those_that_went_on():
    went_on = [Result(n, {10: (n / 10,), 40: (0.1 + 0.5 * n / 10,)}, 40) for n in range(8)]
    stopped = Result(99, {10: (1.2,)}, 40)
    assert targets([*went_on, stopped])[-1, 0] == pytest.approx(0.1 + 0.5 * 1.2)
    assert targets([stopped])[-1, 0] == 1.2
    backwards = [Result(n, {10: (n / 10,), 40: (-n / 10,)}, 40) for n in range(8)]
    assert targets([*backwards, stopped])[-1, 0] == pytest.approx(-0.35)


def test_of_very_many_the_best_and_the_latest_are_fitted(children, monkeypatch):
    monkeypatch.setattr(module, "_MOST", 40)
    chosen = {result.id for result in told(children[:200])._chosen_results()}
    values = [worth(child) for child in children[:200]]
    assert len(chosen) == 40
    assert {int(place) for place in np.argsort(values, kind="stable")[:20]} <= chosen
    assert max(chosen) >= 195


def test_a_function_that_no_tree_says_is_looked_at_by_its_formula(children):
    choice = told(children[:20])
    choice.chose(50, None, "alpha*x + (1 - alpha)*relu(x); alpha=0.25")
    choice.tell(Result(50, {100: (0.1,)}, 100))
    assert sorted(ordered(choice, children[20:40])) == list(range(20))
    assert choice._seen[50] is not None


def told_with_cost(children, in_flight=(), lost=()):
    """Return a choice that knows two objectives, of which the second needs no training; child 0 is the baseline."""
    choice = Surrogate(GRAMMAR)
    choice.aim(chosen_objectives(("error", "complexity"), "error"))
    for number, child in enumerate(children):
        choice.chose(number, GRAMMAR.dumps(child.proposal.tree), "")
        point = (worth(child), child.described.facts["complexity"])
        choice.tell(Result(number, {100: point}, 100, baseline=number == 0))
    for number, child in enumerate(in_flight, start=1000):
        choice.chose(number, GRAMMAR.dumps(child.proposal.tree), "")
    for number in lost:
        choice.lose(number)
    return choice


def test_an_objective_that_needs_no_training_is_read_and_not_guessed(children):
    known, pool = children[:120], children[120:]
    with seeded(1, 1):
        view = told_with_cost(known)._view([child.described for child in pool])
        points, others = view.opinion()
    assert view.trained.tolist() == [True, False]
    assert points[:, 1].tolist() == [child.described.facts["complexity"] for child in pool]
    assert len(others) == len(known)
    assert view.reference[0] == pytest.approx(others[0, 0], abs=0.2)
    assert view.reference[1] > max(points[:, 1].max(), others[:, 1].max())


def test_what_is_in_flight_counts_until_it_is_told_or_lost(children):
    known, flying, pool = children[:60], children[60:64], children[64:]
    sizes = []
    for lost in ((), (1000, 1001)):
        with seeded(1, 1):
            view = told_with_cost(known, flying, lost)._view([child.described for child in pool])
            sizes.append(len(view.opinion()[1]))
    assert sizes == [64, 62]


def test_cheap_functions_worse_than_every_baseline_are_not_wanted(children):
    """With a baseline that is better than nearly all, nearly all of a batch is guessed to be better than it."""
    ordered_children = sorted(children[:160], key=worth)
    known = [ordered_children[12], *ordered_children[:12], *ordered_children[13:]]
    pool = children[160:]
    good = np.quantile([worth(child) for child in pool], 0.25)
    picked = ordered(told_with_cost(known), pool, 6)[:6]
    assert sum(worth(pool[place]) <= good for place in picked) >= 5


def test_a_feature_that_the_model_does_not_see_cannot_guide_it(children):
    """The worth is a feature that the outputs' components do not tell, so that without it the choice is worse."""
    known, pool = children[:120], children[120:]

    def cost(child):
        return child.described.facts["cost"]

    def chosen(settings):
        choice = Surrogate(GRAMMAR, settings)
        for number, child in enumerate(known):
            choice.chose(number, GRAMMAR.dumps(child.proposal.tree), "")
            choice.tell(Result(number, {100: (cost(child),)}, 100))
        return [cost(pool[place]) for place in ordered(choice, pool)[:8]]

    cheap = np.quantile([cost(child) for child in pool], 0.1)
    assert np.median(chosen(Settings())) <= cheap
    assert np.median(chosen(Settings(without=frozenset(quick())))) > cheap


def test_what_was_stopped_teaches_unless_the_settings_say_otherwise(children):
    def view(settings):
        choice = Surrogate(GRAMMAR, settings)
        for number, child in enumerate(children[:40]):
            choice.chose(number, GRAMMAR.dumps(child.proposal.tree), "")
            points = {25: (worth(child),), 100: (worth(child),)}
            choice.tell(Result(number, points if number % 2 else {25: points[25]}, 100))
        with seeded(1, 1):
            return choice._view([child.described for child in children[40:60]])

    assert len(view(Settings()).opinion()[1]) == 40
    assert len(view(Settings(rungs=False)).opinion()[1]) == 20
