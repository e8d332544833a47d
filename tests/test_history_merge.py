"""An import adds, updates and deletes by who a record is; links hold; twice is once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from histories import (
    FEW,
    FILES,
    MemoryStore,
    chat,
    deployment,
    documents,
    exported,
    filled,
    golden,
    imported,
    known,
)
from hypothesis import given
from hypothesis import strategies as st

from webmint_cli.history.merge import Merged, Mode, NotImported
from webmint_cli.history.reader import NotAnExport


def name(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012d}"


def file(*chats: Any, deployments: Any = (), tombstones: Any = (), **more: Any) -> bytes:
    members = {"chats": list(chats), "deployments": list(deployments), "tombstones": list(tombstones)}
    return json.dumps({"version": "1.0", **more, **members}).encode()


def counts(merged: Merged) -> tuple[int, int, int, int, int]:
    return merged.added, merged.updated, merged.skipped, merged.conflicts, merged.deleted


@FEW
@given(documents(), documents(), st.sampled_from(["merge", "replace"]))
def test_importing_twice_changes_nothing(
    before: dict[str, Any], document: dict[str, Any], mode: Mode
) -> None:
    store = filled(json.dumps(before).encode())
    text = json.dumps(document).encode()
    imported(store, text, mode=mode)
    once = exported(store)
    imported(store, text, mode=mode)
    assert exported(store) == once


@FEW
@given(documents(), documents())
def test_two_stores_that_import_each_other_come_to_rest(mine: dict[str, Any], yours: dict[str, Any]) -> None:
    here, there = filled(json.dumps(mine).encode()), filled(json.dumps(yours).encode())
    for _ in range(4):
        imported(here, exported(there))
        imported(there, exported(here))
    rest = exported(here), exported(there)
    imported(here, exported(there))
    imported(there, exported(here))
    assert (exported(here), exported(there)) == rest


@FEW
@given(documents(), documents())
def test_every_link_leads_to_its_chat(before: dict[str, Any], document: dict[str, Any]) -> None:
    store = filled(json.dumps(before).encode())
    imported(store, json.dumps({**document, "tombstones": []}).encode())
    for record in store.records("deployments"):
        home = store.get("chats", record["chatId"]) if record.get("chatId") else None
        assert home is None or home["uid"] == record["chatUid"]
        if record.get("chatUid") and store.find("chats", record["chatUid"]):
            assert home


@FEW
@given(documents(), documents())
def test_a_rehearsal_says_what_would_happen_and_changes_nothing(
    before: dict[str, Any], document: dict[str, Any]
) -> None:
    store = filled(json.dumps(before).encode())
    text = json.dumps(document).encode()
    untouched = exported(store)
    rehearsed = imported(store, text, dry_run=True)
    assert exported(store) == untouched
    assert imported(store, text) == rehearsed


@pytest.mark.parametrize("golden_file", FILES)
def test_importing_our_own_export_changes_nothing(golden_file: str) -> None:
    store = filled(golden(golden_file))
    before = exported(store)
    merged = imported(store, before)
    assert merged.added == merged.updated == merged.conflicts == merged.deleted == 0
    assert exported(store) == before


def test_numbers_are_given_anew_and_links_follow() -> None:
    store = filled(file(chat(1, prompt="ours"), deployments=[deployment(1)]))
    merged = imported(store, file(chat(1, prompt="theirs"), deployments=[deployment(1, url="theirs")]))
    assert counts(merged) == (2, 0, 0, 0, 0)
    assert store.whole("chats", 2)["prompt"] == "theirs"
    assert store.whole("deployments", 2)["chatId"] == 2
    assert store.whole("deployments", 1)["chatId"] == 1


def test_links_hold_in_a_file_with_the_deployments_first() -> None:
    store = filled(golden("orphans"))
    (only,) = store.records("chats")
    linked = [record["chatId"] for record in store.records("deployments")]
    assert linked == [only["id"], None, None, only["id"]]
    assert [record["projectName"] for record in store.records("deployments")] == [
        f"site-{n}" for n in range(1, 5)
    ]


def test_an_orphan_finds_its_chat_when_that_comes_later() -> None:
    shipped = deployment(1, chatId=None, chatUid=name(5))
    store = filled(file(deployments=[shipped]))
    assert store.whole("deployments", 1)["chatId"] is None
    imported(store, file(chat(8, uid=name(5))))
    assert store.whole("deployments", 1)["chatId"] == 1


def test_a_link_that_only_they_know_is_taken() -> None:
    store = filled(file(deployments=[deployment(1)]))
    merged = imported(store, file(chat(1), deployments=[deployment(1)]))
    assert counts(merged) == (1, 1, 0, 0, 0)
    assert store.whole("deployments", 1)["chatId"] == 1


@pytest.mark.parametrize(
    ("theirs", "wins", "expected"),
    [
        ({}, "ours", (0, 0, 1, 0, 0)),
        ({"updatedAt": 1002, "prompt": "theirs"}, "theirs", (0, 1, 0, 0, 0)),
        ({"timestamp": 1002, "prompt": "theirs"}, "theirs", (0, 1, 0, 0, 0)),
        ({"timestamp": 1000, "prompt": "theirs"}, "ours", (0, 0, 1, 0, 0)),
        ({"prompt": "theirs"}, "ours", (0, 0, 0, 1, 0)),
    ],
)
def test_the_later_change_wins(theirs: dict[str, Any], wins: str, expected: tuple[int, ...]) -> None:
    ours = chat(1, prompt="ours", uid=name(1))
    store = filled(file(ours))
    assert counts(imported(store, file({**ours, "id": 7, **theirs}))) == expected
    assert store.whole("chats", 1)["prompt"] == wins
    assert store.whole("chats", 1)["id"] == 1


def test_a_tie_keeps_ours_and_adds_theirs_once() -> None:
    ours, theirs = chat(1, uid=name(1)), chat(1, uid=name(1), prompt="theirs", metadata={"a": 1})
    store = filled(file(ours))
    imported(store, file(theirs))
    assert store.whole("chats", 1) == ours
    assert store.whole("chats", 2)["prompt"] == "theirs"
    assert store.whole("chats", 2)["metadata"] == {"a": 1, "conflictOf": name(1)}
    assert store.whole("chats", 2)["uid"] != name(1)
    assert counts(imported(store, file(theirs))) == (0, 0, 1, 0, 0)
    there = filled(file(theirs))
    assert counts(imported(there, exported(store))) == (0, 0, 1, 1, 0)


def test_a_tombstone_deletes_what_did_not_change_after_it() -> None:
    store = filled(file(chat(1, uid=name(1)), chat(2, uid=name(2), updatedAt=9000), chat(3, uid=name(3))))
    graves = [{"store": "chats", "uid": name(number), "timestamp": 5000} for number in (1, 2)]
    assert counts(imported(store, file(tombstones=graves))) == (0, 0, 0, 0, 1)
    assert [record["uid"] for record in store.records("chats")] == [name(2), name(3)]
    assert json.loads(exported(store))["tombstones"] == graves[:1]


def test_what_was_deleted_here_does_not_come_back() -> None:
    store = filled(file(tombstones=[{"store": "chats", "uid": name(1), "timestamp": 5000}]))
    assert counts(imported(store, file(chat(1, uid=name(1))))) == (0, 0, 1, 0, 0)
    assert counts(imported(store, file(chat(1, uid=name(1), updatedAt=5001)))) == (1, 0, 0, 0, 0)


def test_replace_makes_the_store_what_the_file_is() -> None:
    store = filled(file(chat(1, uid=name(1)), chat(2, uid=name(2)), deployments=[deployment(1)]))
    text = file(chat(4, uid=name(2), prompt="theirs", timestamp=1), chat(5, uid=name(3)))
    assert counts(imported(store, text, mode="replace")) == (1, 1, 0, 0, 2)
    assert [record["prompt"] for record in store.records("chats")] == ["theirs", "Site 5"]
    assert counts(imported(store, text, mode="replace")) == (0, 0, 2, 0, 0)


def test_replace_brings_back_what_was_deleted() -> None:
    store = filled(file(tombstones=[{"store": "chats", "uid": name(1), "timestamp": 5000}]))
    assert imported(store, file(chat(1, uid=name(1))), mode="replace").added == 1


def test_copy_adds_everything_once_more_with_its_links_among_itself() -> None:
    text = golden("full")
    store = filled(text)
    merged = imported(store, text, mode="copy")
    assert counts(merged) == (7, 0, 0, 0, 0)
    copies = list(store.records("chats"))[4:]
    assert copies[1]["metadata"]["parentUid"] == copies[0]["uid"] != name(1)
    assert copies[1]["metadata"]["siteUid"] == copies[0]["metadata"]["siteUid"] != name(900)
    assert [record["chatId"] for record in store.records("deployments")] == [1, 2, None, 5, 6, None]


def test_whole_records_land_and_bad_ones_are_reported() -> None:
    store = MemoryStore()
    merged = imported(store, file(chat(1), chat(2, timestamp="yesterday"), chat(3)))
    assert merged.added == 2
    assert [str(problem) for problem in merged.problems] == [
        'chats[1].timestamp: expected milliseconds, got "yesterday"'
    ]


@pytest.mark.parametrize("options", [{"strict": True}, {"mode": "replace"}])
@pytest.mark.parametrize(
    "damage", [file(chat(1), chat(2, timestamp="yesterday")), file(chat(1), chat(3))[:-90]]
)
def test_strict_and_replace_are_all_or_nothing(options: dict[str, Any], damage: bytes) -> None:
    store = filled(file(chat(9)))
    before = store.contents()
    with pytest.raises(NotImported) as refused:
        imported(store, damage, **options)
    assert store.contents() == before
    assert str(refused.value.problems[0]) in refused.value.message


def test_what_is_only_noted_does_not_stop_a_strict_import() -> None:
    merged = imported(MemoryStore(), file(chat(1, metadata={"apiKey": "x"})), strict=True)
    assert merged.added == 1
    assert [str(problem) for problem in merged.problems] == [
        "chats[0].metadata.apiKey: left out, because it looks like a key"
    ]


def test_a_higher_version_at_the_end_leaves_nothing_behind() -> None:
    store = MemoryStore()
    text = b'{"chats":[%s],"version":"2.0"}' % json.dumps(chat(1)).encode()
    with pytest.raises(NotAnExport):
        imported(store, text)
    assert store.contents() == []


def test_countless_problems_are_counted() -> None:
    merged = imported(MemoryStore(), file(*([5] * 1500), chat(1)))
    assert merged.added == 1
    assert len(merged.problems) == 1001
    assert str(merged.problems[-1]) == "file: and 500 more"


def test_unknown_members_of_the_file_are_handed_on() -> None:
    merged = imported(MemoryStore(), golden("unknown"))
    assert merged.extras == {"writer": {"name": "another program"}, "note": "kept"}


def test_a_run_of_ours_that_streams_is_the_same_in_a_file() -> None:
    store = MemoryStore()
    store.insert(
        "chats", known("chats", chat(1, status="streaming", metadata={"seconds": 2.0, "apiKey": "x"}))
    )
    assert counts(imported(store, exported(store))) == (0, 0, 1, 0, 0)
    assert store.whole("chats", 1)["status"] == "streaming"
