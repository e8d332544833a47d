"""CPU until the command line has answered, beside a bare interpreter and beside `llm`, the command of our kind.

`--help` is what a newcomer waits for; `--version` is what scripts and editors ask. The console script is the
installer's, and some of them import `re` there: so our own part stands in a line of its own.
"""

import sys
from collections.abc import Iterator

from benchmarks import peers
from benchmarks.measure import child_cpu, interleaved
from benchmarks.table import Table, at_most, times

_PYTHON = "python -c pass"
_MAIN = "from webmint_cli.__main__ import main; main()"
_GOALS = {"main(), --version": 1.5, "webmint --help": 8.0, "webmint --version": 1.5}


def tables(*, quick: bool) -> Iterator[Table]:
    webmint, llm = str(peers.command("webmint")), peers.llm()
    commands = {
        _PYTHON: [sys.executable, "-c", "pass"],
        "main(), --version": [sys.executable, "-c", _MAIN, "--version"],
        "webmint --version": [webmint, "--version"],
        "webmint --help": [webmint, "--help"],
    }
    if llm:
        commands["llm --help"] = [str(llm), "--help"]
    candidates = {name: lambda command=command: child_cpu(command) for name, command in commands.items()}
    interleaved(candidates, rounds=1)  # warms the disk's cache
    cpu = interleaved(candidates, rounds=1 if quick else 11)
    table = Table("start: CPU of a whole process", ("command", "ms", f"x {_PYTHON}", "x llm --help", "goal"))
    for name, seconds in cpu.items():
        ratio = seconds / cpu[_PYTHON]
        beside = times(seconds / cpu["llm --help"]) if llm else "-"
        goal = at_most(ratio, _GOALS[name], f"x {_PYTHON}") if name in _GOALS else ""
        table.add(name, f"{seconds * 1000:.0f}", times(ratio), beside, goal)
    if not llm:
        table.notes.append(f"llm {peers.ABSENT}")
    yield table
