"""``report`` as it is typed, and the report that a campaign leaves."""

from __future__ import annotations

import html
import json
import re
import shlex
import subprocess
import sys
import time

import pytest

from runs import folder
from runs.report.page import RELOAD
from search.cli.commands import report as command
from tests.runs.report.helpers import rich_run
from tests.search.cli.test_cli import invoke

RELOADS = f'data-reload="{RELOAD}"'


def test_it_writes_into_the_run_folder_or_where_it_is_told(tmp_path):
    run = rich_run(tmp_path / "run")
    code, out, _ = invoke("report", run)
    assert (code, out.strip()) == (0, f"report: {run}/report.html")
    own = tmp_path / "own.html"
    assert invoke("report", run, "-o", own)[0] == 0
    assert own.stat().st_size == pytest.approx((run / "report.html").stat().st_size, rel=1e-3)


def test_mistakes_are_told_in_a_sentence(tmp_path):
    run = rich_run(tmp_path / "run")
    code, _, error = invoke("report", tmp_path / "rum")
    assert code == 2
    assert "did you mean" in error
    assert not (tmp_path / "rum").exists()
    code, _, error = invoke("report", run, "-o", tmp_path / "no" / "report.html")
    assert code == 2
    assert "choose a writable place with -o" in error


def test_followed_it_is_written_anew_until_nobody_runs_the_campaign(tmp_path, monkeypatch):
    """The campaign is a process that owns the run, trains nothing, and then finishes."""
    monkeypatch.setattr(command, "_EVERY", 0.2)
    run = rich_run(tmp_path / "run", "searching")
    code = (
        "import fcntl, sqlite3, sys; from pathlib import Path\n"
        "lock = open(Path(sys.argv[1], 'lock'), 'w')\n"
        "fcntl.flock(lock, fcntl.LOCK_EX)\n"
        "print('owned', flush=True)\n"
        "sys.stdin.readline()\n"
        "with sqlite3.connect(Path(sys.argv[1], 'run.sqlite')) as db:\n"
        "    db.execute(\"UPDATE meta SET value = 'finished' WHERE key = 'state'\")\n"
    )
    command_line = [sys.executable, "-c", code, str(run)]
    owner = subprocess.Popen(command_line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert owner.stdout.readline() == "owned\n"
    seen = []

    def sleep(seconds):
        """Look at the page as a reader does while the command waits, and let the campaign finish."""
        seen.append(RELOADS in (run / "report.html").read_text(encoding="utf-8"))
        if len(seen) == 2:
            owner.communicate("go\n")

    monkeypatch.setattr(time, "sleep", sleep)
    assert invoke("report", run, "--follow")[0] == 0
    assert seen == [True, True]
    assert RELOADS not in (run / "report.html").read_text(encoding="utf-8")


def test_a_run_whose_process_was_killed_is_not_followed_for_ever_and_its_page_stays(tmp_path):
    run = rich_run(tmp_path / "run", "searching")
    assert invoke("report", run, "--follow")[0] == 0
    text = (run / "report.html").read_text(encoding="utf-8")
    assert RELOADS not in text
    assert "Nobody runs the campaign now" in text


def test_a_campaign_leaves_its_report_and_its_measured_costs_and_says_where(tmp_path, monkeypatch):
    from evaluators.instruments import timing
    from evaluators.instruments.timing import Spread, Timing

    ratio = Spread(2.0, 1.9, 2.3, 1.8)
    monkeypatch.setattr(
        timing,
        "measure_cost",
        lambda expressions, device: [
            Timing(str(e), m, ratio, ratio, ratio, 4.0) for m in ("compiled", "eager") for e in expressions
        ],
    )
    config = tmp_path / "measured.toml"
    config.write_text("[fidelity]\nsteps = 4\nrungs = []\n[confirm]\nmeasure = true\nsteps = 4\n")
    code, out, error = invoke("launch", config, "--preset", "smoke", "--trainings", 1, "--run", tmp_path / "run", "-q")
    assert code == 0, error
    file = tmp_path / "run" / "report.html"
    assert f"report: {file}" in out
    text = file.read_text(encoding="utf-8")
    assert RELOADS not in text
    assert "2.00 ±0.20" in text
    with folder.reading(tmp_path / "run") as store:
        assert json.loads(store.meta("costs"))["rows"][0]["eager_to_relu"] == 2.0
    code, out, error = invoke("confirm", tmp_path / "run", "--baseline", "logsigmoid", "--executor", "serial", "-q")
    assert (code, out.splitlines()[-1]) == (0, f"report: {file}"), error
    assert "logsigmoid" not in text
    assert "logsigmoid" in file.read_text(encoding="utf-8")
    own = file
    own.write_text("mine")
    code, out, error = invoke("resume", tmp_path / "run", "-q")
    assert (code, own.read_text()) == (0, "mine")
    assert "there is no report: " in error


@pytest.mark.slow
def test_what_the_page_says_of_making_a_run_again_makes_it_again(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert invoke("launch", "--preset", "smoke", "--run", "first", "-q")[0] == 0
    text = html.unescape((tmp_path / "first" / "report.html").read_text(encoding="utf-8"))
    line = re.search(r"^.*actsearch (launch .*)$", text, flags=re.MULTILINE)[1]
    assert invoke(*shlex.split(line), "-q")[0] == 0
    with folder.reading(tmp_path / "first") as first, folder.reading(tmp_path / "first-again") as second:
        assert second.meta("config") == first.meta("config")
        assert [c.expression for c in second.candidates()] == [c.expression for c in first.candidates()]
        for purpose in ("search", "confirm"):
            errors = [[e.error for e in store.evaluations(purpose)] for store in (first, second)]
            assert errors[0] == errors[1] != []


def test_who_only_reads_a_run_does_not_wait_for_torch(tmp_path):
    run = rich_run(tmp_path / "run")
    code = (
        "import sys\n"
        "from search.cli.main import app\n"
        "for command in ('show', 'pareto', 'report'):\n"
        "    app([command, sys.argv[1]], standalone_mode=False)\n"
        "    print('torch' in sys.modules, file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, str(run)], capture_output=True, text=True, check=True)
    assert done.stderr.split() == ["False"] * 3
