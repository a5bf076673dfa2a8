"""What a row of a run file must be before anybody reads it: whoever wrote the file, its values are of our kinds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, get_args

from evaluators.training.status import CandidateStatus, Status

_MOST = 2**53
"""Beyond any id, seed or number of steps; a whole number up to here is the same as a float."""
_LONGEST_WORD, _LONGEST_TEXT = 1_000, 1_000_000
_NUMBERS = ("error", "loss", "test_error", "test_loss")


def check_candidate(values: Mapping[str, Any], parents: Any) -> None:
    """Check the values of a candidate's row.

    Args:
        values: by column.
        parents: what its parents are read as.

    Raises:
        ValueError: one is none of ours.
    """
    _check(_is_whole(values["id"], 1), "an id that is none")
    _check(_is_whole(values["ask"]) and isinstance(parents, list), "a slot or parents that are none")
    _check(all(_is_whole(parent, 1) for parent in parents), "a parent that is none")
    _check(values["status"] in get_args(CandidateStatus), "a status that is none")
    check_words(values["name"], values["expression"], values["origin"])
    _check(_is_text(values["reason"]), "a reason that is no text")
    _check(values["genotype"] is None or _is_text(values["genotype"]), "a tree that is no text")


def check_words(name: Any, expression: Any, origin: Any) -> None:
    """Check a candidate's name, formula and operator.

    Raises:
        ValueError: one is none.
    """
    _check(_is_text(expression), "a formula that is no text")
    _check(_is_text(origin, _LONGEST_WORD), "an operator that is no text, or too long")
    _check(name is None or _is_text(name, _LONGEST_WORD), "a name that is no text, or too long")


def check_evaluation(values: Mapping[str, Any]) -> None:
    """Check the values of an evaluation's row that stand there as they are.

    Raises:
        ValueError: one is none of ours.
    """
    _check(_is_whole(values["candidate"], 1), "a candidate that is none")
    _check(_is_whole(values["steps"], 1) and _is_whole(values["seed"]), "steps or a seed that are none")
    _check(values["status"] in get_args(Status), "a status that is none")
    _check(_is_text(values["task"], _LONGEST_WORD) and bool(values["task"]), "a task that is no text, or too long")
    _check(_is_text(values["reason"]), "a reason that is no text")
    numbers = [values[name] for name in _NUMBERS if values[name] is not None]
    _check(all(map(is_number, (*numbers, values["seconds"]))), "a number that is none")


def is_number(value: Any) -> bool:
    """Tell whether a value is a finite number; a truth is none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < math.inf


def _is_whole(value: Any, least: int = 0) -> bool:
    return type(value) is int and least <= value < _MOST


def _is_text(value: Any, longest: int = _LONGEST_TEXT) -> bool:
    return isinstance(value, str) and len(value) <= longest


def _check(holds: bool, fault: str) -> None:
    if not holds:
        raise ValueError(fault)
