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
from itertools import zip_longest
from multiprocessing.connection import wait
from pathlib import Path

import torch

from tests.benchmarks.census.networks import names
from tests.benchmarks.census.table import COLUMNS, summary
from tests.benchmarks.census.trial import trial

LIBRARIES = ("timm", "torchvision", "transformers")
MEMORY = 10 * 2**30
"""Bytes of address space that a process may have."""


def main():
    """Run what is missing of the census and write its table and its summary."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.census", description="What does a swap do?")
    parser.add_argument("--library", nargs="+", choices=LIBRARIES, default=LIBRARIES, help="only some of the libraries")
    parser.add_argument("--only", nargs="+", help="architectures to run again")
    parser.add_argument("--again", action="store_true", help="run what is there again")
    parser.add_argument("--processes", type=int, default=2, help="at a time (2)")
    parser.add_argument("--seconds", type=int, default=120, help="of the processor for each; five times by the clock")
    parser.add_argument("--out", type=Path, default=Path("evaluators/study"), help="folder to write to")
    options = parser.parse_args()
    table = options.out / "swap.csv"
    rows = {} if options.again else _read(table)
    todo = [one for turn in zip_longest(*map(_pairs, options.library)) for one in turn if one]
    chosen = (lambda one: one[1] in options.only) if options.only else (lambda one: one not in rows)
    todo = [one for one in todo if chosen(one)]
    torch.set_num_threads(1)
    gc.freeze()
    for number, row in enumerate(_run(todo, options.processes, options.seconds), 1):
        rows[row["library"], row["architecture"]] = row
        _write(table, rows)
        print(f"{number}/{len(todo)}", *(f"{k}={v}" for k, v in row.items() if v not in ("", None)), flush=True)
    (options.out / "swap.md").write_text(summary(list(_read(table).values())))
    print(f"{options.out / 'swap.md'} has the summary")


def _pairs(library):
    """Return the networks of a library, mixed so that a part of them says something."""
    return [(library, name) for name in sorted(names(library), key=lambda name: zlib.crc32(name.encode()))]


def _run(todo, processes, seconds):
    """Yield the rows of networks, each from a process of its own."""
    context, todo, running = multiprocessing.get_context("fork"), list(todo), {}
    while todo or running:
        while todo and len(running) < processes:
            one = todo.pop(0)
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


def _received(ours, one, otherwise):
    row = {"library": one[0], "architecture": one[1], "stage": "build", "error": otherwise}
    while True:
        try:
            if not ours.poll():
                return row
            row = ours.recv()
        except EOFError:
            return row


def _child(library, name, pipe, seconds):
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    torch.set_num_threads(1)
    row = {}
    try:
        trial(library, name, row)
    except BaseException as error:  # a network may raise anything
        where = traceback.extract_tb(error.__traceback__)[-1]
        text = " ".join(str(error).split())[:400]
        row["error"] = f"{row['stage']}: {type(error).__name__}: {text} ({Path(where.filename).name}:{where.lineno})"
    pipe.send(row)
    pipe.close()


def _read(path):
    if not path.exists():
        return {}
    with path.open(newline="") as file:
        return {(row["library"], row["architecture"]): row for row in csv.DictReader(file)}


def _write(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with part.open("w", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows[key] for key in sorted(rows))
    part.replace(path)


if __name__ == "__main__":
    main()
