"""What is written is read back as it was, and appears whole or not at all."""

from __future__ import annotations

import gzip
import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from histories import (
    FEW,
    FILES,
    NOW,
    MemoryStore,
    chat,
    deployment,
    documents,
    entries,
    exported,
    filled,
    golden,
    imported,
    items,
    known,
)
from hypothesis import given

from webmint_cli.errors import StorageError
from webmint_cli.history.writer import export_file

if TYPE_CHECKING:
    from pathlib import Path

    from webmint_cli.history.records import Record


def unnumbered(record: Record) -> str:
    """All of a record but the numbers that one store gave."""
    return json.dumps({name: value for name, value in record.items() if name not in ("id", "chatId")})


@FEW
@given(documents())
def test_an_export_imported_elsewhere_is_exported_to_the_same_bytes(document: dict[str, Any]) -> None:
    given = exported(filled(json.dumps(document).encode()))
    first = exported(filled(given))
    assert exported(filled(first)) == first
    assert [unnumbered(record) for record in entries(items(given))] == [
        unnumbered(record) for record in entries(items(first))
    ]


@pytest.mark.parametrize("name", FILES)
def test_golden_files_come_back_to_the_byte(name: str) -> None:
    store = MemoryStore()
    extras = imported(store, golden(name)).extras
    first = exported(store, extras=extras)
    again = MemoryStore()
    assert exported(again, extras=imported(again, first).extras) == first
    document = json.loads(first)
    assert {member for member in json.loads(golden(name)) if member != "version"} <= set(document)


def test_nothing_of_a_record_is_lost() -> None:
    (written,) = entries(items(exported(filled(golden("unknown")))))[:1]
    (given,) = entries(items(golden("unknown")))[:1]
    assert {**given, "uid": written["uid"]} == written
    assert list(written)[: len(given)] == list(given)


def test_the_layout_is_one_record_a_line() -> None:
    store = MemoryStore()
    lines = exported(store).split(b"\n")
    assert lines[:4] == [
        b'{"version":"1.0","timestamp":1700000000000,',
        b'"chats":[],',
        b'"deployments":[],',
        b'"tombstones":[],',
    ]
    assert lines[4].startswith(b'"stats":{"totalChats":0,')
    store.insert("chats", known("chats", chat(prompt="é\u2028\ud800")))
    store.insert("chats", known("chats", chat(2)))
    lines = exported(store).split(b"\n")
    assert lines[1] == b'"chats":['
    assert json.loads(lines[2].rstrip(b","))["prompt"] == "é\u2028\ud800"
    assert lines[2].startswith(b'{"id":1,"prompt":"\\u00e9\\u2028\\ud800",')
    assert lines[4] == b"],"


def test_every_record_says_who_it_is_and_where_it_belongs() -> None:
    store = MemoryStore()
    store.insert("chats", chat(1))
    store.insert("deployments", deployment(1))
    first, second = entries(items(exported(store)))
    assert first["uid"] == second["chatUid"]
    assert second["uid"]


def test_numbers_are_written_as_every_reader_holds_them() -> None:
    store = MemoryStore()
    store.insert(
        "chats", known("chats", chat(metadata={"seed": 2**63, "seconds": 3.0, "rate": float("nan")}))
    )
    (record,) = entries(items(exported(store)))
    assert record["metadata"] == {"seed": str(2**63), "seconds": 3, "rate": None}


def test_a_packed_export_is_the_same_export() -> None:
    store = filled(golden("full"))
    assert gzip.decompress(exported(store, compress=True)) == exported(store)
    assert exported(store, compress=True)[4:8] == bytes(4)  # no time of writing


def test_a_file_is_packed_by_its_name_and_private(tmp_path: Path) -> None:
    store = filled(golden("full"))
    export_file(store, tmp_path / "a.json", timestamp=NOW)
    export_file(store, tmp_path / "a.json.gz", timestamp=NOW)
    assert (tmp_path / "a.json").read_bytes() == exported(store)
    assert gzip.decompress((tmp_path / "a.json.gz").read_bytes()) == exported(store)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "a.json.gz"]
    if os.name == "posix":
        assert (tmp_path / "a.json").stat().st_mode & 0o777 == 0o600


def test_a_file_stays_as_it_was_until_the_new_one_is_whole(tmp_path: Path) -> None:
    store = filled(golden("full"))
    path = tmp_path / "a.json"
    path.write_text("before")
    with pytest.raises(TypeError):
        export_file(store, path, timestamp=NOW, extras={"no": object()})
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_can_not_be_written_is_one_clear_line(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match=r"can't write .*a\.json: No such file or directory"):
        export_file(MemoryStore(), tmp_path / "none" / "a.json", timestamp=NOW)
