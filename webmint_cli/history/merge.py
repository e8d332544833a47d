"""A file of the exchange format taken into a store, in one transaction.

A record is known by its `uid`, whatever its number. One that is absent is added, an equal one is skipped, of two
that differ the one that changed last wins; where that is a tie ours stays, and theirs is added beside it with
`metadata.conflictOf`. A tombstone deletes what did not change after it. Importing twice changes nothing more.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias
from uuid import UUID, uuid4, uuid5

from webmint_cli.errors import StorageError
from webmint_cli.history.ledger import Ledger
from webmint_cli.history.reader import Entry, Item, Member
from webmint_cli.history.records import (
    Kind,
    Problem,
    Record,
    canonical,
    derived_uid,
    digest,
    migrated,
    uid,
    updated,
)
from webmint_cli.history.redaction import cleaned
from webmint_cli.history.store import Store
from webmint_cli.history.writer import left_out

Mode: TypeAlias = Literal["merge", "replace", "copy"]

_KINDS: tuple[Kind, ...] = ("chats", "deployments")
_OWN = frozenset({"version", "timestamp"})
_NAMING = ("siteUid", "parentUid", "conflictOf")
_REPORTED = 1000


class NotImported(StorageError):
    """A file is not whole, and was to be imported whole or not at all; `problems` says what is wrong."""

    code = "not_imported"

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        lost = [problem for problem in problems if not problem.landed]
        super().__init__(
            f"nothing was imported, the file is damaged: {lost[0]}",
            hint="import what is whole: webmint history import FILE, without --strict, or with --mode merge",
        )
        self.problems = problems


@dataclass(frozen=True, slots=True)
class Merged:
    """What an import did, or with `dry_run` would do; in records.

    `conflicts` were added beside ours. `problems` names what was not taken over, and why; `extras` are the top-level
    members of the file that are not known, to be handed to the next export.
    """

    added: int
    updated: int
    skipped: int
    conflicts: int
    deleted: int
    problems: tuple[Problem, ...] = ()
    extras: dict[str, Any] = field(default_factory=dict)


class _Rehearsed(Exception):
    """Ends a transaction that is not meant to stay."""

    def __init__(self, merged: Merged) -> None:
        self.merged = merged


def merge(
    store: Store,
    items: Iterable[Item],
    *,
    mode: Mode = "merge",
    strict: bool = False,
    dry_run: bool = False,
    backup: Callable[[], object] | None = None,
) -> Merged:
    """Take what `reader.read` finds in a file into a store.

    `replace` makes the store what the file is, and only if the file is whole; `backup` is called first, inside the
    same transaction. `copy` adds everything once more under new identities, with its links among itself. `strict` is
    all or nothing, `dry_run` changes nothing and says what would. Raises NotImported, and what reading raises.
    """
    try:
        with Ledger() as ledger, store.transaction():
            if backup and not dry_run:
                backup()
            work = _Merging(store, ledger, mode)
            for item in items:
                work.take(item)
            return work.finish(whole=strict or mode == "replace", rehearsal=dry_run)
    except _Rehearsed as rehearsed:
        return rehearsed.merged


class _Merging:
    """One import on its way."""

    def __init__(self, store: Store, ledger: Ledger, mode: Mode) -> None:
        self._store, self._ledger, self._mode = store, ledger, mode
        self._salt = uuid4()
        self._chats = False
        self._added = self._updated = self._skipped = self._conflicts = self._deleted = 0
        self._problems: list[Problem] = []
        self._unsaid: list[bool] = []
        self._extras: dict[str, Any] = {}
        if mode == "merge":
            for tombstone in store.tombstones():
                ledger.bury(tombstone["store"], tombstone["uid"], tombstone["timestamp"])

    def take(self, item: Item) -> None:
        match item:
            case Problem():
                self._report(item)
            case Member(name, value):
                if name not in _OWN:
                    self._extras[name] = value
            case Entry("chats", path, record):
                self._chats = True
                self._chat(path, record)
            case Entry("tombstones", _, record):
                self._tombstone(record)
            case Entry(_, path, record) if self._chats:
                self._deployment(path, record)
            case Entry(_, path, record):
                self._ledger.wait(path, record)

    def finish(self, *, whole: bool, rehearsal: bool) -> Merged:
        """Settle what had to wait. Raises NotImported for a damaged file that had to be `whole`."""
        for path, record in self._ledger.waiting():
            self._deployment(path, record)
        if self._mode == "replace":
            self._remove_others()
        if self._added:
            self._link_orphans()
        extras, places = cleaned(self._extras, "file")
        for place in places:
            self._report(left_out(place))
        if self._unsaid:
            self._problems.append(Problem("file", f"and {len(self._unsaid)} more", landed=all(self._unsaid)))
        merged = Merged(
            added=self._added,
            updated=self._updated,
            skipped=self._skipped,
            conflicts=self._conflicts,
            deleted=self._deleted,
            problems=tuple(self._problems),
            extras=extras,
        )
        if whole and not all(problem.landed for problem in merged.problems):
            raise NotImported(merged.problems)
        if rehearsal:
            raise _Rehearsed(merged)
        return merged

    def _report(self, problem: Problem) -> None:
        if len(self._problems) < _REPORTED:
            self._problems.append(problem)
        else:
            self._unsaid.append(problem.landed)

    def _chat(self, path: str, record: Record) -> None:
        chat = self._prepared("chats", path, record)
        if (number := record.get("id")) is not None:
            self._ledger.number(number, chat["uid"])
        self._settle("chats", chat)

    def _deployment(self, path: str, record: Record) -> None:
        deployment = self._prepared("deployments", path, record)
        number = deployment.get("chatId")
        chat = deployment.get("chatUid") or (None if number is None else self._ledger.numbered(number))
        home = self._store.find("chats", chat) if chat else None
        if chat:
            deployment["chatUid"] = chat
        if chat or number is not None:
            deployment["chatId"] = home.id if home else None
        self._settle("deployments", deployment)

    def _prepared(self, kind: Kind, path: str, record: Record) -> Record:
        """The record as it will be kept: without keys, up to date, and saying who it is."""
        clean, places = cleaned(record, path)
        for place in places:
            self._report(left_out(place))
        clean = migrated(kind, clean)
        known = {"id": None, **clean, "uid": uid(kind, clean)}
        return _renamed(known, self._salt) if self._mode == "copy" else known

    def _settle(self, kind: Kind, theirs: Record) -> None:
        if self._is_deleted(kind, theirs):
            self._skipped += 1
            return
        if self._mode == "replace":
            self._ledger.see(kind, theirs["uid"])
        if ours := self._store.find(kind, theirs["uid"]):
            self._compare(kind, ours.id, theirs)
        elif self._is_our_own(kind, theirs):
            self._skipped += 1
        else:
            self._store.insert(kind, theirs)
            self._added += 1

    def _compare(self, kind: Kind, number: int, theirs: Record) -> None:
        ours = self._store.get(kind, number) or {}
        same = _said(kind, ours) == canonical(theirs)
        newer = updated(theirs) - updated(ours)
        if same and theirs.get("chatUid") and not ours.get("chatUid"):
            self._replace(
                kind, number, {**ours, "chatId": theirs.get("chatId"), "chatUid": theirs["chatUid"]}
            )
        elif not same and (newer > 0 or self._mode == "replace"):
            self._replace(kind, number, theirs)
        elif not same and newer == 0:
            self._add_conflict(kind, theirs)
        else:
            self._skipped += 1

    def _replace(self, kind: Kind, number: int, record: Record) -> None:
        self._store.replace(kind, number, {**record, "id": number})
        self._updated += 1

    def _add_conflict(self, kind: Kind, theirs: Record) -> None:
        original = theirs["uid"]
        metadata = {**theirs.get("metadata", {}), "conflictOf": original}
        copy = {**theirs, "uid": derived_uid("conflict", original, digest(theirs)), "metadata": metadata}
        if self._store.find(kind, copy["uid"]) or self._is_deleted(kind, copy):
            self._skipped += 1
        else:
            self._store.insert(kind, copy)
            self._conflicts += 1

    def _is_deleted(self, kind: Kind, record: Record) -> bool:
        return self._ledger.buried(kind, record["uid"]) >= updated(record)

    def _is_our_own(self, kind: Kind, theirs: Record) -> bool:
        """Whether they hold beside theirs, as a conflict, what we hold ourselves."""
        metadata = dict(theirs.get("metadata", {}))
        original = metadata.pop("conflictOf", None) if self._mode == "merge" else None
        ours = self._store.find(kind, original) if isinstance(original, str) else None
        record = self._store.get(kind, ours.id) if ours else None
        theirs = {**theirs, "uid": original, "metadata": metadata}
        return record is not None and _said(kind, record) == canonical(theirs)

    def _tombstone(self, tombstone: Record) -> None:
        kind, known, timestamp = tombstone["store"], tombstone["uid"], tombstone["timestamp"]
        if self._mode == "copy" or self._ledger.buried(kind, known) >= timestamp:
            return
        ours = self._store.find(kind, known)
        record = self._store.get(kind, ours.id) if ours else None
        self._ledger.bury(kind, known, timestamp)
        if ours and record and updated(record) > timestamp:
            return
        if ours:
            self._store.delete(kind, [ours.id])
            self._deleted += 1
        self._store.bury(kind, known, timestamp)

    def _link_orphans(self) -> None:
        """Deployments whose chat has come by now."""
        orphans = [
            (record, home.id)
            for record in self._store.records("deployments")
            if record.get("chatId") is None
            and record.get("chatUid")
            and (home := self._store.find("chats", record["chatUid"]))
        ]
        for record, number in orphans:
            self._store.replace("deployments", record["id"], {**record, "chatId": number})

    def _remove_others(self) -> None:
        for kind in _KINDS:
            others = [
                record["id"]
                for record in self._store.records(kind)
                if not self._ledger.has_seen(kind, uid(kind, record))
            ]
            self._store.delete(kind, others)
            self._deleted += len(others)
        for store, known, timestamp in self._ledger.burials():
            if not self._store.find(store, known):
                self._store.bury(store, known, timestamp)


def _said(kind: Kind, ours: Record) -> str:
    """What a record of ours says once it has been in a file."""
    return canonical(migrated(kind, cleaned(ours, "")[0]))


def _renamed(record: Record, salt: UUID) -> Record:
    """A copy is someone else, and so is whoever it names: its links stay among the copies."""
    metadata = record.get("metadata", {})
    renamed = {name: _rename(metadata[name], salt) for name in _NAMING if isinstance(metadata.get(name), str)}
    copy = {**record, "uid": _rename(record["uid"], salt)}
    if record.get("chatUid"):
        copy["chatUid"] = _rename(record["chatUid"], salt)
    return {**copy, "metadata": {**metadata, **renamed}} if renamed else copy


def _rename(name: str, salt: UUID) -> str:
    return str(uuid5(salt, name))
