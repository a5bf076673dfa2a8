"""Formulas as they are typed: read, with what they are taken for said first."""

from __future__ import annotations

from primitives import Expression
from primitives.reading.reading import understood
from search.cli.output import say


def typed(text: str) -> Expression:
    """Return what a typed formula or name means, after saying on standard error what could mean something else.

    Raises:
        ExpressionError: it is neither.
    """
    found = understood(text)
    for note in found.notes:
        say(f"note: {note}", stderr=True)
    return found.expression
