"""A stream outlives its connections, but not its listeners: nothing is lost, doubled, or paid for in vain."""

from __future__ import annotations

import asyncio
import io
import json
import socket
import time
from contextlib import aclosing
from typing import TYPE_CHECKING

import httpx
import pytest
import support
import upstream as up
from api_server import PROMPT, Watched, asking, by, events, serving
from commandline import until
from hypothesis import given, settings
from hypothesis import strategies as st

from webmint_cli import engine
from webmint_cli.events import Event, Progress, Status
from webmint_cli.providers.composer import ComposerProvider
from webmint_cli.providers.provider import Finish, Request, Text
from webmint_cli.render import Json
from webmint_cli.server.streams import Bounds, Streams

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from webmint_cli.providers.provider import ReplyPart

SLOW = [
    part for piece in support.pieces(support.REPLY, 40) for part in (Text(piece), 0.02)
] + [Finish("stop")]  # fmt: skip


@pytest.fixture
def upstream() -> Iterator[up.Upstream]:
    with up.Upstream() as server:
        yield server


def slow() -> support.Scripted:
    """A model that takes its time, so that its text comes in many events."""
    return support.Scripted(SLOW)


def endless() -> support.Scripted:
    parts: list[ReplyPart | BaseException | float] = [Text(support.REPLY[: support.CUT]), 60.0]
    return support.Scripted(parts)


def test_events_are_numbered_and_the_end_is_always_said() -> None:
    with serving(by(slow())) as api:
        watched = api.generate()
    assert watched.numbers == list(range(1, len(watched.events) + 1))
    assert {event.id.rpartition(":")[0] for event in watched.events} == {watched.payloads[0]["streamId"]}
    assert watched.last["type"] == "complete"
    assert watched.files == support.FILES
    assert watched.last["html"] == support.FILES["index.html"]


def test_a_failure_is_an_event_before_the_end(upstream: up.Upstream) -> None:
    upstream.reply(up.unauthorized(support.KEY))
    with serving(asking(upstream)) as api:
        watched = api.generate()
    assert (watched.last["type"], watched.last["code"]) == ("error", "key_rejected")


@pytest.mark.parametrize("accumulated", [None, True, False])
def test_the_payloads_are_the_lines_of_the_command_line(accumulated: bool | None) -> None:
    lines = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    show = Json(lines, io.StringIO())

    async def said() -> None:
        asked = Request(PROMPT["prompt"], 7)
        run = engine.generate(
            asked,
            ComposerProvider(),
            limits=support.PATIENT,
            stream_id="s",
            always_accumulated=accumulated,
            clock=lambda: 0.0,
        )
        async with aclosing(run) as job:
            async for event in job:
                show.show(event)

    asyncio.run(said())
    lines.seek(0)
    carried = {} if accumulated is None else {"accumulated": accumulated}
    with serving(by(ComposerProvider()), clock=lambda: 0.0) as api:
        watched = api.generate(seed=7, **carried)
    stream = watched.payloads[0]["streamId"]
    payloads = [event.data.replace(stream, "s") for event in watched.events[:-1]]
    assert payloads == lines.read().splitlines()
    assert any('"accumulated"' in payload for payload in payloads) is (accumulated is not False)


@settings(max_examples=8)
@given(dropped=st.integers(1, 12), again=st.integers(0, 8), waited=st.sampled_from([0.0, 0.1, 0.5]))
def test_a_dropped_connection_loses_and_doubles_nothing(dropped: int, again: int, waited: float) -> None:
    with serving(by(slow())) as api:
        got = api.started(dropped)
        time.sleep(waited)
        with api.resuming(got[-1].id) as stream:
            got += [next(stream) for _ in range(again)]
        rest = api.resume(got[-1].id)
    watched = Watched(got + rest.events)
    assert watched.numbers == list(range(1, len(watched.events) + 1))
    assert watched.files == support.FILES
    assert watched.last["type"] == "complete"


def test_several_readers_see_the_same() -> None:
    with serving(by(slow())) as api, api.generating() as first:
        begun = [next(first)]
        second = api.resume(begun[0].id.replace(":1", ":0"))
        assert second.events == begun + list(first)


def test_without_an_id_a_stream_is_told_from_its_start() -> None:
    with serving(by(slow())) as api:
        watched = api.generate()
        stream = watched.payloads[0]["streamId"]
        with api.client.stream("GET", f"/api/streams/{stream}") as response:
            assert list(events(response)) == watched.events


def test_a_reader_that_takes_nothing_is_no_listener() -> None:
    parts: list[ReplyPart | BaseException | float] = [Text(support.REPLY[: support.CUT])]
    for part in range(40):
        parts += [Text("".join(f"{number:x} " for number in range(part * 20_000, (part + 1) * 20_000))), 0.02]
    provider = support.Scripted([*parts, 60.0])
    with serving(by(provider), stalled=0.3, grace=0.3) as api, socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        address = ("127.0.0.1", httpx.URL(api.url).port or 0)
        connection.connect(address)
        body = json.dumps(PROMPT | {"accumulated": True})
        head = (
            f"POST /api/generate-stream HTTP/1.1\r\nHost: {address[0]}\r\nContent-Type: application/json\r\n"
        )
        connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode())
        until(lambda: provider.closed == 1, timeout=15)


def test_asking_for_the_head_of_a_stream_reads_nothing() -> None:
    with serving(by(endless())) as api:
        first = api.started()[0]
        head = api.client.head(f"/api/streams/{first.id.rpartition(':')[0]}")
    assert (head.status_code, head.content) == (200, b"")


def test_who_comes_back_after_the_end_hears_of_the_end_again() -> None:
    with serving(by(slow())) as api:
        watched = api.generate()
        again = api.resume(watched.events[-1].id)
    assert again.events == watched.events[-1:]


@pytest.mark.parametrize("accumulated", [True, None, False])
def test_too_much_missed_is_told_as_one_snapshot(accumulated: bool | None) -> None:
    carried = {} if accumulated is None else {"accumulated": accumulated}
    with serving(by(slow()), buffer=1) as api:
        first = api.started(**carried)[0]
        time.sleep(0.4)
        watched = api.resume(first.id)
    snapshot = [event for event in watched.payloads if event.get("reset")]
    assert {event["offset"] for event in snapshot} == {0}
    for event in snapshot:
        assert event.get("accumulated") == (None if accumulated is False else event["content"])
    assert watched.files == support.FILES
    assert watched.last["type"] == "complete"


def test_a_snapshot_that_is_cut_is_told_again() -> None:
    with serving(by(slow()), buffer=1) as api:
        first = api.started()[0]
        until(lambda: api.app.streams.running == 0)
        whole = api.resume(first.id)
        files = [event for event in whole.events if '"reset":true' in event.data]
        assert [event.id for event in files[:-1]] == [first.id] * (len(files) - 1)
        assert api.resume(files[0].id).events == whole.events
        assert not any('"reset"' in event.data for event in api.resume(files[-1].id).events)


def test_a_reader_that_falls_behind_is_given_the_snapshot() -> None:
    async def watch() -> tuple[list[bytes], list[int]]:
        streams, sizes = Streams(Bounds(buffer=4000)), list[int]()
        stream = streams.start("generate", _ticking(sizes, streams))
        async with aclosing(stream.read(0)) as frames:
            got = [await anext(frames)]
            await stream.ended()
            got += [frame async for frame in frames]
        await streams.close()
        return got, sizes

    got, sizes = asyncio.run(watch())
    assert max(sizes) <= 4000
    payloads = [json.loads(line[6:]) for line in b"".join(got).splitlines() if line.startswith(b"data: {")]
    assert [event["type"] for event in payloads] == ["status", "progress", "error"]
    assert payloads[1]["content"] == "x" * 200_000


async def _ticking(sizes: list[int], streams: Streams) -> AsyncGenerator[Event, None]:
    yield Status("Asking", 1)
    for number in range(2000):
        await asyncio.sleep(0)
        yield Progress("x" * 100, 50, "index.html", number * 100)
        stream = next(iter(streams._streams.values()))
        sizes.append(sum(map(len, stream._frames)))


def test_an_abort_ends_the_request_upstream_at_once(upstream: up.Upstream) -> None:
    upstream.reply(up.stall(*support.pieces(support.REPLY[: support.CUT])))
    with serving(asking(upstream)) as api, api.generating() as stream:
        got = [next(stream)]
        while '"progress","content"' not in got[-1].data:
            got.append(next(stream))
        began = time.monotonic()
        answer = api.client.delete(f"/api/streams/{got[0].id.rpartition(':')[0]}")
        assert upstream.wait_closed() - began < 1
        watched = Watched([*got, *stream])
    assert (answer.status_code, answer.json()["outcome"]) == (200, "incomplete")
    assert (watched.last["code"], watched.last["reason"]) == ("incomplete", "stopped")
    assert watched.last["partial"] == watched.files


def test_when_nobody_listens_the_request_upstream_ends_after_the_grace_period(upstream: up.Upstream) -> None:
    upstream.reply(up.stall(*support.pieces(support.REPLY[: support.CUT])))
    with serving(asking(upstream), grace=0.5) as api:
        first = api.started()[0]
        left = time.monotonic()
        assert 0.4 < upstream.wait_closed() - left < 1.5
        gone = api.client.get(f"/api/streams/{first.id.rpartition(':')[0]}")
        assert (gone.status_code, gone.json()["code"]) == (404, "not_found")


def test_who_returns_within_the_grace_period_keeps_the_run_going(upstream: up.Upstream) -> None:
    upstream.reply(up.text(*support.pieces(support.REPLY), gap=0.01))
    with serving(asking(upstream), grace=0.4) as api:
        first = api.started()[0]
        time.sleep(0.2)
        watched = api.resume(first.id)
        assert watched.last["type"] == "complete"
        time.sleep(0.2)
        assert api.resume(first.id).events == watched.events
        time.sleep(0.6)
        assert api.client.get(f"/api/streams/{first.id.rpartition(':')[0]}").status_code == 404


def test_one_answer_that_nobody_waits_for_is_ended(upstream: up.Upstream) -> None:
    upstream.reply(up.stall("Hel"))
    with serving(asking(upstream)) as api:
        with pytest.raises(httpx.ReadTimeout):
            api.post("/api/generate-stream", PROMPT | {"useStream": False}, timeout=1.5)
        began = time.monotonic()
        assert upstream.wait_closed() - began < 1
        until(lambda: api.app.streams.running == 0)


def test_too_many_streams_are_refused_with_when_to_come_back() -> None:
    with serving(by(endless()), running=1) as api, api.generating() as stream:
        first = next(stream)
        refused = api.post("/api/generate-stream", PROMPT)
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_streams")
        assert int(refused.headers["retry-after"]) > 0
        api.client.delete(f"/api/streams/{first.id.rpartition(':')[0]}")
        assert Watched([first, *stream]).last["type"] == "error"
        assert [event.id for event in api.started()]


def test_finished_streams_are_forgotten_before_there_are_too_many() -> None:
    with serving(by(ComposerProvider()), running=2) as api:
        first = api.generate()
        assert api.resume(first.events[0].id).events == first.events[1:]
        for _ in range(4):
            api.generate()
        assert api.client.get(f"/api/streams/{first.payloads[0]['streamId']}").status_code == 404


def test_silence_is_filled_with_comments() -> None:
    with (
        serving(by(endless()), heartbeat=0.05) as api,
        api.client.stream("POST", "/api/generate-stream", json=PROMPT) as response,
    ):
        text = ""
        for part in response.iter_text():
            text += part
            if text.count("\n: ") > 2:
                break
    assert ": still here\n\n" in text


def test_a_stopped_server_ends_every_stream_with_its_last_words() -> None:
    with serving(by(endless())) as api, api.generating() as stream:
        first = next(stream)
        closing = asyncio.run_coroutine_threadsafe(api.app.streams.close(), _loop(api.app.streams))
        watched = Watched([first, *stream])
        closing.result()
        assert watched.last["message"] == "the server was stopped"
        assert api.post("/api/generate-stream", PROMPT).status_code == 503


def _loop(streams: Streams) -> asyncio.AbstractEventLoop:
    task = next(iter(streams._streams.values()))._task
    assert task
    return task.get_loop()


@pytest.mark.parametrize("last", ["{id}:99", "{id}:x", "{id}", "other:1", "{id}:-1", "{id}:" + "9" * 5000])
def test_an_id_of_another_stream_is_refused(last: str) -> None:
    with serving(by(ComposerProvider())) as api:
        stream = api.generate().payloads[0]["streamId"]
        headers = {"Last-Event-ID": last.replace("{id}", stream).replace(":99", ":9999")}
        refused = api.client.get(f"/api/streams/{stream}", headers=headers)
    assert (refused.status_code, refused.json()["type"]) == (400, "error")
