"""Every server that speaks the OpenAI chat completions API.

The official SDK makes the request; its raw response is split and decoded here, which costs about a tenth of
its stream objects. Retries happen only before anything of the reply came; never after.
https://platform.openai.com/docs/api-reference/chat/create
"""

import asyncio
import json
import os
import random
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import httpx2
import openai

from webmint_cli.answers import retry_after
from webmint_cli.errors import KeyRejected, ProviderError, Unavailable, WebMintError
from webmint_cli.providers import faults
from webmint_cli.providers.decoder import MAX_REPLY, Decoder, read_completion, server_error
from webmint_cli.providers.presets import PRESETS, Choice, origin
from webmint_cli.providers.provider import Notice, ReplyPart, Request
from webmint_cli.reply.contract import messages

_AHEAD = 64 << 10
_UNNAMED = "default"
_OWN_HEADERS = ("OpenAI-Organization", "OpenAI-Project")


@dataclass(frozen=True, slots=True)
class Retry:
    """How often and how long: `base` seconds doubled each time, jittered; a Retry-After up to `longest` is obeyed."""

    attempts: int = 3
    base: float = 0.5
    longest: float = 60.0

    def delay(self, attempt: int, asked: float | None) -> float | None:
        """Seconds until the next attempt, None if there is none."""
        if attempt >= self.attempts or (asked is not None and asked > self.longest):
            return None
        backoff: float = self.base * 2 ** (attempt - 1) * random.uniform(0.75, 1.25)  # noqa: S311 - jitter
        return max(asked or 0.0, backoff)


class _Refused(Exception):
    """An attempt that failed before anything of the reply came."""

    def __init__(self, error: WebMintError, asked: float | None = None) -> None:
        super().__init__(error.message)
        self.error = error
        self.asked = asked


class OpenAICompatible:
    """One server and one model. Raises the errors of `faults`; after the first part, Unavailable for any cut."""

    def __init__(
        self,
        choice: Choice,
        *,
        connect: float = 10.0,
        retry: Retry | None = None,
    ) -> None:
        self._choice = choice
        self._connect = connect
        self._retry = retry or Retry()
        self._asks_for_usage = True
        self.name = choice.name
        self.model = choice.model

    async def stream(self, request: Request) -> AsyncGenerator[ReplyPart, None]:
        async with self._client() as client:
            attempt = 0
            while True:
                attempt += 1
                try:
                    async with aclosing(self._attempt(client, request)) as parts:
                        async for part in parts:
                            yield part
                except _Refused as refusal:
                    delay = self._delay(attempt, refusal)
                    if delay is None:
                        raise refusal.error from None
                    yield Notice(f"{refusal.error.message}; trying again in {delay:.1f} s", delay)
                    await asyncio.sleep(delay)
                else:
                    return

    def _delay(self, attempt: int, refusal: _Refused) -> float | None:
        """Seconds until another attempt, None if that would be of no use."""
        if self._asks_for_usage and "stream_options" in refusal.error.message:
            # Some servers refuse what they don't know; the count of tokens is not worth the site.
            self._asks_for_usage = False
            return 0.0
        return self._retry.delay(attempt, refusal.asked) if refusal.error.retryable else None

    async def models(self) -> list[str]:
        """The names of the models that the server offers."""
        async with self._client() as client:
            try:
                return await self._models(client)
            except _Refused as refusal:
                raise refusal.error from None

    def _client(self) -> openai.AsyncOpenAI:
        return openai.AsyncOpenAI(
            api_key=self._choice.key or "none",
            base_url=self._choice.base_url,
            timeout=httpx2.Timeout(None, connect=self._connect),
            max_retries=0,
            http_client=openai.DefaultAsyncHttpxClient(
                follow_redirects=False, event_hooks={"request": [self._keep_back]}
            ),
        )

    async def _keep_back(self, request: httpx2.Request) -> None:
        """What the SDK adds from the environment belongs to OpenAI; and no key is sent where there is none."""
        if origin(self._choice.base_url) != origin(PRESETS["openai"].base_url):
            custom = os.environ.get("OPENAI_CUSTOM_HEADERS", "").split("\n")
            own = (line.partition(":")[0].strip() for line in custom)
            for name in (*_OWN_HEADERS, *own):
                request.headers.pop(name, None)
            request.headers["Authorization"] = f"Bearer {self._choice.key}"
        if not self._choice.key:
            del request.headers["Authorization"]

    async def _models(self, client: openai.AsyncOpenAI) -> list[str]:
        try:
            response = await client.with_options(timeout=self._connect).models.with_raw_response.list()
        except openai.APIStatusError as error:
            raise self._status_error(error) from None
        except openai.APIConnectionError as error:
            raise self._unreachable(error) from None
        try:
            names = [str(model["id"]) for model in json.loads(response.content)["data"]]
        except (ValueError, KeyError, TypeError, RecursionError):
            raise faults.not_a_model(self._choice, response.text) from None
        if not names:
            raise ProviderError(
                f"{self._choice.base_url} offers no model",
                code="model_not_found",
                hint="load one, or name it: --model",
            )
        return names

    async def _first_model(self, client: openai.AsyncOpenAI) -> str:
        """The first model on offer; a server that has no list of them has one, whatever it is called."""
        try:
            return (await self._models(client))[0]
        except _Refused as refusal:
            if refusal.error.retryable or isinstance(refusal.error, KeyRejected):
                raise
        except ProviderError as error:
            if error.code != "not_a_model":
                raise
        return _UNNAMED

    async def _attempt(self, client: openai.AsyncOpenAI, request: Request) -> AsyncGenerator[ReplyPart, None]:
        begun = False
        try:
            if not self.model:
                self.model = await self._first_model(client)
                yield Notice(f"Asking {self.model}")
            async with client.chat.completions.with_streaming_response.create(
                model=self.model, messages=_messages(request), stream=True, **self._options(request)
            ) as response, aclosing(self._parts(response)) as parts:  # fmt: skip
                async for part in parts:
                    begun = True
                    yield part
        except openai.APIStatusError as error:
            raise self._status_error(error) from None
        except openai.APIConnectionError as error:
            raise self._unreachable(error) from None
        except httpx2.TransportError as error:
            cut = Unavailable(
                f"the connection to {self._choice.base_url} was lost ({_cause(error)})",
                code="dropped",
                hint=f"try again, or {faults.TRY_OFFLINE}",
            )
            raise cut if begun else _Refused(cut) from None
        except Unavailable as error:
            raise error if begun else _Refused(error) from None

    def _options(self, request: Request) -> dict[str, Any]:
        options: dict[str, Any] = {} if request.seed is None else {"seed": request.seed}
        return options | ({"stream_options": {"include_usage": True}} if self._asks_for_usage else {})

    def _status_error(self, error: openai.APIStatusError) -> _Refused:
        response = error.response
        try:
            body = response.text
        except httpx2.ResponseNotRead:
            body = str(error.body or "")
        fault = faults.refused(self._choice, response.status_code, body, response.headers)
        return _Refused(fault, retry_after(response.headers))

    def _unreachable(self, error: openai.APIConnectionError) -> _Refused:
        timed_out = isinstance(error, openai.APITimeoutError)
        cause = f"no answer within {self._connect:g} s" if timed_out else _cause(error)
        return _Refused(faults.unreachable(self._choice, cause))

    async def _parts(self, response: Any) -> AsyncGenerator[ReplyPart, None]:
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind in ("text/html", "application/json"):
            for part in self._whole(await _body(response), is_json=kind == "application/json"):
                yield part
            return
        decoder = Decoder(self._choice)
        async with aclosing(_gathered(_chunks(response))) as chunks:
            async for chunk in chunks:
                for part in decoder.feed(chunk):
                    yield part
                if decoder.done:
                    return
        for part in decoder.close():
            yield part

    def _whole(self, body: str, *, is_json: bool) -> list[ReplyPart]:
        """A success that is no stream: a whole completion, an error in disguise, or a web page."""
        try:
            answer = json.loads(body) if is_json else None
        except (ValueError, RecursionError):
            answer = None
        if isinstance(answer, dict) and answer.get("error"):
            raise _Refused(server_error(self._choice, answer["error"]))
        if not isinstance(answer, dict) or "choices" not in answer:
            raise _Refused(faults.not_a_model(self._choice, body))
        return read_completion(answer)


def _messages(request: Request) -> Any:
    return messages(request.prompt, request.text)


def _chunks(response: Any) -> AsyncGenerator[bytes, None]:
    """The bytes of a body, from where closing reaches the connection: the SDK's own iterator leaves that to chance."""
    chunks: AsyncGenerator[bytes, None] = response.http_response.aiter_bytes()
    return chunks


async def _gathered(source: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """What came while the consumer was away as one chunk: one for a read of the network, not one for each event."""
    came = bytearray()
    news, room = asyncio.Event(), asyncio.Event()

    async def read() -> None:
        async with aclosing(source):
            async for chunk in source:
                came.extend(chunk)
                news.set()
                if len(came) >= _AHEAD:
                    room.clear()
                    await room.wait()

    reading = asyncio.create_task(read())
    reading.add_done_callback(lambda _: news.set())
    try:
        while came or not reading.done():
            await news.wait()
            news.clear()
            if came:
                chunk = bytes(came)
                came.clear()
                room.set()
                yield chunk
        await reading
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def _body(response: Any) -> str:
    body = b""
    async with aclosing(_chunks(response)) as chunks:
        async for chunk in chunks:
            body += chunk
            if len(body) > MAX_REPLY:
                break
    return body.decode("utf-8", "replace")


def _cause(error: Exception) -> str:
    """The innermost cause that says something, without its class."""
    said = ""
    cause: BaseException | None = error
    while cause is not None:
        said = _words(cause) or said
        cause = cause.__cause__ or cause.__context__
    return said or type(error).__name__


def _words(cause: BaseException) -> str:
    if isinstance(cause, ConnectionError) and cause.errno:
        return os.strerror(cause.errno)
    return ((isinstance(cause, OSError) and cause.strerror) or str(cause)).strip()
