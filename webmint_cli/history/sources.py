"""What the history knows of the files it was made from: their size and time, their chat, and what may still come."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from webmint_cli.history.search import plain
from webmint_cli.history.store import Store

# A folder whose last change is younger may change again without a sign: file systems count time in coarse steps.
_SETTLED = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Source:
    """A file as it was last read. `state`: `open`, `cut`, `resumed`, `done` or `unreadable`."""

    name: str
    size: int
    modified: int
    state: str
    chat: int | None

    def has_changed(self, path: Path) -> bool:
        """Whether the file is no longer as it was read; one that is gone has nothing new to say."""
        try:
            stat = path.stat()
        except OSError:
            return False
        return (stat.st_size, stat.st_mtime_ns) != (self.size, self.modified)


class Sources:
    """The files in one place: `runs` or `deployments`."""

    def __init__(self, store: Store, place: str) -> None:
        self._store = store
        self._place = place

    def changed(self, folder: Path, suffix: str) -> Iterator[Path]:
        """The files of a folder that are to be read, the oldest first; those that may still change are looked at."""
        try:
            modified = folder.stat().st_mtime_ns
        except OSError:
            return
        names = {source.name for source in self._waiting() if _is_due(source, folder)}
        is_new = not list(self._rows("select 1 from places where place = ? and modified = ?", modified))
        if is_new:
            known = {name for (name,) in self._rows("select name from sources where place = ?")}
            names |= {path.name for path in folder.iterdir() if path.suffix == suffix} - known
        for name in sorted(names):
            yield folder / name
        if is_new and time.time_ns() - modified > _SETTLED:
            self._store.execute("insert or replace into places values (?, ?)", self._place, modified)

    def seen(self, path: Path) -> Source | None:
        """A file as it is now, with what is known of it; None if it is gone."""
        try:
            stat = path.stat()
        except OSError:
            return None
        known = list(self._rows("select state, chat from sources where place = ? and name = ?", path.name))
        state, chat = known[0] if known else ("open", None)
        return Source(path.name, stat.st_size, stat.st_mtime_ns, state, chat)

    def note(self, source: Source, state: str, *, chat: int | None = None, folder: str = "") -> None:
        """Remember a file as it was read."""
        self._store.execute(
            "insert or replace into sources values (?, ?, ?, ?, ?, ?, ?)",
            self._place, source.name, source.size, source.modified, state, chat, plain(folder),
        )  # fmt: skip

    def finish(self, source: Source) -> None:
        """Nothing more will come of it."""
        self._store.execute(
            "update sources set state = 'done' where place = ? and name = ?", self._place, source.name
        )

    def move(self, chat: int, to: int | None) -> None:
        """What was of one chat is of another from now on."""
        for statement in (
            "update sources set chat = ? where chat = ?",
            "update deployments set chat = ? where chat = ?",
            "update deployments_summary set chat = ? where chat = ?",
        ):
            self._store.execute(statement, to, chat)

    def unfinished(self, prompt: str, *, before: str) -> list[Source]:
        """The runs with a prompt that may have been resumed by a later one, the latest first."""
        query = """select name, size, modified, state, sources.chat from sources join chats_summary s on s.id = sources.chat
            where place = ? and state in ('cut', 'resumed') and name < ? and s.prompt = ? order by name desc"""
        return [Source(*row) for row in self._rows(query, before, plain(prompt))]

    def chat_of(self, name: str) -> int | None:
        found = list(self._rows("select chat from sources where place = ? and name = ?", name))
        return found[0][0] if found else None

    def last_in(self, folder: str, *, before: str) -> str | None:
        """The site of the run that last wrote into a folder."""
        query = """select s.site from sources join chats_summary s on s.id = sources.chat
            where place = ? and folder = ? and name < ? and html + css + js > 0 order by name desc limit 1"""
        found = list(self._rows(query, plain(folder), before))
        return found[0][0] if found else None

    def of_deleted(self, before: int) -> list[str]:
        """The files of chats that were deleted before a moment."""
        query = """select name from sources join chats on chats.id = sources.chat
            where place = ? and chats.deleted < ?"""
        return [name for (name,) in self._rows(query, before)]

    def _waiting(self) -> list[Source]:
        query = "select name, size, modified, state, chat from sources where place = ? and state <> 'done'"
        return [Source(*row) for row in self._rows(query)]

    def _rows(self, query: str, *values: object) -> Iterator[tuple[Any, ...]]:
        return self._store.rows(query, (self._place, *values))


def _is_due(source: Source, folder: Path) -> bool:
    """A run that was being written may have died without a sign."""
    return source.state == "open" or source.has_changed(folder / source.name)
