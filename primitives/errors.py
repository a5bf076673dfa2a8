"""The one kind of error that a user's own input may cause, and the hint that goes with it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ActsearchError(Exception):
    """A user's mistake, told in one sentence: what is wrong, why, and how to mend it.

    The command line prints the message and leaves with exit code 2. Anything else that
    escapes is a fault of ours.
    """


class ExpressionError(ActsearchError):
    """An expression text that cannot be read; the message names the token and its position."""


class PrimitiveError(ActsearchError):
    """A primitive that cannot be registered, or a name that is not one."""


class UnknownName(ActsearchError, KeyError):
    """A name that a registry does not have; a :class:`KeyError` too, as of any mapping."""

    def __str__(self) -> str:
        """Return the sentence as it is, which a plain :class:`KeyError` would quote."""
        return str(self.args[0])


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'relu'?"`` for the closest known name, or an empty string.

    >>> nearest("rleu", ["relu", "gelu"])
    "; did you mean 'relu'?"
    """
    by_folded = {str(option).lower(): str(option) for option in known}
    matches = difflib.get_close_matches(name.lower(), by_folded, n=1, cutoff=0.5)
    return f"; did you mean '{by_folded[matches[0]]}'?" if matches else ""


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """Return the sentence for a name that is not there, with the nearest one or the whole list."""
    options = [str(option) for option in known]
    hint = nearest(name, options)
    if not hint:
        shown = ", ".join(options[:20])
        hint = f"; known: {shown}" if shown else ""
    return f"unknown {kind} '{name}'{hint}"
