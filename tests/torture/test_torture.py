"""What a campaign survives, tried for minutes: run by `make torture`."""

from __future__ import annotations

import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runs import folder
from tests.fuzzing import told

pytestmark = pytest.mark.torture

SMOKE = ["launch", "--preset", "smoke", "--trainings", "12", "--quiet", "--run"]
RAY = ["--executor", "ray", "--workers", "2"]
SEED = int(os.environ.get("ACTSEARCH_TORTURE_SEED", "19"))
"""Of every moment; another one tries others."""


def forked(words, log):
    """Start the command line in a process of its own that has everything imported; return its pid."""
    child = os.fork()
    if not child:
        code = 1
        with contextlib.suppress(BaseException):
            signal.signal(signal.SIGINT, signal.default_int_handler)
            code, said = told(words)
            Path(log).write_text(said)
        os._exit(code)
    return child


def ended(child):
    """Wait for a process; return its exit code, negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def results(run):
    """Return all that a run says: the front and the evidence, byte by byte, and every candidate."""
    said = [told(["pareto", str(run), "--format", "csv"]), told(["confirm", str(run), "--format", "csv", "--quiet"])]
    assert [code for code, _ in said] == [0, 0], said
    with folder.reading(run) as store:
        return said, store.candidates()


def finished(run):
    """Return what is stored of trainings, by what was trained."""
    if not (run / folder.DATABASE).exists():
        return {}
    with folder.reading(run) as store:
        rows = [(purpose, e) for purpose in ("search", "confirm") for e in store.evaluations(purpose)]
        return {(purpose, e.candidate, e.task, e.steps, e.seed): (e.error, e.test_error) for purpose, e in rows}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A campaign that nobody disturbed, and how long it took."""
    run = tmp_path_factory.mktemp("whole") / "run"
    started = time.monotonic()
    code, said = told([*SMOKE, str(run)])
    assert code == 0, said
    return run, time.monotonic() - started, results(run)


def go_on(run):
    """Return the command that begins or goes on with a campaign."""
    return ["resume", str(run), "--quiet"] if run.exists() else [*SMOKE, str(run)]


def test_a_driver_killed_at_fifty_random_moments_loses_nothing_and_ends_as_the_undisturbed_one(tmp_path, whole):
    _, seconds, expected = whole
    generator, kills, campaigns = random.Random(SEED), 0, 0
    while kills < 50:
        run, before = tmp_path / f"run{campaigns}", {}
        while True:
            child = forked(go_on(run), tmp_path / "log")
            time.sleep(seconds * generator.random() * (0.6 if kills < 50 else 100))
            os.kill(child, signal.SIGKILL)
            code = ended(child)
            now = finished(run)
            assert before.items() <= now.items(), "something finished is lost"
            before, kills = now, kills + (code == -signal.SIGKILL)
            if code == 0:
                break
            assert code == -signal.SIGKILL, (tmp_path / "log").read_text()
        campaigns += 1
        assert results(run) == expected
    print(f"{kills} kills in {campaigns} campaigns")


def test_a_folder_copied_at_random_moments_of_a_campaign_is_a_run_that_ends_as_the_undisturbed_one(tmp_path, whole):
    _, seconds, expected = whole
    generator, run = random.Random(SEED), tmp_path / "run"
    child, copies = forked([*SMOKE, str(run)], tmp_path / "log"), []
    while os.waitpid(child, os.WNOHANG)[0] == 0:
        time.sleep(0.15 * seconds * generator.random())
        if (run / folder.DATABASE).exists() and len(copies) < 8:
            copies.append(tmp_path / f"copy{len(copies)}")
            subprocess.run(["cp", "-r", str(run), str(copies[-1])], check=False, stderr=subprocess.DEVNULL)
    assert copies
    for copy in copies:
        code, said = told(["resume", str(copy), "--quiet"])
        assert code == 0, said
        assert results(copy) == expected


# --- a full disk ----------------------------------------------------------------------------------


@pytest.fixture
def small(tmp_path):
    """A file system of 3 MiB of its own."""
    place = tmp_path / "small"
    place.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "none", str(place)], capture_output=True, check=False
    )
    if made.returncode:
        pytest.skip("a small file system takes the rights to mount one")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def fill(place, left):
    """Fill a file system up to some bytes."""
    free = shutil.disk_usage(place).free - left
    (place / "filler").write_bytes(bytes(max(0, free)))


@pytest.mark.parametrize(
    "left", [0, 20_000, 60_000, 100_000, 140_000, 180_000, 220_000, 260_000, 300_000, 340_000, 420_000]
)
def test_a_full_disk_ends_a_campaign_in_one_sentence_and_it_goes_on_when_there_is_room(small, whole, left):
    run, log = small / "run", small.parent / "log"
    fill(small, left)
    code = ended(forked([*SMOKE, str(run)], log))
    said = log.read_text()
    print(left, code, *said.splitlines()[-1:])
    if code:
        assert code == 2, said
        assert [line for line in said.splitlines() if line.startswith("error: ")][-1] == said.splitlines()[-1]
        assert re.search(r"free space|with room", said.splitlines()[-1])
    before = finished(run)
    for file in [path for path in small.rglob("*") if path.is_file()]:
        assert not re.match(r"\.(act|front|config|run)", file.name), f"half a file is left: {file}"
        assert (
            file.suffix != ".py"
            or subprocess.run([sys.executable, "-m", "py_compile", file], check=False).returncode == 0
        )
    (small / "filler").unlink()
    code, said = told(go_on(run))
    assert code == 0, said
    assert before.items() <= finished(run).items()
    assert results(run) == whole[2]


def test_what_is_written_to_a_full_disk_leaves_what_was_there(small, whole):
    files = {
        "front.png": ["pareto", str(whole[0]), "--plot"],
        "act.py": ["export", str(whole[0]), "relu", "--force", "-o"],
    }
    for name, words in files.items():
        (small / name).write_bytes(b"old")
        fill(small, 100)
        code, said = told([*words, str(small / name)])
        assert (code, said.count("\n")) == (2, 1), said
        assert (small / name).read_bytes() == b"old"
        (small / "filler").unlink()
        assert sorted(path.name for path in small.iterdir()) == sorted(list(files)[: list(files).index(name) + 1])
    for words in (["show", str(whole[0])], ["library"]):
        with open("/dev/full", "w") as full:
            done = subprocess.run(
                [sys.executable, "-m", "search.cli.main", *words],
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
            )
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr


# --- Ctrl-C and Ray -------------------------------------------------------------------------------


def started(run, *more, trainings="400"):
    """Start a long campaign and wait until something of it is stored."""
    words = [
        sys.executable,
        "-m",
        "search.cli.main",
        "launch",
        "--preset",
        "smoke",
        "--trainings",
        trainings,
        *more,
        "--run",
        str(run),
    ]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and len(finished(run)) < 12:
        time.sleep(0.1)
    assert process.poll() is None, process.communicate()
    return process


@pytest.mark.parametrize("executor", [[], RAY], ids=["serial", "ray"])
@pytest.mark.parametrize("times", [1, 2])
def test_ctrl_c_once_and_twice(tmp_path, executor, times):
    run = tmp_path / "run"
    process = started(run, *executor)
    before, below = finished(run), children(process.pid)
    for _ in range(times):
        process.send_signal(signal.SIGINT)
        time.sleep(0.01)
    at = time.monotonic()
    _, said = process.communicate()
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert f"actsearch resume {run}" in said
    assert ("ended at once; everything finished is saved" if times == 2 else "everything finished is saved: ") in said
    print(f"ended after {time.monotonic() - at:.2f} s")
    assert before.items() <= finished(run).items()
    until_gone(below)
    code, said = told(["resume", str(run), "--trainings", str(2 + proposed(run)), "--executor", "serial", "--quiet"])
    assert code == 0, said


def proposed(run):
    with folder.reading(run) as store:
        return sum(candidate.was_chosen for candidate in store.candidates())


def children(of):
    """Return the processes below one, with their command lines."""
    found, above = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                above[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    below = {of}
    while more := {pid for pid, parent in above.items() if parent in below} - below:
        below |= more
    for pid in below - {of}:
        with contextlib.suppress(OSError):
            found[pid] = (
                (Path("/proc") / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            )
    return found


def until_gone(pids, limit=180.0):
    """Wait until processes are no more; Ray's agents end a minute after a process that was ended at once."""
    end = time.monotonic() + limit
    while (left := [pid for pid in pids if is_alive(pid)]) and time.monotonic() < end:
        time.sleep(0.2)
    assert not left, [pids[pid] for pid in left]


def is_alive(pid):
    with contextlib.suppress(OSError):
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def test_workers_that_are_killed_cost_a_retry_and_no_result(tmp_path):
    run, generator = tmp_path / "run", random.Random(SEED)
    process, killed = started(run, *RAY, trainings="60"), 0
    while process.poll() is None:
        below = children(process.pid).items()  # without Ray's agents: a node ends with any of them
        workers = [pid for pid, command in below if command.startswith("ray::") and "Agent" not in command]
        if workers and killed < 6:
            before = finished(run)
            with contextlib.suppress(ProcessLookupError):
                os.kill(generator.choice(workers), signal.SIGKILL)
                killed += 1
            assert before.items() <= finished(run).items()
        time.sleep(2 + 3 * generator.random())
    _, said = process.communicate()
    assert process.returncode == 0, said
    with folder.reading(run) as store:
        statuses = [candidate.status for candidate in store.candidates()]
    assert "pending" not in statuses
    print(f"{killed} workers killed: {statuses.count('crashed')} crashed of {len(statuses)}")
    assert killed >= 3


@pytest.mark.parametrize("daemon", ["gcs_server", "raylet/raylet"])
def test_a_ray_head_that_dies_ends_the_campaign_and_everything_finished_is_there(tmp_path, daemon):
    run = tmp_path / "run"
    process = started(run, *RAY)
    before = finished(run)
    (head, *_) = [pid for pid, command in children(process.pid).items() if daemon in command.split()[0]]
    os.kill(head, signal.SIGKILL)
    _, said = process.communicate(timeout=900)
    print(daemon, process.returncode, said[-600:])
    assert process.returncode != 0
    assert before.items() <= finished(run).items()
    code, said = told(["resume", str(run), "--trainings", str(2 + proposed(run)), "--executor", "serial", "--quiet"])
    assert code == 0, said


def test_the_same_cohort_has_the_same_numbers_on_ray_and_here():
    from evaluators import Cohort, Job, load_task
    from evaluators.training.executors.ray.executor import RayExecutor
    from evaluators.training.executors.serial import SerialExecutor

    texts = ("relu(x)", "x*tanh(x)", "alpha*x + sin(x)", "x*sigmoid(x)")
    name = "mnist1d-mlp"
    tasks, found = {name: load_task(name)}, []
    cohorts = [tuple(Job(i, text, 1.4, name, 60, (0, 1)) for i, text in enumerate(texts[:count])) for count in (4, 2)]
    for make in (lambda: RayExecutor(tasks, workers=2, device="cpu"), lambda: SerialExecutor(tasks, "cpu")):
        with make() as executor:
            answers = {}
            for jobs in cohorts:
                executor.submit(Cohort(jobs))
            while done := executor.collect():
                for cohort, many in done:
                    number = len(cohort.jobs)
                    answers |= {(number, e.candidate, e.seed): (e.error, e.loss) for each in many for e in each}
            found.append(answers)
    assert found[0] == found[1]
    gaps = [abs(found[0][4, i, s][1] - found[0][2, i, s][1]) / found[0][2, i, s][1] for i in range(2) for s in (0, 1)]
    print(f"in a cohort of 4 and of 2 the losses differ by {max(gaps):.1e} of themselves at most")
    assert max(gaps) < 1e-4
