"""The columns of the census and its summary."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

Row = Mapping[str, str]
"""A row of the table as it is read, by column."""

COLUMNS = (
    *("library", "architecture", "activation", "parameters", "found", "replaced", "left", "left_reasons", "gates"),
    *("never", "ran", "running", "running_lines", "reread", "silent", "state_changed", "repeatable"),
    *("equal_eval", "equal_train", "equal_gradients", "pickle", "deepcopy", "seconds", "took"),
    *("unregistered", "learned", "notes", "error"),
)
_EQUAL = ("equal_train", "equal_eval", "equal_gradients", "pickle", "deepcopy", "learned")


def built(row: Row) -> bool:
    """Tell whether a network was built and ran on an example."""
    if row["error"].startswith(("build:", "reference:")):
        return False
    return not row["error"].startswith(("too slow", "the process died")) or bool(row["found"])


def contained(row: Row) -> bool:
    """Tell whether a network was built and has an activation that is known."""
    return built(row) and bool(row["activation"])


def whole(row: Row) -> bool:
    """Tell whether nothing of the old activation is left."""
    there = _number(row, "replaced") > 0 and _number(row, "ran") > 0
    return there and not (_number(row, "left") or _number(row, "running") or row["silent"])


def told(row: Row) -> bool:
    """Tell whether everything that still runs is named by the swap or by its check."""
    if row["error"]:
        return row["error"].startswith("swap: ActsearchError") and "left as they are" in row["error"]
    return contained(row) and not row["silent"]


_COUNTS: tuple[tuple[str, Callable[[Row], bool]], ...] = (
    ("built", built),
    ("contained it", contained),
    ("whole", whole),
    ("whole or told", lambda r: whole(r) or told(r)),
    ("silent", lambda r: bool(r["silent"])),
    ("state changed", lambda r: r["state_changed"] == "yes"),
)


def summary(rows: Sequence[Row]) -> str:
    """Return the summary as Markdown."""
    libraries = sorted({row["library"] for row in rows})
    names = [name for name, _ in _COUNTS] + [name.replace("_", " ") for name in _EQUAL]
    lines = [
        "# What a swap does in networks of other libraries",
        "",
        "Written by `make census`. Each network has its most frequent activation replaced by itself, so that nothing",
        "should change. Whole: nothing of it is left and nothing of it runs. Told: what still runs is named by the",
        "swap or by its check. Silent: it runs and is named nowhere. Of equalities, equal / comparable.",
        "",
        "| library | " + " | ".join(names) + " |",
        "|---|" + "--:|" * len(names),
    ]
    for library in (*libraries, "all"):
        mine = [row for row in rows if library in (row["library"], "all")]
        cells = [str(sum(map(test, mine))) for _, test in _COUNTS]
        cells += [f"{_having(mine, name, ('yes',))} / {_having(mine, name, None)}" for name in _EQUAL]
        lines.append(f"| {library} | " + " | ".join(cells) + " |")
    some = [row for row in rows if contained(row)]
    share = sum(map(whole, some)) / max(len(some), 1)
    lines += ["", f"Whole: {share:.1%} of those that contain a known activation. The others:", ""]
    lines += [
        f"- {row['library']} {row['architecture']} ({row['activation']}): {_reason(row)}"
        for row in some
        if not whole(row)
    ]
    unequal = [row for row in rows if any(row[name].startswith("no") and row[name] != "no before" for name in _EQUAL)]
    lines += ["", "Not equal:", ""] + [f"- {row['library']} {row['architecture']}: {_unequal(row)}" for row in unequal]
    odd = [row["architecture"] for row in rows if row["repeatable"] == "no"]
    lines += ["", f"Not repeatable even before: {', '.join(odd) or 'none'}.", ""]
    return "\n".join(lines)


def _reason(row: Row) -> str:
    parts = [row["error"], row["left_reasons"] and f"left: {row['left_reasons']}"]
    parts += [row["running_lines"] and f"still runs: {row['running_lines']}"]
    parts += [row["silent"] and f"SILENT: {row['silent']}"]
    if not any(parts) and not _number(row, "ran"):
        parts.append("no new activation ran on the example")
    return "; ".join(part for part in parts if part)[:400]


def _unequal(row: Row) -> str:
    parts = [f"{name.replace('_', ' ')} {row[name]}" for name in _EQUAL if row[name].startswith("no")]
    return ", ".join(p for p in parts if "no before" not in p) + (f" ({row['notes']})" if row["notes"] else "")


def _having(rows: Sequence[Row], name: str, values: Sequence[str] | None) -> int:
    if values:
        return sum(row[name] in values for row in rows)
    return sum(row[name] not in ("", "no before") for row in rows)


def _number(row: Row, name: str) -> int:
    return int(float(row[name] or 0))
