"""Do arrays and formulas agree? The quick look beside the authority, on random trees.

``python -m search.studies.agreement [TREES]`` draws so many trees, 20,000 by default, half of them of the default
grammar and half of one with every primitive, half of those by the generator and half as children; it takes both ways
and writes ``evaluators/study/agreement.md``. The authority is :func:`evaluators.assess` and
:func:`primitives.fingerprint` on the formula that the tree says.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from evaluators import assess
from evaluators.judging.features.catalogue import described
from evaluators.theory.meanfield import mean_field
from evaluators.theory.quadrature import sample
from primitives import ActsearchError, Expression, all_primitives, fingerprint, growth
from primitives.identity import TOLERANCE
from search.campaign.loop import seeded
from search.space.forest import Looked, look
from search.space.grammar import Grammar
from search.space.leaves import Tree
from search.space.options import Grammar as Options
from search.space.variation import Parent, mutate

TABLE = Path(__file__).parents[2] / "evaluators" / "study" / "agreement.md"
TREES = 20_000
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
"""What keeps two processes on two cores from waiting for each other's threads, four times as long."""
_A_PART = 500
_SHOWN = 2
_UNLIKE = 10
_KINDS = ("not finite", "constant", "affine", "slope is zero", "no effect")
_EXPLAINED = {
    ("sound", "not finite"): "a formula's own spelling overflows in float32, or is 0/0, where the tree's does not",
    ("sound", "no formula"): "sympy finds a part that is no real number",
    ("sound", "too long"): "sympy spells it longer than the estimate says",
    ("too long", "sound"): "sympy spells it shorter than the estimate says",
    ("no effect", "sound"): "algebra drops a parameter that changes nothing; what is left is another tree",
    ("not finite", "sound"): "a part of the tree overflows or is 0/0 where the formula is shorter or stable",
    ("not finite", "constant"): "a number of a number that sympy folds; refused by both",
}


_UNLIKE_BECAUSE = (
    "Looked into so far: rounding decides a tie of two arguments exactly on a point of the grid (so half of a slope or "
    "all of it), or the sine of a number of twelve digits; or sympy shortens exp(log(u)) to u, which has values where "
    "a moved parameter makes u negative."
)


@dataclass
class Part:
    """What some trees showed.

    Attributes:
        verdicts: how many by the two verdicts, arrays first.
        examples: some trees that the two disagree on.
        apart: the largest difference of the two fingerprints of each function that both find sound.
        unlike: the functions where that is beyond the tolerance.
        features: pairs of estimate and authority by feature.
    """

    verdicts: Counter[tuple[str, str]] = field(default_factory=Counter)
    examples: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    apart: list[float] = field(default_factory=list)
    unlike: list[str] = field(default_factory=list)
    features: dict[str, list[tuple[float, float]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, other: Part) -> None:
        """Take in another part."""
        self.verdicts.update(other.verdicts)
        self.apart += other.apart
        self.unlike += other.unlike
        for pair, texts in other.examples.items():
            self.examples[pair] += texts
        for name, pairs in other.features.items():
            self.features[name] += pairs


def grammar_of(name: str) -> Grammar:
    """Return the default grammar, or ``full``: with every primitive."""
    names = tuple(primitive.name for primitive in all_primitives())
    return Grammar(Options(primitives=names) if name == "full" else Options())


def trees_of(grammar: Grammar, seed: int, count: int) -> list[Tree]:
    """Return random trees, every other one a child of the one before."""
    with seeded(seed, 0):
        trees: list[Tree] = []
        while len(trees) < count:
            trees.append(grammar.random_tree())
            child = mutate(grammar, Parent(grammar, trees[-1]))
            trees += [child[1]] if child else []
    return trees[:count]


def part(work: tuple[str, int, int]) -> Part:
    """Return what some trees of a grammar show."""
    name, seed, count = work
    grammar, found = grammar_of(name), Part()
    trees = trees_of(grammar, seed, count)
    for places, looked in look(trees):
        facts = described(looked.looks)
        for row, place in enumerate(places):
            _compare(found, grammar, trees[place], looked, row, {name: float(v[row]) for name, v in facts.items()})
    return found


def _compare(found: Part, grammar: Grammar, tree: Tree, looked: Looked, row: int, facts: dict[str, float]) -> None:
    quick = _kind(looked.looks.reason(row))
    if quick == "sound" and facts["complexity"] > grammar.config.max_complexity:
        quick = "too long"
    expression = _formula(grammar, tree)
    if expression is None:
        authority = "no formula"
    elif expression.complexity > grammar.config.max_complexity:
        authority = "too long"
    else:
        assessment = assess(expression)
        authority = _kind(assessment.rejection)
        if (quick, authority) == ("sound", "sound"):
            print_ = fingerprint(expression, absorbed=True)
            same = print_.shape == looked.prints[row].shape
            found.apart.append(float(np.abs(print_ - looked.prints[row]).max()) if same else np.inf)
            if not found.apart[-1] <= TOLERANCE:
                found.unlike.append(str(expression))
            for name, value in {**assessment.facts, **_beside(expression)}.items():
                found.features[name].append((facts[name], value))
    found.verdicts[quick, authority] += 1
    if quick != authority:
        found.examples[quick, authority].append(str(expression or tree))


def _formula(grammar: Grammar, tree: Tree) -> Expression | None:
    try:
        return grammar.formula(tree)
    except ActsearchError:
        return None


def _kind(reason: str | None) -> str:
    return "sound" if reason is None else next((kind for kind in _KINDS if kind in reason), reason)


def _beside(expression: Expression) -> dict[str, float]:
    """Return what arrays say of mean field and tails, that candidates do not keep."""
    field_ = mean_field(sample(expression))
    tails = dict(zip(("left_growth", "right_growth"), growth(expression), strict=True))
    orders = {name: tail.order for name, tail in tails.items() if tail.kind in ("power", "constant", "vanishing")}
    names = ("second_moment", "mean_share", "chi1", "linear_share")
    return {**{name: getattr(field_, name) for name in names}, **orders}


def report(parts: dict[str, Part]) -> str:
    """Return the tables in Markdown."""
    lines = [
        "# Arrays beside formulas",
        "",
        "What the quick look says of random trees and of children of such, and what the authority says. Remade by",
        "`make agreement`, 8 minutes on 2 cores. Where they disagree the authority is right: what",
        "only arrays liked is refused before training, with the reason in its row; what only the authority would have",
        "liked is not proposed.",
    ]
    for name, found in parts.items():
        lines += ["", f"## The {name} grammar, {found.verdicts.total():,} trees", ""]
        lines += [*_verdicts(found), "", *_rest(found)]
    return "\n".join(lines) + "\n"


def _verdicts(found: Part) -> Iterator[str]:
    total, alike = found.verdicts.total(), sum(n for (a, b), n in found.verdicts.items() if a == b)
    yield f"The verdicts are the same for {alike:,} ({alike / total:.2%})."
    yield ""
    yield "| arrays | authority | trees | of all | why | for example |"
    yield "|---|---|--:|--:|---|---|"
    for (quick, authority), count in sorted(found.verdicts.items(), key=lambda row: -row[1]):
        texts = sorted(set(found.examples.get((quick, authority), ())), key=lambda text: (len(text), text))[:_SHOWN]
        shown = ", ".join(f"`{text.replace('|', chr(92) + '|')}`" for text in texts)
        why = "" if quick == authority else _why(quick, authority)
        yield f"| {quick} | {authority} | {count:,} | {count / total:.2%} | {why} | {shown} |"


def _why(quick: str, authority: str) -> str:
    if (quick, authority) in _EXPLAINED:
        return _EXPLAINED[quick, authority]
    if "fails" in authority:
        return "a fault of ours in the formula's path"
    return "the coarse grid misses it" if "sound" in (quick, authority) else "refused by both, for another reason"


def _rest(found: Part) -> Iterator[str]:
    apart = np.array(found.apart)
    yield (
        f"Fingerprints of the {len(apart):,} that both find sound: largest difference {apart.max():.1e}, "
        f"{len(found.unlike)} beyond the tolerance of {TOLERANCE:g}{':' if found.unlike else '.'}"
    )
    yield from (f"- `{text}`" for text in sorted(found.unlike, key=len)[:_UNLIKE])
    if found.unlike:
        yield ""
        yield _UNLIKE_BECAUSE
    yield ""
    yield "| feature | rank correlation | median difference | 99 % of differences below | largest |"
    yield "|---|--:|--:|--:|--:|"
    for name, pairs in found.features.items():
        quick, authority = np.array(pairs).T
        apart = np.abs(quick - authority)
        rho = float(spearmanr(quick, authority).statistic)
        yield f"| {name} | {rho:.4f} | {np.median(apart):.2g} | {np.quantile(apart, 0.99):.2g} | {apart.max():.2g} |"


def main() -> None:
    """Compare and write the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else TREES
    parts = {name: Part() for name in ("default", "full")}
    work = [(name, seed, _A_PART) for seed in range(-(-count // (2 * _A_PART))) for name in parts]
    os.environ.update(_ONE_THREAD)
    with multiprocessing.get_context("spawn").Pool() as pool:
        for done, ((name, *_), some) in enumerate(zip(work, pool.imap(part, work), strict=True), start=1):
            parts[name].add(some)
            print(f"{done} of {len(work)} parts", end="\r", file=sys.stderr, flush=True)
    TABLE.write_text(report(parts))
    print(TABLE.read_text())


if __name__ == "__main__":
    main()
