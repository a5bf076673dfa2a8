"""What this process may use of its machine: the memory, or less where a container limits it, and the processors."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath


def processors() -> int:
    """Return how many processors this process may use, by affinity and a container's quota."""
    import joblib

    count: int = joblib.cpu_count()
    return max(1, count)


def memory(root: Path = Path("/")) -> int:
    """Return the bytes of memory that this process may use.

    Args:
        root: of the file system, where Linux tells the limits of control groups in ``proc`` and ``sys``.
    """
    return min([os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), *_limits(root)])


def _limits(root: Path) -> Iterator[int]:
    """Yield the limits of the control groups, of both versions, that this process is in."""
    try:
        lines = (root / "proc/self/cgroup").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return
    for line in lines:
        _, found, rest = line.partition(":")
        controllers, divided, path = rest.partition(":")
        if not (found and divided):
            continue
        if not controllers:
            yield from _up(root / "sys/fs/cgroup", path, "memory.max")
        elif "memory" in controllers.split(","):
            yield from _up(root / "sys/fs/cgroup/memory", path, "memory.limit_in_bytes")


def _up(mounted: Path, path: str, name: str) -> Iterator[int]:
    """Yield the limits of a group and of those around it; in a container only the outermost may be to be seen."""
    group = PurePosixPath(path.lstrip("/"))
    for each in (group, *group.parents):
        if ".." in each.parts:
            continue
        try:
            text = (mounted / each / name).read_text(encoding="ascii", errors="replace").strip()
        except OSError:
            continue
        if text.isdecimal():  # "max" is none
            yield int(text)
