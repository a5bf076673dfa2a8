#!/usr/bin/env bash
# moocore 0.3.2 beside DEAP 1.4.4 (Python 3.11, numpy 2.4.6): its two answers to "who is on the first front" differ. Of
# equal points pareto_rank calls all of rank 0, as DEAP's sortNondominated does, while is_nondominated keeps the first
# only, unless keep_weakly=True. Of a point with a missing number both say that it comes last with two columns and with
# three; with four, pareto_rank still does and is_nondominated keeps it on the front.
# Guessed before: rank 0 and "not dominated" are one thing, and a missing number is treated alike whatever the width.
#
# Seen:
#   two equal points and a worse one: rank 0: [0, 1], not dominated: [0], weakly kept: [0, 1], DEAP: [0, 1]
#   a point with a missing number beside [1, ...] and [2, ...]: its rank and whether it is not dominated
#   2 columns: 2 False
#   3 columns: 2 False
#   4 columns: 2 True
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check moocore==0.3.2 deap==1.4.4 numpy==2.4.6 2>/dev/null
cat >"$place/case.py" <<'PYTHON'
import moocore
import numpy as np
from deap import base, tools


class Three(base.Fitness):
    weights = (-1.0, -1.0)


class Individual:
    def __init__(self, number, point):
        self.number, self.fitness = number, Three(point)


points = np.array([[1.0, 1.0], [1.0, 1.0], [2.0, 2.0]])
first = tools.sortNondominated([Individual(n, p) for n, p in enumerate(points)], 3, first_front_only=True)[0]
print(
    f"two equal points and a worse one: rank 0: {np.flatnonzero(moocore.pareto_rank(points) == 0).tolist()}, "
    f"not dominated: {np.flatnonzero(moocore.is_nondominated(points)).tolist()}, "
    f"weakly kept: {np.flatnonzero(moocore.is_nondominated(points, keep_weakly=True)).tolist()}, "
    f"DEAP: {sorted(individual.number for individual in first)}"
)
print("a point with a missing number beside [1, ...] and [2, ...]: its rank and whether it is not dominated")
for columns in (2, 3, 4):
    lacking = np.array([np.nan, *[5.0] * (columns - 1)])
    rows = np.stack([np.full(columns, 1.0), np.full(columns, 2.0), lacking])
    print(f"{columns} columns: {moocore.pareto_rank(rows)[2]} {moocore.is_nondominated(rows)[2]}")
PYTHON
seen="$("$place/venv/bin/python" "$place/case.py")"
echo "$seen"
wanted="two equal points and a worse one: rank 0: [0, 1], not dominated: [0], weakly kept: [0, 1], DEAP: [0, 1]
a point with a missing number beside [1, ...] and [2, ...]: its rank and whether it is not dominated
2 columns: 2 False
3 columns: 2 False
4 columns: 2 True"
test "$seen" = "$wanted"
