"""What these tasks need beyond the ordinary installation, and where their data lie."""

from __future__ import annotations

import importlib
import os
from pathlib import Path
from types import ModuleType

from primitives import ActsearchError

DATA = "ACTSEARCH_DATA"
"""Environment variable that names the folder of data sets."""


def vision_extra(module: str) -> ModuleType:
    """Import a module of timm or torchvision.

    Raises:
        ActsearchError: it is not installed; the message says what to install.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        package = module.partition(".")[0]
        raise ActsearchError(
            f"this task needs {package}, which is not installed; run pip install 'actsearch[vision]'"
        ) from error


def data_folder(given: Path | None) -> Path:
    """Return the folder of data sets: the given one, else ``$ACTSEARCH_DATA``, else ``data``."""
    return given or Path(os.environ.get(DATA, "data"))
