"""The statistics: what the exchange format says they are, and never by reading content."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from histories import chat, deployment
from hypothesis import given
from hypothesis import strategies as st

from webmint_cli.errors import StorageError
from webmint_cli.history.content import characters, content, files, site
from webmint_cli.history.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAY = 86_400_000


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "history.db") as opened:
        yield opened


def test_an_empty_history_has_statistics_too(store: Store) -> None:
    assert store.stats() == {
        "totalChats": 0,
        "totalDeployments": 0,
        "deployRate": 0,
        "characters": {"html": 0, "css": 0, "js": 0},
        "timeline": [],
        "models": [],
    }


def test_all_that_the_format_names_is_counted(store: Store) -> None:
    def by(model: str, tokens: dict[str, int], seconds: float) -> dict[str, Any]:
        return {"model": model, "usage": tokens, "seconds": seconds}

    one = store.insert("chats", chat(1, timestamp=0, metadata=by("a", {"total_tokens": 10}, 1.5)))
    store.insert("chats", chat(2, timestamp=DAY - 1, status="failed", metadata=by("a", {"tokens": 5}, 0.25)))
    parts = {"prompt_tokens": 3, "completion_tokens": 4}
    store.insert("chats", chat(3, timestamp=DAY, metadata=by("b", parts, 2)))
    store.insert("chats", chat(4, timestamp=8_640_000_000_000_000))
    for number in (1, 2):
        store.insert("deployments", deployment(number, chatId=one, timestamp=DAY))
    store.insert("deployments", deployment(3, chatId=None, timestamp=2 * DAY))
    stats = store.stats()
    assert stats == {
        "totalChats": 4,
        "totalDeployments": 3,
        "deployRate": 0.25,
        "characters": {"html": 40, "css": 0, "js": 0},
        "timeline": [
            {"date": "1970-01-01", "chats": 2, "deployments": 0},
            {"date": "1970-01-02", "chats": 1, "deployments": 2},
            {"date": "1970-01-03", "chats": 0, "deployments": 1},
            {"date": "9999-12-31", "chats": 1, "deployments": 0},
        ],
        "models": [
            {"model": "a", "runs": 2, "completed": 1, "seconds": 1.75, "tokens": 15},
            {"model": "b", "runs": 1, "completed": 1, "seconds": 2.0, "tokens": 7},
        ],
    }
    store.delete("chats", [one], now=1)
    assert (store.stats()["totalChats"], store.stats()["deployRate"]) == (3, 0)


def test_no_content_is_read(store: Store) -> None:
    store.insert("chats", chat(1))
    before = store.stats()
    store.execute("update chats set record = 'no JSON'")
    assert store.stats() == before


@pytest.mark.parametrize("odd", [None, "many", [], {}, True, -1, float("1e300"), "12"])
def test_what_is_no_number_counts_as_nothing(store: Store, odd: Any) -> None:
    metadata = {"model": "a", "usage": {"total_tokens": odd}, "seconds": odd}
    store.insert("chats", chat(1, metadata=metadata))
    store.insert("chats", chat(2, metadata={"model": odd, "usage": odd}))
    assert store.stats()["models"][0]["tokens"] == store.stats()["models"][0]["seconds"] == 0


@given(st.text(st.characters()))
def test_characters_are_those_of_a_javascript_string(text: str) -> None:
    expected = sum(2 if ord(character) > 0xFFFF else 1 for character in text)
    generated = {
        "html": text,
        "css": "",
        "js": text,
        "files": {"index.html": text, "more/About.HTM": text, "a.svg": text},
    }
    assert characters({"generatedContent": generated}) == {"html": 2 * expected, "css": 0, "js": expected}


FILE = st.text() | st.binary()


@given(
    st.dictionaries(st.sampled_from(["index.html", "styles.css", "script.js", "a/b.html", "logo.png"]), FILE)
)
def test_files_become_content_and_are_read_back(made: dict[str, str | bytes]) -> None:
    again = files({"generatedContent": content(made)})
    if set(made) <= {"index.html", "styles.css", "script.js"}:
        texts = {
            path: value if isinstance(value, str) else value.decode("utf-8", "replace")
            for path, value in made.items()
        }
        assert again == {path: text for path, text in texts.items() if text}
    else:
        assert again == made


@pytest.mark.parametrize("path", ["../up.html", "/etc/passwd", "a/../../b", ".git/config", "con", ""])
def test_a_site_does_not_leave_its_folder(path: str) -> None:
    record = {"generatedContent": {"html": "x", "files": {path: "y"}}}
    assert files(record)[path] == "y"
    with pytest.raises(StorageError, match="can't be written"):
        site(record)
