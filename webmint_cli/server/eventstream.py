"""The answer that is a stream of events, as `text/event-stream` has it, in a form that proxies leave alone."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing, suppress
from typing import Any, TypeVar

from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

T = TypeVar("T")

# https://html.spec.whatwg.org/#server-sent-events; nginx buffers whole answers unless it is told not to.
HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache, no-transform",
    "x-accel-buffering": "no",
}


class EventStream(Response):
    """Sends frames as they come, until they end or the reader leaves or takes nothing for `stalled` seconds.

    `sent` is told how many bytes went out.
    """

    def __init__(
        self, frames: AsyncGenerator[bytes, None], *, stalled: float, sent: Callable[[int], None]
    ) -> None:
        super().__init__(headers=HEADERS)
        del self.headers["content-length"]
        self._frames = frames
        self._stalled = stalled
        self._sent = sent

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
        if scope["method"] == "HEAD":
            await send(start)
            await send({"type": "http.response.body", "body": b""})
            return
        await while_there(receive, self._send(start, send))

    async def _send(self, start: Message, send: Send) -> None:
        # A reader that has left, or takes nothing, has left: it may come back.
        with suppress(OSError, TimeoutError):
            async with aclosing(self._frames) as frames:
                await send(start)
                async for frame in frames:
                    async with asyncio.timeout(self._stalled):
                        await send({"type": "http.response.body", "body": frame, "more_body": True})
                    self._sent(len(frame))
                await send({"type": "http.response.body", "body": b""})


async def while_there(receive: Receive, work: Coroutine[Any, Any, T]) -> T | None:
    """The result of some work, or None when who asked for it left first, which ends the work."""
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_left(receive))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.wait((working, leaving))


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
