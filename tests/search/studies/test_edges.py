from __future__ import annotations

import re

import pytest

from search.studies import edges


def test_a_difference_at_an_edge_is_marked_and_agreement_is_not(monkeypatch):
    pytest.importorskip("jax")
    monkeypatch.setattr(edges, "export_bytes", lambda expression, target: expression)
    monkeypatch.setattr(edges, "_run_onnx", lambda content, x: x)
    known = {each.name: each for each in edges.KNOWN}
    found = list(edges.rows([known["hardtanh"], known["symlog"]]))
    cells = {tuple(row.split(" | ")[:2]): row.split(" | ") for row in found}
    torch, jax, ours = (cells["| hardtanh", "1"][place] for place in (2, 3, 5))
    assert (torch, jax, ours) == ("1; 0", "1; **1**", "1; 0")  # torch's slope at the corner is ours
    assert cells["| symlog", "0"][5] == "0; **1**"  # the limit, where torch's autograd of the textbook gives 0
    assert len(found) == 5 + 2 + 5


def test_the_committed_table_has_every_activation_at_every_point_and_the_versions():
    text = edges.FILE.read_text()
    assert len(edges.KNOWN) == 40
    assert len(re.findall(r"^\| \w+ \| ", text, re.MULTILINE)) == 1 + sum(len(edges.points(k)) for k in edges.KNOWN)
    assert all(re.search(rf"{package} \d+\.\d+", text) for package in edges.PACKAGES)
