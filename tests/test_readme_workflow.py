"""The README's workflow is executed: each `run:` step under bash, as GitHub Actions runs it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cloudflare_host import CloudflareHost

if TYPE_CHECKING:
    from collections.abc import Iterator

README = (Path(__file__).parents[1] / "README.md").read_text("utf-8")
WORKFLOW = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)[0]
# A step's script: the rest of its line, or the block below it that is indented further.
STEP = re.compile(r"^( *)(?:- )?run: (?:\|\n((?:\1 {2,}.*\n)+)|(.*)\n)", re.MULTILINE)


def steps() -> list[str]:
    return [textwrap.dedent(block) or line for _, block, line in STEP.findall(WORKFLOW)]


@pytest.fixture
def host() -> Iterator[CloudflareHost]:
    with CloudflareHost() as running:
        running.add_project("bakery")
        yield running


@pytest.fixture
def runner(tmp_path: Path, host: CloudflareHost) -> dict[str, str]:
    """The environment of a step. `webmint` is ours, and `pip` need not install it again."""
    tools = tmp_path / "bin"
    tools.mkdir()
    for name, script in {"webmint": f'exec {sys.executable} -m webmint_cli "$@"', "pip": "exit 0"}.items():
        (tools / name).write_text(f"#!/bin/sh\n{script}\n")
        (tools / name).chmod(0o755)
    return {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "WEBMINT_HOME": str(tmp_path / "home"),
        "CI": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_REF_TYPE": "branch",
        "GITHUB_REF_NAME": "main",
        "GITHUB_OUTPUT": str(tmp_path / "output"),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        "CLOUDFLARE_API_TOKEN": host.token,
        "CLOUDFLARE_ACCOUNT_ID": host.account,
        "CLOUDFLARE_API_BASE_URL": host.api,
    }


def run(script: str, place: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
    return subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False)


def test_each_step_runs_and_the_site_is_live(
    tmp_path: Path, host: CloudflareHost, runner: dict[str, str]
) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "index.html").write_text("<!doctype html><title>Bakery</title>")
    done = [run(script, tmp_path, runner) for script in steps()]
    assert [(step.returncode, step.stderr[-300:]) for step in done if step.returncode] == []
    assert len(done) == 3
    url = host.deployments[-1].url
    assert done[-1].stdout == f"It is live: {url}\n"
    assert "deployment-url<<" in (tmp_path / "output").read_text("utf-8")
    assert url in (tmp_path / "summary").read_text("utf-8")
    assert host.deployments[-1].environment == "production"


def test_a_deployment_that_fails_fails_its_step(tmp_path: Path, runner: dict[str, str]) -> None:
    (tmp_path / "site").mkdir()
    failed = run(steps()[1], tmp_path, runner)
    assert failed.returncode == 3
    assert "::error title=webmint::" in failed.stderr
