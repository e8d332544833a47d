"""The history follows the records of runs and deployments: all of them, once each, as far as they have come."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from support import CUT, FILES, REPLY, parsed, said

from webmint_cli import deployments
from webmint_cli.deployments import Deployment
from webmint_cli.history import index
from webmint_cli.history.content import files
from webmint_cli.history.records import problems
from webmint_cli.history.search import Query, Summary
from webmint_cli.history.store import Store
from webmint_cli.journal import Header, Journal, mark_resumed, read_run
from webmint_cli.providers.provider import ReplyPart, Text, Usage

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BEGAN = 1_795_407_034_000


class Home:
    """A folder of records, and the history made from it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.runs = path / "runs"
        self.store = Store.open(path / "history.db")

    def header(self, number: int, **fields: Any) -> Header:
        known = Header(
            f"20261123-12000{number}-beef",
            "a bakery in Lyon",
            "custom",
            "model-a",
            started=BEGAN + number * 1000,
        )
        return replace(known, **fields)

    def write(
        self, number: int, *turns: list[ReplyPart], end: Any = "completed", folder: str = "", **fields: Any
    ) -> Path:
        """A journal; without an end its process is dead."""
        journal = self.begin(number, *turns, **fields)
        if end:
            journal.close(end, folder=folder)
        elif journal._file is not None:
            os.close(journal._file)
        return self.runs / f"{journal.id}.jsonl"

    def begin(self, number: int, *turns: list[ReplyPart], **fields: Any) -> Journal:
        journal = Journal(self.runs, self.header(number, **fields))
        for turn in turns:
            journal.turn()
            for part in turn:
                journal.add(part)
        return journal

    def refresh(self) -> list[Summary]:
        index.refresh(self.store, self.path)
        return self.store.summaries(Query(sort="oldest"))

    def chat(self, number: int = 1) -> dict[str, Any]:
        record = self.store.get("chats", number)
        assert record
        assert problems("chats", record, "chat") == []
        return record

    def deploy(self, number: int, **fields: Any) -> None:
        known = Deployment(
            "cloudflare",
            "p",
            "production",
            f"https://{number}.dev",
            str(number),
            "/tmp",
            timestamp=BEGAN + number,
        )
        deployments.record(replace(known, **fields), self.path / "deployments")

    def releases(self) -> list[dict[str, Any]]:
        index.refresh(self.store, self.path)
        return list(self.store.records("deployments"))


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Home]:
    made = Home(tmp_path)
    with made.store:
        yield made


def test_a_finished_run_is_a_chat_with_all_that_is_known_of_it(home: Home) -> None:
    home.write(1, [*said(REPLY), Usage({"total_tokens": 7})], folder="/tmp/here", seed=3, contract="c0ffee")
    (summary,) = home.refresh()
    record = home.chat(summary.id)
    assert record["generatedContent"] == {
        "html": FILES["index.html"], "css": FILES["styles.css"], "js": FILES["script.js"],
    }  # fmt: skip
    assert (record["status"], record["prompt"], record["timestamp"]) == (
        "completed",
        "a bakery in Lyon",
        BEGAN + 1000,
    )
    seconds = record["metadata"].pop("seconds", 0)
    assert 0 <= seconds < 10
    assert record["metadata"] == {
        "title": "Chez Léa", "provider": "custom", "model": "model-a", "seed": 3, "contract": "c0ffee",
        "dialect": "tilde", "usage": {"total_tokens": 7}, "runs": ["20261123-120001-beef"], "siteUid": record["uid"],
    }  # fmt: skip
    assert (summary.title, summary.tokens, summary.html) == (
        "Chez Léa",
        7,
        len(FILES["index.html"].encode("utf-16-le")) // 2,
    )
    assert home.store.summaries(Query(text="brioches"))


@pytest.mark.parametrize(
    ("end", "finish", "status", "reason"),
    [
        ("completed", "stop", "completed", None),
        ("incomplete", "length", "incomplete", "length"),
        ("incomplete", "stop", "incomplete", None),
        ("failed", None, "failed", None),
        ("stopped", None, "stopped", "stopped"),
        ("", None, "stopped", "interrupted"),
    ],
)
def test_a_run_is_listed_by_how_it_ended(
    home: Home, end: str, finish: str | None, status: str, reason: str | None
) -> None:
    home.write(1, said(REPLY[:CUT], finish), end=end)
    (summary,) = home.refresh()
    assert (summary.status, home.chat()["metadata"].get("reason")) == (status, reason)
    assert FILES["index.html"].startswith(home.chat()["generatedContent"]["html"])
    assert home.chat()["generatedContent"]["css"] == FILES["styles.css"]


def test_a_run_is_followed_while_it_is_written(home: Home) -> None:
    journal = home.begin(1, [Text(REPLY[:CUT])])
    (summary,) = home.refresh()
    assert summary.status == "streaming"
    journal.add(Text(REPLY[CUT:]))
    assert home.refresh()[0].html > summary.html
    journal.close("completed")
    (finished,) = home.refresh()
    assert (finished.status, finished.id) == ("completed", summary.id)
    assert home.chat()["generatedContent"]["html"] == FILES["index.html"]


def test_a_run_whose_process_died_without_a_sign_is_stopped(home: Home) -> None:
    journal = home.begin(1, [Text(REPLY[:CUT])])
    assert home.refresh()[0].status == "streaming"
    assert journal._file is not None
    os.close(journal._file)
    assert home.refresh()[0].status == "stopped"
    assert home.chat()["metadata"]["reason"] == "interrupted"


RUN = """
import sys, time
from pathlib import Path
from webmint_cli.journal import Header, Journal
from webmint_cli.providers.provider import Text
journal = Journal(Path(sys.argv[1]), Header(sys.argv[2], "a bakery", "custom", "model-a", started=1))
journal.turn()
for character in sys.stdin.read():
    journal.add(Text(character))
    print(".", end="", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("after", [1, 150, 400])
def test_a_killed_run_keeps_all_text_that_had_come(home: Home, after: int) -> None:
    command = [sys.executable, "-c", RUN, str(home.runs), "20261123-120001-beef"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(REPLY.encode())
        process.stdin.close()
        process.stdout.read(after)
        process.send_signal(signal.SIGKILL)
    (summary,) = home.refresh()
    assert summary.status == "stopped"
    run = read_run(home.runs / "20261123-120001-beef.jsonl")
    assert run.received >= after
    assert files(home.chat()) == parsed(REPLY[: run.received]).files


def test_refreshing_twice_changes_nothing(home: Home) -> None:
    home.write(1, said(REPLY))
    home.write(2, said(REPLY[:CUT], None), end="")
    home.deploy(1, run="20261123-120001-beef")
    home.refresh()
    before = list(home.store.rows("select * from chats")), list(home.store.rows("select * from deployments"))
    home.refresh()
    after = list(home.store.rows("select * from chats")), list(home.store.rows("select * from deployments"))
    assert before == after


def test_nothing_is_read_where_nothing_is_new(home: Home) -> None:
    home.write(1, said(REPLY))
    home.write(2, said(REPLY[:CUT], None), end="stopped")
    long_ago = 1_700_000_000_000_000_000
    os.utime(home.runs, ns=(long_ago, long_ago))
    assert len(home.refresh()) == 2
    for path in home.runs.iterdir():
        data = path.read_bytes()
        times = path.stat().st_mtime_ns
        path.write_bytes(b"!" * len(data))
        os.utime(path, ns=(times, times))
    os.utime(home.runs, ns=(long_ago, long_ago))
    assert [summary.status for summary in home.refresh()] == ["completed", "stopped"]
    home.write(3, said(REPLY))
    os.utime(home.runs, ns=(long_ago, long_ago))
    assert len(home.refresh()) == 2
    os.utime(home.runs, ns=(long_ago + 1, long_ago + 1))
    assert [summary.status for summary in home.refresh()] == ["completed", "stopped", "completed"]
    home.deploy(1, run="20261123-120001-beef")
    assert home.releases()[0]["chatId"] == 1


def test_a_run_that_begins_in_the_same_moment_is_not_overlooked(home: Home) -> None:
    home.write(1, said(REPLY))
    moment = home.runs.stat().st_mtime_ns
    home.refresh()
    home.write(2, said(REPLY))
    os.utime(home.runs, ns=(moment, moment))
    assert len(home.refresh()) == 2


def test_a_lost_history_is_made_anew_with_the_same_identities(home: Home, tmp_path: Path) -> None:
    home.write(1, said(REPLY), folder="/tmp/here")
    home.write(2, said(REPLY), folder="/tmp/here")
    home.refresh()
    with Store.open(tmp_path / "another.db") as other:
        index.refresh(other, home.path)
        assert list(other.records("chats")) == list(home.store.records("chats"))


def test_what_is_no_record_is_passed_over_until_it_is_one(home: Home) -> None:
    home.runs.mkdir()
    (home.runs / "a.jsonl").write_text("")
    (home.runs / "b.txt").write_text("x")
    (home.runs / "c.jsonl").mkdir()
    assert home.refresh() == []
    (home.runs / "a.jsonl").write_bytes(home.write(1, said(REPLY)).read_bytes())
    assert len(home.refresh()) == 1


def resumed(home: Home, number: int, earlier: Path, stretch: str, rest: str, **options: Any) -> Path:
    """The run that takes up an earlier one, which then says so."""
    copied: list[list[ReplyPart]] = [[Text(stretch)]] if stretch else []
    path = home.write(number, *copied, said(rest), **options)
    mark_resumed(read_run(earlier))
    return path


@pytest.mark.parametrize("seen_before", [True, False])
@pytest.mark.parametrize("end", ["stopped", ""])
def test_a_resumed_run_stays_one_chat_that_names_both(home: Home, seen_before: bool, end: str) -> None:
    first = home.write(1, said(REPLY[:CUT], None), end=end)
    number = home.refresh()[0].id if seen_before else 1
    uid = home.store.summaries(Query())[0].uid if seen_before else ""
    overlap = REPLY[CUT - 60 : CUT]
    second = resumed(home, 2, first, REPLY[:CUT], overlap + REPLY[CUT:])
    (summary,) = home.refresh()
    assert (summary.id, summary.status) == (number, "completed")
    assert not uid or summary.uid == uid
    assert home.chat(number)["generatedContent"]["html"] == FILES["index.html"]
    assert home.chat(number)["metadata"]["runs"] == ["20261123-120001-beef", "20261123-120002-beef"]
    assert "reason" not in home.chat(number)["metadata"]
    assert first.exists()
    assert second.exists()
    assert len(home.refresh()) == 1


def test_a_run_may_be_resumed_again_and_again(home: Home) -> None:
    first = home.write(1, [], end="failed")
    second = resumed(home, 2, first, "", REPLY[:CUT], end="stopped")
    third = resumed(home, 3, second, REPLY[:CUT], REPLY[CUT - 60 : CUT + 20], end="")
    assert len(home.refresh()) == 1
    resumed(home, 4, third, REPLY[: CUT + 20], REPLY[CUT - 40 :])
    (summary,) = home.refresh()
    assert summary.status == "completed"
    assert len(home.chat(summary.id)["metadata"]["runs"]) == 4


def test_the_same_prompt_asked_again_is_another_chat(home: Home) -> None:
    first = home.write(1, said(REPLY[:CUT], None), end="stopped")
    resumed(home, 2, first, REPLY[:CUT], REPLY[CUT - 60 :])
    home.write(3, said(REPLY))
    home.write(4, said(REPLY[:CUT], None), end="stopped")
    home.write(5, said(REPLY))
    assert len(home.refresh()) == 4


def test_only_a_run_that_begins_with_it_took_it_up(home: Home) -> None:
    first = home.write(1, said(REPLY[:CUT], None), end="stopped")
    home.write(2, said(REPLY))
    resumed(home, 3, first, REPLY[:CUT], REPLY[CUT - 60 :])
    one, two = home.refresh()
    assert home.chat(one.id)["metadata"]["runs"] == ["20261123-120001-beef", "20261123-120003-beef"]
    assert home.chat(two.id)["metadata"]["runs"] == ["20261123-120002-beef"]


def test_what_was_listed_before_it_was_known_to_be_resumed_becomes_one(home: Home) -> None:
    first = home.write(1, said(REPLY[:CUT], None), end="stopped")
    journal = home.begin(2, [Text(REPLY[:CUT])])
    assert len(home.refresh()) == 2
    home.deploy(1, run="20261123-120002-beef")
    assert home.releases()[0]["chatId"] == 2
    mark_resumed(read_run(first))
    journal.turn()
    journal.add(Text(REPLY[CUT - 60 :]))
    journal.close("completed")
    (summary,) = home.refresh()
    assert summary.id == 1
    assert home.releases()[0]["chatId"] == 1


def test_one_run_is_indexed_at_its_end(home: Home) -> None:
    first = home.write(1, said(REPLY[:CUT], None), end="stopped")
    assert index.record(home.store, first) == 1
    second = resumed(home, 2, first, REPLY[:CUT], REPLY[CUT - 60 :])
    assert index.record(home.store, second) == 1
    assert index.record(home.store, home.runs / "none.jsonl") is None
    assert len(home.refresh()) == 1


def test_each_generation_into_a_folder_is_the_next_version_of_its_site(home: Home) -> None:
    home.write(1, said(REPLY), folder="/tmp/one")
    home.write(2, said(REPLY), folder="/tmp/two")
    home.write(3, said("no site"), folder="/tmp/one", end="failed")
    home.write(4, said(REPLY), folder="/tmp/one")
    one, two, three, four = home.refresh()
    assert (four.site, two.site) == (one.uid, two.uid)
    assert home.chat(four.id)["metadata"]["parentUid"] == one.uid
    assert "siteUid" not in home.chat(three.id)["metadata"]
    assert "parentUid" not in home.chat(two.id)["metadata"]


def test_what_was_deleted_does_not_come_back(home: Home) -> None:
    path = home.write(1, said(REPLY[:CUT], None), end="stopped")
    kept = home.write(2, said(REPLY))
    chat = home.refresh()[0].id
    home.store.delete("chats", [chat], now=5000)
    mark_resumed(read_run(path))
    assert [summary.id for summary in home.refresh()] == [2]
    assert index.purge(home.store, home.path, before=5000) == 0
    assert index.purge(home.store, home.path, before=5001) == 1
    assert not path.exists()
    assert kept.exists()
    home.write(1, said(REPLY))
    assert [summary.id for summary in home.refresh()] == [2]
    assert index.record(home.store, path) is None


def test_a_deployment_is_linked_to_the_run_that_made_its_site(home: Home) -> None:
    home.write(1, said(REPLY))
    home.deploy(1, run="20261123-120001-beef", aliases=("https://p.dev",), branch="main")
    home.deploy(2, run="", project="other")
    one, two = sorted(home.releases(), key=lambda record: record["timestamp"])
    assert one["chatId"] == 1
    assert one["chatUid"] == home.chat()["uid"]
    assert (one["projectName"], one["url"], one["deploymentId"]) == ("p", "https://1.dev", "1")
    assert one["metadata"] == {
        "target": "cloudflare", "environment": "production", "branch": "main", "aliases": ["https://p.dev"], "active": True,
    }  # fmt: skip
    assert (two["chatId"], "chatUid" in two) == (None, False)
    assert problems("deployments", one, "deployment") == []


def test_only_the_latest_deployment_in_a_place_is_active(home: Home) -> None:
    home.deploy(2)
    home.releases()
    home.deploy(1)
    home.deploy(3, environment="preview")
    home.deploy(4)
    home.deploy(5, project="other")
    active = {record["deploymentId"]: record["metadata"]["active"] for record in home.releases()}
    assert active == {"1": False, "2": False, "3": True, "4": True, "5": True}
    changed = {record["deploymentId"]: record.get("updatedAt") for record in home.releases()}
    assert changed["1"] == BEGAN + 2
    assert changed["2"] == BEGAN + 4


def test_unreadable_deployments_are_passed_over(home: Home) -> None:
    home.deploy(1)
    (home.path / "deployments" / "29991231-000000-000bad.json").write_text("{}")
    assert len(home.releases()) == 1
    home.deploy(2)
    assert len(home.releases()) == 2


BUSY = """
import sys
from pathlib import Path
from webmint_cli.history import index
from webmint_cli.history.content import files
from webmint_cli.history.store import Store
from webmint_cli.journal import Header, Journal
from webmint_cli.providers.provider import Text
home, number, reply = Path(sys.argv[1]), int(sys.argv[2]), sys.stdin.read()
journal = Journal(home / "runs", Header(f"20261123-12{number:04}-beef", "bread", "custom", "model-a", started=number))
journal.turn()
for at in range(0, len(reply), 20):
    journal.add(Text(reply[at : at + 20]))
with Store.open(home / "history.db") as store:
    index.refresh(store, home)
    journal.close("completed", folder="/tmp/shared")
    print(index.record(store, home / "runs" / f"{journal.id}.jsonl"))
    index.refresh(store, home)
"""


def test_many_runs_at_once_lose_nothing(home: Home) -> None:
    command = [sys.executable, "-c", BUSY, str(home.path)]
    processes = [
        subprocess.Popen([*command, str(number)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for number in range(24)
    ]
    for process in processes:
        assert process.stdin
        with suppress(BrokenPipeError):
            process.stdin.write(REPLY)
        process.stdin.close()
    numbers = set()
    for process in processes:
        with process:
            assert process.stdout
            numbers.add(process.stdout.read().strip())
    assert {process.returncode for process in processes} == {0}
    assert len(numbers) == 24
    summaries = home.store.summaries(Query(limit=None, text="brioches"))
    assert {str(summary.id) for summary in summaries} == numbers
    assert {summary.status for summary in summaries} == {"completed"}
    for summary in summaries:
        assert home.chat(summary.id)["generatedContent"]["html"] == FILES["index.html"]
