"""Media types are those of the npm tables that Cloudflare's own tool uses, extension by extension."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from webmint_cli.hosting.media_types import extension, pages_type, workers_type

REFERENCE = Path(__file__).parents[2] / "shared" / "reference"


def table(host: str) -> dict[str, str]:
    path = REFERENCE / f"mime-{host}.json"
    if not path.is_file() and not os.environ.get("CI"):
        pytest.skip("the reference tables are not here")
    found: dict[str, str] = json.loads(path.read_bytes())
    return found


def test_pages_has_every_type_of_its_table_and_no_other() -> None:
    known, others = table("pages"), table("workers")
    unknown = "application/octet-stream"
    assert {name: pages_type(f"a/b.{name}") for name in known} == known
    assert {name for name in others if pages_type(f"b.{name}") == unknown} >= others.keys() - known.keys()


def test_workers_has_every_type_of_its_table_and_no_other() -> None:
    known, others = table("workers"), table("pages")
    charset = {
        name: f"{kind}; charset=utf-8" if kind.startswith("text/") else kind for name, kind in known.items()
    }
    assert {name: workers_type(f"a/b.{name}") for name in known} == charset
    assert {workers_type(f"b.{name}") for name in others.keys() - known.keys()} == {"application/null"}


@pytest.mark.parametrize(
    ("path", "pages", "workers"),
    [
        ("index.html", "text/html", "text/html; charset=utf-8"),
        ("INDEX.HTML", "text/html", "text/html; charset=utf-8"),
        ("a/script.js", "application/javascript", "text/javascript; charset=utf-8"),
        ("m.mjs", "application/javascript", "text/javascript; charset=utf-8"),
        ("x.tar.gz", "application/gzip", "application/gzip"),
        ("photo.unknown", "application/octet-stream", "application/null"),
        ("noext", "application/octet-stream", "application/null"),
        ("txt", "text/plain", "application/null"),
        ("sub/txt", "application/octet-stream", "application/null"),
        (".txt", "text/plain", "application/null"),
        ("sub/.txt", "application/octet-stream", "application/null"),
        ("..css", "text/css", "text/css; charset=utf-8"),
        ("x.", "application/octet-stream", "application/null"),
        ("", "application/octet-stream", "application/null"),
    ],
)
def test_odd_names(path: str, pages: str, workers: str) -> None:
    assert (pages_type(path), workers_type(path)) == (pages, workers)


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("a.html", "html"),
        ("a.tar.gz", "gz"),
        ("A.HTML", "HTML"),
        (".hidden", ""),
        (".hidden.txt", "txt"),
        ("..odd", "odd"),
        ("x.", ""),
        ("none", ""),
        ("folder.d/none", ""),
        ("folder/.env", ""),
        ("", ""),
    ],
)
def test_an_extension_is_what_node_says(name: str, found: str) -> None:
    assert extension(name) == found
