"""Every benchmark runs, at a size at which nothing it says means anything."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("subject", ["engine", "parser", "start", "live", "faults", "deploy", "history"])
def test_a_subject_prints_its_tables_with_goals_met_or_not(subject: str) -> None:
    done = run(subject, "--quick")
    assert done.returncode == 0, done.stderr
    tables = done.stdout.split("\n## ")[1:]
    assert tables
    for table in tables:
        title, *lines = table.splitlines()
        rows = [line for line in lines if line.startswith("| ")]
        assert title.startswith(subject)
        assert len(rows) > 2
        assert len({len(row) for row in rows}) == 1
    assert ": met" in done.stdout or ": MISSED" in done.stdout


def test_an_unknown_subject_is_named() -> None:
    done = run("engin")
    assert done.returncode == 2
    assert "no subject engin" in done.stderr
