#!/usr/bin/env bash
# jax 0.10.2 and scikit-learn 1.9.1 with rich 15.0.0 (Python 3.11, numpy 2.4.6): importing them takes numbers from the
# global generators. "import jax" draws five from NumPy's (a default argument of a helper for clusters), "import
# sklearn.datasets" some from Python's (rich makes its styles). Guessed before: an import leaves them alone. So a first
# import after the seeds were set, as by a library that imports lazily in the middle of a training, changes what follows,
# and the second run in the same process is another one than the first.
#
# Seen:
#   numpy after its seed: 0.5488, with jax imported in between: 0.6459 (the 6th number of that seed: True)
#   random after its seed: 0.8444, with sklearn.datasets imported in between the same: False, without rich: True
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
for name in with without; do
    python3 -m venv "$place/$name"
    rich=$([ "$name" = with ] && echo rich==15.0.0 || true)
    "$place/$name/bin/pip" install --quiet --disable-pip-version-check \
        numpy==2.4.6 scipy==1.17.1 scikit-learn==1.9.1 $rich 2>/dev/null
done
"$place/with/bin/pip" install --quiet --disable-pip-version-check jax==0.10.2 jaxlib==0.10.2 2>/dev/null
cat >"$place/numpy_case.py" <<'PYTHON'
import numpy as np

np.random.seed(0)
first, *_, sixth = np.random.rand(6)
np.random.seed(0)
import jax

after = np.random.rand()
print(f"numpy after its seed: {first:.4f}, with jax imported in between: {after:.4f} "
      f"(the 6th number of that seed: {after == sixth})")
PYTHON
cat >"$place/random_case.py" <<'PYTHON'
import random

random.seed(0)
first = random.random()
random.seed(0)
import sklearn.datasets

print(f"{first:.4f}", random.random() == first)
PYTHON
read -r first same <<<"$("$place/with/bin/python" -W ignore "$place/random_case.py")"
read -r _ without <<<"$("$place/without/bin/python" -W ignore "$place/random_case.py")"
seen="$("$place/with/bin/python" -W ignore "$place/numpy_case.py")
random after its seed: $first, with sklearn.datasets imported in between the same: $same, without rich: $without"
echo "$seen"
wanted="numpy after its seed: 0.5488, with jax imported in between: 0.6459 (the 6th number of that seed: True)
random after its seed: 0.8444, with sklearn.datasets imported in between the same: False, without rich: True"
test "$seen" = "$wanted"
