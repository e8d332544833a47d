"""`webmint replay` and `generate --record`: the same files again, offline, to the byte."""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import support
import upstream as up
from commandline import Webmint

if TYPE_CHECKING:
    from collections.abc import Iterator

RECEIVED = support.REPLY[: support.CUT]
PARTIAL = support.parsed(RECEIVED).files
RUNS = Path(__file__).parent / "runs"
CONTINUED = str(RUNS / "continued.jsonl")


@pytest.fixture
def upstream() -> Iterator[up.Upstream]:
    with up.Upstream() as server:
        server.reply(up.text(*support.pieces(support.REPLY)))
        yield server


@pytest.fixture
def webmint(tmp_path: Path, upstream: up.Upstream) -> Webmint:
    return Webmint(tmp_path, upstream)


@pytest.fixture
def offline(tmp_path: Path) -> Webmint:
    return Webmint(tmp_path)


def contents(folder: Path) -> dict[str, bytes]:
    """Every file, our record of it too."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def spaced(place: Path, gap: float, *, after: int = 0) -> str:
    """A record whose parts came this far apart, but for the first ones, which came at once."""
    lines = [json.loads(line) for line in (RUNS / "reset.jsonl").read_text("utf-8").splitlines()]
    for number, line in enumerate(lines[2:]):
        line["at"] = gap * max(0, number - after)
    path = place / "spaced.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return str(path)


def test_a_run_gives_the_same_folder_without_a_model(webmint: Webmint, upstream: up.Upstream) -> None:
    webmint.generate("-o", "site")
    (record,) = webmint.records
    asked, said = len(upstream.requests), record.read_bytes()
    for name in (record.stem, record.stem[:-4], str(record)):
        ended = webmint("replay", name, "-o", "again", "--force")
        assert (ended.code, ended.out) == (0, "again\n")
        assert contents(webmint.cwd / "again") == contents(webmint.cwd / "site")
        shutil.rmtree(webmint.cwd / "again")
    assert len(upstream.requests) == asked
    assert webmint.records == [record]
    assert record.read_bytes() == said


def test_it_goes_where_generate_would_put_it(offline: Webmint) -> None:
    assert offline("replay", CONTINUED).out == "chez-lea\n"
    assert offline.site("chez-lea") == support.FILES
    assert offline.records == []


def test_it_overwrites_no_work(offline: Webmint) -> None:
    (offline.cwd / "mine").mkdir()
    (offline.cwd / "mine" / "index.html").write_text("mine")
    assert offline("replay", CONTINUED, "-o", "mine").code == 2
    assert offline.site("mine") == {"index.html": "mine"}
    assert offline("replay", CONTINUED, "-o", "mine", "--force").code == 0


def test_it_is_one_page_on_stdout(webmint: Webmint) -> None:
    page = webmint.generate("-o", "-").stdout
    assert webmint("replay", webmint.records[0].stem, "-o", "-").stdout == page


def test_programs_get_the_events_of_a_run(offline: Webmint) -> None:
    events = offline("replay", CONTINUED, "--json").events
    assert events[0]["type"] == "status"
    assert (events[-1]["type"], events[-1]["html"]) == ("complete", support.FILES["index.html"])


def test_a_killed_run_is_played_to_where_it_was_killed(tmp_path: Path) -> None:
    with up.Upstream() as stalled:
        stalled.reply(up.stall(*support.pieces(RECEIVED)))
        webmint = Webmint(tmp_path, stalled)
        running = webmint.start_generate("--record", "kept.jsonl")
        running.wait_received(RECEIVED)
        running.signal(signal.SIGKILL)
        running.end()
    (record,) = webmint.records
    assert (webmint.cwd / "kept.jsonl").read_bytes() == record.read_bytes()
    for name in (record.stem, "kept.jsonl"):
        ended = webmint("replay", name, "-o", "site", "--json")
        assert ended.code == 3
        assert (ended.events[-1]["code"], ended.events[-1]["reason"]) == ("incomplete", "stopped")
        assert webmint.site("site") == PARTIAL
    assert webmint("replay", record.stem, "--check").code == 0
    assert json.loads(webmint("resume", "--list", "--json").out)[0]["run"] == record.stem


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b"<!doctype html>", b'{"webmint": 9}\n'])
def test_a_file_that_is_no_record_is_named(offline: Webmint, content: bytes) -> None:
    (offline.cwd / "page.html").write_bytes(content)
    ended = offline("replay", "page.html")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("error: page.html is no record of a run\n")


def test_an_unknown_run_is_refused_with_those_near_it(offline: Webmint) -> None:
    ended = offline("replay", "nope")
    assert (ended.code, ended.err.splitlines()[0]) == (2, "error: there is no run nope")
    runs = offline.home / "runs"
    runs.mkdir(parents=True)
    for name in ("20261123-120000-aaa1", "20261123-120000-aaa2", "20251123-120000-bbb"):
        shutil.copy(CONTINUED, runs / f"{name}.jsonl")
    ended = offline("replay", "20261123-120000-aaa3")
    assert ended.code == 2
    assert "20261123-120000-aaa1" in ended.err
    assert "20261123-120000-aaa2" in ended.err
    ended = offline("replay", "20261123")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: 2 runs begin with 20261123\n")
    assert "20261123-120000-aaa2, 20261123-120000-aaa1" in ended.err
    assert offline("replay", "2025").code == 0


def test_recorded_speed_takes_the_time_it_took(offline: Webmint) -> None:
    def seconds(*options: str) -> float:
        began = time.monotonic()
        assert offline("replay", record, "-o", "site", *options).code == 0
        return time.monotonic() - began

    record = spaced(offline.cwd, 0.05)
    span = 0.05 * (len(Path(record).read_text().splitlines()) - 4)
    assert seconds("--speed", "1") > span
    assert seconds("--speed", "1") > seconds("--speed", "1000")


@pytest.mark.parametrize("options", [["-o", "site"], ["--check"]])
def test_ctrl_c_ends_it_at_once(offline: Webmint, options: list[str]) -> None:
    record = spaced(offline.cwd, 30, after=5)
    running = offline.start("replay", record, "--speed", "1", *options)
    assert running.process.stderr is not None
    while b"Writing styles.css" not in (line := running.process.stderr.readline()):
        assert line
    sent = running.signal(signal.SIGINT)
    ended = running.end()
    assert time.monotonic() - sent < 5
    assert ended.code == 130
    assert "Traceback" not in ended.err
    assert (offline.cwd / "site").exists() == ("site" in options)


def test_a_speed_that_is_none_is_refused(offline: Webmint) -> None:
    assert offline("replay", CONTINUED, "--speed", "0").code == 2


# --check


def changed(record: Path, place: Path) -> str:
    """A record of the same run in which the page says something else."""
    path = place / "other.jsonl"
    path.write_bytes(record.read_bytes().replace(b"brioches", b"baguettes"))
    return str(path)


def test_a_check_writes_nothing_and_finds_the_same(webmint: Webmint) -> None:
    webmint.generate("-o", "site", "--record", "kept.jsonl")
    before = contents(webmint.cwd)
    ended = webmint("replay", "kept.jsonl", "--check")
    assert (ended.code, ended.out) == (0, "")
    assert ended.err.endswith("The same as in site: 3 files\n")
    assert contents(webmint.cwd) == before


def test_a_check_names_the_files_that_differ(webmint: Webmint) -> None:
    webmint.generate("-o", "site", "--record", "kept.jsonl")
    other = changed(webmint.cwd / "kept.jsonl", webmint.cwd)
    for options in ([], ["-o", "site"]):
        ended = webmint("replay", other, "--check", *options)
        assert (ended.code, ended.out) == (3, "")
        assert "the replay is not what site holds: index.html\n" in ended.err
    assert webmint("replay", other, "--check", "--json").events[-1]["code"] == "differs"


def test_a_check_goes_by_the_record_where_the_folder_is_gone_or_of_another_run(webmint: Webmint) -> None:
    webmint.generate("-o", "site")
    (record,) = webmint.records
    webmint("replay", CONTINUED, "-o", "site")
    assert webmint("replay", record.stem, "--check").err.endswith("The same as in the record: 3 files\n")
    shutil.rmtree(webmint.cwd / "site")
    assert webmint("replay", record.stem, "--check").err.endswith("The same as in the record: 3 files\n")


def test_a_run_that_completed_and_now_does_not_differs(offline: Webmint) -> None:
    lines = (RUNS / "dropped.jsonl").read_text("utf-8").splitlines()
    whole = [*lines[:-1], json.dumps({"finish": "length"}), json.dumps({"end": "completed"})]
    (offline.cwd / "cut.jsonl").write_text("\n".join(whole) + "\n")
    ended = offline("replay", "cut.jsonl", "--check")
    assert ended.code == 3
    assert "the record holds: the outcome\n" in ended.err


def test_a_check_of_a_cut_run_is_fine_where_it_is_cut_the_same(offline: Webmint) -> None:
    ended = offline("replay", str(RUNS / "dropped.jsonl"), "--check", "--json")
    assert ended.code == 0
    assert (ended.events[-1]["type"], ended.events[-1]["reason"]) == ("error", "dropped")


def test_a_check_against_a_folder_that_is_not_ours_is_refused(offline: Webmint) -> None:
    assert offline("replay", CONTINUED, "--check", "-o", "none").code == 2


# generate --record


def test_a_record_is_the_journal_to_the_byte(webmint: Webmint) -> None:
    assert webmint.generate("--record", "kept.jsonl").code == 0
    kept = webmint.cwd / "kept.jsonl"
    assert kept.read_bytes() == webmint.records[0].read_bytes()
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600


def test_without_history_the_record_is_the_only_one(webmint: Webmint) -> None:
    webmint.generate("--record", "kept.jsonl", "--no-history", "-o", "site")
    assert webmint.records == []
    assert webmint("replay", "kept.jsonl", "-o", "again").code == 0
    assert contents(webmint.cwd / "again") == contents(webmint.cwd / "site")


def test_a_record_is_not_overwritten_unless_forced(webmint: Webmint, upstream: up.Upstream) -> None:
    kept = webmint.cwd / "kept.jsonl"
    kept.write_text("mine")
    ended = webmint.generate("--record", "kept.jsonl")
    assert (ended.code, kept.read_text()) == (2, "mine")
    assert "error: kept.jsonl exists\n\nhint: give another file, or overwrite it: --force\n" in ended.err
    assert (upstream.requests, webmint.records) == ([], [])
    assert webmint.generate("--record", "kept.jsonl", "--force").code == 0
    assert kept.read_bytes() == webmint.records[0].read_bytes()


@pytest.mark.parametrize("place", ["none/kept.jsonl", "."])
def test_a_record_that_cannot_be_written_ends_it_before_it_begins(
    webmint: Webmint, upstream: up.Upstream, place: str
) -> None:
    ended = webmint.generate("--record", place, "--force")
    assert ended.code == 1
    assert f"error: can't write {place}: " in ended.err
    assert (upstream.requests, webmint.records) == ([], [])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full disk to write to")
def test_a_record_that_is_cut_costs_neither_the_run_nor_its_journal(webmint: Webmint) -> None:
    ended = webmint.generate("--record", "/dev/full", "--force", "-o", "site")
    assert ended.code == 0
    assert f"the record of the run is cut: {os.strerror(28)}" in ended.err
    assert webmint("replay", webmint.records[0].stem, "--check").code == 0


def test_no_key_gets_into_a_record(tmp_path: Path) -> None:
    """Not when it is accepted, nor when a server that refuses it quotes it."""
    with up.Upstream() as server:
        server.reply(up.text(*support.pieces(support.REPLY)), up.unauthorized(support.KEY))
        webmint = Webmint(tmp_path, server, WEBMINT_API_KEY=support.KEY)
        ended = [webmint.generate("--record", f"{number}.jsonl") for number in (1, 2)]
        assert [seen.headers["authorization"] for seen in server.requests] == [f"Bearer {support.KEY}"] * 2
    assert [end.code for end in ended] == [0, 4]
    said = b"".join(path.read_bytes() for path in [*webmint.records, *webmint.cwd.glob("*.jsonl")])
    assert said.count(b'"end"') == 4
    assert support.KEY.encode() not in said
    again = webmint("replay", "2.jsonl")
    assert again.code == 1
    assert ended[1].err.partition("error: ")[2].splitlines()[0] in again.err
