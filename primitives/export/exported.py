"""What every dialect is given: an expression with its names, and the words that go with it."""

from __future__ import annotations

import builtins
import keyword
import math
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from primitives.emit import WIDTH
from primitives.errors import ActsearchError
from primitives.expression import Expression

_TAKEN = {"F", "GAIN", "ActivationFunction", "ForwardModeFunction", "EagerFunction", "NAME"}
_LONGEST_NAME = 40


@dataclass(frozen=True)
class Provenance:
    """Where an exported activation comes from, as lines for its docstring."""

    lines: tuple[str, ...] = ()


NOWHERE = Provenance()


@dataclass(frozen=True)
class Exported:
    """What to write.

    Attributes:
        expression: the activation.
        name: class name, where the dialect has a class.
        gain: initialisation factor to write beside it.
        provenance: lines for the docstring.
        module: what the file will be importable as; the class name in lower case when ``None``.

    Raises:
        ActsearchError: an impossible name, or a gain that is not finite.
    """

    expression: Expression
    name: str = "Activation"
    gain: float = 1.0
    provenance: Provenance = NOWHERE
    module: str | None = None

    def __post_init__(self) -> None:
        class_name(self.name)
        if not math.isfinite(self.gain):
            raise ActsearchError(f"the gain {self.gain} is not a finite number")

    @property
    def importable(self) -> str:
        """What the file can be imported as."""
        module = self.module or self.name.lower()
        fits = all(part.isidentifier() and not keyword.iskeyword(part) for part in module.split("."))
        return module if fits else self.name.lower()

    @property
    def story(self) -> list[str]:
        """Title, LaTeX, parameters and provenance as lines of a docstring."""
        return _story(self.expression, self.provenance)


def class_name(text: str) -> str:
    """Return a valid Python class name.

    Raises:
        ActsearchError: it is no identifier, is all lower case, is longer than 40 characters,
            or is a name that the file uses.
    """
    taken = text in _TAKEN or hasattr(builtins, text)
    lower = text.lower() == text
    if not (text.isidentifier() and text.isascii()) or keyword.iskeyword(text) or lower or taken:
        reason = "the file uses that name itself" if taken else "it is no CamelCase name of letters and digits"
        raise ActsearchError(f"'{text}' cannot be the class name: {reason}; use one such as 'MyAct'")
    if len(text) > _LONGEST_NAME:
        raise ActsearchError(f"'{text}' cannot be the class name: it is longer than {_LONGEST_NAME} characters")
    return text


def docstring(lines: Sequence[str]) -> str:
    """Return a module's docstring, a raw one where that keeps LaTeX readable."""
    text = "\n".join(lines).rstrip()
    prefix, ending = "r" if "\\" in text else "", "\n" if "\n" in text else ""
    return f'{prefix}"""{text}{ending}"""'


def _story(expression: Expression, provenance: Provenance) -> list[str]:
    """Return title, LaTeX, parameters and provenance as lines of a docstring."""
    lines = [*_wrapped(f"f(x) = {expression.formula}"), "", *_wrapped(f"LaTeX: ${expression.latex}$"), ""]
    if expression.parameters:
        values = ", ".join(f"{n} (initially {v:g})" for n, v in expression.initial)
        pronoun = "it" if len(expression.parameters) == 1 else "them"
        lines += [*_wrapped(f"Learnable: {values}; keep {pronoun} out of weight decay."), ""]
    printable = ["".join(c for c in line if c.isprintable() or c.isspace()) for line in provenance.lines]
    safe = [line.replace("\\", "/").replace('"""', "'''") for line in printable]
    return lines + [part for line in safe or ["Written by actsearch."] for part in _wrapped(line)]


def _wrapped(line: str) -> list[str]:
    return textwrap.wrap(line, WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
