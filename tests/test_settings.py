"""Settings: which value is in force, where it came from, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from webmint_cli import settings
from webmint_cli.errors import ExitCode, UsageError
from webmint_cli.settings import KNOWN, Setting, find_project, load, read

if TYPE_CHECKING:
    from pathlib import Path


class Place:
    """A home and a repository, with the settings files that a test puts there."""

    def __init__(self, root: Path) -> None:
        self.home = root / "home"
        self.repository = root / "repository"
        self.below = self.repository / "sites" / "bakery"
        self.user = self.home / "config.toml"
        self.project = self.repository / "webmint.toml"
        self.below.mkdir(parents=True)
        self.home.mkdir()
        (self.repository / ".git").mkdir()

    def load(
        self, *, flags: dict[str, Any] | None = None, config: Path | None = None, **variables: str
    ) -> settings.Settings:
        environment = {"WEBMINT_HOME": str(self.home), **variables}
        return load(flags, config=config, environment=environment, directory=self.below)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def refused(place: Place, **options: Any) -> UsageError:
    with pytest.raises(UsageError) as caught:
        place.load(**options)
    assert caught.value.exit_code == ExitCode.USAGE
    assert caught.value.hint
    assert "\n" not in caught.value.message
    return caught.value


def test_the_nearer_source_wins_and_says_its_name(place: Place) -> None:
    seen = [place.load().values["model"]]
    place.user.write_text('model = "of the user"')
    seen.append(place.load().values["model"])
    place.project.write_text('model = "of the project"')
    seen.append(place.load().values["model"])
    seen.append(place.load(WEBMINT_MODEL="of the shell").values["model"])
    seen.append(place.load(WEBMINT_MODEL="of the shell", flags={"model": "of the flag"}).values["model"])
    assert seen == [
        Setting("", "default"),
        Setting("of the user", str(place.user)),
        Setting("of the project", str(place.project)),
        Setting("of the shell", "WEBMINT_MODEL"),
        Setting("of the flag", "flag"),
    ]


def test_each_setting_has_its_own_source(place: Place) -> None:
    place.user.write_text("timeout = 5\nno_history = true")
    place.project.write_text("timeout = 6")
    loaded = place.load(flags={"model": "m", "timeout": None}, WEBMINT_CONTINUATIONS="0")
    assert {name: setting.value for name, setting in loaded.values.items()} == {
        "provider": "", "model": "m", "base_url": "", "connect_timeout": 10.0, "first_timeout": 120.0,
        "timeout": 6.0, "continuations": 0, "target": "cloudflare", "project": "", "verify_timeout": 60.0,
        "no_history": True,
    }  # fmt: skip
    assert loaded["timeout"] == 6
    assert (loaded.project, loaded.user) == (place.project, place.user)


def test_only_what_the_project_set_is_the_projects(place: Place) -> None:
    place.user.write_text('base_url = "http://user"')
    assert not place.load().is_from_project("base_url")
    place.project.write_text('base_url = "http://project"')
    assert place.load().is_from_project("base_url")
    assert not place.load().is_from_project("model")
    assert not place.load(WEBMINT_BASE_URL="http://shell").is_from_project("base_url")
    assert not place.load(flags={"base_url": "http://flag"}).is_from_project("base_url")


@pytest.mark.parametrize("name", KNOWN)
def test_every_setting_has_a_variable_and_help(name: str) -> None:
    assert KNOWN[name].variable == f"WEBMINT_{name.upper()}"
    assert KNOWN[name].help


def test_an_empty_variable_is_none(place: Place) -> None:
    place.user.write_text('model = "of the user"')
    assert place.load(WEBMINT_MODEL="")["model"] == "of the user"


# Files


def test_the_project_is_found_upward_to_the_root_of_the_repository(place: Place) -> None:
    assert find_project(place.below) is None
    above = place.repository.parent / "webmint.toml"
    above.write_text('model = "above"')
    assert find_project(place.below) is None
    place.project.write_text("")
    assert find_project(place.below) == place.project
    nearer = place.below.parent / "webmint.toml"
    nearer.write_text("")
    assert find_project(place.below) == nearer
    assert find_project(place.repository.parent) == above


def test_a_worktree_is_a_repository_too(place: Place) -> None:
    (place.repository / ".git").rmdir()
    (place.repository / ".git").write_text("gitdir: elsewhere")
    (place.repository.parent / "webmint.toml").write_text("")
    assert find_project(place.below) is None


def test_a_folder_of_that_name_is_no_settings_file(place: Place) -> None:
    place.project.mkdir()
    assert find_project(place.below) is None


def test_config_stands_in_for_the_users_file(place: Place, tmp_path: Path) -> None:
    place.user.write_text("timeout = 5\ncontinuations = 1")
    place.project.write_text("continuations = 2")
    other = tmp_path / "other.toml"
    other.write_text("timeout = 7\ncontinuations = 3")
    loaded = place.load(config=other)
    assert loaded.values["timeout"] == Setting(7.0, str(other))
    assert loaded.values["continuations"] == Setting(2, str(place.project))


def test_a_config_that_is_not_there_is_told(place: Place, tmp_path: Path) -> None:
    error = refused(place, config=tmp_path / "none.toml")
    assert str(tmp_path / "none.toml") in error.message
    assert "--config" in error.hint


def test_home_is_the_one_place_for_everything(tmp_path: Path) -> None:
    environment = {"WEBMINT_HOME": str(tmp_path)}
    assert settings.home(environment) == tmp_path
    assert settings.user_file(environment) == tmp_path / "config.toml"


def test_without_it_the_platform_says_where(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert settings.home({}) == tmp_path / "data" / "webmint"
    assert settings.user_file({"WEBMINT_HOME": ""}) == tmp_path / "config" / "webmint" / "config.toml"


def test_no_file_is_no_settings(tmp_path: Path) -> None:
    assert read(tmp_path / "none.toml") == {}


# What is refused


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("modle = 'x'", "did you mean model?"),
        ("base-url = 'x'", "did you mean base_url?"),
        ("first_time = 5", "did you mean first_timeout?"),
        ("colour = 'red'", "there are: provider, model, base_url"),
        ("[generate]\nmodel = 'x'", "there are: provider"),
        ("api_key = 'sk-canary'", "there are: provider"),
    ],
)
def test_an_unknown_name_is_refused_with_a_suggestion(line: str, hint: str, place: Place) -> None:
    place.project.write_text(line)
    error = refused(place)
    assert error.message.startswith(f"{place.project} sets ")
    assert error.message.endswith(", which is no setting")
    assert hint in error.hint
    assert "canary" not in error.message + error.hint


@pytest.mark.parametrize(
    ("line", "should_be"),
    [
        ("model = 5", "text, not 5"),
        ("model = true", "text, not True"),
        ("model = ['a']", "text, not ['a']"),
        ("model = 2026-11-23", "text, not "),
        ("timeout = 'soon'", "a number above 0, not 'soon'"),
        ("timeout = 0", "a number above 0, not 0"),
        ("timeout = -1", "a number above 0, not -1"),
        ("timeout = inf", "a number above 0, not inf"),
        ("timeout = nan", "a number above 0, not nan"),
        ("timeout = true", "a number above 0, not True"),
        ("timeout = []", "a number above 0, not []"),
        ("timeout = {a = 1}", "a number above 0, not {'a': 1}"),
        ("timeout = 1" + "0" * 400, "a number above 0, not 1000"),
        ("continuations = -1", "a whole number, not -1"),
        ("continuations = 2.5", "a whole number, not 2.5"),
        ("continuations = inf", "a whole number, not inf"),
        ("continuations = nan", "a whole number, not nan"),
        ("continuations = 'many'", "a whole number, not 'many'"),
        ("continuations = false", "a whole number, not False"),
        ("no_history = 'maybe'", "true or false, not 'maybe'"),
        ("no_history = 2", "true or false, not 2"),
        ("no_history = []", "true or false, not []"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused(line: str, should_be: str, place: Place) -> None:
    place.user.write_text(line)
    error = refused(place)
    name = line.partition(" ")[0]
    assert error.message.startswith(f"{place.user}: {name} should be {should_be}")
    assert error.hint == f"{name}: {KNOWN[name].help}"


def test_a_variable_is_checked_as_a_file_is(place: Place) -> None:
    error = refused(place, WEBMINT_TIMEOUT="soon")
    assert error.message == "WEBMINT_TIMEOUT: timeout should be a number above 0, not 'soon'"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", True), ("true", True), ("TRUE", True), ("yes", True), ("on", True), (" On ", True),
        ("0", False), ("false", False), ("no", False), ("Off", False),
    ],
)  # fmt: skip
def test_a_switch_has_several_words(text: str, value: bool, place: Place) -> None:
    assert place.load(WEBMINT_NO_HISTORY=text)["no_history"] is value


@pytest.mark.parametrize(("line", "value"), [("true", True), ("false", False), ("1", True), ("'off'", False)])
def test_a_file_may_say_it_as_toml_does(line: str, value: bool, place: Place) -> None:
    place.user.write_text(f"no_history = {line}")
    assert place.load()["no_history"] is value


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [("TIMEOUT", "0.5", 0.5), ("TIMEOUT", "90", 90.0), ("CONTINUATIONS", "0", 0), ("CONTINUATIONS", "7", 7)],
)
def test_a_number_in_a_variable_is_a_number(name: str, text: str, value: float, place: Place) -> None:
    variables: Any = {f"WEBMINT_{name}": text}
    loaded = place.load(**variables)[name.lower()]
    assert (loaded, type(loaded)) == (value, type(value))


def test_broken_toml_is_told_with_its_line(place: Place) -> None:
    place.project.write_text("model = 'x'\ntimeout = = 5\n")
    error = refused(place)
    assert error.message.startswith(f"{place.project} is no TOML: ")
    assert "line 2" in error.message


@pytest.mark.parametrize("data", [b"model = '\xff'", b"\xff\xfem\x00"])
def test_a_file_that_is_not_utf_8_is_told(data: bytes, place: Place) -> None:
    place.project.write_bytes(data)
    assert refused(place).message.startswith(f"can't read {place.project}: ")


def test_a_users_file_that_is_a_folder_is_told(place: Place) -> None:
    place.user.mkdir()
    assert refused(place).message.startswith(f"can't read {place.user}: ")
