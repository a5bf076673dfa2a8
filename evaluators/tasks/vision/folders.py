"""Images in one folder a class: what is there, what is missing, and which image cannot be read."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from evaluators.tasks.vision.extra import vision_extra
from primitives import ActsearchError

_SUFFIXES = {".jpg", ".jpeg", ".png"}
_NAMED = 5
"""Names that a sentence lists before it says how many more there are."""


@dataclass(frozen=True)
class Images:
    """The images of a folder with one folder a class.

    Attributes:
        names: of the classes; a class is numbered by its place here.
        files: of all classes, in the order of names.
        labels: class numbers, shape (files,), int64.
    """

    names: tuple[str, ...]
    files: tuple[Path, ...]
    labels: Tensor


def images_by_class(folder: Path, title: str, names: Sequence[str], count: int, source: str) -> Images:
    """Return the images of a folder with one folder a class; what is hidden is passed over.

    Args:
        folder: holds the folders of the classes.
        title: of the data set, for messages.
        names: of its classes, whose order numbers them; empty where any will do, numbered by the alphabet.
        count: how many classes there are.
        source: how to get the data set.

    Raises:
        ActsearchError: a class is missing, is not one of the data set's, or has no image; the message names it.
    """
    found = sorted(path.name for path in _visible(folder) if path.is_dir())
    if reason := _wrong_classes(found, names, count):
        raise ActsearchError(f"{title} has {count} classes, but '{folder}' has {len(found)} folders{reason}; {source}")
    ordered = tuple(names or found)
    files: list[Path] = []
    labels: list[int] = []
    for number, name in enumerate(ordered):
        own = [path for path in _visible(folder / name) if path.suffix.lower() in _SUFFIXES and not path.is_dir()]
        if not own:
            raise ActsearchError(
                f"the folder '{folder / name}' of {title} holds no image ({', '.join(sorted(_SUFFIXES))}); {source}"
            )
        files += own
        labels += [number] * len(own)
    return Images(ordered, tuple(files), torch.tensor(labels))


def _visible(folder: Path) -> list[Path]:
    """Return what is in a folder by name, without what is hidden: ``.DS_Store``, ``._image.jpg``, checkpoints."""
    try:
        return sorted((path for path in folder.iterdir() if path.name[0] != "."), key=lambda path: path.name)
    except OSError as error:
        reason = error.strerror or error
        raise ActsearchError(f"cannot list '{folder}' ({reason}); check that it is there and readable") from None


def _wrong_classes(found: Sequence[str], names: Sequence[str], count: int) -> str:
    """Return what is wrong with the folders that were found, an empty text for nothing."""
    if not names:
        return "" if len(found) == count else " where one a class belongs"
    missing = [name for name in names if name not in set(found)]
    foreign = [name for name in found if name not in set(names)]
    parts = [f"without {_listed(missing)}"] if missing else []
    parts += [f"with {_listed(foreign)}, which is no class of it"] if foreign else []
    return f", {' and '.join(parts)}" if parts else ""


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED} more"


def opened(files: Sequence[Path], side: int | None = None) -> list[Any]:
    """Decode image files, several at a time.

    Args:
        files: of images.
        side: height and width that each must have; any when ``None``.

    Raises:
        ActsearchError: one cannot be decoded, or is of another size; the message names it.
    """
    decode = vision_extra("torchvision.datasets.folder").default_loader

    def picture(file: Path) -> Any:
        try:
            found = decode(str(file))
        except MemoryError:
            raise
        except Exception as error:  # a damaged image may raise anything
            raise ActsearchError(
                f"the image '{file}' cannot be read: {_why(error)}; put a whole one in its place or remove it"
            ) from error
        if side is not None and found.size != (side, side):
            width, height = found.size
            raise ActsearchError(
                f"the image '{file}' is {width}x{height} pixels where {side}x{side} belong; "
                "put the original in its place or remove it"
            )
        return found

    with ThreadPoolExecutor() as pool:
        return list(pool.map(picture, files))


def _why(error: Exception) -> str:
    """Return an error's reason without the file, which the sentence names already, and on one line."""
    if type(error).__name__ == "UnidentifiedImageError":
        return "it is no image that is known here"
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(reason).split())
