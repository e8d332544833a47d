"""`webmint models`: who could be asked, and what they offer."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import support
import upstream as up
from commandline import Webmint

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def upstream() -> Iterator[up.Upstream]:
    with up.Upstream() as server:
        server.models = [f"model-{letter}" for letter in "abcde"]
        yield server


@pytest.fixture
def webmint(tmp_path: Path) -> Webmint:
    return Webmint(tmp_path)


def rows(webmint: Webmint, *arguments: str, **environment: str) -> dict[str, dict[str, Any]]:
    ended = webmint("models", "--json", *arguments, environment=environment)
    assert ended.code == 0, ended.err
    return {row["provider"]: row for row in json.loads(ended.out)}


def test_without_a_key_the_composer_is_chosen_and_the_rest_says_what_is_missing(webmint: Webmint) -> None:
    listed = rows(webmint)
    assert [name for name, row in listed.items() if row["chosen"]] == ["composer"]
    assert listed["openai"]["status"] == "OPENAI_API_KEY is not set"
    assert listed["ollama"]["status"] == "not running at http://127.0.0.1:11434/v1"
    assert "custom" not in listed


def test_a_server_that_answers_shows_its_models(webmint: Webmint, upstream: up.Upstream) -> None:
    listed = rows(webmint, "--base-url", upstream.base_url)
    assert listed.keys() == {"custom"}
    assert listed["custom"]["models"] == upstream.models
    assert listed["custom"]["chosen"]


def test_the_table_shows_some_models_and_all_of_a_named_provider(
    webmint: Webmint, upstream: up.Upstream
) -> None:
    key = {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": upstream.base_url}
    short = webmint("models", "--base-url", upstream.base_url).out
    assert "model-a, model-b, model-c and 2 more" in short
    assert "model-e" in webmint("models", "-p", "openai", environment=key).out


def test_a_rejected_key_is_a_row_and_is_not_shown(webmint: Webmint, upstream: up.Upstream) -> None:
    upstream.key = "another"
    environment = {"OPENAI_API_KEY": support.KEY, "OPENAI_BASE_URL": upstream.base_url}
    ended = webmint("models", "-p", "openai", environment=environment)
    assert ended.code == 0
    assert "refused the key (401 Unauthorized)" in ended.out
    assert support.KEY not in ended.out + ended.err


def test_an_unknown_provider_is_a_wrong_call(webmint: Webmint) -> None:
    ended = webmint("models", "-p", "nobody")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: there is no provider 'nobody'\n\nhint: one of: composer, openai, ")
