"""Work of a study on several processes, and files of rows that a stop may have cut."""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import Any, TypeVar

import torch

from evaluators.training.pieces import warm_up

Item = TypeVar("Item")
Row = Mapping[str, Any]
Answer = TypeVar("Answer")


def mend(file: Path) -> None:
    """Drop the last line of a file if it was cut off, and the file if nothing is left."""
    if file.exists():
        whole, _, cut = file.read_bytes().rpartition(b"\n")
        if cut and whole:
            file.write_bytes(whole + b"\n")
        elif not whole:
            file.unlink()


def write_rows(file: Path, columns: Sequence[str], batches: Iterable[Sequence[Row]], total: int, every: int) -> None:
    """Append rows to a CSV as they come, each batch on disk at once, and say now and then how long it will take.

    Args:
        file: with its head, or to be made.
        columns: of the file.
        batches: of rows.
        total: how many batches there will be.
        every: batches after which it is said.
    """
    started = time.monotonic()
    with file.open("a", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns)
        if stream.tell() == 0:
            writer.writeheader()
            stream.flush()
        for count, rows in enumerate(batches, start=1):
            writer.writerows(rows)
            stream.flush()
            if count % every == 0 or count == total:
                passed = time.monotonic() - started
                left = passed / count * (total - count)
                print(f"{count} of {total} done, {passed:.0f} s, about {left:.0f} s left", flush=True)


def spread(function: Callable[[Item], Answer], items: Sequence[Item], workers: int) -> Iterator[Answer]:
    """Yield the function's answers as they come, from fresh processes of one thread each.

    Raises:
        SystemExit: a process was killed; what has been yielded is not lost.
    """
    if workers == 1 or len(items) < 2:
        yield from map(function, items)
        return
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=_start)
    try:
        for future in as_completed([pool.submit(function, item) for item in items]):
            yield future.result()
    except BrokenProcessPool:
        raise SystemExit("a worker process was killed; the same command goes on from what is written") from None
    finally:
        pool.shutdown(cancel_futures=True)


def _start() -> None:
    torch.set_num_threads(1)
    warm_up()
