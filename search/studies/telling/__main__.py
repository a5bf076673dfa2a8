"""The command."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torch

from evaluators.tasks import agreement
from evaluators.tasks.catalogue import OFFLINE
from search.studies.telling.agree import summary
from search.studies.telling.measure import complete
from search.studies.telling.panel import FUNCTIONS, OFTEN, units
from search.studies.telling.report import markdown

OUT, SUMMARY = Path("evaluators/study"), Path("evaluators/tasks") / agreement.FILE
_COMMAND = "make study-agreement"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the study and write its files: rows of trainings, the table, and the page."""
    parser = argparse.ArgumentParser(prog="python -m search.studies.telling", description="What can a task tell?")
    parser.add_argument("tasks", nargs="*", help="only these; the rows of the others are kept")
    parser.add_argument("--out", type=Path, help="folder for all files (evaluators/study, the table beside the tasks)")
    parser.add_argument("--workers", type=int, default=2, help="processes of one thread each (2)")
    parser.add_argument("--functions", type=int, default=len(FUNCTIONS), help=f"of the panel ({len(FUNCTIONS)})")
    options = parser.parse_args(arguments)
    if options.workers < 1 or options.functions < len(OFTEN):
        parser.error(f"it needs 1 worker and {len(OFTEN)} functions at least")
    if options.functions < len(FUNCTIONS) and options.out is None:
        parser.error("fewer functions are a trial; name a folder for it with --out")
    names = options.tasks or list(OFFLINE)
    if unknown := sorted({*names} - {*OFFLINE}):
        parser.error(f"no offline task is called {unknown[0]}; there are {', '.join(OFFLINE)}")
    out = options.out or OUT
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    started = time.monotonic()
    wanted = [unit for name in names for unit in units(name, options.functions)]
    found = summary(complete(wanted, out / "tasks.csv", options.workers))
    file = SUMMARY if options.out is None else out / agreement.FILE
    if file.exists():
        before = pd.read_csv(file)
        found = pd.concat([before[~before["task"].isin(names) & before["task"].isin(OFFLINE)], found])
    found = found.sort_values("task", kind="stable").reset_index(drop=True)
    found["seeds_to_agree"] = found["seeds_to_agree"].astype("Int64")
    found.to_csv(file, index=False, float_format="%.6g")
    (out / "tasks.md").write_text(markdown(found, _COMMAND), encoding="utf-8")
    print(f"{out / 'tasks.md'} has the table; {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
