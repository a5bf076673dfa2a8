from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from deap import base, tools
from hypothesis import given, settings

from primitives import ActsearchError, fingerprint, library, parse
from search.campaign.loop import seeded
from search.space.cuts import cuts
from search.space.enumeration import trees as all_trees
from search.space.grammar import Grammar
from search.space.options import Grammar as GrammarConfig
from search.space.variation import OPERATORS
from search.strategies.exhaustive import Exhaustive, ExhaustiveOptions
from search.strategies.guided import Guided, GuidedOptions
from search.strategies.nsga2 import NSGA2, NSGA2Options
from search.strategies.random_search import RandomOptions, RandomSearch
from search.strategies.ranking import crowding, fronts
from search.strategies.strategy import Told
from search.testing import StrategyContract
from tests.strategies import grammar as big_grammar
from tests.strategies import trees


class _Fitness(base.Fitness):
    """DEAP's own, with the rungs that were missed before it: the reference for ours."""

    weights = (-1.0, -1.0, -1.0)

    def __init__(self, told):
        super().__init__(told.objectives)
        self.missed = told.missed

    def dominates(self, other, obj=slice(None)):
        return self.missed < other.missed or (self.missed == other.missed and super().dominates(other, obj))

    def __eq__(self, other):
        return (self.missed, self.wvalues) == (other.missed, other.wvalues)

    def __hash__(self):
        return hash((self.missed, self.wvalues))


class _Individual:
    def __init__(self, told):
        self.id, self.told, self.fitness = told.id, told, _Fitness(told)


def coarse(told):
    """Return results in which values tie in every objective and whole points are equal."""
    return [
        Told(each.id, each.tree, tuple(float(round(3 * value) % 7) for value in each.objectives), each.missed)
        for each in told
    ]


def ranks_of(strategy):
    return {told.id: rank for told, (rank, _) in zip(strategy._population, strategy._stand(), strict=True)}


def distances_of(strategy):
    return {told.id: -negated for told, (_, negated) in zip(strategy._population, strategy._stand(), strict=True)}


class TestNSGA2(StrategyContract):
    def make(self, grammar):
        return NSGA2(grammar, NSGA2Options(population=20))

    def test_the_population_and_its_ranks_are_what_deap_would_find_after_every_tell(self, grammar):
        strategy, kept = self.make(grammar), []
        for told in coarse(self.told(grammar, 80)):
            before = [_Individual(each) for each in strategy._population]
            kept = tools.selNSGA2([*before, _Individual(told)], 20)
            wanted = {i.id: rank for rank, front in enumerate(tools.sortNondominated(kept, 20)) for i in front}
            strategy.tell(told)
            assert ranks_of(strategy) == wanted
        for front in tools.sortNondominated([_Individual(each) for each in strategy._population], 20):
            tools.emo.assignCrowdingDist(front)
            assert {i.id: i.fitness.crowding_dist for i in front}.items() <= distances_of(strategy).items()

    def test_fronts_come_in_the_order_and_with_the_crowding_that_deap_gives(self, grammar):
        told = [_Individual(each) for each in coarse(self.told(grammar, 80))]
        found = fronts([i.told.objectives for i in told], [i.told.missed for i in told])
        wanted = tools.sortNondominated(told, len(told))
        assert [[told[at].id for at in front] for front in found] == [[i.id for i in front] for front in wanted]
        for front, same in zip(found, wanted, strict=True):
            tools.emo.assignCrowdingDist(same)
            here = crowding(np.array([told[at].told.objectives for at in front]))
            assert here.tolist() == [i.fitness.crowding_dist for i in same]

    def test_who_missed_fewer_rungs_is_better_whatever_the_objectives(self, grammar):
        strategy = self.make(grammar)
        (_, *trees_) = (each.tree for each in self.told(grammar, 41))
        for number, tree in enumerate(trees_):
            strategy.tell(Told(number, tree, (1e6 - number, 9.0, 9.0), missed=number % 4))
        found = ranks_of(strategy)
        assert {number % 4 for number in found} == {0, 1}
        ranks = {missed: {rank for number, rank in found.items() if number % 4 == missed} for missed in (0, 1)}
        assert max(ranks[0]) < min(ranks[1])

    def test_those_that_were_stopped_do_not_hide_the_errors_of_the_others_from_crowding(self, grammar):
        front = [(0.1 + 0.05 * n**1.5, 30.0 - 2 * n, 10.0 - 0.5 * n) for n in range(6)]
        distances = []
        for stopped in ((), ((0.2, 3.0, 3.0), (0.3, 2.0, 2.0))):
            strategy, trees_ = self.make(grammar), [each.tree for each in self.told(grammar, 8)]
            for number, point in enumerate((*front, *stopped)):
                strategy.tell(Told(number, trees_[number], point, missed=int(number >= len(front))))
            distances.append([each for number, each in distances_of(strategy).items() if number < len(front)])
        assert distances[0] == distances[1]

    def test_crowding_is_that_of_the_objectives_in_whatever_order_they_come(self, grammar):
        points = [(0.1 * n, 10.0 - n, 1.0 + 0.5 * n) for n in range(8)]
        strategy, trees_ = self.make(grammar), [each.tree for each in self.told(grammar, 8)]
        for number in (3, 0, 1, 2, 5, 6, 7, 4):
            strategy.tell(Told(number, trees_[number], points[number]))
        assert {number for number, each in distances_of(strategy).items() if each == float("inf")} == {0, 7}

    @pytest.mark.parametrize("unit", [1e-6, 1e6])
    def test_the_unit_of_the_error_changes_no_proposal(self, grammar, unit):
        asked = []
        for factor in (1.0, unit):
            strategy = self.make(grammar)
            for told in self.told(grammar, 60):
                error, *others = told.objectives
                strategy.tell(Told(told.id, told.tree, (factor * error, *others), missed=told.id % 3))
            with seeded(3, 9):
                asked.append([grammar.dumps(proposal.tree) for proposal in strategy.ask(30)])
        assert asked[0] == asked[1]

    def test_better_individuals_have_more_children(self, grammar):
        strategy = NSGA2(grammar, NSGA2Options(population=20, newcomers=0.0, eafo=0.0))
        trees_ = [each.tree for each in self.told(grammar, 20)]
        for number, tree in enumerate(trees_):
            strategy.tell(Told(number, tree, (float(number), float(number), float(number))))
        with seeded(0, 0):
            parents = [p.parents[0] for p in strategy.ask(400) if p.parents]
        assert sum(p < 10 for p in parents) > 1.5 * sum(p >= 10 for p in parents)

    def test_the_share_of_eafo_children_is_what_the_configuration_says(self, grammar):
        counts = {}
        for share in (0.0, 0.5):
            strategy = NSGA2(grammar, NSGA2Options(population=20, newcomers=0.0, eafo=share))
            for each in self.told(grammar, 20):
                strategy.tell(each)
            with seeded(0, 0):
                counts[share] = sum(p.origin in ("eafo", "bump") for p in strategy.ask(60))
        assert counts[0.0] == 0
        assert 10 < counts[0.5] < 45


class TestRandom(StrategyContract):
    def make(self, grammar):
        return RandomSearch(grammar, RandomOptions())


class TestExhaustive(StrategyContract):
    @pytest.fixture
    def grammar(self):
        return Grammar(GrammarConfig(max_complexity=4))

    def make(self, grammar):
        return Exhaustive(grammar, ExhaustiveOptions())

    def test_it_proposes_every_tree_that_was_not_told_once_a_batch_and_then_nothing(self):
        grammar = Grammar(
            GrammarConfig(primitives=("add", "sin", "abs"), constants=(), max_parameters=0, max_complexity=5)
        )
        strategy, key = self.make(grammar), grammar.algebra.key
        every = {key(tree) for tree in all_trees(grammar, 5)}
        for _ in range(2):
            strategy.begin()
            assert {key(p.tree) for p in strategy.ask(1000)} == every
            assert strategy.ask(1000) == []
        first = next(tree for tree in all_trees(grammar, 5) if len(tree) == 3)
        strategy.tell(Told(0, first, (0.0,)))
        strategy.begin()
        assert {key(p.tree) for p in strategy.ask(1000)} == every - {key(first)}

    def test_a_space_that_is_too_large_is_refused_with_its_size(self):
        with pytest.raises(ActsearchError, match=r"goes through 200,000 trees at most, and this grammar has .* lower"):
            self.make(Grammar(GrammarConfig()))


class TestGuided(StrategyContract):
    def make(self, grammar):
        return Guided(grammar, GuidedOptions(population=20))

    def test_what_brought_something_good_is_credited_and_drawn_more_often(self, grammar):
        strategy = self.make(grammar)
        told = self.told(grammar, 200)
        for number, each in enumerate(told):
            good = number % 2
            strategy.tell(Told(each.id, each.tree, (1.0 - good - number / 1e6,), 0, "crossover" if good else "eafo"))
        (line,) = strategy.lines()
        assert "crossover 100 of 100" in line
        assert strategy.credit["crossover"] > 0.8 > 0.3 > strategy.credit["eafo"]
        with seeded(0, 0):
            made = Counter(Guided.family(proposal.origin) for proposal in strategy.ask(400))
        assert made["crossover"] > 2 * made["eafo"]

    def test_what_no_operator_made_is_credited_to_none(self, grammar):
        strategy = self.make(grammar)
        for number, each in enumerate(self.told(grammar, 30)):
            strategy.tell(Told(each.id, each.tree, (float(number),), 0, ("baseline", "seed", "insert")[number % 3]))
        (line,) = strategy.lines()
        assert line.endswith("mutation 10 of 10") or ("mutation" in line and "of 10" in line)
        assert strategy.credit["crossover"] == 0.5

    def test_parents_are_mostly_good_some_are_of_the_front_and_few_are_of_all(self, grammar):
        """Objectives rise with the id, the second one falls, and the last is the cheapest and bad."""
        strategy = Guided(grammar, GuidedOptions(population=5))
        for number, each in enumerate(self.told(grammar, 200)):
            strategy.tell(Told(number, each.tree, (float(number), float(number == 0), float(number > 2)), 0))
        with seeded(0, 0):
            drawn = Counter(strategy._parent().id for _ in range(4000))
        best = sum(drawn[number] for number in range(5))
        assert 0.75 < best / 4000 < 0.9
        assert drawn[0] + drawn[1] > 0.5 * 4000
        assert {number for number in drawn if number > 4}, "somebody else is a parent now and then"
        assert sum(drawn[number] for number in range(5, 100)) > 2 * sum(drawn[number] for number in range(100, 200))

    def test_half_of_the_random_trees_are_small(self, grammar):
        with seeded(0, 0):
            sizes = [len(p.tree) for p in Guided(grammar, GuidedOptions(hybrids=False)).ask(600)]
        assert 0.45 < sum(size <= 6 for size in sizes) / 600 < 0.75

    @pytest.mark.parametrize(
        ("option", "origins"),
        [("hybrids", {"library", "hybrid"}), ("eafo_step", {"eafo", "bump"}), ("shapes", {"sides", "gate"})],
    )
    def test_an_operator_can_be_switched_off(self, grammar, option, origins):
        for switch in (True, False):
            strategy = Guided(grammar, GuidedOptions(**{option: switch}))
            for each in self.told(grammar, 30):
                strategy.tell(each)
            with seeded(0, 0):
                made = {proposal.origin for proposal in strategy.ask(300)}
            assert bool(made & origins) == switch


@settings(max_examples=150)
@given(trees())
def test_a_tree_survives_json_and_an_expression_survives_the_way_back_to_a_tree(tree):
    grammar = big_grammar()
    again = grammar.loads(grammar.dumps(tree))
    assert grammar.dumps(again) == grammar.dumps(tree)
    assert [node.arity for node in again] == [node.arity for node in tree]
    expression = grammar.expression(tree)
    if expression is None:
        return
    back = grammar.tree(expression)
    if back is not None:
        np.testing.assert_allclose(
            fingerprint(grammar.expression(back)), fingerprint(expression), rtol=1e-9, atol=1e-9, equal_nan=True
        )


@pytest.mark.parametrize("name", ["relu", "gelu", "silu", "elu", "mish", "crrelu", "prelu", "leaky_relu"])
def test_every_baseline_can_be_said_in_the_default_grammar(name):
    grammar = Grammar(GrammarConfig())
    expression = library()[name].expression
    again = grammar.expression(grammar.tree(expression))
    np.testing.assert_allclose(fingerprint(again), fingerprint(expression), atol=1e-9)
    assert sorted(again.parameters.values()) == sorted(expression.parameters.values())


def test_what_the_grammar_lacks_has_no_tree():
    grammar = Grammar(GrammarConfig(primitives=("add", "relu")))
    assert grammar.tree(parse("sin(x)")) is None
    assert grammar.tree(parse("relu(x) + 1")) is not None


@pytest.mark.parametrize("name", ["subtree", "change", "insert", "shrink", "tune"])
def test_every_mutation_makes_complete_trees_and_sometimes_a_change(name):
    grammar = Grammar(GrammarConfig())
    changed = 0
    with seeded(1, 1):
        for _ in range(60):
            tree = grammar.random_tree()
            before = grammar.dumps(tree)
            child = OPERATORS[name](grammar, tree, cuts(grammar, tree))
            assert grammar.dumps(tree) == before
            if child is not None:
                assert sum(node.arity - 1 for node in child) == -1
                grammar.loads(grammar.dumps(child))
                changed += grammar.dumps(child) != before
    assert changed > 5


@pytest.mark.parametrize(
    "text", ["[]", "nonsense", '["relu"]', '["__import__", "x"]', '[{"constant": "x"}]', "3", '["x", "x"]']
)
def test_a_stored_tree_that_is_none_is_refused(text):
    with pytest.raises(ActsearchError, match="genotype"):
        Grammar(GrammarConfig()).loads(text)


def test_limits_of_the_grammar_are_kept():
    grammar = Grammar(GrammarConfig(max_complexity=6, max_parameters=1, max_depth=3))
    with seeded(2, 2):
        found = [grammar.expression(grammar.random_tree()) for _ in range(200)]
    assert any(e is None for e in found)
    assert all(e is None or (e.complexity <= 6 and len(e.initial) <= 1) for e in found)
