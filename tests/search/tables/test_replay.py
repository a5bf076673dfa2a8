from __future__ import annotations

import json
import math
import random
import statistics
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from primitives import ActsearchError, parse
from search.cli.commands.replay import _strategy
from search.configuration.config import CampaignConfig
from search.space.describe import of_expression
from search.space.options import Grammar as GrammarConfig
from search.strategies.catalogue import STRATEGIES
from search.tables.board import Board, plain
from search.tables.games import maker, outcome_of, played
from search.tables.replay import Game, Rules, play
from search.tables.space import of_space
from search.tables.table import Origin, Table, write
from tests.search.cli.test_cli import invoke

GRAMMAR = GrammarConfig(
    primitives=("mul", "max", "relu", "sin", "tanh", "sigmoid", "gaussian"),
    constants=(),
    learnable=(),
    max_parameters=0,
    max_depth=3,
    max_complexity=5,
)


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    """Return a table whose scores follow from the functions, with a little luck."""
    luck, rows = random.Random(0), []
    for function in of_space(CampaignConfig(grammar=GRAMMAR)):
        seen = of_expression(parse(function.expression))
        facts = {"chi1": 3.0, "linear_share": 0.0} if seen is None else seen.facts
        worth = abs(math.log(max(facts["chi1"], 1e-3))) + 2 * abs(facts["linear_share"] - 0.6)
        for seed in range(3):
            score = worth + luck.gauss(0, 0.02)
            rows.append((function.expression, seed, 10, "ok", score, 2 * score, score, 0.1))
    rows.append(("x*sin(x)*tanh(x)", 0, 10, "diverged", None, None, None, 0.1))
    columns = ["expression", "seed", "steps", "status", "error", "loss", "test_error", "seconds"]
    path = tmp_path_factory.mktemp("tables") / "made-up.parquet"
    write(Table(pd.DataFrame(rows, columns=columns), Origin(grammar=GRAMMAR.model_dump(mode="json"))), path)
    return path


@pytest.fixture(scope="module")
def board(file) -> Board:
    return Board(plain(file, "error"))


def made(name, **options):
    return maker(name, STRATEGIES[name].options(**options))


def median_until_best(board, name, repeats, trainings=150, **options):
    games = [play(board, made(name, **options), seed, Rules(trainings, 4)) for seed in range(repeats)]
    return statistics.median(outcome_of(board, games).first_percent)


@pytest.mark.parametrize("name", ["random", "exhaustive", "aging", "nsga2", "guided"])
def test_every_strategy_trains_functions_of_the_table_once_baselines_first_the_same_again_by_its_seed(board, name):
    make, rules = made(name, population=16), Rules(60, 4)
    game = play(board, make, 3, rules)
    assert game == play(board, make, 3, rules)
    assert len(set(game.trained)) == len(game.trained) == 60
    assert game.trained[: len(board.baselines)] == board.baselines
    assert all(
        told in (board.scores[place] or (math.inf,)) for place, told in zip(game.trained, game.told, strict=True)
    )
    other = play(board, make, 4, rules)
    assert (other.trained != game.trained) or name == "exhaustive"


def test_the_model_meets_one_of_the_best_in_two_thirds_of_the_trainings_of_even_draws(board):
    assert 1.5 * median_until_best(board, "guided", 7, 60) <= median_until_best(board, "random", 31)


def test_even_draws_meet_one_of_the_best_about_as_soon_as_they_must(board):
    best = max(1, round(len(board) / 100))
    expected = len(board) * (1 - 0.5 ** (1 / best))
    assert 0.4 * expected < median_until_best(board, "random", 41) < 2 * expected


def test_a_function_is_found_by_what_it_is_however_it_is_written(board):
    grammar = board.grammar
    trees = [grammar.tree(parse(text)) for text in ("sin(x)*x", "x*sin(x)", "sigmoid(x)", "tanh(x)")]
    places = board.places(trees)
    assert places[0] == places[1] is not None
    assert board.plain.texts[places[0]] == "x*sin(x)"
    assert places[2] != places[3]


def test_a_space_that_is_used_up_ends_the_game(board):
    game = play(board, made("exhaustive"), 0, Rules(10_000, 16))
    failed = sum(not scores for scores in board.scores)
    assert len(game.trained) >= len(board) - failed - 1


def test_regret_is_that_of_what_looked_best_not_of_what_is_best():
    means = np.array([0.1, 0.3, 0.2])
    game = Game((1, 2, 0), (0.05, 0.2, 0.1), 0, 0)
    assert game.regret(2, means) == pytest.approx(0.2)
    assert game.until(frozenset({0})) == 3
    assert game.until(frozenset({9})) is None


def test_several_processes_say_what_one_says(file):
    board, options = plain(file, "loss"), STRATEGIES["random"].options()
    one, two = (played(board, "random", options, Rules(30, 4), 6, workers) for workers in (1, 2))
    assert one == two


def run(*arguments):
    return invoke("replay", *map(str, arguments))


def test_the_command_prints_json_csv_table_and_a_picture(file, tmp_path):
    arguments = (file, "--strategy", "random", "--repeats", 4, "--workers", 1, "--trainings", 60)
    said = json.loads(run(*arguments, "--format", "json")[1])
    assert {"strategy", "repeats", "functions", "trainings_to_top_1_percent", "trainings_to_top_10", "regret"} <= {
        *said
    }
    assert set(said["trainings_to_top_10"]) == {"median", "low", "high"}
    assert set(said["regret"]) == {"25", "50"}
    csv = run(*arguments, "--format", "csv")[1].splitlines()
    assert csv[0] == "strategy,what,median,low,high"
    picture = tmp_path / "games.png"
    _, shown, _ = run(*arguments, "--plot", picture)
    assert "trainings to a top-1 % function" in shown
    assert picture.stat().st_size > 10_000


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--strategy", "gided"], "did you mean 'guided'"),
        (["--by", "lost"], "did you mean 'loss'"),
        (["--by", "seconds"], "unknown column of scores 'seconds'"),
        (["--strategy", "aging", "--set", "sampel=3"], "did you mean 'sample'"),
        (["--set", "sample"], "has no '='"),
        (["--strategy", "random", "--plot", "x.gif"], "a picture ends in .png"),
    ],
)
def test_a_mistake_is_told_in_one_sentence(file, arguments, told):
    code, _, said = run(file, "--repeats", 1, "--workers", 1, "--trainings", 10, *arguments)
    assert code == 2
    assert told in said


def test_an_option_of_the_strategy_reaches_it():
    name, options = _strategy("aging", ["population=10", "sample = 3"])
    assert (name, options.population, options.sample) == ("aging", 10, 3)


def test_a_strangers_table_needs_three_columns_and_a_score(tmp_path, file):
    rows = pd.read_parquet(file)[["expression", "seed", "status", "loss"]]
    rows.to_parquet(tmp_path / "theirs.parquet")
    board = Board(plain(tmp_path / "theirs.parquet", "loss"))
    game = play(board, made("random"), 0, Rules(40, 4))
    assert len(game.trained) == 40
    rows.drop(columns="status").to_parquet(tmp_path / "less.parquet")
    with pytest.raises(ActsearchError, match="lacks a column: unknown column 'status'"):
        plain(tmp_path / "less.parquet", "loss")
