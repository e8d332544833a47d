"""Where each value of a JSON text begins and ends, found in bytes that come in any pieces.

Brackets, commas and quotation marks are all that is looked at, so a value that is too big, too deep or no JSON at all
is passed over in constant memory, and the next one is found. Time is linear in the bytes, whatever the pieces.
"""

import re
from collections.abc import Iterable

_BLANK = re.compile(rb"[ \t\r\n]*+")
_MARK = re.compile(rb'["{}\[\],]')
_QUOTE = ord('"')
# How many times its bound of marks a value may have before the rest of the file is given up.
_PATIENCE = 20
_OPENING, _CLOSING = b"{[", b"}]"


class Cut(Exception):
    """The bytes end, or make no sense, before the text is complete."""


class Excess(Exception):
    """A value goes beyond a bound; it was passed over."""


class Scanner:
    """A place in a stream of bytes.

    Escapes are masked in a copy of each piece, so that every quotation mark in it begins or ends a string. A
    backslash that ends a piece waits for the next one.
    """

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._data = self._mask = self._held = b""
        self._at = 0

    def peek(self) -> bytes:
        """The next byte that is not blank, which stays; empty at the end."""
        while True:
            blank = _BLANK.match(self._data, self._at)
            self._at = blank.end() if blank else self._at
            if self._at < len(self._data):
                return self._data[self._at : self._at + 1]
            if not self._advance():
                return b""

    def take(self, expected: bytes) -> None:
        """Go past `expected`, one byte. Raises Cut where there is another."""
        found = self.peek()
        if not found:
            raise Cut("the file ends in the middle")
        if found != expected:
            raise Cut(f"expected {expected.decode()!r}, got {found.decode('latin-1')!r}")
        self._at += 1

    def string(self, most: int) -> bytes:
        """A string with its quotation marks. Raises Cut, also if it has more than `most` bytes."""
        self.take(b'"')
        text = b'"'
        while (end := self._mask.find(b'"', self._at)) < 0:
            text += self._data[self._at :]
            if len(text) > most or not self._advance():
                raise Cut("the file ends in the middle of a name, or the name has no end")
        text += self._data[self._at : end + 1]
        self._at = end + 1
        return text

    def value(self, *, most: int, depth: int, marks: int) -> bytes:
        """The bytes from here to the comma or the bracket that follows the value.

        Raises Excess after a value of more than `most` bytes, deeper than `depth` or with more than `marks` brackets,
        commas and strings; Cut where the bytes end inside it.
        """
        extent = _Extent(most, depth, marks)
        start = self._at
        while (end := self._next_mark(extent.quoted)) < 0 or not extent.ends_at(self._mask[end]):
            if end >= 0:
                self._at = end + 1
                continue
            extent.keep(self._data[start:])
            start = 0
            if not self._advance():
                return extent.at_the_end()
        self._at = end
        extent.keep(self._data[start:end])
        return extent.whole()

    def _next_mark(self, quoted: bool) -> int:
        if quoted:
            return self._mask.find(b'"', self._at)
        mark = _MARK.search(self._mask, self._at)
        return mark.start() if mark else -1

    def _advance(self) -> bool:
        """Go on to the next piece; False at the end."""
        self._at = 0
        for piece in self._pieces:
            data = self._held + piece
            whole = len(data) - (len(data) - len(data.rstrip(b"\\"))) % 2
            self._data, self._held = data[:whole], data[whole:]
            if whole:
                self._mask = self._data.replace(rb"\\", b"..").replace(rb"\"", b"..")
                return True
        self._data = self._mask = b""
        return False


class _Extent:
    """How far into a value we are, and its bytes as long as it keeps within its bounds."""

    def __init__(self, most: int, depth: int, marks: int) -> None:
        self._most, self._depth, self._marks = most, depth, marks
        self._kept, self._level, self._count, self._excess = bytearray(), 0, 0, ""
        self.quoted = False

    def ends_at(self, mark: int) -> bool:
        """Whether the value ends before this comma, bracket or quotation mark; else it is part of it."""
        if mark == _QUOTE:
            self.quoted = not self.quoted
        elif self._level == 0 and mark not in _OPENING:
            return True
        else:
            self._level += (mark in _OPENING) - (mark in _CLOSING)
        self._count += 1
        if self._level > self._depth:
            self._exceed("nested too deep")
        if self._count > self._marks:
            self._exceed("made of too many values")
            if self._count > _PATIENCE * self._marks:
                raise Cut("there are too many values to pass over")
        return False

    def keep(self, data: bytes) -> None:
        if len(self._kept) + len(data) > self._most:
            self._exceed(f"larger than {self._most >> 10} KB")
        if not self._excess:
            self._kept += data

    def whole(self) -> bytes:
        if self._excess:
            raise Excess(self._excess)
        return bytes(self._kept)

    def at_the_end(self) -> bytes:
        """The value, where the bytes end right after it."""
        if self.quoted or self._level or not self._kept.rstrip().endswith((b"}", b"]", b'"')):
            raise Cut(f"the file ends in the middle{', ' + self._excess if self._excess else ''}")
        return bytes(self._kept)

    def _exceed(self, reason: str) -> None:
        self._excess = self._excess or reason
        self._kept.clear()
