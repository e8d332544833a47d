"""The one language of events: what a job says while it runs, to a terminal, a pipe or a browser.

Frozen values inside the process; outside it the JSON of the wire, made by `to_dict` and read by
`from_dict`. An NDJSON line and an SSE `data:` payload are the same JSON.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from webmint_cli.errors import WebMintError

Phase: TypeAlias = Literal["connect", "think", "write", "check", "hash", "upload", "publish", "verify"]


@dataclass(frozen=True, slots=True)
class Status:
    """What the job is doing. `stream_id` is on the first event of a stream."""

    message: str
    progress: int
    phase: Phase | None = None
    stream_id: str | None = None


@dataclass(frozen=True, slots=True)
class Progress:
    """New text of one file.

    `offset` is where in the file `content` begins, in UTF-16 code units (a JavaScript string index).
    `reset` says that the file starts over. `accumulated` is all text of the file so far, where carried.
    """

    content: str
    progress: int
    file: str
    offset: int
    reset: bool = False
    accumulated: str | None = None


@dataclass(frozen=True, slots=True)
class Complete:
    """A finished generation. `files` holds every file when there are more than the three."""

    html: str
    css: str
    js: str
    title: str
    model: str
    provider: str
    seconds: float
    dialect: str
    usage: Mapping[str, int] = field(default_factory=dict)
    files: Mapping[str, Any] | None = None
    progress: int = 100


@dataclass(frozen=True, slots=True)
class Deployed:
    """A finished, confirmed deployment; on the wire a `complete` event with a `url`.

    `claim_url`, `claim_by`: where a deployment without an account is claimed, and until when (ISO 8601).
    """

    url: str
    deployment_id: str
    project_name: str
    target: str
    environment: str
    seconds: float
    aliases: tuple[str, ...] = ()
    uploaded: int = 0
    unchanged: int = 0
    verified: int = 0
    claim_url: str | None = None
    claim_by: str | None = None
    progress: int = 100


@dataclass(frozen=True, slots=True)
class Planned:
    """What a deployment would change (`--dry-run`); on the wire a `complete` event with `dryRun`.

    `removed` is None where nobody can say what was there before.
    """

    target: str
    project_name: str
    environment: str
    new: tuple[str, ...]
    changed: tuple[str, ...]
    unchanged: tuple[str, ...]
    removed: tuple[str, ...] | None = None
    upload_bytes: int = 0
    creates_project: bool = False
    dry_run: bool = True
    progress: int = 100


@dataclass(frozen=True, slots=True)
class Failed:
    """A failure that leaves the process, with what had been received (`partial`: path to text)."""

    message: str
    code: str
    hint: str = ""
    retryable: bool = False
    reason: str | None = None
    partial: Mapping[str, str] | None = None


# A lone half of a pair, from a file name say, has no UTF-8; JSON can say it all the same.
_SURROGATE = re.compile("[\ud800-\udfff]")

Event: TypeAlias = Status | Progress | Complete | Deployed | Planned | Failed

_WIRE: dict[type[Any], tuple[str, tuple[tuple[str, str], ...]]] = {
    Status: (
        "status",
        (("message", "message"), ("progress", "progress"), ("phase", "phase"), ("stream_id", "streamId")),
    ),
    Progress: (
        "progress",
        (
            ("content", "content"),
            ("accumulated", "accumulated"),
            ("progress", "progress"),
            ("file", "file"),
            ("offset", "offset"),
            ("reset", "reset"),
        ),
    ),
    Complete: (
        "complete",
        tuple(
            (name, name)
            for name in (
                "html", "css", "js", "progress", "title", "files", "model", "provider", "usage", "seconds", "dialect",
            )
        ),
    ),
    Deployed: (
        "complete",
        (
            ("url", "url"),
            ("deployment_id", "deploymentId"),
            ("project_name", "projectName"),
            ("progress", "progress"),
            ("target", "target"),
            ("environment", "environment"),
            ("aliases", "aliases"),
            ("uploaded", "uploaded"),
            ("unchanged", "unchanged"),
            ("verified", "verified"),
            ("claim_url", "claimUrl"),
            ("claim_by", "claimBy"),
            ("seconds", "seconds"),
        ),
    ),
    Planned: (
        "complete",
        (
            ("dry_run", "dryRun"),
            ("project_name", "projectName"),
            ("progress", "progress"),
            ("target", "target"),
            ("environment", "environment"),
            ("new", "new"),
            ("changed", "changed"),
            ("unchanged", "unchanged"),
            ("removed", "removed"),
            ("upload_bytes", "uploadBytes"),
            ("creates_project", "createsProject"),
        ),
    ),
    Failed: (
        "error",
        tuple((name, name) for name in ("message", "code", "hint", "retryable", "reason", "partial")),
    ),
}  # fmt: skip


def to_dict(event: Event, *, job: str | None = None) -> dict[str, Any]:
    """The event as its JSON object, in the field order of the wire; absent fields are left out.

    `job`: which of several jobs in one stream it is of.
    """
    kind, names = _WIRE[type(event)]
    values = {wire: getattr(event, name) for name, wire in names}
    return (
        {"type": kind}
        | ({"job": job} if job else {})
        | {wire: value for wire, value in values.items() if _said(wire, value)}
    )


def from_dict(data: Mapping[str, Any]) -> Event:
    """The event that `to_dict` wrote. Unknown members are ignored; an unknown type raises ValueError."""
    kind = _kind(data)
    known = {name: data[wire] for name, wire in _WIRE[kind][1] if wire in data}
    try:
        known |= {name: tuple(value) for name, value in known.items() if _is_listed(name, value)}
        event: Event = kind(**known)
    except TypeError as error:
        raise ValueError(f"not a {data.get('type')} event: {error}") from None
    return event


def to_json(event: Event, *, job: str | None = None) -> str:
    """One line of NDJSON, or the payload of one SSE `data:` field."""
    text = json.dumps(to_dict(event, job=job), ensure_ascii=False, separators=(",", ":"))
    return _SURROGATE.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def failed(error: WebMintError) -> Failed:
    """The `error` event of an exception, for where the stream leaves the process."""
    return Failed(
        message=error.message,
        code=error.code,
        hint=error.hint,
        retryable=error.retryable,
        reason=error.reason,
        partial=error.partial or None,
    )


def _said(wire: str, value: Any) -> bool:
    return value is not None and not (wire == "reset" and not value)


def _is_listed(name: str, value: Any) -> bool:
    return name == "aliases" or isinstance(value, list)


def _kind(data: Mapping[str, Any]) -> type[Any]:
    if data.get("type") == "complete":
        return Planned if "dryRun" in data else Deployed if "url" in data else Complete
    for kind, (name, _) in _WIRE.items():
        if name == data.get("type"):
            return kind
    raise ValueError(f"unknown event type {data.get('type')!r}")
