"""The bytes of a file that may be compressed, in pieces, with bounds on what they may unpack to."""

import zlib
from collections.abc import Iterator
from contextlib import suppress
from typing import BinaryIO

from webmint_cli.errors import StorageError
from webmint_cli.history.scanner import Cut

PIECE = 256 << 10

_MAGIC = b"\x1f\x8b"
_GZIP = 16 + zlib.MAX_WBITS
# Small files compress as they like; JSON of a real history comes nowhere near the ratio.
_FREE = 64 << 20


class TooLarge(StorageError):
    """A file unpacks to more than a history can be."""

    code = "too_large"


class _Counted:
    """A file, also a pipe, of which is known how much was read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.count = 0

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        self.count += len(data)
        return data


def pieces(source: BinaryIO, *, size: int, ratio: int) -> Iterator[bytes]:
    """The content of a file, unpacked if it is gzip by its first bytes, whatever its name.

    Raises TooLarge beyond `size` bytes, or beyond 64 MB at more than `ratio` times what was read; Cut where the
    compressed data is damaged or ends early.
    """
    file = _Counted(source)
    head = file.read(PIECE)
    packed, total = head.startswith(_MAGIC), 0
    for piece in _unpacked(head, file) if packed else _plain(head, file):
        total += len(piece)
        if total > size:
            raise TooLarge(f"the file holds more than {size >> 20} MB", hint="import it in parts")
        if packed and total > _FREE and total > ratio * file.count:
            raise TooLarge(
                "the file unpacks to far more than a history can be", hint="unpack and check it first"
            )
        yield piece


def _plain(head: bytes, file: _Counted) -> Iterator[bytes]:
    while head:
        yield head
        head = file.read(PIECE)


def _salvaged(unpacker: "zlib._Decompress", data: bytes) -> Iterator[bytes]:
    """What comes before the damage, to the byte."""
    with suppress(zlib.error):
        for byte in data:
            yield unpacker.decompress(bytes([byte]))


def _unpacked(data: bytes, file: _Counted) -> Iterator[bytes]:
    """Members of a gzip file follow each other; padding with zeros ends it."""
    while data.strip(b"\0"):
        unpacker = zlib.decompressobj(_GZIP)
        while not unpacker.eof:
            if not data:
                raise Cut("the compressed data ends early")
            before = unpacker.copy()
            try:
                yield unpacker.decompress(data, PIECE)
            except zlib.error:
                yield from _salvaged(before, data)
                raise Cut("the compressed data is damaged") from None
            data = unpacker.unconsumed_tail or (b"" if unpacker.eof else file.read(PIECE))
        data = unpacker.unused_data or file.read(PIECE)
