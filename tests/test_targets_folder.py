"""A folder as a target: all of the site arrives, and nothing of anybody else's is touched."""

from __future__ import annotations

import asyncio
import os
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest
import target_runs
from hypothesis import given, settings
from hypothesis import strategies as st
from target_runs import FILES, content, read_from, tree

from webmint_cli import engine
from webmint_cli.errors import NotDeployable, StorageError, UsageError, WebMintError
from webmint_cli.events import Status
from webmint_cli.targets.folder import target
from webmint_cli.targets.target import Asset, Options, Tree, digest

if TYPE_CHECKING:
    from pathlib import Path

    from webmint_cli.events import Deployed

DIGESTS = {path: digest(data) for path, data in FILES.items()}


def deploy(site: Tree, output: Path, **options: Any) -> Deployed:
    return target_runs.deploy(target({}), site, "demo", Options(output=output, **options))


def refusal(site: Tree, output: Path | None, **options: Any) -> WebMintError:
    return target_runs.refusal(target({}), site, "demo", Options(output=output, **options))


def test_a_site_arrives_whole_with_its_rules_and_without_a_record(tmp_path: Path) -> None:
    done = deploy(tree(FILES, _headers=b"/*\n  X-A: b\n"), tmp_path / "deep" / "out")
    assert content(tmp_path / "deep" / "out") == FILES | {"_headers": b"/*\n  X-A: b\n"}
    assert (done.url, done.target) == (str(tmp_path / "deep" / "out"), "folder")
    assert (done.uploaded, done.unchanged, done.verified) == (6, 0, 6)


def test_the_id_is_that_of_the_content(tmp_path: Path) -> None:
    one, two = deploy(tree(), tmp_path / "a"), deploy(tree(), tmp_path / "b")
    other = deploy(tree(FILES | {"index.html": b"other"}), tmp_path / "c")
    assert one.deployment_id == two.deployment_id != other.deployment_id


def test_files_are_readable_as_the_umask_has_them(tmp_path: Path) -> None:
    deploy(tree(), tmp_path / "out")
    (tmp_path / "plain").touch()
    assert (tmp_path / "out" / "index.html").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_what_is_the_same_is_not_written_again(tmp_path: Path) -> None:
    deploy(tree(), tmp_path)
    before = (tmp_path / "index.html").stat().st_ino
    done = deploy(tree(FILES | {"styles.css": b"new"}), tmp_path, previous=DIGESTS)
    assert (done.uploaded, done.unchanged) == (1, 4)
    assert (tmp_path / "index.html").stat().st_ino == before


def test_what_the_site_no_longer_has_is_removed_with_its_empty_folder(tmp_path: Path) -> None:
    deploy(tree(), tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    smaller = {path: data for path, data in FILES.items() if path != "blog/index.html"}
    deploy(tree(smaller), tmp_path, previous=DIGESTS)
    assert content(tmp_path) == smaller | {"notes.txt": b"mine"}
    assert not (tmp_path / "blog").exists()


def test_what_somebody_edited_is_not_removed(tmp_path: Path) -> None:
    deploy(tree(), tmp_path)
    (tmp_path / "about.html").write_bytes(b"edited")
    deploy(tree({"index.html": FILES["index.html"]}), tmp_path, previous=DIGESTS)
    assert content(tmp_path) == {"index.html": FILES["index.html"], "about.html": b"edited"}


@pytest.mark.parametrize("previous", [None, DIGESTS])
def test_over_a_file_of_somebody_elses_nothing_is_written(
    tmp_path: Path, previous: dict[str, str] | None
) -> None:
    (tmp_path / "styles.css").write_bytes(b"theirs")
    error = refusal(tree(), tmp_path, previous=previous)
    assert (error.code, error.exit_code) == ("not_ours", 6)
    assert "styles.css" in error.message
    assert "--allow overwrite" in error.hint
    assert content(tmp_path) == {"styles.css": b"theirs"}
    deploy(tree(), tmp_path, overwrite=True)
    assert content(tmp_path) == FILES


def test_a_file_may_become_a_folder_and_a_folder_a_file(tmp_path: Path) -> None:
    before, after = {"a": b"1", "b/c/d": b"2"}, {"a/x": b"3", "b": b"4"}
    deploy(tree(before), tmp_path)
    previous = {path: digest(data) for path, data in before.items()}
    deploy(tree(after), tmp_path, previous=previous)
    assert content(tmp_path) == after


@pytest.mark.parametrize("there", ["blog", "index.html/theirs", "about.html/"])
def test_a_file_in_a_folders_place_and_the_reverse_are_refused(tmp_path: Path, there: str) -> None:
    place = tmp_path / there
    place.mkdir(parents=True) if there.endswith("/") else place.parent.mkdir(exist_ok=True)
    if there.endswith("/"):
        (place / "theirs").touch()
    else:
        place.touch()
    before = content(tmp_path)
    error = refusal(tree(), tmp_path, overwrite=True)
    assert error.code == "in_the_way"
    assert content(tmp_path) == before


def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    outside, out = tmp_path / "outside", tmp_path / "out"
    outside.mkdir()
    out.mkdir()
    (out / "blog").symlink_to(outside)
    assert refusal(tree(), out, overwrite=True).code == "in_the_way"
    assert content(tmp_path) == {}
    (out / "blog").unlink()
    (outside / "kept").write_bytes(b"kept")
    (out / "index.html").symlink_to(outside / "kept")
    assert refusal(tree(), out).code == "not_ours"
    deploy(tree(), out, overwrite=True)
    assert (outside / "kept").read_bytes() == b"kept"
    assert not (out / "index.html").is_symlink()


def test_stale_files_behind_a_link_stay(tmp_path: Path) -> None:
    outside, out = tmp_path / "outside", tmp_path / "out"
    read_from(outside, {"index.html": FILES["blog/index.html"]})
    out.mkdir()
    (out / "blog").symlink_to(outside)
    deploy(tree({"index.html": b"x"}), out, previous=DIGESTS)
    assert content(outside) == {"index.html": FILES["blog/index.html"]}


def test_a_place_must_be_named_and_lie_outside_of_the_site(tmp_path: Path) -> None:
    site = read_from(tmp_path / "site")
    assert "-o DIR" in refusal(site, None).hint
    (tmp_path / "alias").symlink_to(tmp_path / "site")
    for output in (tmp_path / "site", tmp_path / "site" / "blog" / "out", tmp_path / "alias" / "out"):
        assert isinstance(refusal(site, output), UsageError)
    assert content(tmp_path / "site") == FILES
    assert deploy(site, tmp_path / "site-out").verified == 5


def test_a_place_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert isinstance(refusal(tree(), tmp_path / "file"), UsageError)


def test_a_path_that_leads_out_is_refused(tmp_path: Path) -> None:
    for path in ("../x", "/x", "a//b", "a/../../x"):
        assert isinstance(refusal(tree({path: b""}), tmp_path / "out"), NotDeployable)
    assert content(tmp_path) == {}


def test_a_source_that_changed_is_no_deployment_and_leaves_nothing_behind(tmp_path: Path) -> None:
    site = read_from(tmp_path / "site", {"index.html": b"12"})
    (tmp_path / "site" / "index.html").write_bytes(b"123")
    assert isinstance(refusal(site, tmp_path / "out"), StorageError)
    assert content(tmp_path / "site") == {"index.html": b"123"}
    assert not (tmp_path / "out").exists()


def test_a_plan_says_exactly_what_would_change_and_changes_nothing(tmp_path: Path) -> None:
    deploy(tree(), tmp_path)
    before = content(tmp_path)
    site = tree(
        {path: data for path, data in FILES.items() if path != "about.html"} | {"styles.css": b"!", "x": b""}
    )
    planned = target_runs.plan(target({}), site, "demo", Options(output=tmp_path, previous=DIGESTS))
    assert (planned.new, planned.changed, planned.removed) == (("x",), ("styles.css",), ("about.html",))
    assert planned.unchanged == ("a b%.png", "blog/index.html", "index.html")
    assert planned.upload_bytes == 1
    assert content(tmp_path) == before


def test_a_stopped_deployment_leaves_whole_files_only(tmp_path: Path) -> None:
    site = tree({f"{number:04}.txt": b"whole" for number in range(6000)})

    async def stop() -> None:
        job = target({}).deploy(site, "demo", Options(output=tmp_path))
        async with aclosing(engine.deploy(job)) as events:
            async for event in events:
                if isinstance(event, Status) and event.phase == "upload":
                    break

    asyncio.run(stop())
    there = content(tmp_path)
    assert 0 < len(there) < 6000
    assert set(there.values()) == {b"whole"}
    assert not any(name.startswith(".webmint-") for name in there)


_NAMES = st.text(
    st.characters(exclude_characters="/\0", exclude_categories=["Cs"]), min_size=1, max_size=8
).filter(lambda name: name not in (".", "..") and not name.startswith(".webmint-"))
_PATHS = st.lists(_NAMES, min_size=1, max_size=3).map("/".join)


def _no_clash(files: dict[str, bytes]) -> bool:
    return not any(other.startswith(f"{path}/") for path in files for other in files)


TREES = st.dictionaries(_PATHS, st.binary(max_size=40), min_size=1, max_size=6).filter(_no_clash)


@settings(max_examples=40, deadline=None)
@given(first=TREES, second=TREES)
def test_the_folder_is_the_last_site_whatever_the_names(
    tmp_path_factory: pytest.TempPathFactory, first: dict[str, bytes], second: dict[str, bytes]
) -> None:
    place = tmp_path_factory.mktemp("out")
    deploy(tree(first), place)
    previous = {path: digest(data) for path, data in first.items()}
    done = deploy(tree(second), place, previous=previous)
    assert content(place) == second
    assert done.verified == len(second)
    assert {str(path) for path in place.rglob("*") if path.is_dir() and not any(path.iterdir())} == set()


def test_a_name_that_is_no_text_arrives_too(tmp_path: Path) -> None:
    name = os.fsdecode(b"\xff.html")
    deploy(Tree((Asset(name, 1, b"x"),)), tmp_path)
    assert content(tmp_path) == {name: b"x"}
