"""What stands in the pages of an SQLite file, read without SQLite: of a damaged file it reads what is whole.

A table is a tree of pages; its rows are in the leaves. SQLite comes to a leaf from the root of its table, and stops
where a page on the way is damaged or gone. Here every page is looked at by itself, so that a leaf is read wherever its
tree is broken. The format is that of https://www.sqlite.org/fileformat2.html.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Value = int | float | str | bytes | None
MAGIC = b"SQLite format 3\x00"
USUAL = 4096
"""Bytes of a page of every run file."""
_LEAF, _INDEX_LEAF = 0x0D, 0x0A
_LONGEST = 64 * 2**20
_WAL_MAGIC = (0x377F0682, 0x377F0683)
_SIZES = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0)
"""Bytes of a value by its serial type."""


@dataclass(frozen=True)
class Pages:
    """The pages of a file as its log leaves them.

    Attributes:
        size: of a page in bytes.
        file: all that there is of the file.
        newer: pages of the log, by number; the first page is 1.
    """

    size: int
    file: bytes
    newer: Mapping[int, bytes] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """The number of the last page."""
        return max(-(-len(self.file) // self.size), max(self.newer, default=0))

    def page(self, number: int) -> bytes:
        """Return a page, empty where it is gone and short where it is cut."""
        return self.newer.get(number) or self.file[(number - 1) * self.size : number * self.size]

    @property
    def version(self) -> int | None:
        """The number that a program gives to its tables, ``None`` where the first page is no first page."""
        first = self.page(1)
        return int.from_bytes(first[60:64]) if first.startswith(MAGIC) and len(first) >= 100 else None

    def rows(self) -> Iterator[tuple[int, list[Value]]]:
        """Yield the rows of all tables, each with its number; pages that are free hold none."""
        free = set(self._free())
        for number in range(1, self.count + 1):
            if number not in free:
                yield from self._leaf(self.page(number), 100 if number == 1 else 0)

    def entries(self) -> Iterator[list[Value]]:
        """Yield the entries of all indexes, columns and the number of the row: a second copy of what is unique."""
        free = set(self._free())
        for number in range(1, self.count + 1):
            page = self.page(number)
            if number not in free and len(page) >= 8 and page[0] == _INDEX_LEAF:
                for at in _places(page, 0):
                    try:
                        length, start = _varint(page, at)
                        yield _record(self._payload(page, start, length, (self.size - 12) * 64 // 255 - 23))
                    except (IndexError, ValueError, struct.error):
                        continue

    def _free(self) -> Iterator[int]:
        """Yield the numbers of the pages that hold nothing any more."""
        trunk, seen = int.from_bytes(self.page(1)[32:36]), set[int]()
        while 0 < trunk <= self.count and trunk not in seen:
            seen.add(trunk)
            page = self.page(trunk)
            numbers = struct.unpack_from(f">{len(page) // 4}I", page)
            yield trunk
            yield from numbers[2 : 2 + min(numbers[1], len(numbers) - 2)] if len(numbers) > 2 else ()
            trunk = numbers[0] if numbers else 0

    def _leaf(self, page: bytes, start: int) -> Iterator[tuple[int, list[Value]]]:
        if len(page) < start + 8 or page[start] != _LEAF:
            return
        for at in _places(page, start):
            try:
                yield self._cell(page, at)
            except (IndexError, ValueError, struct.error):  # it is cut, or it is no row
                continue

    def _cell(self, page: bytes, at: int) -> tuple[int, list[Value]]:
        length, at = _varint(page, at)
        rowid, at = _varint(page, at)
        payload = self._payload(page, at, length, self.size - 35)
        return (rowid - 2**64 if rowid >= 2**63 else rowid), _record(payload)

    def _payload(self, page: bytes, at: int, length: int, most: int) -> bytes:
        """Return the bytes of a row of a length that begins there; ``most`` of them stand in its own page."""
        if length > _LONGEST:
            raise ValueError("no row is as long")
        least = (self.size - 12) * 32 // 255 - 23
        local = length
        if length > most:
            local = least + (length - least) % (self.size - 4)
            local = local if local <= most else least
        payload = page[at : at + local]
        if local < length:
            payload += self._overflow(int.from_bytes(page[at + local : at + local + 4]), length - local)
        if len(payload) < length:
            raise ValueError("its end is gone")
        return payload

    def _overflow(self, number: int, length: int) -> bytes:
        found = bytearray()
        while length > len(found) and 0 < number <= self.count:
            page = self.page(number)
            found += page[4 : 4 + length - len(found)]
            if len(page) < self.size and len(found) < length:
                raise ValueError("its end is gone")
            number = int.from_bytes(page[:4])
        return bytes(found)


def pages_of(file: Path) -> Pages:
    """Read a file and the log beside it.

    Raises:
        OSError: the file cannot be read.
    """
    content = file.read_bytes()
    log = file.with_name(f"{file.name}-wal")
    size, newer = _logged(log.read_bytes() if log.is_file() else b"")
    said = int.from_bytes(content[16:18]) if content.startswith(MAGIC) else 0
    said = 65536 if said == 1 else said
    whole = said if 512 <= said <= 65536 and said & (said - 1) == 0 else size or USUAL
    return Pages(whole, content, newer if size == whole else {})


def _logged(log: bytes) -> tuple[int, dict[int, bytes]]:
    """Return the size of a page and the pages of a log, as its last whole transaction leaves them."""
    if len(log) < 32 or int.from_bytes(log[:4]) not in _WAL_MAGIC:
        return 0, {}
    size, salts = int.from_bytes(log[8:12]), log[16:24]
    if not 512 <= size <= 65536:
        return 0, {}
    kept: dict[int, bytes] = {}
    open_: dict[int, bytes] = {}
    for at in range(32, len(log) - size - 23, size + 24):
        number, committed = struct.unpack_from(">II", log, at)
        if log[at + 8 : at + 16] != salts or not number:
            break
        open_[number] = log[at + 24 : at + 24 + size]
        if committed:
            kept |= open_
            open_ = {}
    return size, kept


def _places(page: bytes, start: int) -> Iterator[int]:
    """Yield where the cells of a leaf begin."""
    cells = int.from_bytes(page[start + 3 : start + 5])
    for place in range(start + 8, min(start + 8 + 2 * cells, len(page) - 1), 2):
        yield int.from_bytes(page[place : place + 2])


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a number of one to nine bytes and the place behind it."""
    value = 0
    for count in range(8):
        byte = data[at + count]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, at + count + 1
    return value << 8 | data[at + 8], at + 9


def _record(payload: bytes) -> list[Value]:
    """Return the values of a row."""
    end, at = _varint(payload, 0)
    body, values = end, list[Value]()
    while at < end:
        kind, at = _varint(payload, at)
        size = _SIZES[kind] if kind < len(_SIZES) else (kind - 12) // 2
        if kind in (10, 11) or body + size > len(payload):
            raise ValueError("no value is so")
        values.append(_value(kind, payload[body : body + size]))
        body += size
    return values


def _value(kind: int, data: bytes) -> Value:
    if kind == 0:
        return None
    if kind == 7:
        return float(struct.unpack(">d", data)[0])
    if kind < 7:
        return int.from_bytes(data, signed=True)
    if kind < 10:
        return kind - 8
    return data.decode("utf-8") if kind % 2 else data
