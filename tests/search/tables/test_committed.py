from __future__ import annotations

from pathlib import Path

import pytest

from evaluators import load_task
from evaluators.tasks.agreement import agreement_of
from primitives import BASELINES, resolve
from search.configuration.reading import from_toml
from search.space.options import Grammar
from search.tables.board import NEEDED
from search.tables.table import COLUMNS, read

FOLDER = Path(__file__).parents[3] / "evaluators/study/tables"
LEAST = {"mnist1d-mlp": 1500, "text-gpt": 400, "mnist1d-cnn": 370}


@pytest.mark.parametrize("task", LEAST)
def test_a_committed_table_is_of_the_task_as_it_is_by_a_score_that_tells_and_of_the_grammar_beside_it(task):
    table = read(FOLDER / f"{task}.parquet")
    rows, origin = table.rows, table.origin
    assert list(rows.columns)[: len(COLUMNS)] == list(COLUMNS)
    assert set(NEEDED) <= set(rows.columns)
    assert rows["expression"].nunique() >= LEAST[task]
    assert (rows.groupby("expression")["seed"].nunique() >= 2).all()
    assert set(rows["status"]) == {"ok"}
    assert not rows.duplicated(["expression", "seed"]).any()
    found = load_task(task)
    assert (origin.task, origin.score, origin.steps) == (task, found.score, found.recipe.steps)
    assert agreement_of(task).can_tell
    assert origin.command.startswith(f"actsearch table {task}.parquet {task}.toml")
    assert origin.version
    beside = from_toml((FOLDER / f"{task}.toml").read_text(), f"{task}.toml")
    assert beside.task == task
    assert Grammar.model_validate(dict(origin.grammar)) == beside.grammar


def test_three_hundred_functions_have_six_seeds_the_baselines_among_them():
    """Racing is judged on these."""
    rows = read(FOLDER / "mnist1d-mlp.parquet").rows
    six = rows.groupby("expression")["seed"].nunique() == 6
    assert six.sum() == 300
    assert all(six[str(resolve(name))] for name in BASELINES)
