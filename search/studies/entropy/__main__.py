"""The command."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import torch

from search.studies.entropy.correlate import correlations
from search.studies.entropy.figures import forest, scatter
from search.studies.entropy.measure import complete
from search.studies.entropy.plan import PAIRS, PANELS, STEPS, plan, reference_panel
from search.studies.entropy.report import Study, excerpt, markdown
from search.studies.entropy.scores import score_all

OUT, PAGE = Path("evaluators/study"), Path("evaluators/README.md")
_COMMAND = "python -m search.studies.entropy"
_START, _END = "<!-- study: written by `make study-entropy` -->", "<!-- end of study -->"
_QUICK = ("relu", "gelu", "tanh", "elu", "celu", "identity")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the study and write its files."""
    parser = argparse.ArgumentParser(prog=_COMMAND, description="What is each zero-cost score worth?")
    parser.add_argument("--out", type=Path, help="folder to write to (evaluators/study; quick: campaigns/study-quick)")
    parser.add_argument("--seeds", type=int, default=3, help="trainings of each function, task and setting (3)")
    parser.add_argument("--workers", type=int, default=2, help="processes of one thread each (2)")
    parser.add_argument("--quick", action="store_true", help="a few functions for a few steps, to see that it runs")
    options = parser.parse_args(arguments)
    if options.seeds < 2 or options.workers < 1:
        parser.error("it needs at least 2 seeds, to know their noise, and 1 worker")
    quick = options.quick
    out = options.out or (Path("campaigns/study-quick") if quick else OUT)
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    started = time.monotonic()
    flags = f" --seeds {options.seeds}" + (" --quick" if quick else "")
    study = _study(_COMMAND + flags, out, options.seeds, options.workers, quick)
    _write(study, out)
    if out == OUT and not quick:
        _publish(excerpt(study))
    _say(study.correlations)
    print(f"{out / 'table.md'} has every table; {time.monotonic() - started:.0f} s")


def _study(command: str, out: Path, seeds: int, workers: int, quick: bool) -> Study:
    panel = reference_panel(_QUICK if quick else None)
    steps = dict.fromkeys(STEPS, 3) if quick else STEPS
    pairs = 2 if quick else PAIRS
    trainings = complete(plan(panel, seeds, pairs, steps), out / "trainings.csv", workers)
    scores = score_all(panel.variants, seeds, workers)
    return Study(command, panel, steps, seeds, pairs, trainings, scores, correlations(trainings, scores, seeds))


def _write(study: Study, out: Path) -> None:
    study.scores.to_csv(out / "scores.csv", float_format="%.6g")
    study.correlations.to_csv(out / "correlations.csv", index=False, float_format="%.6f")
    (out / "table.md").write_text(markdown(study))
    forest(study.correlations, out / "correlations.png")
    scatter(study.trainings, study.scores, study.seeds, out / "accuracy.png")


def _publish(text: str) -> None:
    """Put the excerpt between its two marks in the package's page."""
    head, rest = PAGE.read_text().split(_START)
    PAGE.write_text(f"{head}{_START}\n\n{text}\n\n{_END}{rest.split(_END)[1]}")


def _say(found: pd.DataFrame) -> None:
    """Print, for each panel, the entropy and the scores that correlate most with the error."""
    for task, setting in PANELS:
        rows = found[(found["task"] == task) & (found["setting"] == setting) & (found["outcome"] == "error")]
        print(f"{task}, {setting}: ceiling {rows['ceiling'].iloc[0]:.2f}, {rows['failed'].iloc[0]} functions failed")
        strongest = rows.loc[rows["spearman"].abs().sort_values(ascending=False).index].head(3)
        shown = pd.concat([rows[rows["score"].str.startswith("standardised")], strongest]).drop_duplicates("score")
        for row in shown.to_dict("records"):
            print(f"  {row['score']:30} {row['spearman']:+.2f} [{row['low']:+.2f}, {row['high']:+.2f}]")


if __name__ == "__main__":
    main()
