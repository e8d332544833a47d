"""The store's tables, as an ordered list of steps, of which a database remembers how many it has taken.

The first holds the records themselves and is all that can't be made again. The second holds what is derived from
them, for lists, search and statistics, the third where each came from, and the fourth what an imported file said
beside its records.
"""

import json
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from webmint_cli.errors import StorageError
from webmint_cli.history import faults
from webmint_cli.history.columns import derive
from webmint_cli.history.records import Kind

APPLICATION = 0x77656D74
KINDS: tuple[Kind, ...] = ("chats", "deployments")
# A record with its number and, for a deployment, that of its chat.
WHOLE: dict[Kind, str] = {
    "chats": "select id, null, record from chats where deleted is null",
    "deployments": "select id, chat, record from deployments where deleted is null",
}


@dataclass(frozen=True, slots=True)
class Migration:
    """One step from a version to the next; `fill` makes what is derived from the records that are there."""

    name: str
    statements: tuple[str, ...]
    fill: Callable[[sqlite3.Connection], None] | None = None


def _fill(database: sqlite3.Connection) -> None:
    for kind in KINDS:
        for number, chat, record in database.execute(WHOLE[kind]):
            for statement, values in derive(kind, number, json.loads(record), chat):
                database.execute(statement, values)


MIGRATIONS = (
    Migration(
        "records",
        (
            "create table chats (id integer primary key autoincrement, uid text not null unique, deleted integer, record text not null)",
            """create table deployments (id integer primary key autoincrement, uid text not null unique, deleted integer,
                 chat integer references chats on delete set null, record text not null)""",
            "create index deployments_chat on deployments (chat)",
            "create table tombstones (store text, uid text, timestamp integer not null, primary key (store, uid)) without rowid",
        ),
    ),
    Migration(
        "summaries",
        (
            """create table chats_summary (id integer primary key references chats on delete cascade, prompt text not null,
                 title text not null, status text not null, timestamp integer not null, updated integer not null,
                 provider text not null, model text not null, site text not null, html integer not null,
                 css integer not null, js integer not null, seconds real not null, tokens integer not null)""",
            "create index chats_newest on chats_summary (timestamp, id)",
            "create index chats_site on chats_summary (site, timestamp)",
            """create table deployments_summary (id integer primary key references deployments on delete cascade,
                 chat integer references chats on delete set null, project text not null, url text not null,
                 deployment text not null, timestamp integer not null, updated integer not null,
                 target text not null, environment text not null, active integer not null)""",
            "create index deployments_newest on deployments_summary (timestamp, id)",
            "create index deployments_of_chat on deployments_summary (chat, timestamp)",
            "create index deployments_place on deployments_summary (project, target, environment, timestamp)",
            """create table texts (place integer primary key, id integer not null unique references chats_summary on delete cascade,
                 prompt text not null, title text not null, page text not null)""",
            """create virtual table search using fts5(prompt, title, page, content = 'texts', content_rowid = 'place',
                 tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3')""",
            """create trigger texts_added after insert on texts begin
                 insert into search (rowid, prompt, title, page) values (new.place, new.prompt, new.title, new.page); end""",
            """create trigger texts_removed after delete on texts begin
                 insert into search (search, rowid, prompt, title, page)
                 values ('delete', old.place, old.prompt, old.title, old.page); end""",
        ),
        _fill,
    ),
    Migration(
        "sources",
        (
            """create table sources (place text, name text, size integer not null, modified integer not null,
                 state text not null, chat integer references chats on delete set null, folder text not null,
                 primary key (place, name)) without rowid""",
            "create index sources_chat on sources (chat)",
            "create index sources_folder on sources (folder, name)",
            "create index sources_state on sources (place, state)",
            "create table places (place text primary key, modified integer not null) without rowid",
        ),
    ),
    Migration(
        "extras",
        ("create table extras (name text primary key, value text not null) without rowid",),
    ),
)


def prepare(database: sqlite3.Connection, path: Path) -> None:
    """Bring a database up to date. Raises StorageError for one that is newer, or is no history."""
    database.execute("pragma foreign_keys = on")
    database.execute("pragma synchronous = normal")
    if (_value(database, "pragma application_id"), _version(database)) != (APPLICATION, len(MIGRATIONS)):
        _migrate(database, path)
    if _value(database, "pragma journal_mode") != "wal":
        # Another process that is just opening it says no, and does it itself.
        with suppress(sqlite3.OperationalError):
            database.execute("pragma journal_mode = wal")


def _migrate(database: sqlite3.Connection, path: Path) -> None:
    database.execute("begin immediate")
    try:
        version = _version(database)
        _check(database, version, path)
        for migration in MIGRATIONS[version:]:
            for statement in migration.statements:
                database.execute(statement)
            if migration.fill:
                migration.fill(database)
        database.execute(f"pragma user_version = {len(MIGRATIONS)}")
        database.execute(f"pragma application_id = {APPLICATION}")
        database.execute("commit")
    except BaseException:
        if database.in_transaction:
            database.execute("rollback")
        raise


def _check(database: sqlite3.Connection, version: int, path: Path) -> None:
    ours = _value(database, "pragma application_id") == APPLICATION
    if not ours and _value(database, "select count(*) from sqlite_master"):
        raise StorageError(
            f"{path} is a database of another program", hint="set WEBMINT_HOME to another folder"
        )
    if version > len(MIGRATIONS):
        raise StorageError(
            f"the history {path} was written by a newer webmint (its version is {version}, ours {len(MIGRATIONS)})",
            hint="update webmint: pip install -U webmint",
        )
    if version < 0:
        raise faults.damaged(path)


def _version(database: sqlite3.Connection) -> int:
    version: int = _value(database, "pragma user_version")
    return version


def _value(database: sqlite3.Connection, query: str) -> Any:
    return database.execute(query).fetchone()[0]
