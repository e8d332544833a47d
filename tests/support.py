"""What the tests of the core share: one reply, a run of it against a server, and what came of that."""

from __future__ import annotations

import asyncio
import traceback
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from hypothesis import settings

from webmint_cli import engine
from webmint_cli.engine import Limits
from webmint_cli.errors import WebMintError
from webmint_cli.events import Complete, Event, Progress, Status
from webmint_cli.journal import Header, Journal, Recorded
from webmint_cli.providers.openai_compatible import OpenAICompatible, Retry
from webmint_cli.providers.presets import Choice
from webmint_cli.providers.provider import Finish, Provider, ReplyPart, Request, Text
from webmint_cli.reply.contract import Plan, write_reply
from webmint_cli.reply.parser import Outcome, Parser

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Coroutine, Iterable, Sequence
    from pathlib import Path

# How long an example takes is the machine's business.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

T = TypeVar("T")

# What a server quotes and nobody may repeat.
KEY = "sk-canary-7c21d49f3b"
KEY_VARIABLE = "OPENAI_API_KEY"

FILES = {
    "styles.css": ":root { --crust: #8a4b14 }\nbody { font: 1rem/1.5 Georgia, serif; color: var(--crust) }\n",
    "index.html": (
        '<!doctype html>\n<html lang="fr">\n<head>\n  <title>Chez Léa</title>\n'
        '  <link rel="stylesheet" href="styles.css">\n</head>\n<body>\n  <h1>Pains &amp; brioches 🥐</h1>\n'
        '  <p>Ouvert dès six heures, du mardi au dimanche.</p>\n  <script src="script.js"></script>\n'
        "</body>\n</html>\n"
    ),
    "script.js": 'document.querySelector("h1").dataset.open = new Date().getHours() >= 6 ? "oui" : "non"\n',
}
REPLY = "".join(write_reply(Plan(title="Chez Léa", pages="index.html"), FILES))
# Inside the page: the stylesheet is whole, the script has not begun.
CUT = REPLY.index("du mardi")

# Time enough for a busy machine; a test of silence takes less.
PATIENT = Limits(first=20, silence=20, turns=0, interval=0.02)
RETRY = Retry(base=0.01)


def pieces(text: str, size: int = 9) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


def parsed(text: str) -> Outcome:
    """What the reply would be if it ended after this text."""
    parser = Parser()
    parser.feed(text)
    return parser.close()


def choice(base_url: str, *, key: str = KEY, model: str = "model-a") -> Choice:
    return Choice("custom", model, "a test", base_url, key, KEY_VARIABLE)


@dataclass
class Ran:
    """A run: its events, and how it ended."""

    events: list[Event] = field(default_factory=list)
    error: WebMintError | None = None
    trace: str = ""

    @property
    def complete(self) -> Complete:
        assert self.error is None, self.error
        last = self.events[-1]
        assert isinstance(last, Complete)
        return last

    @property
    def failure(self) -> WebMintError:
        assert self.error is not None, self.events
        return self.error

    @property
    def statuses(self) -> list[Status]:
        return [event for event in self.events if isinstance(event, Status)]

    @property
    def messages(self) -> list[str]:
        return [status.message for status in self.statuses]

    @property
    def progress(self) -> list[Progress]:
        return [event for event in self.events if isinstance(event, Progress)]

    @property
    def files(self) -> dict[str, str]:
        """The files as a consumer of the deltas has them, each offset checked."""
        files: dict[str, str] = {}
        for event in self.progress:
            before = "" if event.reset else files.get(event.file, "")
            assert event.offset == len(before.encode("utf-16-le")) // 2
            files[event.file] = before + event.content
        return files


def site(complete: Complete) -> dict[str, str]:
    """The files of a finished run, without the empty ones of the three."""
    three = {"styles.css": complete.css, "index.html": complete.html, "script.js": complete.js}
    return dict(complete.files or {path: text for path, text in three.items() if text})


async def collect(stream: AsyncGenerator[Event, None]) -> Ran:
    ran = Ran()
    try:
        async with aclosing(stream) as events:
            async for event in events:
                ran.events.append(event)
    except WebMintError as error:
        ran.error, ran.trace = error, traceback.format_exc()
    return ran


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(coroutine)


def generate(
    provider: Provider, *, limits: Limits = PATIENT, request: Request | None = None, **options: Any
) -> Ran:
    """One generation, from its first event to its last."""
    asked = request or Request("a bakery in Lyon")
    return run(collect(engine.generate(asked, provider, limits=limits, **options)))


def journal(folder: Path | None = None) -> Journal:
    return Journal(folder, Header("20261123-120000-beef", "a bakery in Lyon", "custom", "model-a"))


def ask(
    base_url: str,
    *,
    limits: Limits = PATIENT,
    retry: Retry = RETRY,
    model: str = "model-a",
    record: Journal | None = None,
    **options: Any,
) -> Ran:
    """One generation by a model's server."""
    provider: Provider = OpenAICompatible(choice(base_url, model=model), connect=5, retry=retry)
    return generate(Recorded(provider, record) if record else provider, limits=limits, **options)


class Scripted:
    """A provider that says these parts, one list a turn; the last one repeats. `closed` counts its ends."""

    name = "scripted"
    model = "model-a"

    def __init__(self, *turns: Sequence[ReplyPart | BaseException | float]) -> None:
        self.requests: list[Request] = []
        self.closed = 0
        self._turns = turns

    async def stream(self, request: Request) -> AsyncGenerator[ReplyPart, None]:
        turn = self._turns[min(len(self.requests), len(self._turns) - 1)]
        self.requests.append(request)
        try:
            for part in turn:
                if isinstance(part, BaseException):
                    raise part
                if isinstance(part, int | float):
                    await asyncio.sleep(part)
                else:
                    yield part
        finally:
            self.closed += 1


def said(text: str, finish: str | None = "stop", *, size: int = 9) -> list[ReplyPart]:
    """The parts of a reply with this text."""
    parts: Iterable[ReplyPart] = map(Text, pieces(text, size))
    return [*parts, Finish(finish)] if finish else [*parts]
