"""How a run file holds numbers and long texts in few bytes, and exactly.

These formats are part of the schema: what one version writes, later ones read. Each ``pack`` returns ``None`` of what
its format cannot hold to the last bit; the row then holds JSON, or the text itself, as up to version 8. Each
``unpack`` takes bytes that anybody may have made; what it returns is some twenty times as long as they are at most.
"""

from __future__ import annotations

import json
import math
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from primitives.identity import Mark

_DIGITS, _MOST_PLACES, _SPAN, _MANTISSA = 6, 22, 8, (1 << 20) - 1
_POWERS = tuple(10.0**power for power in range(_MOST_PLACES + 1))
"""Those powers of ten that are doubles, so that a division by one gives the double nearest to the decimal."""

_MARK = struct.Struct("<8sId")
_MOST_NAMES = 1000
_TYPES = {"d": "f8", "q": "i8"}

_RATIO = 20
_WINDOW = -12
_COMMON = (
    b'"}, {"cached", "softplus", "softsign", "gaussian", "sigmoid", "sinh", "cosh", "asinh", "atan", "erf", "exp", '
    b'"expm1", "log1p", "log", "sqrt", "sign", "step", "floor", "relu", "elu", "selu", "gelu", "cbrt", "rsqrt", '
    b'"abs", "neg", "cos", "sin", "tanh", "square", "cube", "pow", "div", "min", "max", "sub", "x", "scale", '
    b'{"learnable": -0.25}, "x", {"constant": 1.0}, "add", "mul", "x", "x"]["mul", "x", ["add", "mul", "x", '
)
"""What is common in packed texts: they begin as if it stood before them."""


def pack_losses(values: Sequence[float]) -> bytes | None:
    """Return numbers of up to 6 significant digits in 3 bytes each: 20 bits of digits, 3 of decimals, a sign.

    A first byte says the fewest decimals that one has, and the 3 bits of each how many more it has.
    """
    try:
        places = [_places(value) for value in values]
        base = min((place for place in places if place is not None), default=0)
        packed = bytearray([base])
        for value, place in zip(values, places, strict=True):
            more = 0 if place is None else place - base
            digits = round(abs(value) * _POWERS[base + more])
            if digits / _POWERS[base + more] != abs(value) or digits > _MANTISSA or more >= _SPAN:
                return None
            sign = (math.copysign(1.0, value) < 0) * _SPAN
            packed += (digits | (more + sign) << 20).to_bytes(3, "little")
    except (TypeError, ValueError, OverflowError, IndexError):
        return None
    return bytes(packed)


def _places(value: float) -> int | None:
    """Return how many decimals the last of 6 digits is behind the point; ``None`` of 0, which has any."""
    if not isinstance(value, float):
        raise TypeError("no float")
    return _DIGITS - 1 - math.floor(math.log10(abs(value))) if value else None


def unpack_losses(packed: bytes) -> tuple[float, ...]:
    """Return what :func:`pack_losses` was given.

    Raises:
        ValueError: it never returned that.
    """
    if len(packed) % 3 != 1 or packed[0] > _MOST_PLACES:
        raise ValueError("losses that are none")
    powers = (_POWERS[packed[0] :] + _POWERS[-1:] * _SPAN)[:_SPAN]
    signed = (*powers, *(-power for power in powers))
    parts = zip(packed[1::3], packed[2::3], packed[3::3], strict=True)
    return tuple((low | middle << 8 | (high & 15) << 16) / signed[high >> 4] for low, middle, high in parts)


@dataclass(frozen=True)
class Shape:
    """What named numbers have in common: the names, and which are integers. A run has few.

    Attributes:
        names: in their order.
        kinds: a letter for each: ``d`` a double, ``q`` an integer of 64 bits.
    """

    names: tuple[str, ...]
    kinds: str

    @property
    def text(self) -> str:
        """The shape as a run file keeps it: JSON, the kinds first and then the names."""
        return json.dumps([self.kinds, *self.names])

    def pack(self, values: Sequence[float]) -> bytes:
        """Return values in 8 bytes each, little-endian."""
        return struct.pack(f"<{self.kinds}", *values)

    def unpack(self, packed: bytes) -> dict[str, float]:
        """Return values by name.

        Raises:
            ValueError: they are not finite, or of another shape.
        """
        if len(packed) != 8 * len(self.names):
            raise ValueError("numbers without names")
        values = struct.unpack(f"<{self.kinds}", packed)
        if not all(map(math.isfinite, values)):
            raise ValueError("a number that is none")
        return dict(zip(self.names, values, strict=True))

    def columns(self, packed: Sequence[bytes], skipped: int) -> dict[str, NDArray[np.float64]]:
        """Return the values of many rows by name, as doubles, shape (rows,).

        Args:
            packed: the rows, all of this shape.
            skipped: bytes before the values of each.

        Raises:
            ValueError: a row has values that are not finite, or is of another shape.
        """
        if {*map(len, packed)} != {skipped + 8 * len(self.names)}:
            raise ValueError("numbers without names")
        kinds = [("skipped", f"V{skipped}"), *((f"at {at}", f"<{_TYPES[kind]}") for at, kind in enumerate(self.kinds))]
        rows = np.frombuffer(b"".join(packed), np.dtype(kinds))
        found = {name: rows[f"at {at}"].astype(np.float64) for at, name in enumerate(self.names)}
        if not all(np.isfinite(values).all() for values in found.values()):
            raise ValueError("a number that is none")
        return found


def shape_of(numbers: Mapping[str, float]) -> Shape | None:
    """Return the shape of numbers; ``None`` where they are not finite, or integers too large."""
    kinds = ""
    for name, value in numbers.items():
        if isinstance(value, float) and math.isfinite(value) and isinstance(name, str):
            kinds += "d"
        elif type(value) is int and -(2**63) <= value < 2**63 and isinstance(name, str):
            kinds += "q"
        else:
            return None
    return Shape(tuple(numbers), kinds) if len(kinds) <= _MOST_NAMES else None


@lru_cache(maxsize=1000)
def read_shape(text: str) -> Shape:
    """Return a shape of a run file.

    Raises:
        ValueError: it is none.
    """
    found = json.loads(text)
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found) or not found:
        raise ValueError("a shape that is none")
    kinds, *names = found
    if not len(names) == len(set(names)) == len(kinds) <= _MOST_NAMES or set(kinds) - set(_TYPES):
        raise ValueError("a shape that is none")
    return Shape(tuple(names), kinds)


def pack_mark(mark: Mark) -> bytes | None:
    """Return a mark in 20 bytes: the key, the size, the projection as a double."""
    try:
        key = bytes.fromhex(mark.key)
        packed = _MARK.pack(key, mark.size, mark.projection)
    except (ValueError, struct.error):
        return None
    exact = key.hex() == mark.key and (type(mark.size), type(mark.projection)) == (int, float)
    return packed if len(key) == 8 and exact else None


def unpack_mark(packed: bytes) -> Mark:
    """Return what :func:`pack_mark` was given; whether its numbers make sense is for the reader to say.

    Raises:
        ValueError: it never returned that.
    """
    if len(packed) != _MARK.size:
        raise ValueError("a mark that is no mark")
    key, size, projection = _MARK.unpack(packed)
    return Mark(key.hex(), size, projection)


def pack_text(text: str) -> bytes | None:
    """Return a text deflated, without a header, after :data:`_COMMON`."""
    raw = text.encode()
    packer = zlib.compressobj(9, zlib.DEFLATED, _WINDOW, 8, zlib.Z_DEFAULT_STRATEGY, _COMMON)
    packed = packer.compress(raw) + packer.flush()
    return packed if len(raw) <= _RATIO * len(packed) else None


def unpack_text(packed: bytes) -> str:
    """Return what :func:`pack_text` was given.

    Raises:
        ValueError: it never returned that.
    """
    unpacker = zlib.decompressobj(_WINDOW, _COMMON)
    try:
        raw = unpacker.decompress(packed, _RATIO * len(packed) + 1)
    except zlib.error as error:
        raise ValueError("a packed text that is none") from error
    if not unpacker.eof or unpacker.unused_data or len(raw) > _RATIO * len(packed):
        raise ValueError("a packed text that is none")
    return raw.decode()
