"""The command."""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import torch

from search.studies.recovery import rival
from search.studies.recovery.game import Rules
from search.studies.recovery.measure import METHODS, complete, units
from search.studies.recovery.report import markdown
from search.studies.recovery.targets import TARGETS

OUT = Path("evaluators/study")
SEEDS = 20
_COMMAND = "make study-recovery"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the study and write its files: rows of games, and the page."""
    rules = Rules()
    parser = argparse.ArgumentParser(prog="python -m search.studies.recovery", description="What is found again?")
    parser.add_argument("--out", type=Path, default=OUT, help=f"folder for all files ({OUT})")
    parser.add_argument("--workers", type=int, default=2, help="processes of one thread each (2)")
    parser.add_argument("--seeds", type=int, default=SEEDS, help=f"games of each method on each target ({SEEDS})")
    parser.add_argument("--targets", nargs="+", choices=[*TARGETS], default=[*TARGETS], help="only these")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=[*METHODS], help="only these")
    parser.add_argument("--evaluations", type=int, default=rules.evaluations, help=f"of a game ({rules.evaluations})")
    parser.add_argument("--batch", type=int, default=rules.batch, help=f"candidates at a time ({rules.batch})")
    options = parser.parse_args(arguments)
    if min(options.workers, options.seeds, options.evaluations, options.batch) < 1:
        parser.error("all numbers are 1 at least")
    methods = [method for method in options.methods if method != rival.NAME or rival.is_installed()]
    if methods != options.methods:
        print(f"{rival.NAME} is not installed and left out; pip install --constraint constraints.txt '.[study]' has it")
    options.out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    started = time.monotonic()
    rules = Rules(options.evaluations, options.batch)
    rows = complete(
        units(options.targets, methods, options.seeds, rules), options.out / "recovery.csv", options.workers
    )
    page = options.out / "recovery.md"
    page.write_text(markdown(rows, METHODS, rules, _COMMAND), encoding="utf-8")
    print(f"{page} has the table; {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
