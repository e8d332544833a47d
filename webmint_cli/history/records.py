"""The records of a history, as the store and the exchange format 1.0 hold them.

A chat is `{id, prompt, generatedContent, status, timestamp, metadata}`, a deployment `{id, chatId, projectName, url,
deploymentId, timestamp, metadata}`, a tombstone `{store, uid, timestamp}`. A record is a plain dict, so that members
of other versions and other programs pass through as they are. `id` and `chatId` belong to one store; `uid` and
`chatUid` are the same everywhere.
"""

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias
from uuid import UUID, uuid5

from webmint_cli.history.redaction import masked

Kind: TypeAlias = Literal["chats", "deployments"]
Record: TypeAlias = dict[str, Any]

NAMESPACE = UUID("6f1d5c52-8a0e-4b57-9c35-2f7a1e64b0d3")
SAFE = 2**53 - 1

_LATEST = 8_640_000_000_000_000
_SHOWN = 40
_NAME = re.compile(r"[A-Za-z_$][\w$]{0,79}", re.ASCII)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_SURROGATE = re.compile("[\ud800-\udfff]")
_LOCAL = frozenset({"id", "chatId", "chatUid"})


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong in a file, and exactly where: `chats[12].timestamp`.

    `landed` says that the record was taken over all the same, without what the reason names.
    """

    path: str
    reason: str
    landed: bool = False

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Migration:
    """One named step that brings a record up to date; pure, and the same when done twice."""

    name: str
    apply: Callable[[str, Record], Record]


@dataclass(frozen=True, slots=True)
class _Rule:
    expected: str
    holds: Callable[[Any], bool]
    required: bool = False


def chat_uid(record: Mapping[str, Any]) -> str:
    """Who a chat is in every store: its `uid`, else a UUIDv5 over its time, prompt, html, css and js."""
    content = record.get("generatedContent") or {}
    parts = (
        record.get("timestamp"),
        record.get("prompt"),
        *(content.get(name) for name in ("html", "css", "js")),
    )
    return record.get("uid") or derived_uid(*parts)


def deployment_uid(record: Mapping[str, Any]) -> str:
    """Who a deployment is in every store: its `uid`, else a UUIDv5 over its time, project, URL and identifier."""
    names = ("timestamp", "projectName", "url", "deploymentId")
    return record.get("uid") or derived_uid(*(record.get(name) for name in names))


def uid(kind: Kind, record: Mapping[str, Any]) -> str:
    return chat_uid(record) if kind == "chats" else deployment_uid(record)


def derived_uid(*parts: Any) -> str:
    """The UUIDv5 of parts joined by U+001F; what is absent counts as empty, a lone surrogate as U+FFFD."""
    text = "\x1f".join("" if part is None else str(part) for part in parts)
    if _SURROGATE.search(text):
        paired = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        text = _SURROGATE.sub("\ufffd", paired)
    return str(uuid5(NAMESPACE, text))


def updated(record: Mapping[str, Any]) -> int:
    """When a record last changed, in milliseconds: `updatedAt`, else `timestamp`."""
    return int(record.get("updatedAt", record["timestamp"]))


def canonical(record: Mapping[str, Any]) -> str:
    """What a record says, whatever the order of its members and wherever it is kept.

    Two records are the same if this is. Its local numbers, its link and an empty `metadata` don't count.
    """
    said = {name: value for name, value in record.items() if name not in _LOCAL}
    if not said.get("metadata"):
        said.pop("metadata", None)
    return json.dumps(portable(said), sort_keys=True, separators=(",", ":"))


def digest(record: Mapping[str, Any]) -> str:
    """The SHA-256 of `canonical`, in hexadecimal."""
    return hashlib.sha256(canonical(record).encode()).hexdigest()


def portable(value: Any) -> Any:
    """A value as it comes back from any JSON reader: JavaScript writes 1.0 as 1, and has no greater integers than SAFE.

    A greater one becomes text, NaN and the infinities null.
    """
    if isinstance(value, dict):
        return {name: portable(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [portable(item) for item in value]
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, int) and abs(value) > SAFE:
        return str(value)
    return value


def _number(value: float) -> float | None:
    if not math.isfinite(value):
        return None
    return int(value) if value.is_integer() and abs(value) <= SAFE else value


def migrated(kind: str, record: Record) -> Record:
    """The record after all of MIGRATIONS, in order."""
    for migration in MIGRATIONS:
        record = migration.apply(kind, record)
    return record


def _interrupted(kind: str, record: Record) -> Record:
    """Nothing streams in a file: a run that was still going is one that stopped."""
    if kind != "chats" or record["status"] != "streaming":
        return record
    metadata = {**record.get("metadata", {}), "reason": "interrupted"}
    return {**record, "status": "stopped", "metadata": metadata}


MIGRATIONS = (Migration("interrupted", _interrupted),)


def problems(kind: str, record: Any, path: str) -> list[Problem]:
    """What keeps a record from being one of `kind` (chats, deployments or tombstones)."""
    if not isinstance(record, dict):
        return [Problem(path, f"expected an object, got {shown(record)}")]
    found = list(_wrong(record, _RULES[kind], path))
    if kind == "chats" and isinstance(record.get("generatedContent"), dict):
        found += _content_problems(record["generatedContent"], member(path, "generatedContent"))
    return found


def member(path: str, name: str) -> str:
    """The path of a member, written as JavaScript would reach it."""
    name = masked(name)
    return f"{path}.{name}" if _NAME.fullmatch(name) else f"{path}[{_clipped(json.dumps(name))}]"


def shown(value: Any) -> str:
    """A value in a few words, for a message."""
    match value:
        case dict():
            return "an object"
        case list():
            return "a list"
        case str():
            return _clipped(json.dumps(masked(value[:_SHOWN]), ensure_ascii=not value.isprintable()))
        case _:
            return _clipped(json.dumps(value))


def _clipped(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _wrong(values: Mapping[str, Any], rules: Mapping[str, _Rule], path: str) -> Iterator[Problem]:
    for name, rule in rules.items():
        if name in values:
            if not rule.holds(values[name]):
                yield Problem(member(path, name), f"expected {rule.expected}, got {shown(values[name])}")
        elif rule.required:
            yield Problem(member(path, name), f"expected {rule.expected}, got nothing")


def _content_problems(content: Mapping[str, Any], path: str) -> Iterator[Problem]:
    yield from _wrong(content, _CONTENT, path)
    files = content.get("files")
    if isinstance(files, dict):
        rules = dict.fromkeys(files, _Rule("text or {base64}", _is_file))
        yield from _wrong(files, rules, member(path, "files"))


def _is_file(value: Any) -> bool:
    return isinstance(value, str) or (isinstance(value, dict) and isinstance(value.get("base64"), str))


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= SAFE


def _is_time(value: Any) -> bool:
    return _is_whole(value) and 0 <= value <= _LATEST


def _is_uid(value: Any) -> bool:
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def _or_null(holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or holds(value)


_COMMON = {
    "id": _Rule("a whole number", _is_whole),
    "uid": _Rule("a UUID", _is_uid),
    "timestamp": _Rule("milliseconds", _is_time, required=True),
    "updatedAt": _Rule("milliseconds", _is_time),
    "metadata": _Rule("an object", _is_object),
}
_CONTENT = {
    "html": _Rule("text", _is_text),
    "css": _Rule("text", _is_text),
    "js": _Rule("text", _is_text),
    "files": _Rule("an object", _is_object),
}
_RULES = {
    "chats": {
        **_COMMON,
        "prompt": _Rule("text", _is_text, required=True),
        "generatedContent": _Rule("an object", _is_object, required=True),
        "status": _Rule("text", _is_text, required=True),
    },
    "deployments": {
        **_COMMON,
        "chatId": _Rule("a whole number or null", _or_null(_is_whole)),
        "chatUid": _Rule("a UUID or null", _or_null(_is_uid)),
        "projectName": _Rule("text", _is_text, required=True),
        "url": _Rule("text", _is_text, required=True),
        "deploymentId": _Rule("text or null", _or_null(_is_text)),
    },
    "tombstones": {
        "store": _Rule(
            '"chats" or "deployments"', lambda value: value in ("chats", "deployments"), required=True
        ),
        "uid": _Rule("a UUID", _is_uid, required=True),
        "timestamp": _Rule("milliseconds", _is_time, required=True),
    },
}
