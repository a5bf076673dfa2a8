"""A run file as version 8 wrote it: what migrations are tried on, and what sizes are compared with."""

from __future__ import annotations

import dataclasses
import json
import sqlite3
from contextlib import closing
from pathlib import Path

from runs import Store

FACTS = ("prior", "correction", "cost", "complexity", "gain")
"""Had a column each up to version 5."""


def schema(version):
    return (Path(__file__).parent / f"schema_v{version}.sql").read_text()


def as_version_8(new, old):
    """Write what a run file of this version holds to one of version 8, without validation curves and places."""
    with closing(Store(new)) as store, closing(sqlite3.connect(old)) as db, db:
        db.execute("PRAGMA journal_mode = WAL")
        db.executescript(schema(8))
        db.execute("PRAGMA user_version = 8")
        db.executemany("INSERT INTO meta VALUES (?, ?)", store._db.execute("SELECT key, value FROM meta"))
        _insert(db, "candidates", map(_candidate, store.candidates()))
        for purpose in ("search", "confirm"):
            _insert(db, "evaluations", (_evaluation(purpose, each) for each in store.evaluations(purpose)))
    return old


def _insert(db, table, rows):
    columns = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
    named = ", ".join(f":{name}" for name in columns)
    db.executemany(f"INSERT INTO {table} VALUES ({named})", rows)


def _candidate(c):
    mark = c.mark and json.dumps(dataclasses.astuple(c.mark))
    row = {field.name: getattr(c, field.name) for field in dataclasses.fields(c)}
    return {**row, "parents": json.dumps(c.parents), "facts": json.dumps(dict(c.facts)), "mark": mark}


def _evaluation(purpose, e):
    row = {field.name: getattr(e, field.name) for field in dataclasses.fields(e)}
    texts = {name: json.dumps(dict(row[name])) for name in ("metrics", "test_metrics")}
    return {**row, **texts, "id": None, "purpose": purpose, "curve": json.dumps(e.curve)}


def back_to_version_3(db):
    """Take from the tables of version 8 what was added since version 3."""
    facts = {row[0]: json.loads(row[1]) for row in db.execute("SELECT id, facts FROM candidates").fetchall()}
    for name in FACTS:
        db.execute(f"ALTER TABLE candidates ADD COLUMN {name} {'INTEGER' if name == 'complexity' else 'REAL'}")
        values = [(found.get(name), identifier) for identifier, found in facts.items()]
        db.executemany(f"UPDATE candidates SET {name} = ? WHERE id = ?", values)
    for table, names in (("candidates", ("facts", "mark")), ("evaluations", ("unstacked", "test_metrics"))):
        for name in names:
            db.execute(f"ALTER TABLE {table} DROP COLUMN {name}")
    db.execute("PRAGMA user_version = 3")
