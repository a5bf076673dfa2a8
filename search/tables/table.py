"""The file of a table: Parquet, one row an expression and seed, with what it was made of inside."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from primitives import ActsearchError
from primitives.errors import unknown
from runs.files import write_whole

COLUMNS: Mapping[str, str] = {
    "expression": "text that actsearch reads",
    "seed": "of weights and batches",
    "steps": "optimiser steps",
    "status": "ok, or why there are no numbers",
    "error": "mean over the validation part; empty of a failure, as are the next two",
    "loss": "mean over the validation part",
    "test_error": "mean over the test part",
    "seconds": "of one training in its cohort, on the machine it was made on",
}
"""The columns of every table, in their order; a task's own metrics of the validation part follow."""
_KEY = b"actsearch"


@dataclass(frozen=True)
class Origin:
    """What a table was made of and with.

    Attributes:
        command: that makes it again.
        version: of actsearch.
        task: its label.
        score: the task's own.
        steps: of each training.
        grammar: section of a configuration whose trees are all of its functions; empty of a list.
        recipe: fingerprint of the task's code, data and recipe.
    """

    command: str = ""
    version: str = ""
    task: str = ""
    score: str = "error"
    steps: int = 0
    grammar: Mapping[str, Any] = field(default_factory=dict, hash=False)
    recipe: str = ""


@dataclass(frozen=True, eq=False)
class Table:
    """Trained functions.

    Attributes:
        rows: with :data:`COLUMNS` and metrics.
        origin: what they were made with; of a stranger's table nothing is known.
    """

    rows: pd.DataFrame
    origin: Origin


def write(table: Table, file: Path) -> None:
    """Write a table, whole or not at all."""
    arrow = pa.Table.from_pandas(table.rows, preserve_index=False)
    meta = {**(arrow.schema.metadata or {}), _KEY: json.dumps(asdict(table.origin)).encode()}
    content = io.BytesIO()
    pq.write_table(arrow.replace_schema_metadata(meta), content, compression="zstd", compression_level=19)
    write_whole(file, content.getvalue())


def read(file: Path, needed: Sequence[str] = tuple(COLUMNS)) -> Table:
    """Read a table, a stranger's too.

    Args:
        file: Parquet.
        needed: columns without which it is of no use.

    Raises:
        ActsearchError: it is not there, is no Parquet file, or lacks a column.
    """
    if not file.is_file():
        raise ActsearchError(f"there is no table '{file}'; 'actsearch table {file}' makes one")
    try:
        arrow = pq.read_table(file)
    except (pa.ArrowException, OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise ActsearchError(f"'{file}' is no table that can be read: it is no sound Parquet file ({reason})") from None
    for name in needed:
        if name not in arrow.column_names:
            raise ActsearchError(f"'{file}' lacks a column: {unknown('column', name, arrow.column_names)}")
    return Table(arrow.to_pandas(), _origin(file, (arrow.schema.metadata or {}).get(_KEY)))


_KINDS = {int: "number", str: "text that can be printed", dict: "section"}


def _origin(file: Path, text: bytes | None) -> Origin:
    if text is None:
        return Origin()
    try:
        raw = json.loads(text)
        known = {name: raw[name] for name in Origin.__dataclass_fields__ if name in raw}
        origin = Origin(**known)
        for name, value in asdict(origin).items():
            wanted = {"steps": int, "grammar": dict}.get(name, str)
            if type(value) is not wanted or (isinstance(value, str) and not value.isprintable()):
                raise TypeError(f"its {name} is no {_KINDS[wanted]}")
    except (ValueError, TypeError, RecursionError) as error:
        raise ActsearchError(f"'{file}' says of itself what cannot be read ({error}); was it edited?") from None
    return origin
