"""`webmint serve` as a process: its address comes first, it is the same engine, and it ends with a word to everyone."""

from __future__ import annotations

import json
import signal
import socket
import time
from contextlib import contextmanager
from itertools import groupby
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import support
import upstream as up
from api_server import PROMPT, Watched, events
from commandline import Running, Webmint

from webmint_cli.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def webmint(tmp_path: Path) -> Webmint:
    return Webmint(tmp_path)


@pytest.fixture
def upstream() -> Iterator[up.Upstream]:
    with up.Upstream() as server:
        yield server


@contextmanager
def started(webmint: Webmint, *arguments: str, **options: Any) -> Iterator[tuple[Running, str]]:
    """A server that is listening, and the first line that it printed."""
    running = webmint.start("serve", "--port", "0", *arguments, **options)
    assert running.process.stdout
    try:
        yield running, running.process.stdout.readline().decode().strip()
    finally:
        running.process.kill()
        running.process.communicate()


def generate(url: str, **more: Any) -> Watched:
    with httpx.stream("POST", f"{url}/api/generate-stream", json=PROMPT | more, timeout=30) as response:
        return Watched(list(events(response)))


def joined(said: list[dict[str, Any]]) -> list[Any]:
    """Events without what depends on the moment: how text is cut into pieces, and how long it took."""
    found: list[Any] = []
    for (kind, file), group in groupby(said, lambda event: (event["type"], event.get("file"))):
        many = list(group)
        if kind == "progress":
            found.append((file, "".join(event["content"] for event in many)))
        else:
            found += [
                {key: value for key, value in event.items() if key not in ("streamId", "seconds", "progress")}
                for event in many
            ]
    return found


def test_it_says_over_http_what_the_command_line_says(webmint: Webmint) -> None:
    by_command = webmint(
        "generate", PROMPT["prompt"], "-p", "composer", "--seed", "5", "--json", "--no-history"
    )
    with started(webmint) as (_, url):
        assert url.startswith("http://127.0.0.1:")
        watched = generate(url, seed=5)
    assert joined(watched.payloads) == joined(by_command.events)
    assert [list(event) for event in watched.payloads if event["type"] != "progress"] == [
        list(event) for event in by_command.events if event["type"] != "progress"
    ]


def test_nothing_of_a_site_is_left_on_disk(webmint: Webmint) -> None:
    with started(webmint) as (_, url):
        assert generate(url).last["type"] == "complete"
    assert not [path for path in (*webmint.home.rglob("*"), *webmint.cwd.rglob("*")) if path.is_file()]


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, ExitCode.DONE), (signal.SIGTERM, ExitCode.TERMINATED)]
)
def test_a_signal_ends_streams_with_a_last_word(
    webmint: Webmint, upstream: up.Upstream, number: int, code: int
) -> None:
    upstream.reply(up.stall(support.REPLY[: support.CUT]))
    model = ["--base-url", upstream.base_url, "--model", "model-a", "-q"]
    with started(webmint, *model) as (running, url), httpx.Client(timeout=20) as client:
        client.get(f"{url}/api/health")
        with client.stream("POST", f"{url}/api/generate-stream", json=PROMPT) as response:
            stream = events(response)
            got = [next(stream)]
            while '"progress","content"' not in got[-1].data:
                got.append(next(stream))
            began = running.signal(number)
            watched = Watched([*got, *stream])
        ended = running.end(timeout=5)
        assert time.monotonic() - began < 5
    assert (watched.last["code"], watched.last["reason"]) == ("incomplete", "stopped")
    assert watched.last["partial"] == watched.files
    assert (ended.code, ended.err, ended.out) == (code, "", "")
    upstream.wait_closed()


def test_a_busy_port_is_told_with_a_way_out(webmint: Webmint) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = webmint("serve", "--port", str(port))
    assert (ended.code, ended.out) == (ExitCode.USAGE, "")
    assert f"port {port} is in use" in ended.err
    assert "webmint serve --port " in ended.err


def test_localhost_leads_to_the_one_origin(webmint: Webmint) -> None:
    with started(webmint) as (_, url):
        port = httpx.URL(url).port
        answer = httpx.get(f"{url}/api/docs", headers={"Host": f"localhost:{port}"})
    assert (answer.status_code, answer.headers["location"]) == (307, f"{url}/api/docs")


@pytest.mark.parametrize(
    "arguments", [["--host", "0.0.0.0"], ["--public-url", "https://mint.example.com"], ["--token", "sesame"]]
)
def test_who_can_be_reached_by_others_has_a_token(webmint: Webmint, arguments: list[str]) -> None:
    with started(webmint, *arguments, "-v") as (running, url):
        address, _, token = url.partition("/?token=")
        assert len(token) >= 6
        assert (token == "sesame") is ("sesame" in arguments)
        if "--public-url" in arguments:
            assert address == "https://mint.example.com"
            return
        assert httpx.get(f"{address}/api/health").status_code == 401
        assert httpx.get(f"{address}/api/health?token={token}").status_code == 303
        headers = {"Authorization": f"Bearer {token}"}
        assert httpx.get(f"{address}/api/health", headers=headers).status_code == 200
        running.signal(signal.SIGINT)
        ended = running.end()
    assert ended.err.splitlines()[1:] == [f"GET /api/health {status}" for status in (401, 303, 200)]
    assert token not in ended.err


def test_json_tells_the_address(webmint: Webmint) -> None:
    with started(webmint, "--json") as (_, line):
        assert httpx.get(f"{json.loads(line)['url']}/api/health").status_code == 200


def test_keys_are_in_no_answer_and_no_log(webmint: Webmint, upstream: up.Upstream) -> None:
    upstream.reply(up.unauthorized(support.KEY), up.text(*support.pieces(support.REPLY)))
    keys = {
        "OPENAI_API_KEY": support.KEY,
        "OPENAI_BASE_URL": upstream.base_url,
        "CLOUDFLARE_API_TOKEN": support.KEY,
    }
    with (
        started(webmint, "-v", environment=keys) as (running, url),
        httpx.Client(base_url=url, timeout=20) as client,
    ):
        said = [generate(url).events, generate(url, model="model-b").events]
        assert [Watched(part).last["type"] for part in said] == ["error", "complete"]
        paths = ("models", "targets", "health", "docs", "openapi.json", "streams/x", "nope")
        answers = [client.get(f"/api/{path}") for path in paths] + [client.get("/metrics")]
        answers += [
            client.post("/api/generate-stream", json={"prompt": 1}),
            client.post("/api/deploy-stream", json={}),
        ]
        running.signal(signal.SIGINT)
        ended = running.end()
    assert upstream.requests[-1].headers["authorization"] == f"Bearer {support.KEY}"
    assert upstream.requests[-1].json["model"] == "model-b"
    told = str(said) + ended.err + ended.out + "".join(f"{answer.headers}{answer.text}" for answer in answers)
    assert support.KEY not in told


def test_another_provider_by_name_gets_neither_our_address_nor_our_model(
    webmint: Webmint, upstream: up.Upstream
) -> None:
    with started(webmint, "--base-url", upstream.base_url, "--model", "model-a") as (_, url):
        assert generate(url, provider="composer").last["provider"] == "composer"
        rows = {row["name"]: row for row in httpx.get(f"{url}/api/models").json()["providers"]}
    assert rows["custom"] == {"name": "custom", "default": True, "ready": True, "model": "model-a"}
    assert not rows["openai"]["ready"]
    assert upstream.requests == []


def test_a_deploy_root_allows_local_targets(webmint: Webmint) -> None:
    (webmint.cwd / "out").mkdir()
    with started(webmint, "--deploy-root", "out") as (_, url):
        body = {"html": "<p>Hi", "projectName": "p", "target": "folder"}
        with httpx.stream("POST", f"{url}/api/deploy-stream", json=body) as response:
            assert Watched(list(events(response))).last["url"] == str(webmint.cwd / "out" / "p")
    assert (webmint.cwd / "out" / "p" / "index.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--deploy-root", "none"], "there is no folder none"),
        (["--public-url", "mint.example.com"], "is no URL"),
        (["--public-url", "http://[::1"], "is no URL"),
        (["--public-url", "https://a:b@example.com"], "is no URL"),
        (["--token", "with space"], "the token holds characters"),
        (["--host", "no.such.host.invalid"], "can't be had"),
        (["--provider", "nope"], "there is no provider 'nope'"),
    ],
)
def test_what_makes_no_sense_is_said_with_what_to_type(
    webmint: Webmint, arguments: list[str], said: str
) -> None:
    ended = webmint("serve", "--port", "0", *arguments)
    assert (ended.code, ended.out) == (ExitCode.USAGE, "")
    assert said in ended.err
    assert "hint: " in ended.err
    assert "Traceback" not in ended.err
