"""What SQLite and the system refuse, told as one sentence and what to do about it."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from webmint_cli.errors import StorageError

_MOVE = "move it away, and it is made anew from the records of the runs: mv {path} {path}.damaged"
_ROOM = "make room and try again; generating works without it"
_PLACE = "set WEBMINT_HOME to a folder that can be written to, or add --no-history"

_KINDS = {
    "SQLITE_NOTADB": ("the history {path} is damaged", _MOVE),
    "SQLITE_CORRUPT": ("the history {path} is damaged", _MOVE),
    "SQLITE_FULL": ("no room is left for the history {path}", _ROOM),
    "SQLITE_IOERR_WRITE": ("no room is left for the history {path}", _ROOM),
    "SQLITE_BUSY": ("the history {path} is in use by another program", "try again when that has ended"),
    "SQLITE_READONLY": ("the history {path} can't be written", _PLACE),
    "SQLITE_CANTOPEN": ("the history {path} can't be opened", _PLACE),
}


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Raise StorageError for what SQLite or the system says of the store at `path`."""
    try:
        yield
    except sqlite3.Error as error:
        raise _storage_error(error, path) from None
    except OSError as error:
        raise StorageError(
            f"the history {path} can't be opened: {error.strerror or error}", hint=_PLACE
        ) from None


def damaged(path: Path) -> StorageError:
    message, hint = _KINDS["SQLITE_CORRUPT"]
    return StorageError(message.format(path=path), hint=hint.format(path=path))


def _storage_error(error: sqlite3.Error, path: Path) -> StorageError:
    name = getattr(error, "sqlite_errorname", "")
    for kind, (message, hint) in _KINDS.items():
        if name.startswith(kind):
            return StorageError(message.format(path=path), hint=hint.format(path=path))
    return StorageError(f"the history {path} failed: {error}", hint=_MOVE.format(path=path))
