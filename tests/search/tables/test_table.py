from __future__ import annotations

import json
import math

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evaluators import load_task
from evaluators.training.executors.serial import SerialExecutor
from primitives import BASELINES, ActsearchError, IdentityIndex, fingerprint, parse
from search.configuration.config import CampaignConfig
from search.space.options import Grammar as GrammarConfig
from search.tables.space import even_draw, of_list, of_space
from search.tables.table import _KEY, COLUMNS, Origin, Table, read, write
from search.tables.training import Wanted, complete, parts_of

SMALL = GrammarConfig(
    primitives=("add", "mul", "relu", "sin"), constants=(), learnable=(), max_parameters=0, max_complexity=4
)


@pytest.fixture(scope="module")
def functions():
    return of_space(CampaignConfig(grammar=SMALL))


def wanted_of(functions, seeds, **changes):
    origin = {"task": "tabular", "steps": 4, "recipe": "same", "command": "first", **changes}
    return Wanted(functions, tuple(range(seeds)), Origin(**origin))


def complete_in(file, wanted, tell=lambda progress: None):
    with SerialExecutor({"tabular": load_task("tabular")}, "cpu") as executor:
        return complete(wanted, file, executor, tell)


def test_a_space_is_the_baselines_and_every_distinct_function_of_its_trees(functions):
    assert len(functions) > len(BASELINES) + 10
    index = IdentityIndex()
    for number, function in enumerate(functions):
        print_ = fingerprint(parse(function.expression), absorbed=True)
        assert index.find_values(print_) is None, function
        index.add(number, "", print_)
        assert math.isfinite(function.gain)
    for text in ("x*sin(x)", "sin(sin(x))", "sin(relu(x))", "x + relu(x)"):
        assert index.find_values(fingerprint(parse(text), absorbed=True)) is not None, text


def test_a_list_is_read_line_by_line_and_a_wrong_line_is_named(tmp_path):
    file = tmp_path / "some.txt"
    file.write_text("# mine\nsin(x)\n\n2*sin(x) - 1  # the same\nmish\ntanh(x)*x\n")
    assert [f.expression for f in of_list(file)][len(BASELINES) :] == ["sin(x)", "x*tanh(x)"]
    file.write_text("sin(x)\nsinn(x)\n")
    with pytest.raises(ActsearchError, match=r"line 2: .*sinn.*did you mean"):
        of_list(file)
    file.write_text("2*x\n")
    with pytest.raises(ActsearchError, match=r"line 1: '2\*x' cannot be trained: it is affine"):
        of_list(file)


def test_an_even_draw_keeps_baselines_and_order_and_is_the_same_again(functions):
    some = even_draw(functions, 15)
    assert some == even_draw(functions, 15)
    assert len(some) == 15
    assert some[: len(BASELINES)] == functions[: len(BASELINES)]
    assert [functions.index(f) for f in some] == sorted(functions.index(f) for f in some)


def test_a_stopped_table_goes_on_from_what_is_finished_and_equals_an_undisturbed_one(functions, tmp_path):
    whole = complete_in(tmp_path / "whole.parquet", wanted_of(functions, 2)).rows

    def stop(progress):
        if progress.done >= progress.total / 3:
            raise KeyboardInterrupt

    file = tmp_path / "stopped.parquet"
    with pytest.raises(KeyboardInterrupt):
        complete_in(file, wanted_of(functions, 2), stop)
    assert not file.exists()
    assert list(parts_of(file).iterdir())
    trained = []
    again = complete_in(file, wanted_of(functions, 2), lambda progress: trained.append(progress.total))
    assert 0 < trained[0] < len(whole)
    assert not parts_of(file).exists()
    pd.testing.assert_frame_equal(again.rows.drop(columns="seconds"), whole.drop(columns="seconds"), rtol=1e-4)
    assert list(whole.columns)[: len(COLUMNS)] == list(COLUMNS)
    assert set(whole["status"]) == {"ok"}
    assert whole.groupby("expression")["seed"].apply(list).map(tuple).unique().tolist() == [(0, 1)]


def test_more_seeds_are_added_and_every_command_is_kept_but_another_recipe_is_refused(functions, tmp_path):
    file = tmp_path / "t.parquet"
    complete_in(file, wanted_of(functions[:10], 1))
    trained = []
    second = wanted_of(functions[:12], 2, command="second")
    complete_in(file, second, lambda progress: trained.append(progress.total))
    assert trained[0] == 10 + 2 * 2
    table = read(file)
    assert len(table.rows) == 24
    assert table.origin.command == "first && second"
    for changes, told in (
        ({"steps": 5}, "trainings of 4 steps, not 5"),
        ({"task": "digits-mlp"}, "of task 'tabular', not 'digits-mlp'"),
        ({"recipe": "other"}, "another recipe or code"),
    ):
        with pytest.raises(ActsearchError, match=told):
            complete_in(file, wanted_of(functions, 1, **changes))
    pd.testing.assert_frame_equal(read(file).rows, table.rows)


def test_what_is_no_table_is_told_in_one_sentence(tmp_path):
    with pytest.raises(ActsearchError, match="there is no table"):
        read(tmp_path / "none.parquet")
    (tmp_path / "text.parquet").write_text("expression,seed\n")
    with pytest.raises(ActsearchError, match="no sound Parquet file"):
        read(tmp_path / "text.parquet")
    frame = pd.DataFrame({"expression": ["x"], "sead": [0]})
    write(Table(frame, Origin()), tmp_path / "lacks.parquet")
    with pytest.raises(ActsearchError, match="unknown column 'seed'; did you mean 'sead'"):
        read(tmp_path / "lacks.parquet", ("expression", "seed"))


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ({"score": {}}, "its score is no text"),
        ({"steps": "many"}, "its steps is no number"),
        ({"command": "\x1b[31m"}, "its command is no text that can be printed"),
        ({"grammar": []}, "its grammar is no section"),
    ],
)
def test_what_a_table_says_of_itself_is_of_our_kinds_or_refused(tmp_path, said, told):
    columns = {"expression": ["x*sin(x)"], "seed": [0], "status": ["ok"], "error": [0.1]}
    file = tmp_path / "table.parquet"
    pq.write_table(pa.table(columns).replace_schema_metadata({_KEY: json.dumps(said)}), file)
    with pytest.raises(ActsearchError, match=told):
        read(file, tuple(columns))
