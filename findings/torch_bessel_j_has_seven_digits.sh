#!/usr/bin/env bash
# torch 2.12.0 and scipy 1.17.1 (Python 3.11): in float64 torch.special.bessel_j0 and bessel_j1 are right to about seven
# digits between 2 and 10, best near 0 and beyond 30, while scipy's are right to sixteen everywhere. Guessed before: the
# two are the same Cephes code and agree to rounding. A Bessel activation in float64 needs another kernel than torch's.
#
# Seen (largest difference on 2,001 even points):
#   0 to 1: below 1e-15; 1 to 5: 1e-08; 5 to 6: 4e-07; 6 to 10: 6e-08; 30 to 100: below 1e-15 (j0)
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check torch==2.12.0 scipy==1.17.1 numpy==2.4.6 2>/dev/null
cat >"$place/case.py" <<'PYTHON'
import numpy as np
import scipy.special
import torch

for low, high in ((0, 1), (1, 5), (5, 6), (6, 10), (30, 100)):
    x = np.linspace(low, high, 2001)
    apart = []
    for ours, theirs in ((torch.special.bessel_j0, scipy.special.j0), (torch.special.bessel_j1, scipy.special.j1)):
        apart.append(np.abs(ours(torch.from_numpy(x)).numpy() - theirs(x)).max())
    print(f"{low} to {high}:", *("below 1e-15" if each < 1e-15 else f"{each:.0e}" for each in apart))
PYTHON
seen=$("$place/venv/bin/python" -W ignore "$place/case.py")
wanted="0 to 1: below 1e-15 below 1e-15
1 to 5: 1e-08 6e-09
5 to 6: 4e-07 5e-07
6 to 10: 6e-08 7e-08
30 to 100: below 1e-15 below 1e-15"
printf '%s\n' "$seen"
test "$seen" = "$wanted"
