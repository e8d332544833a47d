"""The one place that orders the stages, for generation and for deployment alike.

    provider.stream ─► watched ─► draft (parser, seams) ─► paced ─► accumulated ─► events
    target.deploy   ─► watched ─────────────────────────► paced ─────────────────► events

A failure leaves as an exception of `errors`, after the events that came before it.
"""

import math
import time
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from dataclasses import dataclass, replace

from webmint_cli.errors import ProviderError, Reason
from webmint_cli.events import Complete, Event, Phase, Progress, Status
from webmint_cli.pacing import Clock, Stalled, accumulated, paced, utf16_length, watched
from webmint_cli.page import is_page, read_page
from webmint_cli.providers.provider import (
    Finish,
    Notice,
    Provider,
    Reasoning,
    ReplyPart,
    Request,
    Text,
    Usage,
)
from webmint_cli.reply.checks import repeats
from webmint_cli.reply.draft import Draft
from webmint_cli.reply.files import Delta
from webmint_cli.reply.parser import Outcome
from webmint_cli.reply.verdict import Verdict, incomplete, judge, repetition
from webmint_cli.site import Site

_THREE = frozenset({"index.html", "styles.css", "script.js"})
_LOOP_CHECKED = 4 << 10
_LOOP = 16 << 10
_LINE_LOOP = 4 << 10
_TYPICAL_REPLY = 15_000


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds, but for `turns`: how often a cut reply may be continued."""

    first: float = 120.0
    silence: float = 60.0
    turns: int = 3
    interval: float = 0.1
    heartbeat: float = 15.0

    def allow(self, part: ReplyPart) -> float | None:
        """Seconds until the next part of a reply must come; None for one that says nothing."""
        match part:
            case Text() | Reasoning():
                return self.silence
            case Notice(wait=wait):
                return self.first + wait
            case _:
                return None


async def generate(
    request: Request,
    provider: Provider,
    *,
    limits: Limits | None = None,
    stream_id: str | None = None,
    always_accumulated: bool | None = None,
    clock: Clock = time.monotonic,
) -> AsyncGenerator[Event, None]:
    """The events of one generation: status and progress, then `Complete`.

    Raises ProviderError when no reply came, Incomplete when it was cut and could not be continued, Unusable
    when it is no site; the last two carry the files (`partial`).
    """
    limits = limits or Limits()
    job = _Generation(request, provider, limits, stream_id, clock).run()
    steady = paced(job, interval=limits.interval, heartbeat=limits.heartbeat, clock=clock)
    async with aclosing(accumulated(steady, always=always_accumulated)) as events:
        async for event in events:
            yield event


async def deploy(
    job: AsyncGenerator[Event, None], *, limits: Limits | None = None, clock: Clock = time.monotonic
) -> AsyncGenerator[Event, None]:
    """The events of one deployment, as a target makes them: status, then `Deployed`. Raises its errors, or Stalled."""
    limits = limits or Limits()
    alive = watched(job, first=limits.first, allow=lambda _: limits.first)
    async with aclosing(
        paced(alive, interval=limits.interval, heartbeat=limits.heartbeat, clock=clock)
    ) as events:
        async for event in events:
            yield event


class _Generation:
    """One generation: turn by turn until the reply is whole, is no site, or can't be continued."""

    def __init__(
        self, request: Request, provider: Provider, limits: Limits, stream_id: str | None, clock: Clock
    ) -> None:
        self._request = request
        self._provider = provider
        self._limits = limits
        self._stream_id = stream_id
        self._clock = clock
        self._began = clock()
        self._draft = Draft()
        self._lengths: dict[str, int] = {}
        self._usage: Counter[str] = Counter()
        self._characters = 0
        self._thought = 0
        self._finish: str | None = None
        self._failure: ProviderError | None = None
        self._cut: Reason | None = None
        self._unchecked = 0
        self._tail = ""

    async def run(self) -> AsyncGenerator[Event, None]:
        yield Status(f"Asking {self._provider.model or self._provider.name}", 1, "connect", self._stream_id)
        first = self._received() if self._request.received else self._turn()
        async with aclosing(first) as events:
            async for event in events:
                yield event
        for turns_left in range(self._limits.turns, -1, -1):
            outcome = self._draft.outcome()
            verdict = self._judge(outcome)
            if verdict.error:
                raise verdict.error
            if not verdict.cut:
                break
            if not turns_left or not self._may_go_on(verdict.cut):
                raise incomplete(outcome, verdict.cut, self._failure.message if self._failure else "")
            self._cut = verdict.cut
            self._draft.cut()
            yield self._status(f"The reply was cut ({verdict.cut}); asking for the rest", "connect")
            async with aclosing(self._turn()) as events:
                async for event in events:
                    yield event
        for event in self._ended(outcome, verdict):
            yield event

    async def _received(self) -> AsyncGenerator[Event, None]:
        """What an earlier run received, as if it came now."""
        self._finish = self._request.finish
        for number, stretch in enumerate(self._request.received):
            for event in self._written(self._draft.restart()) if number else ():
                yield event
            for event in self._read(Text(stretch)):
                yield event

    def _judge(self, outcome: Outcome) -> Verdict:
        interruption = _interruption(self._failure)
        verdict = judge(outcome, self._draft.text, self._finish, interruption, thought=self._thought > 0)
        # The rest that was asked for did not come: the reply is still cut where it was.
        return Verdict(cut=self._cut) if self._draft.astray and not verdict.cut else verdict

    async def _turn(self) -> AsyncGenerator[Event, None]:
        """One request. A failure after something came is kept: the reply was cut there."""
        self._finish, self._failure = None, None
        parts = watched(
            self._provider.stream(replace(self._request, received=self._draft.stretches)),
            first=self._limits.first,
            allow=self._limits.allow,
        )
        try:
            async with aclosing(parts):
                async for part in parts:
                    for event in self._read(part):
                        yield event
                    if self._draft.astray:
                        break
        except ProviderError as error:
            if not self._draft.text.strip():
                raise
            self._failure = error
        for event in self._written(self._draft.settle()):
            yield event

    def _may_go_on(self, cut: Reason) -> bool:
        return cut != "content_filter" and (self._failure is None or self._failure.retryable)

    def _read(self, part: ReplyPart) -> Iterator[Event]:
        match part:
            case Text(text):
                self._characters += len(text)
                yield from self._written(self._draft.feed(text))
                self._check_for_loop(text)
            case Reasoning(text):
                self._thought += len(text)
            case Usage(tokens):
                self._usage.update(tokens)
            case Finish(reason):
                self._finish = reason
            case Notice(message):
                yield self._status(message, "connect")
        if isinstance(part, Reasoning) or self._draft.thinking:
            yield self._status(f"Thinking ({self._thought or self._characters:,} characters)", "think")

    def _written(self, deltas: list[Delta]) -> Iterator[Event]:
        for delta in deltas:
            known = delta.path in self._lengths
            if delta.reset or not known:
                self._lengths[delta.path] = 0
            if delta.reset or delta.text:
                offset = self._lengths[delta.path]
                self._lengths[delta.path] += utf16_length(delta.text)
                yield Progress(delta.text, self._progress(), delta.path, offset, delta.reset)
            elif not known:
                yield self._status(f"Writing {delta.path}", "write")

    def _check_for_loop(self, text: str) -> None:
        self._tail = (self._tail + text)[-_LOOP:]
        self._unchecked += len(text)
        if self._unchecked >= _LOOP_CHECKED:
            self._unchecked = 0
            if repeats(self._tail, _LOOP) or _loops_in_a_line(self._tail[-_LINE_LOOP:]):
                raise repetition(self._draft.outcome())

    def _ended(self, outcome: Outcome, verdict: Verdict) -> Iterator[Event]:
        yield from self._written(self._draft.close())
        for warning in verdict.warnings:
            yield self._status(warning, "check")
        site = Site(outcome.files)
        yield Complete(
            html=site.html,
            css=site.css,
            js=site.js,
            title=_title(outcome, self._request.prompt),
            model=self._provider.model,
            provider=self._provider.name,
            seconds=round(self._clock() - self._began, 3),
            dialect=outcome.dialect or "",
            usage=dict(self._usage),
            files=dict(outcome.files) if set(outcome.files) - _THREE else None,
        )

    def _status(self, message: str, phase: Phase) -> Status:
        return Status(message, self._progress(), phase)

    def _progress(self) -> int:
        """Between 2 and 98: nobody knows how long a reply will be, so it nears its end ever more slowly."""
        return 2 + round(96 * (1 - math.exp(-self._characters / _TYPICAL_REPLY)))


def _loops_in_a_line(tail: str) -> bool:
    """Within one line, as in a made-up data URL, a loop shows sooner than over lines, which may be alike."""
    return "\n" not in tail and repeats(tail, _LINE_LOOP)


def _interruption(failure: ProviderError | None) -> Reason | None:
    if failure is None:
        return None
    return "timeout" if isinstance(failure, Stalled) else "dropped"


def _title(outcome: Outcome, prompt: str) -> str:
    page = next((text for path, text in outcome.files.items() if is_page(path)), "")
    return outcome.plan.title or read_page(page).title or " ".join(prompt.split())[:60]
