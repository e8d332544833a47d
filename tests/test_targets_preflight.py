"""Fit to be published: what goes in, what is left out by name, and what is refused with a way on."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import tempfile
from base64 import b64decode
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from webmint_cli.errors import NotDeployable, UsageError
from webmint_cli.site import Site
from webmint_cli.targets.listing import shown
from webmint_cli.targets.preflight import preflight, tree_of
from webmint_cli.targets.target import MIB, Capacity, Tree

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

PAGES = Capacity(rules=True)
PAGE = b"<!doctype html><title>Chez L\xc3\xa9a</title>"
RECORDED: dict[str, Any] = json.loads(
    (Path(__file__).parent / "hosts" / "wrangler-pages.json").read_text("utf-8")
)["trees"]


def put(folder: Path, files: Mapping[str, bytes] | tuple[str, ...] = (), *, index: bool = True) -> Path:
    content = dict(files) if not isinstance(files, tuple) else dict.fromkeys(files, b"text")
    if index:
        content = {"index.html": PAGE} | content
    folder.mkdir(parents=True, exist_ok=True)
    for path, data in content.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return folder


def paths(tree: Tree) -> list[str]:
    return [asset.path for asset in tree.assets]


def refusal(folder: Path, capacity: Capacity = PAGES, **how: Any) -> NotDeployable:
    with pytest.raises(NotDeployable) as caught:
        preflight(folder, capacity, **how)
    return caught.value


# --- the folder ---


def test_a_missing_folder_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no folder") as caught:
        preflight(tmp_path / "gone", PAGES)
    assert "webmint generate" in caught.value.hint


def test_a_file_in_place_of_a_folder_names_the_folder_to_type(tmp_path: Path) -> None:
    page = put(tmp_path / "my site") / "index.html"
    with pytest.raises(UsageError, match="is a file, not a folder") as caught:
        preflight(page, PAGES)
    assert caught.value.hint.endswith(f"webmint deploy '{page.parent}'")


def test_an_empty_folder_is_refused_and_nothing_else_is_said_of_it(tmp_path: Path) -> None:
    error = refusal(tmp_path, allow=("no-index",))
    assert (error.code, error.exit_code) == ("empty", 3)
    assert "index.html" in error.hint


def test_a_folder_of_which_all_is_left_out_says_what(tmp_path: Path) -> None:
    put(tmp_path, (".git/config", ".htaccess"), index=False)
    error = refusal(tmp_path)
    assert error.code == "empty"
    assert ".git/" in error.hint
    assert "--allow .htaccess" in error.hint


def test_files_come_in_the_order_of_their_paths_with_sizes_and_bytes(tmp_path: Path) -> None:
    files = {"z.txt": b"z", "a/b.txt": b"", "a.txt": b"\0\1", "B.txt": b"BB"}
    tree = preflight(put(tmp_path, files), PAGES)
    assert paths(tree) == ["B.txt", "a.txt", "a/b.txt", "index.html", "z.txt"]
    assert {asset.path: asset.read() for asset in tree.assets} == {"index.html": PAGE} | files
    assert tree.size == sum(map(len, files.values())) + len(PAGE)
    assert tree.notes == ()


def test_a_link_to_a_folder_is_that_folder(tmp_path: Path) -> None:
    put(tmp_path / "real", ("a.txt",))
    (tmp_path / "link").symlink_to("real")
    assert paths(preflight(tmp_path / "link", PAGES)) == ["a.txt", "index.html"]


@contextmanager
def nested(folder: Path, depth: int) -> Iterator[Path]:
    """Folders in folders, made and removed one by one: what makes and removes them in one call recurses."""
    way = [str(folder)]
    for _ in range(depth):
        way.append(f"{way[-1]}/d")
        os.mkdir(way[-1])  # noqa: PTH102 - a path of pathlib is slow at this depth
    page = Path(way[-1], "x.txt")
    page.write_bytes(b"x")
    yield page
    page.unlink()
    for place in reversed(way[1:]):
        os.rmdir(place)  # noqa: PTH106


def test_a_tree_deeper_than_the_stack_of_python_is_read(tmp_path: Path) -> None:
    put(tmp_path)
    with nested(tmp_path, 1000):
        found = paths(preflight(tmp_path, PAGES))
    assert found == ["d/" * 1000 + "x.txt", "index.html"]


# --- what every host refuses ---


def test_a_site_without_a_first_page_is_refused_unless_allowed(tmp_path: Path) -> None:
    put(tmp_path, ("about.html",), index=False)
    error = refusal(tmp_path)
    assert error.code == "no_index"
    assert error.hint.endswith("--allow no-index")
    assert paths(preflight(tmp_path, PAGES, allow=["no-index"])) == ["about.html"]


def test_the_folder_that_was_meant_is_named(tmp_path: Path) -> None:
    put(tmp_path, ("package.json", "dist/index.html"), index=False)
    assert "there is one in dist" in refusal(tmp_path).message


def test_a_file_of_the_largest_size_passes_and_one_byte_more_is_named_with_its_size(tmp_path: Path) -> None:
    put(tmp_path)
    with (tmp_path / "video.mp4").open("wb") as file:
        file.truncate(25 * MIB)
    preflight(tmp_path, PAGES)
    os.truncate(tmp_path / "video.mp4", 25 * MIB + 1)
    error = refusal(tmp_path, allow=("video.mp4", "*"))
    assert error.code == "file_too_large"
    assert "video.mp4 has 25.1 MiB, and this host takes 25 MiB a file" in error.message
    assert "--allow" not in error.hint


def test_more_files_than_the_host_takes_are_counted_and_can_be_allowed(tmp_path: Path) -> None:
    put(tmp_path, ("a", "b", "c"))
    assert len(preflight(tmp_path, Capacity(files=4)).assets) == 4
    error = refusal(tmp_path, Capacity(files=3))
    assert error.code == "too_many_files"
    assert "there are 4 files, and this host takes 3" in error.message
    assert error.hint.endswith("--allow many-files")
    assert len(preflight(tmp_path, Capacity(files=3), allow=["many-files"]).assets) == 4


def test_rules_do_not_count_as_files(tmp_path: Path) -> None:
    put(tmp_path, {"_headers": b"/*\n  x-a: b\n"})
    assert len(preflight(tmp_path, Capacity(files=1, rules=True)).assets) == 1


def test_all_that_is_wrong_is_said_at_once_with_the_way_on(tmp_path: Path) -> None:
    put(tmp_path, {".env": b"A=1", "big.bin": b"x" * 20}, index=False)
    (tmp_path / "out").symlink_to("/etc/hostname")
    error = refusal(tmp_path, Capacity(file=10))
    assert error.code == "not_deployable"
    for words in (".env holds", "big.bin has", "out is a link", "no index.html"):
        assert words in error.message
    for words in ("--allow .env", "--allow out", "--allow no-index"):
        assert words in error.hint
    assert "\n" not in error.message
    assert not error.message.endswith(".")


def test_of_many_problems_five_are_named_and_the_rest_counted(tmp_path: Path) -> None:
    put(tmp_path, tuple(f"{number}.pfx" for number in range(8)))
    error = refusal(tmp_path)
    assert error.code == "secret"
    assert "4.pfx" in error.message
    assert "5.pfx" not in error.message
    assert error.message.endswith("and 3 more")


# --- rules of the host ---


def test_rules_of_the_root_are_no_assets_and_nested_ones_are(tmp_path: Path) -> None:
    rules = {"_headers": b"/*\n  x-a: b\n", "_redirects": b"/a /b 301\n"}
    tree = preflight(put(tmp_path, rules | {"sub/_headers": b"anything"}), PAGES)
    assert tree.rules == rules
    assert paths(tree) == ["index.html", "sub/_headers"]
    assert tree.notes == ()


def test_broken_lines_are_refused_by_number(tmp_path: Path) -> None:
    put(tmp_path, {"_headers": b"x-early: 1\n/*\n  x-a: b\n", "_redirects": b"/ok /fine\n/a /b 999\n"})
    error = refusal(tmp_path)
    assert error.code == "bad_rules"
    assert "_headers line 1: " in error.message
    assert "_redirects line 2: " in error.message
    assert "--allow" not in error.hint


def test_rules_that_are_no_text_are_refused(tmp_path: Path) -> None:
    put(tmp_path, {"_redirects": b"/caf\xe9 /b\n"})
    assert "_redirects is not UTF-8" in refusal(tmp_path).message


def test_a_host_without_rules_does_not_judge_them_and_says_that_it_leaves_them_out(tmp_path: Path) -> None:
    put(tmp_path, {"_redirects": b"\xff nonsense"})
    tree = preflight(tmp_path, Capacity(rules=False))
    assert (paths(tree), tree.rules) == (["index.html"], {})
    assert "_redirects: this host does not read it" in tree.notes[0]
    allowed = preflight(tmp_path, Capacity(rules=False), allow=["_redirects"])
    assert paths(allowed) == ["_redirects", "index.html"]


# --- names ---


@pytest.mark.parametrize(
    "name", [b"bad\xff.txt", b"tab\t.txt", b"line\n.txt", b"back\\slash.txt", b"c1\xc2\x85.txt"]
)
def test_a_name_without_an_address_is_refused_in_printable_form(name: bytes, tmp_path: Path) -> None:
    put(tmp_path)
    (tmp_path / os.fsdecode(name)).write_bytes(b"")
    error = refusal(tmp_path, allow=("*",))
    assert error.code == "bad_name"
    assert shown(os.fsdecode(name)) in error.message
    assert error.message.isprintable()
    assert "rename" in error.hint


def test_a_folder_with_such_a_name_is_refused_once(tmp_path: Path) -> None:
    put(tmp_path, ("tab\t/a.txt", "tab\t/b.txt"))
    assert refusal(tmp_path).message.count("tab") == 1


# --- links and special files ---


def test_links_inside_are_followed(tmp_path: Path) -> None:
    put(tmp_path, ("real/a.txt",))
    (tmp_path / "folder").symlink_to("real")
    (tmp_path / "file.txt").symlink_to(tmp_path / "real" / "a.txt")
    tree = preflight(tmp_path, PAGES)
    assert paths(tree) == ["file.txt", "folder/a.txt", "index.html", "real/a.txt"]


@pytest.mark.parametrize("wrangler_compat", [False, True])
def test_a_link_that_leaves_is_refused_and_followed_only_if_allowed(
    tmp_path: Path, *, wrangler_compat: bool
) -> None:
    site = put(tmp_path / "site")
    put(tmp_path / "site-2", ("a.txt",), index=False)
    (site / "out").symlink_to("../site-2")
    error = refusal(site, wrangler_compat=wrangler_compat)
    assert error.code == "link"
    assert "out is a link that leaves the folder" in error.message
    assert error.hint.endswith("--allow out")
    tree = preflight(site, PAGES, allow=["out/"], wrangler_compat=wrangler_compat)
    assert paths(tree) == ["index.html", "out/a.txt"]


def test_a_link_that_leaves_by_another_link_is_refused(tmp_path: Path) -> None:
    site = put(tmp_path / "site", ("a/x.txt",))
    put(tmp_path / "other", ("secret.txt",), index=False)
    (site / "a" / "up").symlink_to("../../other")
    (site / "b").symlink_to("a")
    message = refusal(site).message
    assert "a/up is a link that leaves" in message
    assert "b/up is a link that leaves" in message


@pytest.mark.parametrize("target", ["nowhere", "self", "/nowhere/at/all"])
def test_a_link_to_nothing_is_refused(target: str, tmp_path: Path) -> None:
    (put(tmp_path) / "self").symlink_to(target)
    error = refusal(tmp_path)
    assert error.code == "link"
    assert "self is a link to nothing" in error.message


def test_links_in_a_circle_end(tmp_path: Path) -> None:
    put(tmp_path, ("a/x.txt", "b/y.txt"))
    (tmp_path / "a" / "to-b").symlink_to("../b")
    (tmp_path / "b" / "to-a").symlink_to("../a")
    (tmp_path / "b" / "root").symlink_to("..")
    tree = preflight(tmp_path, PAGES)
    assert paths(tree) == ["a/to-b/y.txt", "a/x.txt", "b/to-a/x.txt", "b/y.txt", "index.html"]
    assert "a/to-b/to-a/" in tree.notes[0]
    assert "leads back" in tree.notes[0]


def test_a_circle_through_an_allowed_folder_outside_ends(tmp_path: Path) -> None:
    site = put(tmp_path / "site")
    (site / "up").symlink_to("..")
    tree = preflight(site, PAGES, allow=["up"])
    assert paths(tree) == ["index.html"]
    assert "up/site/" in tree.notes[0]


def test_special_files_are_left_out_by_name_and_never_opened(tmp_path: Path) -> None:
    put(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    with tempfile.TemporaryDirectory(dir="/tmp") as short, socket.socket(socket.AF_UNIX) as server:
        server.bind(f"{short}/socket")
        shutil.move(f"{short}/socket", tmp_path / "socket")
        tree = preflight(tmp_path, PAGES, allow=["*"], wrangler_compat=True)
    assert paths(tree) == ["index.html"]
    assert tree.notes == ("left out pipe, socket: neither a file nor a folder",)


@contextmanager
def without_privileges() -> Iterator[None]:
    """Root reads everything."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def test_what_can_not_be_read_is_refused_by_name() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        folder = put(Path(place), ("closed.txt", "shut/a.txt"))
        folder.chmod(0o755)
        (folder / "closed.txt").chmod(0)
        (folder / "shut").chmod(0)
        try:
            with without_privileges():
                error = refusal(folder)
        finally:
            (folder / "shut").chmod(0o755)
    assert error.code == "unreadable"
    assert "closed.txt can't be read" in error.message
    assert "shut/ can't be read" in error.message


# --- what is left out ---


@pytest.mark.parametrize(
    ("path", "left_out"),
    [
        (".git/config", ".git/"),
        ("sub/.git", "sub/.git"),
        ("sub/node_modules/a/index.js", "sub/node_modules/"),
        ("sub/.DS_Store", "sub/.DS_Store"),
        ("functions/api.js", "functions/"),
        ("_worker.js", "_worker.js"),
        ("_worker.js/index.js", "_worker.js/"),
        ("_routes.json", "_routes.json"),
        (".wrangler/tmp/x.js", ".wrangler/"),
        (".htaccess", ".htaccess"),
        ("a/.vscode/x.json", "a/.vscode/"),
        (".env.example", ".env.example"),
    ],
)
def test_what_is_no_part_of_a_site_is_left_out_by_name_until_it_is_allowed(
    path: str, left_out: str, tmp_path: Path
) -> None:
    put(tmp_path, (path,))
    tree = preflight(tmp_path, PAGES)
    assert paths(tree) == ["index.html"]
    (note,) = tree.notes
    assert f"left out {left_out}: " in note
    asked = re.findall(r"--allow (\S+)", note)
    assert asked == [left_out.rstrip("/")]
    allowed = preflight(tmp_path, PAGES, allow=asked)
    assert paths(allowed) == sorted(["index.html", path])
    assert allowed.notes == ()


def test_functions_are_said_not_to_be_deployed(tmp_path: Path) -> None:
    put(tmp_path, ("functions/a.js", "_worker.js", "sub/functions/b.js", "sub/_worker.js"))
    tree = preflight(tmp_path, PAGES)
    assert "Pages Functions are not deployed" in tree.notes[0]
    assert paths(tree) == ["index.html", "sub/_worker.js", "sub/functions/b.js"]


def test_the_well_known_folder_is_published(tmp_path: Path) -> None:
    put(tmp_path, (".well-known/security.txt",))
    assert paths(preflight(tmp_path, PAGES)) == [".well-known/security.txt", "index.html"]


@pytest.mark.parametrize("wrangler_compat", [False, True])
def test_our_own_record_is_never_published(tmp_path: Path, *, wrangler_compat: bool) -> None:
    put(tmp_path, (".webmint.json", "sub/.webmint.json"))
    tree = preflight(tmp_path, PAGES, allow=[".webmint.json", "*", "sub"], wrangler_compat=wrangler_compat)
    assert paths(tree) == ["index.html"]
    assert "left out sub/.webmint.json" in tree.notes[0]
    assert "--allow" not in tree.notes[0]


def test_a_glob_lets_in_what_it_spells_out_and_nothing_along_with_it(tmp_path: Path) -> None:
    put(tmp_path, (".git/config", "a/.htaccess", "b/.htaccess", "node_modules/.bin/x"))
    assert paths(preflight(tmp_path, PAGES, allow=["*"])) == ["index.html"]
    some = preflight(tmp_path, PAGES, allow=["*/.htaccess"])
    assert paths(some) == ["a/.htaccess", "b/.htaccess", "index.html"]
    whole = preflight(tmp_path, PAGES, allow=["./node_modules/"])
    assert paths(whole) == ["index.html", "node_modules/.bin/x"]


def test_many_left_out_are_counted(tmp_path: Path) -> None:
    put(tmp_path, tuple(f"{number}/.DS_Store" for number in range(9)))
    (note,) = preflight(tmp_path, PAGES).notes
    assert "4/.DS_Store and 4 more" in note


# --- wrangler's file set ---


def test_with_wrangler_compat_hidden_files_are_published_and_clutter_is_not(tmp_path: Path) -> None:
    put(tmp_path, (".htaccess", ".vscode/a.json", ".git/config", "a/node_modules/b.js", ".wrangler/c"))
    tree = preflight(tmp_path, PAGES, wrangler_compat=True)
    assert paths(tree) == [".htaccess", ".vscode/a.json", "index.html"]


def test_the_globs_of_wrangler_do_not_look_into_hidden_folders(tmp_path: Path) -> None:
    put(tmp_path, (".cache/node_modules/a.js", ".cache/sub/.DS_Store"))
    tree = preflight(tmp_path, PAGES, wrangler_compat=True)
    assert paths(tree) == [".cache/node_modules/a.js", ".cache/sub/.DS_Store", "index.html"]


@pytest.mark.parametrize("name", RECORDED)
def test_the_recorded_file_sets_of_wrangler_are_ours(name: str, tmp_path: Path) -> None:
    tree = RECORDED[name]
    files = {
        path: content["text"].encode() if "text" in content else b64decode(content["base64"])
        for path, content in tree["files"].items()
    }
    ours = preflight(put(tmp_path, files, index=False), PAGES, allow=["*", "no-index"], wrangler_compat=True)
    assert {f"/{path}" for path in paths(ours)} == set(tree["manifest"])


# --- laws ---

ODD = st.text(
    st.one_of(
        st.sampled_from(" %'\"#?&+;.,~-_()[]{}*!$`|<>:=@^\\\t"),
        st.characters(blacklist_categories=["Cs"], blacklist_characters="/\0"),
    ),
    min_size=1,
    max_size=12,
)
KNOWN = st.sampled_from(
    [
        ".git",
        "node_modules",
        ".DS_Store",
        ".webmint.json",
        "functions",
        "_worker.js",
        "_headers",
        "_redirects",
        ".env",
        ".env.sample",
        ".htaccess",
        ".well-known",
        "cafe\u0301",
        "café",
        "100%",
        "%41",
        "..odd",
        "x.",
        "id_rsa",
    ]
)
NAMES = st.one_of(ODD, KNOWN).filter(lambda name: name not in (".", ".."))
TREES = st.lists(st.lists(NAMES, min_size=1, max_size=3).map("/".join), max_size=5)


@contextmanager
def tree_on_disk(wanted: list[str]) -> Iterator[tuple[Path, list[str]]]:
    """A folder with an index.html and those of the files that go together."""
    with tempfile.TemporaryDirectory() as place:
        folder = put(Path(place))
        made = {"index.html"}
        for path in wanted:
            try:
                put(folder, (path,), index=False)
            except OSError:
                continue
            made.add(path)
        yield folder, sorted(made)


def is_said(path: str, text: str) -> bool:
    """Whether a path, or a folder it is in, is named."""
    parts = path.split("/")
    folders = ["/".join(parts[:end]) + "/" for end in range(1, len(parts))]
    return any(shown(place) in text for place in [path, *folders])


def fit(folder: Path, capacity: Capacity, **how: Any) -> Tree | NotDeployable:
    try:
        return preflight(folder, capacity, **how)
    except NotDeployable as error:
        return error


@given(TREES, st.booleans(), st.booleans())
@example([".git/config", "_redirects"], False, False)
@example(["back\\slash", ".env"], True, True)
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
def test_nothing_vanishes_silently(wanted: list[str], rules: bool, wrangler_compat: bool) -> None:
    with tree_on_disk(wanted) as (folder, made):
        tree = fit(folder, Capacity(rules=rules), wrangler_compat=wrangler_compat)
        if isinstance(tree, NotDeployable):
            assert any(is_said(path, tree.message) for path in made)
            assert tree.message.isprintable()
            assert tree.hint.isprintable()
            return
        assert paths(tree) == sorted(paths(tree))
        published = {*paths(tree), *tree.rules}
        assert published <= set(made)
        notes = "\n".join(tree.notes)
        assert all(is_said(path, notes) for path in set(made) - published - {".webmint.json"})
        assert all(asset.read() == (folder / asset.path).read_bytes() for asset in tree.assets)


@given(TREES)
@example(["\u202e[a]*/.env", "a b/'x'/id_rsa"])
@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow])
def test_what_the_refusal_says_to_type_is_enough_for_secrets(wanted: list[str]) -> None:
    with tree_on_disk([*wanted[:4], "keys/id_rsa"]) as (folder, _):
        error = refusal(folder)
        if error.code == "secret":
            flags = shlex.split(error.hint.partition(": ")[2])
            assert set(flags[::2]) == {"--allow"}
            assert "keys/id_rsa" in paths(preflight(folder, PAGES, allow=flags[1::2]))


# --- a site in memory ---


def test_a_site_in_memory_is_the_tree_that_its_folder_would_be(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "index.html": "Grüße\r\n",
        "art.png": b"\x89PNG\0",
        "a/b.txt": "",
        "_headers": "/*\n  x-a: b\n",
        ".htaccess": "x",
        "functions/a.js": "x",
        ".webmint.json": "{}",
    }
    site = Site(files)
    here, there = tree_of(site), preflight(put(tmp_path, site.encoded(), index=False), PAGES)
    assert [(asset.path, asset.size, asset.read()) for asset in here.assets] == [
        (asset.path, asset.size, asset.read()) for asset in there.assets
    ]
    assert here.rules == there.rules == {"_headers": b"/*\n  x-a: b\n"}
    assert len(here.notes) == len(there.notes) == 2
