"""What the hosts of the tests share: a JSON API with named calls and faults on demand, and origins that serve files."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote, urlsplit

from cloudflare_faults import JSON, Fault, Faults
from cloudflare_wire import Answer, Listener, Seen, read_body, read_head, send

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable, Mapping
    from typing import BinaryIO


class Refused(Exception):
    """An answer that is no success."""

    def __init__(self, status: int, body: object) -> None:
        super().__init__(status)
        self.answer = answer(body, status)


def answer(body: object, status: int = 200) -> Answer:
    return Answer(status, json.dumps(body).encode(), dict(JSON))


@dataclass(frozen=True, slots=True)
class Route:
    """`pattern` is a path with `{names}`, `{+name}` for one with slashes; `admit` is the door."""

    method: str
    pattern: str
    call: str
    handle: Callable[..., Answer]
    admit: Callable[[Seen], None] | None = None

    def match(self, seen: Seen) -> dict[str, str] | None:
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.pattern)
        pattern = re.sub(r"\{\+(\w+)\}", r"(?P<\1>.+)", pattern)
        path = urlsplit(seen.path).path
        found = re.fullmatch(pattern, path) if seen.method == self.method else None
        return {name: unquote(value) for name, value in found.groupdict().items()} if found else None


class JsonHost:
    """The server, in threads, for as long as its `with` block; `faults` are planned by the names of the routes."""

    def __init__(self) -> None:
        self.faults = Faults()
        self.requests: list[Seen] = []
        self.reads: list[Seen] = []
        self._lock = threading.RLock()
        self._ports: list[Listener] = []

    def routes(self) -> Iterable[Route]:
        raise NotImplementedError

    def __enter__(self) -> Self:
        self._listener = Listener(self._converse)
        self.origin = self._listener.origin
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        for port in self._ports:
            port.close()

    def calls(self) -> list[str]:
        return [seen.call for seen in self.requests]

    def of(self, call: str) -> list[Any]:
        """The JSON bodies that came with these calls."""
        return [seen.json for seen in self.requests if seen.call == call]

    def serve(
        self,
        files: Callable[[], Mapping[str, bytes] | None],
        gate: Callable[[Seen], Answer | None] | None = None,
    ) -> str:
        """A new origin for what `files` gives at the time of each request; `gate` may answer first."""

        def converse(wire: socket.socket, stream: BinaryIO) -> None:
            while seen := read_head(stream):
                self.reads.append(seen)
                shut = gate(seen) if gate else None
                if not send(wire, shut or _page(seen, files())):
                    break

        self._ports.append(Listener(converse))
        return self._ports[-1].origin

    def _converse(self, wire: socket.socket, stream: BinaryIO) -> None:
        while (head := read_head(stream)) and self._exchange(wire, stream, head):
            pass

    def _exchange(self, wire: socket.socket, stream: BinaryIO, head: Seen) -> bool:
        matches = ((route, route.match(head)) for route in self.routes())
        route, names = next(((route, names) for route, names in matches if names is not None), (None, {}))
        call = route.call if route else "unknown"
        fault = self.faults.take(call) or Fault()
        seen = replace(head, call=call, body=b"" if fault.unread else read_body(stream, head.headers))
        self.requests.append(seen)
        if fault.unread:
            return False
        reply = fault.instead or self._answer(seen, route, names)
        return send(wire, fault.change(reply) if fault.change else reply)

    def _answer(self, seen: Seen, route: Route | None, names: dict[str, str]) -> Answer:
        if route is None:
            return answer({"message": "Not Found"}, 404)
        try:
            with self._lock:
                if route.admit:
                    route.admit(seen)
                return route.handle(seen, **names)
        except Refused as refused:
            return refused.answer


def _page(seen: Seen, files: Mapping[str, bytes] | None) -> Answer:
    path = unquote(urlsplit(seen.path).path).removeprefix("/")
    name = f"{path}index.html" if not path or path.endswith("/") else path
    body = (files or {}).get(name)
    return Answer(404, b"not found") if body is None else Answer(200, body)
