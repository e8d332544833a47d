"""The wire: how each event is spelt, and that it is read back as it was."""

import json
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webmint_cli.errors import Incomplete, KeyMissing, Unavailable
from webmint_cli.events import (
    Complete,
    Deployed,
    Event,
    Failed,
    Planned,
    Progress,
    Status,
    failed,
    from_dict,
    to_dict,
    to_json,
)

STATUS = Status("Connecting", 1, "connect", "s1")
PROGRESS = Progress("b", 40, "index.html", 1, reset=True, accumulated="ab")
COMPLETE = Complete(
    "<p>", "a{}", "go()", "T", "m", "p", 1.5, "tilde", {"output": 3}, {"a.svg": {"base64": "AA=="}}
)
DEPLOYED = Deployed(
    "https://x.example",
    "d1",
    "bakery",
    "cloudflare",
    "production",
    2.5,
    ("https://y.example",),
    3,
    2,
    5,
    "https://z.example",
    "2026-12-01T00:00:00Z",
)
PLANNED = Planned("zip", "bakery", "production", ("a.css",), ("b.css",), ("c.css",), None, 10)
FAILED = Failed(
    "the site is incomplete", "incomplete", "webmint resume", True, "length", {"index.html": "<p>"}
)
EVENTS: list[Event] = [STATUS, PROGRESS, COMPLETE, DEPLOYED, PLANNED, FAILED]


@pytest.mark.parametrize(
    ("event", "wire"),
    [
        (STATUS, {"type": "status", "message": "Connecting", "progress": 1, "phase": "connect", "streamId": "s1"}),
        (
            PROGRESS,
            {"type": "progress", "content": "b", "accumulated": "ab", "progress": 40}
            | {"file": "index.html", "offset": 1, "reset": True},
        ),
        (
            COMPLETE,
            {"type": "complete", "html": "<p>", "css": "a{}", "js": "go()", "progress": 100, "title": "T"}
            | {"files": {"a.svg": {"base64": "AA=="}}, "model": "m", "provider": "p", "usage": {"output": 3}}
            | {"seconds": 1.5, "dialect": "tilde"},
        ),
        (
            DEPLOYED,
            {"type": "complete", "url": "https://x.example", "deploymentId": "d1", "projectName": "bakery", "progress": 100}
            | {"target": "cloudflare", "environment": "production", "aliases": ["https://y.example"]}
            | {"uploaded": 3, "unchanged": 2, "verified": 5, "claimUrl": "https://z.example", "claimBy": "2026-12-01T00:00:00Z", "seconds": 2.5},
        ),
        (
            FAILED,
            {"type": "error", "message": "the site is incomplete", "code": "incomplete", "hint": "webmint resume"}
            | {"retryable": True, "reason": "length", "partial": {"index.html": "<p>"}},
        ),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, dict) else "",
)  # fmt: skip
def test_fields_are_spelt_and_ordered_as_on_the_wire(event: Event, wire: dict[str, Any]) -> None:
    assert to_json(event) == json.dumps(wire, separators=(",", ":"))
    assert len(to_dict(event)) == len(fields(event)) + 1


@pytest.mark.parametrize(
    ("event", "absent"),
    [
        (Status("a", 0), {"phase", "streamId"}),
        (Progress("a", 0, "a.css", 0), {"accumulated", "reset"}),
        (Complete("", "", "", "", "", "", 0, ""), {"files"}),
        (Failed("a", "b"), {"reason", "partial"}),
        (Deployed("u", "d", "p", "t", "e", 0), {"claimUrl", "claimBy"}),
        (PLANNED, {"removed"}),
    ],
)
def test_what_is_not_there_is_left_out(event: Event, absent: set[str]) -> None:
    wire = to_dict(event)
    assert not absent & set(wire)
    assert len(wire) + len(absent) == len(fields(event)) + 1
    assert from_dict(wire) == event


def test_empty_and_zero_values_are_said() -> None:
    assert to_dict(Complete("", "", "", "", "", "", 0, ""))["css"] == ""
    assert to_dict(Progress("", 0, "a.css", 0, accumulated=""))["accumulated"] == ""
    assert to_dict(Failed("a", "b"))["retryable"] is False
    assert to_dict(Deployed("u", "d", "p", "t", "e", 0))["aliases"] == ()


TEXT = st.text(st.characters(codec=None))
COUNT = st.integers(0, 2**53 - 1)
SECONDS = st.floats(0, allow_infinity=False)
MAYBE = st.none() | TEXT
PHASE: Any = st.none() | st.sampled_from(
    ["connect", "think", "write", "check", "hash", "upload", "publish", "verify"]
)
ANY_EVENT = (
    st.builds(Status, TEXT, COUNT, PHASE, MAYBE)
    | st.builds(Progress, TEXT, COUNT, TEXT, COUNT, st.booleans(), MAYBE)
    | st.builds(
        Complete,
        *[TEXT] * 6, SECONDS, TEXT, st.dictionaries(TEXT, COUNT), st.none() | st.dictionaries(TEXT, TEXT), COUNT,
    )
    | st.builds(Deployed, *[TEXT] * 5, SECONDS, st.lists(TEXT).map(tuple), *[COUNT] * 3, MAYBE, MAYBE, COUNT)
    | st.builds(
        Planned, *[TEXT] * 3, *[st.lists(TEXT).map(tuple)] * 3, st.none() | st.lists(TEXT).map(tuple), COUNT, st.booleans()
    )
    | st.builds(Failed, TEXT, TEXT, TEXT, st.booleans(), MAYBE, st.none() | st.dictionaries(TEXT, TEXT))
)  # fmt: skip


@given(ANY_EVENT)
def test_what_is_written_is_read_back(event: Event) -> None:
    line = to_json(event)
    assert from_dict(json.loads(line)) == event
    assert from_dict(to_dict(event)) == event
    assert "\n" not in line
    assert "\r" not in line
    line.encode("utf-8")


@pytest.mark.parametrize("event", EVENTS)
def test_unknown_members_are_ignored(event: Event) -> None:
    assert from_dict(to_dict(event) | {"job": "generate", "novel": [1], "stream_id": "no"}) == event


@pytest.mark.parametrize(
    "data", [{}, {"type": "new"}, {"type": None}, {"type": "Status", "message": "a", "progress": 1}]
)
def test_an_unknown_type_is_an_error(data: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="unknown event type"):
        from_dict(data)


@pytest.mark.parametrize(
    "data",
    [
        {"type": "status", "message": "a"},
        {"type": "progress", "content": "a", "progress": 1, "file": "a.css"},
        {"type": "complete", "html": ""},
        {"type": "complete", "url": "https://x.example"},
        {"type": "error", "message": "a"},
        to_dict(DEPLOYED) | {"aliases": 5},
    ],
)
def test_a_missing_field_is_an_error(data: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=f"not a {data['type']} event"):
        from_dict(data)


def test_a_failure_becomes_an_event() -> None:
    error = Incomplete("cut", hint="webmint resume", reason="timeout", partial={"a.css": "a"})
    assert failed(error) == Failed("cut", "incomplete", "webmint resume", False, "timeout", {"a.css": "a"})
    assert failed(Unavailable("busy", code="overloaded")) == Failed("busy", "overloaded", "", True)
    assert "partial" not in to_dict(failed(KeyMissing("no key")))
