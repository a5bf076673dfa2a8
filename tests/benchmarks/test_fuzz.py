"""20,000 cases of hostile input, of every kind that anything reads; and the slowest of each."""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, Phase, given, settings
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

pytestmark = pytest.mark.bench

MANY = {"run folder": 7000, "campaign file": 4500, "expression": 3500, "genotype": 4500, "table": 500}
assert sum(MANY.values()) == 20_000


def tried(what, strategy, check):
    """Check so many cases, none of them remembered, and print how long the slowest took."""
    took = []

    @settings(
        max_examples=MANY[what],
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def each(case):
        started = time.perf_counter()
        check(case)
        took.append((time.perf_counter() - started, repr(case)[:100]))

    each()
    longest, case = max(took)
    print(f"\n{what}: {len(took):,} cases in {sum(t for t, _ in took):.0f} s, the slowest {longest:.1f} s: {case}")


def test_run_folders(tmp_path):
    prey = Prey(tmp_path)
    cases = st.tuples(edits(prey.columns, prey.keys), st.sampled_from(COMMANDS))
    tried("run folder", cases, lambda case: check_run(prey, *case))


def test_campaign_files():
    tried("campaign file", tomls(KEYS), check_configuration)


def test_expressions():
    tried("expression", expressions, check_expression)


def test_genotypes():
    tried("genotype", genotypes(NAMES), check_genotype)


def test_tables(tmp_path):
    tried("table", frames(), lambda frame: check_table(frame, tmp_path / "hostile.parquet"))
