"""Who a record is, what it must be, and what never gets into it."""

from __future__ import annotations

import io
import json
from importlib.resources import files
from typing import Any

import jsonschema
import pytest
from histories import FILES, VALUES, MemoryStore, chat, deployment, exported, filled, golden, imported
from hypothesis import given

from webmint_cli.history.records import NAMESPACE, canonical, migrated, portable, problems, uid, updated
from webmint_cli.history.redaction import cleaned
from webmint_cli.history.writer import export

SCHEMA = json.loads((files("webmint_cli.history") / "schema.json").read_text("utf-8"))
VECTORS = json.loads(golden("uids"))

CANARIES = (
    "sk-canary0123456789",
    "sk-proj-Canary_0123-456789",
    "ghp_canary0123456789canary0123456789",
    "github_pat_canary0123456789",
    "AKIACANARY0123456789",
    "AIzaCanary-0123456789",
    "gsk_canary0123456789",
    "hf_canary0123456789abc",
    "xoxb-canary-0123456789",
    "Bearer canary.0123456789",
    "eyJjYW5hcnk.eyJjYW5hcnk0.c2lnbmF0dXJl",
    "https://canary:hunter2@example.org/",
    "-----BEGIN RSA PRIVATE KEY-----\ncanary\n-----END RSA PRIVATE KEY-----",
)
SECRET_NAMES = (
    "key", "apiKey", "api_key", "OPENAI_API_KEY", "CLOUDFLARE_API_TOKEN", "token", "accessToken", "Authorization",
    "x-api-key", "secret", "client_secret", "password", "Set-Cookie", "apikey", "apiKeys", "API_KEY_2", "credentials",
    "authorizationHeader",
)  # fmt: skip
PLAIN_NAMES = (
    "tokens",
    "keyframes",
    "monkey",
    "designTokens",
    "keywords",
    "keyColor",
    "secretary",
    "tokenCount",
)


@pytest.mark.parametrize(
    "vector", VECTORS["vectors"], ids=lambda vector: f"{vector['kind']}: {vector['name']}"
)
def test_the_same_record_always_gets_the_same_uid(vector: dict[str, Any]) -> None:
    assert uid(vector["kind"], vector["record"]) == vector["uid"]
    assert str(NAMESPACE) == VECTORS["namespace"]


@pytest.mark.parametrize(
    ("kind", "record", "said"),
    [
        ("chats", chat(timestamp="yesterday"), 'x[1].timestamp: expected milliseconds, got "yesterday"'),
        ("chats", chat(timestamp=True), "x[1].timestamp: expected milliseconds, got true"),
        ("chats", chat(timestamp=-1), "x[1].timestamp: expected milliseconds, got -1"),
        (
            "chats",
            chat(timestamp=8.64e15 + 1),
            "x[1].timestamp: expected milliseconds, got 8640000000000001.0",
        ),
        ("chats", chat(prompt=None), "x[1].prompt: expected text, got null"),
        ("chats", {}, "x[1].timestamp: expected milliseconds, got nothing"),
        ("chats", chat(uid="chat-1"), 'x[1].uid: expected a UUID, got "chat-1"'),
        ("chats", chat(metadata=[]), "x[1].metadata: expected an object, got a list"),
        ("chats", chat(generatedContent="<p>"), 'x[1].generatedContent: expected an object, got "<p>"'),
        ("chats", chat(generatedContent={"html": 1}), "x[1].generatedContent.html: expected text, got 1"),
        (
            "chats",
            chat(generatedContent={"files": {"a b.html": 1}}),
            'x[1].generatedContent.files["a b.html"]: expected text or {base64}, got 1',
        ),
        ("chats", ["a"], "x[1]: expected an object, got a list"),
        ("deployments", deployment(chatId="1"), 'x[1].chatId: expected a whole number or null, got "1"'),
        ("deployments", deployment(url=None), "x[1].url: expected text, got null"),
        ("deployments", deployment(deploymentId=4), "x[1].deploymentId: expected text or null, got 4"),
        (
            "tombstones",
            {"store": "sites", "uid": "0" * 36, "timestamp": 1},
            'x[1].store: expected "chats" or "deployments", got "sites"',
        ),
    ],
)
def test_a_bad_record_is_named_by_path_and_reason(kind: str, record: Any, said: str) -> None:
    assert str(problems(kind, record, "x[1]")[0]) == said


def test_a_message_shows_no_key_and_no_page() -> None:
    (problem,) = problems("chats", chat(timestamp=f"{CANARIES[0]} and {'x' * 500}"), "chats[0]")
    assert "canary" not in problem.reason
    assert len(problem.reason) < 100


def test_what_was_still_streaming_was_interrupted() -> None:
    record = migrated("chats", chat(status="streaming", metadata={"model": "m"}))
    assert record["status"] == "stopped"
    assert record["metadata"] == {"model": "m", "reason": "interrupted"}
    assert migrated("chats", record) == record


def test_a_record_is_the_same_wherever_it_is_kept() -> None:
    here = chat(metadata={"a": 1.0, "b": 2}, uid="u")
    there = {**dict(reversed(here.items())), "id": 99, "metadata": {"b": 2, "a": 1}}
    assert canonical(here) == canonical(there)
    assert canonical(here) != canonical({**here, "prompt": "other"})
    assert canonical(here) != canonical({**here, "metadata": {"a": True, "b": 2}})


def test_a_change_is_dated_by_updated_at() -> None:
    assert updated(chat(timestamp=5)) == 5
    assert updated(chat(timestamp=5, updatedAt=9)) == 9


@given(VALUES)
def test_what_is_portable_stays(value: Any) -> None:
    once = portable(value)
    assert once == value
    assert json.dumps(portable(once)) == json.dumps(once)


def test_numbers_that_no_browser_holds_become_text_or_nothing() -> None:
    assert portable([2**63, float("nan"), float("inf"), 3.0, 1e300]) == [str(2**63), None, None, 3, 1e300]
    assert isinstance(portable(3.0), int)


@pytest.mark.parametrize("canary", CANARIES)
def test_a_key_gets_in_nowhere_but_in_the_users_own_text(canary: str) -> None:
    planted = chat(
        status=f"failed: {canary}",
        metadata={"error": f"refused {canary} (401)", "deep": [{"x": canary}], canary: 1},
        note=canary,
    )
    shipped = deployment(url=f"https://x.dev/?q={canary}", metadata={"reply": {"body": canary}})
    text = json.dumps({"version": "1.0", "extra": [canary], "chats": [planted], "deployments": [shipped]})
    store = MemoryStore()
    merged = imported(store, text.encode())
    secret = "canary0123" if "canary0123" in canary else canary.replace("Bearer ", "")
    assert secret not in json.dumps([store.contents(), merged.extras])
    assert merged.added == 2
    assert {problem.landed for problem in merged.problems} == {True}
    store.replace("chats", 1, {**store.whole("chats", 1), "metadata": planted["metadata"]})
    out = io.BytesIO()
    notes = export(store, out, timestamp=1, extras={"extra": canary})
    assert secret.encode() not in out.getvalue()
    assert "chats[0].metadata.error: left out, because it looks like a key" in map(str, notes)
    assert canary not in " ".join(map(str, [*notes, *merged.problems]))


@pytest.mark.parametrize("canary", CANARIES)
def test_the_prompt_and_the_content_pass_as_they_are(canary: str) -> None:
    own = chat(
        prompt=canary, generatedContent={"html": canary, "css": "", "js": "", "files": {"k.txt": canary}}
    )
    assert cleaned(own, "chats[0]") == (own, [])


@pytest.mark.parametrize("name", SECRET_NAMES)
def test_a_member_named_like_a_secret_is_left_out(name: str) -> None:
    clean, places = cleaned(chat(metadata={"headers": {name: "hunter2", "model": "m"}}), "chats[4]")
    assert clean["metadata"] == {"headers": {"model": "m"}}
    assert places == [("chats[4]", "metadata", "headers", name)]


@pytest.mark.parametrize("name", PLAIN_NAMES)
def test_a_member_that_only_sounds_like_one_stays(name: str) -> None:
    record = chat(metadata={name: "a word"})
    assert cleaned(record, "chats[0]") == (record, [])


def test_counts_of_tokens_stay() -> None:
    record = chat(metadata={"usage": {"token": 3, "tokens": {"prompt": 12}}, "key": None})
    assert cleaned(record, "chats[0]") == (record, [])


@pytest.mark.parametrize("name", FILES)
def test_golden_files_are_what_the_schema_says(name: str) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(json.loads(golden(name)), SCHEMA)


@pytest.mark.parametrize("name", FILES)
def test_what_we_write_is_what_the_schema_says(name: str) -> None:
    jsonschema.validate(json.loads(exported(filled(golden(name)))), SCHEMA)


@pytest.mark.parametrize(
    "change",
    [
        {"version": "2.0"},
        {"version": 1.0},
        {"chats": [chat(timestamp="yesterday")]},
        {"chats": [chat(metadata={"__proto__": {}})]},
        {"chats": [chat(generatedContent={"files": {"a": 1}})]},
        {"deployments": [deployment(chatId="1")]},
        {"tombstones": [{"store": "sites"}]},
    ],
)
def test_the_schema_refuses_what_the_reader_refuses(change: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**json.loads(golden("full")), **change}, SCHEMA)
