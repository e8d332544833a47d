"""The preview answers as `wrangler pages dev` 4.164 does, and never leaves its folder."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from preview_site import Client, Got, previewing, write

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORDED = Path(__file__).parent / "hosting"
ANSWERS = [json.loads(line) for line in (RECORDED / "answers.jsonl").read_text("utf-8").splitlines()]
SITES = list(dict.fromkeys(answer[0] for answer in ANSWERS))
USUAL = {"access-control-allow-origin": "*", "referrer-policy": "strict-origin-when-cross-origin"}
# What says how the answer travels, and the one header that HTTP asks of a 405.
OURS = {"date", "content-length", "connection", "allow"}


def files_of(site: str) -> dict[str, str]:
    trees = json.loads((RECORDED / "sites.json").read_bytes())
    alone: dict[str, str] | None = trees["alone"].get(site)
    return alone or trees["common"] | trees["added"][site]


def expected(headers: dict[str, str | None]) -> dict[str, str]:
    """The headers in full: a record names those that are not as usual, with null for what is missing."""
    usual = USUAL | ({"x-content-type-options": "nosniff"} if "content-type" in headers else {})
    return {name: value for name, value in (usual | headers).items() if value is not None}


def seen(got: Got) -> list[Any]:
    body = hashlib.sha256(got.body).hexdigest()[:12] if got.body else ""
    kept = {name: value for name, value in got.headers.items() if name not in OURS | {"x-uni"}}
    return [got.status, body, kept]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "site", {"index.html": "front", "about.html": "about", "page.txt": "text"})


@pytest.fixture
def client(folder: Path) -> Iterator[Client]:
    with previewing(folder) as client:
        yield client


@pytest.mark.parametrize("site", SITES)
def test_every_answer_is_that_of_pages(site: str, tmp_path: Path) -> None:
    asked = [answer[1:] for answer in ANSWERS if answer[0] == site]
    with previewing(write(tmp_path / "site", files_of(site))) as client:
        different = [
            (method, path, headers, got, [status, body, expected(answered)])
            for method, path, headers, status, body, answered in asked
            if (got := seen(client(path, method, headers))) != [status, body, expected(answered)]
        ]
    assert different == []


@pytest.mark.parametrize(
    "path",
    [
        "/.env",
        "/.env.local",
        "/sub/.env",
        "/.ENV",
        "/.git/config",
        "/sub/.git/config",
        "/.webmint.json",
        "/_headers",
        "/_redirects",
        "/%2eenv",
        "/.DS_Store",
        "/node_modules/x.js",
    ],
)
def test_what_is_never_published_is_not_there(path: str, folder: Path, client: Client) -> None:
    write(folder, {path.removeprefix("/").replace("%2e", "."): "SECRET", "404.html": "nothing"})
    assert (client(path).status, client(path).body) == (404, b"nothing")


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e/secret.txt",
        "/x/..%2f..%2fsecret.txt",
        "/..%2fsite-evil%2fsecret.txt",
        "/..%5csecret.txt",
        "/link.txt",
        "/linked/secret.txt",
        "/hidden.txt",
        "/secret%00.txt",
        "/%2Fetc/passwd",
        "/loop",
        "/.env.txt",
        "/" + "a" * 5000,
    ],
)
def test_nothing_outside_the_folder_is_served(path: str, folder: Path, client: Client) -> None:
    outside = folder.parent
    write(outside, {"secret.txt": "SECRET", "site-evil/secret.txt": "SECRET", "site/.env": "SECRET"})
    (folder / "link.txt").symlink_to(outside / "secret.txt")
    (folder / "linked").symlink_to(outside)
    (folder / "hidden.txt").symlink_to(".env")
    (folder / "loop").symlink_to("loop")
    (folder / ".env.txt").symlink_to("about.html")
    got = client(path)
    assert (got.status, got.body) == (200, b"front")


def test_a_link_within_the_folder_is_served_as_it_is_deployed(folder: Path, client: Client) -> None:
    (folder / "team.html").symlink_to("about.html")
    assert client("/team").body == b"about"


def test_an_edit_of_a_file_shows_at_once(folder: Path, client: Client) -> None:
    before = client("/about")
    write(folder, {"about.html": "after"})
    got = client("/about", headers={"If-None-Match": before.headers["etag"]})
    assert (got.status, got.body) == (200, b"after")
    assert got.headers["etag"] != before.headers["etag"]


def test_an_edit_of_the_rules_shows_at_once(folder: Path, client: Client) -> None:
    assert client("/old").body == b"front"
    write(folder, {"_redirects": "/old /about 301\n", "_headers": "/about\n  X-Mine: yes\n"})
    assert client("/old").headers["location"] == "/about"
    assert client("/about").headers["x-mine"] == "yes"
    (folder / "_redirects").unlink()
    assert client("/old").body == b"front"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]:80", "site.localhost:80", "127.1.2.3"])
def test_names_of_this_machine_are_answered(host: str, client: Client) -> None:
    assert client("/", host=host).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example:80", "localhost.evil", "[::2]", "10.0.0.1"]
)
def test_another_name_is_refused_in_words(host: str, client: Client) -> None:
    got = client("/", host=host)
    assert got.status == 421
    assert b"localhost only" in got.body
    assert "access-control-allow-origin" not in got.headers


def test_other_methods_are_told_what_is_allowed(client: Client) -> None:
    got = client("/", "POST")
    assert (got.status, got.headers["allow"]) == (405, "GET, HEAD")


def test_a_head_says_the_length_and_sends_nothing(client: Client) -> None:
    got = client("/about", "HEAD")
    assert (got.headers["content-length"], got.body) == ("5", b"")


def test_a_rule_can_not_break_how_the_answer_travels(folder: Path, client: Client) -> None:
    write(
        folder, {"_headers": "/*\n  Content-Length: 3\n  Transfer-Encoding: chunked\n  Connection: close\n"}
    )
    got = client("/about")
    assert (got.body, got.headers["content-length"]) == (b"about", "5")
    assert client("/").body == b"front"


def test_a_rule_that_leads_nowhere_is_said_in_words(folder: Path, client: Client) -> None:
    write(folder, {"_redirects": "/a/* https://:splat/ 302\n"})
    got = client("/a/:x")
    assert (got.status, got.body) == (500, b":x can't be the name of a host\n")


def test_what_is_too_large_for_pages_is_still_served_whole(folder: Path, client: Client) -> None:
    size = (25 << 20) + 1
    with (folder / "film.mp4").open("wb") as film:
        film.truncate(size)
    assert len(client("/film.mp4").body) == size


def test_a_common_client_gets_what_it_asks_for(client: Client) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{client.port}", follow_redirects=True) as browser:
        assert browser.get("/about.html").text == "about"
        assert browser.get("/index").text == "front"
