"""The command."""

from __future__ import annotations

import argparse
import csv
import gc
import multiprocessing
import resource
import signal
import time
import traceback
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import zip_longest
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from pathlib import Path

import torch

from search.studies.census.networks import names
from search.studies.census.table import COLUMNS, Row, summary
from search.studies.census.trial import trial

LIBRARIES = ("timm", "torchvision", "transformers")
MEMORY = 10 * 2**30
"""Bytes of address space that a process may have."""

_Pair = tuple[str, str]
"""A library and an architecture of it."""


def main() -> None:
    """Run what is missing of the census and write its table and its summary."""
    parser = argparse.ArgumentParser(prog="python -m search.studies.census", description="What does a swap do?")
    parser.add_argument("--library", nargs="+", choices=LIBRARIES, default=LIBRARIES, help="only some of the libraries")
    parser.add_argument("--only", nargs="+", help="architectures to run again")
    parser.add_argument("--again", action="store_true", help="run what is there again")
    parser.add_argument("--processes", type=int, default=2, help="at a time (2)")
    parser.add_argument("--seconds", type=int, default=120, help="of the processor for each; five times by the clock")
    parser.add_argument("--out", type=Path, default=Path("evaluators/study"), help="folder to write to")
    options = parser.parse_args()
    table = options.out / "swap.csv"
    rows: dict[_Pair, Mapping[str, object]] = {} if options.again else {**_read(table)}
    todo = [one for turn in zip_longest(*map(_pairs, options.library)) for one in turn if one]
    chosen: Callable[[_Pair], bool] = (
        (lambda one: one[1] in options.only) if options.only else (lambda one: one not in rows)
    )
    todo = [one for one in todo if chosen(one)]
    torch.set_num_threads(1)
    gc.freeze()
    for number, row in enumerate(_run(todo, options.processes, options.seconds), 1):
        rows[str(row["library"]), str(row["architecture"])] = row
        _write(table, rows)
        print(f"{number}/{len(todo)}", *(f"{k}={v}" for k, v in row.items() if v not in ("", None)), flush=True)
    (options.out / "swap.md").write_text(summary(list(_read(table).values())))
    print(f"{options.out / 'swap.md'} has the summary")


def _pairs(library: str) -> list[_Pair]:
    """Return the networks of a library, mixed so that a part of them says something."""
    return [(library, name) for name in sorted(names(library), key=lambda name: zlib.crc32(name.encode()))]


def _run(todo: Sequence[_Pair], processes: int, seconds: int) -> Iterator[dict[str, object]]:
    """Yield the rows of networks, each from a process of its own."""
    context, waiting = multiprocessing.get_context("fork"), list(todo)
    running: dict[Connection, tuple[ForkProcess, _Pair, float]] = {}
    while waiting or running:
        while waiting and len(running) < processes:
            one = waiting.pop(0)
            ours, theirs = context.Pipe(duplex=False)
            process = context.Process(target=_child, args=(*one, theirs, seconds), daemon=True)
            process.start()
            theirs.close()
            running[ours] = process, one, time.monotonic()
        wait(list(running), timeout=1)
        for ours, (process, one, began) in list(running.items()):
            late = time.monotonic() - began > 5 * seconds
            if not late and process.is_alive() and not ours.poll():
                continue
            row = _received(ours, one, "too slow")
            if process.is_alive() and late:
                process.kill()
            process.join()
            if process.exitcode not in (0, -signal.SIGKILL, -signal.SIGXCPU):
                row["error"] = f"the process died with {process.exitcode}"
            del running[ours]
            row["took"] = round(time.monotonic() - began, 1)
            yield row


def _received(ours: Connection, one: _Pair, otherwise: str) -> dict[str, object]:
    row: dict[str, object] = {"library": one[0], "architecture": one[1], "stage": "build", "error": otherwise}
    while True:
        try:
            if not ours.poll():
                return row
            row = ours.recv()
        except EOFError:
            return row


def _child(library: str, name: str, pipe: Connection, seconds: int) -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    torch.set_num_threads(1)
    row: dict[str, object] = {}
    try:
        trial(library, name, row)
    except BaseException as error:  # a network may raise anything
        where = traceback.extract_tb(error.__traceback__)[-1]
        text = " ".join(str(error).split())[:400]
        row["error"] = f"{row['stage']}: {type(error).__name__}: {text} ({Path(where.filename).name}:{where.lineno})"
    pipe.send(row)
    pipe.close()


def _read(path: Path) -> dict[_Pair, Row]:
    if not path.exists():
        return {}
    with path.open(newline="") as file:
        return {(row["library"], row["architecture"]): row for row in csv.DictReader(file)}


def _write(path: Path, rows: Mapping[_Pair, Mapping[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with part.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows[key] for key in sorted(rows))
    part.replace(path)


if __name__ == "__main__":
    main()
