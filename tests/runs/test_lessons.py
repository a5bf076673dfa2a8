from __future__ import annotations

import json

import pytest

from primitives import ActsearchError
from primitives.identity import Mark
from runs import folder
from runs.lessons import Lesson, as_meta, lessons_of

LESSONS = [
    Lesson("x*tanh(x)", '["mul", "x", "tanh", "x"]', Mark("abc", 117, 0.25), {2: (0.5, 1.0), 8: (0.25, 1.0)}, 8),
    Lesson("sinh(x)", None, None, {}, 8),
]


def stored(path, text):
    folder.create(path, "", {"lessons": text})
    with folder.reading(path) as store:
        return lessons_of(store, 2)


def test_lessons_come_back_as_they_were(tmp_path):
    assert stored(tmp_path / "run", as_meta(LESSONS)["lessons"]) == LESSONS


def test_a_run_that_was_taught_nothing_has_none(tmp_path):
    assert as_meta([]) == {}
    assert stored(tmp_path / "run", "[]") == []


ROW = json.loads(as_meta(LESSONS[:1])["lessons"])[0]


@pytest.mark.parametrize(
    "text",
    [
        "[",
        "3",
        "[3]",
        '[{"expression": "x"}]',
        *(
            json.dumps([{**ROW, **change}])
            for change in (
                {"expression": 3},
                {"genotype": 3},
                {"mark": ["abc", -1, 0.0]},
                {"mark": [3, 1, 0.0]},
                {"points": {"2": [0.5]}},
                {"points": {"two": [0.5, 1.0]}},
                {"points": {"0": [0.5, 1.0]}},
                {"points": {"2": [True, 1.0]}},
                {"points": {"2": [float("nan"), 1.0]}},
                {"points": 3},
                {"whole": 0},
                {"whole": "8"},
            )
        ),
    ],
)
def test_what_is_not_ours_is_told(tmp_path, text):
    with pytest.raises(ActsearchError, match="holds lessons that are not ours"):
        stored(tmp_path / "run", text)
