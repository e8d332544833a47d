"""The API: the streams of generations and deployments, and what this server can do, as one ASGI app."""

import asyncio
import json
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from starlette.exceptions import HTTPException
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import Receive, Scope, Send

from webmint_cli import __version__, engine
from webmint_cli.engine import Limits
from webmint_cli.events import to_json
from webmint_cli.pacing import Clock
from webmint_cli.providers import provider
from webmint_cli.providers.provider import Provider
from webmint_cli.server import description
from webmint_cli.server.bodies import DEPLOY, GENERATE, read
from webmint_cli.server.eventstream import EventStream, while_there
from webmint_cli.server.guard import Guard, Policy
from webmint_cli.server.listen import listen
from webmint_cli.server.publication import Desk
from webmint_cli.server.refusals import answer, refused
from webmint_cli.server.streams import Bounds, Stream, Streams

# The provider of a name and a model, either of which may be "" for the server's own choice. Raises WebMintError.
Chooser: TypeAlias = Callable[[str, str], Provider]


@dataclass(frozen=True, slots=True)
class Service:
    """What the API does its work with. `models` lists the providers, without keys and without asking them."""

    choose: Chooser
    models: Callable[[], list[dict[str, Any]]]
    desk: Desk
    limits: Limits = field(default_factory=Limits)
    bounds: Bounds = field(default_factory=Bounds)
    clock: Clock = time.monotonic


class App:
    """The ASGI app of `webmint serve`. `log` gets a line for each request."""

    def __init__(
        self, service: Service, policy: Policy | None = None, log: Callable[[str], None] = lambda _: None
    ) -> None:
        self.streams = Streams(service.bounds)
        self._service = service
        self._policy = policy or Policy()
        self._sent = 0
        routes = [
            Route(endpoint.path, getattr(self, f"_{endpoint.name}"), methods=[endpoint.method])
            for endpoint in description.ENDPOINTS
        ]
        handled = ExceptionMiddleware(Router(routes), {HTTPException: refused, Exception: refused})
        self._guarded = Guard(handled, self._policy, log)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # By this Starlette's router knows that its exceptions are taken care of.
        await self._guarded({**scope, "app": self}, receive, send)

    async def serve(self, listener: socket.socket, started: Callable[[str], None]) -> None:
        """Answer until cancelled; then every stream gets its last event before the connections are closed."""
        serving = asyncio.ensure_future(listen(self, listener, started))
        try:
            await asyncio.shield(serving)
        finally:
            await self.streams.close()
            serving.cancel()
            await asyncio.wait((serving,))

    async def _generate(self, request: Request) -> Response:
        asked = read(await request.body(), GENERATE)
        carried = asked.get("accumulated")
        # In a thread, for what is imported or checked there takes its time.
        chosen = await asyncio.to_thread(
            self._service.choose, asked.get("provider", ""), asked.get("model", "")
        )
        events = engine.generate(
            provider.Request(asked["prompt"], asked.get("seed")),
            chosen,
            limits=self._service.limits,
            always_accumulated=carried,
            clock=self._service.clock,
        )
        stream = self.streams.start("generate", events, accumulated=carried)
        if asked.get("useStream", True):
            return self._events(stream, 0)
        return await self._awaited(stream, request)

    async def _deploy(self, request: Request) -> Response:
        asked = read(await request.body(), DEPLOY)
        job = await asyncio.to_thread(self._service.desk.job, asked)
        return self._events(self.streams.start("deploy", job), 0)

    async def _resume(self, request: Request) -> Response:
        stream = self.streams.get(request.path_params["id"])
        return self._events(stream, stream.position(request.headers.get("last-event-id", "")))

    async def _abort(self, request: Request) -> Response:
        stream = self.streams.get(request.path_params["id"])
        await stream.close(
            "the run was stopped" if stream.kind == "generate" else "the deployment was stopped"
        )
        return _json({"id": stream.id, "outcome": stream.error.code if stream.error else "complete"})

    async def _models(self, _: Request) -> Response:
        return _json({"providers": self._service.models()})

    async def _targets(self, _: Request) -> Response:
        return _json({"targets": await asyncio.to_thread(self._service.desk.targets)})

    async def _health(self, _: Request) -> Response:
        return _json({"status": "ok", "version": __version__, "streams": self.streams.running})

    async def _openapi(self, _: Request) -> Response:
        return _json(description.openapi(needs_token=bool(self._policy.token)))

    async def _docs(self, request: Request) -> Response:
        page = description.page(str(request.base_url).rstrip("/"))
        headers = {"content-security-policy": description.PAGE_POLICY}
        return Response(page, headers=headers, media_type="text/html")

    async def _metrics(self, _: Request) -> Response:
        text = description.exposition(self.streams, sent=self._sent)
        return Response(text, media_type="text/plain; version=0.0.4")

    def _events(self, stream: Stream, after: int) -> Response:
        return EventStream(stream.read(after), stalled=self._service.bounds.stalled, sent=self._count)

    async def _awaited(self, stream: Stream, request: Request) -> Response:
        """One answer in place of a stream. Nobody comes back for it: who leaves ends it."""
        outcome = await while_there(request.receive, stream.ended())
        if outcome is None:
            await stream.close("nobody was listening any more")
        if stream.error:
            return answer(stream.error)
        return Response(to_json(outcome) if outcome else "", media_type="application/json")

    def _count(self, size: int) -> None:
        self._sent += size


def _json(value: Mapping[str, Any]) -> Response:
    return Response(json.dumps(value, ensure_ascii=False), media_type="application/json")
