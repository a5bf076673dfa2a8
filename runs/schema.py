"""The tables of a run file. A change here raises VERSION and adds a migration."""

from __future__ import annotations

import json

VERSION = 8

FORMER_FACTS = ("prior", "correction", "cost", "complexity", "gain")
"""Facts that had a column each up to version 5."""

MIGRATIONS = {
    1: ("ALTER TABLE candidates ADD COLUMN correction REAL",),
    2: ("ALTER TABLE evaluations ADD COLUMN metrics TEXT NOT NULL DEFAULT '{}'",),
    3: (
        "UPDATE candidates SET status = 'outranked' WHERE status = 'rejected' "
        "AND reason = 'another proposal for the same training slot was preferred'",
    ),
    4: ("ALTER TABLE evaluations ADD COLUMN unstacked TEXT NOT NULL DEFAULT ''",),
    5: (
        "ALTER TABLE candidates ADD COLUMN facts TEXT NOT NULL DEFAULT '{}'",
        "UPDATE candidates SET facts = actsearch_facts(prior, correction, cost, complexity, gain)",
        *(f"ALTER TABLE candidates DROP COLUMN {name}" for name in FORMER_FACTS),
        "ALTER TABLE candidates ADD COLUMN mark TEXT",
    ),
    6: ("UPDATE candidates SET mark = NULL",),  # fingerprints leave out shift and reflection since
    7: ("ALTER TABLE evaluations ADD COLUMN test_metrics TEXT NOT NULL DEFAULT '{}'",),
}
"""What turns a run file of a version into the next one: statements, in their order. ``actsearch_facts`` is
:func:`facts_text`, since SQLite's own JSON writes 15 digits of a number and not all of it."""


def facts_text(*values: float | None) -> str:
    """Return facts as they are stored, from the columns that held them up to version 5."""
    found = zip(FORMER_FACTS, values, strict=True)
    return json.dumps({name: value for name, value in found if value is not None}, allow_nan=False)


TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE candidates (
    id         INTEGER PRIMARY KEY,
    expression TEXT NOT NULL,
    origin     TEXT NOT NULL,
    parents    TEXT NOT NULL,
    ask        INTEGER NOT NULL,
    genotype   TEXT,
    name       TEXT,
    facts      TEXT NOT NULL DEFAULT '{}',
    status     TEXT NOT NULL,
    reason     TEXT NOT NULL,
    mark       TEXT
);
CREATE TABLE evaluations (
    id         INTEGER PRIMARY KEY,
    candidate  INTEGER NOT NULL REFERENCES candidates (id),
    purpose    TEXT NOT NULL CHECK (purpose IN ('search', 'confirm')),
    task       TEXT NOT NULL,
    steps      INTEGER NOT NULL,
    seed       INTEGER NOT NULL,
    status     TEXT NOT NULL,
    reason     TEXT NOT NULL,
    error      REAL,
    loss       REAL,
    test_error REAL,
    test_loss  REAL,
    seconds    REAL NOT NULL,
    curve      TEXT NOT NULL,
    metrics    TEXT NOT NULL DEFAULT '{}',
    unstacked  TEXT NOT NULL DEFAULT '',
    test_metrics TEXT NOT NULL DEFAULT '{}',
    UNIQUE (candidate, purpose, task, steps, seed)
);
"""
