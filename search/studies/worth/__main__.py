"""The command."""

from __future__ import annotations

import argparse
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import torch

from evaluators.instruments.network_features import FISHER, NETWORK_FEATURES
from search.studies.worth.measure import Subject, found_of
from search.studies.worth.network import chosen, complete, of_network
from search.studies.worth.report import markdown
from search.studies.worth.sheet import Sheet, seconds, sheet

OUT = Path("evaluators/study")
TABLES = (OUT / "tables" / "mnist1d-mlp.parquet", OUT / "tables" / "text-gpt.parquet")
FUNCTIONS = 200
SEED = 0


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the study and write its files: worths, ablations, the features of networks, and the page."""
    parser = argparse.ArgumentParser(prog="python -m search.studies.worth", description="What is each feature worth?")
    parser.add_argument("tables", nargs="*", type=Path, default=TABLES, help="Parquet (the committed ones)")
    parser.add_argument("--out", type=Path, default=OUT, help="folder for all files (evaluators/study)")
    parser.add_argument("--workers", type=int, default=2, help="processes of one thread each (2)")
    parser.add_argument("--functions", type=int, default=FUNCTIONS, help="of each table in the task's network (200)")
    parser.add_argument("--repeats", type=int, help="of every cross-validation (2; 6 of those on 100 functions)")
    options = parser.parse_args(arguments)
    if options.workers < 1 or options.functions < 10:
        parser.error("it needs 1 worker and 10 functions at least")
    options.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    started = time.monotonic()
    sheets = [sheet(file) for file in options.tables]
    some = [each[chosen(each, options.functions, SEED)] for each in sheets]
    rows = complete(some, options.out / "features_network.csv", options.workers)
    subjects = [Subject(each, {}) for each in sheets] + [Subject(each, of_network(rows, each)) for each in some]
    times = [seconds(file) for file in options.tables] + [_dear(rows, each) for each in some]
    worths, ablations = found_of(subjects, times, options.workers, options.repeats)
    for frame, name in ((worths, "features.csv"), (ablations, "features_ablation.csv")):
        frame.to_csv(options.out / name, index=False, float_format="%.4g")
    (options.out / "features.md").write_text(markdown(sheets, worths, ablations, rows), encoding="utf-8")
    print(f"{options.out / 'features.md'} has the tables; {time.monotonic() - started:.0f} s")


def _dear(rows: pd.DataFrame, some: Sheet) -> Mapping[str, float]:
    """Return the mean time of the features of a network; those of one spectrum come together."""
    mean = rows[rows["table"] == some.name][["seconds_gradient", "seconds_spectrum"]].mean()
    spectra = {feature.name for feature in FISHER}
    return {n: float(mean["seconds_spectrum" if n in spectra else "seconds_gradient"]) for n in NETWORK_FEATURES}


if __name__ == "__main__":
    main()
