"""What tests of targets that write files have in common, and targets called as `deploying` calls a job."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import deploying
import pytest
from deploying import FAULTS, PATIENCE, deployed, planned, run

from webmint_cli.errors import WebMintError
from webmint_cli.targets.target import Asset, Options, Tree

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from webmint_cli.events import Deployed, Planned
    from webmint_cli.targets.target import Target

__all__ = ["FAULTS", "FILES", "PATIENCE", "content", "deploy", "plan", "read_from", "refusal", "run", "tree"]


FILES = {
    "index.html": b"<!doctype html><title>Home</title>",
    "about.html": b"<!doctype html><title>About</title>",
    "styles.css": b"body { color: #123 }",
    "blog/index.html": b"<!doctype html><title>Blog</title>",
    "a b%.png": b"\x89PNG",
}


def tree(files: Mapping[str, bytes] = FILES, **rules: bytes) -> Tree:
    return deploying.tree(files, **rules)


def read_from(folder: Path, files: Mapping[str, bytes] = FILES) -> Tree:
    """The files written into a folder, and the tree of them."""
    for path, data in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data)
    return Tree(tuple(Asset(path, len(data), folder / path) for path, data in files.items()))


def content(folder: Path) -> dict[str, bytes]:
    """What is in a folder, by path."""
    return {
        os.path.relpath(path, folder).replace(os.sep, "/"): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def deploy(target: Target, site: Tree, project: str, options: Options) -> Deployed:
    return deployed(target.deploy(site, project, options))


def plan(target: Target, site: Tree, project: str, options: Options) -> Planned:
    return planned(target.plan(site, project, options))


def refusal(target: Target, site: Tree, project: str, options: Options) -> WebMintError:
    with pytest.raises(WebMintError) as caught:
        run(target.deploy(site, project, options))
    assert caught.value.hint
    return caught.value
