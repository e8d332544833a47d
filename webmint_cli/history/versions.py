"""A site's line of versions: every generation into its folder, every restored and edited version, none ever removed."""

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from webmint_cli.errors import UsageError
from webmint_cli.history.content import content, files
from webmint_cli.history.records import Record, uid
from webmint_cli.history.search import Query, Summary
from webmint_cli.history.store import Store
from webmint_cli.site import Content

# What a version says of the run that made it, which a restored or edited one is not.
_OF_THE_RUN = frozenset({"model", "usage", "seconds", "runs", "reason", "conflictOf"})


@dataclass(frozen=True, slots=True)
class FileDiff:
    """What changed in one file: the lines of a unified diff, without their ends."""

    path: str
    lines: tuple[str, ...]


def line(store: Store, number: int) -> list[Summary]:
    """The versions of the site that a chat is one of, the newest first. Raises UsageError for an unknown number."""
    site = _site(_chat(store, number))
    return store.summaries(Query(site=site, limit=None))


def restore(store: Store, number: int, *, now: int) -> int:
    """Add a version that is as an earlier one was, and give its number. `now`: milliseconds."""
    with store.transaction():
        version = _chat(store, number)
        return _add(store, version, version["generatedContent"], now, restoredFrom=uid("chats", version))


def edit(store: Store, number: int, changed: Mapping[str, Content], *, now: int) -> int:
    """Add a version with these files, made from an earlier one by hand, and give its number."""
    with store.transaction():
        version = _chat(store, number)
        return _add(store, version, content(changed), now, editedFrom=uid("chats", version))


def lineage(store: Store, site: str) -> dict[str, str]:
    """The metadata that makes a chat the next version of a site."""
    head = next(iter(store.summaries(Query(site=site, limit=1))), None)
    return {"siteUid": site, "parentUid": head.uid} if head else {"siteUid": site}


def diff(before: Record, after: Record) -> Iterator[FileDiff]:
    """What changed between two chats, file by file."""
    old, new = files(before), files(after)
    for path in {**old, **new}:
        if old.get(path) != new.get(path):
            yield FileDiff(path, tuple(_unified(path, old.get(path), new.get(path))))


def _unified(path: str, old: Content | None, new: Content | None) -> Iterator[str]:
    before = "/dev/null" if old is None else f"a/{path}"
    after = "/dev/null" if new is None else f"b/{path}"
    if isinstance(old, bytes) or isinstance(new, bytes):
        yield f"Binary files {before} and {after} differ"
        return
    for text in difflib.unified_diff(_lines(old or ""), _lines(new or ""), before, after):
        yield text.removesuffix("\n")
        if not text.endswith("\n"):
            yield "\\ No newline at end of file"


def _lines(text: str) -> list[str]:
    """The lines with their ends; only a newline ends one."""
    *lines, rest = text.split("\n")
    return [f"{line}\n" for line in lines] + [rest] * bool(rest)


def _add(store: Store, version: Record, generated: Mapping[str, Any], now: int, **origin: str) -> int:
    metadata = version.get("metadata") or {}
    kept = {name: value for name, value in metadata.items() if name not in _OF_THE_RUN}
    record = {
        "uid": str(uuid4()),
        "prompt": version["prompt"],
        "generatedContent": generated,
        "status": "completed",
        "timestamp": now,
        "metadata": {**kept, **lineage(store, _site(version)), **origin},
    }
    return store.insert("chats", record)


def _chat(store: Store, number: int) -> Record:
    record = store.get("chats", number)
    if record is None:
        raise UsageError(
            f"there is no chat {number} in the history", hint="see which there are: webmint history list"
        )
    return record


def _site(record: Record) -> str:
    site = (record.get("metadata") or {}).get("siteUid")
    return site if isinstance(site, str) and site else uid("chats", record)
