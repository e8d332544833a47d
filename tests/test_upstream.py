"""The model server of the tests does to a client what its scripts say."""

from __future__ import annotations

import gc
import json
import logging
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import upstream as up

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORDINGS = Path(__file__).parents[2] / "shared" / "recordings"
ASK = {"model": "model-a", "messages": [{"role": "user", "content": "a bakery"}], "stream": True}


@pytest.fixture
def upstream() -> Iterator[up.Upstream]:
    with up.Upstream() as server:
        yield server


@pytest.fixture
def client(upstream: up.Upstream) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=upstream.base_url, trust_env=False, timeout=2) as client:
        yield client


@pytest.fixture
def ask(upstream: up.Upstream, client: httpx.Client) -> Ask:
    return Ask(upstream, client)


class Ask:
    """One request, answered by the given script."""

    def __init__(self, upstream: up.Upstream, client: httpx.Client) -> None:
        self.upstream = upstream
        self.client = client

    def __call__(self, script: up.Script) -> httpx.Response:
        self.upstream.reply(script)
        return self.client.post("/chat/completions", json=ASK)

    def until_broken(self, script: up.Script) -> tuple[bytes, httpx.TransportError]:
        """What arrived before the transport failed, and how it failed."""
        self.upstream.reply(script)
        arrived = b""
        with self.client.stream("POST", "/chat/completions", json=ASK, timeout=0.5) as response:
            try:
                for piece in response.iter_raw():
                    arrived += piece
            except httpx.TransportError as error:
                return arrived, error
        raise AssertionError(arrived)


def events(body: bytes) -> list[Any]:
    lines = body.decode().split("\n")
    return [json.loads(line[6:]) for line in lines if line.startswith("data: {")]


def content(body: bytes) -> str:
    deltas = (choice["delta"] for event in events(body) for choice in event["choices"] or [])
    return "".join(delta.get("content") or "" for delta in deltas)


def test_a_normal_reply_has_role_deltas_finish_usage_and_done(ask: Ask) -> None:
    response = ask(up.text("Grüß", " Gott"))

    assert response.status_code == 200
    assert response.headers["content-type"] == "text/event-stream"
    role, first, second, finish, usage = events(response.content)
    assert role["choices"][0]["delta"] == {"role": "assistant", "content": None}
    assert [event["choices"][0]["delta"] for event in (first, second)] == [
        {"content": "Grüß"},
        {"content": " Gott"},
    ]
    assert finish["choices"][0] == {"index": 0, "delta": {}, "finish_reason": "stop"}
    assert usage["choices"] == []
    assert usage["usage"]["total_tokens"] == 46
    assert response.content.endswith(b"\n\ndata: [DONE]\n\n")


def test_each_event_of_a_reply_can_be_left_out(ask: Ask) -> None:
    assert ask(up.stream()).content == b""
    assert ask(up.text(finish=None, usage=False, done=False, role_first=False)).content == b""
    assert ask(up.text(usage=False, role_first=False)).content == up.chunk({}, "stop") + up.DONE
    assert ask(up.unfinished("a")).content == up.ROLE + up.chunk("a")


def test_a_late_delta_follows_the_finish_chunk(ask: Ask) -> None:
    body = ask(up.text("a", finish="length", late_delta=True, usage=False)).content
    reasons = [event["choices"][0]["finish_reason"] for event in events(body)]
    assert reasons == [None, None, "length", None]


def test_the_gap_separates_the_deltas(ask: Ask) -> None:
    started = time.monotonic()
    ask(up.text("a", "b", "c", gap=0.05))
    assert time.monotonic() - started >= 0.15


def test_requests_are_recorded_in_order(upstream: up.Upstream, client: httpx.Client) -> None:
    upstream.reply(up.text("a"))
    before = time.monotonic()
    client.get("/models")
    client.post("/chat/completions", json=ASK, headers={"X-Title": "Tests"})

    models, chat = upstream.requests
    assert (models.method, models.path, models.json) == ("GET", "/v1/models", None)
    assert (chat.method, chat.path, chat.json) == ("POST", "/v1/chat/completions", ASK)
    assert chat.headers["x-title"] == "Tests"
    assert before <= models.at <= chat.at <= time.monotonic()


def test_scripts_are_taken_in_turn_and_the_last_repeats(upstream: up.Upstream, client: httpx.Client) -> None:
    def answers(count: int) -> list[int]:
        return [client.post("/chat/completions", json=ASK).status_code for _ in range(count)]

    upstream.reply(up.status(503), up.status(429), up.text("a"))
    assert answers(4) == [503, 429, 200, 200]
    upstream.reply(up.status(500))
    assert answers(2) == [500, 500]


def test_without_a_script_the_answer_says_so(client: httpx.Client) -> None:
    response = client.post("/chat/completions", json=ASK)
    assert response.status_code == 400
    assert "Upstream.reply" in response.text
    assert client.get("/nothing").status_code == 404


def test_models_are_listed(upstream: up.Upstream, client: httpx.Client) -> None:
    upstream.models = ["tiny", "large"]
    assert [model["id"] for model in client.get("/models").json()["data"]] == ["tiny", "large"]


@pytest.mark.parametrize(("method", "path"), [("GET", "/models"), ("POST", "/chat/completions")])
def test_a_wrong_key_is_refused_and_quoted(
    upstream: up.Upstream, client: httpx.Client, method: str, path: str
) -> None:
    upstream.key = "sk-right"
    upstream.reply(up.text("a"))
    refused = client.request(method, path, headers={"Authorization": "Bearer sk-wrong"})
    assert refused.status_code == 401
    assert "sk-wrong" in refused.json()["error"]["message"]
    assert client.request(method, path).status_code == 401
    assert client.request(method, path, headers={"Authorization": "Bearer sk-right"}).status_code == 200


def test_a_refusal_carries_its_body_and_headers(ask: Ask) -> None:
    busy = ask(up.status(429, headers={"Retry-After": "7"}))
    assert (busy.status_code, busy.headers["retry-after"]) == (429, "7")
    assert busy.json()["error"]["message"] == "Too Many Requests"

    later = ask(up.status(429, headers={"Retry-After": up.http_date(30)})).headers["retry-after"]
    assert 27 < parsedate_to_datetime(later).timestamp() - time.time() <= 30

    page = ask(up.html(502, "Bad gateway"))
    assert (page.status_code, page.headers["content-type"]) == (502, "text/html; charset=utf-8")
    assert "<h1>Bad gateway</h1>" in page.text
    assert ask(up.status(529)).status_code == 529


def test_answers_that_are_no_stream(ask: Ask) -> None:
    assert ask(up.completion("Hi")).json()["choices"][0]["message"]["content"] == "Hi"
    assert ask(up.html()).headers["content-type"].startswith("text/html")
    assert ask(up.status(200, up.failure("no"))).json()["error"]["message"] == "no"
    moved = ask(up.redirect(307, "http://127.0.0.2:9/"))
    assert (moved.status_code, moved.headers["location"]) == (307, "http://127.0.0.2:9/")
    assert ask(up.raw(b"HTTP/1.1 204 No Content\r\n\r\n")).status_code == 204


def test_reset_arrives_as_a_reset_after_the_deltas(ask: Ask) -> None:
    arrived, error = ask.until_broken(up.reset("Hel", "lo"))
    assert content(arrived) == "Hello"
    assert isinstance(error, httpx.ReadError)
    assert "reset" in str(error).lower()


def test_cut_arrives_as_a_body_without_its_end(ask: Ask) -> None:
    arrived, error = ask.until_broken(up.cut("Hel", "lo"))
    assert content(arrived) == "Hello"
    assert isinstance(error, httpx.RemoteProtocolError)


def test_a_chunk_can_end_in_its_middle(ask: Ask) -> None:
    arrived, error = ask.until_broken(up.stream("a", up.Wire(b"10\r\ndata: "), up.Close()))
    assert arrived == up.chunk("a") + b"data: "
    assert isinstance(error, httpx.RemoteProtocolError)


@pytest.mark.parametrize("script", [up.stall("a"), up.linger(up.text("a"))])
def test_a_stall_lasts_until_the_client_leaves(ask: Ask, script: up.Script) -> None:
    arrived, error = ask.until_broken(script)
    left = time.monotonic()
    assert content(arrived) == "a"
    assert isinstance(error, httpx.ReadTimeout)
    assert abs(ask.upstream.wait_closed() - left) < 0.2


def test_a_silent_server_sends_no_head(ask: Ask) -> None:
    ask.client.timeout = httpx.Timeout(0.3)
    with pytest.raises(httpx.ReadTimeout):
        ask(up.silent())


@pytest.mark.parametrize(
    "script", [up.stall("a"), up.pings("a", every=0.01), up.text(*["a"] * 500, gap=0.01)]
)
def test_a_client_that_leaves_in_the_middle_is_seen_to(upstream: up.Upstream, script: up.Script) -> None:
    upstream.reply(script)
    with (
        httpx.Client(trust_env=False) as client,
        client.stream("POST", f"{upstream.base_url}/chat/completions", json=ASK) as response,
    ):
        pieces = response.iter_raw()  # kept: httpx closes the connection with its iterator
        next(pieces)
        with pytest.raises(TimeoutError, match="1 connections open"):
            upstream.wait_closed(0.05)
        left = time.monotonic()
    assert 0 <= upstream.wait_closed() - left < 0.1


def test_a_client_that_reads_nothing_is_seen_to_leave(upstream: up.Upstream) -> None:
    upstream.reply(up.stream(*[up.long_line()] * 20))
    with _asking(upstream):
        time.sleep(0.1)
        left = time.monotonic()
    assert 0 <= upstream.wait_closed() - left < 0.1


def test_a_client_that_keeps_its_connection_is_still_open(upstream: up.Upstream) -> None:
    upstream.reply(up.text("a"))
    with _asking(upstream) as connection:
        while connection.recv(65536):
            pass
        with pytest.raises(TimeoutError):
            upstream.wait_closed(0.1)
    upstream.wait_closed()


def test_comments_go_on(ask: Ask) -> None:
    ask.upstream.reply(up.pings("a", every=0.01))
    with ask.client.stream("POST", "/chat/completions", json=ASK) as response:
        arrived = b""
        for piece in response.iter_raw():
            arrived += piece
            if arrived.count(up.PING) == 5:
                break
    assert arrived == up.ROLE + up.chunk("a") + up.PING * 5


def test_a_drip_is_the_same_body_a_byte_at_a_time(ask: Ask) -> None:
    ask.upstream.reply(up.drip(up.text("Grüß \N{ROCKET}")))
    with ask.client.stream("POST", "/chat/completions", json=ASK) as response:
        pieces = list(response.iter_raw())
    assert {len(piece) for piece in pieces} == {1}
    assert b"".join(pieces) == ask(up.text("Grüß \N{ROCKET}")).content


def test_the_spelling_of_the_events_changes_and_nothing_else(ask: Ask) -> None:
    plain = ask(up.text("a b\nc\u2028d")).content
    assert "\u2028".encode() in plain
    script = up.text("a b\nc\u2028d")
    assert ask(up.newlines(script, b"\r\n")).content == plain.replace(b"\n", b"\r\n")
    assert ask(up.newlines(script, b"\r")).content == plain.replace(b"\n", b"\r")
    assert ask(up.no_space(script)).content == plain.replace(b"data: ", b"data:")
    assert ask(up.bom(script)).content == up.BOM + plain


def test_characters_are_torn_between_chunks(ask: Ask) -> None:
    assert content(ask(up.text("a", *up.SPLIT_UTF8)).content) == "a\N{ROCKET}"
    assert all(_undecodable(part) for part in up.SPLIT_UTF8)

    body = ask(up.text(*up.SPLIT_SURROGATES)).content
    assert rb'"\ud83d"' in body
    assert rb'"\ude80"' in body

    assert all(_undecodable(part) for part in up.INVALID_UTF8)
    assert _undecodable(ask(up.text(*up.INVALID_UTF8)).content)


def test_parts_of_every_kind_stand_where_they_are_put(ask: Ask) -> None:
    body = ask(
        up.stream(
            up.GARBAGE,
            up.BROKEN_JSON,
            up.ERROR_EVENT,
            up.NO_CHOICES,
            up.NULL_CHOICES,
            up.thinking("hm"),
            up.Pause(0.01),
            up.content_parts("a", "b"),
        )
    ).content
    assert body.startswith(up.GARBAGE + up.BROKEN_JSON)
    error, none, null, thought, parts = events(body.removeprefix(up.GARBAGE + up.BROKEN_JSON))
    assert error["error"]["code"] == "server_error"
    assert (none["choices"], null["choices"]) == ([], None)
    assert thought["choices"][0]["delta"] == {"reasoning_content": "hm"}
    assert [part["text"] for part in parts["choices"][0]["delta"]["content"]] == ["a", "b"]


def test_a_long_line_has_no_end(ask: Ask) -> None:
    body = ask(up.stream(up.long_line())).content
    assert len(body) > 2**20
    assert b"\n" not in body


@pytest.mark.parametrize("path", sorted(RECORDINGS.glob("*.sse")), ids=lambda path: path.stem)
def test_a_recording_is_played_byte_for_byte(ask: Ask, path: Path) -> None:
    assert ask(up.recording(path)).content == path.read_bytes()


def test_a_recording_can_end_in_a_cut(ask: Ask, tmp_path: Path) -> None:
    path = tmp_path / "cut.sse"
    path.write_bytes(up.ROLE + up.chunk("a")[:-9])
    arrived, _ = ask.until_broken(up.recording(path, up.Close()))
    assert arrived == path.read_bytes()


def test_clients_are_served_at_once(upstream: up.Upstream) -> None:
    upstream.reply(up.text("a", "b", gap=0.2))
    started = time.monotonic()
    with httpx.Client(base_url=upstream.base_url, trust_env=False) as client, ThreadPoolExecutor(8) as pool:
        posts = [pool.submit(client.post, "/chat/completions", json=ASK) for _ in range(8)]
        assert {content(post.result().content) for post in posts} == {"ab"}
    assert time.monotonic() - started < 8 * 0.4


def test_a_closed_port_refuses() -> None:
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"{up.closed_port()}/models", trust_env=False)


def test_it_stops_at_once_and_leaves_nothing(caplog: pytest.LogCaptureFixture) -> None:
    threads = threading.active_count()
    with caplog.at_level(logging.WARNING), up.Upstream() as upstream:
        upstream.reply(up.stall("a"), up.silent(), up.pings("a"), up.stream(*[up.long_line()] * 20))
        connections = [_asking(upstream) for _ in range(4)]
        idle = socket.create_connection(_address(upstream))
        time.sleep(0.1)
        stopping = time.monotonic()
    assert time.monotonic() - stopping < 0.3
    assert threading.active_count() == threads
    for connection in (*connections, idle):
        connection.close()
    gc.collect()
    assert caplog.records == []


def _address(upstream: up.Upstream) -> tuple[str, int]:
    url = httpx.URL(upstream.base_url)
    return url.host, url.port or 0


def _asking(upstream: up.Upstream) -> socket.socket:
    connection = socket.create_connection(_address(upstream))
    connection.sendall(b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}")
    return connection


def _undecodable(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return True
    return False
