"""From the events of a streamed completion to the parts of a reply.

Light on purpose: of each event only what is needed is looked at, and what came in one read of the network
becomes one part. https://platform.openai.com/docs/api-reference/chat/streaming
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from webmint_cli.answers import scrubbed
from webmint_cli.errors import ProviderError, Unavailable
from webmint_cli.providers import faults
from webmint_cli.providers.presets import Choice
from webmint_cli.providers.provider import Finish, Notice, Reasoning, ReplyPart, Text, Usage
from webmint_cli.providers.sse import EventSplitter

MAX_REPLY = 32 << 20

_MAX_GARBAGE = 5


class Decoder:
    """Events to parts. A broken event may have held text: the reply is cut there, not passed over."""

    def __init__(self, choice: Choice) -> None:
        self._choice = choice
        self._splitter = EventSplitter()
        self._garbage = 0
        self._size = 0
        self.done = False

    def feed(self, chunk: bytes) -> Iterator[ReplyPart]:
        """The parts in this chunk; after them ProviderError, if something in it can't be taken."""
        return self._decode(self._splitter.feed(chunk))

    def close(self) -> Iterator[ReplyPart]:
        return self._decode(self._splitter.close())

    def _decode(self, events: Iterator[str]) -> Iterator[ReplyPart]:
        parts: list[ReplyPart] = []
        failure: ProviderError | None = None
        try:
            for event in events:
                if event == "[DONE]":
                    self.done = True
                    break
                parts += self._read(event)
        except ProviderError as error:
            failure = error
        yield from _merged(parts)
        self._size += sum(len(part.text) for part in parts if isinstance(part, Text | Reasoning))
        if self._size > MAX_REPLY:
            failure = ProviderError("the reply passed 32 MiB", code="too_large", hint="try another model")
        if failure:
            raise failure

    def _read(self, event: str) -> list[ReplyPart]:
        try:
            chunk = json.loads(event)
        except (ValueError, RecursionError):
            return self._refuse_garbage(event)
        if not isinstance(chunk, dict):
            return self._refuse_garbage(event)
        if chunk.get("error"):
            raise server_error(self._choice, chunk["error"])
        return _read_chunk(chunk, "delta")

    def _refuse_garbage(self, event: str) -> list[ReplyPart]:
        self._garbage += 1
        if event.lstrip().startswith("{") or self._garbage > _MAX_GARBAGE:
            raise Unavailable(
                f"the server sent something that can't be read: {scrubbed(event, self._choice.key)}",
                code="garbage",
                hint=f"try again, or {faults.TRY_OFFLINE}",
            )
        return (
            [Notice("The server sent something that is no event; it was passed over")]
            if self._garbage == 1
            else []
        )


def read_completion(answer: Mapping[str, Any]) -> list[ReplyPart]:
    """The parts of an answer that was not streamed."""
    return _merged(_read_chunk(answer, "message"))


def _read_chunk(chunk: Mapping[str, Any], key: str) -> list[ReplyPart]:
    parts: list[ReplyPart] = []
    for choice in _objects(chunk.get("choices")):
        delta = choice.get(key)
        if isinstance(delta, dict):
            thought = delta.get("reasoning_content") or delta.get("reasoning") or delta.get("thinking")
            if thought and isinstance(thought, str):
                parts.append(Reasoning(thought))
            if text := _text(delta.get("content")):
                parts.append(Text(text))
        if choice.get("finish_reason"):
            parts.append(Finish(str(choice["finish_reason"])))
    usage = chunk.get("usage")
    if isinstance(usage, dict):
        parts.append(Usage({name: count for name, count in usage.items() if type(count) is int}))
    return parts


def _text(content: Any) -> str:
    """The text of a `content`: a string, or the list of typed parts that some servers send."""
    if isinstance(content, str):
        return content
    texts = (part.get("text") for part in _objects(content) if part.get("type") == "text")
    return "".join(text for text in texts if isinstance(text, str))


def _objects(value: Any) -> list[dict[str, Any]]:
    """The objects in a JSON array; none in anything else."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _merged(parts: list[ReplyPart]) -> list[ReplyPart]:
    """Neighbouring texts as one: what came in one read of the network is one part."""
    merged: list[ReplyPart] = []
    run: list[str] = []
    for part in parts:
        if isinstance(part, Text):
            run.append(part.text)
            continue
        if run:
            merged.append(Text("".join(run)))
            run = []
        merged.append(part)
    return [*merged, Text("".join(run))] if run else merged


def server_error(choice: Choice, error: Any) -> Unavailable:
    """The error of an `error` object that came with a success, or in the middle of a stream."""
    message = error.get("message", error) if isinstance(error, dict) else error
    return Unavailable(
        f"the server stopped with an error: {scrubbed(str(message), choice.key)}",
        code="server_error",
        hint=f"try again, or {faults.TRY_OFFLINE}",
    )
