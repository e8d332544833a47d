"""A folder served as Cloudflare Pages would serve it, read anew for each request."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from itertools import accumulate
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from webmint_cli.hosting.headers import parse_headers
from webmint_cli.hosting.media_types import pages_type
from webmint_cli.hosting.redirects import PROXY, Redirect, parse_redirects
from webmint_cli.hosting.routes import Route, resolve
from webmint_cli.hosting.rules import Problem
from webmint_cli.hosting.urls import NoAddress, location, normal_path, normal_query, path_of, split
from webmint_cli.server.listen import is_loopback
from webmint_cli.targets import secrets
from webmint_cli.targets.cloudflare.digest import asset_hash
from webmint_cli.targets.listing import Policy
from webmint_cli.targets.target import MIB

HEADERS = "_headers"
REDIRECTS = "_redirects"

# Hidden files are shown, as the host's own tool does.
_POLICY = Policy(wrangler=True)

_LARGEST = 25 * MIB
_CHUNK = 1 << 18
_REVALIDATED = "public, max-age=0, must-revalidate"
_EVERY_ANSWER = {"access-control-allow-origin": "*", "referrer-policy": "strict-origin-when-cross-origin"}
_METHODS = ("GET", "HEAD")
# How the answer is framed is the server's business, whatever a rule says.
_FRAMING = frozenset(
    {"connection", "content-length", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
)


@dataclass(frozen=True, slots=True)
class Answer:
    """A response before the site's header rules. `body`: the bytes, or a file too large for Pages, which is streamed."""

    status: int
    headers: Mapping[str, str]
    body: bytes | Path = b""


class Preview:
    """An ASGI app. `log` gets a line for each request; `folder` is never left, not even through a link.

    Answers only to names of this machine, so that no page from elsewhere reads the site (DNS rebinding).
    """

    def __init__(self, folder: Path, log: Callable[[str], None] = lambda _: None) -> None:
        self._folder = folder.resolve()
        self._log = log

    def problems(self) -> list[tuple[str, Problem]]:
        """What the host would ignore in the rule files, with the file's name."""
        headers, redirects = self._rules(HEADERS), self._rules(REDIRECTS)
        return [
            *((HEADERS, problem) for problem in parse_headers(headers).problems),
            *((REDIRECTS, problem) for problem in parse_redirects(redirects).problems),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        response = await asyncio.to_thread(self._respond, request)
        query = request.url.query
        self._log(f"{request.method} {request.url.path}{'?' * bool(query)}{query} {response.status_code}")
        await response(scope, receive, send)

    def _respond(self, request: Request) -> Response:
        host = request.headers.get("host", "")
        if not is_loopback(host):
            return _said(
                HTTPStatus.MISDIRECTED_REQUEST,
                "The preview answers to localhost only, so that no other site can read it",
            )
        raw: bytes = request.scope["raw_path"]
        path = normal_path(split(raw.decode("ascii", "replace"))[0])
        query = normal_query(split("?" + request.scope["query_string"].decode("latin-1"))[1])
        try:
            answer = self._answer(request, path, query)
        except (OSError, NoAddress) as error:
            return _said(HTTPStatus.INTERNAL_SERVER_ERROR, str(error))
        return _sent(answer, self._headers(answer, host.rpartition(":")[0] or host, path))

    def _answer(self, request: Request, path: str, query: str) -> Answer:
        rule = parse_redirects(self._rules(REDIRECTS)).match(path)
        if rule and rule.status != PROXY:
            return _moved(rule, query)
        if request.method not in _METHODS:
            return Answer(HTTPStatus.METHOD_NOT_ALLOWED, {"allow": ", ".join(_METHODS)})
        route = resolve(path_of(rule.target) if rule else path, self._has)
        if route.location:
            return Answer(route.status, {"location": f"{route.location}{'?' * bool(query)}{query}"})
        return self._file(route, request.headers)

    def _file(self, route: Route, asked: Mapping[str, str]) -> Answer:
        """The file of a route; as at Pages, a Range is not heeded, and gets no caching."""
        file = self._find(route.file) if route.file else None
        if file is None or route.file is None:
            return Answer(HTTPStatus.NOT_FOUND, {})
        headers = {"content-type": _content_type(route.file)}
        if file.stat().st_size > _LARGEST:
            return Answer(route.status, headers, file)
        body = file.read_bytes()
        if route.status == HTTPStatus.OK:
            tag = f'"{asset_hash(route.file, body)}"'
            if asked.get("if-none-match") in (tag, f"W/{tag}"):
                return Answer(HTTPStatus.NOT_MODIFIED, {})
            headers["etag"] = tag
            if not {"authorization", "range"} & set(asked):
                headers["cache-control"] = _REVALIDATED
        return Answer(route.status, headers, body)

    def _headers(self, answer: Answer, host: str, path: str) -> dict[str, str]:
        headers = {**answer.headers, **_EVERY_ANSWER}
        if "content-type" in headers:
            headers["x-content-type-options"] = "nosniff"
        rules = parse_headers(self._rules(HEADERS))
        headers = rules.applied(headers, host=host.lower(), path=path)
        if answer.status == HTTPStatus.NOT_FOUND:
            headers["cache-control"] = "no-store"
        return {name: value for name, value in headers.items() if name not in _FRAMING}

    def _rules(self, name: str) -> str:
        try:
            return (self._folder / name).read_text("utf-8", errors="replace")
        except OSError:
            return ""

    def _has(self, path: str) -> bool:
        return self._find(path) is not None

    def _find(self, path: str) -> Path | None:
        """The real file at a path of the site, unless it lies outside or is never published."""
        try:
            file = (self._folder / path).resolve()
            if not file.is_file() or not file.is_relative_to(self._folder):
                return None
        except (OSError, RuntimeError, ValueError):
            # No such name is possible, or a link leads to itself.
            return None
        withheld = is_withheld(path) or is_withheld(file.relative_to(self._folder).as_posix())
        return None if withheld else file


def is_withheld(path: str) -> bool:
    """Whether a file of a site's folder is never published: rules, our own record, repositories and secrets."""
    places = accumulate(path.split("/"), "{}/{}".format)
    return secrets.by_name(path) is not None or any(_POLICY.reason(place) for place in places)


def _said(status: int, words: str) -> Response:
    return Response(f"{words}\n", status, media_type="text/plain")


def _moved(rule: Redirect, query: str) -> Answer:
    place = location(rule.target, query)
    if rule.status == HTTPStatus.PERMANENT_REDIRECT:
        return Answer(rule.status, {"location": place})
    headers = {"location": place, "content-type": "text/plain;charset=UTF-8"}
    return Answer(rule.status, headers, f"Redirecting to {place}".encode())


def _content_type(path: str) -> str:
    found = pages_type(f"/{path}")
    return f"{found}; charset=utf-8" if found.startswith("text/") else found


def _sent(answer: Answer, headers: Mapping[str, str]) -> Response:
    if isinstance(answer.body, bytes):
        return Response(answer.body, answer.status, headers=headers)
    size = str(answer.body.stat().st_size)
    return StreamingResponse(_chunks(answer.body), answer.status, headers={**headers, "content-length": size})


async def _chunks(file: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(file.open, "rb") as opened:
        while chunk := await asyncio.to_thread(opened.read, _CHUNK):
            yield chunk
