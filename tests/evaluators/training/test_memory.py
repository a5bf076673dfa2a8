"""What a process may use of its machine."""

from __future__ import annotations

import os

import pytest

from evaluators.training.cohort import size
from evaluators.training.memory import memory, processors
from evaluators.training.pieces import pick_device

WHOLE = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def machine(root, groups, limits):
    """Lay the files by which Linux tells control groups and their limits."""
    files = {"proc/self/cgroup": groups, **{f"sys/fs/cgroup/{path}": text for path, text in limits.items()}}
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text + "\n")
    return root


@pytest.mark.parametrize(
    ("groups", "limits", "wanted"),
    [
        ("0::/", {}, WHOLE),
        ("0::/", {"memory.max": "max"}, WHOLE),
        ("0::/", {"memory.max": "1000000"}, 1_000_000),
        ("0::/a/b", {"a/b/memory.max": "max", "a/memory.max": "5000", "memory.max": "9000"}, 5000),
        ("0::/of/the/host", {"memory.max": "7000"}, 7000),
        ("4:memory:/docker/1\n0::/", {"memory/docker/1/memory.limit_in_bytes": "6000"}, 6000),
        ("4:cpu,memory:/x", {"memory/memory.limit_in_bytes": "4000"}, 4000),
        ("4:memory:/", {"memory/memory.limit_in_bytes": str(2**63 - 4096)}, WHOLE),
        ("0::/../above", {"memory.max": "8000"}, 8000),
        ("nothing of ours", {"memory.max": "3"}, WHOLE),
    ],
)
def test_the_narrowest_limit_of_the_groups_around_a_process_counts(tmp_path, groups, limits, wanted):
    assert memory(machine(tmp_path, groups, limits)) == wanted


def test_where_nothing_is_told_it_is_the_memory_of_the_machine(tmp_path):
    assert memory(tmp_path) == WHOLE
    assert 1 <= processors() <= (os.cpu_count() or 1)


def test_a_stack_takes_its_share_of_what_a_container_allows(monkeypatch):
    monkeypatch.setattr(size, "memory", lambda: 1000)
    monkeypatch.setattr(size, "processors", lambda: 4)
    assert size._budget(pick_device("cpu")) == 125
