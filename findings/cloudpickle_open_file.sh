#!/usr/bin/env bash
# cloudpickle 3.1.2 (Python 3.11), which carries Ray's actors and tasks: an object that holds an open text file is sent
# without a word, unless the file is open for writing alone. What arrives is an io.StringIO with the content at the same
# position: it no longer follows the file, has no descriptor, and with "r+", "a+" or "w+" what is written to it stays in
# memory. Guessed before: every open file is refused, as pickle does. So "it can be sent" is not "it is the same there".
#
# Seen:
#   read: StringIO 'second\n' fileno: UnsupportedOperation follows the file: False
#   r+: sent
#   a: PicklingError
#   a+: sent
#   w: PicklingError
#   w+: sent
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check cloudpickle==3.1.2 2>/dev/null
cat >"$place/case.py" <<'PYTHON'
import io
import sys

import cloudpickle

path = sys.argv[1]
with open(path, "w") as file:
    file.write("first\nsecond\n")


class Task:
    def __init__(self, mode):
        self.log = open(path, mode)


reading = Task("r")
reading.log.readline()
there = cloudpickle.loads(cloudpickle.dumps(reading)).log
rest = there.read()
with open(path, "a") as file:
    file.write("third\n")
follows = bool(there.read())
try:
    number = there.fileno()
except io.UnsupportedOperation as error:
    number = type(error).__name__
print("read:", type(there).__name__, repr(rest), "fileno:", number, "follows the file:", follows)
for mode in ("r+", "a", "a+", "w", "w+"):
    try:
        cloudpickle.dumps(Task(mode))
        print(f"{mode}: sent")
    except Exception as error:
        print(f"{mode}: {type(error).__name__}")
PYTHON
seen=$("$place/venv/bin/python" -W ignore "$place/case.py" "$place/log.txt")
echo "$seen"
wanted="read: StringIO 'second\\n' fileno: UnsupportedOperation follows the file: False
r+: sent
a: PicklingError
a+: sent
w: PicklingError
w+: sent"
test "$seen" = "$wanted"
