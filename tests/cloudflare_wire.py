"""HTTP/1.1 over plain sockets: a thread a connection, keep-alive, and an answer may end as badly as a test wants."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from email.message import Message
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, BinaryIO, Literal
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

Ending = Literal["whole", "dropped", "midway"]


@dataclass(frozen=True, slots=True)
class Part:
    """One field of a multipart body; `filename` and `content_type` are None where the client sent none."""

    name: str
    filename: str | None
    content_type: str | None
    data: bytes


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it arrived: header names in lower case, `path` with its query, `call` the host's name for it."""

    method: str
    path: str
    headers: dict[str, str]
    call: str = ""
    body: bytes = b""

    @property
    def json(self) -> Any:
        return json.loads(self.body) if self.body else None

    @property
    def query(self) -> dict[str, str]:
        return {name: values[-1] for name, values in parse_qs(urlsplit(self.path).query).items()}

    def parts(self) -> list[Part]:
        """The fields of a multipart/form-data body in their order; empty for any other body."""
        message = Message()
        message["content-type"] = self.headers.get("content-type", "")
        boundary = message.get_param("boundary")
        if message.get_content_type() != "multipart/form-data" or not isinstance(boundary, str):
            return []
        pieces = (b"\r\n" + self.body).split(b"\r\n--" + boundary.encode())
        return [_part(piece.removeprefix(b"\r\n")) for piece in pieces[1:-1]]


def _part(piece: bytes) -> Part:
    head, _, data = piece.partition(b"\r\n\r\n")
    fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
    fields = {name.lower(): value for name, value in fields.items()}
    message = Message()
    message["content-disposition"] = fields["content-disposition"]
    name = message.get_param("name", header="content-disposition")
    return Part(str(name), message.get_filename(), fields.get("content-type"), data)


@dataclass(frozen=True, slots=True)
class Answer:
    """A response, and how its sending ends. `drip` is the seconds over which the whole of it is spread."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    ending: Ending = "whole"
    drip: float = 0.0

    def encode(self, *, with_body: bool) -> bytes:
        fields = {"content-length": str(len(self.body)), **self.headers}
        reason = HTTPStatus(self.status).phrase if self.status in set(HTTPStatus) else "Unassigned"
        lines = [
            f"HTTP/1.1 {self.status} {reason}",
            *(f"{name}: {value}" for name, value in fields.items()),
        ]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body * with_body


def send(wire: socket.socket, answer: Answer, *, with_body: bool = True) -> bool:
    """Play the answer; whether the connection lives on."""
    payload = answer.encode(with_body=with_body)
    if answer.ending == "dropped":
        return False
    if answer.ending == "midway":
        wire.sendall(payload[: len(payload) - max(1, len(answer.body) // 2)])
        return False
    if not answer.drip:
        wire.sendall(payload)
        return True
    wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    begin = time.monotonic()
    for count, byte in enumerate(payload, 1):
        wire.sendall(bytes([byte]))
        time.sleep(max(0.0, begin + answer.drip * count / len(payload) - time.monotonic()))
    return True


def read_head(stream: BinaryIO) -> Seen | None:
    """The next request without its body; None when the client has left."""
    start = stream.readline().decode("latin-1").split()
    if len(start) != 3:
        return None
    headers: dict[str, str] = {}
    while line := stream.readline().decode("latin-1").strip():
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    return Seen(start[0], start[1], headers)


def read_body(stream: BinaryIO, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return _chunks(stream)
    return stream.read(int(headers.get("content-length", 0)))


def _chunks(stream: BinaryIO) -> bytes:
    body = b""
    while size := int(stream.readline().split(b";")[0], 16):
        body += stream.read(size)
        stream.readline()
    while stream.readline().strip():
        pass
    return body


class Listener:
    """A port of 127.0.0.1 that hands each connection to `converse` in a thread of its own."""

    def __init__(self, converse: Callable[[socket.socket, BinaryIO], None]) -> None:
        self._converse = converse
        self._socket = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.origin = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._open: dict[socket.socket, threading.Thread] = {}
        self._lock = threading.Lock()
        self._closing = False
        self._thread = threading.Thread(target=self._accept, name=self.origin, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            wire, _ = self._socket.accept()
            if self._closing:
                wire.close()
                return
            thread = threading.Thread(target=self._serve, args=(wire,), daemon=True)
            with self._lock:
                self._open[wire] = thread
            thread.start()

    def _serve(self, wire: socket.socket) -> None:
        with wire, wire.makefile("rb") as stream, suppress(OSError):
            self._converse(wire, stream)
        with self._lock:
            self._open.pop(wire, None)

    def close(self) -> None:
        """Stop listening, end every connection, and wait for their threads."""
        self._closing = True
        socket.create_connection(self._socket.getsockname()).close()  # accept() wakes up
        self._thread.join()
        self._socket.close()
        with self._lock:
            remaining = list(self._open.items())
        for wire, thread in remaining:
            with suppress(OSError):
                wire.shutdown(socket.SHUT_RDWR)
            thread.join()
