"""Who runs a campaign, as its run file says."""

from __future__ import annotations

import os
import re
import socket


def owner() -> str:
    """Return what a run file says of this process."""
    return f"pid {os.getpid()} on {socket.gethostname()}"


def is_running(named: str) -> bool:
    """Tell whether the process that a run file names is there; of another machine nobody can tell, and it counts as so.

    Args:
        named: of :func:`owner`; a text that is none of ours names nobody.
    """
    found = re.fullmatch(r"pid (\d{1,9}) on (.+)", named)
    if found is None:
        return False
    if found[2] != socket.gethostname():
        return True
    try:
        os.kill(int(found[1]), 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True
