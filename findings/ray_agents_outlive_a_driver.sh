#!/usr/bin/env bash
# Ray 2.60.0 (Python 3.11, Linux): a driver that started a local cluster ends without a goodbye, by os._exit. Within seconds
# its raylet, its control store and its workers are gone, too; two processes of the same cluster, which `ps` shows as
# ray::DashboardAgent and ray::RuntimeEnvAgent, stay for about a minute more, the first of them though the dashboard is off.
# Guessed before: what belongs to a cluster of one process ends with it, all of it at about the same time.
#
# Seen, seconds after the driver's end:
#   after 20 s: DashboardAgent, RuntimeEnvAgent
#   after 180 s: nothing
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check ray==2.60.0 2>/dev/null
cat >"$place/driver.py" <<'PYTHON'
import os

import ray

ray.init(num_cpus=1, include_dashboard=False, logging_level="ERROR", log_to_driver=False)


@ray.remote
class Worker:
    def answer(self):
        return 1


worker = Worker.remote()
ray.get(worker.answer.remote())
print("ready", flush=True)
input()
os._exit(1)
PYTHON
cat >"$place/case.py" <<'PYTHON'
import subprocess
import sys
import time
from pathlib import Path


def parents():
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
        except OSError:
            continue
        if state != "Z":
            found[int(entry.name)] = int(parent)
    return found


def name(pid):
    return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0].decode().strip().removeprefix("ray::")


driver = subprocess.Popen([sys.executable, sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
assert driver.stdout.readline() == "ready\n"
above, below = parents(), {driver.pid}
while more := {pid for pid, parent in above.items() if parent in below} - below:
    below |= more
names = {pid: name(pid) for pid in below - {driver.pid}}
driver.communicate("\n")
started = time.monotonic()
for seconds in (20, 180):
    time.sleep(max(0, seconds - (time.monotonic() - started)))
    left = sorted(names[pid] for pid in names.keys() & parents().keys())
    print(f"after {seconds} s: {', '.join(left) or 'nothing'}")
PYTHON
seen="$("$place/venv/bin/python" "$place/case.py" "$place/driver.py")"
echo "$seen"
test "$seen" = "after 20 s: DashboardAgent, RuntimeEnvAgent
after 180 s: nothing"
