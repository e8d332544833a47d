"""Histories for tests: golden files, records made by Hypothesis, a store in memory, export and import in one line."""

from __future__ import annotations

import io
import sqlite3
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

from webmint_cli.history import schema
from webmint_cli.history.merge import Merged, Mode, merge
from webmint_cli.history.reader import LIMITS, Entry, Item, Limits, read, read_file
from webmint_cli.history.records import Kind, Problem, Record, uid
from webmint_cli.history.store import Store
from webmint_cli.history.writer import export

GOLDEN = Path(__file__).parent / "history"
FILES = ("minimal", "full", "unicode", "orphans", "conflicts", "minor", "unknown")
# Each example is several imports.
FEW = settings(max_examples=30, deadline=None)
NOW = 1_700_000_000_000


class MemoryStore(Store):
    """A history that nobody keeps."""

    def __init__(self) -> None:
        database = sqlite3.connect(":memory:", isolation_level=None)
        super().__init__(database, Path("memory"))
        schema.prepare(database, self.path)

    def __del__(self) -> None:
        self.close()

    def whole(self, kind: Kind, number: int) -> Record:
        record = self.get(kind, number)
        assert record
        return record

    def contents(self) -> list[Record]:
        return [*self.records("chats"), *self.records("deployments"), *self.tombstones()]


def exported(store: MemoryStore, *, compress: bool = False, extras: dict[str, Any] | None = None) -> bytes:
    out = io.BytesIO()
    export(store, out, timestamp=NOW, compress=compress, extras=extras)
    return out.getvalue()


def imported(
    store: MemoryStore, data: bytes, *, mode: Mode = "merge", strict: bool = False, dry_run: bool = False
) -> Merged:
    return merge(store, read_file(io.BytesIO(data)), mode=mode, strict=strict, dry_run=dry_run)


def filled(data: bytes) -> MemoryStore:
    store = MemoryStore()
    imported(store, data)
    return store


def items(data: bytes, limits: Limits = LIMITS) -> list[Item]:
    return list(read([data], limits))


def entries(found: list[Item]) -> list[Record]:
    return [item.record for item in found if isinstance(item, Entry)]


def problems_of(found: list[Item]) -> list[str]:
    return [str(item) for item in found if isinstance(item, Problem)]


def golden(name: str) -> bytes:
    return (GOLDEN / f"{name}.json").read_bytes()


def chat(number: int = 1, **members: Any) -> Record:
    record = {
        "id": number,
        "prompt": f"Site {number}",
        "generatedContent": {"html": f"<h1>{number}</h1>", "css": "", "js": ""},
        "status": "completed",
        "timestamp": 1000 + number,
        "metadata": {},
    }
    return {**record, **members}


def deployment(number: int = 1, **members: Any) -> Record:
    record = {
        "id": number,
        "chatId": number,
        "projectName": f"site-{number}",
        "url": f"https://site-{number}.pages.dev",
        "deploymentId": f"d{number}",
        "timestamp": 2000 + number,
        "metadata": {},
    }
    return {**record, **members}


def known(kind: Kind, record: Record) -> Record:
    return {**record, "uid": uid(kind, record)}


TEXT = st.text(st.characters(), max_size=30) | st.sampled_from(
    ["\ud800", "\u2028", "😀", '\\"', "\\", "</script>", "]},{", "\x00"]
)
NAMES = TEXT.filter(lambda name: name not in ("__proto__", "constructor", "prototype"))
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
METADATA = st.dictionaries(NAMES, VALUES, max_size=3)
TIMES = st.integers(0, 5)
UIDS = st.integers(0, 4).map(lambda number: f"00000000-0000-4000-8000-{number:012d}")
CONTENT = st.fixed_dictionaries(
    {"html": TEXT, "css": TEXT, "js": TEXT},
    optional={"files": st.dictionaries(NAMES, TEXT | st.fixed_dictionaries({"base64": TEXT}), max_size=2)},
)
CHATS = st.fixed_dictionaries(
    {
        "id": st.integers(1, 5),
        "prompt": TEXT,
        "generatedContent": CONTENT,
        "status": TEXT,
        "timestamp": TIMES,
    },
    optional={"uid": UIDS, "updatedAt": TIMES, "metadata": METADATA, "stars": VALUES},
)
DEPLOYMENTS = st.fixed_dictionaries(
    {"id": st.integers(1, 5), "projectName": TEXT, "url": TEXT, "timestamp": TIMES},
    optional={
        "chatId": st.none() | st.integers(1, 6),
        "chatUid": UIDS,
        "deploymentId": st.none() | TEXT,
        "uid": UIDS,
        "metadata": METADATA,
        "zone": VALUES,
    },
)
TOMBSTONES = st.fixed_dictionaries(
    {"store": st.sampled_from(["chats", "deployments"]), "uid": UIDS, "timestamp": TIMES}
)


@st.composite
def documents(draw: st.DrawFn) -> dict[str, Any]:
    """A file's value, its members in any order."""
    members = {
        "version": "1.0",
        "timestamp": NOW,
        "chats": draw(st.lists(CHATS, max_size=4)),
        "deployments": draw(st.lists(DEPLOYMENTS, max_size=4)),
        "tombstones": draw(st.lists(TOMBSTONES, max_size=2)),
        "stats": {"totalChats": 0, "totalDeployments": 0},
    }
    return {name: members[name] for name in draw(st.permutations(list(members)))}
