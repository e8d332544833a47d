"""The exchange format 1.0, written as the store is read: one record a line, ASCII, in constant memory."""

import gzip
import json
import os
import tempfile
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from webmint_cli.errors import StorageError
from webmint_cli.history.records import Kind, Problem, Record, member, portable, uid
from webmint_cli.history.redaction import cleaned
from webmint_cli.history.store import Store

VERSION = "1.0"

_KNOWN = frozenset({"version", "timestamp", "chats", "deployments", "tombstones", "stats"})
_LEVEL = 6


def export(
    store: Store,
    out: BinaryIO,
    *,
    timestamp: int,
    compress: bool = False,
    extras: Mapping[str, Any] | None = None,
) -> list[Problem]:
    """Write a whole history to `out`, and say which keys were left out of it.

    `timestamp` is now, in milliseconds; `extras` are top-level members of an imported file, which go on.
    """
    notes: list[Problem] = []
    lines = _lines(store, timestamp, extras or {}, notes)
    with store.snapshot(), closing(lines):
        if compress:
            with gzip.GzipFile(fileobj=out, mode="wb", compresslevel=_LEVEL, filename="", mtime=0) as packed:
                packed.writelines(lines)
        else:
            out.writelines(lines)
    return notes


def export_file(
    store: Store, path: Path, *, timestamp: int, extras: Mapping[str, Any] | None = None
) -> list[Problem]:
    """Write a history to a file that appears whole, for its owner only; packed if its name ends in `.gz`.

    Raises StorageError where the disk refuses.
    """
    try:
        with _whole(path) as out:
            return export(store, out, timestamp=timestamp, compress=path.suffix == ".gz", extras=extras)
    except OSError as error:
        raise StorageError(
            f"can't write {path}: {error.strerror or error}",
            hint="give another place: webmint history export FILE",
        ) from None


@contextmanager
def _whole(path: Path) -> Iterator[BinaryIO]:
    """A file beside `path` that takes its place once all is written."""
    handle, name = tempfile.mkstemp(prefix=".webmint-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _lines(
    store: Store, timestamp: int, extras: Mapping[str, Any], notes: list[Problem]
) -> Generator[bytes, None, None]:
    yield b'{"version":"%s","timestamp":%d' % (VERSION.encode(), timestamp)
    chats = (_written("chats", record) for record in store.records("chats"))
    yield from _list("chats", chats, notes)
    deployments = (_written("deployments", _linked(store, record)) for record in store.records("deployments"))
    yield from _list("deployments", deployments, notes)
    yield from _list("tombstones", store.tombstones(), notes)
    yield b',\n"stats":' + _json(store.stats())
    unknown, places = cleaned({name: value for name, value in extras.items() if name not in _KNOWN}, "file")
    notes += map(left_out, places)
    for name, value in unknown.items():
        yield b",\n" + _json(name) + b":" + _json(value)
    yield b"}\n"


def _list(name: str, records: Iterable[Record], notes: list[Problem]) -> Iterator[bytes]:
    yield b',\n"%s":[' % name.encode()
    between = b"\n"
    for index, record in enumerate(records):
        clean, places = cleaned(record, f"{name}[{index}]")
        notes += map(left_out, places)
        yield between + _json(clean)
        between = b",\n"
    yield b"]" if between == b"\n" else b"\n]"


def left_out(place: tuple[str, ...]) -> Problem:
    """The note that something at a place looked like a key."""
    path, *names = place
    for name in names:
        path = member(path, name)
    return Problem(path, "left out, because it looks like a key", landed=True)


def _written(kind: Kind, record: Record) -> Record:
    """Every record that leaves says who it is."""
    return record if record.get("uid") else {**record, "uid": uid(kind, record)}


def _linked(store: Store, deployment: Record) -> Record:
    """The link to the chat, valid in every store; none to a chat that is deleted here."""
    number = deployment.get("chatId")
    if number is None:
        return deployment
    chat = store.get("chats", number)
    if chat is None:
        return {**deployment, "chatId": None}
    return {**deployment, "chatUid": deployment.get("chatUid") or uid("chats", chat)}


def _json(value: Any) -> bytes:
    return json.dumps(portable(value), separators=(",", ":")).encode("ascii")
