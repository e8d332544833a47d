"""What can go wrong with a call of Cloudflare's API, each fault a value, and the plan that says which call it hits."""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Literal, Self

from cloudflare_wire import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

JSON = {"content-type": "application/json"}
HTML = {"content-type": "text/html; charset=UTF-8"}
UNKNOWN_ERROR = 8000000
EXPIRED_TOKEN = 8000013
RATE_LIMITED = 10013


def envelope(result: object = None, **info: object) -> dict[str, Any]:
    """A successful answer of the API, with `result_info` when there is any."""
    body = {"success": True, "errors": [], "messages": [], "result": result}
    return body | ({"result_info": info} if info else {})


def refusal(code: int, message: str, *chain: dict[str, Any]) -> dict[str, Any]:
    error: dict[str, Any] = {"code": code, "message": message}
    error |= {"error_chain": list(chain)} if chain else {}
    return {"success": False, "errors": [error], "messages": [], "result": None}


def answer(body: object, status: int = 200) -> Answer:
    return Answer(status, json.dumps(body).encode(), dict(JSON))


def html_page(code: int) -> bytes:
    """An error page of the kind a gateway sends in place of JSON."""
    title = f"api.cloudflare.com | {code}"
    return f"<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>Error {code}</h1></body></html>".encode()


@dataclass(frozen=True, slots=True)
class Fault:
    """`instead` answers before the call does any work; `change` spoils the answer after it was done.

    `unread` drops the connection before the body is read; `unstored` makes an upload lose these keys (all, when empty).
    """

    instead: Answer | None = None
    change: Callable[[Answer], Answer] | None = None
    unread: bool = False
    unstored: frozenset[str] | None = None

    @classmethod
    def status(
        cls,
        code: int,
        body: object = None,
        *,
        html: bool = False,
        retry_after: str | None = None,
        api_code: int | None = None,
    ) -> Self:
        """An answer of this status: an envelope without success, an HTML page, or `body` as it stands.

        `status(200, api_code=8000000)` is the envelope that says failure under a status that says success.
        """
        headers = (HTML if html else JSON) | ({"retry-after": retry_after} if retry_after else {})
        phrase = HTTPStatus(code).phrase if code in set(HTTPStatus) else "A timeout occurred"
        number = api_code or (RATE_LIMITED if code == HTTPStatus.TOO_MANY_REQUESTS else UNKNOWN_ERROR)
        payload = json.dumps(refusal(number, phrase) if body is None else body).encode()
        if isinstance(body, str | bytes):
            payload = body.encode() if isinstance(body, str) else body
        elif html:
            payload = html_page(code)
        return cls(instead=Answer(code, payload, headers))

    @classmethod
    def drop(cls, when: Literal["before", "after", "midway"] = "before") -> Self:
        """The connection ends: before the request's body is read, after the work was done, or inside the answer."""
        if when == "before":
            return cls(unread=True)
        ending: Literal["dropped", "midway"] = "dropped" if when == "after" else "midway"
        return cls(change=lambda whole: replace(whole, ending=ending))

    @classmethod
    def drip(cls, seconds: float) -> Self:
        """The true answer, byte by byte, spread over so many seconds."""
        return cls(change=lambda whole: replace(whole, drip=seconds))

    @classmethod
    def expired_token(cls) -> Self:
        """The upload token has run out."""
        return cls(instead=answer(refusal(EXPIRED_TOKEN, "Authorization failed"), 401))

    @classmethod
    def unsuccessful(cls, keys: Collection[str] | None = None) -> Self:
        """An upload that answers 200 but names these keys, or all of them, as not stored."""
        return cls(unstored=frozenset(keys or ()))

    @classmethod
    def truncated(cls) -> Self:
        """The true answer's first half, properly framed: JSON that does not end."""
        return cls(change=lambda whole: replace(whole, body=whole.body[: len(whole.body) // 2]))

    @classmethod
    def content_type(cls, kind: str) -> Self:
        """The true answer under another content type."""
        return cls(change=lambda whole: replace(whole, headers=whole.headers | {"content-type": kind}))

    @classmethod
    def body(cls, body: bytes) -> Self:
        """The true answer's head with another body."""
        return cls(change=lambda whole: replace(whole, body=body))


@dataclass(slots=True)
class _Rule:
    call: str
    fault: Fault
    times: int
    after: int


@dataclass(slots=True)
class Faults:
    """The plan. Rules for one call line up: while an earlier one still applies, the later ones wait."""

    _rules: list[_Rule] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, call: str, fault: Fault, times: int = 1, after: int = 0) -> None:
        """Spoil `times` calls of this name (`*` is any) once `after` of them went through, counted from now."""
        with self._lock:
            self._rules.append(_Rule(call, fault, times, after))

    def take(self, call: str) -> Fault | None:
        with self._lock:
            rules = [rule for rule in self._rules if rule.call in {call, "*"}]
            due = next((rule for rule in rules if not rule.after and rule.times), None)
            for rule in rules:
                rule.after = max(0, rule.after - 1)
            if due:
                due.times -= 1
            return due.fault if due else None
