"""The tables of a run file. A change here raises VERSION and adds a migration."""

from __future__ import annotations

VERSION = 9

FORMER_FACTS = ("prior", "correction", "cost", "complexity", "gain")
"""Facts that had a column each up to version 5."""


def _packed(column: str) -> str:
    """Return what packs named numbers: their shape is among the texts already."""
    return f"actsearch_numbers({column}, (SELECT id FROM texts WHERE text = actsearch_shape({column})))"


_META = "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL)"
STAGED = 9
"""The version from which on what trainings are for stands in a table of its own."""
SHARED = (
    """CREATE TABLE stages (
    id      INTEGER PRIMARY KEY,
    purpose TEXT NOT NULL CHECK (purpose IN ('search', 'confirm')),
    task    TEXT NOT NULL,
    steps   INTEGER NOT NULL,
    UNIQUE (purpose, task, steps)
)""",
    "CREATE TABLE texts (id INTEGER PRIMARY KEY, text TEXT NOT NULL UNIQUE)",
)
_ROWS_9 = (
    """CREATE TABLE candidates (
    id         INTEGER PRIMARY KEY,
    expression TEXT NOT NULL,
    origin     TEXT NOT NULL,
    parents    TEXT NOT NULL,
    ask        INTEGER NOT NULL,
    genotype   BLOB,
    name       TEXT,
    facts      BLOB,
    status     TEXT NOT NULL,
    reason     TEXT NOT NULL,
    mark       BLOB
)""",
    """CREATE TABLE evaluations (
    id         INTEGER PRIMARY KEY,
    candidate  INTEGER NOT NULL REFERENCES candidates (id),
    stage      INTEGER NOT NULL REFERENCES stages (id),
    seed       INTEGER NOT NULL,
    status     TEXT NOT NULL,
    reason     TEXT NOT NULL,
    error      REAL,
    loss       REAL,
    test_error REAL,
    test_loss  REAL,
    seconds    REAL NOT NULL,
    metrics    BLOB,
    test_metrics BLOB,
    unstacked  INTEGER REFERENCES texts (id),
    curve      BLOB,
    validation_curve BLOB,
    places     BLOB,
    UNIQUE (candidate, stage, seed)
)""",
)
TABLES = (_META, *SHARED, *_ROWS_9)
"""The tables of a new file, a statement each. See README.md for what stands in their columns."""

_TO_9 = (
    "ALTER TABLE candidates RENAME TO old_candidates",
    "ALTER TABLE evaluations RENAME TO old_evaluations",
    *SHARED,
    *_ROWS_9,
    "INSERT INTO stages (purpose, task, steps) SELECT purpose, task, steps FROM old_evaluations GROUP BY 1, 2, 3 "
    "ORDER BY min(id)",
    *(
        f"INSERT OR IGNORE INTO texts (text) SELECT DISTINCT {text} FROM {table} WHERE {text} IS NOT NULL"
        for text, table in (
            ("actsearch_shape(facts)", "old_candidates"),
            ("actsearch_shape(metrics)", "old_evaluations"),
            ("actsearch_shape(test_metrics)", "old_evaluations"),
            ("nullif(unstacked, '')", "old_evaluations"),
        )
    ),
    f"""INSERT INTO candidates (id, expression, origin, parents, ask, genotype, name, facts, status, reason, mark)
    SELECT id, expression, origin, parents, ask, actsearch_text(genotype), name, {_packed("facts")}, status, reason,
    actsearch_mark(mark) FROM old_candidates ORDER BY id""",
    f"""INSERT INTO evaluations (id, candidate, stage, seed, status, reason, error, loss, test_error, test_loss,
    seconds, metrics, test_metrics, unstacked, curve) SELECT id, candidate,
    (SELECT id FROM stages s WHERE s.purpose = e.purpose AND s.task = e.task AND s.steps = e.steps),
    seed, status, reason, error, loss, test_error, test_loss, seconds, {_packed("metrics")}, {_packed("test_metrics")},
    (SELECT id FROM texts WHERE text = nullif(unstacked, '')), actsearch_losses(curve)
    FROM old_evaluations e ORDER BY id""",
    "DROP TABLE old_evaluations",
    "DROP TABLE old_candidates",
)

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
    8: _TO_9,
}
"""What turns a run file of a version into the next one: statements, in their order. The functions that they call are
:data:`runs.repacking.FUNCTIONS`."""
