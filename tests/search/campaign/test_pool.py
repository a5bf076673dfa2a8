from __future__ import annotations

import pytest
from deap import gp

from evaluators.judging.features.catalogue import FEATURES, described
from evaluators.judging.features.feature import Feature
from primitives import ActsearchError, IdentityIndex, resolve
from search.campaign.funnel import Funnel
from search.campaign.loop import seeded
from search.campaign.pool import FULL, KNOWN, NEAR, REPEATED, TOO_LONG, filled
from search.campaign.prior_weight import PriorWeight
from search.campaign.ranking import NoisyPrior
from search.configuration.config import CampaignConfig, Prior
from search.configuration.reading import from_dict
from search.space.forest import look
from search.space.grammar import Grammar
from search.space.novelty import Neighbourhood
from search.strategies.choice import Choice
from search.strategies.proposal import Proposal
from search.strategies.strategy import Strategy


class Fixed(Strategy):
    """Proposes the same formulas again and again."""

    def __init__(self, grammar, *texts):
        self.grammar = grammar
        self._trees = [grammar.tree(resolve(text)) for text in texts]
        self._at = 0

    def ask(self, count):
        first, self._at = self._at, self._at + count
        return [Proposal(self._trees[(first + n) % len(self._trees)], "random") for n in range(count)]

    def tell(self, told):
        pass


def pool_of(strategy, wanted, known=(), trained=(), novelty=0.02):
    seen, near = IdentityIndex(), Neighbourhood(novelty)
    for texts, remember in ((known, "seen"), (trained, "near")):
        for number, text in enumerate(texts):
            ((_, looked),) = look([strategy.grammar.tree(resolve(text))])
            if remember == "seen":
                seen.add(number, text, looked.prints[0])
            else:
                near.add(number, looked.parameters[0], looked.looks.standardised[0])
    return filled(strategy, strategy.grammar, wanted, seen, near, "fixed")


GRAMMAR = Grammar(CampaignConfig().grammar)


def test_every_proposal_is_taken_in_or_counted_by_reason():
    strategy = Fixed(
        GRAMMAR, "tanh(x)*x", "relu(x)", "2*relu(-x) + 1", "silu(x)", "sin(x)", "x + 1", "abs(x)*2", "max(1, 2*x)"
    )
    pool = pool_of(strategy, 100, known=["relu(x)"], trained=["1.02*silu(x)"])
    made = {str(GRAMMAR.expression(child.proposal.tree)) for child in pool.children}
    assert made == {"x*tanh(x)", "sin(x)", "2*abs(x)", "max(1, 2*x)"}
    assert set(pool.passed_over) == {KNOWN, NEAR, REPEATED, "it is affine (a straight line)"}
    assert abs(pool.passed_over[KNOWN] - 2 * pool.passed_over[NEAR]) < 3
    assert pool.looked_at == len(pool.children) + sum(pool.passed_over.values()) >= 2000


def test_a_pool_ends_when_it_is_full_and_what_was_asked_for_beyond_is_counted():
    strategy = Fixed(GRAMMAR, *(f"sin({n}*x)" for n in range(1, 30)))
    pool = pool_of(strategy, 5)
    assert len(pool.children) == 5
    assert pool.passed_over[FULL] == 16 - 5


def test_a_formula_longer_than_allowed_is_passed_over_by_the_grammars_own_weights():
    plain, weighing = (
        Grammar(from_dict({"grammar": {"max_complexity": 8, "weights": w}}, "t").grammar) for w in ({}, {"sin": 4})
    )
    for grammar, taken in ((plain, 1), (weighing, 0)):
        pool = pool_of(Fixed(grammar, "sin(sin(x)) + x"), 5)
        assert len(pool.children) == taken
        assert (pool.passed_over[TOO_LONG] > 0) == (not taken)


@pytest.mark.parametrize("answer", [[], [None], "nothing", [Proposal(None, "a")] * 16])
def test_a_strategy_that_returns_something_else_is_told(answer):
    class Wrong(Fixed):
        def ask(self, count):
            return answer

    with pytest.raises(ActsearchError, match="strategy 'fixed' was asked for 16 proposals and returned"):
        pool_of(Wrong(GRAMMAR, "sin(x)"), 1)


@pytest.mark.parametrize("nodes", ["foreign", "empty", "truncated", "two"])
def test_a_strategy_whose_tree_is_none_of_the_grammar_is_told(nodes):
    class Wrong(Fixed):
        def ask(self, count):
            return [Proposal(gp.PrimitiveTree(wrong[nodes]), "a")] * count

    own, other = (
        GRAMMAR.tree(resolve("sin(x)")),
        Grammar(from_dict({"grammar": {"primitives": ["sinh", "add"]}}, "t").grammar),
    )
    wrong = {"foreign": other.tree(resolve("sinh(x)")), "empty": [], "truncated": own[:1], "two": [*own, *own]}
    with pytest.raises(ActsearchError, match=r"strategy 'fixed' proposed .*, which is no complete tree of the"):
        pool_of(Wrong(GRAMMAR, "sin(x)"), 1)


class ByName(Choice):
    """Prefers short formulas."""

    def pool(self, count):
        return 16 * count

    def order(self, pool, count):
        return sorted(range(len(pool)), key=lambda place: pool[place].described.facts["complexity"])

    def chose(self, identifier, genotype, text):
        pass

    def tell(self, result):
        pass


def funnel(ranking=None, **changes):
    config = from_dict(changes, "test")
    return Funnel(GRAMMAR, ranking or NoisyPrior(GRAMMAR, PriorWeight(Prior())), config)


def test_the_ranking_is_exchangeable_and_near_functions_of_one_batch_are_not_both_chosen():
    strategy = Fixed(GRAMMAR, "sin(x)*tanh(x) + x", "1.01*sin(x) + x", "sin(x) + x", "gelu(sin(x))", "tanh(x)*x**2")
    with seeded(0, 0):
        batch = funnel(ByName()).fill(strategy, 1, 1, 4)
    assert batch.chosen[0].expression in ("x + sin(x)", "gelu(sin(x))")
    chosen = {c.expression for c in batch.chosen}
    assert len(chosen & {"x + sin(x)", "x + 1.01*sin(x)"}) == 1
    assert [c.ask for c in batch.chosen] == [1, 2, 3, 4]
    assert [c.id for c in batch.candidates] == list(range(1, len(batch.candidates) + 1))


def test_what_only_arrays_liked_is_refused_before_training_with_the_reason_and_never_asked_again(monkeypatch):
    import search.campaign.funnel as module
    from evaluators import Assessment

    real = module.assess
    monkeypatch.setattr(
        module,
        "assess",
        lambda e: Assessment("pretend: not finite") if "sin" in e.formula else real(e),
    )
    judging, strategy = funnel(), Fixed(GRAMMAR, "sin(x)", "x*tanh(x)")
    with seeded(0, 0):
        batch = judging.fill(strategy, 1, 1, 5)
        again = judging.fill(strategy, 6, 10, 5)
    (refused,) = [c for c in batch.candidates if c.status != "pending"]
    assert (refused.status, refused.reason, refused.expression) == ("rejected", "pretend: not finite", "sin(x)")
    assert refused.mark is not None
    assert [c.expression for c in batch.chosen] == ["x*tanh(x)"]
    assert again.candidates == ()
    assert set(again.passed_over) == {KNOWN}
    fresh = funnel()
    fresh.recall(batch.candidates)
    with seeded(0, 0):
        assert fresh.fill(strategy, 6, 10, 5).candidates == ()


def test_a_pool_of_which_nothing_passes_is_followed_by_another(monkeypatch):
    """A batch of one with a pool of one child must not end a campaign when that one child is refused."""
    import search.campaign.funnel as module
    from evaluators import Assessment

    real, asked = module.assess, []
    monkeypatch.setattr(
        module, "assess", lambda e: asked.append(e) or (Assessment("no") if len(asked) < 4 else real(e))
    )
    texts = ("sin(x)", "sin(2*x)", "sin(3*x)", "sin(4*x)", "sin(5*x)")
    with seeded(0, 0):
        batch = funnel(strategy={"name": "nsga2"}, prior={"pool": 1}).fill(Fixed(GRAMMAR, *texts), 1, 1, 1)
    assert [c.status for c in batch.candidates].count("pending") == 1
    assert [c.id for c in batch.candidates] == list(range(1, len(batch.candidates) + 1))
    assert len(batch.candidates) > 1


def test_a_feature_without_a_form_for_arrays_ranks_by_the_formula():
    calls = []
    own = Feature("size", "1", "size", lambda s: calls.append(s) or float(s.expression.complexity), predicts=True)
    FEATURES.register("size", own)
    try:
        weight = PriorWeight(Prior(evidence=12))
        for n in range(40):
            weight.tell({"size": float(n)}, float(n))
        strategy = Fixed(GRAMMAR, "sin(x)*tanh(x) + x*relu(x)", "tanh(x)*x", "sin(x)")
        with seeded(0, 0):
            batch = funnel(NoisyPrior(GRAMMAR, weight)).fill(strategy, 1, 1, 1)
        assert batch.chosen[0].expression == "sin(x)"
        assert len(calls) >= 3
    finally:
        FEATURES.unregister("size")


def test_every_cheap_feature_of_the_registry_is_known_of_a_child():
    ((_, looked),) = look([GRAMMAR.tree(resolve("gelu"))])
    facts = described(looked.looks)
    assert {"prior", "correction", "gain", "cost", "complexity", "chi1", "linear_share", "left_growth"} <= set(facts)
