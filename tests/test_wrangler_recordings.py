"""Our requests are wrangler's, file by file and byte by byte, on trees full of odd names (recorded in `hosts/`)."""

from __future__ import annotations

import asyncio
import email.parser
import email.policy
import hashlib
import json
from base64 import b64decode
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cloudflare_host import CloudflareHost

from webmint_cli import engine
from webmint_cli.targets.api import Patience
from webmint_cli.targets.cloudflare.account import Credentials
from webmint_cli.targets.cloudflare.pages import CloudflarePages
from webmint_cli.targets.preflight import preflight
from webmint_cli.targets.target import Commit, Options

if TYPE_CHECKING:
    from email.message import Message

TREES: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parent / "hosts" / "wrangler-pages.json").read_text("utf-8")
)["trees"]
RULES = {"_headers", "_redirects"}
# What wrangler sends of Pages Functions, which are not ours to build.
FUNCTIONS = {"_routes.json", "_worker.js", "_worker.bundle", "functions-filepath-routing-config.json"}


def write(folder: Path, files: dict[str, dict[str, str]]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content["text"].encode() if "text" in content else b64decode(content["base64"])
        path.write_bytes(data)


def options(args: list[str]) -> Options:
    """Ours for the arguments that wrangler had."""
    given = dict(zip(args[::2], args[1::2], strict=False))
    commit = None
    if "--commit-hash" in given:
        is_dirty = "--commit-dirty=true" in args
        commit = Commit("", given["--commit-hash"], given["--commit-message"], is_dirty=is_dirty)
    return Options(branch=given.get("--branch", ""), commit=commit, verify=1.0)


def deploy(host: CloudflareHost, folder: Path, wish: Options) -> None:
    target = CloudflarePages(Credentials(host.token, host.account, host.api), patience=Patience(backoff=0.01))
    site = preflight(folder, target.capacity, allow=("*", "no-index"), wrangler_compat=True)

    async def run() -> None:
        async with aclosing(engine.deploy(target.deploy(site, "demo", wish))) as events:
            async for _ in events:
                pass

    asyncio.run(run())


def parts(body: bytes, content_type: str) -> dict[str, Message]:
    parser = email.parser.BytesParser(policy=email.policy.HTTP)
    form = parser.parsebytes(b"Content-Type: " + content_type.encode() + b"\r\n\r\n" + body)
    found = form.get_payload()
    assert isinstance(found, list)
    return {
        str(part.get_param("name", header="content-disposition")): part
        for part in found
        if not isinstance(part, str)
    }


@pytest.mark.parametrize("name", TREES)
def test_a_deployment_is_wranglers(name: str, tmp_path: Path) -> None:
    recorded = TREES[name]
    write(tmp_path, recorded["files"])
    with CloudflareHost() as host:
        host.add_project("demo")
        deploy(host, tmp_path, options(recorded["args"]))
        requests = list(host.requests)
    sent = [entry for seen in requests if seen.call == "upload" for entry in json.loads(seen.body)]
    assets = {
        entry["key"]: {
            "contentType": entry["metadata"]["contentType"],
            "sha256": hashlib.sha256(entry["value"].encode()).hexdigest(),
        }
        for entry in sent
    }
    assert assets == recorded["assets"]
    assert len(sent) == len(assets)
    published = next(seen for seen in requests if seen.call == "deploy")
    form = parts(published.body, published.headers["content-type"])
    assert json.loads(str(form["manifest"].get_payload(decode=True).decode())) == recorded["manifest"]  # type: ignore[union-attr]
    theirs = {field["name"]: field for field in recorded["fields"]}
    assert set(form) == set(theirs) - FUNCTIONS
    for text in set(form) - RULES - {"manifest"}:
        assert form[text].get_payload(decode=True) == theirs[text]["text"].encode()
    for rule in RULES & set(form):
        assert form[rule].get_filename() == theirs[rule]["filename"]
        assert form[rule].get_content_type() == theirs[rule]["contentType"]
        assert form[rule].get_payload(decode=True) == theirs[rule]["text"].encode()


def test_the_upload_of_a_small_tree_is_wranglers_text(tmp_path: Path) -> None:
    recorded = TREES["small"]
    write(tmp_path, recorded["files"])
    with CloudflareHost() as host:
        host.add_project("demo")
        deploy(host, tmp_path, options(recorded["args"]))
        bodies = [seen.body.decode() for seen in host.requests if seen.call == "upload"]
    entries = sorted(text[1:-1] for text in recorded["uploads"])
    assert len(bodies) == 1
    assert sorted(bodies[0][1:-1].replace("},{", "}\n{").splitlines()) == entries
