from __future__ import annotations

from collections import Counter

import pytest

from search.campaign.loop import seeded
from search.space.grammar import Grammar
from search.space.options import Grammar as GrammarConfig
from search.strategies.aging import Aging, AgingOptions
from search.strategies.strategy import Told
from search.testing import StrategyContract


def asked(strategy, count=300):
    with seeded(0, 1):
        return strategy.ask(count)


def parents(strategy, count=300):
    with seeded(0, 1):
        return Counter(strategy.ask(1)[0].parents[0] for _ in range(count))


class TestAging(StrategyContract):
    def make(self, grammar, **options):
        return Aging(grammar, AgingOptions(**{"population": 20, "sample": 5, **options}))

    def with_errors(self, grammar, errors, missed=(), **options):
        """Return a strategy that was told these errors, by number from 0."""
        strategy = self.make(grammar, **options)
        trees = [proposal.tree for proposal in asked(self.make(grammar), len(errors))]
        for number, error in enumerate(errors):
            strategy.tell(Told(number, trees[number], (error, 1.0, 1.0), missed[number] if missed else 0))
        return strategy

    def test_initial_trees_are_asked_for_until_a_population_was_told(self, grammar):
        assert {p.origin for p in asked(self.with_errors(grammar, [0.5] * 19))} == {"initial"}
        later = asked(self.with_errors(grammar, [0.5] * 20))
        assert {p.origin for p in later} == {"insert", "remove", "change", "regenerate"}
        assert all(len(p.parents) == 1 for p in later)

    def test_of_those_drawn_the_best_is_the_parent_as_often_as_the_odds_say(self, grammar):
        strategy = self.with_errors(grammar, [float(number) for number in range(20)])
        found = parents(strategy, 1000)
        for number in range(4):
            share = ((20 - number) / 20) ** 5 - ((19 - number) / 20) ** 5
            assert found[number] == pytest.approx(1000 * share, abs=60)

    def test_only_the_first_objective_counts_and_before_it_how_many_rungs_were_missed(self, grammar):
        strategy = self.with_errors(grammar, [float(n) for n in range(20)], [1] * 10 + [0] * 10, sample=500)
        assert parents(strategy).keys() == {10}

    def test_the_oldest_leaves_even_if_it_is_the_best(self, grammar):
        strategy = self.with_errors(grammar, [float(number) for number in range(25)], sample=500)
        assert parents(strategy).keys() == {5}

    def test_whoever_is_worse_than_the_threshold_is_no_parent_and_lets_nobody_leave(self, grammar):
        errors = [0.1] + [0.5] * 19 + [0.9] * 10
        assert parents(self.with_errors(grammar, errors, threshold=0.8, sample=500)).keys() == {0}
        assert set(parents(self.with_errors(grammar, errors, sample=500))) == {*range(10, 20)}
        assert set(parents(self.with_errors(grammar, errors[15:] + [0.9] * 5, threshold=0.8, sample=1), 500)) == {
            *range(5)
        }

    def test_where_nobody_is_good_enough_initial_trees_are_asked_for(self, grammar):
        strategy = self.with_errors(grammar, [0.9] * 30, threshold=0.8)
        assert {p.origin for p in asked(strategy)} == {"initial"}

    def test_no_tree_of_a_batch_comes_twice_nor_one_that_was_told(self, grammar):
        strategy = self.make(grammar)
        told = asked(self.make(grammar), 40)
        for number, proposal in enumerate(told):
            strategy.tell(Told(number, proposal.tree, (0.5,)))
        keys = [grammar.algebra.key(p.tree) for p in (*told, *asked(strategy, 60))]
        assert len(keys) - len(set(keys)) <= 1

    def test_where_no_initial_tree_fits_random_ones_are_asked_for(self):
        strategy = self.make(Grammar(GrammarConfig(max_depth=1)))
        assert {p.origin for p in asked(strategy, 10)} == {"random"}
