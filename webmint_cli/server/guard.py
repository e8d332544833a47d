"""Who may ask what: the one place where every request is judged before anything is done for it.

A page of any site can make its visitor's browser send requests to this machine. It can't forge the Host of an
address that it does not own, nor Origin and Sec-Fetch-Site, which browsers set
(https://www.w3.org/TR/fetch-metadata/); and it can't send JSON elsewhere without asking first.
"""

import asyncio
import hmac
import ipaddress
from collections.abc import Callable, Collection
from dataclasses import dataclass
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from urllib.parse import parse_qsl, urlencode, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from webmint_cli.server.listen import is_loopback
from webmint_cli.server.refusals import Refusal, answer

COOKIE = "webmint-token"

_HEADERS = {
    "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "x-frame-options": "DENY",
    "cache-control": "no-store",
}
_READING = ("GET", "HEAD")
_STREAMS = "/api/streams/"


@dataclass(frozen=True, slots=True)
class Policy:
    """What is let through.

    `public`: the host that a proxy answers for; `beyond`: whether others than this machine can connect; `token`: what
    they must show; `canonical`: where `localhost` is sent to; `secure`: whether browsers come by https. `body`
    is in bytes, `patience` in seconds for one body.
    """

    public: str = ""
    beyond: bool = False
    token: str = ""
    canonical: str = ""
    secure: bool = False
    body: int = 16 << 20
    patience: float = 30.0

    def allows(self, host: str) -> bool:
        """Whether a Host header names us. An address in numbers is nobody's name, so no other site can be behind it."""
        public = bool(self.public) and host.lower() == self.public
        return public or is_loopback(host) or (self.beyond and _is_address(host))


class Guard:
    """ASGI middleware around an app. `log` gets a line for each request: method, path, status."""

    def __init__(self, app: ASGIApp, policy: Policy, log: Callable[[str], None] = lambda _: None) -> None:
        self._app = app
        self._policy = policy
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        answering = _Answering(scope, send, self._log)
        try:
            response = self._judged(scope)
            if response is None:
                receive = await self._read(scope, receive)
                await self._app(scope, receive, answering.send)
                return
        except Refusal as error:
            response = answer(error)
        await response(scope, receive, answering.send)

    def _judged(self, scope: Scope) -> Response | None:
        """An answer where the app need not be asked. Raises Refusal."""
        headers, host = Headers(scope=scope), Headers(scope=scope).get("host", "")
        if not self._policy.allows(host):
            raise Refusal(
                HTTPStatus.FORBIDDEN,
                "this server does not answer to that name",
                hint="use the address it printed; for another name, start it with --public-url URL",
                code="host_refused",
            )
        reads = scope["method"] in _READING
        if not (reads and _is_followed_link(headers)) or scope["path"].startswith(_STREAMS):
            _expect_own_page(headers, {host.lower(), self._policy.public})
        if scope["method"] == "POST":
            _expect_json(headers)
        if reads and self._policy.canonical and host.lower().rpartition(":")[0] == "localhost":
            return _redirect(self._policy.canonical + _target(scope, scope["query_string"]))
        return self._admitted(scope, headers) if self._policy.token else None

    def _admitted(self, scope: Scope, headers: Headers) -> Response | None:
        """None for who shows the token; for who has it in the address, a cookie in its place. Raises Refusal."""
        scheme, _, bearer = headers.get("authorization", "").partition(" ")
        if self._is_token(bearer.strip() if scheme.lower() == "bearer" else _cookie(headers)):
            return None
        asked = parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)
        given = next((value for name, value in asked if name == "token"), "")
        if scope["method"] in _READING and self._is_token(given):
            rest = urlencode([pair for pair in asked if pair[0] != "token"])
            response = _redirect(_target(scope, rest.encode()), HTTPStatus.SEE_OTHER)
            response.set_cookie(
                COOKIE, self._policy.token, httponly=True, samesite="strict", secure=self._policy.secure
            )
            return response
        raise Refusal(
            HTTPStatus.UNAUTHORIZED,
            "the token is missing or wrong",
            hint="open the address that webmint serve printed, or send: Authorization: Bearer TOKEN",
            headers={"www-authenticate": "Bearer"},
        )

    def _is_token(self, given: str) -> bool:
        return hmac.compare_digest(given.encode("utf-8", "replace"), self._policy.token.encode())

    async def _read(self, scope: Scope, receive: Receive) -> Receive:
        """What gives the body, which is read here, within its bounds. Raises Refusal."""
        if scope["method"] in _READING:
            return receive
        declared = Headers(scope=scope).get("content-length", "")
        if declared.isdigit() and int(declared) > self._policy.body:
            raise self._too_large()
        try:
            async with asyncio.timeout(self._policy.patience):
                body = await self._body(receive)
        except TimeoutError:
            raise Refusal(
                HTTPStatus.REQUEST_TIMEOUT,
                f"the body did not arrive within {self._policy.patience:g} s",
                hint="send it in one go",
                headers={"connection": "close"},
            ) from None
        read: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

        async def replay() -> Message:
            return read.pop() if read else await receive()

        return replay

    async def _body(self, receive: Receive) -> bytes:
        parts, size, more = [], 0, True
        while more:
            message = await receive()
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            more = message.get("more_body", False)
            if size > self._policy.body:
                raise self._too_large()
        return b"".join(parts)

    def _too_large(self) -> Refusal:
        return Refusal(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            f"the body is larger than {self._policy.body:,} bytes",
            hint="send less at once",
            code="too_large",
            headers={"connection": "close"},
        )


class _Answering:
    """What goes out: every answer with the headers of all, and a line in the log."""

    def __init__(self, scope: Scope, send: Send, log: Callable[[str], None]) -> None:
        self._scope = scope
        self._send = send
        self._log = log

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
            # Never the query: it may hold the token.
            self._log(f"{self._scope['method']} {_target(self._scope, b'')} {message['status']}")
        await self._send(message)


def _expect_own_page(headers: Headers, own_places: Collection[str]) -> None:
    """Refuse what another site's page sends. Who is no browser sends neither header."""
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    own = site in (None, "same-origin", "none")
    own = own and (origin is None or _place(origin) in own_places)
    if not own:
        raise Refusal(
            HTTPStatus.FORBIDDEN,
            "requests from pages of other sites are refused",
            hint="ask from the server's own page, or from a program",
            code="origin_refused",
        )


def _is_followed_link(headers: Headers) -> bool:
    """Whether a browser opens this as a page of its own, which the page that led here can't read."""
    return headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"


def _expect_json(headers: Headers) -> None:
    if headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise Refusal(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "the body must be JSON",
            hint="send the header Content-Type: application/json",
        )


def _place(origin: str) -> str | None:
    """The host and port of an origin, as a Host header has them; None for `null` and what is no origin."""
    try:
        parts = urlsplit(origin)
    except ValueError:
        return None
    return parts.netloc.lower() if parts.netloc and parts.scheme in ("http", "https") else None


def _is_address(host: str) -> bool:
    name = host if host.endswith("]") else host.rpartition(":")[0] or host
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _cookie(headers: Headers) -> str:
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def _target(scope: Scope, query: bytes) -> str:
    """The address within this server, as it came; never one that leads to another (`//host`)."""
    path = scope["raw_path"].decode("ascii", "replace")
    return f"/{path.lstrip('/')}{'?' * bool(query)}{query.decode('latin-1')}"


def _redirect(place: str, status: HTTPStatus = HTTPStatus.TEMPORARY_REDIRECT) -> Response:
    return Response(status_code=status, headers={"location": place})
