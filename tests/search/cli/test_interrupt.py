"""What is said of what is saved when a campaign is stopped."""

from __future__ import annotations

import contextlib

import pytest
import typer

from search.cli.interrupt import Interruptible
from tests.runs.report.helpers import rich_run


@pytest.mark.parametrize(
    ("began", "there", "said"),
    [
        (True, True, "everything finished is saved: "),
        (False, False, "nothing was finished yet"),
        (True, False, "is no run now; name where it was moved to"),
    ],
)
def test_stopped_it_says_what_is_saved_also_where_the_folder_was_moved(tmp_path, capsys, began, there, said):
    run = rich_run(tmp_path / "run")
    if not there:
        run.rename(tmp_path / "elsewhere")
    guard = Interruptible("go on", run)
    with contextlib.suppress(typer.Exit), guard:
        if began:
            guard.check()
        raise KeyboardInterrupt
    assert said in capsys.readouterr().err
    assert run.exists() == there
