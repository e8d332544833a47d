"""A zip file as a target: the same site gives the same bytes, and what is packed is what comes out."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any
from zipfile import ZipFile

import target_runs
from hypothesis import given, settings
from target_runs import FILES, content, read_from, tree
from test_targets_folder import TREES

from webmint_cli.errors import NotDeployable, UsageError, WebMintError
from webmint_cli.targets.archive import target
from webmint_cli.targets.target import Asset, Options, Tree

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from webmint_cli.events import Deployed, Planned


def deploy(site: Tree, output: Path | None, **options: Any) -> Deployed:
    return target_runs.deploy(target({}), site, "demo", Options(output=output, **options))


def refusal(site: Tree, output: Path | None, **options: Any) -> WebMintError:
    return target_runs.refusal(target({}), site, "demo", Options(output=output, **options))


def plan(site: Tree, output: Path) -> Planned:
    return target_runs.plan(target({}), site, "demo", Options(output=output))


def unpacked(place: Path) -> dict[str, bytes]:
    with ZipFile(place) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@settings(max_examples=60, deadline=None)
@given(files=TREES)
def test_any_tree_comes_out_as_it_went_in_and_packs_to_the_same_bytes(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    place = tmp_path_factory.mktemp("out")
    one = deploy(tree(files), place / "one.zip")
    two = deploy(tree(dict(reversed(files.items()))), place / "two.zip")
    assert unpacked(place / "one.zip") == files
    assert (place / "one.zip").read_bytes() == (place / "two.zip").read_bytes()
    assert one.deployment_id == two.deployment_id
    assert one.verified == len(files)


def test_entries_carry_nothing_of_this_machine(tmp_path: Path) -> None:
    site = read_from(tmp_path / "site")
    os.utime(tmp_path / "site" / "index.html", (1e9, 1e9))
    (tmp_path / "site" / "about.html").chmod(0o600)
    done = deploy(site, tmp_path / "a.zip")
    with ZipFile(tmp_path / "a.zip") as archive:
        entries = archive.infolist()
    assert [entry.filename for entry in entries] == sorted(FILES)
    assert {
        (entry.date_time, entry.external_attr >> 16, entry.extra, entry.create_system, entry.compress_type)
        for entry in entries
    } == {((1980, 1, 1, 0, 0, 0), 0o100644, b"", 3, 8)}
    assert done.url == str(tmp_path / "a.zip")
    assert done.deployment_id == hashlib.sha256((tmp_path / "a.zip").read_bytes()).hexdigest()


def test_rules_are_packed_as_files(tmp_path: Path) -> None:
    deploy(tree(FILES, _redirects=b"/a /b"), tmp_path / "a.zip")
    assert unpacked(tmp_path / "a.zip") == FILES | {"_redirects": b"/a /b"}


def test_without_a_place_it_is_named_for_the_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert deploy(tree(), None).url == str(tmp_path / "demo.zip")


def test_an_archive_of_ours_is_replaced_and_anything_else_is_not(tmp_path: Path) -> None:
    place = tmp_path / "a.zip"
    deploy(tree(), place)
    deploy(tree({"index.html": b"x"}), place)
    assert unpacked(place) == {"index.html": b"x"}
    with ZipFile(place, "w") as archive:
        archive.writestr("theirs", b"")
    for theirs in (place.read_bytes(), b"no zip at all", b""):
        place.write_bytes(theirs)
        error = refusal(tree(), place)
        assert (error.code, error.exit_code) == ("not_ours", 6)
        assert "--allow overwrite" in error.hint
        assert place.read_bytes() == theirs
    deploy(tree(), place, overwrite=True)
    assert unpacked(place) == FILES


def test_a_link_is_replaced_by_permission_and_never_written_through(tmp_path: Path) -> None:
    deploy(tree({"a": b""}), tmp_path / "real.zip")
    before = (tmp_path / "real.zip").read_bytes()
    (tmp_path / "link.zip").symlink_to(tmp_path / "real.zip")
    assert refusal(tree(), tmp_path / "link.zip").code == "not_ours"
    deploy(tree(), tmp_path / "link.zip", overwrite=True)
    assert (tmp_path / "real.zip").read_bytes() == before


def test_a_place_in_the_site_or_a_folder_is_refused(tmp_path: Path) -> None:
    site = read_from(tmp_path / "site")
    assert isinstance(refusal(site, tmp_path / "site" / "a.zip"), UsageError)
    assert isinstance(refusal(tree(), tmp_path / "site"), UsageError)
    assert content(tmp_path) == {f"site/{path}": data for path, data in FILES.items()}


def test_a_name_that_is_no_text_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    site = Tree((Asset(os.fsdecode(b"\xff.html"), 0, b""),))
    assert isinstance(refusal(site, tmp_path / "a.zip"), NotDeployable)
    assert list(tmp_path.iterdir()) == []


def test_a_plan_compares_with_the_archive_that_is_there(tmp_path: Path) -> None:
    place = tmp_path / "a.zip"
    assert plan(tree(), place).creates_project
    deploy(tree(), place)
    before = place.read_bytes()
    site = tree(
        {path: data for path, data in FILES.items() if path != "about.html"} | {"styles.css": b"!", "x": b""}
    )
    planned = plan(site, place)
    assert (planned.new, planned.changed, planned.removed) == (("x",), ("styles.css",), ("about.html",))
    assert planned.unchanged == ("a b%.png", "blog/index.html", "index.html")
    assert place.read_bytes() == before


_BIG = """
import asyncio, resource, sys
from pathlib import Path
from webmint_cli.targets.archive import target
from webmint_cli.targets.target import Asset, Options, Tree

source, output = map(Path, sys.argv[1:])
site = Tree((Asset("big.bin", source.stat().st_size, source),))

async def main():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    async for event in target({}).deploy(site, "demo", Options(output=output)):
        pass
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)

asyncio.run(main())
"""


def test_a_large_file_takes_little_memory(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    with (tmp_path / "site" / "big.bin").open("wb") as big:
        big.truncate(96 << 20)
    script = [sys.executable, "-c", _BIG, str(tmp_path / "site" / "big.bin"), str(tmp_path / "a.zip")]
    grown = subprocess.run(script, check=True, stdout=subprocess.PIPE, text=True).stdout
    assert int(grown) < 16 << 10
