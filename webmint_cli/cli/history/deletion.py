"""`webmint history delete`, `restore` and `purge`."""

import json
import sys
from typing import TYPE_CHECKING, Any

from webmint_cli.cli.confirmation import confirm
from webmint_cli.cli.history.access import Ids, Yes, now, opened
from webmint_cli.cli.shared import Common, command

if TYPE_CHECKING:
    from webmint_cli.history.store import Store

_SHOWN = 3


@command
def delete(ids: Ids, *, yes: Yes = False, common: Common) -> None:
    """Delete chats; restore undoes it until the next purge."""
    from webmint_cli.history.lookup import present

    with opened() as store:
        numbers = list(dict.fromkeys(present(store, id_) for id_ in ids))
        confirm(f"Delete {_named(store, numbers)}?", yes=yes, common=common)
        store.delete("chats", numbers)
    undo = f"webmint history restore {' '.join(map(str, numbers))}"
    _say({"deleted": numbers, "undo": undo}, f"Deleted {_listed(numbers)}; undo it: {undo}", common)


@command
def restore(ids: Ids, *, common: Common) -> None:
    """Undo a deletion, or make an old version the newest."""
    from webmint_cli.history.lookup import find

    with opened() as store, store.transaction():
        found = list(dict.fromkeys(find(store, id_) for id_ in ids))
        done = [_restored(store, chat.id, is_deleted=chat.is_deleted) for chat in found]
    values = [value for value, _ in done]
    _say(values, "\n".join(text for _, text in done), common)


@command
def purge(*, yes: Yes = False, common: Common) -> None:
    """Remove for good what was deleted, with its records."""
    from webmint_cli.history import index
    from webmint_cli.settings import home

    with opened() as store:
        waiting = len(store.deleted("chats")) + len(store.deleted("deployments"))
        if waiting:
            confirm(f"Remove {_many(waiting)} for good?", yes=yes, common=common)
        purged = index.purge(store, home(), before=now() + 1) if waiting else 0
    _say({"purged": purged}, f"Removed {_many(purged)} for good" if purged else "Nothing is deleted", common)


def _restored(store: "Store", number: int, *, is_deleted: bool) -> tuple[dict[str, Any], str]:
    """What was done to restore a chat, for programs and for people."""
    from webmint_cli.history import versions

    if is_deleted:
        store.restore("chats", [number])
        return {"id": number, "undeleted": True}, f"Restored {number}"
    newest = versions.line(store, number)[0].id
    if newest == number:
        return {"id": number, "version": number}, f"{number} is the newest version of its site already"
    version = versions.restore(store, number, now=now())
    said = f"{version} is as {number} was, and the newest version of its site"
    return {"id": number, "version": version}, f"{said}; write it: webmint history show {version} -o DIR"


def _named(store: "Store", numbers: list[int]) -> str:
    """A few chats by their titles."""
    from webmint_cli.history.search import plain
    from webmint_cli.render import printable

    records = [store.get("chats", number) or {} for number in numbers[:_SHOWN]]
    titles = [
        plain((record.get("metadata") or {}).get("title")) or plain(record.get("prompt"))
        for record in records
    ]
    names = [
        f"{number} ({' '.join(printable(title).split())[:40]})"
        for number, title in zip(numbers, titles, strict=False)
    ]
    more = len(numbers) - len(names)
    return ", ".join(names) + (f" and {more} more" if more else "")


def _listed(numbers: list[int]) -> str:
    return ", ".join(map(str, numbers))


def _many(count: int) -> str:
    return f"{count:,} deleted record{'s' * (count != 1)}"


def _say(value: Any, text: str, common: Common) -> None:
    sys.stdout.write((json.dumps(value) if common.as_json else text) + "\n")
