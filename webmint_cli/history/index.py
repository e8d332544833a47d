"""From the records of runs and deployments to the history: each is read once, and again when it has changed.

A run stays one chat, however often it was resumed: what resumed it takes its chat over, and the chat names both. A
record that was deleted from the history does not come back.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from webmint_cli import deployments, journal
from webmint_cli.errors import StorageError
from webmint_cli.history.content import content
from webmint_cli.history.records import Record, chat_uid, deployment_uid, derived_uid
from webmint_cli.history.sources import Source, Sources
from webmint_cli.history.store import Store
from webmint_cli.history.versions import lineage
from webmint_cli.journal import Run
from webmint_cli.page import read_page
from webmint_cli.providers.provider import Text, Usage
from webmint_cli.run import draft

RUNS, DEPLOYMENTS = "runs", "deployments"


def refresh(store: Store, home: Path) -> None:
    """Bring the history up to date with the records below `home`; cheap where nothing is new."""
    for path in Sources(store, RUNS).changed(home / RUNS, ".jsonl"):
        _index(store, path)
    _index_deployments(store, home / DEPLOYMENTS)


def record(store: Store, path: Path) -> int | None:
    """Index one run at its end, and give its chat; None if it is unreadable or was deleted."""
    return _index(store, path)


def purge(store: Store, home: Path, *, before: int) -> int:
    """Remove for good what was deleted before a moment, in milliseconds, with the records of its runs."""
    with store.transaction():
        names = Sources(store, RUNS).of_deleted(before)
        removed = store.purge(before)
    for path in (home / RUNS / name for name in names):
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise StorageError(
                f"can't remove {path}: {error.strerror or error}", hint="remove it yourself"
            ) from None
    return removed


def _index(store: Store, path: Path) -> int | None:
    """One run, in one transaction: who comes second sees what the first one did, and no older state wins."""
    with store.transaction():
        sources = Sources(store, RUNS)
        source = sources.seen(path)
        if source is None:
            return None
        try:
            run = journal.read_run(path)
        except StorageError:
            sources.note(source, "unreadable")
            return None
        chat = source.chat or _known(store, run)
        if earlier := _resumed_by(store, run):
            chat = _taken_over(store, chat, earlier)
        if chat is None and store.is_buried("chats", _uid(run)):
            sources.note(source, "done")
            return None
        chat = _keep(store, run, chat)
        sources.note(source, _state(run), chat=chat, folder=run.folder or run.header.folder)
        return chat


def _keep(store: Store, run: Run, chat: int | None) -> int:
    """The run as a chat: a new one, or in the place of what the chat was."""
    if chat is None:
        new = _chat(run, {})
        new["metadata"] |= _version(store, run, new)
        return store.insert("chats", new)
    old = store.get("chats", chat)
    if old is None or _is_behind(run, old):
        return chat
    record = _chat(run, old)
    if "siteUid" not in record["metadata"]:
        record["metadata"] |= _version(store, run, record)
    if record != old:
        store.replace("chats", chat, record)
    return chat


def _chat(run: Run, old: Record) -> Record:
    """The chat of a run; what else its old state says stays."""
    outcome = draft(run.turns).outcome()
    metadata = old.get("metadata") or {}
    runs = metadata.get("runs") or []
    status, reason = _status(run, old.get("status"))
    seconds = _seconds(run.path)
    started = run.header.started
    said = {
        "title": outcome.plan.title or read_page(outcome.files.get("index.html", "")).title,
        "provider": run.header.provider,
        "model": run.header.model,
        "seed": run.header.seed,
        "contract": run.header.contract,
        "dialect": outcome.dialect,
        "usage": _usage(run),
        "seconds": seconds,
        "reason": reason,
        "runs": [*runs, *[run.header.id][: run.header.id not in runs]],
    }
    kept = {name: value for name, value in metadata.items() if name not in said}
    return {
        **old,
        "uid": old.get("uid") or _uid(run),
        "prompt": run.header.prompt,
        "generatedContent": content(outcome.files),
        "status": status,
        "timestamp": old.get("timestamp", started),
        "updatedAt": max(started + int(seconds * 1000), old.get("updatedAt", 0)),
        "metadata": {**kept, **{name: value for name, value in said.items() if value not in (None, "", {})}},
    }


def _version(store: Store, run: Run, record: Record) -> dict[str, str]:
    """The site whose next version this is: the one in the same folder; a site of its own if it is in none."""
    if not any(record["generatedContent"].values()):
        return {}
    folder = run.folder or run.header.folder
    earlier = Sources(store, RUNS).last_in(folder, before=run.path.name) if folder else None
    return lineage(store, earlier) if earlier else {"siteUid": record["uid"]}


def _status(run: Run, before: str | None) -> tuple[str, str | None]:
    """How a run ended, and why if that is known; what ended one that was resumed is what was known `before`."""
    match run.end:
        case "resumed" if before in ("incomplete", "failed"):
            return before, None
        case "":
            return ("stopped", "interrupted") if run.is_interrupted else ("streaming", None)
        case "incomplete":
            return "incomplete", run.finish if run.finish in ("length", "content_filter") else None
        case "completed" | "failed" as end:
            return end, None
        case _:
            return "stopped", "stopped"


def _state(run: Run) -> str:
    """What may still come: `open` while it is written, `cut` while it may be resumed, `resumed`, or nothing: `done`."""
    if run.end == "resumed":
        return "resumed"
    if not run.end:
        return "cut" if run.is_interrupted else "open"
    return "done" if run.end == "completed" else "cut"


def _uid(run: Run) -> str:
    """The same for a run whenever it is indexed."""
    return derived_uid("run", run.header.id)


def _known(store: Store, run: Run) -> int | None:
    """The chat of a run that came with an import."""
    found = store.find("chats", _uid(run))
    return found.id if found else None


def _is_behind(run: Run, old: Record) -> bool:
    """Whether the chat is of a later run, which resumed this one."""
    runs = (old.get("metadata") or {}).get("runs") or []
    return run.header.id in runs and runs[-1] != run.header.id


def _resumed_by(store: Store, run: Run) -> Source | None:
    """The run that this one took up: the latest of the same prompt that was resumed and whose text this one begins with."""
    for source in Sources(store, RUNS).unfinished(run.header.prompt, before=run.path.name):
        if source.state == "cut" and not source.has_changed(run.path.with_name(source.name)):
            continue
        try:
            earlier = journal.read_run(run.path.with_name(source.name))
        except StorageError:
            continue
        if (
            earlier.end == "resumed"
            and earlier.header.prompt == run.header.prompt
            and _begins_with(run, earlier)
        ):
            return source
    return None


def _begins_with(run: Run, earlier: Run) -> bool:
    came = draft(earlier.turns).stretches
    return run.turns[: len(came)] == tuple((Text(stretch),) for stretch in came)


def _taken_over(store: Store, chat: int | None, earlier: Source) -> int | None:
    """The earlier run's chat, which is from now on this run's too."""
    sources = Sources(store, RUNS)
    sources.finish(earlier)
    if chat is not None and chat != earlier.chat:
        sources.move(chat, earlier.chat)
        store.execute("delete from chats where id = ?", chat)
    return earlier.chat


def _usage(run: Run) -> dict[str, int]:
    totals: dict[str, int] = {}
    for turn in run.turns:
        counted = next((part.tokens for part in reversed(turn) if isinstance(part, Usage)), {})
        for name, count in counted.items():
            totals[name] = totals.get(name, 0) + count
    return totals


def _seconds(path: Path) -> float:
    """How long a run went on: the last moment that its journal tells."""
    for text in reversed(path.read_text("utf-8", "replace").splitlines()):
        try:
            return float(json.loads(text)["at"])
        except (ValueError, TypeError, KeyError):
            continue
    return 0.0


def _index_deployments(store: Store, place: Path) -> None:
    sources = Sources(store, DEPLOYMENTS)
    new = list(sources.changed(place, ".json"))
    if not new:
        return
    with store.transaction():
        missing = len(new)
        for deployment in deployments.recorded(place):
            missing -= _add_deployment(store, _deployment(store, deployment))
            if missing <= 0:
                break
        for path in new:
            if source := sources.seen(path):
                sources.note(source, "done")


def _maker(store: Store, run: str) -> int | None:
    """The chat of a run; a site that was written out of the history names the chat itself."""
    chat = Sources(store, RUNS).chat_of(f"{run}.jsonl")
    named = None if chat else store.find("chats", run)
    return named.id if named else chat


def _deployment(store: Store, deployment: deployments.Deployment) -> Record:
    chat = _maker(store, deployment.run) if deployment.run else None
    home = store.get("chats", chat) if chat else None
    said: dict[str, Any] = {
        "target": deployment.target,
        "environment": deployment.environment,
        "branch": deployment.branch,
        "aliases": list(deployment.aliases),
        "active": True,
    }
    record: Record = {
        "chatId": chat,
        "projectName": deployment.project,
        "url": deployment.url,
        "deploymentId": deployment.deployment_id,
        "timestamp": deployment.timestamp,
        "metadata": {name: value for name, value in said.items() if value not in ("", [])},
    }
    record["uid"] = deployment_uid(record)
    return {**record, "chatUid": chat_uid(home)} if home else record


def _add_deployment(store: Store, record: Record) -> bool:
    """Add a deployment that is not known; of those in one place only the latest stays active."""
    if store.find("deployments", record["uid"]) or store.is_buried("deployments", record["uid"]):
        return False
    store.insert("deployments", record)
    for number, by in list(_superseded(store, record)):
        old = store.get("deployments", number)
        if old:
            metadata = {**old["metadata"], "active": False}
            store.replace("deployments", number, {**old, "updatedAt": by, "metadata": metadata})
    return True


def _superseded(store: Store, record: Record) -> Iterator[tuple[int, int]]:
    """The active deployments in a place that are not its latest, and when they ceased to be that."""
    metadata = record["metadata"]
    place = (record["projectName"], metadata.get("target", ""), metadata.get("environment", ""))
    rows = store.rows(
        """select id, active, timestamp from deployments_summary
           where project = ? and target = ? and environment = ? order by timestamp desc, id desc""",
        place,
    )
    by = 0
    for number, active, timestamp in rows:
        if by and active:
            yield number, by
        by = timestamp
