"""The API on a real socket, in a thread of its own, and its streams as a client sees them."""

from __future__ import annotations

import asyncio
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import httpx
import support
from httpx_sse import EventSource

from webmint_cli.providers.openai_compatible import OpenAICompatible
from webmint_cli.server.app import App, Service
from webmint_cli.server.listen import bind
from webmint_cli.server.publication import Desk
from webmint_cli.server.streams import Bounds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import upstream as up

    from webmint_cli.providers.provider import Provider
    from webmint_cli.server.guard import Policy

PATIENCE = 10
PROMPT = {"prompt": "a bakery in Lyon"}


class Received(NamedTuple):
    id: str
    data: str


@dataclass
class Watched:
    """What a reader received."""

    events: list[Received] = field(default_factory=list)

    @property
    def payloads(self) -> list[dict[str, Any]]:
        return [json.loads(event.data) for event in self.events if event.data != "[DONE]"]

    @property
    def last(self) -> dict[str, Any]:
        """The last event, behind which only [DONE] comes."""
        assert [event.data for event in self.events].index("[DONE]") == len(self.events) - 1
        return self.payloads[-1]

    @property
    def numbers(self) -> list[int]:
        return [int(event.id.rpartition(":")[2]) for event in self.events]

    @property
    def files(self) -> dict[str, str]:
        """The files as rebuilt from contents alone, each offset checked."""
        files: dict[str, str] = {}
        for event in (event for event in self.payloads if event["type"] == "progress"):
            before = "" if event.get("reset") else files.get(event["file"], "")
            assert event["offset"] == len(before.encode("utf-16-le")) // 2
            files[event["file"]] = before + event["content"]
        return files


class Api:
    """A client of a running server."""

    def __init__(self, url: str, app: App) -> None:
        self.url = url
        self.app = app
        self.client = httpx.Client(base_url=url, timeout=PATIENCE)

    def post(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        return self.client.post(path, json=body, **options)

    @contextmanager
    def generating(self, **more: Any) -> Iterator[Iterator[Received]]:
        with self.client.stream("POST", "/api/generate-stream", json=PROMPT | more) as response:
            yield events(response)

    def generate(self, **more: Any) -> Watched:
        with self.generating(**more) as stream:
            return Watched(list(stream))

    def started(self, count: int = 1, **more: Any) -> list[Received]:
        """The first events of a stream whose connection is then dropped."""
        with self.generating(**more) as stream:
            return [next(stream) for _ in range(count)]

    def deploy(self, **body: Any) -> Watched:
        with self.client.stream("POST", "/api/deploy-stream", json=body) as response:
            return Watched(list(events(response)))

    @contextmanager
    def resuming(self, last: str) -> Iterator[Iterator[Received]]:
        path = f"/api/streams/{last.rpartition(':')[0]}"
        with self.client.stream("GET", path, headers={"Last-Event-ID": last}) as response:
            yield events(response)

    def resume(self, last: str) -> Watched:
        with self.resuming(last) as stream:
            return Watched(list(stream))


def events(response: httpx.Response) -> Iterator[Received]:
    if response.status_code != 200:
        raise AssertionError(response.read())
    return (Received(event.id, event.data) for event in EventSource(response).iter_sse())


def by(provider: Provider) -> Callable[[str, str], Provider]:
    return lambda _name, _model: provider


def asking(upstream: up.Upstream) -> Callable[[str, str], Provider]:
    return lambda _name, model: OpenAICompatible(
        support.choice(upstream.base_url, model=model or "model-a"), connect=5, retry=support.RETRY
    )


def service(choose: Callable[[str, str], Provider], **options: Any) -> Service:
    bounds: dict[str, Any] = {name: options.pop(name) for name in Bounds.__slots__ if name in options}
    options.setdefault("desk", Desk({}))
    options.setdefault("limits", support.PATIENT)
    return Service(choose, lambda: [{"name": "scripted"}], bounds=Bounds(**bounds), **options)


@contextmanager
def serving(
    choose: Callable[[str, str], Provider], policy: Policy | None = None, **options: Any
) -> Iterator[Api]:
    """Serve until the end of the block."""
    listener, started, urls = bind(0), threading.Event(), list[str]()
    loop = asyncio.new_event_loop()

    def announce(url: str) -> None:
        urls.append(url)
        started.set()

    app = App(service(choose, **options), policy)
    task = loop.create_task(app.serve(listener, announce))
    thread = threading.Thread(target=_run, args=(loop, task))
    thread.start()
    try:
        assert started.wait(PATIENCE)
        api = Api(urls[0], app)
        with api.client:
            yield api
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(PATIENCE)


def _run(loop: asyncio.AbstractEventLoop, task: asyncio.Task[None]) -> None:
    async def until_cancelled() -> None:
        await asyncio.wait([task])

    loop.run_until_complete(until_cancelled())
    loop.run_until_complete(loop.shutdown_asyncgens())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
