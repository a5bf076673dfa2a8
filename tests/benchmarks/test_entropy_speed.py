"""Entropies a second on one core, beside scipy's estimator on a sample of the same size."""

from __future__ import annotations

import statistics
import time
import warnings
from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import stats

from evaluators.theory.entropy import output, raw_entropy
from evaluators.theory.quadrature import NORMAL, Samples, sample
from primitives import library

ROUNDS = 5


def per_second(work: Callable[[Samples], object], batch: list[Samples]) -> float:
    started = time.perf_counter()
    for samples in batch:
        work(samples)
    return len(batch) / (time.perf_counter() - started)


@pytest.mark.bench
@pytest.mark.timeout(600)
def test_entropies_a_second_against_scipys_estimator():
    torch.set_num_threads(1)
    batch = [sample(reference.expression) for reference in library().values()]
    quantiles = stats.norm.ppf((np.arange(len(NORMAL.nodes)) + 0.5) / len(NORMAL.nodes))
    values = {id(samples): np.interp(quantiles, NORMAL.nodes, samples.values) for samples in batch}
    works: dict[str, Callable[[Samples], object]] = {
        "standardised entropy": lambda s: output(s).entropy,
        "and correction": lambda s: output(s).correction,
        "raw entropy": raw_entropy,
        "all of them": lambda s: (output(s).entropy, output(s).correction, raw_entropy(s)),
        "scipy.stats.differential_entropy": lambda s: stats.differential_entropy(values[id(s)]),
    }
    warnings.simplefilter("ignore")  # scipy's estimator divides by zero at atoms
    rates = {name: [per_second(work, batch) for _ in range(ROUNDS)] for name, work in works.items()}
    print(f"\n{len(batch)} functions on {len(NORMAL.nodes)} nodes, one thread: functions a second, median of {ROUNDS}")
    for name, found in rates.items():
        print(f"{statistics.median(found):8.0f} ({min(found):.0f} to {max(found):.0f})  {name}")
    rival = statistics.median(rates["scipy.stats.differential_entropy"])
    print(f"standardised entropy: {statistics.median(rates['standardised entropy']) / rival:.2f} of scipy's rate")
    gelu = sample(library()["abs"].expression)
    exact = float(stats.halfnorm().entropy())
    sampled = stats.differential_entropy(np.abs(quantiles))
    print(f"error for |x|: ours {raw_entropy(gelu).value - exact:+.1e}, scipy's {sampled - exact:+.1e} nats")
    assert statistics.median(rates["all of them"]) >= 200
