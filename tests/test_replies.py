"""The corpus of hostile replies: every one gives exactly the files that stand beside it, at any split."""

import json
from pathlib import Path
from typing import Any

import pytest

from webmint_cli.reply.checks import placeholders
from webmint_cli.reply.parser import Outcome, Parser

CORPUS = Path(__file__).parent / "replies"
CASES = sorted(path.parent for path in CORPUS.glob("*/expected.json"))


def chunks_of(case: Path) -> list[str]:
    chunked = case / "reply.json"
    if chunked.exists():
        chunks: list[str] = json.loads(chunked.read_text("utf-8"))
        return chunks
    return [(case / "reply.txt").read_bytes().decode("utf-8")]


def parse(chunks: list[str]) -> tuple[Outcome, dict[str, str]]:
    """The outcome, and the files as a consumer of the deltas has them."""
    parser = Parser()
    streamed: dict[str, str] = {}
    deltas = [delta for chunk in chunks for delta in parser.feed(chunk)]
    outcome = parser.close()
    for delta in deltas + parser.take():
        streamed[delta.path] = delta.text if delta.reset else streamed.get(delta.path, "") + delta.text
    return outcome, streamed


def expected_files(case: Path) -> dict[str, bytes]:
    site = case / "site"
    return {
        path.relative_to(site).as_posix(): path.read_bytes() for path in site.rglob("*") if path.is_file()
    }


def test_the_corpus_is_there() -> None:
    assert len(CASES) >= 80


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_reply(case: Path) -> None:
    expected: dict[str, Any] = json.loads((case / "expected.json").read_text("utf-8"))
    outcome, _ = parse(chunks_of(case))
    assert {path: text.encode() for path, text in outcome.files.items()} == expected_files(case)
    assert outcome.dialect == expected["dialect"]
    assert outcome.open == expected["open"]
    assert sorted(outcome.refused) == sorted(expected["refused"])
    assert outcome.plan.title == expected.get("title", "")
    assert placeholders(outcome.files) == expected.get("placeholder", [])
    assert outcome.declined == expected.get("declined", False)
    assert outcome.thinking == expected.get("thinking", False)


def is_long(case: Path) -> bool:
    return sum(map(len, chunks_of(case))) > 50_000


@pytest.mark.parametrize(
    ("case", "size"),
    [(case, size) for case in CASES for size in (1, 2, 3, 7, 64) if size == 64 or not is_long(case)],
    ids=lambda value: value.name if isinstance(value, Path) else str(value),
)
def test_any_split_gives_the_same(case: Path, size: int) -> None:
    chunks = chunks_of(case)
    whole = "".join(chunks)
    assert parse([whole[at : at + size] for at in range(0, len(whole), size)])[0] == parse(chunks)[0]
