"""What code this machine has run before: a run folder from elsewhere never gets its code run unasked."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from evaluators.training.user_code.place import Place
from evaluators.training.user_code.sources import Source, fingerprint_of
from primitives.errors import ActsearchError

VARIABLE = "XDG_STATE_HOME"


def known_file() -> Path:
    """Return the file with a hash a line of the code that was launched or trusted here."""
    return Path(os.environ.get(VARIABLE) or Path.home() / ".local" / "state") / "actsearch" / "known_code.txt"


def remember(codes: Iterable[tuple[str, str]]) -> None:
    """Count code as known on this machine: the user named it, or said ``--trust``.

    Args:
        codes: fingerprints and labels.
    """
    known = _known()
    new = [(fingerprint, label) for fingerprint, label in codes if fingerprint not in known]
    if not new:
        return
    file = known_file()
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("a", encoding="utf-8") as stream:
            stream.writelines(f"{fingerprint} {label.split(chr(10))[0]}\n" for fingerprint, label in new)
    except OSError as error:
        print(f"note: '{file}' cannot be written ({error.strerror}), so resume will ask for --trust", file=sys.stderr)


def allow(place: Place, sources: Sequence[Source], label: str, trusted: bool) -> None:
    """Let code that a run names be imported if the user trusts it, which is remembered, or if it ran here before.

    Args:
        place: where it lies.
        sources: what it says.
        label: what the run calls it.
        trusted: whether the user named it, or said ``--trust``.

    Raises:
        ActsearchError: neither is so.
    """
    fingerprint = fingerprint_of(sources)
    if trusted:
        remember([(fingerprint, label)])
    elif fingerprint not in _known():
        raise ActsearchError(
            f"the run needs the code '{label}' ({place.where}), which never ran on this machine; read it, it would run "
            "with your rights, and then add --trust"
        )


def _known() -> set[str]:
    try:
        return {line.partition(" ")[0] for line in known_file().read_text(encoding="utf-8").splitlines()}
    except (OSError, UnicodeDecodeError):
        return set()
