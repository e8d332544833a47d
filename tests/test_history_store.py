"""The store gives back what it was given, to the last bit, whoever else writes and whatever dies meanwhile."""

from __future__ import annotations

import io
import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from histories import CHATS, FILES, VALUES, MemoryStore, chat, deployment, golden, imported
from hypothesis import given
from hypothesis import strategies as st

from webmint_cli.errors import StorageError
from webmint_cli.history import schema
from webmint_cli.history.merge import merge
from webmint_cli.history.reader import read_file
from webmint_cli.history.search import Query, match
from webmint_cli.history.store import Store
from webmint_cli.history.writer import export

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webmint_cli.history.records import Kind


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "home" / "history.db") as opened:
        yield opened


def found(store: Store, text: str, **filters: Any) -> list[str]:
    return [summary.prompt for summary in store.summaries(Query(text=text, **filters))]


def listed(store: Store, **filters: Any) -> list[int]:
    return [summary.id for summary in store.summaries(Query(**filters))]


def is_sound(store: Store) -> bool:
    """Whether the file is whole, and the index of words agrees with the texts."""
    store.execute("insert into search (search, rank) values ('integrity-check', 1)")
    return list(store.rows("pragma integrity_check")) == [("ok",)]


@given(CHATS, st.dictionaries(st.text(st.characters()), VALUES, max_size=4))
def test_a_record_comes_back_as_it_was(record: dict[str, Any], more: dict[str, Any]) -> None:
    record = {**more, **record}
    with Store.open(Path(":memory:")) as store:
        number = store.insert("chats", record)
        again = store.get("chats", number)
        assert json.dumps(again) == json.dumps({**record, "id": number})
        assert list(store.records("chats")) == [again]
        store.replace("chats", number, {**record, "prompt": "another"})
        store.delete("chats", [number])
        assert store.get("chats", number) is None
        assert is_sound(store)


def test_only_its_owner_may_read_it(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        with Store.open(tmp_path / "deep" / "history.db") as store:
            store.insert("chats", chat())
            modes = {stat.S_IMODE(path.stat().st_mode) for path in store.path.parent.iterdir()}
            assert stat.S_IMODE(store.path.parent.stat().st_mode) == 0o700
    finally:
        os.umask(mask)
    assert modes == {0o600}


def test_a_number_is_never_given_twice(store: Store) -> None:
    first = store.insert("chats", chat(1))
    store.delete("chats", [first], now=5)
    assert store.purge(6) == 1
    assert store.insert("chats", chat(2)) > first


def test_the_newest_come_first_and_pages_join(store: Store) -> None:
    numbers = [
        store.insert("chats", chat(1, timestamp=at, prompt=f"{at} {n}")) for n, at in enumerate([5, 9, 5, 1])
    ]
    newest = [numbers[1], numbers[2], numbers[0], numbers[3]]
    assert listed(store) == newest
    assert listed(store, limit=2) + listed(store, limit=2, offset=2) == newest
    assert listed(store, sort="oldest") == newest[::-1]
    assert listed(store, since=5, until=9) == [numbers[2], numbers[0]]


def test_search_keeps_the_order_of_the_list_even_in_one_millisecond(store: Store) -> None:
    for at in (7, 5, 7, 5, 9):
        store.insert("chats", chat(1, timestamp=at, prompt="bread", uid=f"{at}{time.time_ns()}"))
    assert listed(store, text="bread") == listed(store)
    assert listed(store, text="bread", sort="oldest") == listed(store, sort="oldest")
    assert listed(store, text="bread", limit=2, offset=1) == listed(store, limit=2, offset=1)


def test_more_chats_of_one_moment_than_it_has_places_are_all_found(store: Store) -> None:
    with store.transaction():
        for number in range(1100):
            store.insert("chats", chat(number, timestamp=3, prompt="bread"))
    assert sorted(listed(store, text="bread", limit=None)) == sorted(listed(store, limit=None))
    assert is_sound(store)


def test_filters_hold_together(store: Store) -> None:
    one = store.insert("chats", chat(1, metadata={"model": "Model-A", "title": "B"}))
    two = store.insert("chats", chat(2, status="failed", metadata={"model": "model-b", "title": "a"}))
    three = store.insert("chats", chat(3, status="failed", metadata={"model": ["odd"]}))
    store.insert("deployments", deployment(1, chatId=two))
    assert listed(store, status="failed") == [three, two]
    assert listed(store, model="model-a") == [one]
    assert listed(store, deployed=True) == [two]
    assert listed(store, deployed=False) == [three, one]
    assert listed(store, text="site", status="failed", deployed=True) == [two]
    assert listed(store, text="site", status="completed", deployed=True) == []
    assert listed(store, sort="title") == [three, two, one]
    assert store.summaries(Query())[1].url == "https://site-1.pages.dev"


def test_deployments_are_listed_active_or_not(store: Store) -> None:
    store.insert("deployments", deployment(1, chatId=None, metadata={"active": False}))
    store.insert("deployments", deployment(2, chatId=None, projectName="50%_off"))
    assert [release.project for release in store.releases(Query())] == ["50%_off", "site-1"]
    assert [release.active for release in store.releases(Query())] == [True, False]
    assert [release.id for release in store.releases(Query(active=True))] == [2]
    assert [release.id for release in store.releases(Query(active=False))] == [1]
    assert [release.id for release in store.releases(Query(text="%_"))] == [2]


PROMPTS = [
    "Une boulangerie à Lyon, œufs & CAFÉ",
    "東京のパン屋さん",
    "A 🥐🏽 shop with☕too",
    "ร้านขนมปังในกรุงเทพ",
    'say "OR" NEAR(a b) col:x a*b -c (',
    "cafe\u0301 ＡＢＣ",
    "??? !!",
    "서울에서 만든 빵",
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("boul", [0]),
        ("CAFE", [0, 5]),
        ("café lyon", [0]),
        ("パン", [1]),
        ("京の", [1]),
        ("京パ", []),
        ("🥐", [2]),
        ("🥐🏽 shop", [2]),
        ("☕", [2]),
        ("🍞", []),
        ("ขนมปัง", [3]),
        ("abc", [5]),
        ('"', [4]),
        ('"OR" NEAR(', [4]),
        ("col:x", [4]),
        ("-c", [4, 0, 5]),
        ("AND OR NOT", []),
        ("NOT", []),
        ("a*b", [4]),
        ("(((", []),
        ("?", [6]),
        ("%", []),
        ("서울", [7]),
        ('"a lyon"', [0]),
        ('"lyon a"', []),
        ("\ud83d", []),
        ("\0", []),
        ("{prompt}: lyon", []),
        ("^lyon", [0]),
    ],
)
def test_nothing_that_is_typed_is_an_operator(store: Store, text: str, expected: list[int]) -> None:
    for number, prompt in enumerate(PROMPTS):
        store.insert("chats", chat(number, prompt=prompt, generatedContent={}))
    assert sorted(found(store, text)) == sorted(PROMPTS[number] for number in expected)


@given(st.text(st.characters()) | st.text("a\0\"' *():^-+{}"))
def test_any_text_can_be_looked_for(text: str) -> None:
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute("create virtual table t using fts5(a)")
        if words := match(text):
            database.execute("select * from t where t match ?", (words,)).fetchall()


def test_pages_are_searched_as_a_reader_sees_them(store: Store) -> None:
    html = "<title>Chez &Eacute;lan</title><style>.secret{}</style><h1>Bri<b>oche</b> hot☕here</h1><!-- hidden --><script>let gone"
    store.insert("chats", chat(1, generatedContent={"html": html, "files": {"about.html": "<p>Since 1911"}}))
    for seen in ("☕", "here", "elan", "since 1911", "bri"):
        assert found(store, seen), seen
    for unseen in ("secret", "hidden", "gone", "h1"):
        assert not found(store, unseen), unseen


@pytest.mark.parametrize(
    "unit", ["<script", "<script>", "<!--", "<!-- >", "<", "<a", "<title>", "&", "<style>x</styl"]
)
def test_hostile_pages_are_indexed_in_linear_time(store: Store, unit: str) -> None:
    began = time.monotonic()
    store.insert("chats", chat(1, generatedContent={"html": unit * 100_000}))
    assert time.monotonic() - began < 5


def test_what_is_deleted_is_hidden_everywhere_until_it_is_restored(store: Store) -> None:
    first = store.insert("chats", chat(1, prompt="bread"))
    store.insert("deployments", deployment(1, chatId=first))
    uid = store.summaries(Query())[0].uid
    before = store.stats()
    assert store.delete("chats", [first, 99], now=5000) == 1
    assert store.delete("chats", [first], now=6000) == 0
    assert (listed(store), found(store, "bread"), store.count("chats"), store.find("chats", uid)) == (
        [],
        [],
        0,
        None,
    )
    assert list(store.records("chats")) == []
    assert store.stats()["totalChats"] == 0
    assert list(store.tombstones()) == [{"store": "chats", "uid": uid, "timestamp": 5000}]
    assert store.deleted("chats") == [first]
    assert store.restore("chats", [first], now=7000) == 1
    assert store.restore("chats", [first], now=8000) == 0
    assert (found(store, "bread"), list(store.tombstones())) == (["bread"], [])
    again = store.find("chats", uid)
    assert again
    assert (again.id, again.updated) == (first, 7000)
    assert store.stats() == before
    assert next(store.records("deployments"))["chatId"] == first


def test_a_purge_removes_for_good_what_was_deleted_before(store: Store) -> None:
    old, new = (store.insert("chats", chat(n, prompt="canary")) for n in (1, 2))
    shipped = store.insert("deployments", deployment(1, chatId=old))
    store.delete("chats", [old], now=5000)
    store.delete("chats", [new], now=6000)
    assert store.purge(6000) == 1
    assert store.restore("chats", [old, new]) == 1
    assert len(list(store.tombstones())) == 1
    record = store.get("deployments", shipped)
    assert record
    assert record["chatId"] is None
    assert is_sound(store)


def test_what_comes_again_after_its_deletion_is_the_same_chat(store: Store) -> None:
    number = store.insert("chats", chat(1, uid="u"))
    store.delete("chats", [number], now=5000)
    assert store.insert("chats", chat(1, uid="u", prompt="again")) == number
    assert (found(store, "again"), list(store.tombstones())) == (["again"], [])


def test_a_transaction_is_all_or_nothing(store: Store) -> None:
    def fails() -> None:
        with store.transaction():
            store.insert("chats", chat(1))
            with store.transaction():
                store.insert("chats", chat(2))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert store.count("chats") == 0


def test_a_snapshot_does_not_see_what_others_write(store: Store) -> None:
    store.insert("chats", chat(1))
    with store.snapshot(), Store.open(store.path) as other:
        assert store.count("chats") == 1
        other.insert("chats", chat(2))
        assert (store.count("chats"), other.count("chats")) == (1, 2)
    assert store.count("chats") == 2


@pytest.mark.parametrize("name", FILES)
def test_it_serves_export_and_import(store: Store, name: str) -> None:
    merged = merge(store, read_file(io.BytesIO(golden(name))))
    plain = MemoryStore()
    assert imported(plain, golden(name)) == merged
    kinds: tuple[Kind, ...] = ("chats", "deployments")
    for kind in kinds:
        assert list(store.records(kind)) == list(plain.records(kind))
    out = io.BytesIO()
    export(store, out, timestamp=1)
    again = merge(store, read_file(io.BytesIO(out.getvalue())))
    assert (again.added, again.updated, again.conflicts, again.deleted) == (0, 0, 0, 0)


@pytest.mark.parametrize("version", range(len(schema.MIGRATIONS) + 1))
def test_every_earlier_version_is_brought_up_to_date(tmp_path: Path, version: int) -> None:
    path = tmp_path / "history.db"
    with closing(sqlite3.connect(path)) as database:
        for migration in schema.MIGRATIONS[:version]:
            for statement in migration.statements:
                database.execute(statement)
        if version:
            database.execute(f"pragma user_version = {version}")
            database.execute(f"pragma application_id = {schema.APPLICATION}")
            database.execute(
                "insert into chats values (7, 'u', null, ?)", (json.dumps(chat(7, prompt="bread")),)
            )
            database.execute(
                "insert into chats values (8, 'v', 5, ?)", (json.dumps(chat(8, prompt="bread")),)
            )
            database.execute(
                "insert into deployments values (1, 'd', null, 7, ?)", (json.dumps(deployment(1)),)
            )
        if version > 1:
            schema._fill(database)
        database.commit()
    for _ in range(2):
        with Store.open(path) as store:
            assert found(store, "bread") == ["bread"] * bool(version)
            assert listed(store, deployed=True) == [7] * bool(version)
            assert store.stats()["totalDeployments"] == bool(version)
            assert is_sound(store)
            assert next(store.rows("pragma user_version")) == (len(schema.MIGRATIONS),)


def refused(path: Path) -> StorageError:
    with pytest.raises(StorageError) as caught:
        Store.open(path)
    assert str(path) in caught.value.message
    assert "\n" not in caught.value.message + caught.value.hint
    assert caught.value.hint
    return caught.value


def test_a_damaged_file_is_told_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    path.write_bytes(b"no database at all" * 500)
    assert "damaged" in refused(path).message
    assert path.read_bytes() == b"no database at all" * 500


def test_damage_that_shows_only_later_is_told(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    with Store.open(path) as store:
        for number in range(50):
            store.insert("chats", chat(number, prompt="x" * 3000))
    data = bytearray(path.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    path.write_bytes(data)

    def reads() -> None:
        with Store.open(path) as store:
            list(store.records("chats"))
            store.insert("chats", chat(1))

    with pytest.raises(StorageError, match="is damaged"):
        reads()


def test_a_newer_version_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    Store.open(path).close()
    with closing(sqlite3.connect(path)) as database:
        database.execute("pragma user_version = 99")
    error = refused(path)
    assert "newer webmint (its version is 99" in error.message
    assert "pip install -U" in error.hint


def test_the_database_of_another_program_is_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"pragma user_version = {len(schema.MIGRATIONS)}")
        database.execute("create table logs (id)")
    assert "another program" in refused(path).message


def test_a_place_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "can't be opened" in refused(tmp_path / "file" / "history.db").message
    (tmp_path / "history.db").mkdir()
    assert "can't be opened" in refused(tmp_path / "history.db").message
    assert "can't be opened" in refused(Path("/proc/history/history.db")).message


FULL = """
import resource, signal, sys
from pathlib import Path
from webmint_cli.errors import StorageError
from webmint_cli.history.store import Store
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
store = Store.open(Path(sys.argv[1]))
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
record = {"prompt": "x" * 20_000, "generatedContent": {}, "status": "completed"}
try:
    for number in range(1000):
        store.insert("chats", {**record, "timestamp": number})
except StorageError as error:
    print(number, error.message)
"""


def test_a_full_disk_is_told_and_what_was_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    script = [sys.executable, "-c", FULL, str(path)]
    process = subprocess.run(script, capture_output=True, text=True, check=True, timeout=60)
    count, message = process.stdout.split(" ", 1)
    assert message.strip() == f"no room is left for the history {path}"
    with Store.open(path) as store:
        assert store.count("chats") == int(count) > 0
        assert is_sound(store)


WRITER = """
import sys
from pathlib import Path
from webmint_cli.history.store import Store
with Store.open(Path(sys.argv[1])) as store:
    for number in range(int(sys.argv[3])):
        record = {"prompt": f"bread {sys.argv[2]} {number}", "generatedContent": {"html": "<p>" + "y " * 2000}}
        print(store.insert("chats", {**record, "status": "completed", "timestamp": number}), flush=True)
"""


def writer(path: Path, name: int, count: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), str(name), str(count)], stdout=subprocess.PIPE, text=True
    )


def test_a_killed_writer_loses_nothing_that_was_written(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    written: set[int] = set()
    for round_ in range(4):
        with writer(path, round_, 100_000) as process:
            assert process.stdout
            written.add(int(process.stdout.readline()))
            time.sleep(0.02 + 0.07 * round_)
            process.send_signal(signal.SIGKILL)
            # The last line may be cut.
            written |= {int(text) for text in process.stdout.read().splitlines()[:-1]}
        with Store.open(path) as store:
            assert written <= set(listed(store, limit=None))
            assert store.count("chats") - len(written) <= 2 * (round_ + 1)
            assert is_sound(store)


def test_many_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "history.db"
    processes = [writer(path, name, 5) for name in range(24)]
    for process in processes:
        with process:
            assert process.stdout
            assert len(process.stdout.read().split()) == 5
    assert {process.returncode for process in processes} == {0}
    with Store.open(path) as store:
        expected = {f"bread {name} {number}" for name in range(24) for number in range(5)}
        assert set(found(store, "bread", limit=None)) == expected
        assert next(store.rows("pragma journal_mode")) == ("wal",)
        assert is_sound(store)
