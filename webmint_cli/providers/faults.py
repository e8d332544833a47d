"""What went wrong between us and a model's server, said so that a person can act on it.

A key is never repeated: servers like to quote it in their refusals.
"""

import json
import re
from collections.abc import Mapping
from http import HTTPStatus
from urllib.parse import urlsplit

from webmint_cli.answers import retry_after, scrubbed
from webmint_cli.errors import KeyRejected, ProviderError, Unavailable, WebMintError
from webmint_cli.providers.presets import Choice

TRY_OFFLINE = "try without a model: --provider composer"

_MESSAGE = re.compile(r'"message"\s*:\s*("(?:[^"\\]|\\.)*")')
_OVERLOADED = 529


def refused(choice: Choice, status: int, body: str, headers: Mapping[str, str]) -> WebMintError:
    """The error for an HTTP status that is no success."""
    host = urlsplit(choice.base_url).netloc
    said = scrubbed(_message(body), choice.key)
    detail = f": {said}" if said else ""
    name = f"{status} {_phrase(status)}".strip()
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return KeyRejected(f"{host} refused the key ({name}){detail}", hint=_key_hint(choice, status))
    if 300 <= status < 400:  # noqa: PLR2004 - the redirects of HTTP
        place = scrubbed(headers.get("location", ""), choice.key)
        return ProviderError(
            f"{host} redirects to {place or 'another place'}, and a key is not sent there",
            code="redirected",
            hint=f"if that is the server you mean: --base-url {_without_path(place)}",
        )
    if status == HTTPStatus.NOT_FOUND:
        return _not_found(choice, host, detail)
    if status in (HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.TOO_MANY_REQUESTS):
        spent = status == HTTPStatus.PAYMENT_REQUIRED or "insufficient_quota" in body or "billing" in body
        return _no_credit(host, detail) if spent else _too_many(host, detail, headers)
    if _is_temporary(status):
        return Unavailable(
            f"{host} answered {name}{detail}", code="server_error", hint=f"try again later, or {TRY_OFFLINE}"
        )
    return ProviderError(
        f"{host} refused the request ({name}){detail}",
        code="bad_request",
        hint="check the model's name and limits: webmint models",
    )


def unreachable(choice: Choice, cause: str) -> Unavailable:
    """The error for a server that could not be connected to."""
    return Unavailable(
        f"no connection to {choice.base_url} ({scrubbed(cause, choice.key) or 'no answer'})",
        code="unreachable",
        hint=f"is the server running, is --base-url right? Or {TRY_OFFLINE}",
    )


def not_a_model(choice: Choice, body: str) -> ProviderError:
    """The error for a success that is no reply: a web page, a portal, some other API."""
    said = scrubbed(body, choice.key)
    return ProviderError(
        f"{choice.base_url} answered, but not as a model server" + (f": {said}" if said else ""),
        code="not_a_model",
        hint="the base URL usually ends in /v1: check --base-url",
    )


def _key_hint(choice: Choice, status: int) -> str:
    if not choice.key:
        return (
            f"this server wants a key: export {choice.key_variable or 'WEBMINT_API_KEY'}=…, or {TRY_OFFLINE}"
        )
    if status == HTTPStatus.FORBIDDEN:
        return f"the key in {choice.key_variable} may not use {choice.model}: webmint models"
    return f"put a valid key into {choice.key_variable}, or {TRY_OFFLINE}"


def _not_found(choice: Choice, host: str, detail: str) -> ProviderError:
    return ProviderError(
        f"{host} knows no model {choice.model!r}, or the base URL is wrong (404){detail}",
        code="model_not_found",
        hint="see which there are: webmint models; the base URL usually ends in /v1",
    )


def _is_temporary(status: int) -> bool:
    failing = status >= HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.NOT_IMPLEMENTED
    return failing or status == HTTPStatus.REQUEST_TIMEOUT


def _no_credit(host: str, detail: str) -> ProviderError:
    return ProviderError(
        f"the account at {host} has no credit left{detail}",
        code="quota_exceeded",
        hint=f"top it up or use another provider; or {TRY_OFFLINE}",
    )


def _too_many(host: str, detail: str, headers: Mapping[str, str]) -> ProviderError:
    wait = retry_after(headers)
    when = f", for {wait:.0f} s more" if wait else ""
    return Unavailable(
        f"{host} takes no more requests now (429{when}){detail}",
        code="rate_limited",
        hint=f"try again later, or {TRY_OFFLINE}",
    )


def _message(body: str) -> str:
    """The message inside a JSON error body, else the body."""
    found = _MESSAGE.search(body)
    try:
        return str(json.loads(found.group(1), strict=False)) if found else body
    except ValueError:
        return body


def _without_path(url: str) -> str:
    return re.sub(r"/chat/completions/?$", "", url) or "…"


def _phrase(status: int) -> str:
    if status == _OVERLOADED:
        return "Overloaded"
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""
