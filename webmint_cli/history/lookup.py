"""From what a person types to a chat, and from a chat to what belongs to it."""

import re
from dataclasses import dataclass
from pathlib import Path

from webmint_cli.errors import UsageError
from webmint_cli.history.index import RUNS
from webmint_cli.history.search import Query, Release
from webmint_cli.history.store import Store

_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII)
# Long enough that a number with a typing error is never taken for the start of something else.
_START = re.compile(r"(?=.*[^0-9].{0,63}\Z|.{8})[0-9A-Za-z-]{4,64}", re.ASCII)
_NAMED = """select id, deleted is not null from chats where id in (
    select id from chats where uid glob :start
    union select chat from sources where place = :runs and name glob :start) order by id"""
_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Found:
    """A chat by its local number."""

    id: int
    is_deleted: bool


def find(store: Store, name: str) -> Found:
    """The chat with a number, or whose run's id or `uid` begins so. Raises UsageError for none or several."""
    found = _numbered(store, name) or _named(store, name)
    if not found:
        raise UsageError(
            f"there is no chat {name} in the history", hint="see which there are: webmint history list"
        )
    if len(found) > 1:
        some = ", ".join(str(chat.id) for chat in found[:_SHOWN])
        raise UsageError(f"{name} is the start of {len(found)} chats: {some}", hint="type more of it")
    return found[0]


def present(store: Store, name: str) -> int:
    """The number of a chat that is not deleted. Raises UsageError."""
    found = find(store, name)
    if found.is_deleted:
        raise UsageError(f"chat {name} is deleted", hint=f"undo that: webmint history restore {name}")
    return found.id


def own_folder(store: Store, number: int) -> Path | None:
    """Where the latest run of a chat put its site; None if that is not known."""
    query = """select folder from sources where place = ? and chat = ? and folder <> ''
        order by name desc limit 1"""
    return next((Path(folder) for (folder,) in store.rows(query, (RUNS, number))), None)


def deployments_of(store: Store, number: int) -> list[Release]:
    """Where a chat was deployed to, the latest first."""
    return [release for release in store.releases(Query(limit=None)) if release.chat == number]


def _numbered(store: Store, name: str) -> list[Found]:
    query = "select id, deleted is not null from chats where id = ?"
    rows = store.rows(query, (int(name),)) if _NUMBER.fullmatch(name) else ()
    return [Found(number, bool(deleted)) for number, deleted in rows]


def _named(store: Store, name: str) -> list[Found]:
    values = {"start": f"{name}*", "runs": RUNS}
    rows = store.rows(_NAMED, values) if _START.fullmatch(name) else ()
    return [Found(number, bool(deleted)) for number, deleted in rows]
