"""A site's line of versions only grows; what changed between two of them can be applied by `patch`."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from histories import chat
from hypothesis import given
from hypothesis import strategies as st

from webmint_cli.errors import UsageError
from webmint_cli.history import versions
from webmint_cli.history.content import content, files
from webmint_cli.history.store import Store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(tmp_path / "history.db") as opened:
        yield opened


def metadata(store: Store, number: int) -> dict[str, Any]:
    record = store.get("chats", number)
    assert record
    found: dict[str, Any] = record["metadata"]
    return found


def line(store: Store, number: int) -> list[int]:
    return [version.id for version in versions.line(store, number)]


def test_restoring_and_editing_add_a_version_each(store: Store) -> None:
    run = {"model": "a", "usage": {"total_tokens": 9}, "title": "T", "mine": 1}
    first = store.insert("chats", chat(1, uid="one", metadata=run))
    second = versions.edit(store, first, {"index.html": "<h1>2</h1>", "logo.png": b"\x89"}, now=5000)
    third = versions.restore(store, first, now=6000)
    fourth = versions.restore(store, second, now=7000)
    for version in (first, second, third, fourth):
        assert line(store, version) == [fourth, third, second, first]
    uids = {version.id: version.uid for version in versions.line(store, first)}
    assert metadata(store, second) == {
        "title": "T", "mine": 1, "siteUid": "one", "parentUid": "one", "editedFrom": "one",
    }  # fmt: skip
    assert metadata(store, third)["parentUid"] == uids[second]
    assert metadata(store, third)["restoredFrom"] == "one"
    assert metadata(store, fourth)["parentUid"] == uids[third]
    one, two, three, four = (store.get("chats", number) for number in (first, second, third, fourth))
    assert one
    assert two
    assert three
    assert four
    assert three["generatedContent"] == one["generatedContent"]
    assert four["generatedContent"] == two["generatedContent"]
    assert files(four) == {"index.html": "<h1>2</h1>", "logo.png": b"\x89"}
    assert [model["runs"] for model in store.stats()["models"]] == [1]


def test_lines_do_not_mix(store: Store) -> None:
    one, other = store.insert("chats", chat(1)), store.insert("chats", chat(2))
    versions.restore(store, one, now=5000)
    assert len(line(store, one)) == 2
    assert line(store, other) == [other]


def test_an_unknown_number_is_told(store: Store) -> None:
    for ask in (versions.line, lambda store, number: versions.restore(store, number, now=1)):
        with pytest.raises(UsageError, match="there is no chat 9"):
            ask(store, 9)


def changes(before: dict[str, str | bytes], after: dict[str, str | bytes]) -> dict[str, tuple[str, ...]]:
    old, new = ({"generatedContent": content(made)} for made in (before, after))
    return {change.path: change.lines for change in versions.diff(old, new)}


def test_a_diff_is_a_unified_one_for_each_file_that_changed() -> None:
    found = changes(
        {"index.html": "a\nb\r\nc", "styles.css": "same", "logo.png": b"1", "gone.html": "x\n"},
        {"index.html": "a\nB\r\nc\n", "styles.css": "same", "logo.png": b"2", "new.html": "y\n"},
    )
    assert found == {
        "index.html": (
            "--- a/index.html", "+++ b/index.html", "@@ -1,3 +1,3 @@", " a", "-b\r", "-c", "\\ No newline at end of file",
            "+B\r", "+c",
        ),
        "logo.png": ("Binary files a/logo.png and b/logo.png differ",),
        "gone.html": ("--- a/gone.html", "+++ /dev/null", "@@ -1 +0,0 @@", "-x"),
        "new.html": ("--- /dev/null", "+++ b/new.html", "@@ -0,0 +1 @@", "+y"),
    }  # fmt: skip


LINES = st.lists(st.sampled_from(["a", "b", "\u2028", "\x0c", "c\r", "", "-x", "é"]), max_size=8).map(
    "\n".join
)


@pytest.mark.skipif(not shutil.which("patch") and "CI" not in os.environ, reason="patch is not installed")
@given(LINES.filter(bool), LINES.filter(bool))
def test_a_diff_can_be_applied(tmp_path_factory: pytest.TempPathFactory, before: str, after: str) -> None:
    lines = changes({"index.html": before}, {"index.html": after}).get("index.html")
    if lines is None:
        assert before == after
        return
    path = tmp_path_factory.mktemp("patched") / "index.html"
    path.write_bytes(before.encode())
    patch = ["patch", "--silent", "--binary", str(path)]
    subprocess.run(patch, input="\n".join((*lines, "")).encode(), check=True, timeout=20)
    assert path.read_bytes() == after.encode()
