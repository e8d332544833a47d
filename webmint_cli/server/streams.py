"""Live streams: jobs that run by themselves, watched by as many readers as like, each of whom may leave and return.

A job's events are kept as numbered SSE frames, as many as fit into a buffer. Who missed more than that gets a snapshot
of the files in their place, so that nobody's slowness costs memory. When nobody has listened for a while, the
job is closed, which ends its request upstream; what is kept of it is forgotten.
"""

import asyncio
import secrets
from collections import Counter, deque
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace
from http import HTTPStatus
from itertools import islice
from typing import Literal, TypeAlias

from webmint_cli.errors import Incomplete, WebMintError
from webmint_cli.events import Complete, Deployed, Event, Planned, Progress, Status, failed, to_json
from webmint_cli.server.refusals import Refusal

Kind: TypeAlias = Literal["generate", "deploy"]

BEAT = b": still here\n\n"

_DONE = "[DONE]"
_CHUNK = 64 << 10
# However large they are: the last event and the [DONE] behind it.
_ALWAYS_KEPT = 2
_FAREWELL = 2.0
_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much is kept, and for how long.

    `running`: streams at once, and as many finished ones; `buffer`: bytes of frames a stream; `grace`: seconds for
    which nobody need listen; `heartbeat`: seconds between signs of life; `stalled`: seconds that a reader may
    take for what is sent to it.
    """

    running: int = 64
    buffer: int = 256 << 10
    grace: float = 20.0
    heartbeat: float = 15.0
    stalled: float = 30.0


class Stream:
    """One job that runs. `outcome` is its last event, `error` what that says where it failed."""

    def __init__(
        self,
        kind: Kind,
        bounds: Bounds,
        *,
        accumulated: bool | None,
        ended: Callable[["Stream"], None],
        lapsed: Callable[["Stream"], None],
    ) -> None:
        self.id = secrets.token_urlsafe(16)
        self.kind = kind
        self.outcome: Event | None = None
        self.error: WebMintError | None = None
        self._bounds = bounds
        self._carries = accumulated is not False
        self._ended = ended
        self._lapsed = lapsed
        self._frames: deque[bytes] = deque()
        self._size = 0
        self._last = 0
        self._told = 0
        self._progress = 0
        self._texts: dict[str, list[str]] = {}
        self._news = asyncio.Event()
        self._readers = 0
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def is_over(self) -> bool:
        return self.outcome is not None

    @property
    def is_watched(self) -> bool:
        return self._readers > 0

    def begin(self, events: AsyncGenerator[Event, None]) -> None:
        self._task = asyncio.create_task(self._pump(events))
        self._rest()

    def position(self, last_event_id: str) -> int:
        """The number of the last event that a reader has, by what it sends as `Last-Event-ID`. Raises Refusal."""
        if not last_event_id:
            return 0
        stream, _, number = last_event_id.rpartition(":")
        known = stream == self.id and number.isascii() and number.isdigit() and len(number) <= _DIGITS
        if not known or int(number) > self._last:
            raise Refusal(
                HTTPStatus.BAD_REQUEST,
                "Last-Event-ID is not of this stream",
                hint="send the id of the last event you have, or leave it out to begin at the start",
            )
        # Who has seen the end may see it again: every answer ends with it.
        return min(int(number), self._last - 1) if self.is_over else int(number)

    async def read(self, after: int) -> AsyncGenerator[bytes, None]:
        """Frames from after that event on, live, to the end; a comment where nothing else is said for long."""
        self._readers += 1
        try:
            while True:
                if after < self._dropped:
                    missed, after = self._snapshot(after)
                    for frame in missed:
                        yield frame
                elif after < self._last:
                    chunk = self._chunk(after)
                    after += len(chunk)
                    yield b"".join(chunk)
                elif self.is_over:
                    return
                elif not await self._is_news():
                    yield BEAT
        finally:
            self._readers -= 1
            self._rest()

    async def ended(self) -> Event:
        """The last event, once it is there."""
        self._readers += 1
        try:
            while self.outcome is None:
                await self._news.wait()
            return self.outcome
        finally:
            self._readers -= 1
            self._rest()

    async def close(self, message: str) -> None:
        """End the job where it stands, and what it holds open upstream with it."""
        self.forget()
        if self._task:
            self._task.cancel()
            await asyncio.wait((self._task,), timeout=_FAREWELL)
        if not self.is_over:
            self._fail(self._stopped(message))

    def forget(self) -> None:
        if self._timer:
            self._timer.cancel()

    async def _pump(self, events: AsyncGenerator[Event, None]) -> None:
        try:
            async with aclosing(events):
                async for event in events:
                    self._publish(event)
            if not self.is_over:
                self._fail(WebMintError("the job ended without a result", code="bug"))
        except WebMintError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001 - a stream ends with an event, whatever ends it
            self._fail(WebMintError(f"a bug in webmint: {type(error).__name__}", code="bug"))

    def _publish(self, event: Event) -> None:
        if isinstance(event, Complete | Deployed | Planned):
            self._end(event)
            return
        if isinstance(event, Status) and not self._last:
            event = replace(event, stream_id=self.id)
        if isinstance(event, Status | Progress):
            self._progress = event.progress
        if isinstance(event, Progress):
            self._keep(event)
        self._add(to_json(event))
        self._told = self._last

    def _keep(self, event: Progress) -> None:
        parts = self._texts.setdefault(event.file, [])
        if event.reset:
            parts.clear()
        parts.append(event.content)

    def _fail(self, error: WebMintError) -> None:
        self.error = error
        self._end(failed(error))

    def _end(self, event: Event) -> None:
        self.outcome = event
        self._add(to_json(event))
        self._add(_DONE)
        self._ended(self)
        self._rest()

    def _add(self, payload: str) -> None:
        frame = self._frame(self._last + 1, payload)
        self._last += 1
        self._frames.append(frame)
        self._size += len(frame)
        while self._size > self._bounds.buffer and len(self._frames) > _ALWAYS_KEPT:
            self._size -= len(self._frames.popleft())
        self._news.set()
        self._news = asyncio.Event()

    def _frame(self, number: int, payload: str) -> bytes:
        return f"id: {self.id}:{number}\ndata: {payload}\n\n".encode()

    @property
    def _dropped(self) -> int:
        return self._last - len(self._frames)

    def _chunk(self, after: int) -> list[bytes]:
        chunk, size = [], 0
        for frame in islice(self._frames, after - self._dropped, None):
            chunk.append(frame)
            size += len(frame)
            if size >= _CHUNK:
                break
        return chunk

    def _snapshot(self, after: int) -> tuple[Iterator[bytes], int]:
        """All files as they are, in place of what was missed, and the number of the event that it reaches.

        Only the last frame has that number: who loses the connection before it is told everything again.
        """
        if not self._texts:
            return iter(()), self._dropped
        told = [self._whole(path, "".join(parts)) for path, parts in self._texts.items()]
        numbers = [after] * (len(told) - 1) + [self._told]
        return map(self._frame, numbers, map(to_json, told)), self._told

    def _whole(self, path: str, text: str) -> Progress:
        return Progress(text, self._progress, path, 0, True, text if self._carries else None)

    async def _is_news(self) -> bool:
        try:
            async with asyncio.timeout(self._bounds.heartbeat):
                return await self._news.wait()
        except TimeoutError:
            return False

    def _rest(self) -> None:
        """Begin anew the time for which nobody need listen."""
        self.forget()
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(self._bounds.grace, self._lapse)

    def _lapse(self) -> None:
        if not self.is_watched:
            self._lapsed(self)

    def _stopped(self, message: str) -> WebMintError:
        if self.kind == "deploy":
            return WebMintError(
                f"{message}: whether it was published is not known",
                code="stopped",
                reason="stopped",
                hint="see: webmint deployments list",
            )
        partial = {path: "".join(parts) for path, parts in self._texts.items()}
        return Incomplete(message, reason="stopped", partial=partial, hint="ask again")


class Streams:
    """All streams of a server."""

    def __init__(self, bounds: Bounds | None = None) -> None:
        self.bounds = bounds or Bounds()
        self.started: Counter[Kind] = Counter()
        self.finished: Counter[tuple[Kind, str]] = Counter()
        self._streams: dict[str, Stream] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._is_closed = False

    @property
    def running(self) -> int:
        return sum(not stream.is_over for stream in self._streams.values())

    def start(
        self, kind: Kind, events: AsyncGenerator[Event, None], *, accumulated: bool | None = None
    ) -> Stream:
        """A stream of this job's events. Raises Refusal where there are too many."""
        self._expect_room()
        stream = Stream(kind, self.bounds, accumulated=accumulated, ended=self._count, lapsed=self._forget)
        self._streams[stream.id] = stream
        self.started[kind] += 1
        stream.begin(events)
        return stream

    def get(self, id_: str) -> Stream:
        if id_ not in self._streams:
            raise Refusal(
                HTTPStatus.NOT_FOUND,
                "there is no such stream",
                hint=f"a stream is kept for {self.bounds.grace:g} s after its last reader left; start another",
            )
        return self._streams[id_]

    async def close(self) -> None:
        """End every stream, each with its last event; start no other."""
        self._is_closed = True
        streams = self._streams.values()
        await asyncio.gather(*(stream.close("the server was stopped") for stream in streams), *self._closing)

    def _count(self, stream: Stream) -> None:
        stopped = stream.error and stream.error.reason == "stopped"
        outcome = "stopped" if stopped else "error" if stream.error else "complete"
        self.finished[stream.kind, outcome] += 1

    def _expect_room(self) -> None:
        if self._is_closed:
            raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "the server is stopping", hint="try again soon")
        if self.running >= self.bounds.running:
            raise Refusal(
                HTTPStatus.TOO_MANY_REQUESTS,
                f"{self.bounds.running} streams are running, and no more are allowed at once",
                hint="try again when one has finished",
                code="too_many_streams",
                headers={"retry-after": "5"},
            )
        for stream in list(self._streams.values())[: 1 - 2 * self.bounds.running]:
            if stream.is_over:
                stream.forget()
                del self._streams[stream.id]

    def _forget(self, stream: Stream) -> None:
        self._streams.pop(stream.id, None)
        closing = asyncio.get_running_loop().create_task(stream.close("nobody was listening any more"))
        self._closing.add(closing)
        closing.add_done_callback(self._closing.discard)
