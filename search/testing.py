"""Contract tests of a search strategy: subclass :class:`StrategyContract`. Needs pytest."""

from __future__ import annotations

import random

try:
    import pytest
except ModuleNotFoundError:
    raise ImportError("search.testing needs pytest: pip install 'actsearch[test]'") from None

from search.campaign.loop import seeded
from search.space.grammar import Grammar
from search.space.options import Grammar as GrammarConfig
from search.strategies.strategy import Strategy, Told


class StrategyContract:
    """Laws that every strategy obeys, because resuming a campaign rests on them."""

    @pytest.fixture
    def grammar(self) -> Grammar:
        """Return the default grammar."""
        return Grammar(GrammarConfig())

    def make(self, grammar: Grammar) -> Strategy:
        """Return a fresh strategy; override it."""
        raise NotImplementedError

    def told(self, grammar: Grammar, count: int) -> list[Told]:
        """Return results of random trees, of which two in three were stopped at a rung."""
        with seeded(7, 0):
            trees = [grammar.random_tree() for _ in range(count)]
            points = [(random.random(), float(len(tree)), 1.0) for tree in trees]
        return [Told(i, tree, point, i % 3) for i, (tree, point) in enumerate(zip(trees, points, strict=True))]

    def test_it_proposes_as_many_as_asked_before_knowing_anything(self, grammar: Grammar) -> None:
        """The first ask works."""
        with seeded(0, 0):
            assert len(self.make(grammar).ask(5)) == 5

    def test_every_proposal_is_a_tree_of_the_grammar(self, grammar: Grammar) -> None:
        """Proposals respect the depth limit, use x, survive storage, and name real parents."""
        strategy = self.make(grammar)
        told = self.told(grammar, 60)
        for each in told:
            strategy.tell(each)
        with seeded(0, 1):
            proposals = strategy.ask(200)
        for proposal in proposals:
            assert grammar.fits(proposal.tree)
            assert grammar.dumps(grammar.loads(grammar.dumps(proposal.tree))) == grammar.dumps(proposal.tree)
            assert set(proposal.parents) <= {each.id for each in told}
            assert proposal.origin

    def test_equal_seeds_and_equal_histories_give_equal_proposals(self, grammar: Grammar) -> None:
        """The state is a function of what was told; randomness is only Python's global generator."""
        texts = []
        for _ in range(2):
            strategy = self.make(grammar)
            for each in self.told(grammar, 50):
                strategy.tell(each)
            random.seed()
            with seeded(3, 9):
                texts.append([grammar.dumps(p.tree) for p in strategy.ask(20)])
        assert texts[0] == texts[1]

    def test_telling_draws_no_random_number(self, grammar: Grammar) -> None:
        """Replay must not depend on the generator."""
        strategy = self.make(grammar)
        state = random.getstate()
        for each in self.told(grammar, 50):
            strategy.tell(each)
        assert random.getstate() == state
