"""What ends `webmint` from outside loses nothing that had come."""

from __future__ import annotations

import random
import signal
import time
from typing import TYPE_CHECKING

import pytest
import support
import upstream as up
from commandline import Continuing, Ended, Running, Webmint, recorded, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RECEIVED = support.REPLY[: support.CUT]
PARTIAL = support.parsed(RECEIVED).files


@pytest.fixture
def stalled() -> Iterator[up.Upstream]:
    """A model that stops in the middle of the page, and keeps the connection."""
    with up.Upstream() as upstream:
        upstream.reply(up.stall(*support.pieces(RECEIVED)))
        yield upstream


@pytest.fixture
def webmint(tmp_path: Path, stalled: up.Upstream) -> Webmint:
    return Webmint(tmp_path, stalled)


def stop(running: Running, number: int) -> Ended:
    running.wait_received(RECEIVED)
    running.signal(number)
    return running.end()


def test_the_partial_site_is_a_whole_stylesheet_and_half_a_page() -> None:
    assert PARTIAL["styles.css"] == support.FILES["styles.css"]
    assert support.FILES["index.html"].startswith(PARTIAL["index.html"])
    assert PARTIAL["index.html"].endswith("six heures, ")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_what_came_is_kept_to_the_byte(webmint: Webmint, number: int, code: int) -> None:
    ended = stop(webmint.start_generate("-o", "site"), number)
    assert ended.code == code
    assert webmint.site("site") == PARTIAL
    assert webmint.provenance("site")["status"] == "stopped"
    assert ended.out == "site\n"
    assert "Stopped: what came is kept in site" in ended.err
    assert "index.html" in ended.err
    assert "Go on: webmint resume\n" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_request_ends_at_once(webmint: Webmint, stalled: up.Upstream, number: int) -> None:
    running = webmint.start_generate()
    running.wait_received(RECEIVED)
    sent = running.signal(number)
    assert stalled.wait_closed() - sent < 1.0
    running.end()


def test_a_signal_before_anything_came_says_so(tmp_path: Path) -> None:
    with up.Upstream() as upstream:
        upstream.reply(up.silent())
        webmint = Webmint(tmp_path, upstream)
        running = webmint.start_generate("-o", "site")
        until(lambda: bool(upstream.requests))
        running.signal(signal.SIGINT)
        ended = running.end()
    assert (ended.code, ended.out) == (130, "")
    assert "Stopped: nothing had come yet" in ended.err
    assert not (webmint.cwd / "site").exists()


def test_a_second_signal_ends_it_at_once(webmint: Webmint) -> None:
    running = webmint.start_generate("-o", "site")
    running.wait_received(RECEIVED)
    running.signal(signal.SIGINT)
    running.process.poll()
    sent = running.signal(signal.SIGINT)
    ended = running.end()
    assert time.monotonic() - sent < 3.0
    assert ended.code == 130
    assert b"Traceback" not in ended.stderr
    assert recorded(webmint.home) == RECEIVED


def test_json_ends_in_an_error_event_with_what_came(webmint: Webmint) -> None:
    ended = stop(webmint.start_generate("--json"), signal.SIGINT)
    last = ended.events[-1]
    assert ended.code == 130
    assert (last["type"], last["code"], last["reason"]) == ("error", "incomplete", "stopped")
    assert last["partial"] == PARTIAL
    assert last["hint"] == "go on: webmint resume"
    assert ended.err == ""


def test_a_page_that_was_stopped_is_printed_as_far_as_it_came(webmint: Webmint) -> None:
    ended = stop(webmint.start_generate("-o", "-"), signal.SIGINT)
    assert ended.code == 130
    assert PARTIAL["styles.css"] in ended.out
    assert ended.out.endswith("six heures, ")
    assert "Go on: webmint resume -o -" in ended.err
    assert list(webmint.cwd.iterdir()) == []


def test_without_a_record_there_is_nothing_to_resume(webmint: Webmint) -> None:
    with webmint.start_generate("-o", "site", "--no-history", "--json", stderr=None).process as process:
        assert process.stdout
        lines = iter(process.stdout)
        while b"six heures, " not in next(lines):
            pass
        process.send_signal(signal.SIGINT)
        last = list(lines)[-1]
    assert b'"code":"incomplete"' in last
    assert b"resume" not in last
    assert webmint.site("site") == PARTIAL
    assert not webmint.home.exists()


def test_quiet_is_quiet_when_stopped(webmint: Webmint) -> None:
    ended = stop(webmint.start_generate("-o", "site", "-q"), signal.SIGINT)
    assert (ended.code, ended.out, ended.err) == (130, "site\n", "")


def test_what_a_reader_that_left_did_not_read_is_kept(webmint: Webmint) -> None:
    with webmint.start_generate("-o", "site", "--json").process as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 1
    listed = webmint("resume", "--list", "--json")
    assert b'"ended": "stopped"' in listed.stdout


def moments() -> list[int]:
    """Ten numbers of pieces after which to strike: two at the ends, the rest by chance, but always the same."""
    last = len(support.pieces(support.REPLY))
    return [1, last - 1, *random.Random(6).sample(range(2, last - 1), 8)]


@pytest.mark.parametrize("moment", moments())
def test_a_killed_run_goes_on_to_the_same_site(tmp_path: Path, moment: int) -> None:
    with Continuing() as upstream:
        webmint = Webmint(tmp_path, upstream)
        running = webmint.start_generate("-o", "site")
        until(lambda: len(upstream.sent) >= moment)
        time.sleep(random.Random(moment).uniform(0, 0.02))
        killed = running.signal(signal.SIGKILL)
        assert running.end().code == -signal.SIGKILL
        came = recorded(webmint.home)
        due = sum(at < killed - 0.25 for at in upstream.sent)
        assert came.startswith("".join(support.pieces(support.REPLY)[:due]))
        assert support.REPLY.startswith(came)
        ended = webmint("resume")
    assert (ended.code, ended.out) == (0, "site\n")
    assert webmint.site("site") == support.FILES
    assert [path.name for path in webmint.cwd.iterdir()] == ["site"]


def test_after_a_kill_the_next_run_names_the_way_back(tmp_path: Path) -> None:
    with Continuing() as upstream:
        webmint = Webmint(tmp_path, upstream)
        running = webmint.start_generate()
        until(lambda: len(upstream.sent) > 5)
        running.signal(signal.SIGKILL)
        running.end()
        ended = webmint.generate()
    name = webmint.records[0].stem
    assert f"An earlier run was interrupted; go on with it: webmint resume {name}" in ended.err
