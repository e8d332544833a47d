"""What the tests of targets share: a site, a run through the engine, and the faults that each call must survive."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest
from cloudflare_faults import Fault

from webmint_cli import engine
from webmint_cli.errors import WebMintError
from webmint_cli.events import Deployed, Event, Planned
from webmint_cli.targets.api import Patience
from webmint_cli.targets.target import Asset, Tree

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

PATIENCE = Patience(backoff=0.01)
FILES = {
    "index.html": b"<!doctype html><title>Home</title><body></body>",
    "about.html": b"<!doctype html><title>About</title><body></body>",
    "styles.css": b"body { color: #123 }",
    "blog/index.html": b"<!doctype html><title>Blog</title><body></body>",
    "a b%+\u00e9.png": b"\x89PNG",
    "empty.txt": b"",
}
FAULTS = {
    "429": Fault.status(429),
    "429 with Retry-After": Fault.status(429, retry_after="0.02"),
    "500": Fault.status(500),
    "502 with HTML": Fault.status(502, html=True),
    "dropped before": Fault.drop("before"),
    "dropped after": Fault.drop("after"),
    "dropped midway": Fault.drop("midway"),
    "524": Fault.status(524, html=True),
}


def tree(files: Mapping[str, bytes] | None = None, **rules: bytes) -> Tree:
    contents = FILES if files is None else files
    return Tree(tuple(Asset(path, len(data), data) for path, data in contents.items()), rules)


def run(job: AsyncGenerator[Event, None]) -> list[Event]:
    async def collect() -> list[Event]:
        async with aclosing(engine.deploy(job)) as events:
            return [event async for event in events]

    return asyncio.run(collect())


def deployed(job: AsyncGenerator[Event, None]) -> Deployed:
    last = run(job)[-1]
    assert isinstance(last, Deployed)
    return last


def planned(job: AsyncGenerator[Event, None]) -> Planned:
    last = run(job)[-1]
    assert isinstance(last, Planned)
    return last


def failure(job: AsyncGenerator[Event, None], secret: str) -> WebMintError:
    """How it fails; the secret is in none of its words."""
    with pytest.raises(WebMintError) as caught:
        run(job)
    assert secret not in caught.value.message + caught.value.hint
    assert caught.value.hint
    return caught.value


def stopped(job: AsyncGenerator[Event, None], message: str) -> None:
    """Leave it as soon as it says this."""

    async def leave() -> None:
        async with aclosing(engine.deploy(job)) as events:
            async for event in events:
                if message in str(getattr(event, "message", "")):
                    return

    asyncio.run(leave())


def options(**given: Any) -> dict[str, Any]:
    return {"verify": 1.0} | given
