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
