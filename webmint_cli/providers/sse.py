"""Server-sent events out of bytes, for the one field that model servers use.

https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream, restricted to `data`.
Split at bytes, so a character that is cut by a chunk is whole again before it is decoded.
"""

import re
from collections.abc import Iterator

from webmint_cli.errors import ProviderError

MAX_EVENT = 1 << 20

_BOM = b"\xef\xbb\xbf"
_BOUNDARY = re.compile(rb"\r\n|\r|\n")


class EventSplitter:
    """Feed it bytes, get the `data` of each event that is complete. Bad UTF-8 becomes U+FFFD."""

    def __init__(self) -> None:
        self._rest: list[bytes] = []
        self._held = 0
        self._data: list[bytes] = []
        self._size = 0
        self._started = False
        self._after_cr = False

    def feed(self, chunk: bytes) -> Iterator[str]:
        """The events that end in this chunk; after them ProviderError for one of more than 1 MiB."""
        if b"\n" not in chunk and b"\r" not in chunk:
            self._rest.append(chunk)
            self._held += len(chunk)
        else:
            for line in self._lines(b"".join((*self._rest, chunk))):
                if line:
                    self._take(line)
                elif self._data:
                    yield b"\n".join(self._data).decode("utf-8", "replace")
                    self._data, self._size = [], 0
        self._check(self._held)

    def close(self) -> Iterator[str]:
        """The last event of a body that ended without the blank line after it."""
        return self.feed(b"\n\n")

    def _lines(self, text: bytes) -> list[bytes]:
        if not self._started:
            self._started = True
            text = text.removeprefix(_BOM)
        if self._after_cr:
            text = text.removeprefix(b"\n")
        self._after_cr = text.endswith(b"\r")
        lines = text.split(b"\n") if b"\r" not in text else _BOUNDARY.split(text)
        self._rest = [lines.pop()]
        self._held = len(self._rest[0])
        return lines

    def _take(self, line: bytes) -> None:
        self._check(len(line))
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
            self._size += len(line)

    def _check(self, more: int) -> None:
        if self._size + more > MAX_EVENT:
            raise ProviderError(
                "the server sent an event of more than 1 MiB",
                code="too_large",
                hint="check that the base URL is a chat completions API",
            )
