"""The history of this machine in one SQLite file: records as they came, and what is derived from them.

A deleted record is hidden from everything until it is restored, or gone with the next `purge`. Its tombstone is there
at once, so that an export carries the deletion.
"""

import json
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from webmint_cli.history import schema, search, stats
from webmint_cli.history.columns import derive
from webmint_cli.history.faults import told
from webmint_cli.history.records import Kind, Record, uid, updated
from webmint_cli.history.search import Query, Release, Summary

# Seconds to wait for others who write.
_PATIENCE = 60.0


@dataclass(frozen=True, slots=True)
class Stored:
    """Where a record is, and when it last changed, in milliseconds."""

    id: int
    updated: int


class Store:
    """An open history. Every method raises StorageError where the file or the disk refuses."""

    def __init__(self, database: sqlite3.Connection, path: Path) -> None:
        self.path = path
        self._database = database

    @classmethod
    def open(cls, path: Path) -> Self:
        """The history in a file, made or brought up to date as needed; only its owner may read it.

        Raises StorageError for one that is damaged, of a newer version or out of reach.
        """
        with told(path):
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            database = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)
            try:
                schema.prepare(database, path)
            except BaseException:
                database.close()
                raise
        return cls(database, path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._database.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or nothing, and nobody else writes meanwhile. Inside another one it is a part of that."""
        with self._between("begin immediate"):
            yield

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """All that is read is of one moment; others may write meanwhile."""
        with self._between("begin"):
            yield

    def insert(self, kind: Kind, record: Record) -> int:
        """Add a record and give its local number. A deployment's `chatId` is a local number or None.

        A deleted one with the same `uid` comes back as this.
        """
        known = uid(kind, record)
        with self.transaction():
            hidden = self._one(
                _for(kind, "select id from <kind> where uid = ? and deleted is not null"), known
            )
            if hidden:
                number = int(hidden[0])
                self.execute(_for(kind, "update <kind> set deleted = null where id = ?"), number)
                self.replace(kind, number, record)
            else:
                statement = "insert into <kind> (uid, record) values (?, ?)"
                number = self.execute(_for(kind, statement), known, _text(record))
                self._settle(kind, number, record)
            self._unbury(kind, known)
        return number

    def replace(self, kind: Kind, number: int, record: Record) -> None:
        """Put a record in the place of another."""
        with self.transaction():
            statement = _for(kind, "update <kind> set uid = ?, record = ? where id = ?")
            self.execute(statement, uid(kind, record), _text(record), number)
            self._hide(kind, number)
            if self._one(_for(kind, "select 1 from <kind> where id = ? and deleted is null"), number):
                self._settle(kind, number, record)

    def find(self, kind: Kind, uid: str) -> Stored | None:
        """The record with a `uid`."""
        query = "select id, updated from <kind>_summary where id = (select id from <kind> where uid = ?)"
        found = self._one(_for(kind, query), uid)
        return Stored(*found) if found else None

    def get(self, kind: Kind, number: int) -> Record | None:
        """A whole record, as it was added, with its local number."""
        found = self._one(_for(kind, f"{schema.WHOLE[kind]} and id = ?"), number)
        return _whole(kind, *found) if found else None

    def records(self, kind: Kind) -> Iterator[Record]:
        """All whole records by their numbers, one at a time in memory."""
        for row in self.rows(_for(kind, f"{schema.WHOLE[kind]} order by id")):
            yield _whole(kind, *row)

    def summaries(self, query: Query) -> list[Summary]:
        """The chats that a query asks for, without their content."""
        statement, values = search.chats(query)
        return [Summary(*row) for row in self.rows(statement, values)]

    def releases(self, query: Query) -> list[Release]:
        """The deployments that a query asks for; it may filter by text, times and `active`."""
        statement, values = search.deployments(query)
        return [Release(*(*row[:-1], bool(row[-1]))) for row in self.rows(statement, values)]

    def count(self, kind: Kind) -> int:
        found = self._one(_for(kind, "select count(*) from <kind>_summary"))
        return int(found[0]) if found else 0

    def delete(self, kind: Kind, ids: Iterable[int], *, now: int | None = None) -> int:
        """Hide records and bury them, and say how many. `now`: milliseconds."""
        moment = _now() if now is None else now
        query = _for(kind, "update <kind> set deleted = ? where id = ? and deleted is null returning uid")
        deleted = 0
        with self.transaction():
            for number in ids:
                for (known,) in list(self.rows(query, (moment, number))):
                    self._hide(kind, number)
                    self.bury(kind, known, moment)
                    deleted += 1
        return deleted

    def restore(self, kind: Kind, ids: Iterable[int], *, now: int | None = None) -> int:
        """Show deleted records again, and say how many. Each counts as changed `now`, after its deletion."""
        moment = _now() if now is None else now
        restored = 0
        with self.transaction():
            for number in ids:
                query = _for(kind, "select record from <kind> where id = ? and deleted is not null")
                for (text,) in list(self.rows(query, (number,))):
                    self._restore(kind, number, json.loads(text), moment)
                    restored += 1
        return restored

    def deleted(self, kind: Kind) -> list[int]:
        """The numbers of the records that can be restored, the last deleted first."""
        query = "select id from <kind> where deleted is not null order by deleted desc, id desc"
        return [number for (number,) in self.rows(_for(kind, query))]

    def purge(self, before: int) -> int:
        """Remove for good what was deleted before a moment, and say how many. Tombstones stay."""
        with self.transaction():
            removed = 0
            for kind in schema.KINDS:
                query = _for(kind, "delete from <kind> where deleted < ? returning id")
                removed += len(list(self.rows(query, (before,))))
        return removed

    def tombstones(self) -> Iterator[Record]:
        """The deletions, `{store, uid, timestamp}` each."""
        for row in self.rows("select store, uid, timestamp from tombstones order by store, uid"):
            yield dict(zip(("store", "uid", "timestamp"), row, strict=True))

    def bury(self, kind: Kind, uid: str, timestamp: int) -> None:
        """Note that a record was deleted."""
        self.execute("insert or replace into tombstones values (?, ?, ?)", kind, uid, timestamp)

    def is_buried(self, kind: Kind, uid: str) -> bool:
        return self._one("select 1 from tombstones where store = ? and uid = ?", kind, uid) is not None

    def extras(self) -> dict[str, Any]:
        """Top-level members of imported files that are not ours, by name; an export carries them on."""
        return {
            name: json.loads(value)
            for name, value in self.rows("select name, value from extras order by name")
        }

    def keep_extras(self, extras: Mapping[str, Any]) -> None:
        """Remember such members, over those of the same name."""
        with self.transaction():
            for name, value in extras.items():
                self.execute("insert or replace into extras values (?, ?)", name, json.dumps(value))

    def stats(self) -> dict[str, Any]:
        """The `stats` object of the exchange format."""
        return stats.compute(self.rows)

    def rows(self, query: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> Iterator[tuple[Any, ...]]:
        """The rows of a query, for the modules of the history."""
        with told(self.path), closing(self._database.execute(query, values)) as cursor:
            yield from cursor

    def execute(self, statement: str, *values: Any) -> int:
        """Carry out a statement, for the modules of the history, and give the number of the row it added."""
        with told(self.path):
            return self._database.execute(statement, values).lastrowid or 0

    def _one(self, query: str, *values: Any) -> tuple[Any, ...] | None:
        with told(self.path):
            found: tuple[Any, ...] | None = self._database.execute(query, values).fetchone()
            return found

    @contextmanager
    def _between(self, begin: str) -> Iterator[None]:
        if self._database.in_transaction:
            yield
            return
        self.execute(begin)
        try:
            yield
            self.execute("commit")
        except BaseException:
            # A full disk has ended it already.
            if self._database.in_transaction:
                self._database.execute("rollback")
            raise

    def _settle(self, kind: Kind, number: int, record: Record) -> None:
        """Note what is derived from a record."""
        chat = record.get("chatId") if kind == "deployments" else None
        if kind == "deployments":
            self.execute("update deployments set chat = ? where id = ?", chat, number)
        with told(self.path):
            for statement, values in derive(kind, number, record, chat):
                self._database.execute(statement, values)

    def _hide(self, kind: Kind, number: int) -> None:
        self.execute(_for(kind, "delete from <kind>_summary where id = ?"), number)

    def _restore(self, kind: Kind, number: int, record: Record, moment: int) -> None:
        self.execute(_for(kind, "update <kind> set deleted = null where id = ?"), number)
        found = (
            self._one("select chat from deployments where id = ?", number) if kind == "deployments" else None
        )
        link = {"chatId": found[0]} if found else {}
        self.replace(kind, number, {**record, **link, "updatedAt": max(moment, updated(record))})
        self._unbury(kind, uid(kind, record))

    def _unbury(self, kind: Kind, known: str) -> None:
        self.execute("delete from tombstones where store = ? and uid = ?", kind, known)


def _for(kind: Kind, query: str) -> str:
    return query.replace("<kind>", kind)


def _text(record: Record) -> str:
    return json.dumps(record, separators=(",", ":"))


def _whole(kind: Kind, number: int, chat: int | None, text: str) -> Record:
    record: Record = json.loads(text)
    if kind == "deployments" and (chat is not None or "chatId" in record):
        record["chatId"] = chat
    return {**record, "id": number} if "id" in record else {"id": number, **record}


def _now() -> int:
    return int(time.time() * 1000)
