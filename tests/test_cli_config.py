"""`webmint config`: what is in force, why, and how to change it without losing a comment."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from commandline import Webmint

from webmint_cli.settings import KNOWN

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def webmint(tmp_path: Path) -> Webmint:
    return Webmint(tmp_path)


def test_the_list_has_every_setting_with_its_origin(webmint: Webmint) -> None:
    from webmint_cli.settings import KNOWN

    (webmint.cwd / "webmint.toml").write_text("timeout = 5\n")
    webmint("config", "set", "model", "llama")
    ended = webmint("config", "list", "--json", environment={"WEBMINT_CONTINUATIONS": "1"})
    rows = {row["setting"]: row for row in json.loads(ended.out)}
    assert rows.keys() == KNOWN.keys()
    assert (rows["timeout"]["value"], rows["timeout"]["from"]) == (5.0, str(webmint.cwd / "webmint.toml"))
    assert (rows["model"]["value"], rows["model"]["from"]) == ("llama", str(webmint.home / "config.toml"))
    assert (rows["continuations"]["value"], rows["continuations"]["from"]) == (1, "WEBMINT_CONTINUATIONS")
    assert rows["provider"]["from"] == "default"
    assert all(row["what"] for row in rows.values())


def test_the_list_for_people_is_a_table_of_unbroken_lines(webmint: Webmint) -> None:
    lines = webmint("config", "list").out.splitlines()
    assert lines[0].split() == ["setting", "value", "from", "what"]
    assert any(line.split()[:3] == ["no_history", "false", "default"] for line in lines)
    assert len(lines) == 1 + len(KNOWN)
    assert all(line == line.rstrip() for line in lines)


def test_set_get_unset_keep_the_comments_of_the_file(webmint: Webmint) -> None:
    webmint.home.mkdir()
    file = webmint.home / "config.toml"
    file.write_text('# mine\nmodel = "a"  # small\n')
    assert webmint("config", "set", "timeout", "12").code == 0
    assert file.read_text() == '# mine\nmodel = "a"  # small\ntimeout = 12.0\n'
    assert webmint("config", "get", "timeout").out == "12.0\n"
    assert webmint("config", "get", "model", "--json").out == '"a"\n'
    assert webmint("config", "unset", "timeout").code == 0
    assert file.read_text() == '# mine\nmodel = "a"  # small\n'
    assert [path.name for path in webmint.home.iterdir()] == ["config.toml"]


def test_the_path_is_that_of_the_users_file_or_of_the_one_given(webmint: Webmint) -> None:
    assert webmint("config", "path").out == f"{webmint.home / 'config.toml'}\n"
    other = webmint.cwd / "other.toml"
    other.write_text("timeout = 7\n")
    assert webmint("config", "path", "--config", str(other)).out == f"{other}\n"
    assert webmint("config", "get", "timeout", "--config", str(other)).out == "7.0\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("get", "modell"), "hint: did you mean model?"),
        (("set", "timeout", "soon"), "timeout should be a number above 0, not 'soon'"),
        (("set", "no_history", "perhaps"), "no_history should be true or false"),
        (("unset", "colour"), "'colour', which is no setting"),
        (("list", "--config", "nowhere.toml"), "there is no settings file nowhere.toml"),
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(
    webmint: Webmint, arguments: tuple[str, ...], words: str
) -> None:
    ended = webmint("config", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: ")
    assert words in ended.err
    assert not webmint.home.exists()


def test_a_broken_file_is_named_with_the_line(webmint: Webmint) -> None:
    (webmint.cwd / "webmint.toml").write_text("timeout = \n")
    ended = webmint("config", "list")
    assert ended.code == 2
    assert "webmint.toml is no TOML: " in ended.err
    assert "line 1" in ended.err


def test_a_place_that_can_not_be_written_is_a_failure(webmint: Webmint) -> None:
    ended = webmint("config", "set", "timeout", "3", environment={"WEBMINT_HOME": "/proc/nowhere"})
    assert ended.code == 1
    assert ended.err.startswith("error: can't write /proc/nowhere/config.toml: ")


def test_an_error_is_an_event_where_json_was_asked_for(webmint: Webmint) -> None:
    ended = webmint("config", "get", "modell", "--json")
    assert ended.code == 2
    (event,) = ended.events
    assert (event["type"], event["code"], event["hint"]) == ("error", "usage", "did you mean model?")
