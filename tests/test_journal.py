"""The record of a run is on disk before anything is drawn, survives what kills a process, and replays."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import support
import upstream as up
from hypothesis import given
from hypothesis import strategies as st
from support import CUT, FILES, PATIENT, REPLY, Scripted, pieces, said

from webmint_cli.errors import StorageError, Unavailable
from webmint_cli.journal import (
    Header,
    Journal,
    Recorded,
    mark_resumed,
    new_id,
    read_run,
    runs,
)
from webmint_cli.providers.openai_compatible import OpenAICompatible
from webmint_cli.providers.provider import (
    Finish,
    Notice,
    Reasoning,
    ReplyPart,
    Request,
    Text,
    Usage,
)
from webmint_cli.run import Output, SiteRun, draft

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterator

HEADER = Header(
    id="20261123-120000-beef",
    prompt="a bakery\u2028in Lyon 🥐 \udcff",
    provider="custom",
    model="model-a",
    base_url="http://127.0.0.1:8080/v1",
    seed=7,
    contract="c0ffee",
    folder="/tmp/bakery",
    started=1795407034000,
)
PARTS: list[ReplyPart] = [
    Text("a\r\n\u2028\x85\x00🥐"),
    Text("\ud83d"),
    Text("\ude80"),
    Reasoning("hm \udfff"),
    Usage({"total_tokens": 3}),
    Notice("The server offers model-a"),
    Finish("length"),
]


def write(
    folder: Path,
    *turns: list[ReplyPart],
    header: Header = HEADER,
    end: Any = "completed",
    alive: bool = False,
) -> Path:
    """A journal. Without an end its process is killed, or still `alive`."""
    journal = Journal(folder, header)
    for turn in turns:
        journal.turn()
        for part in turn:
            journal.add(part)
    if end:
        journal.close(end, folder="/tmp/here")
    elif not alive and journal._file is not None:
        os.close(journal._file)
    return folder / f"{header.id}.jsonl"


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    path = write(tmp_path, PARTS, [Text("b"), Finish("stop")])
    run = read_run(path)
    assert run.header == HEADER
    assert run.turns == (tuple(PARTS), (Text("b"), Finish("stop")))
    assert (run.end, run.folder, run.path) == ("completed", "/tmp/here", path)
    assert (run.received, run.finish) == (10, "stop")


@given(
    st.lists(
        st.one_of(
            st.text().map(Text),
            st.characters(categories=["Cs"]).map(Text),
            st.text().map(Reasoning),
            st.text().map(Finish),
            st.dictionaries(st.text(), st.integers()).map(Usage),
        )
    )
)
def test_any_part_is_read_back(parts: list[ReplyPart]) -> None:
    with _folder() as folder:
        assert read_run(write(folder, parts)).turns == (tuple(parts),)


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def test_only_the_wait_of_a_notice_is_forgotten(tmp_path: Path) -> None:
    assert read_run(write(tmp_path, [Notice("a", 5)])).turns == ((Notice("a"),),)


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        path = write(tmp_path / "deep" / "runs")
    finally:
        os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_each_part_is_on_disk_as_soon_as_it_was_added(tmp_path: Path) -> None:
    journal = Journal(tmp_path, HEADER)
    assert journal.is_recorded
    path = tmp_path / f"{HEADER.id}.jsonl"
    assert read_run(path).turns == ()
    journal.turn()
    for count in range(1, len(PARTS) + 1):
        journal.add(PARTS[count - 1])
        assert read_run(path).turns == (tuple(PARTS[:count]),)


def test_a_killed_process_has_lost_nothing(tmp_path: Path) -> None:
    script = f"""
import os, signal
from pathlib import Path
from webmint_cli.journal import Header, Journal
from webmint_cli.providers.provider import Text
journal = Journal(Path({str(tmp_path)!r}), Header("1", "p", "custom", "m"))
journal.turn()
for number in range(100):
    journal.add(Text(f"{{number}} "))
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", script], check=False)
    run = read_run(tmp_path / "1.jsonl")
    assert "".join(part.text for part in run.turns[0] if isinstance(part, Text)).split() == [
        *map(str, range(100))
    ]
    assert run.is_interrupted
    assert run.is_unfinished


def test_the_provider_is_recorded_before_anyone_hears_it(tmp_path: Path) -> None:
    path = tmp_path / f"{HEADER.id}.jsonl"

    async def listen() -> None:
        recorded = Recorded(Scripted(PARTS), Journal(tmp_path, HEADER))
        assert (recorded.name, recorded.model) == ("scripted", "model-a")
        heard = 0
        async for part in recorded.stream(Request("x")):
            heard += 1
            assert read_run(path).turns[0][heard - 1] == part
        assert heard == len(PARTS)

    support.run(listen())


def test_closing_the_record_closes_the_provider(tmp_path: Path) -> None:
    provider = Scripted(said(REPLY))

    async def leave() -> None:
        stream: AsyncGenerator[ReplyPart, None] = Recorded(provider, Journal(tmp_path, HEADER)).stream(
            Request("x")
        )
        await anext(stream)
        await stream.aclose()
        assert provider.closed == 1

    support.run(leave())


# Damage


@pytest.mark.parametrize("cut", range(1, 20))
def test_a_last_line_that_was_cut_is_left_out(cut: int, tmp_path: Path) -> None:
    path = write(tmp_path, [Text("a"), Text("b" * 30)], end=None)
    path.write_bytes(path.read_bytes()[:-cut])
    # Without its newline alone the line is whole.
    assert read_run(path).turns == ((Text("a"), *[Text("b" * 30)] * (cut == 1)),)


def test_what_took_a_cut_run_up_wrote_behind_the_cut_line(tmp_path: Path) -> None:
    path = write(tmp_path, [Text("a"), Text("b")], end=None)
    path.write_bytes(path.read_bytes()[:-5])
    run = read_run(path)
    assert run.is_interrupted
    mark_resumed(run)
    resumed = read_run(path)
    assert (resumed.end, resumed.turns) == ("resumed", ((Text("a"),),))
    assert not resumed.is_unfinished


def test_a_run_that_was_taken_up_is_so_whatever_its_end_was(tmp_path: Path) -> None:
    run = read_run(write(tmp_path, [Text("a")], end="incomplete"))
    assert run.is_unfinished
    mark_resumed(run)
    resumed = read_run(run.path)
    assert (resumed.end, resumed.folder, resumed.is_unfinished) == ("resumed", "/tmp/here", False)


Lines = list[bytes]
DAMAGE: dict[str, Callable[[Lines], Lines]] = {
    "empty": lambda lines: lines[:0],
    "blank": lambda lines: [b"", *lines[:0]],
    "cut-header": lambda lines: [lines[0][:40]],
    "torn-middle": lambda lines: [lines[0], lines[1], lines[2][:9], *lines[3:]],
    "no-turn": lambda lines: [lines[0], lines[2], *lines[3:]],
    "unknown-part": lambda lines: [lines[0], lines[1], b'{"at": 1, "picture": 5}', *lines[2:]],
    "no-object": lambda lines: [lines[0], lines[1], b"5", *lines[2:]],
    "number-first": lambda lines: [b"5", *lines],
    "text-first": lambda lines: [b'"webmint"', *lines],
    "null-first": lambda lines: [b"null", *lines],
    "list-first": lambda lines: [b'["webmint"]', *lines],
    "other-version": lambda lines: [lines[0].replace(b'"webmint": 1', b'"webmint": 2'), *lines[1:]],
    "no-id": lambda lines: [lines[0].replace(b'"id"', b'"name"'), *lines[1:]],
    "no-utf-8": lambda lines: [lines[0], b"\xff\xfe", *lines[1:]],
    "zeros": lambda lines: [b"\x00" * 4096, *lines[:0]],
}


@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_any_other_damage_is_refused_by_name_and_passed_over(
    damage: Callable[[Lines], Lines], tmp_path: Path
) -> None:
    path = write(tmp_path, [Text("a"), Text("b"), Text("c"), Text("d")])
    path.write_bytes(b"\n".join(damage(path.read_bytes().splitlines())))
    with pytest.raises(StorageError) as caught:
        read_run(path)
    assert str(path) in caught.value.message
    assert caught.value.hint
    assert list(runs(tmp_path)) == []


def test_a_record_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"can't read .*: No such file"):
        read_run(tmp_path / "none.jsonl")


def test_members_of_a_later_version_are_ignored(tmp_path: Path) -> None:
    path = write(tmp_path, [Text("a")])
    lines = [json.dumps(json.loads(line) | {"colour": "red"}) for line in path.read_text().splitlines()]
    path.write_text("\n".join(lines))
    assert read_run(path).turns == ((Text("a"),),)


# A disk that takes no more

FULL_DISK = (errno.ENOSPC, errno.EFBIG)
FULL = """
import json, resource, signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import support
from webmint_cli.journal import Recorded
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))
record = support.journal(Path({folder!r}))
ran = support.generate(Recorded(support.Scripted(support.said(support.REPLY)), record))
record.close("completed")
print(json.dumps([record.fault, record.is_recorded, support.site(ran.complete) == support.FILES]))
"""


@pytest.mark.parametrize("limit", [0, 100, 600, 1500])
def test_a_full_disk_is_told_and_the_run_goes_on(limit: int, tmp_path: Path) -> None:
    script = FULL.format(tests=str(Path(__file__).parent), folder=str(tmp_path), limit=limit)
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    fault, *others = json.loads(process.stdout)
    # A write that has no room at all says so; one that is cut short is what a full disk looks like.
    assert fault.lower() in [
        f"the record of the run is cut: {os.strerror(error)}".lower() for error in FULL_DISK
    ]
    assert others == [False, True]
    (path,) = tmp_path.glob("*.jsonl")
    assert path.stat().st_size <= limit
    if limit >= 600:
        whole = "".join(part.text for part in read_run(path).turns[0] if isinstance(part, Text))
        assert whole
        assert REPLY.startswith(whole)


BARELY = """
import resource, signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import support
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
record = support.journal(Path({folder!r}))
(path,) = Path({folder!r}).iterdir()
limit = path.stat().st_size + 5
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
record.close("completed")
print(record.fault)
"""


def test_a_line_that_was_written_in_part_is_told(tmp_path: Path) -> None:
    script = BARELY.format(tests=str(Path(__file__).parent), folder=str(tmp_path))
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert process.stdout.strip().endswith("the record of the run is cut: No space left on device")


def test_a_place_that_is_no_folder_is_told_and_the_run_goes_on(tmp_path: Path) -> None:
    place = tmp_path / "runs"
    place.write_text("a file")
    record = support.journal(place)
    assert record.fault.lower() == f"the run is not recorded: File exists: {place}".lower()
    assert not record.is_recorded
    ran = support.generate(Recorded(Scripted(said(REPLY)), record))
    assert support.site(ran.complete) == FILES
    assert draft(record.turns).outcome().files == FILES


def test_without_a_folder_it_is_in_memory_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    record = support.journal()
    support.generate(Recorded(Scripted(said(REPLY)), record))
    record.close("completed")
    assert (record.fault, record.is_recorded) == ("", False)
    assert draft(record.turns).outcome().files == FILES
    assert list(tmp_path.iterdir()) == []


# Runs


@pytest.mark.parametrize(
    ("end", "alive", "received", "state"),
    [
        (None, True, "a", "running"),
        (None, False, "a", "interrupted"),
        (None, False, "", "interrupted"),
        ("completed", False, "a", "done"),
        ("incomplete", False, "a", "unfinished"),
        ("incomplete", False, "", "unfinished"),
        ("stopped", False, "a", "unfinished"),
        ("failed", False, "a", "unfinished"),
        ("failed", False, "", "done"),
        ("resumed", False, "a", "done"),
    ],
)
def test_what_can_be_gone_on_with(
    end: str | None, alive: bool, received: str, state: str, tmp_path: Path
) -> None:
    run = read_run(write(tmp_path, [Text(received)] if received else [], end=end, alive=alive))
    assert run.is_interrupted == (state == "interrupted")
    assert run.is_unfinished == (state in ("interrupted", "unfinished"))


def test_a_record_is_never_written_over(tmp_path: Path) -> None:
    path = write(tmp_path, [Text("mine")])
    again = Journal(tmp_path, HEADER)
    assert "File exists" in again.fault
    assert read_run(path).turns == ((Text("mine"),),)


def test_the_finish_is_that_of_the_last_turn(tmp_path: Path) -> None:
    assert read_run(write(tmp_path, [Text("a"), Finish("length")], [Text("b")])).finish is None
    assert read_run(write(tmp_path / "none")).finish is None


def test_runs_are_listed_the_latest_first_without_the_unreadable(tmp_path: Path) -> None:
    moments = [1_800_000_000.0, 1_800_000_001.0, 1_799_999_999.0]
    ids = [new_id(moment) for moment in moments]
    for name in ids:
        write(tmp_path, header=replace(HEADER, id=name))
    (tmp_path / "99999999-broken.jsonl").write_text("no")
    (tmp_path / "notes.txt").write_text("no")
    assert [run.header.id for run in runs(tmp_path)] == [ids[1], ids[0], ids[2]]
    assert list(runs(tmp_path / "none")) == []


def test_an_id_sorts_by_time_and_is_unique() -> None:
    assert new_id(0).startswith("19700101-000000-")
    assert new_id(1_800_000_000) < new_id(1_800_000_001)
    assert new_id(1_800_000_000.1) < new_id(1_800_000_000.2)
    assert len({new_id(0) for _ in range(200)}) == 200


# Replay


def live(upstream: up.Upstream, record: Journal, turns: int) -> support.Ran:
    provider = OpenAICompatible(support.choice(upstream.base_url), retry=support.RETRY)
    limits = replace(PATIENT, silence=0.3, turns=turns)
    return support.generate(Recorded(provider, record), limits=limits)


FAULTS = {
    "whole": ([up.text(*pieces(REPLY))], 0),
    "escapes-split": ([up.text("~~~~~ html path=index.html\n<!doctype html>", *up.SPLIT_SURROGATES, "</html>\n~~~~~\n")], 0),
    "dropped": ([up.reset(*pieces(REPLY[:CUT]))], 0),
    "timeout": ([up.stall(*pieces(REPLY[:CUT]))], 0),
    "error-event": ([up.stream(REPLY[:CUT], up.ERROR_EVENT)], 0),
    "retried": ([up.status(500), up.text(*pieces(REPLY))], 0),
    "continued": ([up.text(*pieces(REPLY[:CUT]), finish="length"), up.text(*pieces(REPLY[CUT - 90 :]))], 1),
    "continued-twice": (
        [up.reset(*pieces(REPLY[:CUT])), up.reset(*pieces(REPLY[CUT - 90 : CUT + 30])), up.text(REPLY[CUT - 60 :])],
        2,
    ),
    "joins-nowhere": ([up.text(REPLY[:CUT], finish="length"), up.text("What do you mean? " * 300)], 1),
    "then-joins": (
        [up.text(REPLY[:CUT], finish="length"), up.text("What do you mean?"), up.text(REPLY[CUT - 90 :])],
        2,
    ),
    "begins-anew": ([up.text(REPLY[:CUT], finish="length"), up.text(*pieces(REPLY.replace("six", "sept")))], 1),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_the_record_replays_to_the_files_of_the_run(fault: str, tmp_path: Path) -> None:
    scripts, turns = FAULTS[fault]
    with up.Upstream() as upstream:
        upstream.reply(*scripts)
        record = support.journal(tmp_path)
        ran = live(upstream, record, turns)
    files = ran.error.partial if ran.error else support.site(ran.complete)
    run = read_run(tmp_path / f"{record.id}.jsonl")
    assert files
    assert draft(run.turns).outcome().files == files
    assert draft(record.turns).outcome().files == files
    assert len(run.turns) == turns + 1


@pytest.mark.parametrize("again", ["length", None])
def test_a_run_goes_on_from_the_record_of_another(again: str | None, tmp_path: Path) -> None:
    """Twice over: each run's record holds all that had come before it."""
    received: tuple[str, ...] = ()
    finish = None
    for number, end in enumerate([CUT, CUT + 60, len(REPLY)]):
        header = replace(HEADER, id=str(number))
        record = Journal(tmp_path, header)
        turn = said(REPLY[max(0, len("".join(received)) - 90) : end], "stop" if end == len(REPLY) else again)
        run = SiteRun(
            Request("x", received=received, finish=finish),
            Scripted([*turn, *([] if end == len(REPLY) or again else [Unavailable("gone")])]),
            output=Output(None, tmp_path),
            journal=record,
            limits=replace(PATIENT, turns=1 if received else 0),
        )
        ran = support.run(support.collect(run.events()))
        record.close("incomplete")
        earlier = read_run(tmp_path / f"{number}.jsonl")
        received, finish = draft(earlier.turns).stretches, earlier.finish
        assert received == (REPLY[:end],)
        assert run.site().files == support.parsed(REPLY[:end]).files
    assert support.site(ran.complete) == FILES


def test_a_reply_that_began_anew_goes_on_from_the_record_as_it_was(tmp_path: Path) -> None:
    """In backticks an opening line inside a file is text: only the record knows that the reply began anew there."""
    page = FILES["index.html"].replace("<h1>Pains", "<h1>Nos pains")
    reply = f"```html\n{page}```\n```css\n{FILES['styles.css']}```\n"
    first, again = f"```html\n{FILES['index.html'][:150]}", reply[: reply.index("</body>")]
    output = Output(None, tmp_path)
    record = Journal(tmp_path, HEADER)
    cut = SiteRun(
        Request("x"),
        Scripted(said(first, "length"), said(again, "length")),
        output=output,
        journal=record,
        limits=replace(PATIENT, turns=1),
    )
    assert (
        support.run(support.collect(cut.events())).failure.partial["index.html"]
        == page[: page.index("</body>")]
    )
    record.close("incomplete")
    came = draft(read_run(tmp_path / f"{HEADER.id}.jsonl").turns)
    assert came.stretches == (first, again)
    rest = SiteRun(
        Request("x", received=came.stretches, finish="length"),
        Scripted(said(reply[len(again) - 60 :])),
        output=output,
        journal=Journal(tmp_path, replace(HEADER, id="rest")),
        limits=replace(PATIENT, turns=1),
    )
    ran = support.run(support.collect(rest.events()))
    assert ran.complete.html == page == rest.site().files["index.html"]
