"""Failures as HTTP answers: JSON of the `error` event's shape, with a status that fits."""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from webmint_cli.errors import (
    KeyMissing,
    NotDeployable,
    ProviderError,
    TargetRefused,
    TargetUnavailable,
    Unavailable,
    Unconfirmed,
    Unusable,
    UsageError,
    WebMintError,
)
from webmint_cli.events import failed, to_json
from webmint_cli.pacing import Stalled

# The first that fits counts.
_STATUSES: tuple[tuple[type[WebMintError], HTTPStatus], ...] = (
    (UsageError, HTTPStatus.BAD_REQUEST),
    (NotDeployable, HTTPStatus.UNPROCESSABLE_ENTITY),
    (Stalled, HTTPStatus.GATEWAY_TIMEOUT),
    (KeyMissing, HTTPStatus.SERVICE_UNAVAILABLE),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
    (TargetUnavailable, HTTPStatus.SERVICE_UNAVAILABLE),
    (ProviderError, HTTPStatus.BAD_GATEWAY),
    (Unusable, HTTPStatus.BAD_GATEWAY),
    (TargetRefused, HTTPStatus.BAD_GATEWAY),
    (Unconfirmed, HTTPStatus.BAD_GATEWAY),
)


class Refusal(WebMintError):
    """A request that is not answered. `headers` go with the answer."""

    def __init__(
        self,
        status: HTTPStatus,
        message: str,
        *,
        hint: str = "",
        code: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, hint=hint, code=code or status.name.lower())
        self.status = status
        self.headers = dict(headers or {})


def status_of(error: WebMintError) -> HTTPStatus:
    if isinstance(error, Refusal):
        return error.status
    found = (status for kind, status in _STATUSES if isinstance(error, kind))
    return next(found, HTTPStatus.INTERNAL_SERVER_ERROR)


def answer(error: WebMintError) -> Response:
    headers = error.headers if isinstance(error, Refusal) else {}
    body = to_json(failed(error))
    return Response(body, status_of(error), headers=headers, media_type="application/json")


def refused(_: Request, error: Exception) -> Response:
    """The answer to what a handler raised."""
    if isinstance(error, WebMintError):
        return answer(error)
    if isinstance(error, HTTPException):
        return answer(_unrouted(error))
    return answer(WebMintError(f"a bug in webmint: {type(error).__name__}", code="bug"))


def _unrouted(error: HTTPException) -> Refusal:
    status = HTTPStatus(error.status_code)
    message = "there is nothing at this address"
    if status == HTTPStatus.METHOD_NOT_ALLOWED:
        message = "this address does not take that method"
    return Refusal(status, message, hint="see what there is: GET /api/docs", headers=error.headers)
