"""`webmint resume`: every way in which a run can end leads on from where it ended."""

from __future__ import annotations

import fcntl
import json
from typing import TYPE_CHECKING, Any

import pytest
import support
import upstream as up
from commandline import Continuing, Ended, Webmint

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RECEIVED = support.REPLY[: support.CUT]
PARTIAL = support.parsed(RECEIVED).files


@pytest.fixture
def upstream() -> Iterator[Continuing]:
    """A model that knows the rest of the reply."""
    with Continuing(gap=0) as server:
        yield server


@pytest.fixture
def webmint(tmp_path: Path, upstream: Continuing) -> Webmint:
    return Webmint(tmp_path, upstream)


def record(
    webmint: Webmint, *, end: str = "", folder: str = "", name: str = "20261120-101500-aaaa", **head: Any
) -> str:
    """A run of some days ago, by its record: cut inside the page, and ended so."""
    runs = webmint.home / "runs"
    runs.mkdir(parents=True, exist_ok=True)
    base_url = webmint.model[1]
    header = {
        "webmint": 1,
        "id": name,
        "prompt": "a bakery in Lyon",
        "provider": "custom",
        "model": "model-a",
    }
    lines: list[dict[str, Any]] = [
        {**header, "base_url": base_url, "folder": folder, **head},
        {"turn": 1, "at": 0},
        *({"at": 1, "text": piece} for piece in support.pieces(RECEIVED)),
    ]
    lines += [{"end": end, "folder": folder, "at": 2}] * bool(end)
    (runs / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return name


def runs(webmint: Webmint) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads(webmint("resume", "--list", "--json").out)
    return listed


@pytest.mark.parametrize("end", ["incomplete", "stopped", "failed", ""])
def test_a_run_goes_on_however_it_ended(webmint: Webmint, upstream: Continuing, end: str) -> None:
    record(webmint, end=end, folder=str(webmint.cwd / "site"))
    ended = webmint("resume")
    assert (ended.code, ended.out) == (0, "site\n")
    assert webmint.site("site") == support.FILES
    assert f"Going on with 20261120-101500-aaaa: {len(RECEIVED)} characters are there" in ended.err
    assert "(as before)" in ended.err
    sent = upstream.requests[-1].json["messages"]
    assert [said["content"] for said in sent if said["role"] == "assistant"] == [RECEIVED]


def test_what_went_on_is_not_unfinished_any_more(webmint: Webmint) -> None:
    record(webmint, end="stopped")
    webmint("resume")
    assert runs(webmint) == []
    ended = webmint("resume")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: there is no unfinished run\n\nhint: ")


def test_a_cut_run_resumes_by_itself_over_its_own_folder(tmp_path: Path, upstream: Continuing) -> None:
    webmint = Webmint(tmp_path, upstream)
    with up.Upstream() as short:
        short.reply(up.text(*support.pieces(RECEIVED), finish="length"), up.status(400))
        cut = Webmint.generate(webmint, "--base-url", short.base_url, "-o", "site")
    assert (cut.code, cut.out) == (3, "site\n")
    assert webmint.site("site") == PARTIAL
    assert webmint.provenance("site")["status"] == "incomplete"
    ended = webmint("resume", *webmint.model)
    assert (ended.code, ended.out) == (0, "site\n")
    assert webmint.site("site") == support.FILES
    assert webmint.provenance("site")["status"] == "completed"


def test_a_run_of_which_nothing_came_is_asked_anew(tmp_path: Path, upstream: Continuing) -> None:
    webmint = Webmint(tmp_path, upstream)
    name = record(webmint, end="stopped")
    path = webmint.records[0]
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*lines[:2], lines[-1]]))
    ended = webmint("resume", name, "-o", "site")
    assert ended.code == 0
    assert "nothing had come yet" in ended.err
    assert webmint.site("site") == support.FILES


def test_the_composer_resumes_to_the_same_site(webmint: Webmint) -> None:
    offline = ("generate", "A bakery in Lyon", "-p", "composer", "--seed", "3")
    webmint(*offline, "-o", "whole")
    (path,) = webmint.records
    lines = path.read_text().splitlines(keepends=True)
    head = json.loads(lines[0]) | {"folder": str(webmint.cwd / "site")}
    path.write_text("".join([json.dumps(head) + "\n", *lines[1 : len(lines) // 2]]))
    assert webmint("resume").out == "site\n"
    assert webmint.site("site") == webmint.site("whole")


def test_the_latest_unfinished_run_is_meant_unless_one_is_named(webmint: Webmint) -> None:
    for name in ("20261120-101500-aaaa", "20261121-101500-bbbb", "20261122-101500-cccc"):
        record(webmint, end="stopped", folder=str(webmint.cwd / name[-4:]), name=name)
    assert [run["run"][-4:] for run in runs(webmint)] == ["cccc", "bbbb", "aaaa"]
    assert webmint("resume").out == "cccc\n"
    assert webmint("resume", "20261120-101500-aaaa").out == "aaaa\n"
    assert webmint("resume", str(webmint.home / "runs" / "20261121-101500-bbbb.jsonl")).out == "bbbb\n"


def test_the_list_says_what_there_is(webmint: Webmint) -> None:
    record(webmint, end="stopped")
    heading, row = webmint("resume", "--list").out.splitlines()
    assert heading.split() == ["run", "ended", "received", "prompt"]
    assert row.split()[:2] == ["20261120-101500-aaaa", "stopped"]
    assert row.endswith("a bakery in Lyon")
    assert runs(webmint)[0]["prompt"] == "a bakery in Lyon"


def test_an_empty_list_is_said_to_be_empty(webmint: Webmint) -> None:
    ended = webmint("resume", "--list")
    assert (ended.code, ended.out, ended.err) == (0, "", "No run is unfinished\n")
    assert webmint("resume", "--list", "--json").out == "[]\n"


def test_one_page_is_printed_and_nothing_is_written(webmint: Webmint) -> None:
    record(webmint, end="stopped")
    ended = webmint("resume", "-o", "-")
    assert ended.code == 0
    assert support.FILES["script.js"] in ended.out
    assert list(webmint.cwd.iterdir()) == []


def test_json_tells_the_whole_site_from_its_first_file(webmint: Webmint) -> None:
    record(webmint, end="stopped")
    ended = webmint("resume", "--json")
    texts: dict[str, str] = {}
    for event in ended.events:
        if event["type"] == "progress":
            texts[event["file"]] = texts.get(event["file"], "") + event["content"]
    assert texts == support.FILES
    assert ended.events[-1]["type"] == "complete"


def test_another_provider_can_take_over(webmint: Webmint) -> None:
    record(webmint, end="stopped", base_url="http://127.0.0.1:9/v1", model="gone")
    ended = webmint("resume", *webmint.model, "-o", "site")
    assert ended.code == 0
    assert "(as before)" not in ended.err
    assert webmint.site("site") == support.FILES


def test_a_folder_that_was_edited_since_is_not_overwritten(webmint: Webmint, upstream: Continuing) -> None:
    record(webmint, end="stopped", folder=str(webmint.cwd / "site"))
    (webmint.cwd / "site").mkdir()
    (webmint.cwd / "site" / "index.html").write_text("mine")
    ended = webmint("resume")
    assert ended.code == 2
    assert webmint.site("site") == {"index.html": "mine"}
    assert upstream.requests == []
    assert len(runs(webmint)) == 1
    assert webmint("resume", "--force").code == 0
    assert webmint.site("site") == support.FILES


def test_a_run_that_is_still_at_work_is_not_unfinished(webmint: Webmint) -> None:
    name = record(webmint)
    with (webmint.home / "runs" / f"{name}.jsonl").open("a") as written:
        fcntl.flock(written, fcntl.LOCK_EX)
        assert runs(webmint) == []
    assert [run["run"] for run in runs(webmint)] == [name]


@pytest.mark.parametrize(
    ("trusted", "elsewhere", "sent"), [(True, False, True), (False, False, False), (True, True, False)]
)
def test_a_key_goes_only_where_the_user_had_sent_it(
    trusted: bool, elsewhere: bool, sent: bool, webmint: Webmint, upstream: Continuing
) -> None:
    """A project's file may have named the address, or a record that somebody handed over."""
    name = record(webmint, end="stopped", trusted=trusted)
    if elsewhere:
        (webmint.home / "runs" / f"{name}.jsonl").rename(webmint.cwd / "handed-over.jsonl")
        name = "handed-over.jsonl"
    ended = webmint("resume", name, "-o", "site", environment={"WEBMINT_API_KEY": support.KEY})
    assert ended.code == 0
    assert (
        f"Bearer {support.KEY}" in [seen.headers.get("authorization") for seen in upstream.requests]
    ) == sent


@pytest.mark.parametrize(
    ("name", "text"),
    [("20261120-101500-zzzz", None), ("broken", "not a record\n"), ("newer", '{"webmint": 2}\n')],
)
def test_what_is_no_record_is_refused_in_words(webmint: Webmint, name: str, text: str | None) -> None:
    if text is not None:
        (webmint.home / "runs").mkdir(parents=True)
        (webmint.home / "runs" / f"{name}.jsonl").write_text(text)
    ended: Ended = webmint("resume", name)
    assert ended.code == (2 if text is None else 1)
    assert name in ended.err
    assert ended.err.endswith("hint: webmint resume --list\n" if text else "webmint resume --list\n")
    assert webmint("resume", "--list").code == 0


def test_half_a_line_at_the_end_of_a_record_does_no_harm(webmint: Webmint) -> None:
    record(webmint, folder=str(webmint.cwd / "site"))
    with webmint.records[0].open("a") as file:
        file.write('{"at": 3, "te')
    assert webmint("resume").code == 0
    assert webmint.site("site") == support.FILES
    assert runs(webmint) == []
