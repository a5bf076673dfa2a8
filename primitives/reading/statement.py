"""What stands around a formula: its head, forms said to be equal, and the functions that are defined behind it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import final

from primitives.names import is_parameter

_ARGUMENT = r"[A-Za-z]\w*(?:\s*:[^,:=()]+)?(?:\s*=\s*[^,:()]+)?"
_WITHOUT_TYPE = r"[A-Za-z]\w*(?:\s*=\s*[^,:()]+)?"
_LAMBDA = re.compile(rf"^\s*lambda\s+({_WITHOUT_TYPE}(?:\s*,\s*{_WITHOUT_TYPE})*)\s*:(?!=)")
_FUNCTION = re.compile(
    rf"^\s*def\s+\w+\s*\((\s*{_ARGUMENT}(?:\s*,\s*{_ARGUMENT})*)\s*,?\s*\)\s*(?:->[^:]*)?:\s*return\b"
)
_ARROW = re.compile(r"^\s*(?:\w+\s*:)?\s*\(?\s*([A-Za-z]\w*)\s*\)?\s*(?:↦|[-=]>|mapsto\b)")
_HEAD = re.compile(r"^\s*(?!x\b)[A-Za-z][\w\s.-]*(?:\^\s*\S+?\s*)?(?:[(\[{]([\w\s,;⟨⟩|]*)[)\]}])?\s*$")
_EQUALS = re.compile(r"(?<![<>=!:]):?=(?!=)")
_DEFINED = re.compile(r"^\s*([A-Za-z]\w*)\s*(?:[(\[{]\s*([A-Za-z]\w*)\s*[)\]}])?\s*$")
_BEHIND = re.compile(r"(?:\b(?:where|with|and|let|for)\b(?!\s*\())")
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_VALUE = re.compile(rf"^\s*{_NUMBER}\s*$")
_WORD = re.compile(r"[A-Za-z]\w*")
_LET = re.compile(r"^\s*(?:[Ll]et|[Dd]efine|[Ww]here)\b(?!\s*\()")
_SENTENCE = re.compile(r"\.\s+(?=[A-Za-z]\w*\s*\([^()]*\)\s*=)")
_IN_BRACKETS = re.compile(rf"(?<=\s)[(\[]\s*([A-Za-z]\w*)\s*=\s*({_NUMBER})\s*[)\]]\s*$")
_ASIDE = re.compile(r"[<>≤≥≠∈]|!=|\b(?:is|are|being|denotes?)\b")
"""What says of a letter where it lies, or what it is called."""
_END = re.compile(r"(?:(?<!\d)\.|[,;])\s*$")


_WITH_WORD = re.compile(r"^(.+?)\s*,?\s*\b(?:if|for|when|where)\b\s*(.*[<>≤≥≠=].*)$", re.DOTALL)
_WITH_COMMA = re.compile(r"^(.+?),\s*([^,]*[<>≤≥≠].*)$", re.DOTALL)
_OTHERWISE = re.compile(r"^(.+?)\s*,?\s*\b(?:otherwise|elsewhere|else)\s*\.?\s*$", re.DOTALL)


def by_cases(text: str) -> str:
    """Return ``f(x) = {x, x > 0; 0, x <= 0`` or ``x for x > 0, 0.1x otherwise`` as one call of Piecewise.

    Args:
        text: as it was written; what is no such text is returned as it is.
    """
    equals = next(_equals(text), (0, 0)) if not _WITH_WORD.match(text.partition("=")[0]) else (0, 0)
    head, rest = text[: equals[1]], text[equals[1] :].strip()
    inside = rest[1:].removesuffix("}") if rest.startswith("{") and "}" not in rest[1:-1] else rest
    for marks in (partial(_places, ";"), partial(_places, ",")):
        rows = [row for row in _split(inside, marks) if row.strip()]
        values = [row for row in rows if _EQUALS.search(row) and not _WITH_WORD.match(row)]
        cases = [_case(row.strip()) for row in rows if row not in values]
        if len(cases) > 1 and all(cases):
            return f"{head} Piecewise({', '.join(map(str, cases))}){''.join(f';{value}' for value in values)}"
    return text


def _case(row: str) -> str | None:
    if match := _OTHERWISE.match(row):
        return f"({match[1]}, 1 > 0)"
    match = _WITH_WORD.match(row) or _WITH_COMMA.match(row)
    return f"({match[1]}, {match[2].strip(' .')})" if match and " else " not in row else None


@final
@dataclass(frozen=True)
class Definition:
    """A function that a text defines for itself.

    Attributes:
        argument: what its input is called there; ``None`` of a value, which is a function of the unknown.
        formula: plain words.
    """

    argument: str | None
    formula: str


@final
@dataclass(frozen=True)
class Statement:
    """A text in parts.

    Attributes:
        formula: what the function is, in plain words.
        unknown: what its input is called, where the text says so.
        own: the functions that it defines, by name.
        values: numbers that it gives to letters, by name.
        notes: what is said back.
    """

    formula: str
    unknown: str | None = None
    own: Mapping[str, Definition] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def stated(text: str) -> Statement:
    """Return the formula of a text such as ``f(z) = z g(z) = z tanh(z), g(z) = tanh(z)``, and what stands around it.

    Args:
        text: of :func:`primitives.reading.letters.plain`.
    """
    for form in (_FUNCTION, _LAMBDA):
        if match := form.match(text):
            return _of_code(match, text[match.end() :])
    if match := _ARROW.match(text):
        return Statement(text[match.end() :], match[1])
    text, values = _values_behind(_END.sub("", _LET.sub("", text)))
    first, *others = _split(_SENTENCE.sub(", ", text), _commas)
    defined, dropped = _sorted(others)
    if defined is None:
        first, defined, dropped = text, [], []
    first, defined = _last_in_use(first, defined)
    formula, unknown, notes = _main(first)
    own: dict[str, Definition] = {}
    for name, argument, body in defined:
        if argument is None and _VALUE.match(body):
            values[name] = body.strip()
        else:
            own[name] = Definition(argument, body)
    said = tuple(f"'{each.strip()}' is not kept" for each in dropped if _ASIDE.search(each))
    return Statement(formula, unknown, own, values, (*notes, *said))


_Named = tuple[str, str | None, str]
"""A name, what it calls its input, and what it is."""


def _values_behind(text: str) -> tuple[str, dict[str, str]]:
    """Return a text without numbers in brackets behind it, ``(beta = 1.702)``, and those."""
    values = {}
    while (match := _IN_BRACKETS.search(text)) and is_parameter(match[1]):
        values[match[1]] = match[2]
        text = text[: match.start()]
    return text, values


def _sorted(parts: list[str]) -> tuple[list[_Named] | None, list[str]]:
    """Return what parts behind a formula define, and those that only say where letters lie; ``None`` for others."""
    defined: list[_Named] = []
    dropped: list[str] = []
    for part in filter(str.strip, parts):
        sides = _split(part, _equals)
        match = _DEFINED.match(sides[0]) if len(sides) > 1 else None
        if match:
            defined.append((match[1], match[2], sides[-1]))
        elif _ASIDE.search(part) or _WORD.fullmatch(part.strip()):
            dropped.append(part)
        else:
            return None, []
    return (defined, dropped) if all(_ASIDE.search(each) for each in dropped[-1:]) else (None, [])


def _last_in_use(first: str, defined: list[_Named]) -> tuple[str, list[_Named]]:
    """Return the definition that no other one uses, where the first is used by another, and the others."""
    sides = _split(first, _equals)
    match = _DEFINED.match(sides[0]) if len(sides) > 1 else None
    if match is None or not any(_uses(body, match[1]) for _, _, body in defined):
        return first, defined
    every = [(match[1], match[2], sides[-1]), *defined]
    free = [each for each in every if not any(_uses(body, each[0]) for _, _, body in every)]
    if not free:
        return first, defined
    name, argument, body = free[-1]
    return (f"{name}({argument}) = {body}" if argument else body), [each for each in every if each[0] != name]


def _uses(body: str, name: str) -> bool:
    return re.search(rf"(?<![\w.]){name}(?!\w)", body) is not None


def _of_code(match: re.Match[str], formula: str) -> Statement:
    names, values = [], {}
    for argument in match[1].split(","):
        name, _, value = argument.partition("=")
        names.append(name.partition(":")[0].strip())
        if _VALUE.match(value):
            values[names[-1]] = value.strip()
    return Statement(
        formula, _unknown(names, formula), values={k: v for k, v in values.items() if k in _WORD.findall(formula)}
    )


def _main(text: str) -> tuple[str, str | None, tuple[str, ...]]:
    """Return the last of several equal forms, what the first one calls its input, and a note if there were others."""
    members = _split(text, _equals)
    if len(members) == 1:
        return text, None, ()
    head = _HEAD.match(members[0])
    unknown = _unknown(_WORD.findall(head[1]), members[-1]) if head and head[1] else None
    forms = members[1:] if head else members
    notes = (f"of forms that are equal the last one is read, '{members[-1].strip()}'",) if len(forms) > 1 else ()
    return members[-1], unknown, notes


def _unknown(names: list[str], formula: str) -> str | None:
    """Return which of a head's arguments is the input: x, else the first that the formula has."""
    there = _WORD.findall(formula)
    return next((name for name in ("x", *names) if name in names and name in there), None)


def _split(text: str, marks: Callable[[str], Iterator[tuple[int, int]]]) -> list[str]:
    """Return the parts of a text between marks that stand in no brackets."""
    parts, start = [], 0
    for begin, end in marks(text):
        parts.append(text[start:begin])
        start = end
    return [*parts, text[start:]]


def _equals(text: str) -> Iterator[tuple[int, int]]:
    depths = _depths(text)
    return ((found.start(), found.end()) for found in _EQUALS.finditer(text) if depths[found.start()] == 0)


def _commas(text: str) -> Iterator[tuple[int, int]]:
    depths = _depths(text)
    found = re.finditer(rf"\s*[,;]?\s*{_BEHIND.pattern}|[,;]", text)
    return ((each.start(), each.end()) for each in found if depths[each.start()] == 0)


def _places(mark: str, text: str) -> Iterator[tuple[int, int]]:
    depths = _depths(text)
    return ((at, at + 1) for at, character in enumerate(text) if character == mark and depths[at] == 0)


def _depths(text: str) -> list[int]:
    """Return how many brackets are open at each character."""
    depths, depth = [], 0
    for character in text:
        depth += character in "([{⟨"
        depths.append(depth)
        depth -= character in ")]}⟩"
    return depths
