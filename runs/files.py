"""Files that are written whole or not at all, whatever happens meanwhile."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from primitives.errors import ActsearchError


def put(file: Path, content: bytes) -> None:
    """Write a file as :func:`write_whole` does.

    Raises:
        ActsearchError: it cannot be written.
    """
    try:
        write_whole(file, content)
    except OSError as error:
        reason = error.strerror or error
        raise ActsearchError(f"cannot write '{file}': {reason}; choose a writable place with room") from error


def write_whole(file: Path, content: bytes) -> None:
    """Write a file, or replace one, with the permissions that it had; a full disk leaves the old one or none.

    What is no ordinary file, such as ``/dev/stdout``, is written to as it is.

    Raises:
        OSError: it cannot be written.
    """
    target = file.resolve()
    if target.exists() and not target.is_file():
        target.write_bytes(content)
        return
    mode = target.stat().st_mode & 0o777 if target.exists() else 0o644
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:200]}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        os.chmod(name, mode)
        os.replace(name, target)
    except BaseException:
        os.unlink(name)
        raise
