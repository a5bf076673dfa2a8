"""Formulas from files and runs: a list, PySR's hall of fame, or the front of an earlier campaign."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from evaluators import assess
from primitives import ActsearchError, parse, resolve
from primitives.errors import nearest
from runs import folder as folders
from runs import pareto
from search.campaign.reach import refused
from search.configuration.config import CampaignConfig
from search.space.grammar import Grammar
from search.space.wished import Wished

_EQUATION = "equation"
_SPELLINGS = {"inv": "inverse"}
"""PySR's names of what has another name here; the others are the same."""
_MANY = 1_000_000
"""Characters of a file, at most."""


@dataclass(frozen=True)
class Found:
    """Formulas that a campaign may start from.

    Attributes:
        formulas: in the order of the file.
        passed_over: those of a hall of fame or a run that can never be trained, as ``x`` and numbers, with the reason.
        written: whether somebody wrote them down one by one, so that one which will not do is a mistake.
    """

    formulas: tuple[str, ...]
    passed_over: tuple[str, ...] = ()
    written: bool = False


def formulas_from(source: Path) -> Found:
    """Return the formulas of a file or of a run's front.

    Args:
        source: a text file, a formula or name a line, where blank lines and what follows ``#`` are skipped; PySR's
            hall of fame, a CSV file with the column ``Equation`` and one variable; or the folder of a run.

    Raises:
        ActsearchError: it cannot be read, a line of a list is no formula, a hall of fame has several variables, or
            nothing in it can be trained.
    """
    if source.is_dir():
        with folders.reading(source) as store:
            frame = pareto(store)
        texts = [str(text) for text, front in zip(frame["expression"], frame["on_front"], strict=True) if front]
        return _trainable(source, texts)
    text = text_of(source)
    equations = _equations(text)
    if equations is None:
        return Found(tuple(formula for _, formula in lines_of(source)), written=True)
    return _trainable(source, [_translated(source, equation) for equation in equations])


def fitting(config: CampaignConfig, found: Found, source: Path) -> Found:
    """Return what was found without what ``[wishes]`` refuse, unless somebody wrote it down: then it is a mistake.

    Raises:
        ActsearchError: nothing is left.
    """
    if found.written or not config.wishes.any:
        return found
    grammar = Grammar(config.drawn)
    wished = Wished(config.wishes, grammar)
    reasons = {text: refused(wished, grammar, resolve(text)) for text in found.formulas}
    kept = tuple(text for text, reason in reasons.items() if reason is None)
    passed = [f"{text}: {reason}" for text, reason in reasons.items() if reason is not None]
    if not kept:
        raise ActsearchError(f"nothing in '{source}' is what [wishes] ask for ({passed[-1]})")
    return Found(kept, (*found.passed_over, *passed))


def text_of(file: Path) -> str:
    """Return the text of a file of formulas.

    Raises:
        ActsearchError: it is not there, is no text, or is too long for a list.
    """
    if not file.is_file():
        beside = [path.name for path in file.parent.iterdir()] if file.parent.is_dir() else []
        raise ActsearchError(f"there is no file or run '{file}'{nearest(file.name, beside)}")
    try:
        if (size := file.stat().st_size) > 4 * _MANY:
            raise ActsearchError(f"the list '{file}' has {size:,} bytes; {_MANY:,} characters are the most")
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ActsearchError(f"the list '{file}' cannot be read: {error}") from None
    if len(text) > _MANY:
        raise ActsearchError(f"the list '{file}' has {len(text)} characters; {_MANY:,} are the most")
    return text


def lines_of(file: Path) -> Iterator[tuple[int, str]]:
    """Yield the number and the formula of each line that has one.

    Raises:
        ActsearchError: a line is no formula; the message names it.
    """
    for number, line in enumerate(text_of(file).splitlines(), start=1):
        text = line.split("#", 1)[0].strip()
        if text:
            try:
                resolve(text)
            except ActsearchError as error:
                raise ActsearchError(f"'{file}', line {number}: {error}") from None
            yield number, text


def _equations(text: str) -> list[str] | None:
    """Return the equations of a hall of fame, ``None`` where the text is none."""
    head = text.split("\n", 1)[0]
    delimiter = "|" if "|" in head else ","
    try:
        rows = list(csv.reader(io.StringIO(text), delimiter=delimiter))
    except csv.Error:
        return None
    names = [name.strip().lower() for name in rows[0]] if rows else []
    if len(names) < 2 or _EQUATION not in names:
        return None
    place = names.index(_EQUATION)
    return [row[place].strip() for row in rows[1:] if len(row) > place and row[place].strip()]


def _translated(source: Path, equation: str) -> str:
    """Return an equation of PySR as this package writes it."""
    names = dict.fromkeys(re.findall(r"\b[A-Za-z_]\w*\b(?!\s*\()", equation))
    variables = [name for name in names if re.fullmatch(r"x\d*", name)] or list(names)
    if len(variables) > 1:
        raise ActsearchError(
            f"'{source}' has the equation '{equation[:60]}' of {len(variables)} variables "
            f"({', '.join(variables)}); an activation has one"
        )
    for name in variables:
        equation = re.sub(rf"\b{re.escape(name)}\b", "x", equation)
    for theirs, ours in _SPELLINGS.items():
        equation = re.sub(rf"\b{theirs}(?=\s*\()", ours, equation)
    return equation


def _trainable(source: Path, texts: list[str]) -> Found:
    """Return the formulas that can be trained; of a hall of fame and of a run the others are no mistake."""
    kept: list[str] = []
    passed: list[str] = []
    for text in dict.fromkeys(texts):
        try:
            reason = assess(parse(text)).rejection
        except ActsearchError as error:
            reason = str(error)
        (passed if reason else kept).append(f"{text}: {reason}" if reason else text)
    if not kept:
        why = passed[-1] if passed else "it has no formula"
        raise ActsearchError(f"nothing in '{source}' can be trained ({why})")
    return Found(tuple(kept), tuple(passed))
