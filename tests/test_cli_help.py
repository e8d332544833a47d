"""Help is everywhere, says something, and costs little."""

from __future__ import annotations

import resource
import statistics
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from commandline import COMMAND, Webmint
from typer.main import get_command

from webmint_cli import __version__
from webmint_cli.cli import app

if TYPE_CHECKING:
    from collections.abc import Iterator

SHARED = {"-q", "--quiet", "-v", "--verbose", "--json", "--no-input", "--color", "--config"}


def commands(command: Any = None, name: str = "webmint") -> Iterator[tuple[str, Any]]:
    """Every command and group, by what one types."""
    command = command or get_command(app)
    yield name, command
    for part, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, f"{name} {part}")


ALL = dict(commands())
LEAVES = {name: command for name, command in ALL.items() if not hasattr(command, "commands")}


def test_these_are_the_commands() -> None:
    assert set(ALL) >= {"webmint", "webmint generate", "webmint resume", "webmint models", "webmint doctor"}
    assert {name.split()[-1] for name in ALL if " config " in name} == {"list", "get", "set", "unset", "path"}


@pytest.mark.parametrize("name", ALL)
def test_every_command_and_option_has_a_help_text(name: str) -> None:
    command = ALL[name]
    assert command.help
    for parameter in command.params:
        assert getattr(parameter, "help", ""), parameter.name


@pytest.mark.parametrize("name", list(ALL)[1:])
def test_the_first_sentence_fits_the_list_of_commands(name: str) -> None:
    assert not ALL[name].get_short_help_str(60).endswith("...")


@pytest.mark.parametrize("name", LEAVES)
def test_the_shared_flags_are_on_each_command(name: str) -> None:
    options = {option for parameter in LEAVES[name].params for option in parameter.opts}
    assert options >= SHARED


@pytest.mark.parametrize("arguments", [["-h"], ["--help"], ["generate", "-h"], ["config", "set", "-h"]])
def test_help_is_a_result(tmp_path: Path, arguments: list[str]) -> None:
    ended = Webmint(tmp_path)(*arguments)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith(f"Usage: {' '.join(['webmint', *arguments[:-1]])} ")
    assert max(map(len, ended.out.splitlines())) <= 80


@pytest.mark.parametrize("arguments", [[], ["config"]])
def test_no_command_is_a_wrong_call_that_shows_the_help(tmp_path: Path, arguments: list[str]) -> None:
    ended = Webmint(tmp_path)(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert "Commands:" in ended.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nope"], "no such command 'nope'"),
        (["generate", "--nope"], "no such option: --nope"),
        (["generate", "x", "--timeout", "soon"], "invalid value for '--timeout': 'soon' is not a number"),
        (["generate", "x", "--seed", "one"], "invalid value for '--seed': 'one' is not a whole number"),
        (["models", "--color", "blue"], "invalid value for '--color': 'blue' is not one of"),
        (["config", "set", "timeout"], "missing argument 'VALUE'"),
    ],
)
def test_a_wrong_call_is_told_as_every_error_is(tmp_path: Path, arguments: list[str], said: str) -> None:
    ended = Webmint(tmp_path)(*arguments)
    assert (ended.code, ended.out) == (2, "")
    error, blank, hint = ended.err.splitlines()
    assert error.startswith(f"error: {said}")
    assert (blank, hint.startswith("hint: see what there is: webmint")) == ("", True)


@pytest.mark.parametrize("flag", ["--version", "-V"])
def test_the_version_is_a_result(tmp_path: Path, flag: str) -> None:
    ended = Webmint(tmp_path)(flag)
    assert (ended.code, ended.out, ended.err) == (0, f"webmint {__version__}\n", "")


def test_the_console_script_is_the_same_program() -> None:
    script = Path(sys.executable).with_name("webmint")
    assert subprocess.check_output([script, "-V"]) == subprocess.check_output([*COMMAND, "-V"])


@pytest.mark.parametrize("arguments", [["--help"], ["--version"]])
def test_a_full_stdout_is_told(tmp_path: Path, arguments: list[str]) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = Webmint(tmp_path)(*arguments, stdout=full)
    assert ended.code == 1
    assert ended.err == "error: can't write to stdout: No space left on device\n"


def cpu(command: list[str]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_help_is_there_at_once() -> None:
    """Goals are 8 and 1.5 times a bare interpreter; the limits leave room for a busy machine."""
    kinds = {"pass": [sys.executable, "-c", "pass"], "help": [*COMMAND, "-h"], "version": [*COMMAND, "-V"]}
    times: dict[str, list[float]] = {name: [] for name in kinds}
    for _ in range(7):
        for name, command in kinds.items():
            times[name].append(cpu(command))
    bare, long, short = (statistics.median(times[name]) for name in kinds)
    assert long <= 12 * bare
    assert short <= 2.5 * bare
