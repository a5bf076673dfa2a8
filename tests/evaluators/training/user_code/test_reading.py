from __future__ import annotations

import importlib.util
import os
import py_compile

import numpy as np
import torch

from evaluators.training.user_code.reading import reading


def within(read, folder):
    return [path.relative_to(folder).as_posix() for path in read if folder in path.parents]


def test_what_is_opened_for_reading_is_heard_whoever_opens_it_and_writing_is_not(tmp_path, monkeypatch):
    np.save(tmp_path / "a.npy", np.ones(2))
    torch.save(torch.ones(2), tmp_path / "b.pt")
    (tmp_path / "c.txt").write_text("1")
    monkeypatch.chdir(tmp_path)
    with reading() as read:
        np.load("a.npy")
        torch.load(tmp_path / "b.pt")
        os.close(os.open(b"c.txt", os.O_RDONLY))
        monkeypatch.chdir("/")
        (tmp_path / "d.txt").write_text("1")
        (tmp_path / "c.txt").open("a").close()
        (tmp_path / "c.txt").open("r+").close()
    assert within(read, tmp_path) == ["a.npy", "b.pt", "c.txt"]
    with reading() as later:
        pass
    (tmp_path / "c.txt").read_text()
    assert within(later, tmp_path) == []


def test_of_what_an_inner_one_hears_sources_and_small_files_are_heard_outside(tmp_path):
    (tmp_path / "a.txt").write_text("1" * (2**20 + 1))
    (tmp_path / "c.txt").write_text("1")
    (tmp_path / "b.py").write_text("")
    with reading() as outer:
        with reading() as inner:
            for name in ("a.txt", "b.py", "c.txt"):
                (tmp_path / name).read_text()
        (tmp_path / "a.txt").read_text()
    assert (within(inner, tmp_path), within(outer, tmp_path)) == (
        ["a.txt", "b.py", "c.txt"],
        ["b.py", "c.txt", "a.txt"],
    )


def test_a_compiled_module_is_its_source(tmp_path):
    (tmp_path / "a.py").write_text("x = 1")
    py_compile.compile(str(tmp_path / "a.py"))
    with reading() as read, open(importlib.util.cache_from_source(str(tmp_path / "a.py")), "rb"):
        pass
    assert within(read, tmp_path) == ["a.py"]
