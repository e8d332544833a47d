"""A file of the exchange format 1.0, record by record, in constant memory.

The layout does not matter: one record a line, indented or all on one line, members in any order, with or without a
byte order mark. What is damaged is reported by its path, and everything whole around it is read.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO, TypeAlias

from webmint_cli.errors import StorageError
from webmint_cli.history import compression
from webmint_cli.history.records import SAFE, Problem, Record, member, portable, problems, shown
from webmint_cli.history.scanner import Cut, Excess, Scanner

MAJOR = 1

_LISTS = ("chats", "deployments", "tombstones")
_DERIVED = "stats"
_FORBIDDEN = frozenset({"__proto__", "constructor", "prototype"})
_BOM = b"\xef\xbb\xbf"
_DIGITS = 17
_NAME = 4 << 10
_MEMBERS = 100
_REPORTED = 5


class NotAnExport(StorageError):
    """A file is no export of a history, or one of a version that is not known yet."""

    code = "not_an_export"


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may be, in bytes unless said otherwise.

    `depth` counts from the file's own object; `record` is one record, `marks` its brackets, commas and strings;
    `members` is all unknown top-level members together; `size` is the file, unpacked, and `ratio` how many times
    smaller it may have been; after so many `damaged` records the rest is not read.
    """

    depth: int = 64
    record: int = 32 << 20
    marks: int = 200_000
    members: int = 1 << 20
    size: int = 8 << 30
    damaged: int = 100_000
    ratio: int = 400


@dataclass(frozen=True, slots=True)
class Entry:
    """A sound record: its kind (chats, deployments or tombstones), and where it stands in the file."""

    kind: str
    path: str
    record: Record


@dataclass(frozen=True, slots=True)
class Member:
    """A top-level member that is no list of records: `version`, `timestamp`, or one that is not known."""

    name: str
    value: Any


Item: TypeAlias = Entry | Member | Problem
LIMITS = Limits()


def read_file(file: BinaryIO, limits: Limits = LIMITS) -> Iterator[Item]:
    """What an open `.json` or `.json.gz` holds. Raises NotAnExport and compression.TooLarge."""
    return read(compression.pieces(file, size=limits.size, ratio=limits.ratio), limits)


def read(pieces: Iterable[bytes], limits: Limits = LIMITS) -> Iterator[Item]:
    """What a file holds that comes in any pieces. Raises NotAnExport, also at the end if no version was there."""
    return _Reading(Scanner(pieces), limits).items()


class _Reading:
    def __init__(self, scanner: Scanner, limits: Limits) -> None:
        self._scanner, self._limits = scanner, limits
        self._decoder = _Decoder()
        self._place = "file"
        self._spare = limits.members
        self._seen: set[str] = set()
        self._damaged = 0

    def items(self) -> Iterator[Item]:
        self._begin()
        try:
            for name in self._names():
                yield from self._member(name)
            self._place = "file"
            if self._scanner.peek():
                yield Problem("file", "there is something after its end")
        except Cut as cut:
            yield Problem(self._place, f"{cut}; what came before it is read")
            return
        if "version" not in self._seen:
            raise _refusal("it has no version")

    def _begin(self) -> None:
        first = b""
        try:
            first = self._scanner.peek()
            if first == _BOM[:1]:
                for byte in _BOM:
                    self._scanner.take(bytes([byte]))
            self._scanner.take(b"{")
        except Cut as cut:
            raise _refusal("it is empty" if not first else str(cut)) from None

    def _names(self) -> Iterator[str]:
        """The name of each top-level member, with the scanner at its value."""
        while self._seen or self._scanner.peek() != b"}":
            self._place = "file"
            name = self._name()
            self._scanner.take(b":")
            self._place = member("file", name).removeprefix("file.")
            yield name
            if self._scanner.peek() == b"}":
                break
            self._scanner.take(b",")
        self._scanner.take(b"}")

    def _name(self) -> str:
        try:
            return str(json.loads(self._scanner.string(_NAME).decode()))
        except ValueError:
            raise Cut("a name is not JSON") from None

    def _member(self, name: str) -> Iterator[Item]:
        if len(self._seen) == _MEMBERS:
            raise Cut(f"more than {_MEMBERS} members")
        twice = name in self._seen
        self._seen.add(name)
        if twice:
            self._skip()
            yield Problem(self._place, "is there twice; the first one counts")
        elif name in _FORBIDDEN:
            self._skip()
            yield Problem(self._place, "no member may have this name")
        elif name in _LISTS:
            yield from self._list(name)
        elif name == _DERIVED:
            self._skip()
        else:
            yield from self._other(name)

    def _skip(self) -> None:
        try:
            self._scanner.peek()
            self._scanner.value(most=0, depth=0, marks=self._limits.marks)
        except Excess:
            return

    def _list(self, name: str) -> Iterator[Item]:
        if self._scanner.peek() != b"[":
            self._skip()
            yield Problem(name, "expected a list")
            return
        self._scanner.take(b"[")
        index = 0
        while index or self._scanner.peek() != b"]":
            self._place = f"{name}[{index}]"
            yield from self._record(name)
            index += 1
            if self._scanner.peek() == b"]":
                break
            self._place = name
            self._scanner.take(b",")
        self._scanner.take(b"]")

    def _record(self, kind: str) -> Iterator[Item]:
        try:
            record = self._value(self._limits.record, self._limits.depth - 2)
        except _Unsound as unsound:
            found = unsound.problems
        else:
            found = problems(kind, record, self._place)
        if not found:
            yield Entry(kind, self._place, record)
            return
        yield from found[:_REPORTED]
        self._damaged += 1
        if self._damaged > self._limits.damaged:
            raise Cut("there are too many damaged records")

    def _other(self, name: str) -> Iterator[Item]:
        try:
            value = self._value(self._spare, self._limits.depth - 1)
        except _Unsound as unsound:
            yield from unsound.problems
            return
        self._spare -= len(json.dumps(value))
        if name == "version":
            _check_version(value)
        yield Member(name, value)

    def _value(self, most: int, depth: int) -> Any:
        """The value that begins here. Raises _Unsound."""
        self._scanner.peek()
        try:
            data = self._scanner.value(most=most, depth=depth, marks=self._limits.marks)
        except Excess as excess:
            raise _Unsound([Problem(self._place, str(excess))]) from None
        return self._decoder.decode(data, self._place)


def _refusal(why: str) -> NotAnExport:
    return NotAnExport(
        f"this is no export of a history: {why}", hint="export one: webmint history export FILE"
    )


def _check_version(version: Any) -> None:
    known = re.fullmatch(r"(\d{1,6})\.\d{1,6}", version, re.ASCII) if isinstance(version, str) else None
    if known is None:
        raise _refusal(f'version: expected text such as "1.0", got {shown(version)}')
    if int(known[1]) > MAJOR:
        raise NotAnExport(
            f"version: this file is of version {version}; update webmint",
            hint="pip install --upgrade webmint",
        )
    if int(known[1]) < MAJOR:
        raise _refusal(f"version: there was never a version {version}")


class _Unsound(Exception):
    """A value was read, and is not fit to be used; `problems` says why."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems[:_REPORTED]


class _Flaw:
    """Stands in a decoded value for what can't be there, until its path is known."""

    def __init__(self, reason: str) -> None:
        self.reason = reason


class _Flawed(dict[str, Any]):
    """A decoded object with members that can't be there."""

    flaws: list[tuple[str, str]]


class _Decoder:
    """JSON as strict as the format: what Python's decoder lets pass is found and named by path."""

    def __init__(self) -> None:
        self._flawed = False
        self._json = json.JSONDecoder(
            object_pairs_hook=self._object,
            parse_int=self._int,
            parse_float=self._float,
            parse_constant=self._never,
        )

    def decode(self, data: bytes, path: str) -> Any:
        """The value that the bytes spell. Raises _Unsound."""
        self._flawed = False
        try:
            value = self._json.decode(data.decode())
        except UnicodeDecodeError as error:
            raise _Unsound([Problem(path, f"not UTF-8 at its byte {error.start}")]) from None
        except json.JSONDecodeError as error:
            reason = f"not JSON: {error.msg.lower()} at its character {error.pos}"
            raise _Unsound(
                [Problem(path, reason if data.strip() else "expected a value, got nothing")]
            ) from None
        if self._flawed:
            raise _Unsound(list(islice(_flaws(value, path), _REPORTED)))
        return value

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) == len(pairs) and _FORBIDDEN.isdisjoint(found):
            return found
        self._flawed = True
        flawed = _Flawed(found)
        flawed.flaws = [(name, "no member may have this name") for name in found if name in _FORBIDDEN]
        counts = Counter(name for name, _ in pairs)
        flawed.flaws += [(name, "is there twice") for name in counts if counts[name] > 1]
        return flawed

    def _int(self, digits: str) -> Any:
        if len(digits) <= _DIGITS and abs(value := int(digits)) <= SAFE:
            return value
        return self._never(digits)

    def _float(self, digits: str) -> Any:
        value = portable(float(digits))
        return self._never(digits) if value is None else value

    def _never(self, text: str) -> _Flaw:
        self._flawed = True
        return _Flaw(f"{text[:24]} is no number that every reader can hold")


def _flaws(value: Any, path: str) -> Iterator[Problem]:
    if isinstance(value, _Flaw):
        yield Problem(path, value.reason)
    if isinstance(value, _Flawed):
        yield from (Problem(member(path, name), reason) for name, reason in value.flaws)
    if isinstance(value, dict):
        for name, item in value.items():
            yield from _flaws(item, member(path, name))
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _flaws(item, f"{path}[{index}]")
