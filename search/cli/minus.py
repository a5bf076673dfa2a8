"""A formula that begins with a minus is no option."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

_OPTION = re.compile(r"-[A-Za-z]|-[A-Za-z]=.*", re.DOTALL)


def told_from_options(arguments: Sequence[str], options: Collection[str]) -> list[str]:
    """Return arguments such that a formula with a minus before it, as ``-x*tanh(x)``, is taken for no option.

    Args:
        arguments: as they were typed.
        options: the names of the command's own, as ``-o`` and ``--output``.
    """
    short = {option for option in options if not option.startswith("--")}

    def is_formula(text: str) -> bool:
        if not text.startswith("-") or text.startswith("--") or text[:2] in short or len(text) < 2:
            return False
        return _OPTION.fullmatch(text) is None or text[1:] in ("x", "X")

    return [f" {text}" if is_formula(text) else text for text in arguments]
