"""The stages that every job passes, whatever it does: how long it may be silent, how often it speaks.

Each is an async generator that closes the one above it before it returns, so a consumer that stops early
has ended the upstream request by its next line.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from typing import TypeAlias, TypeVar

from webmint_cli.errors import Unavailable
from webmint_cli.events import Event, Progress, Status

Item = TypeVar("Item")
Clock: TypeAlias = Callable[[], float]

_CARRIED = 32 << 10


class Stalled(Unavailable):
    """Nothing that counts came for too long."""

    code = "timeout"


def utf16_length(text: str) -> int:
    """The length of text in UTF-16 code units, as JavaScript counts."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


async def watched(
    source: AsyncGenerator[Item, None], *, first: float, allow: Callable[[Item], float | None]
) -> AsyncGenerator[Item, None]:
    """The items of `source`, as long as they come in time.

    `first` is how many seconds the first may take; `allow` gives the seconds that an item allows for what comes
    next, or None if it does not count and the time runs on. While the consumer is busy, no time passes.
    Raises Stalled.
    """
    loop = asyncio.get_running_loop()
    limit, deadline = first, loop.time() + first
    async with aclosing(source):
        while True:
            try:
                async with asyncio.timeout_at(deadline):
                    item = await anext(source)
            except TimeoutError:
                raise Stalled(
                    f"nothing came for {limit:g} s", hint="try again, or allow more time: --timeout"
                ) from None
            except StopAsyncIteration:
                return
            if (allowed := allow(item)) is not None:
                limit, deadline = allowed, loop.time() + allowed
            handed_on = loop.time()
            yield item
            deadline += loop.time() - handed_on


async def paced(
    job: AsyncGenerator[Event, None], *, interval: float, heartbeat: float, clock: Clock
) -> AsyncGenerator[Event, None]:
    """The job's events with neighbouring progress joined: the first at once, then one each `interval` seconds.

    Progress never goes down. A job that is silent for `heartbeat` seconds is reported as still at work.
    """
    buffer = _Buffer()
    due, beat = clock(), clock() + heartbeat
    step = asyncio.ensure_future(anext(job))
    try:
        while True:
            now = clock()
            wake = due if buffer.events else beat
            await asyncio.wait((step,), timeout=max(0.0, wake - now))
            if step.done():
                if error := step.exception():
                    break
                buffer.add(step.result())
                step = asyncio.ensure_future(anext(job))
                if buffer.can_wait and clock() < due:
                    continue
            elif not buffer.events:
                yield buffer.heartbeat()
            for event in buffer.take():
                yield event
            due, beat = clock() + interval, clock() + heartbeat
    finally:
        await _closed(step, job)
    for event in buffer.take():
        yield event
    if not isinstance(error, StopAsyncIteration):
        raise error


class _Buffer:
    """Events that wait for their turn."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._progress = 0
        self._last: Status | None = None

    @property
    def can_wait(self) -> bool:
        return all(isinstance(event, Progress) or _is_thought(event) for event in self.events)

    def add(self, event: Event) -> None:
        at = len(self.events) - 1
        if at > 0 and isinstance(event, Progress) and _is_thought(self.events[at]):
            at -= 1
        if at >= 0 and (joined := _joined(self.events[at], event)):
            self.events[at] = joined
        else:
            self.events.append(event)

    def take(self) -> list[Event]:
        events, self.events = self.events, []
        return [self._raised(event) for event in events]

    def heartbeat(self) -> Status:
        last = self._last or Status("Working", 0)
        return replace(last, message=f"Still at it: {last.message}", progress=self._progress, stream_id=None)

    def _raised(self, event: Event) -> Event:
        if isinstance(event, Status | Progress):
            self._progress = max(self._progress, min(event.progress, 99))
            event = replace(event, progress=self._progress)
        if isinstance(event, Status):
            self._last = event
        return event


def _joined(last: Event, event: Event) -> Event | None:
    """Two events as one, None if they say different things."""
    if isinstance(last, Progress) and isinstance(event, Progress):
        if event.file != last.file or event.reset:
            return None
        return replace(last, content=last.content + event.content, progress=event.progress)
    return event if _is_thought(last) and _is_thought(event) else None


def _is_thought(event: Event) -> bool:
    return isinstance(event, Status) and event.phase == "think"


async def _closed(step: asyncio.Future[Event], job: AsyncGenerator[Event, None]) -> None:
    step.cancel()
    await asyncio.wait((step,))
    if not step.cancelled():
        step.exception()
    await job.aclose()


async def accumulated(
    events: AsyncGenerator[Event, None], *, always: bool | None
) -> AsyncGenerator[Event, None]:
    """Progress with all text of its file so far: `always`, never (False), or as often as stays linear (None).

    Linear: while the file is under 32 KB; then when it has grown by a quarter since, and at its end.
    """
    text = _Text()
    async with aclosing(events):
        async for event in events:
            if always is False:
                yield event
                continue
            if isinstance(event, Progress):
                if event.file != text.file and text.is_behind:
                    yield text.whole()
                yield text.carried(event, always=bool(always))
                continue
            if not isinstance(event, Status) and text.is_behind:
                yield text.whole()
            yield event


class _Text:
    """All text of the file that is being written."""

    def __init__(self) -> None:
        self.file = ""
        self._last: Progress | None = None
        self._parts: list[str] = []
        self._length = 0
        self._carried = 0

    @property
    def is_behind(self) -> bool:
        return self._carried < self._length

    def carried(self, event: Progress, *, always: bool) -> Progress:
        if event.file != self.file or event.reset:
            self.file, self._parts, self._length, self._carried = event.file, [], 0, 0
        self._parts.append(event.content)
        self._length += utf16_length(event.content)
        self._last = event
        if always or self._length < _CARRIED or self._length >= self._carried * 1.25:
            return self._with_text(event)
        return event

    def whole(self) -> Progress:
        assert self._last is not None  # noqa: S101 - what is behind has a last event
        return self._with_text(replace(self._last, content="", offset=self._length, reset=False))

    def _with_text(self, event: Progress) -> Progress:
        self._parts = ["".join(self._parts)]
        self._carried = self._length
        return replace(event, accumulated=self._parts[0])
