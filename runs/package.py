"""The front of a run as one importable package that needs torch and nothing else."""

from __future__ import annotations

import keyword
import os
import shutil
import tempfile
import textwrap
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from evaluators.judging.objectives import spoken
from primitives import Expression
from primitives.emit import WIDTH
from primitives.errors import ActsearchError
from primitives.export.dialects import export_bytes
from primitives.export.exported import docstring
from runs.axes import axes
from runs.finding import find_candidate
from runs.front import pareto
from runs.provenance import provenance
from runs.statistics import confirmed
from runs.store import Store

_FIRST = "Activations that actsearch found: "
"""How the docstring of a package begins that may be written anew."""


def front_ids(store: Store) -> list[int]:
    """Return the ids of the front, the best by the first objective first; baselines are left out."""
    frame = pareto(store)
    return [int(i) for i in frame.loc[frame["on_front"] & ~frame["baseline"], "id"]]


def package_of(store: Store, folder: Path, name: str, expressions: Mapping[int, Expression]) -> dict[str, bytes]:
    """Return the files of a package: a module for each function, what names them, and a README with the evidence.

    Args:
        store: of the run.
        folder: of the run.
        name: of the package.
        expressions: what to write, by the candidate's id.
    """
    files = {}
    for identifier, expression in expressions.items():
        candidate = find_candidate(store, str(identifier))
        files[f"act{identifier}.py"] = export_bytes(
            expression,
            name=f"Act{identifier}",
            gain=candidate.gain or 1.0,
            provenance=provenance(store, folder, candidate),
            module=f"{name}.act{identifier}",
        )
    return {
        "__init__.py": _init(folder, name, expressions).encode(),
        "README.md": _readme(store, folder, name, expressions).encode(),
        **files,
    }


def check_target(target: Path) -> None:
    """Check that a package can be written there.

    Raises:
        ActsearchError: it could not be imported by that name, or something else is there.
    """
    if not target.name.isidentifier() or keyword.iskeyword(target.name):
        raise ActsearchError(
            f"'{target.name}' cannot be imported; call the package by letters, digits and '_', as -o found"
        )
    if target.exists() and not (target.is_dir() and _is_free(target)):
        raise ActsearchError(f"'{target}' exists already and is no package of 'export --all'; choose another place")


def _is_free(target: Path) -> bool:
    """Tell whether a folder is empty, or has nothing but what was written by this."""
    names = {path.name for path in target.iterdir()} - {"__pycache__"}
    other = [name for name in names - {"__init__.py", "README.md"} if not _is_module(name)]
    if not names:
        return True
    first = target / "__init__.py"
    return not other and first.is_file() and _FIRST in first.read_text(encoding="utf-8", errors="replace")[:200]


def _is_module(name: str) -> bool:
    return name.startswith("act") and name.endswith(".py") and name[3:-3].isdecimal()


def write_package(files: Mapping[str, bytes], target: Path) -> None:
    """Write a package in one piece: all of it or nothing, in the place of an earlier one.

    Raises:
        ActsearchError: it cannot be written; an earlier one is as it was.
    """
    check_target(target)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as scratch:
            new, old = Path(scratch) / "new", Path(scratch) / "old"
            new.mkdir()
            for name, content in files.items():
                (new / name).write_bytes(content)
            if target.exists():
                os.rename(target, old)
            try:
                os.rename(new, target)
            except OSError:
                if old.exists():
                    os.rename(old, target)
                raise
            shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        raise ActsearchError(f"cannot write '{target}': {error.strerror or error}; choose a writable place") from error


def _init(folder: Path, name: str, expressions: Mapping[int, Expression]) -> str:
    """Return the file that names each class."""
    told = [f"Act{i}: {expression}" for i, expression in expressions.items()]
    lines = [
        f"{_FIRST}the front of run '{_harmless(folder.name)}'.",
        "",
        f"Use one like any torch activation: ``{name}.{_any(expressions)}()``. ``GAINS`` holds",
        "what to multiply the initial scale 1/sqrt(fan_in) of the layer after it by.",
        "",
        *(part for line in told for part in textwrap.wrap(line, WIDTH, subsequent_indent="    ")),
    ]
    imports = [f"from .act{i} import GAIN as _GAIN{i}\nfrom .act{i} import Act{i}" for i in sorted(expressions)]
    gains = ["GAINS = {", *(f"    Act{i}: _GAIN{i}," for i in expressions), "}"]
    names = ["__all__ = [", '    "GAINS",', *(f'    "Act{i}",' for i in expressions), "]"]
    return "\n".join([docstring(lines), "", *imports, "", *gains, "", *names, ""])


def _harmless(text: str) -> str:
    """Return the name of a folder without what a docstring or Markdown would act on."""
    return "".join(c if c.isprintable() and c not in "\\`\"'" else "_" for c in text)


def _any(expressions: Mapping[int, Expression]) -> str:
    return f"Act{next(iter(expressions))}"


def _readme(store: Store, folder: Path, name: str, expressions: Mapping[int, Expression]) -> str:
    """Return what was measured of each, as Markdown."""
    frame = pareto(store).set_index("id")
    objectives = axes(store)
    heads = ["class", "formula", *(f"{axis.label} in the search" for axis in objectives)]
    rows = [
        [f"`Act{i}`", _code(str(expression)), *(f"{float(frame[a.name][i]):.{a.digits}f}" for a in objectives)]
        for i, expression in expressions.items()
    ]
    text = [
        f"# {name}",
        f"The front of the actsearch run `{_harmless(folder.name)}`, which was made {store.meta('created')} with seed "
        f"{store.meta('seed')}. The package needs torch and nothing else; `python act….py` checks a gradient.",
        "Scores of the search are the best of many and so flatter:",
        _table(heads, rows),
    ]
    evidence = confirmed(store)
    evidence = evidence[evidence["test_score"].notna() & (evidence["id"].isin(expressions) | evidence["name"].notna())]
    if not any(evidence["id"].isin(expressions)):
        return (
            "\n\n".join([*text, "None of them was confirmed: `actsearch confirm` trains them on fresh seeds."]) + "\n"
        )
    for (task, steps), part in evidence.groupby(["task", "steps"], sort=False):
        text += [f"Fresh seeds on `{task}`, {steps} steps, test part, baselines beside them:", _confirmed(part)]
    return "\n\n".join(text) + "\n"


def _confirmed(part: pd.DataFrame) -> str:
    rows = []
    for row in part.sort_values(["test_score", "id"]).to_dict("records"):
        spread = f" ±{row['test_se']:.4f}" if pd.notna(row["test_se"]) else ""
        rows.append([row["name"] or f"`Act{row['id']}`", f"{row['test_score']:.4f}{spread}", str(row["seeds"])])
    return _table(["activation", f"test {spoken(part.iloc[0]['score'])}", "seeds"], rows)


def _table(heads: list[str], rows: list[list[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _code(text: str) -> str:
    return f"`{text.replace('|', '/')}`"
