"""LaTeX's environments by cases as a call: rows of a value and a condition."""

from __future__ import annotations

import re

from primitives.errors import ExpressionError

_CASES = re.compile(
    r"(?:\\left\s*)?(?:\\\{|\\lbrace)?\s*\\begin\s*\{([dr]?cases\*?|array)\}(?:\s*\{(?:[^{}]|\{[^{}]*\})*\})?((?:(?!\\begin).)*?)"
    r"\\end\s*\{\1\}(?:\s*\\right\s*\.)?",
    re.DOTALL,
)
_ROW = re.compile(r"\\\\(?:\[[^\]]*\])?|\\cr(?![a-zA-Z])")
_WORDS = re.compile(r"\\(?:text(?:rm|it|normal)?|math(?:rm|it)|mbox)\s*\{([^{}]*)\}")
_IF = re.compile(r"\b(?:if|for|when|where|all|and)\b")
_OTHERWISE = re.compile(
    r"^(?:\\quad|\s|[,.;:])*(?:otherwise|elsewhere|else|o\.?\s*w|in all other cases|True)?[\s,.;:]*$", re.IGNORECASE
)
_LAST_COMMA = re.compile(r",(?=[^,]*(?:[<>=≤≥≠]|\\(?:l|g|n)e|\\in\b|∈)[^,]*(?:,[^,]*[\])])?\s*$)")
_WITHIN = re.compile(
    r"^(.+?)\s*(?:\\in(?![a-zA-Z])|∈)\s*(?:\\left)?\s*([\[(\]])\s*([^,;]+)[,;]\s*([^\[\]()]+?)\s*(?:\\right)?\s*([\])\[])\s*$"
)
_INFINITE = re.compile(r"[-+]?\s*(?:\\infty|∞|infty|inf)")


def with_rows(text: str) -> str:
    """Return LaTeX with each environment by cases as ``Piecewise((value, condition), ...)``, innermost first.

    Raises:
        ExpressionError: a condition is none.
    """
    while (cases := _CASES.sub(_as_call, text)) != text:
        text = cases
    return text


def _as_call(found: re.Match[str]) -> str:
    rows = [row for row in _ROW.split(found[2]) if row.strip()]
    return f" Piecewise({', '.join(map(_row, rows))}) "


def _row(row: str) -> str:
    plain_row = re.sub(r"\\q?quad(?![a-zA-Z])", " ", _WORDS.sub(lambda words: f" {words[1]} ", row))
    value, mark, condition = plain_row.partition("&")
    if not mark:
        marked = re.sub(r",?\s*\b(if|for|when|otherwise|else)\b", r"& \1", plain_row, count=1)
        marked = marked if "&" in marked else _LAST_COMMA.sub("&", plain_row, count=1)
        value, _, condition = marked.partition("&")
    return f"({value.strip(' ,.;')}, {_condition(condition)})"


def _condition(text: str) -> str:
    text = text.replace("&", " ")
    text = re.sub(r"\band\b", r"\\land ", re.sub(r"\bor\b", r"\\lor ", text))
    text = _IF.sub(" ", text).strip(" ,.;:")
    if _OTHERWISE.match(text):
        return "1 > 0"
    if within := _WITHIN.match(text):
        return _interval(*within.groups())
    if not re.search(r"[<>=≤≥≠]|\\(?:l|g|n)", text):
        raise ExpressionError(f"'{' '.join(text.split())}' is no condition; write one such as x > 0, or otherwise")
    text = re.sub(r",(?=[^,()]*[<>])", r"\\land ", text)
    return re.sub("(?<![<>=!:])=(?!=)", "==", text)


def _interval(what: str, opens: str, low: str, high: str, closes: str) -> str:
    """Return ``what`` in an interval as comparisons."""
    sides = []
    if not _INFINITE.fullmatch(low.strip()):
        sides.append(f"{what} {'>=' if opens == '[' else '>'} {low}")
    if not _INFINITE.fullmatch(high.strip()):
        sides.append(f"{what} {'<=' if closes == ']' else '<'} {high}")
    return r" \land ".join(sides) or "1 > 0"
