"""The real driver and store with up to 1,000 workers that only take time: who waits for whom?

What the driver does is of two kinds. To *propose* a candidate it varies trees, judges and screens them;
that is measured in a real search first, and its results are handed out again by the large ones, which
charge its cost to the clock, so that they take seconds. To *keep* an evaluation it is recorded, told to
the strategy and shown; that is always real.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from runs import folder
from search.campaign.funnel import Batch, Funnel
from search.campaign.loop import Search
from search.configuration.reading import from_dict
from search.configuration.writing import to_toml
from tests.benchmarks.simulated import Account, Pretended, Sleeping, Stopwatch, Virtual

pytestmark = [pytest.mark.bench, pytest.mark.timeout(1200)]

MEAN = 600.0
"""Seconds that a candidate is trained on average."""

BAR = 500
"""Evaluations, one a candidate and seed, that the driver must be able to keep in a second."""

TRAININGS = {1: 1000, 10: 1000, 100: 2000, 1000: 5000}


def search(path, trainings: int, executor: Pretended, **sections: dict[str, object]) -> Account:
    """Run a campaign; return the executor's account."""
    budget, fidelity = {"trainings": trainings}, {"seeds": 2, "steps": 1000}
    config = from_dict(
        {"task": "digits-vit", "score": "error", "budget": budget, "fidelity": fidelity, **sections}, "simulation"
    )
    text = to_toml(config)
    folder.create(path, text, {"config": text, "seed": "0"})
    with folder.writing(path) as store, executor:
        Search(config, store).run(executor)
    return executor.account


class Stock:
    """Candidates that a real search proposed, handed out again at the cost of proposing them."""

    def __init__(self, path) -> None:
        """Run the real search."""
        watch, fill, batches = Stopwatch(), Funnel.fill, []
        with patched(watch.around(lambda *args: batches.append(fill(*args)) or batches[-1])):
            search(path, 100, Virtual(10, MEAN, 1))
        chosen = [candidate for batch in batches for candidate in batch.chosen]
        self.cost = watch.seconds / len(chosen)
        self._chosen = itertools.cycle(chosen)

    def simulate(self, path, trainings: int, executor: Pretended, cost: float | None = None) -> Account:
        """Run a campaign of which only the proposing is not real; each costs what a real one did, or ``cost``."""

        def fill(funnel: Funnel, strategy: object, ask: int, next_id: int, count: int) -> Batch:
            executor.charge(count * (self.cost if cost is None else cost))
            some = [
                dataclasses.replace(next(self._chosen), id=next_id + n, ask=ask + n, parents=()) for n in range(count)
            ]
            return Batch(tuple(some), Counter())

        with patched(fill):
            return search(path, trainings, executor)


@contextmanager
def patched(fill) -> Iterator[None]:
    """Put a function in the place of the funnel's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Funnel, "fill", fill)
        yield


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    return Stock(tmp_path_factory.mktemp("stock") / "run")


def test_steady_state_keeps_1000_workers_busy_and_the_driver_keeps_500_evaluations_a_second(tmp_path, stock):
    feeds = f"one driver feeds {1 / stock.cost:.0f} workers for each second that a candidate is trained"
    print(f"\na proposal takes {1e3 * stock.cost:.1f} ms: {feeds}; here {MEAN:g} s (log-normal, sigma 1)")
    print("workers  utilisation  generational  driver load  evaluations kept a second")
    kept = []
    for workers, trainings in TRAININGS.items():
        steady = stock.simulate(tmp_path / f"steady{workers}", trainings, Virtual(workers, MEAN, 1))
        waves = stock.simulate(tmp_path / f"waves{workers}", trainings, Virtual(workers, MEAN, 1, generational=True))
        kept.append(steady.evaluations / steady.driver)
        print(f"{workers:7} {steady.utilisation:12.1%} {waves.utilisation:13.1%} {steady.load:12.2%} {kept[-1]:26.0f}")
        assert steady.utilisation > 0.9 or steady.load > 0.9
        assert workers == 1 or waves.utilisation < 0.6
    assert min(kept) >= BAR


def test_the_virtual_clock_tells_what_workers_that_really_sleep_tell(tmp_path, stock):
    print("\n8 workers, 0.5 s a candidate, 20 ms a proposal")
    told = []
    for kind in (Virtual, Sleeping):
        account = stock.simulate(tmp_path / kind.__name__, 200, kind(8, 0.5, 1), cost=0.02)
        told.append(account.utilisation)
        print(f"{kind.__name__:8} utilisation {account.utilisation:.1%}, driver load {account.load:.1%}")
    assert abs(told[0] - told[1]) < 0.1


@pytest.mark.parametrize("name", ["guided", "nsga2"])
def test_one_driver_keeps_20_gpus_busy_with_16_children_to_choose_each_training_from(tmp_path, name):
    """Each finishes a cohort of 32 in 60 s on average; nothing but the training is pretended.

    The first cohorts are proposed one after another while workers wait for their first: that is told apart.
    """
    executor, trainings = Virtual(20, 60.0, 32), 20 * 32 * 10
    account = search(tmp_path / "run", trainings, executor, strategy={"name": name, "population": 640})
    busy = account.utilised(account.full)
    print(f"\n{name}: 20 workers, cohorts of 32 in 60 s: all busy after {account.full:.0f} s, from then on {busy:.1%}")
    print(f"from the start {account.utilisation:.1%}; driver load {account.load:.1%}")
    print(f"{1e3 * account.driver / trainings:.0f} ms of the driver for a training, all told")
    assert busy > 0.95
