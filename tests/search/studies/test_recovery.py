from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from primitives import parse
from search.space.describe import everything
from search.space.grammar import Grammar
from search.space.leaves import Tree
from search.studies.recovery import rival
from search.studies.recovery.__main__ import main
from search.studies.recovery.fitting import EQUAL, Fitting, family, outputs
from search.studies.recovery.game import Rules, play
from search.studies.recovery.measure import COLUMNS, Unit, complete, units
from search.studies.recovery.methods import STRATEGIES, allowed
from search.studies.recovery.report import markdown, summary, wilson
from search.studies.recovery.targets import FRESH, REACH, SAMPLE, TARGETS, grammar, parts, sampled

SPELLED = {
    "crrelu": '["add", "relu", "x", "scale", {"learnable": 1.0}, "mul", "x", "gaussian", "x"]',
    "gelu": '["mul", "x", "add", {"constant": 1.0}, "erf", "scale", {"learnable": 0.25}, "x"]',
    "silu": '["mul", "x", "sigmoid", "x"]',
    "mish": '["mul", "x", "tanh", "softplus", "x"]',
    "selu": '["add", "relu", "x", "scale", {"learnable": 0.01}, "min", {"constant": 1.0}, "exp", "x"]',
    "elu": '["add", "relu", "x", "min", {"constant": 1.0}, "exp", "x"]',
    "softplus": '["log", "sigmoid", "scale", {"learnable": 0.25}, "x"]',
}


def tree(text: str, within: Grammar | None = None) -> Tree:
    found = (within or everything()).tree(parse(text))
    assert found is not None
    return found


@pytest.mark.parametrize("name", TARGETS)
def test_every_target_can_be_said_without_its_name_and_is_known_whatever_its_constants_start_from(name):
    target = TARGETS[name]
    spelled = grammar(target).loads(SPELLED[name])
    assert grammar(target).fits(spelled)
    fit = Fitting(name).fit(spelled)
    assert fit.recovered
    assert fit.error < -12


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("crrelu", "relu(x)"),
        ("crrelu", "vlu"),
        ("gelu", "x*sigmoid(alpha*x); alpha=1.7"),
        ("mish", "x*sigmoid(alpha*x); alpha=1.0"),
        ("silu", "x*(1 + erf(alpha*x)); alpha=0.5"),
        ("selu", "elu(x)"),
        ("elu", "max(x, tanh(alpha*x)); alpha=0.5"),
        ("softplus", "squareplus(x)"),
    ],
)
def test_what_is_only_near_is_not_the_target(name, near):
    fit = Fitting(name).fit(tree("alpha*sin(beta*x) + relu(x); alpha=1.0; beta=1.0" if near == "vlu" else near))
    assert not fit.recovered
    assert -8 < fit.error < -1


def test_relu_is_farther_from_crrelu_than_is_forgiven_by_three_orders():
    relu, target = np.maximum(FRESH, 0), sampled("crrelu", FRESH)
    assert np.sqrt(((relu - target) ** 2).mean()) / target.std() > 200 * EQUAL
    assert np.allclose(target - relu, 0.01 * FRESH * np.exp(-(FRESH**2) / 2))


def test_the_sample_is_even_and_what_judges_is_farther_out_and_between_its_points():
    assert len(SAMPLE) == 256
    assert np.ptp(np.diff(SAMPLE)) < 1e-12
    assert (SAMPLE[0], SAMPLE[-1], FRESH[0], FRESH[-1]) == (-REACH, REACH, -2 * REACH, 2 * REACH)
    assert len({*SAMPLE} & {*FRESH}) <= 2


def test_scale_shift_reflection_and_initial_values_make_no_new_candidate():
    say = lambda text: family(tree(text))  # noqa: E731
    assert say("x*sigmoid(alpha*x); alpha=1.0") == say("2 - 3*x*sigmoid(alpha*x); alpha=0.1")
    assert say("beta*tanh(x); beta=2.0") == say("tanh(x)")
    assert say("softplus(x)") == say("softplus(-x)") != say("softplus(2*x)")
    assert say("alpha*(tanh(x) + sin(x)); alpha=1.0") != say("alpha*tanh(x) + beta*sin(x); alpha=1.0; beta=1.0")
    assert family(Tree(everything().loads('["log", "x"]'))) is None


def test_a_candidate_is_told_in_the_orientation_that_fits():
    fit = Fitting("softplus").fit(everything().loads('["log", "sigmoid", "x"]'))
    assert fit.recovered
    assert str(fit.tree) == "log(sigmoid(neg(x)))"
    assert Fitting("softplus").fit(fit.tree).tree == fit.tree
    assert str(Fitting("elu").fit(tree("relu(-x)")).tree) == "relu(x)"


def test_fitted_parameters_are_in_the_tree_and_say_what_was_fitted():
    fit = Fitting("gelu").fit(grammar(TARGETS["gelu"]).loads(SPELLED["gelu"]))
    (value,) = (node.value.value for node in fit.tree if "Learnable" in str(getattr(node, "value", "")))
    assert abs(value) == pytest.approx(math.sqrt(0.5), rel=1e-6)
    assert outputs(fit.tree, np.array([[value]]), SAMPLE).shape == (1, len(SAMPLE))


@pytest.mark.parametrize("name", TARGETS)
def test_no_strategy_proposes_a_forbidden_name_nor_the_target_from_the_library(name):
    target = TARGETS[name]
    fitting = Fitting(name)
    assert not any(grammar(target).has(forbidden) for forbidden in target.forbidden)
    assert len(allowed(target)) > 40
    for make in STRATEGIES.values():
        strategy = make(target)
        names = {node.name for proposal in strategy.ask(200) for node in proposal.tree if node.arity}
        assert not names & {*target.forbidden}
    for known in allowed(target)[::8]:
        assert not any(fitting.fit(part).recovered for part in parts(known))


def test_the_library_says_the_target_in_other_words_and_that_is_left_out():
    said = {str(known) for known in allowed(TARGETS["silu"])}
    swish = grammar(TARGETS["silu"]).tree(parse("x*sigmoid(beta*x); beta=1.0"))
    assert str(swish) not in said
    assert str(swish) in {str(known) for known in allowed(TARGETS["mish"])}


@pytest.mark.parametrize("method", STRATEGIES)
def test_a_small_game_is_the_same_again_by_its_seed_and_another_by_another(method):
    target, rules = TARGETS["selu"], Rules(48, 16)
    game = play(target, STRATEGIES[method], 1, rules)
    assert game == play(target, STRATEGIES[method], 1, rules)
    assert game != play(target, STRATEGIES[method], 2, rules)
    assert game.evaluations == 48
    assert not game.recovered
    assert grammar(target).loads(game.found)


def test_the_easiest_target_is_found_and_ends_the_game():
    games = [play(TARGETS["silu"], STRATEGIES["guided"], seed, Rules(400, 32)) for seed in range(2)]
    assert any(game.recovered and game.evaluations < 400 for game in games)


def row(target, method, seed, evaluations, recovered):
    return dict(zip(COLUMNS, (target, method, seed, 400, 32, evaluations, recovered, -3.0, 1.0, "x"), strict=True))


def test_the_intervals_are_wilsons_and_the_median_counts_failures():
    assert wilson(0, 10) == pytest.approx((0, 0.2775), abs=1e-4)
    assert wilson(84, 140) == pytest.approx((0.5172, 0.6774), abs=1e-3)
    rows = pd.DataFrame(
        [
            row("silu", "guided", 0, 10, 1),
            row("silu", "guided", 1, 30, 1),
            row("elu", "guided", 0, 400, 0),
            row("silu", "nsga2", 0, 20, 1),
            row("elu", "nsga2", 0, 400, 0),
            row("elu", "nsga2", 1, 400, 0),
        ]
    )
    guided, nsga2 = summary(rows, ["guided", "nsga2", "random"]).to_dict("records")
    assert (guided["recovered"], guided["median"], guided["won"]) == (2, 30, 20)
    assert (nsga2["games"], nsga2["median"]) == (3, math.inf)
    page = markdown(rows, ["guided", "nsga2", "random"], Rules(400, 32), "make it")
    assert "| `guided` | 3 | 2 | 67% [21%, 94%] | 30 (20) | 1 |" in page
    assert "| elu | 0 of 1 | 0 of 2 |" in page


def test_the_study_goes_on_where_it_was_stopped(tmp_path):
    rules, file = Rules(32, 16), tmp_path / "recovery.csv"
    wanted = units(["silu", "elu"], ["random", "nsga2"], 1, rules)
    first = complete(wanted[:2], file, 1)
    first.assign(found=["seen", "too"]).to_csv(file, index=False)
    with file.open("a") as stream:
        stream.write("elu,random,0,32")
    rows = complete(wanted, file, 1)
    assert len(rows) == len(wanted) == 4
    assert {"seen", "too"} < set(rows["found"])
    assert list(rows.columns) == COLUMNS
    assert complete([Unit("silu", "random", 0, rules)], file, 1).equals(
        rows[(rows["target"] == "silu") & (rows["method"] == "random")].reset_index(drop=True)
    )


def test_the_command_writes_rows_and_a_page_and_says_what_is_missing(tmp_path, capsys):
    main(["--out", str(tmp_path), "--workers", "1", "--seeds", "1", "--targets", "silu", "--methods", "random",
          "--evaluations", "40", "--batch", "20"])  # fmt: skip
    assert "in batches of 20" in (tmp_path / "recovery.md").read_text()
    if not rival.is_installed():
        main(["--out", str(tmp_path), "--workers", "1", "--seeds", "1", "--targets", "silu", "--evaluations", "40",
              "--batch", "20", "--methods", "random", "pyoperon"])  # fmt: skip
        assert "pyoperon is not installed and left out" in capsys.readouterr().out


@pytest.mark.skipif(not rival.is_installed(), reason="pyoperon is not installed")
def test_the_rival_plays_and_is_the_same_again():
    game = rival.play(TARGETS["elu"], 0, Rules(400))
    assert game == rival.play(TARGETS["elu"], 0, Rules(400))
    assert game.evaluations == 400
    assert -16 <= game.error < -1
