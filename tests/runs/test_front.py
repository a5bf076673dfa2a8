from __future__ import annotations

import dataclasses
import math

import moocore
import numpy as np
import pytest
from deap import base, tools
from hypothesis import given
from hypothesis import strategies as st

from evaluators import Objective
from evaluators.judging.objectives import chosen_objectives
from primitives import ActsearchError
from runs import Candidate, finalists, folder, pareto, scored
from runs.axes import DEFAULT_AXES, as_meta, axes, known, value
from tests.runs.helpers import evaluation, made_run, opened

points = st.lists(st.tuples(*[st.integers(0, 4)] * 3), min_size=1, max_size=30)


class Three(base.Fitness):
    weights = (-1.0, -1.0, -1.0)


class Individual:
    def __init__(self, index, point):
        self.index, self.fitness = index, Three(point)


@given(points)
def test_the_non_dominated_rows_are_those_of_deap(rows):
    individuals = [Individual(i, row) for i, row in enumerate(rows)]
    wanted = {i.index for i in tools.sortNondominated(individuals, len(rows), first_front_only=True)[0]}
    found = moocore.is_nondominated(np.array(rows, dtype=float), keep_weakly=True)
    assert set(np.flatnonzero(found)) == wanted


@pytest.mark.parametrize("facts", [{"complexity": 2}, {"cost": math.inf, "complexity": 2}])
def test_a_candidate_without_a_finite_objective_is_refused_because_it_would_win(tmp_path, facts):
    with opened(made_run(tmp_path / "run")) as store:
        lacking = Candidate(6, "x**6", "random", facts=facts)
        with pytest.raises(ActsearchError, match="candidate 6 of the run has no cost"):
            value(DEFAULT_AXES[1], known(lacking, ()), lacking)
        store.add_candidates([dataclasses.replace(lacking, facts={"complexity": 2})])
        store.record("search", [evaluation(6, 0, 0.1)], [dataclasses.replace(lacking, facts={}).stopped("ok", "")])
        with pytest.raises(ActsearchError, match="candidate 6 of the run has no cost; was the run file edited"):
            pareto(store)


def test_a_run_is_shown_by_the_objectives_it_was_made_with_though_nobody_knows_them_here(tmp_path):
    mine = Objective("steepness", "1", "largest slope", lambda facts: facts["steepness"], digits=2)
    with opened(made_run(tmp_path / "run")) as store:
        for name, text in as_meta((*chosen_objectives(("loss",), "error"), mine)).items():
            store.set_meta(name, text)
        for candidate in store.candidates():
            facts = {**candidate.facts, "steepness": 9.0 - candidate.id}
            store.record("search", (), [dataclasses.replace(candidate, facts=facts)])
        frame = pareto(store)
        assert [axis.label for axis in axes(store)] == ["validation loss", "largest slope"]
        assert list(frame["steepness"]) == sorted(frame["steepness"])  # every loss is 1
        assert list(frame[frame["on_front"]]["id"]) == [4]
        assert finalists(store, 1) == [4]


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "3",
        '[{"name": "x"}]',
        '[{"name": "x", "unit": "", "label": "", "digits": 99}]',
        '[{"name": "x", "unit": "", "label": "\\u001b[31m", "digits": 2}]',
    ],
)
def test_objectives_of_a_run_file_that_are_not_ours_are_refused(tmp_path, text):
    with opened(made_run(tmp_path / "run")) as store:
        store.set_meta("objectives", text)
        with pytest.raises(ActsearchError, match="holds objectives that are not ours"):
            pareto(store)


@pytest.fixture
def store(tmp_path):
    with folder.reading(made_run(tmp_path / "run")) as store:
        yield store


def test_failed_candidates_have_no_scores_and_no_place_on_the_front(store):
    assert list(scored(store)["id"]) == [1, 2, 3, 4]


def test_the_front_has_the_baselines_beside_it_best_error_first(store):
    frame = pareto(store)
    assert list(frame["id"]) == [3, 4, 2, 1]
    assert frame.set_index("id")["on_front"].to_dict() == {3: True, 4: True, 2: False, 1: True}
    assert frame.set_index("id")["name"].to_dict() == {3: None, 4: None, 2: "gelu", 1: "relu"}
    best = frame.iloc[0]
    assert best["error"] == pytest.approx(0.21)
    assert best["error_se"] == pytest.approx(np.std([0.20, 0.22], ddof=1) / np.sqrt(2))


def test_finalists_are_the_lowest_errors_without_baselines(store):
    assert finalists(store, 1) == [3]
    assert finalists(store, 9) == [3, 4]


def test_those_that_halving_stopped_are_on_no_front_and_fill_up_the_finalists_from_the_highest_rung(tmp_path):
    with opened(made_run(tmp_path / "run")) as store:
        front = pareto(store)
        rows = [
            Candidate(i, f"x**{i}", "random", facts={"cost": 1.0, "complexity": 1, "prior": 0.7}) for i in (6, 7, 8)
        ]
        store.add_candidates(rows)
        by_id = {row.id: row for row in rows}
        reached = {6: (5, 0.01), 7: (8, 0.5), 8: (8, 0.4)}
        for number, (steps, error) in reached.items():
            found = [evaluation(number, 0, 0.9, steps=2), evaluation(number, 0, error, steps=steps)]
            store.record("search", found, [by_id[number].stopped("stopped", f"not among the best after {steps} steps")])
        assert pareto(store).equals(front)
        assert finalists(store, 2) == [3, 4]
        assert finalists(store, 9) == [3, 4, 8, 7, 6]
