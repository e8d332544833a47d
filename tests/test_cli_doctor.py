"""`webmint doctor`: what is well, what is not, and what to do about it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import upstream as up
from commandline import Webmint

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def webmint(tmp_path: Path) -> Webmint:
    return Webmint(tmp_path)


def test_all_is_well_without_a_key(webmint: Webmint) -> None:
    ended = webmint("doctor", "--json")
    checks = {check["what"]: check for check in json.loads(ended.out)}
    assert ended.code == 0
    assert [check["what"] for check in checks.values() if check["hint"]] == []
    assert list(checks) == [
        "installation", "settings", "data", "composer", "provider", "server", "terminal",
    ]  # fmt: skip
    assert "index.html" in checks["composer"]["found"]
    assert checks["server"]["found"] == "none is needed"


def test_a_server_and_its_model_are_looked_for(tmp_path: Path) -> None:
    with up.Upstream() as upstream:
        webmint = Webmint(tmp_path, WEBMINT_BASE_URL=upstream.base_url, WEBMINT_MODEL="model-z")
        ended = webmint("doctor")
    assert ended.code == 3
    assert "answers with 2 models; model-z is not among them" in ended.out
    assert "webmint models" in ended.out


def test_what_is_wrong_is_marked_with_what_to_do(tmp_path: Path) -> None:
    webmint = Webmint(tmp_path, WEBMINT_BASE_URL=up.closed_port(), WEBMINT_HOME="/proc/nowhere")
    ended = webmint("doctor")
    assert (ended.code, ended.err) == (3, "")
    marked = {line.split()[1]: line for line in ended.out.splitlines() if line.startswith("!")}
    assert marked.keys() == {"data", "server"}
    assert "set WEBMINT_HOME to a folder of yours" in marked["data"]
    assert "no connection to" in marked["server"]


def test_a_broken_setting_does_not_hide_the_rest(webmint: Webmint) -> None:
    (webmint.cwd / "webmint.toml").write_text("timeout = 'soon'\n")
    ended = webmint("doctor")
    assert ended.code == 3
    assert "should be a number above 0" in ended.out
    assert "ok  composer" in ended.out
