"""What code writes otherwise than formulas do: modules that are made and called, methods, names within names."""

from __future__ import annotations

import re

from primitives.names import CONSTANTS, is_parameter
from primitives.reading.words import CAPITALS, NAMESPACES, known

_MADE = re.compile(
    r"\b((?:[A-Za-z_]\w*\.)*[A-Z]\w+)\(([^()]*)\)\s*(\((?:[^()]|\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\))*)\)"
)
"""A module that is made and called at once."""
_SETTINGS = re.compile(r"\s*(?:\w+\s*=\s*)?[-+]?[\d.eE]*(?:'\w+'|\w+)?\s*")
_DROPPED = re.compile(
    r",?\s*\binplace\s*=\s*(?:True|False)|,\s*threshold\s*=\s*20(?:\.0*)?(?=\s*[,)])|\bself\.|^\s*return\b"
    r"|^\s*(?:(?:const|let|var)\s+)?\w+\s*=\s*(?=lambda\b|\(?\s*\w+\s*\)?\s*=>)"
)
"""What says nothing of the function."""
_NORMAL = re.compile(r"\b(?:scipy\.)?(?:stats\.)?norm\.(cdf|pdf)\b")
_APPROXIMATE = {r"(['\"])tanh\1|True": "1", r"(['\"])none\1|False": "0"}
_DOTTED = re.compile(r"(?<![\w.])([A-Za-z]\w*)((?:\.[A-Za-z_]\w*)+)(?=\s*\()")


def of_code(text: str) -> str:
    """Return a formula with modules and methods as functions, ``nn.ELU(0.5)(x)`` as ``nn.ELU(x, 0.5)``."""
    text = _NORMAL.sub(r"norm\1", _DROPPED.sub("", text))
    for written, number in _APPROXIMATE.items():
        text = re.sub(rf"\bapproximate\s*=\s*(?:{written})", f"approximate={number}", text)
    while (called := _MADE.sub(_called, text)) != text:
        text = called
    return _DOTTED.sub(_methods, text)


def _called(made: re.Match[str]) -> str:
    settings = [each for each in made[2].split(",") if each.strip()]
    last = made[1].rpartition(".")[2]
    if (
        last in CAPITALS
        or not known(made[1])
        or not all(_SETTINGS.fullmatch(each) and each.strip() != "x" for each in settings)
    ):
        return made[0]
    return f"{made[1]}{made[3]}{''.join(f', {each.strip()}' for each in settings)})"


def _methods(found: re.Match[str]) -> str:
    """Return ``x .tanh`` of ``x.tanh``, so that what stands before the dot is read for itself."""
    return found[0] if found[1] in NAMESPACES else found[1] + found[2].replace(".", " .")


def parted(text: str, unknown: str) -> tuple[str, tuple[str, ...]]:
    """Return plain words with products with the unknown taken apart, ``ax`` and ``xtanh(x)``, and notes on them."""
    notes: list[str] = []

    def each(found: re.Match[str]) -> str:
        word = found[0]
        if known(word) or word in CONSTANTS or is_parameter(word):
            return word
        if len(word) == 2 and unknown in word and all(c in (unknown, "e") or is_parameter(c) for c in word):
            notes.append(f"'{word}' is read as {word[0]}*{word[1]}")
            return f"{word[0]} {word[1]}"
        if (numbered := re.fullmatch(rf"([A-Za-z]+_?\d{{1,2}}){unknown}", word)) and is_parameter(indexed(numbered[1])):
            return f"{indexed(numbered[1])} {unknown}"
        if word.endswith(unknown) and known(word[: -len(unknown)]):
            return f"{word[: -len(unknown)]} {unknown}"
        if word.startswith(unknown) and known(word[len(unknown) :]) and re.match(r"\s*[\^(\[{]", text[found.end() :]):
            return f"{unknown} {word[len(unknown) :]}"
        return word

    return re.sub(r"(?<![\w.§¶\\])[A-Za-z]\w*(?![\w.])", each, text), tuple(notes)


def indexed(word: str) -> str:
    """Return a letter's name with a bar before its number, ``a_1`` of ``a1``."""
    return re.sub(r"^([A-Za-z]+?)(\d{1,2})$", r"\1_\2", word)
