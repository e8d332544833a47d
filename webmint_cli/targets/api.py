"""Calls to a host's API: every one survives a passing fault, and a refusal is said in the host's words.

A call that may be repeated is, after waiting; one that must not happen twice (a publish) raises `Ambiguous` when
nobody can tell from here whether it happened, so that the caller asks the host first.
"""

import asyncio
import json
import random
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import cache
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self, TypeAlias

import httpx

from webmint_cli import __version__
from webmint_cli.answers import retry_after
from webmint_cli.errors import TargetRefused, TargetUnavailable, Unconfirmed, WebMintError
from webmint_cli.targets.narration import Report

Body: TypeAlias = Callable[[], AsyncIterator[bytes]] | bytes

_TIMEOUT = httpx.Timeout(60.0, connect=10.0)
# These never reached the host's program, so nothing can have happened.
_UNSENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


class Ambiguous(Exception):
    """The call may have happened or not. `error` is what to say if it can't be found out."""

    def __init__(self, error: WebMintError) -> None:
        super().__init__(error.message)
        self.error = error


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a call is tried, and seconds before the second time (doubled each time); longer asks are refused."""

    attempts: int = 5
    backoff: float = 1.0
    longest: float = 60.0

    def wait(self, attempt: int, asked: float | None) -> float | None:
        """Seconds until the next attempt; None if there is none."""
        if attempt >= self.attempts or (asked or 0) > self.longest:
            return None
        return asked if asked is not None else self.backoff * 2 ** (attempt - 1) * random.uniform(0.75, 1.25)  # noqa: S311


@dataclass(frozen=True, slots=True)
class Host:
    """What differs between hosts: name, address, how a refusal reads, and which refusals pass by themselves."""

    name: str
    base_url: str
    refused: Callable[[httpx.Response], WebMintError]
    is_temporary: Callable[[httpx.Response], bool] = lambda _: False


class Api:
    """An open connection to a host. Use it as an async context manager."""

    def __init__(
        self, host: Host, report: Report, *, token: str = "", patience: Patience | None = None
    ) -> None:
        self._host = host
        self._report = report
        self.patience = patience or Patience()
        self._token = token
        headers = {"User-Agent": f"webmint/{__version__}"}
        self._client = httpx.AsyncClient(
            base_url=host.base_url, timeout=_TIMEOUT, headers=headers, verify=tls()
        )
        self.date: float | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def call(
        self,
        method: str,
        path: str,
        *,
        data: Any = None,
        body: Body | None = None,
        headers: Mapping[str, str] | None = None,
        token: str | None = None,
        once: bool = False,
        **more: Any,
    ) -> Any:
        """The JSON that the host answers, None where it answers nothing.

        `data` is sent as JSON, `body` as it is; `token` stands in for the host's own, "" for none. `once`: must not
        happen twice. Raises what the host's `refused` gives, TargetUnavailable, and with `once` Ambiguous.
        """
        sent = dict(headers or {})
        bearer = self._token if token is None else token
        if bearer:
            sent["Authorization"] = f"Bearer {bearer}"
        if data is not None:
            body = json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode(
                "utf-8", "surrogatepass"
            )
            sent.setdefault("Content-Type", "application/json")
        return await self._until_answered(method, path, body, sent, more, once=once)

    async def _until_answered(
        self, method: str, path: str, body: Body | None, headers: Mapping[str, str], more: Any, *, once: bool
    ) -> Any:
        for attempt in range(1, self.patience.attempts + 1):
            asked = None
            try:
                content = body() if callable(body) else body
                response = await self._client.request(method, path, content=content, headers=headers, **more)
            except httpx.HTTPError as error:
                failure, sure = self._unreachable(error), isinstance(error, _UNSENT)
            else:
                self._note_date(response)
                answer, fault = self._answer(response)
                if fault is None:
                    return answer
                if not isinstance(fault, TargetUnavailable):
                    raise fault
                failure, asked = fault, retry_after(response.headers)
                sure = response.status_code == HTTPStatus.TOO_MANY_REQUESTS
            if once and not sure:
                raise Ambiguous(failure)
            wait = self.patience.wait(attempt, asked)
            if wait is None:
                raise failure
            self._report.say(f"{failure.message}; trying again in {wait:.0f} s")
            await asyncio.sleep(wait)
        raise failure

    def _answer(self, response: httpx.Response) -> tuple[Any, WebMintError | None]:
        """What the host answered, or why that is no answer."""
        status = response.status_code
        if self._is_temporary(response):
            code = "rate_limited" if status == HTTPStatus.TOO_MANY_REQUESTS else ""
            return None, self._failing(f"{self._host.name} answered {status} {_phrase(status)}".strip(), code)
        if not response.is_success:
            return None, self._host.refused(response)
        if not response.content:
            return None, None
        try:
            answer = response.json()
        except ValueError:
            return None, self._failing(f"{self._host.name} answered something that is no JSON")
        if isinstance(answer, dict) and answer.get("success") is False:
            return None, self._host.refused(response)
        return answer, None

    def _is_temporary(self, response: httpx.Response) -> bool:
        status = response.status_code
        passing = status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS)
        failing = status >= HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.NOT_IMPLEMENTED
        return passing or failing or self._host.is_temporary(response)

    def _failing(self, message: str, code: str = "") -> TargetUnavailable:
        return TargetUnavailable(
            message, code=code, hint="try again later; nothing that is already uploaded is sent twice"
        )

    def _unreachable(self, error: httpx.HTTPError) -> TargetUnavailable:
        address = self._host.base_url
        if isinstance(error, _UNSENT):
            return TargetUnavailable(
                f"no connection to {address}", code="unreachable", hint="check the network, and try again"
            )
        if isinstance(error, httpx.TimeoutException):
            return self._failing(f"{self._host.name} did not answer in time")
        return self._failing(f"{self._host.name} broke the connection")

    def _note_date(self, response: httpx.Response) -> None:
        """The host's own clock, by which its records are dated."""
        try:
            self.date = parsedate_to_datetime(response.headers.get("date", "")).timestamp()
        except ValueError:
            return


@cache
def tls() -> ssl.SSLContext:
    """What all connections trust: reading the certificates takes longer than a small deployment's other work."""
    return httpx.create_ssl_context()


async def made_once(
    make: Callable[[], Awaitable[Any]], find: Callable[[], Awaitable[Any]], patience: Patience
) -> Any:
    """What `make` makes with a call that must not happen twice; in doubt it is looked for before it is repeated.

    `find` gives None where there is nothing. Raises Unconfirmed when nobody can tell.
    """
    for attempt in range(1, patience.attempts + 1):
        try:
            return await make()
        except Ambiguous as doubt:
            failure = doubt.error
        # It may still be on its way.
        await asyncio.sleep(patience.backoff * attempt)
        try:
            found = await find()
        except TargetUnavailable:
            raise Unconfirmed(
                f"it may have happened or not: {failure.message}",
                hint="look at the host's dashboard, then try again",
            ) from None
        if found is not None:
            return found
    raise failure


def redirected(host: str, response: httpx.Response) -> TargetRefused:
    """The error for an API that sends us elsewhere: a token is not sent there."""
    return TargetRefused(
        f"{host} redirects to {response.headers.get('location', 'another place')}, and a token is not sent there",
        hint="check the base URL of the API",
    )


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
