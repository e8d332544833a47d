"""`webmint preview` as a process: its address comes first, and it ends as a server should."""

from __future__ import annotations

import json
import signal
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import pytest
from commandline import Running, Webmint
from preview_site import write

from webmint_cli.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def webmint(tmp_path: Path) -> Webmint:
    webmint = Webmint(tmp_path)
    write(webmint.cwd / "site", {"index.html": "front", "about.html": "about"})
    return webmint


@contextmanager
def started(webmint: Webmint, *arguments: str) -> Iterator[tuple[Running, str]]:
    """A preview that is listening, and the first line that it printed."""
    running = webmint.start("preview", *arguments)
    assert running.process.stdout
    try:
        yield running, running.process.stdout.readline().decode().strip()
    finally:
        running.process.kill()
        running.process.communicate()


def test_the_first_line_is_the_address_of_a_server_that_answers(webmint: Webmint) -> None:
    with started(webmint, "site") as (_, url):
        assert url.startswith("http://127.0.0.1:")
        assert httpx.get(f"{url}/about").text == "about"


def test_json_tells_the_address_and_the_folder(webmint: Webmint) -> None:
    with started(webmint, "site", "--json") as (_, line):
        said = json.loads(line)
        assert said["folder"] == str(webmint.cwd / "site")
        assert httpx.get(said["url"]).text == "front"


def test_without_a_name_it_is_the_site_of_the_last_run(webmint: Webmint) -> None:
    folder = webmint("generate", "a bakery in Lyon", "--provider", "composer").out.strip()
    with started(webmint) as (_, url):
        assert httpx.get(url).content == (webmint.cwd / folder / "index.html").read_bytes()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, ExitCode.DONE), (signal.SIGTERM, ExitCode.TERMINATED)]
)
def test_a_signal_ends_it_without_a_word(webmint: Webmint, number: int, code: int) -> None:
    with started(webmint, "site") as (running, url):
        # A connection that is kept open does not hold it up.
        with httpx.Client() as client:
            client.get(url)
            running.signal(number)
            ended = running.end(timeout=5)
        assert (ended.code, ended.err, ended.out) == (code, "", "")


def test_an_answer_under_way_is_sent_to_its_end(webmint: Webmint) -> None:
    size = 40 << 20
    with (webmint.cwd / "site" / "film.mp4").open("wb") as film:
        film.truncate(size)
    with started(webmint, "site") as (running, url), httpx.stream("GET", f"{url}/film.mp4") as response:
        parts = response.iter_bytes()
        received = len(next(parts))
        running.signal(signal.SIGINT)
        assert received + sum(map(len, parts)) == size


def test_requests_are_logged_on_stderr_when_asked_for(webmint: Webmint) -> None:
    with started(webmint, "site", "-v") as (running, url):
        httpx.get(f"{url}/about.html?x=1")
        running.signal(signal.SIGINT)
        assert running.end().err == "GET /about.html?x=1 308\n"


def test_a_request_that_is_no_http_leaves_no_trace(webmint: Webmint) -> None:
    with started(webmint, "site") as (running, url):
        with socket.create_connection(("127.0.0.1", httpx.URL(url).port or 0)) as connection:
            connection.sendall(b"nonsense\r\n\r\n")
            assert b" 400 " in connection.recv(100)
        running.signal(signal.SIGINT)
        assert running.end().err == ""


def test_rules_that_the_host_would_ignore_are_told_with_their_lines(webmint: Webmint) -> None:
    write(webmint.cwd / "site", {"_redirects": "/a /b\n/a\n", "_headers": "X: 1\n"})
    with started(webmint, "site") as (running, _):
        running.signal(signal.SIGINT)
        told = running.end().err.splitlines()
    assert [line.split(" ")[0] for line in told] == ["_headers:1:", "_redirects:2:"]


def test_a_port_can_be_chosen_and_a_busy_one_is_named(webmint: Webmint) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        ended = webmint("preview", "site", "--port", port)
    assert ended.code == ExitCode.USAGE
    assert f"port {port} is in use" in ended.err
    assert "webmint preview --port 0" in ended.err
    with started(webmint, "site", "--port", port) as (_, url):
        assert url.endswith(f":{port}")
        assert httpx.get(f"{url}/about.html").status_code == 308


def test_the_port_of_the_history_is_refused(webmint: Webmint) -> None:
    ended = webmint("preview", "site", "--port", "6468")
    assert ended.code == ExitCode.USAGE
    assert "history" in ended.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["none"], "there is no folder none"),
        (["site/index.html"], "is a file"),
        ([], "no site of an earlier run"),
        (["site", "--port", "70000"], "70000"),
    ],
)
def test_what_makes_no_sense_is_said_with_what_to_type(
    webmint: Webmint, arguments: list[str], said: str
) -> None:
    ended = webmint("preview", *arguments)
    assert (ended.code, ended.out) == (ExitCode.USAGE, "")
    assert said in ended.err
    assert "Traceback" not in ended.err
