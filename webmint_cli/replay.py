"""A recorded run as a provider: what was said then, part by part, without a model or a network."""

import asyncio
import hashlib
import math
import time
from collections.abc import AsyncGenerator, Mapping

from webmint_cli.engine import Limits
from webmint_cli.errors import Incomplete, ProviderError, Unavailable, WebMintError
from webmint_cli.journal import Run
from webmint_cli.pacing import Clock, Stalled
from webmint_cli.providers.provider import Finish, ReplyPart, Request
from webmint_cli.run import draft
from webmint_cli.site import Site


class Replay:
    """Gives a turn of the record for each request, and after the last ends as the record ended.

    `speed`: how many times as fast as it came; None for as fast as it is heard.
    """

    def __init__(self, run: Run, *, speed: float | None = None, clock: Clock = time.monotonic) -> None:
        self.name = run.header.provider
        self.model = run.header.model
        self._run = run
        self._speed = speed
        self._clock = clock
        self._began = clock()
        self._asked = 0

    @property
    def limits(self) -> Limits:
        """Patience for any silence of the record, and as many continuations as it has."""
        more = len(self._run.turns) - (not self._was_stopped)
        return Limits(first=math.inf, silence=math.inf, turns=max(0, more))

    async def stream(self, _request: Request) -> AsyncGenerator[ReplyPart, None]:
        """The parts of the next turn. Raises what cut it off."""
        number, self._asked = self._asked, self._asked + 1
        turn = self._run.turns[number] if number < len(self._run.turns) else ()
        times = self._run.times[number] if turn else ()
        for part, at in zip(turn, times, strict=True):
            await self._wait(at)
            yield part
        if any(isinstance(part, Finish) for part in turn):
            return
        if number < len(self._run.turns) - 1:
            # The engine went on from here, so it was not told of an end.
            raise Unavailable("")
        if self._run.end == "completed":
            yield Finish("stop")
        else:
            raise self._end()

    async def _wait(self, at: float) -> None:
        if self._speed:
            delay = at / self._speed - (self._clock() - self._began)
            if delay > 0:
                await asyncio.sleep(delay)

    @property
    def _was_stopped(self) -> bool:
        """Whether a person or a signal ended it: `resumed` is what became of it after that."""
        return self._run.end in ("", "stopped", "resumed") and not self._run.failure.code

    def _end(self) -> WebMintError:
        came, failure = draft(self._run.turns), self._run.failure
        if self._was_stopped:
            files = came.outcome().files
            return Incomplete("the run was stopped here", reason="stopped", partial=files)
        if not came.text.strip():
            return ProviderError(failure.message or "nothing came, by the record", code=failure.code)
        # The engine has words of its own for why a reply is cut.
        return Stalled("") if failure.reason == "timeout" else Unavailable("")


def digests(site: Site) -> dict[str, str]:
    """The SHA-256 of each file."""
    return {path: hashlib.sha256(data).hexdigest() for path, data in site.encoded().items()}


def differing(ours: Mapping[str, str], theirs: Mapping[str, str]) -> list[str]:
    """The paths whose digests are not the same, or that are on one side only."""
    return sorted(path for path in {*ours, *theirs} if ours.get(path) != theirs.get(path))
