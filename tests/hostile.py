"""Input that somebody made to do harm, for tests of what reads it."""

from __future__ import annotations

import io
import json
import sqlite3
from contextlib import closing

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st

from runs import folder
from runs.schema import VERSION

ESCAPES = (
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\x9b2J",
    "\u202eevil\u202c",
    "[red]x[/red]",
    "a\rb",
    "\u2066x",
    "\x00",
)
CODE = (
    "__import__('os').system('touch {pwned}')",
    "x.__class__.__base__.__subclasses__()",
    'exec(\'open("{pwned}", "w")\')',
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
WORDS = (
    "",
    "x",
    "relu(x)",
    "null",
    "true",
    "NaN",
    "Infinity",
    "-1",
    "[]",
    "{}",
    '[""]',
    '{"x": 1}',
    "ok",
    "pending",
    "1.5",
)
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


_ATOMS = st.sampled_from(
    ("x", "alpha", "beta", "1", "0", "-2.5", "1e308", "1e-300", "pi", "E", "y", "x.real", "'s'", "()", "")
)
_CALLS = st.sampled_from(
    ("sin", "exp", "relu", "sigmoid", "max", "where", "eval", "open", "gamma", "aq", "log", "print")
)
formulas = st.recursive(
    _ATOMS,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from("+-*/^"), inner).map("".join),
        st.tuples(inner, st.sampled_from(("**", " ** -", "//", "%", "<", ":=", " if x else ")), inner).map("".join),
        st.tuples(_CALLS, inner).map(lambda pair: f"{pair[0]}({pair[1]})"),
        st.tuples(_CALLS, inner, inner).map(lambda some: f"{some[0]}({some[1]}, {some[2]})"),
        inner.map(lambda text: f"({text})"),
    ),
    max_leaves=12,
)
"""Formulas that nearly are some."""
expressions = st.one_of(
    formulas,
    formulas,
    st.tuples(formulas, st.sampled_from(("; alpha=1", "; alpha=nan", ";;", "; x=2", "; alpha=1e999"))).map("".join),
    texts,
)  # fmt: skip


_LEAVES = ("constant", "number", "parameter", "scale", "exponent", "c", "p")


@st.composite
def genotypes(draw, names):
    """JSON that is nearly a tree: names of primitives, leaves, and what is neither."""
    leaf = st.one_of(
        st.just("x"), st.sampled_from(names), texts,
        st.dictionaries(st.sampled_from(_LEAVES), numbers, max_size=2),
        plain,
    )  # fmt: skip
    tree = draw(st.one_of(st.lists(leaf, max_size=12), plain))
    return draw(st.sampled_from((_json(tree), _json(tree)[:-1], draw(texts))))


@st.composite
def tomls(draw, keys):
    """Text that is nearly a campaign file.

    Args:
        draw: of hypothesis.
        keys: dotted keys that there are.
    """
    lines, section = [], None
    for key in sorted(
        draw(st.lists(st.sampled_from(keys), max_size=5, unique=True)), key=lambda key: key.rpartition(".")
    ):
        above, _, last = key.rpartition(".")
        if above != section and above:
            lines.append(f"[{above}]")
        section = above
        lines.append(f"{last} = {draw(_VALUES)}")
    return "\n".join(draw(st.permutations(lines)) if draw(st.integers(0, 9)) == 0 else lines) + draw(
        st.sampled_from(("", "", "", "\n[", "\n\x00", "\nx = 1", '\n"" = 2', "\n[budget.deep.er]\na = 1"))
    )


def _quoted(text):
    return (
        json.dumps(text)
        if all(ord(c) >= 32 and ord(c) != 127 for c in text)
        else json.dumps(text.encode("unicode_escape").decode())
    )


_VALUES = st.one_of(
    st.sampled_from(("1", "0", "-1", "true", "nan", "inf", "-inf", "1e400", "9" * 400)),
    st.sampled_from(("[]", "{}", "[[[[]]]]", "1979-05-27", "{ sin = 2 }", '["relu", "sin"]', '["error", "cost"]')),
    st.sampled_from(('"nsga2"', '"guided"', '"ray"', '"relu"', '"digits-vit"')),
    st.integers(-10, 2**70).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    texts.filter(lambda text: len(text) < 5000).map(_quoted),
    st.lists(texts.filter(lambda text: len(text) < 200).map(_quoted), max_size=3).map(", ".join).map("[{}]".format),
)  # fmt: skip


_COLUMNS = ("expression", "seed", "status", "error", "loss", "steps", "x\x1b[31m")
_CELLS = (
    st.just("ok"), st.integers(-(2**63), 2**63 - 1), st.floats(), expressions.filter(lambda text: len(text) < 5000),
    st.binary(max_size=5), st.booleans(),
)  # fmt: skip


@st.composite
def frames(draw):
    """Bytes of a Parquet file that is nearly a table, or of none."""
    count = draw(st.sampled_from((0, 1, 25)))
    sound = {"expression": [f"x*tanh({n}*x)" for n in range(count)], "seed": [0] * count, "status": ["ok"] * count}
    sound["error"] = [n / 100 for n in range(count)]
    for name in draw(st.lists(st.sampled_from(_COLUMNS), max_size=3, unique=True)):
        cells = draw(st.sampled_from(_CELLS))
        sound[name] = [draw(cells)] * count if count > 5 else [draw(cells) for _ in range(count)]
    for name in draw(st.lists(st.sampled_from(_COLUMNS[:4]), max_size=1)):
        sound.pop(name, None)
    origin = draw(
        st.one_of(
            st.none(), texts, plain.map(_json), plain.map(lambda inner: _json({"grammar": inner, "score": inner}))
        )
    )
    meta = {} if origin is None else {b"actsearch": origin.encode("utf-8")[:100_000]}
    out = io.BytesIO()
    pq.write_table(pa.table(sound).replace_schema_metadata(meta), out)
    content = bytearray(out.getvalue())
    if draw(st.integers(0, 4)) == 0:
        content = content[: draw(st.integers(0, len(content)))]
    return bytes(content)
