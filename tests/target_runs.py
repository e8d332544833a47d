"""What tests of targets have in common: small sites, and targets run through the engine."""

from __future__ import annotations

import asyncio
import os
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest
from cloudflare_faults import Fault

from webmint_cli import engine
from webmint_cli.errors import WebMintError
from webmint_cli.events import Deployed, Event, Planned
from webmint_cli.targets.api import Patience
from webmint_cli.targets.target import Asset, Options, Tree

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping
    from pathlib import Path

    from webmint_cli.targets.target import Target

PATIENCE = Patience(backoff=0.01)
FILES = {
    "index.html": b"<!doctype html><title>Home</title>",
    "about.html": b"<!doctype html><title>About</title>",
    "styles.css": b"body { color: #123 }",
    "blog/index.html": b"<!doctype html><title>Blog</title>",
    "a b%.png": b"\x89PNG",
}
FAULTS = {
    "429": Fault.status(429),
    "429-retry-after": Fault.status(429, retry_after="0"),
    "500": Fault.status(500),
    "502-html": Fault.status(502, html=True),
    "dropped-before": Fault.drop("before"),
    "dropped-after": Fault.drop("after"),
    "dropped-midway": Fault.drop("midway"),
}


def tree(files: Mapping[str, bytes] = FILES, **rules: bytes) -> Tree:
    return Tree(tuple(Asset(path, len(data), data) for path, data in files.items()), rules)


def read_from(folder: Path, files: Mapping[str, bytes] = FILES) -> Tree:
    """The files written into a folder, and the tree of them."""
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return Tree(tuple(Asset(path, len(data), folder / path) for path, data in files.items()))


def content(folder: Path) -> dict[str, bytes]:
    """What is in a folder, by path."""
    return {
        os.path.relpath(path, folder).replace(os.sep, "/"): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def run(job: AsyncGenerator[Event, None]) -> list[Event]:
    async def collect() -> list[Event]:
        async with aclosing(engine.deploy(job)) as events:
            return [event async for event in events]

    return asyncio.run(collect())


def deploy(target: Target, site: Tree, project: str, options: Options) -> Deployed:
    last = run(target.deploy(site, project, options))[-1]
    assert isinstance(last, Deployed)
    return last


def plan(target: Target, site: Tree, project: str, options: Options) -> Planned:
    last = run(target.plan(site, project, options))[-1]
    assert isinstance(last, Planned)
    return last


def refusal(target: Target, site: Tree, project: str, options: Options) -> WebMintError:
    with pytest.raises(WebMintError) as caught:
        run(target.deploy(site, project, options))
    assert caught.value.hint
    return caught.value
