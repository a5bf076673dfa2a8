from __future__ import annotations

import time
import warnings

import numpy as np
import pytest
import torch
from sympy.core.cache import clear_cache

from primitives import IdentityIndex, compile_expression, fingerprint
from tests.benchmarks.space import classes, standardised, trees, values


@pytest.mark.bench
@pytest.mark.timeout(600)
def test_the_space_of_two_operators_on_two_operators():
    """Counts on 1,000 normal draws clipped at 5, as AQuaSurF's code draws them; reflection on a symmetric grid."""
    warnings.simplefilter("ignore")
    named = list(trees())
    expressions = [expression for _, expression in named if expression is not None]
    x = np.clip(np.random.default_rng(0).standard_normal(1000), -5, 5)
    rows = np.array([y for y in (values(e, x) for e in expressions) if np.isfinite(y).all()])
    constant = np.ptp(rows, axis=1) <= 1e-9 * np.maximum(1, np.abs(rows).max(axis=1))
    line = np.stack([x, np.ones_like(x)], axis=1)
    residual = rows.T - line @ np.linalg.lstsq(line, rows.T, rcond=None)[0]
    affine = ~constant & (np.abs(residual).max(axis=0) <= 1e-9 * np.maximum(1, np.abs(rows).max(axis=1)))
    half = np.linspace(0.01, 5, 200)
    grid = np.concatenate([half, -half])
    there = np.array([y for y in (values(e, grid) for e in expressions) if np.isfinite(y).all() and np.ptp(y) > 1e-9])
    counts = {
        "trees": len(named),
        "finite": len(rows),
        "distinct within 1e-6": classes(rows),
        "constant": int(constant.sum()),
        "affine": int(affine.sum()),
        "distinct affine": classes(rows[affine]),
        "distinct up to output scale, sign and shift": classes(standardised(there)),
        "and input reflection": classes(standardised(there), mirror=len(half)),
    }
    for name, count in counts.items():
        print(f"{count:6}  {name}")
    assert counts["trees"] == 5103
    assert 4550 < counts["finite"] < 4700
    assert 2300 < counts["distinct within 1e-6"] < 2450


@pytest.mark.bench
def test_expressions_and_identities_a_second():
    """From a tree to its expression to the index, without a simplifier in the loop."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    compile_expression.cache_clear()
    clear_cache()
    index, started, count = IdentityIndex(), time.perf_counter(), 0
    for count, (_, expression) in enumerate(trees(), start=1):
        if expression is None or index.find_structure(expression.key) is not None:
            continue
        print_ = fingerprint(expression, absorbed=True)
        index.find_values(print_)
        index.add(count, expression.key, print_)
    rate = count / (time.perf_counter() - started)
    print(f"\n{rate:.0f} trees a second to expression and identity, on one core")
    assert rate >= 300
