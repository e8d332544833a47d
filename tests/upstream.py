r"""A model server that misbehaves on purpose: real sockets, real HTTP/1.1, every byte under the test's control.

A :class:`Script` is the answer to one request: the head's bytes, then steps that the server plays in order. A body is
made of parts (:data:`Part`): a string is one content delta, a mapping is a delta as it stands, bytes are one HTTP
chunk verbatim, and a step is itself. So every fault is a value:

    text("Hel", "lo")                   a whole reply                    text("a", GARBAGE, "b")
    reset("Hel", "lo")                  two deltas, then RST             text("a", Pause(0.2), thinking("hm"), "b")
    drip(newlines(text("Hi"), b"\r"))   one byte an HTTP chunk, CR only  stream(ROLE, long_line(), Hold())

An answer ends with FIN (``Connection: close``), so a connection that stays open is one the client holds.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from email.utils import formatdate
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeAlias, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable
    from pathlib import Path

T = TypeVar("T")


class Step(Protocol):
    async def play(self, wire: asyncio.StreamWriter, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Wire:
    """Bytes as they are, without chunk framing: a body of known length, or half a chunk."""

    data: bytes

    async def play(self, wire: asyncio.StreamWriter) -> None:
        wire.write(self.data)
        await wire.drain()


@dataclass(frozen=True, slots=True)
class Send:
    """One HTTP chunk of the body."""

    data: bytes

    async def play(self, wire: asyncio.StreamWriter) -> None:
        await Wire(b"%x\r\n%b\r\n" % (len(self.data), self.data)).play(wire)


@dataclass(frozen=True, slots=True)
class Pause:
    seconds: float

    async def play(self, _wire: asyncio.StreamWriter) -> None:
        await asyncio.sleep(self.seconds)


@dataclass(frozen=True, slots=True)
class Hold:
    """Silence until the client leaves."""

    async def play(self, _wire: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()


@dataclass(frozen=True, slots=True)
class Comments:
    """Keep-alive comments until the client leaves."""

    every: float = 0.1

    async def play(self, wire: asyncio.StreamWriter) -> None:
        while True:
            await Send(PING).play(wire)
            await asyncio.sleep(self.every)


@dataclass(frozen=True, slots=True)
class Reset:
    """RST, after the client had a moment to read what was sent."""

    moment: float = 0.05

    async def play(self, wire: asyncio.StreamWriter) -> None:
        await asyncio.sleep(self.moment)
        linger = struct.pack("ii", 1, 0)
        wire.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        wire.transport.abort()
        await Hold().play(wire)


@dataclass(frozen=True, slots=True)
class Close:
    """FIN where it stands: a chunked body stays unterminated."""

    async def play(self, wire: asyncio.StreamWriter) -> None:
        wire.write_eof()
        await Hold().play(wire)


@dataclass(frozen=True, slots=True)
class End:
    """The chunk that ends a chunked body properly."""

    async def play(self, wire: asyncio.StreamWriter) -> None:
        await Wire(b"0\r\n\r\n").play(wire)


@dataclass(frozen=True, slots=True)
class Script:
    head: bytes
    steps: tuple[Step, ...] = ()

    async def play(self, wire: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            wire.write(self.head)
            for step in self.steps:
                await step.play(wire)
            wire.write_eof()


Delta: TypeAlias = Mapping[str, Any]
Part: TypeAlias = str | Delta | bytes | Step


def encode(value: object) -> bytes:
    r"""JSON in UTF-8; a lone surrogate, which UTF-8 has no bytes for, becomes its ``\udXXX`` escape."""
    return json.dumps(value, ensure_ascii=False).encode(errors="backslashreplace")


def data(value: object) -> bytes:
    return b"data: " + encode(value) + b"\n\n"


def event(**fields: object) -> bytes:
    common = {
        "id": "chatcmpl-1",
        "object": "chat.completion.chunk",
        "created": 1795407034,
        "model": "model-a",
    }
    return data(common | fields)


def chunk(delta: str | Delta, finish: str | None = None) -> bytes:
    """One event that carries this delta."""
    delta = {"content": delta} if isinstance(delta, str) else dict(delta)
    return event(choices=[{"index": 0, "delta": delta, "finish_reason": finish}])


def failure(message: str, code: str = "server_error") -> dict[str, Any]:
    """The body of an error as OpenAI writes it."""
    return {"error": {"message": message, "type": code, "code": code}}


def thinking(text: str, field: str = "reasoning_content") -> Delta:
    return {field: text}


def content_parts(*texts: str) -> Delta:
    return {"content": [{"type": "text", "text": text} for text in texts]}


def torn(payload: bytes, after: bytes) -> tuple[bytes, bytes]:
    """The payload as two HTTP chunks, the first of which ends with these bytes."""
    cut = payload.index(after) + len(after)
    return payload[:cut], payload[cut:]


def long_line(size: int = 1024 * 1024 + 1) -> bytes:
    """A line of this many bytes that does not end."""
    return b"data: ".ljust(size, b"x")


USAGE_COUNTS = {"prompt_tokens": 12, "completion_tokens": 34, "total_tokens": 46}

ROLE = chunk({"role": "assistant", "content": None})
USAGE = event(choices=[], usage=USAGE_COUNTS)
DONE = b"data: [DONE]\n\n"
PING = b": ping\n\n"
BOM = b"\xef\xbb\xbf"
GARBAGE = b"data: not json\n\n"
BROKEN_JSON = b'data: {"choices":[{"del\n\n'
NO_CHOICES = event(choices=[])
NULL_CHOICES = event(choices=None)
ERROR_EVENT = data(failure("the model ran out of memory"))
INVALID_UTF8 = torn(chunk("caf@!").replace(b"@", b"\xff\xc3"), after=b"\xff")  # two parts, as the next
SPLIT_UTF8 = torn(chunk("\N{ROCKET}"), after=b"\xf0\x9f")  # two parts: text(*SPLIT_UTF8)
SPLIT_SURROGATES = ("\ud83d", "\ude80")  # two deltas that make one rocket: text(*SPLIT_SURROGATES)


def _head(code: int, headers: Mapping[str, str]) -> bytes:
    fields = {"connection": "close", **headers}
    lines = [f"HTTP/1.1 {code} {_reason(code)}", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def _reason(code: int) -> str:
    return HTTPStatus(code).phrase if code in set(HTTPStatus) else "Overloaded"


def _step(part: Part) -> Step:
    if isinstance(part, bytes):
        return Send(part)
    return Send(chunk(part)) if isinstance(part, str | Mapping) else part


def stream(*parts: Part) -> Script:
    """An event stream of exactly these parts, then a clean end (which nothing after a Hold, Reset or Close reaches)."""
    head = _head(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"})
    return Script(head, (*map(_step, parts), End()))


def text(
    *parts: Part,
    finish: str | None = "stop",
    usage: bool = True,
    done: bool = True,
    role_first: bool = True,
    late_delta: bool = False,
    gap: float = 0.0,
) -> Script:
    """A normal reply; each argument takes away or adds one event. `gap` is the pause in seconds after each part."""
    pause = [Pause(gap)] if gap else []
    opening = [ROLE] if role_first else []
    body = [piece for part in parts for piece in (part, *pause)]
    closing = [chunk({}, finish)] if finish else []
    closing += [chunk({})] * late_delta + [USAGE] * usage + [DONE] * done
    return stream(*opening, *body, *closing)


def unfinished(*parts: Part) -> Script:
    """A clean end of the body, but no finish reason and no [DONE]."""
    return text(*parts, finish=None, usage=False, done=False)


def reset(*parts: Part) -> Script:
    return stream(ROLE, *parts, Reset())


def cut(*parts: Part) -> Script:
    """FIN after these parts, without the terminating chunk."""
    return stream(ROLE, *parts, Close())


def stall(*parts: Part) -> Script:
    """These parts, then silence on an open connection."""
    return stream(ROLE, *parts, Hold())


def pings(*parts: Part, every: float = 0.1) -> Script:
    """These parts, then keep-alive comments for ever."""
    return stream(ROLE, *parts, Comments(every))


def silent() -> Script:
    """Not even a head."""
    return Script(b"", (Hold(),))


def linger(script: Script) -> Script:
    """The same, with silence in place of the end of the body."""
    return replace(script, steps=(*script.steps[:-1], Hold()))


def recording(path: Path, *then: Step) -> Script:
    """A recorded body byte for byte, an event a chunk; `then` says how it goes on, if not with a clean end."""
    return stream(*re.split(rb"(?<=\n\n)", path.read_bytes()), *then)


def _resent(script: Script, change: Callable[[bytes], Iterable[bytes]]) -> Script:
    steps: list[Step] = []
    for step in script.steps:
        steps += map(Send, change(step.data)) if isinstance(step, Send) else [step]
    return replace(script, steps=tuple(steps))


def drip(script: Script) -> Script:
    """The body one byte an HTTP chunk."""
    return _resent(script, lambda payload: (bytes([byte]) for byte in payload))


def newlines(script: Script, newline: bytes) -> Script:
    return _resent(script, lambda payload: [payload.replace(b"\n", newline)])


def no_space(script: Script) -> Script:
    return _resent(script, lambda payload: [payload.replace(b"data: ", b"data:")])


def bom(script: Script) -> Script:
    return replace(script, steps=(Send(BOM), *script.steps))


def status(code: int, body: object = None, headers: Mapping[str, str] | None = None) -> Script:
    """A whole answer: a string is HTML or plain text, anything else JSON, nothing an error that names the code."""
    if body is None:
        body = failure(_reason(code))
    payload = body.encode() if isinstance(body, str) else encode(body)
    kind = "application/json"
    if isinstance(body, str):
        kind = "text/html; charset=utf-8" if body.startswith("<") else "text/plain; charset=utf-8"
    fields = {"content-type": kind, "content-length": str(len(payload))} | dict(headers or {})
    return Script(_head(code, fields), (Wire(payload),))


def html(code: int = 200, title: str = "Welcome to the hotel") -> Script:
    """A page where an answer of the model was expected: a captive portal, a proxy's error."""
    return status(
        code, f"<!doctype html><html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
    )


def completion(content: str, finish: str = "stop") -> Script:
    """A whole completion in one JSON answer, although a stream was asked for."""
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": finish}
    fields = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1795407034, "model": "model-a"}
    return status(200, fields | {"choices": [choice], "usage": USAGE_COUNTS})


def redirect(code: int, location: str) -> Script:
    return status(code, headers={"location": location})


def unauthorized(key: str) -> Script:
    """401 whose body quotes the key, as real servers do."""
    return status(401, failure(f"Incorrect API key provided: {key}.", "invalid_api_key"))


def raw(wire: bytes) -> Script:
    """Anything else: these bytes, then FIN."""
    return Script(wire)


def http_date(seconds: float) -> str:
    """So many seconds from now, in the form Retry-After takes (RFC 9110, section 10.2.3)."""
    return formatdate(time.time() + seconds, usegmt=True)


def closed_port() -> str:
    """A base URL that refuses connections."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://127.0.0.1:{listener.getsockname()[1]}/v1"


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it arrived: header names in lower case, `at` in seconds of the monotonic clock."""

    method: str
    path: str
    headers: dict[str, str]
    json: Any
    at: float


async def _read(reader: asyncio.StreamReader) -> Seen:
    head = await reader.readuntil(b"\r\n\r\n")
    start, *lines = head.decode("latin-1").splitlines()
    method, path, _ = start.split(" ")
    fields = (line.partition(":") for line in lines if line)
    headers = {name.lower(): value.strip() for name, _, value in fields}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Seen(method, path, headers, json.loads(body) if body else None, time.monotonic())


class Upstream:
    """The server, in a thread with a loop of its own, for as long as its `with` block."""

    base_url: str

    def __init__(self) -> None:
        self.models = ["model-a", "model-b"]
        self.key: str | None = None
        self.requests: list[Seen] = []
        self._script = status(400, failure("no script: call Upstream.reply first"))
        self._queue: deque[Script] = deque()
        self._change = threading.Condition()
        self._open = 0
        self._closed_at: float | None = None

    def reply(self, *scripts: Script) -> None:
        """Queue answers: each POST of a chat completion takes the next one, and the last one repeats."""
        self._queue.extend(scripts)

    def wait_closed(self, timeout: float = 5.0) -> float:
        """Block until every client has closed its connections; monotonic time when the last was seen to.

        It waits for a first connection too. From a coroutine, call it in a thread (`asyncio.to_thread`), or the
        client under test has no loop to close its connection on. Raises TimeoutError.
        """
        with self._change:
            self._change.wait_for(lambda: self._closed_at and not self._open, timeout)
            if self._closed_at is None or self._open:
                raise TimeoutError(f"{self._open} connections open after {timeout} s")
            return self._closed_at

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="upstream", daemon=True)
        self._thread.start()
        self._server = self._call(asyncio.start_server(self._serve, "127.0.0.1", 0, limit=2**20))
        self.base_url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    async def _stop(self) -> None:
        self._loop.remove_reader(self._server.sockets[0].fileno())
        # These turns of the loop bring a connection just accepted to _serve, which cleans up.
        for _ in range(5):
            await asyncio.sleep(0)
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._count(1)
        try:
            # Cancelled only by _stop; asyncio.streams of 3.11 logs a handler that ends so.
            with suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._converse(reader, writer)
        finally:
            self._count(-1)
            writer.transport.abort()
            with suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen = await _read(reader)
        self.requests.append(seen)
        async with asyncio.TaskGroup() as group:
            playing = group.create_task(self._answer(seen).play(writer))
            with suppress(ConnectionError):
                await reader.read()  # to its end: the client has left
            playing.cancel()

    def _answer(self, seen: Seen) -> Script:
        sent = seen.headers.get("authorization", "").removeprefix("Bearer ")
        if self.key is not None and sent != self.key:
            return unauthorized(sent)
        if seen.method == "GET" and seen.path.endswith("/models"):
            models = [{"id": name, "object": "model"} for name in self.models]
            return status(200, {"object": "list", "data": models})
        if seen.method == "POST" and seen.path.endswith("/chat/completions"):
            self._script = self._queue.popleft() if self._queue else self._script
            return self._script
        return status(404)

    def _count(self, connections: int) -> None:
        with self._change:
            self._open += connections
            if connections < 0:
                self._closed_at = time.monotonic()
            self._change.notify_all()
