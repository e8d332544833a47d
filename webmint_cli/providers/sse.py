"""Server-sent events out of bytes, for the one field that model servers use.

https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream, restricted to `data`.
Split at bytes, so a character that is cut by a chunk is whole again before it is decoded.
"""

import re

from webmint_cli.errors import ProviderError

MAX_EVENT = 1 << 20

_BOM = b"\xef\xbb\xbf"
_BOUNDARY = re.compile(rb"\r\n|\r|\n")


class EventSplitter:
    """Feed it bytes, get the `data` of each event that is complete. Bad UTF-8 becomes U+FFFD."""

    def __init__(self) -> None:
        self._rest: list[bytes] = []
        self._size = 0
        self._data: list[bytes] = []
        self._started = False

    def feed(self, chunk: bytes) -> list[str]:
        """Raises ProviderError for an event of more than 1 MiB."""
        if b"\n" not in chunk and b"\r" not in chunk:
            self._hold(chunk)
            return []
        lines = self._lines(b"".join((*self._rest, chunk)))
        events = []
        for line in lines:
            if line:
                self._take(line)
            elif self._data:
                events.append(b"\n".join(self._data).decode("utf-8", "replace"))
                self._data.clear()
        return events

    def close(self) -> list[str]:
        """The last event of a body that ended without the blank line after it."""
        return self.feed(b"\n\n")

    def _lines(self, text: bytes) -> list[bytes]:
        if not self._started:
            self._started = True
            text = text.removeprefix(_BOM)
        # A CR at the end may be half of a CRLF.
        held = text[-1:] if text.endswith(b"\r") else b""
        body = text[: len(text) - len(held)]
        lines = body.split(b"\n") if b"\r" not in body else _BOUNDARY.split(body)
        rest = lines.pop() + held
        self._rest, self._size = [], 0
        self._hold(rest)
        return lines

    def _hold(self, chunk: bytes) -> None:
        self._rest.append(chunk)
        self._size += len(chunk)
        if self._size + sum(map(len, self._data)) > MAX_EVENT:
            raise ProviderError(
                "the server sent an event of more than 1 MiB",
                code="too_large",
                hint="check that the base URL is a chat completions API",
            )

    def _take(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name == b"data":
            self._data.append(value.removeprefix(b" "))
