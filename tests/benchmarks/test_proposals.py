"""What looking at a child costs: from arrays, by the authority in the same run, and in the build before."""

from __future__ import annotations

import itertools
import json
import statistics
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pytest
from deap import gp

from evaluators import assess
from evaluators.judging.features.catalogue import described
from primitives import IdentityIndex, fingerprint
from primitives.numeric import Array
from search.campaign.loop import seeded
from search.space.forest import look
from search.space.grammar import Grammar
from search.space.novelty import Neighbourhood
from search.space.options import Grammar as Options
from search.strategies.nsga2 import NSGA2, NSGA2Options
from search.strategies.strategy import Told
from tests.benchmarks.against import HERE, checked_out, in_turn, ratio_of

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3600)]

BEFORE = "2408fb5"
"""The last build that judged every child by its formula."""

ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""One core means one."""

KNOWN, MANY, POPULATION, CHILDREN = 10_000, 100_000, 64, 1000

_STRATEGY = """
import json, os, random
import torch
from primitives import fingerprint
from search.campaign.loop import seeded
from search.campaign.prior_weight import PriorWeight
from search.configuration.config import CampaignConfig, Prior
from search.space.grammar import Grammar
from search.space.options import Grammar as Options
from search.strategies.nsga2 import NSGA2, NSGA2Options
from search.strategies.strategy import Told
torch.set_num_threads(1)
made = json.load(open(os.environ["MADE"]))
grammar, options = Grammar(Options()), NSGA2Options(population=64)
strategy = NSGA2(grammar, options)
for number, (text, point) in enumerate(made["population"]):
    strategy.tell(Told(number, grammar.loads(text), tuple(point), 0))
known = [grammar.loads(text) for text in made["known"]]
with seeded(0, 0):
    strategy.ask(100)  # what is derived of a parent once is derived
try:
    from search.campaign.pool import Pool, _sort
    old = False
except ImportError:
    from search.campaign.funnel import Funnel
    old = True
"""
LOOKED_AT = (
    _STRATEGY
    + """
if old:
    funnel = Funnel(grammar, PriorWeight(Prior()), options)
    for number, tree in enumerate(known[:500]):  # all of them take it minutes to read, and make it slower still
        expression = grammar.expression(tree)
        if expression is not None:
            funnel._seen.add(number, expression, fingerprint(expression, scale_free=True))
            funnel._trained.add(number, expression)
    def work():
        with seeded(0, 1):
            for number in range(100):
                (proposal,) = strategy.ask(1)
                expression = grammar.expression(proposal.tree)
                if expression is not None:
                    funnel._judge(proposal, expression, 1, 10**6 + number)
else:
    from primitives import IdentityIndex
    from search.campaign.ranking import NoisyPrior
    from search.space.forest import look
    from search.space.novelty import Neighbourhood
    seen, trained = IdentityIndex(), Neighbourhood(options.novelty)
    for places, looked in look(known):
        for row, place in enumerate(places):
            seen.add(place, str(place), looked.prints[row])
            trained.add(place, looked.parameters[row], looked.looks.standardised[row])
    from search.campaign.pool import _first_reasons
    from search.space.wished import Wished
    from search.space.wishes import Wishes
    wished, ranking = Wished(Wishes(), grammar), NoisyPrior(grammar, PriorWeight(Prior()))
    def work():
        pool, batch = Pool(), IdentityIndex()
        with seeded(0, 1):
            proposals = strategy.ask(1000)
            for places, looked in look([proposal.tree for proposal in proposals]):
                some = proposals[places.start : places.stop]
                _sort(pool, some, looked, _first_reasons(some, looked, grammar, wished), seen, batch, trained)
            ranking.order(pool.children, 100)
"""
)
CHOSEN = (
    _STRATEGY
    + """
from runs import Candidate
trees = known[:60]
if old:
    funnel = Funnel(grammar, PriorWeight(Prior()), options)
    from search.strategies.strategy import Proposal
    def work():
        for number, tree in enumerate(trees, start=1):
            expression = grammar.expression(tree)
            if expression is not None:
                candidate = funnel._judge(Proposal(tree, "random"), expression, 1, number)
                if candidate.status == "pending":
                    funnel._tidied(candidate, expression)
else:
    from search.campaign.funnel import Funnel
    from search.campaign.pool import Child
    from search.campaign.ranking import NoisyPrior
    from search.space.forest import look
    from search.strategies.strategy import Proposal
    funnel = Funnel(grammar, NoisyPrior(grammar, PriorWeight(Prior())), CampaignConfig())
    ((_, looked),) = look(trees)
    from search.space.describe import of_trees
    of = zip(trees, looked.prints, of_trees(trees))
    children = [Child(Proposal(tree, "random"), found, print_) for tree, print_, found in of if found is not None]
    def work():
        for number, child in enumerate(children, start=1):
            funnel._judge(child, 1, number)
"""
)


def evolved(grammar: Grammar, told: int = 400) -> NSGA2:
    """Return a strategy with a population, evolved towards low entropy, a slope, and cheap short formulas."""
    strategy, index, count = NSGA2(grammar, NSGA2Options(population=POPULATION)), IdentityIndex(), 0
    with seeded(0, 0):
        while count < told:
            asked = strategy.ask(64)
            for places, looked in look([proposal.tree for proposal in asked]):
                looks = looked.looks
                for row, place in enumerate(places):
                    if looks.sound[row] and index.find_values(looked.prints[row]) is None:
                        count += 1
                        index.add(count, str(count), looked.prints[row])
                        error = abs(looks.entropy[row] - 0.3) + abs(looks.rows.linear_share[row] - 0.75)
                        point = (float(error), float(looks.costs[row]), float(looks.complexities[row]))
                        strategy.tell(Told(count, asked[place].tree, point))
    return strategy


def drawn(grammar: Grammar, index: IdentityIndex, near: Neighbourhood) -> Iterator[str]:
    """Yield random trees whose functions are sound, not known and not near to a known one, and make them known."""
    for count in itertools.count():
        with seeded(5, count):
            trees = [grammar.random_tree() for _ in range(256)]
        for row in sound(trees):
            if index.find_values(row.print) is None and near.nearest([row.parameters], row.outputs[None])[0] is None:
                index.add(len(index._places), "", row.print)
                near.add(len(index._places), row.parameters, row.outputs)
                yield grammar.dumps(row.tree)


class Row(NamedTuple):
    """What identity and novelty need of a tree."""

    tree: gp.PrimitiveTree
    parameters: int
    outputs: Array
    print: Array


def sound(trees: Sequence[gp.PrimitiveTree]) -> Iterator[Row]:
    for places, looked in look(trees):
        for row in looked.looks.sound.nonzero()[0]:
            yield Row(
                trees[places[row]], looked.parameters[row], looked.looks.standardised[row].copy(), looked.prints[row]
            )


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return a file with trees of 10,000 functions, no two alike or near, and an evolved population of 64."""
    grammar, path = Grammar(Options()), tmp_path_factory.mktemp("made") / "made.json"
    known = list(itertools.islice(drawn(grammar, IdentityIndex(), Neighbourhood(0.02)), KNOWN))
    members = [(grammar.dumps(told.tree), told.objectives) for told in evolved(grammar)._population]
    path.write_text(json.dumps({"known": known, "population": members}))
    return path


def test_a_thousand_children_are_looked_at_in_two_seconds_a_twelfth_of_what_formulas_take(made):
    """Drawn, evaluated, screened, compared with 10,000 known, described, ranked; the old build does 100, beside 500."""
    places = ({"MADE": str(made), **ONE_THREAD},) * 2
    with checked_out(BEFORE) as before:
        new, old = in_turn((HERE, before), LOOKED_AT, 3, places)
    ratio = ratio_of([each.seconds / CHILDREN for each in new], [each.seconds / 100 for each in old])
    seconds = [each.seconds for each in new]
    print(f"\n{CHILDREN} children: {statistics.median(seconds):.2f} s ({min(seconds):.2f} to {max(seconds):.2f})")
    print(f"a child against {BEFORE}: {ratio}")
    assert statistics.median(seconds) <= 2
    assert ratio.high < 1 / 12


def test_the_authority_on_the_same_children_in_the_same_run(made):
    """What judging every child by its formula would cost here and now."""
    grammar = Grammar(Options())
    trees = [grammar.loads(text) for text in json.loads(made.read_text())["known"][:200]]
    started = time.process_time()
    for _, looked in look(trees):
        _ = described(looked.looks), looked.looks.sound
    quick, started = time.process_time() - started, time.process_time()
    for tree in trees:
        expression = grammar.expression(tree)
        if expression is not None:
            assess(expression)
            fingerprint(expression, absorbed=True)
    slow = time.process_time() - started
    print(
        f"\na look at a tree {1e3 * quick / len(trees):.2f} ms, its formula's verdict {1e3 * slow / len(trees):.1f} ms"
    )
    assert quick < slow / 12


def test_the_authority_on_a_chosen_child_takes_half_of_what_it_took(made):
    places = ({"MADE": str(made), **ONE_THREAD},) * 2
    with checked_out(BEFORE) as before:
        new, old = in_turn((HERE, before), CHOSEN, 5, places)
    ratio = ratio_of([each.seconds for each in new], [each.seconds for each in old])
    each = [1e3 * one.seconds / 60 for one in new], [1e3 * one.seconds / 60 for one in old]
    print(f"\na chosen child against {BEFORE}: {ratio}")
    print(f"ms here {statistics.median(each[0]):.1f}, before {statistics.median(each[1]):.1f}")
    assert ratio.high < 1 / 2


def test_three_in_four_of_ten_thousand_raw_draws_and_children_are_new_functions(capsys):
    """New: sound, and not the function of another one, of the population or known to the strategy."""
    grammar = Grammar(Options())
    strategy = evolved(grammar)
    with seeded(3, 0):
        draws = [grammar.random_tree() for _ in range(10_000)]
        children = strategy.ask(10_000)
    shares = {}
    for name, trees in (("draws", draws), ("children", [child.tree for child in children])):
        index, counts = IdentityIndex(), Counter()
        parents = [told.tree for told in strategy._population] if name == "children" else []
        for places, looked in look([*parents, *trees]):
            for row, place in enumerate(places):
                reason = looked.looks.reason(row)
                if reason is None and index.find_values(looked.prints[row]) is not None:
                    reason = "known"
                if reason is None:
                    index.add(place, str(place), looked.prints[row])
                if place >= len(parents):
                    counts[reason or "new"] += 1
        shares[name] = counts["new"] / len(trees)
        print(f"\n10,000 raw {name}: {shares[name]:.1%} new;", dict(counts.most_common()))
    assert min(shares.values()) >= 0.75


def test_identity_and_novelty_against_100000_known_functions():
    """No two of the known are alike or near, as if a very long campaign had trained them all."""
    grammar, index, near = Grammar(Options()), IdentityIndex(), Neighbourhood(0.02)
    count = sum(1 for _ in itertools.islice(drawn(grammar, index, near), MANY))
    with seeded(6, 0):
        asked = list(sound([grammar.random_tree() for _ in range(8192)]))
    times, new = [], 0
    for start in range(0, len(asked), 256):
        some = asked[start : start + 256]
        started = time.process_time()
        left = [row for row in some if index.find_values(row.print) is None]
        found = near.nearest([row.parameters for row in left], np.stack([row.outputs for row in left]))
        new += found.count(None)
        times.append((time.process_time() - started) / len(some) * 1e6)
    held = sum(print_.nbytes for print_ in index._prints.values()) + sum(g._rows.nbytes for g in near._known.values())
    print(f"\n{count:,} known: {statistics.median(times):.0f} us a child ({min(times):.0f} to {max(times):.0f})")
    print(f"{new / len(asked):.1%} of {len(asked)} random ones are new; {held / 2**20:.0f} MiB")
    assert statistics.median(times) < 50
    assert held < 2**30
