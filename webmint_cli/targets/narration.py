"""A deployment tells what it does while it works, also from several uploads at once."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable

from webmint_cli.events import Event, Phase, Status


class Report:
    """Where a deployment says what it is doing. Progress stays where it is unless a number is given."""

    def __init__(self) -> None:
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._progress = 0
        self._phase: Phase = "connect"

    def say(self, message: str, progress: int | None = None, phase: Phase | None = None) -> None:
        self._progress = max(self._progress, progress or 0)
        self._phase = phase or self._phase
        self._events.put_nowait(Status(message, self._progress, self._phase))

    def end(self) -> None:
        self._events.put_nowait(None)

    async def events(self) -> AsyncGenerator[Event, None]:
        while (event := await self._events.get()) is not None:
            yield event


async def narrated(work: Callable[[Report], Awaitable[Event]]) -> AsyncGenerator[Event, None]:
    """The events of `work` as it reports them, then the one it returns. Closing this cancels the work."""
    report = Report()
    task = asyncio.ensure_future(work(report))
    task.add_done_callback(lambda _: report.end())
    try:
        async for event in report.events():
            yield event
        yield task.result()
    finally:
        task.cancel()
        await asyncio.wait((task,))
