"""``make gpu``: say in one sentence what is missing, or run the checks and write their table."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

NEEDED = ("torch", "numpy", "scipy", "sympy", "mpmath", "lazy_loader", "sklearn", "mnist1d", "pytest", "pytest_timeout")
ALSO = ("hypothesis", "requests", "matplotlib")
"""What the suite's settings and mnist1d import."""


def missing() -> str | None:
    """Return what is not there, in one sentence."""
    absent = [name for name in (*NEEDED, *ALSO) if find_spec(name) is None]
    if absent:
        return f"'make gpu' needs {', '.join(absent)} beside torch; install it for {sys.executable} and call again"
    import torch

    if tuple(int(part) for part in torch.__version__.split(".")[:2]) < (2, 11):
        return f"'make gpu' needs torch 2.11 or newer; {sys.executable} has {torch.__version__}"
    if not torch.cuda.is_available():
        return f"'make gpu' needs a GPU that CUDA can use; torch {torch.__version__} sees none"
    return None


def main() -> int:
    """Return the exit code: 2 when something is missing, else pytest's."""
    reason = missing()
    if reason:
        print(reason, file=sys.stderr)
        return 2
    import pytest

    folder = Path(__file__).parent
    table = Path(os.environ.get("OUT") or folder.parent.parent / "evaluators" / "study") / "gpu.md"
    table.parent.mkdir(parents=True, exist_ok=True)
    os.environ["ACTSEARCH_GPU_TABLE"] = str(table)
    code = pytest.main([str(folder), "-m", "gpu", "-q", "--durations=5", "--show-capture=no"])
    print(table.read_text() if table.is_file() else "no check came to an end", end="")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())
