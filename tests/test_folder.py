"""A site's folder: named well, written whole or not at all, and never over somebody else's work."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from support import FILES

from webmint_cli import folder
from webmint_cli.errors import StorageError, UsageError
from webmint_cli.folder import (
    RECORD,
    Provenance,
    changed,
    check,
    default_folder,
    read_provenance,
    slug,
    write,
)
from webmint_cli.site import Site

MADE_FROM = Provenance("run-1", "a bakery", "custom", "model-a", "Chez Léa", 7, "c0ffee", "completed", "1.0")


def put(place: Path, files: dict[str, Any] | None = None, *, force: bool = False, **changes: Any) -> Path:
    write(place, Site(files or FILES), Provenance(**{**_fields(), **changes}), force=force)
    return place


def _fields() -> dict[str, Any]:
    return {name: getattr(MADE_FROM, name) for name in MADE_FROM.__slots__}


def content(place: Path) -> dict[str, bytes]:
    """All files below a folder but the record, hidden ones too."""
    found = (path for path in place.rglob("*") if path.is_file() and path.name != RECORD)
    return {path.relative_to(place).as_posix(): path.read_bytes() for path in found}


ENCODED = {path: text.encode() for path, text in FILES.items()}


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("A Bakery in Lyon", "a-bakery-in-lyon"),
        ("Bäckerei Müller & Söhne", "backerei-muller-sohne"),
        ("Boulangerie «Chez Léa»", "boulangerie-chez-lea"),
        ("Straße", "strasse"),
        ("Smørrebrød på Ærø", "smorrebrod-pa-aero"),
        ("Łódź", "lodz"),
        ("İstanbul ışık", "istanbul-isik"),
        ("東京のパン屋", "東京のパン屋"),
        ("パン 屋", "パン-屋"),
        ("Пекарня №1", "no1"),
        ("Пекарня в Лионе", "пекарня-в-лионе"),
        ("Cafe 東京", "cafe"),
        ("🥐🥐 Croissants 🥐", "croissants"),
        ("🥐🥐", "site"),
        ("", "site"),
        (" \n\t", "site"),
        ("../../etc/passwd", "etc-passwd"),
        (".hidden", "hidden"),
        ("a\x00b/c\\d:e", "a-b-c-d-e"),
        ("word " * 40, "-".join(["word"] * 12)),
        ("x" * 80, "x" * 60),
        ("東" * 80, "東" * 60),
        ("x" * 80 + " y", "x" * 60),
    ],
)
def test_a_title_gives_a_name(title: str, name: str) -> None:
    assert slug(title) == name
    assert len(slug(title)) <= 60


# Where it goes


def test_the_default_folder_is_named_by_the_title(tmp_path: Path) -> None:
    assert default_folder("Chez Léa", tmp_path) == tmp_path / "chez-lea"


def test_our_own_untouched_folder_is_used_again(tmp_path: Path) -> None:
    place = put(tmp_path / "chez-lea")
    assert default_folder("Chez Léa", tmp_path) == place


@pytest.mark.parametrize("taken", ["foreign", "empty", "edited", "file", "broken-link"])
def test_a_folder_that_is_not_ours_gives_way_to_the_next_number(taken: str, tmp_path: Path) -> None:
    place = tmp_path / "chez-lea"
    occupy(place, taken)
    assert default_folder("Chez Léa", tmp_path) == tmp_path / "chez-lea-2"
    occupy(tmp_path / "chez-lea-2", taken)
    assert default_folder("Chez Léa", tmp_path) == tmp_path / "chez-lea-3"


def occupy(place: Path, how: str) -> None:
    match how:
        case "foreign":
            place.mkdir()
            (place / "notes.txt").write_text("mine")
        case "empty":
            place.mkdir()
        case "edited":
            put(place)
            (place / "styles.css").write_text("mine")
        case "file":
            place.write_text("mine")
        case "broken-link":
            place.symlink_to(place.with_name("nowhere"))


# What is written


def test_a_site_is_written_with_what_it_was_made_from(tmp_path: Path) -> None:
    place = put(tmp_path / "deep" / "er" / "site")
    assert content(place) == ENCODED
    record = json.loads((place / RECORD).read_text("utf-8"))
    assert record["files"] == {path: hashlib.sha256(data).hexdigest() for path, data in ENCODED.items()}
    assert (record["run"], record["prompt"], record["title"], record["seed"]) == (
        "run-1",
        "a bakery",
        "Chez Léa",
        7,
    )
    assert "Chez Léa" in (place / RECORD).read_text("utf-8")
    assert read_provenance(place) == Provenance(**{**_fields(), "files": record["files"]})
    assert changed(place) == []


def test_bytes_are_exact(tmp_path: Path) -> None:
    files = {
        "index.html": "\ufeffa\r\nb\rc\n\x00\u2028🥐 no end",
        "empty.txt": "",
        "picture.png": bytes(range(256)),
        "blog/2026/first post.html": "<p>\n",
    }
    assert content(put(tmp_path / "site", files)) == {
        "index.html": b"\xef\xbb\xbfa\r\nb\rc\n\x00\xe2\x80\xa8\xf0\x9f\xa5\x90 no end",
        "empty.txt": b"",
        "picture.png": bytes(range(256)),
        "blog/2026/first post.html": b"<p>\n",
    }
    assert content(put(tmp_path / "site", files)) == content(put(tmp_path / "site", files))


def test_a_prompt_that_is_no_unicode_is_recorded_all_the_same(tmp_path: Path) -> None:
    place = put(tmp_path / "site", prompt="caf\udce9")
    record = read_provenance(place)
    assert record
    assert record.prompt == "caf\udce9"


@pytest.mark.parametrize(
    ("mask", "folders", "files"), [(0o022, 0o755, 0o644), (0o077, 0o700, 0o600), (0o002, 0o775, 0o664)]
)
@pytest.mark.parametrize("times", [1, 2])
def test_modes_follow_the_umask(mask: int, folders: int, files: int, times: int, tmp_path: Path) -> None:
    before = os.umask(mask)
    try:
        for _ in range(times):
            put(tmp_path / "site", {**FILES, "blog/index.html": "<p>"})
        assert os.umask(mask) == mask
    finally:
        os.umask(before)
    modes = {
        path.name: stat.S_IMODE(path.stat().st_mode)
        for path in (tmp_path / "site", *(tmp_path / "site").rglob("*"))
    }
    names = {"site", "blog"}
    assert modes == {name: folders if name in names else files for name in modes}


# Writing again


def test_a_folder_of_ours_is_brought_up_to_date(tmp_path: Path) -> None:
    place = put(tmp_path / "site", {**FILES, "old.html": "old", "blog/old.html": "old"})
    (place / "theirs.txt").write_text("mine")
    put(place, {**FILES, "styles.css": "new", "new.html": "new"})
    assert content(place) == {**ENCODED, "styles.css": b"new", "new.html": b"new", "theirs.txt": b"mine"}
    assert changed(place) == []


def test_a_file_that_was_deleted_is_no_obstacle(tmp_path: Path) -> None:
    place = put(tmp_path / "site")
    (place / "styles.css").unlink()
    assert changed(place) == []
    assert content(put(place)) == ENCODED


def test_an_edited_file_of_the_version_before_is_kept_even_by_force(tmp_path: Path) -> None:
    place = put(tmp_path / "site", {**FILES, "old.html": "old", "older.html": "older"})
    (place / "old.html").write_text("mine")
    put(place, force=True)
    assert content(place) == {**ENCODED, "old.html": b"mine"}


def test_an_empty_folder_and_a_link_to_one_can_be_written_to(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert content(put(tmp_path / "link")) == ENCODED == content(tmp_path / "real")
    assert (tmp_path / "link").is_symlink()


# What is refused

REFUSED = {
    "foreign": ("was not written by webmint", "--force"),
    "edited": ("holds work that is not webmint's: styles.css", "--force"),
    "deleted-and-edited": ("holds work that is not webmint's: styles.css", "--force"),
    "in-the-way": ("holds work that is not webmint's: script.js", "--force"),
    "folder-in-the-way": ("holds work that is not webmint's: script.js", "--force"),
    "folder-for-a-file": ("holds work that is not webmint's: index.html", "--force"),
    "file-for-a-folder": ("holds work that is not webmint's: blog", "--force"),
    "bad-record": ("was not written by webmint", "--force"),
    "file": ("is a file, not a folder", "-o DIR"),
    "broken-link": ("is a broken link", "-o DIR"),
}
SITE = {**FILES, "blog/index.html": "<p>blog"}


def obstruct(place: Path, how: str) -> None:
    if how in ("foreign", "edited", "file", "broken-link"):
        occupy(place, how)
        return
    put(place, {path: text for path, text in FILES.items() if path != "script.js"})
    match how:
        case "deleted-and-edited":
            (place / "index.html").unlink()
            (place / "styles.css").write_text("mine")
        case "in-the-way":
            (place / "script.js").write_text("mine")
        case "folder-in-the-way":
            (place / "script.js").mkdir()
        case "folder-for-a-file":
            (place / "index.html").unlink()
            (place / "index.html").mkdir()
        case "file-for-a-folder":
            (place / "blog").write_text("mine")
        case "bad-record":
            (place / RECORD).write_text("{}")


def listing(place: Path) -> dict[str, bytes | None]:
    paths = sorted([place, *place.rglob("*")])
    return {str(path): path.read_bytes() if path.is_file() else None for path in paths}


@pytest.mark.parametrize("how", REFUSED)
def test_work_that_is_not_ours_is_refused_before_anything_is_written(how: str, tmp_path: Path) -> None:
    place = tmp_path / "site"
    obstruct(place, how)
    before = listing(tmp_path)
    with pytest.raises(UsageError) as caught:
        put(place, SITE)
    says, hint = REFUSED[how]
    assert caught.value.message.startswith(str(place))
    assert says in caught.value.message
    assert hint in caught.value.hint
    assert listing(tmp_path) == before


@pytest.mark.parametrize("how", ["foreign", "edited", "in-the-way", "bad-record"])
def test_force_writes_over_it_and_leaves_the_rest(how: str, tmp_path: Path) -> None:
    place = tmp_path / "site"
    obstruct(place, how)
    put(place, SITE, force=True)
    others = {"notes.txt": b"mine"} if how == "foreign" else {}
    assert content(place) == {path: text.encode() for path, text in SITE.items()} | others
    assert changed(place) == []


@pytest.mark.parametrize("how", ["foreign", "edited", "file", "broken-link"])
def test_the_check_before_the_run_needs_no_paths(how: str, tmp_path: Path) -> None:
    occupy(tmp_path / "site", how)
    with pytest.raises(UsageError):
        check(tmp_path / "site")


def test_the_check_passes_what_is_free_empty_or_ours(tmp_path: Path) -> None:
    check(tmp_path / "none")
    check(tmp_path)
    check(put(tmp_path / "site"), frozenset(FILES))


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("linked", ["styles.css", "blog", RECORD])
def test_a_link_inside_the_folder_is_not_written_through(linked: str, force: bool, tmp_path: Path) -> None:
    place = put(tmp_path / "site", SITE)
    outside = tmp_path / "outside"
    (place / linked).rename(outside)
    (place / linked).symlink_to(outside)
    before = listing(tmp_path)
    with pytest.raises(UsageError, match="is a link; it is not written through"):
        put(place, {path: text + "new" for path, text in SITE.items()}, force=force)
    assert listing(tmp_path) == before


@pytest.mark.parametrize("linked", ["old.html", "old"])
def test_what_is_stale_is_not_removed_through_a_link(linked: str, tmp_path: Path) -> None:
    place = put(tmp_path / "site", {**FILES, "old.html": "old", "old/page.html": "old"})
    outside = tmp_path / "outside"
    (place / linked).rename(outside)
    (place / linked).symlink_to(outside)
    put(place)
    assert outside.is_dir() or outside.read_text() == "old"
    assert [path.name for path in outside.rglob("*")] == ["page.html"] * (linked == "old")


@pytest.mark.parametrize(
    "path", ["../outside.txt", "/outside.txt", "a/../../outside.txt", "a\x00b", ".git/config"]
)
def test_a_record_that_names_other_places_is_none_of_ours(path: str, tmp_path: Path) -> None:
    outside = tmp_path / "outside.txt"
    outside.write_text("old")
    place = put(tmp_path / "site")
    record = json.loads((place / RECORD).read_text("utf-8"))
    record["files"][path] = hashlib.sha256(b"old").hexdigest()
    (place / RECORD).write_text(json.dumps(record), "utf-8")
    assert read_provenance(place) is None
    with pytest.raises(UsageError):
        put(place)
    put(place, force=True)
    assert outside.read_text() == "old"


@pytest.mark.parametrize(
    "record",
    [
        "",
        "[]",
        "5",
        "null",
        "{}",
        '{"run": 1}',
        "\xff",
        '{"files": []}',
        '{"files": {"a": 5}}',
        '{"files": "a"}',
    ],
)
def test_a_record_that_can_not_be_read_is_none(record: str, tmp_path: Path) -> None:
    data = json.loads(record) if record[:2] == '{"' else None
    text = json.dumps({"run": "1", "prompt": "", "provider": "", "model": "", **data}) if data else record
    (tmp_path / RECORD).write_bytes(text.encode("latin-1"))
    if data == {"run": 1}:
        assert read_provenance(tmp_path) is not None
    else:
        assert read_provenance(tmp_path) is None


# A disk that refuses

FULL = """
import resource, signal, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
import test_folder
from webmint_cli.errors import StorageError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
try:
    test_folder.put(Path({place!r}), {{"a.css": "new", "big.css": "x" * 5000, "c.css": "new"}})
except StorageError as error:
    print(error.message, error.hint, error.exit_code, sep="\\n")
"""


def put_on_a_full_disk(place: Path) -> list[str]:
    script = FULL.format(tests=str(Path(__file__).parent), place=str(place))
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return process.stdout.splitlines()


def test_a_new_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    message, hint, exit_code = put_on_a_full_disk(tmp_path / "site")
    assert message.startswith("can't write ")
    assert message.endswith(": File too large")
    assert "webmint resume -o DIR" in hint
    assert exit_code == "1"
    assert list(tmp_path.iterdir()) == []


def test_in_an_old_folder_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    place = put(tmp_path / "site", {"a.css": "old", "big.css": "old", "c.css": "old"})
    put_on_a_full_disk(place)
    assert content(place) == {"a.css": b"new", "big.css": b"old", "c.css": b"old"}


def test_a_name_that_the_system_refuses_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="File name too long"):
        put(tmp_path / "site", {**FILES, "x" * 300: "no"})
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(StorageError, match="File name too long"):
        put(tmp_path / ("x" * 300))
    assert list(tmp_path.iterdir()) == []


def test_a_place_below_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(StorageError, match=r"can't write .*file"):
        put(tmp_path / "file" / "site")


def test_a_folder_that_appears_meanwhile_is_not_written_into(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "site"
    put_file = folder._put

    def meanwhile(path: Path, data: bytes) -> None:
        put_file(path, data)
        if not place.exists():
            occupy(place, "foreign")

    monkeypatch.setattr(folder, "_put", meanwhile)
    with pytest.raises(StorageError):
        put(place)
    assert content(tmp_path) == {"site/notes.txt": b"mine"}
