"""A preview on a real socket, in a thread of its own, and requests that go out as they are written."""

from __future__ import annotations

import asyncio
import http.client
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from webmint_cli.server.listen import bind, listen
from webmint_cli.server.preview import Preview

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

PATIENCE = 10


@dataclass(frozen=True, slots=True)
class Got:
    """A response. Header names are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Client:
    """One connection that is kept. Nothing about a path is tidied up, as a library would."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)

    def __call__(
        self, path: str, method: str = "GET", headers: Mapping[str, str] | None = None, *, host: str = ""
    ) -> Got:
        self._connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in {"Host": host or f"127.0.0.1:{self.port}", **(headers or {})}.items():
            self._connection.putheader(name, value)
        self._connection.endheaders()
        response = self._connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Got(response.status, found, response.read())

    def close(self) -> None:
        self._connection.close()


def write(folder: Path, files: Mapping[str, str]) -> Path:
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(text.encode())
    return folder


@contextmanager
def previewing(folder: Path) -> Iterator[Client]:
    """Serve a folder until the end of the block."""
    listener = bind(0)
    port = listener.getsockname()[1]
    started = threading.Event()
    loop = asyncio.new_event_loop()
    task = loop.create_task(listen(Preview(folder), listener, lambda _: started.set()))
    thread = threading.Thread(target=_run, args=(loop, task))
    thread.start()
    client = Client(port)
    try:
        assert started.wait(PATIENCE)
        yield client
    finally:
        client.close()
        loop.call_soon_threadsafe(task.cancel)
        thread.join(PATIENCE)


def _run(loop: asyncio.AbstractEventLoop, task: asyncio.Task[None]) -> None:
    async def until_cancelled() -> None:
        await asyncio.wait([task])

    loop.run_until_complete(until_cancelled())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
