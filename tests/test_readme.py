"""The README is true: its commands exist, its tables are the program's, its picture and its links are there."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from webmint_cli.errors import ExitCode

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
BLOCKS = re.findall(r"```console\n(.*?)```", README, re.DOTALL)
LINES = [line.removeprefix("$ ") for block in BLOCKS for line in block.splitlines() if line.startswith("$ ")]
COMMANDS = sorted({found for line in LINES for found in re.findall(r"\bwebmint (?![^|#]*\$)[^|#)>]+", line)})


@cache
def help_of(*command: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-m", "webmint_cli", *command, "-h"], capture_output=True, text=True, check=True
    )
    return ran.stdout


def test_it_opens_with_what_it_is_a_picture_and_two_commands() -> None:
    opening = README.split("\n## ", 1)[0]
    assert opening.startswith("# WebMint\n\n**From a sentence to a live website")
    assert [line.split()[1] for line in LINES[:2]] == ["demo", "test"]
    assert re.search(r"!\[[^]]+\]\(\.github/terminal\.svg\)", opening)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_exists_with_its_options(command: str) -> None:
    name, *words = shlex.split(command)[1:]
    path = [name, words[0]] if name in ("config", "deployments", "history") else [name]
    described = help_of(*path)
    for option in (word for word in words if word.startswith("-") and word != "-"):
        assert re.search(rf"(?<![\w-]){option}\b", described), option


def test_the_exit_codes_are_those_of_the_program() -> None:
    rows = re.findall(r"^\| ([\d, ]+) \|", README, re.MULTILINE)
    listed = {int(code) for row in rows for code in row.split(",")}
    assert listed == set(ExitCode)


def test_the_architecture_names_what_is_there() -> None:
    drawn = README.split("## Architecture", 1)[1].split("```")[1]
    named = set(re.findall(r"\b(\w+\.py|\w+/)(?=\s)", drawn))
    parts = (path for path in (ROOT / "webmint_cli").iterdir() if not path.name.startswith("_"))
    there = {f"{path.name}/" if path.is_dir() else path.name for path in parts} - {"py.typed"}
    assert named == there


@pytest.mark.parametrize("path", re.findall(r"\]\((?!https?:)([^)#]+)\)", README))
def test_a_link_leads_somewhere(path: str) -> None:
    assert (ROOT / path).exists()


def test_every_make_target_that_is_named_exists() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    assert set(re.findall(r"`?make (\w+)", README)) <= targets
