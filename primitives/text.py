"""Text that somebody else wrote, before a terminal sees it."""

from __future__ import annotations

_KEPT = "\n"


def printable(text: str) -> str:
    r"""Return a text without what a terminal or a reader's eye would act on: a blank for each such character.

    Those are control characters, escapes, and characters that turn the direction of writing.

    >>> printable("re\x1b[31mlu")
    're [31mlu'
    """
    return "".join(character if character.isprintable() else " " for character in text)


def printable_lines(text: str) -> str:
    """Return :func:`printable` of each line."""
    return text if text.isprintable() else _KEPT.join(printable(line) for line in text.split(_KEPT))


def shortened(text: str, most: int = 1_000) -> str:
    """Return a text of so many characters at most; what is left out of a longer one is its middle.

    >>> shortened("abcdefghijkl", 9)
    'abcdef…kl'
    """
    end = most // 4
    return text if len(text) <= most else f"{text[: most - end - 1]}…{text[-end:]}"
