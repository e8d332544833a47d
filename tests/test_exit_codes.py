"""One test for each exit code."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest
import support
import upstream as up
from commandline import Webmint

from webmint_cli.errors import ExitCode

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def upstream() -> Iterator[up.Upstream]:
    with up.Upstream() as server:
        yield server


@pytest.fixture
def webmint(tmp_path: Path, upstream: up.Upstream) -> Webmint:
    return Webmint(tmp_path, upstream)


def test_the_table_of_exit_codes_is_this_one() -> None:
    assert [code.value for code in ExitCode] == [0, 1, 2, 3, 4, 5, 6, 7, 130, 143]


def test_done_is_0(webmint: Webmint, upstream: up.Upstream) -> None:
    upstream.reply(up.text(support.REPLY))
    ended = webmint.generate()
    assert ended.code == 0
    assert ended.out == "chez-lea\n"


def test_failed_is_1(webmint: Webmint, upstream: up.Upstream) -> None:
    upstream.reply(up.html())
    ended = webmint.generate("-q")
    assert ended.code == 1
    assert ended.err.startswith(f"error: {upstream.base_url} answered, but not as a model server")


def test_usage_is_2(webmint: Webmint) -> None:
    ended = webmint("generate", "--wish", "a bakery")
    assert ended.code == 2
    assert ended.err == "error: no such option: --wish\n\nhint: see what there is: webmint generate -h\n"


def test_incomplete_is_3(webmint: Webmint, upstream: up.Upstream) -> None:
    upstream.reply(up.text(support.REPLY[: support.CUT], finish="content_filter"))
    ended = webmint.generate("-o", "site")
    assert (ended.code, ended.out) == (3, "site\n")
    assert "error: the site is incomplete: the server's content filter cut the reply off" in ended.err
    assert webmint.site("site") == support.parsed(support.REPLY[: support.CUT]).files


def test_unusable_is_3_too(webmint: Webmint, upstream: up.Upstream) -> None:
    upstream.reply(up.text("I'd rather write a poem."))
    ended = webmint.generate("-q")
    assert (ended.code, ended.out) == (3, "")
    assert "the reply holds no site" in ended.err


def test_a_missing_key_is_4(webmint: Webmint) -> None:
    ended = webmint("generate", "a bakery", "-p", "openai")
    assert ended.code == 4
    assert ended.err.startswith("error: openai needs a key, and OPENAI_API_KEY is not set\n\nhint: export")


def test_a_rejected_key_is_4(webmint: Webmint, upstream: up.Upstream) -> None:
    upstream.key = "another"
    ended = webmint.generate("-q", environment={"WEBMINT_API_KEY": support.KEY})
    assert ended.code == 4
    assert "refused the key (401 Unauthorized)" in ended.err
    assert support.KEY not in ended.err


def test_temporary_is_5(webmint: Webmint, upstream: up.Upstream) -> None:
    upstream.reply(up.status(429, headers={"retry-after": "3600"}))
    ended = webmint.generate("-q")
    assert ended.code == 5
    assert "takes no more requests now (429, for 3600 s more)" in ended.err


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), (signal.SIGTERM, 143)],
)
def test_a_signal_is_128_and_its_number(
    webmint: Webmint, upstream: up.Upstream, number: int, code: int
) -> None:
    received = support.REPLY[: support.CUT]
    upstream.reply(up.stall(received))
    running = webmint.start_generate("-q")
    running.wait_received(received)
    running.signal(number)
    assert running.end().code == code


def test_a_bug_is_1_and_asks_to_be_reported(webmint: Webmint) -> None:
    (webmint.cwd / "sitecustomize.py").write_text(
        "import webmint_cli.cli.prompt as p\ndef broken(*_, **__): raise KeyError('x')\np.read_prompt = broken\n"
    )
    path = {"PYTHONPATH": str(webmint.cwd)}
    ended = webmint("generate", "a bakery", environment=path)
    assert ended.code == 1
    assert ended.err == "error: a bug in webmint: KeyError: 'x'\n\nhint: please report what -vv shows\n"
    assert "Traceback" in webmint("generate", "a bakery", "-vv", environment=path).err
