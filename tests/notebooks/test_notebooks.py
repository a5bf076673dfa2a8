"""The example notebook, executed as a person would."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    notebook = nbformat.read(HERE / "campaign.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in notebook.cells), "outputs are stripped before a commit"
    folder = tmp_path_factory.mktemp("notebook")
    client = nbclient.NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(folder)}})
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    client.execute(env={**os.environ, "PYTHONPATH": paths})
    return notebook


def shown(notebook, kind):
    """Return what cells show of a MIME type, each beside the source of its cell."""
    outputs = [(cell.source, out) for cell in notebook.cells for out in cell.get("outputs", ())]
    return [(source, out["data"][kind]) for source, out in outputs if kind in out.get("data", {})]


def test_the_example_notebook_runs_and_shows_front_curve_and_pictures(executed):
    said = [out.text for cell in executed.cells for out in cell.get("outputs", ()) if out.output_type == "stream"]
    assert not any("Error" in text or "Traceback" in text for text in said)
    tables = dict(shown(executed, "text/html"))
    (run,) = [html for source, html in tables.items() if source.endswith("\nrun")]
    assert "<table>" in run
    assert "finished" in run
    assert "no evidence" in run
    (formula,) = [html for source, html in tables.items() if source == "run.expression(finalist)"]
    assert formula.count("<svg") == 1
    assert "$" in formula
    assert len(shown(executed, "image/png")) == 2
