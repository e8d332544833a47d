"""How a deployment does several things at once, and how it does what blocks: the disk's and the processor's work."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Generator, Iterable
from typing import TypeAlias, TypeVar

from webmint_cli.events import Status
from webmint_cli.targets.narration import Report

Result = TypeVar("Result")
Work: TypeAlias = Generator[Status, None, Result]

_MOMENT = 0.1


async def at_once(jobs: Iterable[Callable[[], Awaitable[None]]], limit: int) -> None:
    """Do all of them, `limit` at a time. The first failure ends the others and is raised."""
    places = asyncio.Semaphore(limit)

    async def run(job: Callable[[], Awaitable[None]]) -> None:
        async with places:
            await job()

    try:
        async with asyncio.TaskGroup() as group:
            for job in jobs:
                group.create_task(run(job))
    except BaseExceptionGroup as failures:
        raise failures.exceptions[0] from None


async def performed(work: Work[Result], report: Report) -> Result:
    """What blocking work returns. It runs in a thread for a moment at a time, and yields how far it is.

    Cancelled, it is closed where it stands, so that it can clean up.
    """
    try:
        while True:
            moment = asyncio.ensure_future(asyncio.to_thread(_moment, work))
            try:
                step, result = await asyncio.shield(moment)
            finally:
                await asyncio.wait((moment,))
            if step:
                report.say(step.message, step.progress, step.phase)
            if result:
                return result[0]
    finally:
        work.close()


def _moment(work: Work[Result]) -> tuple[Status | None, list[Result]]:
    """The last step of as many as a moment holds, and the result if that was the end."""
    until, step = time.monotonic() + _MOMENT, None
    try:
        while time.monotonic() < until:
            step = next(work)
    except StopIteration as end:
        return step, [end.value]
    return step, []
