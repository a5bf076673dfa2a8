"""What it costs that a stack checks itself against every member alone."""

from __future__ import annotations

import time

import pytest

from evaluators import load_task
from evaluators.training.cohort.grouping import _Grouping
from evaluators.training.executors.serial import SerialExecutor
from runs import folder
from search.campaign.loop import Search
from search.configuration.reading import from_dict, load_preset, merge
from search.configuration.writing import to_toml
from tests.benchmarks.against import WORKLOADS, against

pytestmark = [pytest.mark.bench, pytest.mark.timeout(3000)]

BEFORE = ("eee7088", "34b20c2")
"""The last build whose stacks did not check themselves, and the last whose tasks were all gone by their error."""


def test_the_check_takes_at_most_5_percent_of_a_quick_campaign(tmp_path, monkeypatch):
    """Counted are the look at a network, each member's own network and the trial of the stack."""
    spent = []

    def counted(method):
        def timed(self, *arguments):
            started = time.process_time()
            try:
                return method(self, *arguments)
            finally:
                spent.append(time.process_time() - started)

        return timed

    monkeypatch.setattr(_Grouping, "_unequal", counted(_Grouping._unequal))
    monkeypatch.setattr(_Grouping, "_seen", counted(_Grouping._seen))
    quiet = {"score": "error", "execution": {"executor": "serial"}, "confirm": {"automatic": False}}
    config = from_dict(merge(load_preset("quick"), quiet), "bench", stored=True)
    text, task = to_toml(config), load_task("mnist1d-mlp")
    folder.create(tmp_path / "run", text, {"config": text, "seed": "0"})
    started = time.process_time()
    with folder.writing(tmp_path / "run") as store, SerialExecutor({task.name: task}, "cpu") as executor:
        Search(config, store).run(executor)
    whole = time.process_time() - started
    print(f"\nthe check of a stack takes {sum(spent):.1f} s of {whole:.1f} s: {sum(spent) / whole:.1%}, "
          f"{len(spent)} times")  # fmt: skip
    assert sum(spent) <= 0.05 * whole


@pytest.mark.parametrize("before", BEFORE)
@pytest.mark.parametrize("workload", ["cohort-of-32", "quick-search"])
def test_it_is_not_slower_than_before(workload, before):
    ratio = against(before, WORKLOADS[workload])
    print(f"\n{workload}, seconds of this build over those of {before}: {ratio}")
    assert not ratio.is_slower
