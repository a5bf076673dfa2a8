"""Where the data sets lie that nobody downloads for you."""

from __future__ import annotations

import os
from pathlib import Path

VARIABLE = "ACTSEARCH_DATA"
"""Environment variable that names the folder of data sets."""


def data_folder(given: Path | None) -> Path:
    """Return the folder of data sets: the given one, else ``$ACTSEARCH_DATA``, else ``data``."""
    return given or Path(os.environ.get(VARIABLE, "data"))
