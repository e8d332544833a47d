"""What an import has to remember about a file, however large: in a temporary database that spills to disk."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from types import TracebackType
from typing import Any, Self

from webmint_cli.history.records import Kind, Record

_SCHEMA = """
pragma journal_mode = off;
pragma synchronous = off;
create table chats (id integer primary key, uid text) without rowid;
create table seen (store text, uid text, primary key (store, uid)) without rowid;
create table buried (store text, uid text, timestamp integer, primary key (store, uid)) without rowid;
create table waiting (number integer primary key, path text, record text);
"""


class Ledger:
    """The chats of a file by its own numbers, the records it holds, the deletions, and deployments that came early."""

    def __init__(self) -> None:
        self._database = sqlite3.connect("")
        self._database.executescript(_SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    def number(self, number: int, uid: str) -> None:
        """The file calls this chat by a number; the first one that does keeps it."""
        self._database.execute("insert or ignore into chats values (?, ?)", (number, uid))

    def numbered(self, number: int) -> str | None:
        uid: str | None = self._one("select uid from chats where id = ?", number)
        return uid

    def see(self, store: str, uid: str) -> None:
        self._database.execute("insert or ignore into seen values (?, ?)", (store, uid))

    def has_seen(self, store: str, uid: str) -> bool:
        return self._one("select uid from seen where store = ? and uid = ?", store, uid) is not None

    def bury(self, store: str, uid: str, timestamp: int) -> None:
        self._database.execute("insert or replace into buried values (?, ?, ?)", (store, uid, timestamp))

    def buried(self, store: str, uid: str) -> int:
        """When a record was deleted, in milliseconds; -1 if it was not."""
        found = self._one("select timestamp from buried where store = ? and uid = ?", store, uid)
        return -1 if found is None else int(found)

    def burials(self) -> Iterator[tuple[Kind, str, int]]:
        with closing(self._database.execute("select store, uid, timestamp from buried")) as rows:
            yield from rows

    def wait(self, path: str, record: Record) -> None:
        self._database.execute("insert into waiting (path, record) values (?, ?)", (path, json.dumps(record)))

    def waiting(self) -> Iterator[tuple[str, Record]]:
        with closing(self._database.execute("select path, record from waiting order by number")) as rows:
            for path, record in rows:
                yield path, json.loads(record)

    def _one(self, query: str, *values: object) -> Any:
        row = self._database.execute(query, values).fetchone()
        return row[0] if row else None
