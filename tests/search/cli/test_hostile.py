"""Hostile input is refused in a sentence: nothing is executed, nothing outside the run folder is touched."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzzing import (
    COMMANDS,
    KEYS,
    NAMES,
    Prey,
    check_configuration,
    check_expression,
    check_genotype,
    check_run,
    check_table,
)
from tests.hostile import edits, expressions, frames, genotypes, tomls


@pytest.fixture(scope="module")
def prey(tmp_path_factory):
    return Prey(tmp_path_factory.mktemp("prey"))


@settings(max_examples=50, derandomize=True)
@given(st.data())
def test_a_run_folder_that_somebody_edited(prey, data):
    check_run(prey, data.draw(edits(prey.columns, prey.keys)), data.draw(st.sampled_from(COMMANDS)))


@settings(max_examples=80, derandomize=True)
@given(tomls(KEYS))
def test_a_campaign_file(text):
    check_configuration(text)


@settings(max_examples=40, derandomize=True)
@given(expressions)
def test_an_expression(text):
    check_expression(text)


@settings(max_examples=60, derandomize=True)
@given(genotypes(NAMES))
def test_a_genotype(text):
    check_genotype(text)


@pytest.mark.filterwarnings("ignore:Generating overly large repr")
@settings(max_examples=20, derandomize=True)
@given(frames())
def test_a_table(tmp_path_factory, frame):
    check_table(frame, tmp_path_factory.getbasetemp() / "hostile.parquet")
