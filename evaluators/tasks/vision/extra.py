"""What these tasks need beyond the ordinary installation."""

from __future__ import annotations

import importlib
from types import ModuleType

from primitives import ActsearchError


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
