#!/usr/bin/env bash
# Keras 3.15.1 with jax 0.10.2 (Python 3.11): a custom layer registered under a name that another class has already takes the
# name over without a word, and load_model then builds a saved model with the class that was registered last, although the
# file names the module of the first. Guessed before: an error or a warning at the second registration, as timm and
# transformers give for a taken name, or the first class, which the file's "module" entry leads to.
# Who writes layers to files for others needs a package name of its own in each file.
#
# Seen: at registration nothing; the saved model gives 2*x before, and after loading -x.
set -euo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
python3 -m venv "$place/venv"
"$place/venv/bin/pip" install --quiet --disable-pip-version-check keras==3.15.1 jax==0.10.2 2>/dev/null
for sign in "2 * x" "-x"; do
    name=$([ "$sign" = "-x" ] && echo second || echo first)
    cat >"$place/$name.py" <<PYTHON
import keras


@keras.saving.register_keras_serializable(package="mine")
class Act(keras.layers.Layer):
    def call(self, x):
        return $sign
PYTHON
done
cat >"$place/case.py" <<'PYTHON'
import json
import sys
import warnings
import zipfile

import numpy as np

sys.path.insert(0, sys.argv[1])
import keras

import first

model = keras.Sequential([keras.Input((1,)), first.Act()])
model.save(sys.argv[1] + "/model.keras")
x = np.ones((1, 1), np.float32)
print("before:", float(np.asarray(model(x)).item()))
with warnings.catch_warnings(record=True) as told:
    warnings.simplefilter("always")
    import second
print("told at the second registration:", len(told))
layers = json.loads(zipfile.ZipFile(sys.argv[1] + "/model.keras").read("config.json"))["config"]["layers"]
print("the file says:", layers[-1]["module"], layers[-1]["registered_name"])
restored = keras.models.load_model(sys.argv[1] + "/model.keras")
print("after:", float(np.asarray(restored(x)).item()), type(restored.layers[-1]).__module__)
PYTHON
seen=$(KERAS_BACKEND=jax "$place/venv/bin/python" "$place/case.py" "$place" 2>/dev/null)
wanted="before: 2.0
told at the second registration: 0
the file says: first mine>Act
after: -1.0 second"
printf '%s\n' "$seen"
test "$seen" = "$wanted"
