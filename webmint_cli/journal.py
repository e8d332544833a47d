"""The record of a run, written as it goes: what the provider said, before anything of it is drawn.

One JSON object a line. The first says what was asked of whom, then one line a part as it came, the last says
how it ended. Each line is handed to the system at once, so a killed process loses nothing that had come. It
is the only store of a run: history indexes it, `resume` goes on from it, replay reads it.
"""

import errno
import json
import os
import secrets
import time
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias

from webmint_cli.errors import StorageError, UsageError, WebMintError
from webmint_cli.providers.provider import (
    Finish,
    Notice,
    Provider,
    Reasoning,
    ReplyPart,
    Request,
    Text,
    Usage,
)

VERSION = 1

End: TypeAlias = Literal["completed", "incomplete", "failed", "stopped", "resumed"]


@dataclass(frozen=True, slots=True)
class Header:
    """What was asked of whom. `folder`: where the site goes, "" for nowhere; `started`: milliseconds.

    `trusted`: the address was the user's own word, so that a key may go there again.
    """

    id: str
    prompt: str
    provider: str
    model: str
    base_url: str = ""
    trusted: bool = False
    seed: int | None = None
    contract: str = ""
    folder: str = ""
    started: int = 0


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run did not complete, in the words of its error; all "" where none was written."""

    code: str = ""
    message: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Run:
    """A run as its journal tells it.

    `turns`: the parts of each request; `times`: for each part the seconds since the run began. `end` is ""
    where it was not written.
    """

    path: Path
    header: Header
    turns: tuple[tuple[ReplyPart, ...], ...]
    times: tuple[tuple[float, ...], ...]
    end: str
    folder: str
    failure: Failure

    @property
    def received(self) -> int:
        """Characters of the reply that came."""
        return sum(len(part.text) for turn in self.turns for part in turn if isinstance(part, Text))

    @property
    def finish(self) -> str | None:
        """The finish reason of the last turn."""
        last = self.turns[-1] if self.turns else ()
        return next((part.reason for part in reversed(last) if isinstance(part, Finish)), None)

    @property
    def is_interrupted(self) -> bool:
        """Whether its process died before it could say how it ended."""
        return not self.end and not _is_written(self.path)

    @property
    def is_unfinished(self) -> bool:
        """Whether there is something to go on with."""
        cut = self.end in ("incomplete", "stopped") or (self.end == "failed" and self.received > 0)
        return cut or self.is_interrupted


class Journal:
    """An open journal; without a folder, one in memory only. Each line goes to `copy` as well.

    A disk that takes no more is told once, in `fault`: the run itself goes on. `is_recorded`: all of it is in
    the folder. Raises UsageError for a copy that exists, unless `force`, StorageError for one that can't be made.
    """

    def __init__(
        self, folder: Path | None, header: Header, *, copy: Path | None = None, force: bool = False
    ) -> None:
        self.id = header.id
        self.fault = ""
        self.turns: list[list[ReplyPart]] = []
        self._began = time.monotonic()
        copied = _create(copy, force=force) if copy else None
        self._file = self._open(folder, header) if folder else None
        self._files = [file for file in (self._file, copied) if file is not None]
        self.is_recorded = self._file is not None
        self._write({"webmint": VERSION, **asdict(header)})

    def turn(self) -> None:
        """A request begins."""
        self.turns.append([])
        self._write({"turn": len(self.turns), "at": self._seconds()})

    def add(self, part: ReplyPart) -> None:
        self.turns[-1].append(part)
        self._write({"at": self._seconds(), **_to_dict(part)})

    def close(self, end: End, *, folder: str = "", error: WebMintError | None = None) -> None:
        """How it ended, by which error if by one, and where the site is."""
        why = {"error": asdict(_failure(error))} if error else {}
        self._write({"end": end, "folder": folder, "at": self._seconds(), **why})
        while self._files:
            os.close(self._files.pop())

    def _open(self, folder: Path, header: Header) -> int | None:
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
            file = os.open(folder / f"{header.id}.jsonl", flags, 0o600)
            _lock(file)
        except OSError as error:
            self.fault = f"the run is not recorded: {error.strerror or error}: {folder}"
            return None
        return file

    def _seconds(self) -> float:
        return round(time.monotonic() - self._began, 3)

    def _write(self, line: Mapping[str, Any]) -> None:
        data = json.dumps(line).encode() + b"\n" if self._files else b""
        for file in tuple(self._files):
            try:
                _put(file, data)
            except OSError as error:
                self.fault = f"the record of the run is cut: {error.strerror or error}"
                self.is_recorded = self.is_recorded and file != self._file
                self._files.remove(file)
                os.close(file)


class Recorded:
    """A provider whose every word is in the journal before anyone else hears it."""

    def __init__(self, provider: Provider, journal: Journal) -> None:
        self._provider = provider
        self._journal = journal

    @property
    def name(self) -> str:
        return self._provider.name

    @property
    def model(self) -> str:
        return self._provider.model

    async def stream(self, request: Request) -> AsyncGenerator[ReplyPart, None]:
        self._journal.turn()
        async with aclosing(self._provider.stream(request)) as parts:
            async for part in parts:
                self._journal.add(part)
                yield part


def _create(path: Path, *, force: bool) -> int:
    """A record that somebody asked for by its name."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | (os.O_TRUNC if force else os.O_EXCL)
    try:
        file = os.open(path, flags, 0o600)
    except FileExistsError:
        raise UsageError(f"{path} exists", hint="give another file, or overwrite it: --force") from None
    except OSError as error:
        raise StorageError(
            f"can't write {path}: {error.strerror or error}", hint="give another file: --record FILE"
        ) from None
    _lock(file)
    return file


def _put(file: int, data: bytes) -> None:
    if os.write(file, data) < len(data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _failure(error: WebMintError) -> Failure:
    return Failure(error.code, error.message, error.reason or "")


def new_id(now: float | None = None) -> str:
    """A run's id: sorts by time, is unique, can be typed."""
    moment = datetime.fromtimestamp(time.time() if now is None else now, UTC)
    return f"{moment:%Y%m%d-%H%M%S}-{moment.microsecond // 1000:03}{secrets.token_hex(3)}"


def read_run(path: Path) -> Run:
    """The run of a journal. A last line that was cut is left out. Raises StorageError for anything else."""
    try:
        lines = path.read_text("utf-8").splitlines()
        header = _read_header(json.loads(lines[0]))
        return Run(path, header, *_read_lines(_objects(lines[1:])))
    except OSError as error:
        raise StorageError(
            f"can't read {path}: {error.strerror or error}", hint="webmint resume --list"
        ) from None
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
        raise StorageError(f"{path} is no record of a run", hint="webmint resume --list") from None


def runs(folder: Path) -> Iterator[Run]:
    """The runs in a folder, the latest first; unreadable ones are passed over."""
    for path in sorted(folder.glob("*.jsonl"), reverse=True):
        try:
            yield read_run(path)
        except StorageError:
            continue


def mark_resumed(run: Run) -> None:
    """Note in a run's journal that another run took it up."""
    with run.path.open("a", encoding="utf-8") as file:
        file.write("\n" * (not _ends_with_newline(run.path)) + json.dumps({"end": "resumed"}) + "\n")


def _ends_with_newline(path: Path) -> bool:
    return path.read_bytes().endswith(b"\n")


def _objects(lines: list[str]) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines):
        try:
            yield json.loads(line)
        except ValueError:
            # A killed process leaves half a line; what took the run up wrote behind it.
            if number < len(lines) - 2:
                raise


def _read_header(data: dict[str, Any]) -> Header:
    if data.pop("webmint") != VERSION:
        raise ValueError("another version")
    return Header(**_members(data, Header))


def _read_lines(objects: Iterator[dict[str, Any]]) -> tuple[Any, ...]:
    """All of a run that stands behind its header, in the order of its fields."""
    turns: list[list[ReplyPart]] = []
    times: list[list[float]] = []
    end = folder = ""
    failure = Failure()
    for data in objects:
        if "turn" in data:
            turns.append([])
            times.append([])
        elif "end" in data:
            end, folder = _checked(data["end"], str), _checked(data.get("folder", ""), str) or folder
            failure = Failure(**_members(data["error"], Failure)) if "error" in data else failure
        else:
            turns[-1].append(_from_dict(data))
            times[-1].append(float(data.get("at", 0)))
    return tuple(map(tuple, turns)), tuple(map(tuple, times)), end, folder, failure


def _members(data: dict[str, Any], kind: type[Header | Failure]) -> dict[str, Any]:
    """The members that are ours, each of its type."""
    fields = kind.__dataclass_fields__
    return {name: _checked(data[name], field.type) for name, field in fields.items() if name in data}


def _checked(value: Any, kind: Any) -> Any:
    if not isinstance(value, kind):
        raise TypeError("a value of another type")
    return value


_PARTS: dict[str, type[Any]] = {
    "text": Text, "reasoning": Reasoning, "usage": Usage, "finish": Finish, "notice": Notice,
}  # fmt: skip


def _to_dict(part: ReplyPart) -> dict[str, Any]:
    name = next(name for name, kind in _PARTS.items() if type(part) is kind)
    return {name: next(iter(asdict(part).values()))}


def _from_dict(data: dict[str, Any]) -> ReplyPart:
    for name, kind in _PARTS.items():
        if name in data:
            said = _checked(data[name], dict if kind is Usage else str)
            if kind is Usage and not all(isinstance(count, int) for count in said.values()):
                raise ValueError("tokens that are no numbers")
            part: ReplyPart = kind(said)
            return part
    raise ValueError("a line of another version")


def _lock(file: int) -> bool:
    """Mark a journal as being written; the mark goes with its process. False if another one has it."""
    try:
        import fcntl
    except ImportError:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # A file system that knows no locks.
        return True
    return True


def _is_written(path: Path) -> bool:
    """Whether a living process writes this journal."""
    with path.open("rb") as file:
        return not _lock(file.fileno())
