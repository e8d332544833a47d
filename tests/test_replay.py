"""A recorded run gives the same files again, however it was chunked, and ends as it ended."""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import support
from hypothesis import given, settings
from hypothesis import strategies as st
from support import CUT, FILES, REPLY, Ran, Scripted, said

from webmint_cli.errors import (
    Incomplete,
    ProviderError,
    StorageError,
    Unavailable,
    Unusable,
    WebMintError,
)
from webmint_cli.journal import Failure, Run, mark_resumed, read_run
from webmint_cli.providers.provider import Finish, Notice, ReplyPart, Request, Text
from webmint_cli.replay import Replay, differing, digests
from webmint_cli.run import Output, SiteRun
from webmint_cli.site import Site

if TYPE_CHECKING:
    from collections.abc import Sequence

RUNS = Path(__file__).parent / "runs"
EXPECTED: dict[str, dict[str, Any]] = json.loads((RUNS / "expected.json").read_text("utf-8"))
NAMES = sorted(path.stem for path in RUNS.glob("*.jsonl"))
NAME = "20261123-120000-beef.jsonl"


def replayed(run: Run, **options: Any) -> Ran:
    provider = Replay(run, **options)
    return support.generate(provider, limits=provider.limits, request=Request(run.header.prompt))


def came(ran: Ran) -> dict[str, str]:
    """The digests of what a replay gave, finished or not."""
    return digests(Site(ran.error.partial if ran.error else support.site(ran.complete)))


def recorded(
    folder: Path, *turns: Sequence[ReplyPart], end: Any = "", error: WebMintError | None = None
) -> Run:
    """A run by its record, without an end if none is given."""
    journal = support.journal(folder)
    for turn in turns:
        journal.turn()
        for part in turn:
            journal.add(part)
    path = folder / NAME
    if end:
        journal.close(end, error=error)
        return read_run(path)
    before = path.read_bytes()
    journal.close("stopped")
    path.write_bytes(before)
    return read_run(path)


def test_the_recorded_runs_are_there() -> None:
    assert set(NAMES) == set(EXPECTED) >= {"composer", "continued", "dropped", "reasoning", "reset"}


@pytest.mark.parametrize("name", NAMES)
def test_a_recorded_run_gives_what_it_gave(name: str) -> None:
    run = read_run(RUNS / f"{name}.jsonl")
    ran = replayed(run)
    assert differing(came(ran), EXPECTED[name]["files"]) == []
    assert (ran.error.reason if ran.error else "") == EXPECTED[name]["reason"]
    assert digests(Site(ran.files)) == came(ran)


@given(st.sampled_from(sorted({*NAMES} - {"composer"})), st.lists(st.integers(1, 60), min_size=1))
@settings(max_examples=60)
def test_any_recorded_chunking_gives_the_same_files(name: str, sizes: list[int]) -> None:
    run = read_run(RUNS / f"{name}.jsonl")
    with tempfile.TemporaryDirectory() as folder:
        again = recorded(Path(folder), *(rechunked(turn, sizes) for turn in run.turns), end=run.end)
    assert came(replayed(again)) == EXPECTED[name]["files"]


def rechunked(turn: Sequence[ReplyPart], sizes: list[int]) -> list[ReplyPart]:
    text = "".join(part.text for part in turn if isinstance(part, Text))
    others = [part for part in turn if not isinstance(part, Text)]
    chunks: list[ReplyPart] = []
    while text:
        size = sizes[len(chunks) % len(sizes)]
        chunks.append(Text(text[:size]))
        text = text[size:]
    return [*chunks, *others]


def test_each_request_gets_a_turn_of_its_own(tmp_path: Path) -> None:
    run = recorded(tmp_path, said(REPLY[:CUT], "length"), said(REPLY[CUT - 60 :]), end="completed")
    ran = replayed(run)
    assert support.site(ran.complete) == FILES
    assert (ran.complete.provider, ran.complete.model) == ("custom", "model-a")


@pytest.mark.parametrize("failure", [None, Unavailable("gone"), ProviderError("no more")])
def test_a_turn_that_broke_off_is_gone_on_from(tmp_path: Path, failure: ProviderError | None) -> None:
    """Also one that gave nothing at all: the engine asked again, so it does now."""
    turns: list[list[ReplyPart]] = [said(REPLY[:CUT], None), [Notice("waiting")], said(REPLY[CUT - 60 :])]
    run = recorded(tmp_path, *turns, end="completed", error=failure)
    assert support.site(replayed(run).complete) == FILES


def test_a_turn_that_broke_off_after_a_whole_site_is_gone_on_from_as_well(tmp_path: Path) -> None:
    more = "~~~~~ css path=print.css\nnav { display: none }\n~~~~~\n"
    run = recorded(tmp_path, said(REPLY, None), said(REPLY[-90:] + more), end="completed")
    assert support.site(replayed(run).complete) == FILES | {"print.css": "nav { display: none }\n"}


CUTS: dict[str, tuple[str, WebMintError | None, str | None, str]] = {
    "killed": ("", None, None, "stopped"),
    "stopped": ("stopped", None, None, "stopped"),
    "stopped-before-the-rest": ("stopped", None, "length", "stopped"),
    "dropped": ("incomplete", Incomplete("x", reason="dropped"), None, "dropped"),
    "silent": ("incomplete", Incomplete("x", reason="timeout"), None, "timeout"),
    "too-long": ("incomplete", Incomplete("x", reason="length"), "length", "length"),
    "filtered": ("incomplete", Incomplete("x", reason="content_filter"), "content_filter", "content_filter"),
    "no-reason": ("incomplete", None, None, "dropped"),
}


@pytest.mark.parametrize(("end", "error", "finish", "reason"), CUTS.values(), ids=CUTS)
def test_a_cut_run_is_cut_again(
    tmp_path: Path, end: str, error: WebMintError | None, finish: str | None, reason: str
) -> None:
    ran = replayed(recorded(tmp_path, said(REPLY[:CUT], finish), end=end, error=error))
    assert isinstance(ran.failure, Incomplete)
    assert ran.failure.reason == reason
    assert ran.failure.partial == support.parsed(REPLY[:CUT]).files


@pytest.mark.parametrize("turns", [[], [[]]])
def test_a_run_that_was_killed_before_anything_came_is_stopped(
    tmp_path: Path, turns: list[list[ReplyPart]]
) -> None:
    assert replayed(recorded(tmp_path, *turns)).failure.reason == "stopped"


def test_what_was_resumed_ends_as_it_ended_before_that(tmp_path: Path) -> None:
    for number, (end, error, finish, reason) in enumerate(CUTS.values()):
        folder = tmp_path / str(number)
        run = recorded(folder, said(REPLY[:CUT], finish), end=end, error=error)
        mark_resumed(run)
        known = reason if error else "stopped"
        assert replayed(read_run(run.path)).failure.reason == known


def test_a_failure_before_any_text_has_the_same_words(tmp_path: Path) -> None:
    error = Unavailable("127.0.0.1 refused the connection", code="unreachable")
    failure = replayed(recorded(tmp_path, [], end="failed", error=error)).failure
    assert (failure.message, failure.code) == (error.message, error.code)
    assert not failure.retryable


def test_a_reply_that_is_no_site_is_none_again(tmp_path: Path) -> None:
    run = recorded(tmp_path, said("I can't do that."), end="incomplete", error=Unusable("x"))
    assert type(replayed(run).failure) is Unusable


def test_a_resumed_run_replays_from_what_it_took_over(tmp_path: Path) -> None:
    """Its record holds what had come as turns without an end; the last finish reason stood in the one before."""
    journal = support.journal(tmp_path)
    job = SiteRun(
        Request("x", received=(REPLY[:CUT],), finish="length"),
        Scripted(said(REPLY[CUT - 60 :])),
        output=Output(None, tmp_path),
        journal=journal,
        limits=replace(support.PATIENT, turns=1),
    )
    support.run(support.collect(job.events()))
    job.close("completed")
    assert support.site(replayed(read_run(tmp_path / NAME)).complete) == FILES


def test_a_whole_reply_that_was_only_taken_over_is_whole(tmp_path: Path) -> None:
    reply = REPLY[: REPLY.index("~~~~~ js")]
    run = recorded(tmp_path, [Text(reply)], end="completed")
    assert set(support.site(replayed(run).complete)) == {"styles.css", "index.html"}


def test_the_reason_of_a_run_is_in_its_record(tmp_path: Path) -> None:
    job = SiteRun(
        Request("x"),
        Scripted(said(REPLY[:CUT], "length")),
        output=Output(None, tmp_path),
        journal=support.journal(tmp_path),
        limits=support.PATIENT,
    )
    error = support.run(support.collect(job.events())).failure
    job.close("incomplete")
    assert read_run(tmp_path / NAME).failure == Failure("incomplete", error.message, "length")


def spaced(folder: Path, gap: float) -> Run:
    """A run whose parts came `gap` seconds apart."""
    path = recorded(folder, [Text(REPLY[:CUT]), Text(REPLY[CUT:]), Finish("stop")], end="completed").path
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for number, line in enumerate(lines[2:-1], start=1):
        line["at"] = number * gap
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return read_run(path)


def test_the_times_of_the_parts_are_read_back(tmp_path: Path) -> None:
    assert spaced(tmp_path, 0.25).times == ((0.25, 0.5, 0.75),)


def test_recorded_speed_is_that_of_the_record_by_a_factor(tmp_path: Path) -> None:
    run = spaced(tmp_path, 0.2)

    def seconds(speed: float | None) -> float:
        began = time.monotonic()
        assert support.site(replayed(run, speed=speed).complete) == FILES
        return time.monotonic() - began

    full, twice, as_it_came = seconds(None), seconds(2), seconds(1)
    assert twice >= 0.3
    assert as_it_came >= 0.6
    assert full < twice < as_it_came


def test_a_silence_in_the_record_is_no_fault_of_the_replay(tmp_path: Path) -> None:
    limits = Replay(spaced(tmp_path, 500)).limits
    assert limits.first == limits.silence == float("inf")


WRONG = {
    "text": '{"at": 1, "text": 5}',
    "finish": '{"at": 1, "finish": null}',
    "tokens": '{"at": 1, "usage": {"total_tokens": "many"}}',
    "time": '{"at": "late", "text": "a"}',
    "end": '{"end": 5}',
    "folder": '{"end": "completed", "folder": ["a"]}',
    "error": '{"end": "failed", "error": {"message": 5}}',
    "deep": "[" * 100_000,
}


@pytest.mark.parametrize("line", WRONG.values(), ids=WRONG)
def test_a_value_of_a_wrong_type_is_refused_by_name(tmp_path: Path, line: str) -> None:
    path = recorded(tmp_path, [Text("a")], end="completed").path
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines[:3], line, lines[2], lines[2], ""]))
    with pytest.raises(StorageError, match="is no record of a run"):
        read_run(path)


def test_a_header_of_wrong_types_is_refused(tmp_path: Path) -> None:
    path = recorded(tmp_path, end="completed").path
    path.write_text(path.read_text().replace('"a bakery in Lyon"', "5"))
    with pytest.raises(StorageError):
        read_run(path)
