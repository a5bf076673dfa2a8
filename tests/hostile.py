"""Input that somebody made to do harm, for tests of what reads it."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing

from hypothesis import strategies as st

from runs import folder
from runs.schema import VERSION

ESCAPES = ("\x1b[31mred\x1b[0m", "\x1b]0;title\x07", "\x9b2J", "\u202eevil\u202c", "[red]x[/red]", "a\rb", "\u2066x", "\x00")
CODE = (
    "__import__('os').system('touch {pwned}')",
    "x.__class__.__base__.__subclasses__()",
    "exec('open(\"{pwned}\", \"w\")')",
    "${{open('{pwned}','w')}}",
    "cos\nsystem\n(S'touch {pwned}'\ntR.",
    '"""\nopen("{pwned}", "w")\n"""',
    "!!python/object/apply:os.system ['touch {pwned}']",
    "../../{pwned}",
    "'; ATTACH '{pwned}' AS p; --",
)
HEAVY = (
    "(" * 3000, "[" * 100_000, "{" * 5000, '{"a":' * 3000 + "1" + "}" * 3000, "9**9**9**9", "x**(x**(x**16))",
    "-" * 1500 + "x", "+".join(["x"] * 900), "*".join(["sin(x)"] * 250), "sin(" * 49 + "x" + ")" * 49,
    "sigmoid(" * 12 + "x**16" + ")" * 12, "1" * 1900, "1e999", "x/0", "0**-1", "(-1)**x", "exp(" * 40 + "x" + ")" * 40,
    "(x+1)**16*(x+2)**16*(x+3)**16", "a" * 1_000_000, "x" + " " * 1_000_000,
)  # fmt: skip
WORDS = ("", "x", "relu(x)", "null", "true", "NaN", "Infinity", "-1", "[]", "{}", '[""]', '{"x": 1}', "ok", "pending", "1.5")
NUMBERS = (0, -1, 1, 2**31, 2**53, 2**63 - 1, -(2**63), 1e308, 5e-324, float("inf"), float("-inf"), 0.5)

texts = st.one_of(
    st.sampled_from(WORDS),
    st.sampled_from(ESCAPES),
    st.sampled_from(CODE),
    st.sampled_from(HEAVY),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
)
"""Texts, with ``{pwned}`` where a file would be made by whoever executes them."""
numbers = st.one_of(st.sampled_from(NUMBERS), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False))
values = st.one_of(st.none(), numbers, texts, st.binary(max_size=20))
plain = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts.filter(lambda text: len(text) < 5000)),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


def loosened(run):
    """Write a run's tables anew so that every column takes everything, as a hostile file may."""
    with closing(sqlite3.connect(run / folder.DATABASE)) as db:
        for table in ("candidates", "evaluations", "meta"):
            names = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
            db.execute(f"ALTER TABLE {table} RENAME TO old")
            db.execute(f"CREATE TABLE {table} ({', '.join(names)})")
            db.execute(f"INSERT INTO {table} SELECT * FROM old")
            db.execute("DROP TABLE old")
        db.execute(f"PRAGMA user_version = {VERSION}")
        db.commit()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return (run / folder.DATABASE).read_bytes()


SCHEMAS = (
    "CREATE VIEW v AS SELECT writefile('{pwned}', 'x')",
    "CREATE TRIGGER t AFTER INSERT ON meta BEGIN INSERT INTO candidates VALUES (99); END",
    "CREATE TRIGGER t AFTER UPDATE ON meta BEGIN SELECT load_extension('{pwned}'); END",
    "CREATE VIRTUAL TABLE f USING fts5(a)",
    "CREATE INDEX i ON meta (value)",
    "CREATE TABLE more (a)",
    "DROP TABLE candidates",
    "ALTER TABLE candidates DROP COLUMN facts",
    "ALTER TABLE evaluations DROP COLUMN curve",
    "ALTER TABLE candidates RENAME COLUMN ask TO asked",
    "ALTER TABLE meta ADD COLUMN g AS (value || value)",
    "DELETE FROM meta",
    "DELETE FROM candidates",
    "INSERT INTO candidates SELECT * FROM candidates",
    "INSERT INTO evaluations SELECT * FROM evaluations",
    "UPDATE evaluations SET candidate = 77",
    "UPDATE meta SET value = zeroblob(70000000) WHERE key = 'config'",
    "UPDATE candidates SET expression = zeroblob(70000000) WHERE rowid = 3",
    "DROP TABLE meta; CREATE VIEW meta AS SELECT 'config' AS key, 'seed = 1' AS value",
    "PRAGMA user_version = 0",
    "PRAGMA user_version = -5",
    "PRAGMA user_version = 3",
    "PRAGMA user_version = 2147483647",
)


@st.composite
def edits(draw, columns, keys):
    """Statements that put something hostile into a run file, with their values.

    Args:
        draw: of hypothesis.
        columns: by table.
        keys: of the run's own dictionary.
    """
    kind = draw(st.sampled_from(("value", "value", "value", "json", "meta", "meta", "schema")))
    if kind == "schema":
        return draw(st.sampled_from(SCHEMAS)), ()
    if kind == "meta":
        key = draw(st.sampled_from(keys))
        return "UPDATE meta SET value = ? WHERE key = ?", (draw(values | plain.map(_json)), key)
    table = draw(st.sampled_from(sorted(columns)))
    column, row = draw(st.sampled_from(columns[table])), draw(st.integers(1, 12))
    value = draw(values if kind == "value" else plain.map(_json))
    return f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (value, row)


def _json(value):
    return json.dumps(value)
