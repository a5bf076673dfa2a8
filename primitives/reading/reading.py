"""A formula as people write it, read: the expression, and what is said back of it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sympy import Function

from primitives.errors import ExpressionError, nearest
from primitives.expression import Expression, X
from primitives.names import is_parameter, parameter_name
from primitives.parser import MAX_LENGTH, parse
from primitives.reading.code import parted
from primitives.reading.letters import plain
from primitives.reading.rewriting import Found, rewritten, variable
from primitives.reading.statement import by_cases, stated
from primitives.reading.words import ELSEWHERE, known, no_function, said_of
from primitives.references import ALIASES, library_names, reference
from primitives.table import all_primitives, synonyms

_CALL = re.compile(r"^\s*[^\s=(\[{]+\s*[(\[{][^=]*=")
_CALLED = re.compile(r"[\w.]+(?:\(.{0,3}\))?")
_MODULE = re.compile(r"(?:torch\.)?nn\.[A-Z]\w*\([^()]*\)")
_MARKS = re.compile(r"\\(?:begin|end)\b|\\[{};]|[()\[\]{};]")
_VALUED = re.compile(r"\s*\w+\s*=")
_OPENS = re.compile(r"\s*[({\[]")
_WORD = re.compile(r"[A-Za-z_][A-Za-z_0-9.]*")
_ASSIGNED = re.compile(r"^\s*([^=]*?)\s*=\s*(.*?)\s*$")


@dataclass(frozen=True)
class Reading:
    """What a text means.

    Attributes:
        expression: the function.
        notes: sentences on what could mean something else, or is known under another name.
    """

    expression: Expression
    notes: tuple[str, ...] = ()


def read(text: str) -> Reading:
    r"""Read a formula as a person or a paper writes it: infix, LaTeX, Unicode, or the code of a library.

    Args:
        text: such as ``2x tanh(x)``, ``f(x) = [x]_+``, ``\frac{x}{1+e^{-\beta x}}``, ``x*hardswish(x)`` or
            ``lambda x: torch.relu(x)**2``, then ``; name=value`` for initial values of parameters, which are 1 without.

    Raises:
        ExpressionError: it is none, in one sentence; nothing is ever evaluated.

    Example:
        >>> str(read("2x tanh(x)").expression)
        '2*x*tanh(x)'
    """
    try:
        expression = parse(text)
    except ExpressionError:
        if len(text) > MAX_LENGTH or not text.split(";", maxsplit=1)[0].strip():
            raise
        return _rewritten(text)
    if X in expression.body.free_symbols or variable(text, None, {}) == "x" or ";" in text:
        return Reading(expression, (*_said(text), *_became(text, expression)))
    return _rewritten(text)


def _said(text: str) -> tuple[str, ...]:
    called = (word[0] for word in _WORD.finditer(text) if _OPENS.match(text, word.end()))
    return tuple(dict.fromkeys(filter(None, map(said_of, called))))


_SAFE = (
    "softplus",
    "sigmoid",
    "tanh",
    "silu",
    "gelu",
    "mish",
    "elu",
    "logsigmoid",
    "logcosh",
    "sech",
    "erfc",
    "cloglog",
    "sinc",
)


def _became(text: str, expression: Expression) -> tuple[str, ...]:
    """Return what is said where a spelling became a function with safer kernels."""
    made = {str(node.func) for node in expression.body.atoms(Function)}
    if not any(name in made and name not in text.lower() for name in _SAFE) or _CALLED.fullmatch(text.strip()):
        return ()
    read_as = str(expression.body)
    return (f"this is {read_as}, and computed as that",) if len(read_as) <= 60 else ()


def _rewritten(text: str) -> Reading:
    text = by_cases(text) if "\\begin" not in text else text
    head, *behind = _parts(text)
    defined = [part for part in behind if _CALL.match(part)]
    stands = stated(plain(", ".join([head, *defined])))
    given = stands.unknown
    unknown = variable(stands.formula, given, stands.own)
    formula, products = parted(stands.formula, unknown)
    found = Found(unknown, frozenset(_WORD.findall(formula)), own=stands.own)
    for note in (*stands.notes, *products):
        found.say(note)
    body = rewritten(formula, found)
    assigned = dict(_assigned(part) for part in behind if part.strip() and part not in defined)
    values = {**found.initial, **{parameter_name(name): value for name, value in stands.values.items()}, **assigned}
    if found.variable != "x" and given is None:
        found.say(f"'{found.variable}' is read as x")
    expression = parse(body + "".join(f"; {name}={value}" for name, value in values.items()))
    return Reading(expression, (*found.notes, *_became(text, expression)))


def _parts(text: str) -> list[str]:
    """Return a text split where a semicolon stands in no brackets and in no environment of LaTeX."""
    parts, depth, start = [], 0, 0
    for mark in _MARKS.finditer(text):
        depth += (mark[0] in ("(", "[", "{", r"\begin")) - (mark[0] in (")", "]", "}", r"\end"))
        if depth <= 0 and (mark[0] == ";" or (mark[0] == r"\;" and _VALUED.match(text, mark.end()))):
            parts.append(text[start : mark.start()])
            start = mark.end()
    return [*parts, text[start:]]


def _assigned(text: str) -> tuple[str, str]:
    match = _ASSIGNED.match(plain(text))
    if match is None:
        return text.strip(), ""
    name = match[1].strip()
    return (parameter_name(name) if is_parameter(name) else name), match[2]


def resolve(text: str) -> Expression:
    """Return the expression that a user means: a library name, a primitive's name for that of ``x``, or a formula.

    Raises:
        ExpressionError: none of these; a lone word gets the nearest name.
    """
    return understood(text).expression


def understood(text: str) -> Reading:
    """Return what a user means, see :func:`resolve`, with what is said back of it.

    Raises:
        ExpressionError: the same.
    """
    folded = text.strip().lower().replace("-", "_")
    folded = ALIASES.get(folded, folded)
    if folded in library_names():
        return Reading(reference(folded).expression)
    if called := _called(folded):
        return Reading(parse(called))
    if _MODULE.fullmatch(text.strip()) or (_CALLED.fullmatch(text.strip()) and known(text.strip())):
        return read(f"{text.strip()}(x)")
    try:
        return read(text)
    except ExpressionError as error:
        if reason := no_function(text.strip()):
            raise ExpressionError(reason) from None
        if text.strip().isidentifier() and "if a product is meant" not in str(error):
            hint = (
                nearest(folded, [*library_names(), *ALIASES, *(each.name for each in all_primitives())])
                or "; 'actsearch library' lists the names"
            )
            raise ExpressionError(f"'{text.strip()}' is neither a known activation nor a formula{hint}") from None
        raise


def _called(word: str) -> str | None:
    """Return ``sin(x)`` of ``sin``, ``None`` of what names no primitive.

    Raises:
        ExpressionError: the primitive takes two functions.
    """
    arities = {each.name: each.arity for each in all_primitives()}
    if (name := synonyms().get(word, word)) not in arities or word in ELSEWHERE:
        return None
    if arities[name] != 1:
        raise ExpressionError(f"primitive '{word}' takes two functions; write of which, as in 'max(x, tanh(x))'")
    return f"{name}(x)"
