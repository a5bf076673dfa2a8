"""The search of the preset quick, this build against a named commit: ``python -m tests.benchmarks.end_to_end COMMIT``.

The name of a strategy of :mod:`tests.benchmarks.ablations` in the place of the commit is this build with that one.
Each campaign seed is searched by both, one after the other, the order changing from seed to seed. The three
that each found best are then trained anew, by this build, on fresh seeds and the task's whole recipe; of the one with
the lowest validation error, which a campaign exports, the test error counts. A row a seed is appended to a CSV as soon
as it is there; seeds that it has are not run again.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from evaluators import Cohort, Job, assess, load_task
from evaluators.training.executors.serial import SerialExecutor
from primitives import resolve
from tests.benchmarks.ablations import CHOICES
from tests.benchmarks.against import HERE, checked_out, ran

BEFORE = "441a435"
"""The last commit without a model that chooses."""
FRESH = tuple(range(1000, 1010))

_SEARCH = """
import json, os, pathlib, tempfile
from evaluators import load_task
from runs import folder
import search.campaign.loop as loop
from search.configuration.reading import from_dict, load_preset, merge
from search.configuration.writing import to_toml
from search.loading.run import make_executor
own = {"seed": int(os.environ["SEED"]), "score": "error", "confirm": {"automatic": False}}
if os.environ["STRATEGY"]:
    import tests.benchmarks.ablations
    own["strategy"] = {"name": os.environ["STRATEGY"]}
config = from_dict(merge(load_preset("quick"), own), "bench", stored=True)
path, text = pathlib.Path(tempfile.mkdtemp()) / "run", to_toml(config)
folder.create(path, text, {"config": text, "seed": os.environ["SEED"]})
task = load_task("mnist1d-mlp")
trace = []
Search = getattr(loop, "Search", None) or loop.Campaign  # as an older build calls it
def watch(progress):
    found = [best for best in progress.best if not best.baseline]
    if found and (not trace or found[0].point[0] < trace[-1][2]):
        trace.append((progress.wall_seconds, progress.trained, found[0].point[0]))
    watch.labels = [best.label for best in found[:3]]
    watch.last = (progress.wall_seconds, progress.trained, progress.driver_seconds)
with folder.writing(path) as store, make_executor(config.execution, {task.name: task}) as executor:
    Search(config, store).run(executor, watch)
print(json.dumps({"trace": trace, "labels": watch.labels, "last": watch.last}))
"""


class Search(NamedTuple):
    """What a search came to.

    Attributes:
        trace: wall seconds, trainings and score of the best, whenever that became better.
        labels: formulas of the three best.
        last: wall seconds, trainings and seconds of the driver at its end.
    """

    trace: Sequence[tuple[float, int, float]]
    labels: Sequence[str]
    last: tuple[float, int, float]

    def first(self, score: float) -> tuple[float, float]:
        """Return wall seconds and trainings until a score is met; infinite where it is not."""
        met = ((seconds, trained) for seconds, trained, best in self.trace if best <= score)
        return next(met, (float("inf"), float("inf")))


class Side(NamedTuple):
    """Who searches.

    Attributes:
        build: folder of its files.
        strategy: of :mod:`tests.benchmarks.ablations`; empty for the build's own default.
    """

    build: Path
    strategy: str = ""


def searched(side: Side, seed: int) -> Search:
    """Search with a build."""
    told = {"SEED": str(seed), "STRATEGY": side.strategy}
    return Search(**json.loads(ran(side.build, _SEARCH, told).splitlines()[-1]))


class Exported(NamedTuple):
    """The finalist that a campaign would export.

    Attributes:
        label: its formula.
        test: mean test error over fresh seeds.
    """

    label: str
    test: float


def confirmed(labels: Sequence[str]) -> Exported:
    """Return the finalist with the lowest mean validation error over fresh seeds."""
    task = load_task("mnist1d-mlp")
    jobs = tuple(
        Job(number, str(expression), assess(expression).gain or 1.0, task.name, task.recipe.steps, FRESH, True)
        for number, expression in enumerate(map(resolve, labels))
    )
    with SerialExecutor({task.name: task}, "cpu") as executor:
        executor.submit(Cohort(jobs))
        ((_, answers),) = executor.collect()
    whole = [
        (label, found) for label, found in zip(labels, answers, strict=True) if all(one.status == "ok" for one in found)
    ]
    label, best = min(whole, key=lambda pair: statistics.fmean(one.validation["error"] for one in pair[1]))
    return Exported(label, statistics.fmean(one.test["error"] for one in best))


def row(rival: Side, seed: int) -> dict[str, Any]:
    """Return what a seed says."""
    found: dict[str, Search] = {}
    for name, side in [("new", Side(HERE)), ("old", rival)][:: -1 if seed % 2 else 1]:
        found[name] = searched(side, seed)
    new, old = found["new"], found["old"]
    seconds, trainings = new.first(old.trace[-1][2])
    final = {name: confirmed(search.labels) for name, search in found.items()}
    return {
        "seed": seed,
        "old_trainings": old.last[1],
        "old_seconds": round(old.last[0], 2),
        "old_score": old.trace[-1][2],
        "new_trainings": new.last[1],
        "new_seconds": round(new.last[0], 2),
        "new_score": new.trace[-1][2],
        "trainings_until_old_score": trainings,
        "seconds_until_old_score": round(seconds, 2),
        "new_driver_share": round(new.last[2] / new.last[0], 3),
        "old_driver_share": round(old.last[2] / old.last[0], 3),
        "new_test_error": round(final["new"].test, 5),
        "old_test_error": round(final["old"].test, 5),
        "new_function": final["new"].label,
        "old_function": final["old"].label,
    }


@contextmanager
def rival(name: str) -> Iterator[Side]:
    """Yield what this build is compared with: a strategy of it, or a commit."""
    if name in CHOICES:
        yield Side(HERE, name)
    else:
        with checked_out(name) as folder:
            yield Side(folder)


def compared(name: str, seeds: int, file: Path | None) -> pd.DataFrame:
    """Return a row a seed, those of a file first."""
    rows = pd.read_csv(file) if file is not None and file.exists() else pd.DataFrame({"seed": []})
    with rival(name) as old:
        for seed in sorted({*range(seeds)} - {*rows["seed"].astype(int)}):
            rows = pd.concat([rows, pd.DataFrame([row(old, seed)])], ignore_index=True).sort_values("seed")
            if file is not None:
                rows.to_csv(file, index=False)
            print(rows.iloc[-1].to_dict(), flush=True)
    return rows


def summary(rows: pd.DataFrame) -> dict[str, float]:
    """Return medians of the paired shares, and in how many seeds the confirmed error is lower."""
    trainings = rows["trainings_until_old_score"] / rows["old_trainings"]
    seconds = rows["seconds_until_old_score"] / rows["old_seconds"]
    return {
        "share_of_trainings": float(trainings.median()),
        "share_of_seconds": float(seconds.median()),
        "lower": int((rows["new_test_error"] < rows["old_test_error"]).sum()),
        "seeds": len(rows),
        "driver": float(rows["new_driver_share"].median()),
    }


def main() -> None:
    """Compare and print."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.end_to_end", description=__doc__)
    parser.add_argument("rival", nargs="?", default=BEFORE, help="commit, or strategy of tests.benchmarks.ablations")
    parser.add_argument("--seeds", type=int, default=9)
    parser.add_argument("-o", "--out", type=Path, help="CSV to go on with")
    chosen = parser.parse_args()
    print(summary(compared(chosen.rival, chosen.seeds, chosen.out)))


if __name__ == "__main__":
    main()
