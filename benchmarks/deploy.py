"""What a deployment to Cloudflare Pages costs, beside wrangler: requests, CPU, wall time, peak memory.

The API and the edge are the tests' own, on this machine, so that what is measured is the client. wrangler neither
reads back what is served nor says no when it is wrong; ours does both within these figures.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks import peers
from benchmarks.table import Table, at_most, times

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
from cloudflare_host import CloudflareHost

_PROJECT = "bench"
_CPU_GOAL = 0.45
_QUARTER = 0.25
_READ_BACK = 200


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds, bytes, and API requests, of one process."""

    cpu: float
    wall: float
    memory: float
    requests: int


def tables(*, quick: bool) -> Iterator[Table]:
    sizes = (5,) if quick else (5, 1500)
    table = Table(
        "deploy: one deployment to Cloudflare Pages",
        ("files", "state", "tool", "requests", "CPU s", "wall s", "peak MB", "x wrangler", "goal"),
    )
    for files in sizes:
        for row in _rows(files):
            table.add(*row)
    if not peers.wrangler():
        table.notes.append(f"wrangler {peers.ABSENT_WRANGLER}")
    table.notes.append(f"requests: of the API; reading back up to {_READ_BACK} files is in the other figures")
    yield table


def _rows(files: int) -> Iterator[Sequence[str]]:
    with tempfile.TemporaryDirectory() as place:
        site = _site(Path(place) / "site", files)
        costs = {tool: _costs(command, Path(place)) for tool, command in _commands(site).items()}
    for number, state in enumerate(("cold", "unchanged")):
        beside = costs["wrangler"][number] if "wrangler" in costs else None
        for tool, cost in ((tool, both[number]) for tool, both in costs.items()):
            yield _row(files, state, tool, cost, beside if tool == "webmint" else None)


def _row(files: int, state: str, tool: str, cost: Cost, beside: Cost | None) -> Sequence[str]:
    ratio = (
        max(cost.cpu / beside.cpu, cost.wall / beside.wall, cost.memory / beside.memory) if beside else None
    )
    goal = at_most(ratio, _QUARTER, "x wrangler, the worst of three") if tool == "webmint" else ""
    if tool == "webmint" and files == min(files, 5):
        goal = f"{goal}; {at_most(cost.cpu, _CPU_GOAL, 's of CPU')}"
    figures = (f"{cost.requests}", f"{cost.cpu:.2f}", f"{cost.wall:.2f}", f"{cost.memory / 1e6:.0f}")
    return (f"{files:,}", state, tool, *figures, times(ratio) if ratio else "-", goal)


def _commands(site: Path) -> dict[str, Sequence[str]]:
    ours = [str(peers.command("webmint")), "deploy", str(site), "--project", _PROJECT, "--quiet"]
    commands: dict[str, Sequence[str]] = {"webmint": ours}
    if wrangler := peers.wrangler():
        theirs = ["pages", "deploy", str(site), "--project-name", _PROJECT, "--branch", "main"]
        commands["wrangler"] = [str(wrangler), *theirs]
    return commands


def _costs(command: Sequence[str], place: Path) -> list[Cost]:
    """A first deployment, and one of the same site again; after one elsewhere that warms the disk's cache."""
    with CloudflareHost() as host:
        host.add_project(_PROJECT)
        _measured(command, host, place)
    with CloudflareHost() as host:
        host.add_project(_PROJECT)
        return [_measured(command, host, place) for _ in range(2)]


def _measured(command: Sequence[str], host: CloudflareHost, place: Path) -> Cost:
    before, began = len(host.requests), time.monotonic()
    process = subprocess.Popen(
        command, cwd=place, env=_environment(host, place), stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.monotonic() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    memory = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return Cost(usage.ru_utime + usage.ru_stime, wall, memory, len(host.requests) - before)


def _environment(host: CloudflareHost, place: Path) -> Mapping[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        "HOME": str(place),
        "WEBMINT_HOME": str(place / "home"),
        "CI": "true",
        "WRANGLER_SEND_METRICS": "false",
        "CLOUDFLARE_API_TOKEN": host.token,
        "CLOUDFLARE_ACCOUNT_ID": host.account,
        "CLOUDFLARE_API_BASE_URL": host.api,
    }


def _site(folder: Path, files: int) -> Path:
    folder.mkdir()
    (folder / "index.html").write_text("<!doctype html><title>Front</title>" + "<p>Text</p>" * 200)
    for number in range(files - 1):
        text = f"<!doctype html><title>{number}</title>" + f"<p>Page {number}</p>" * 150
        (folder / f"page-{number}.html").write_text(text)
    return folder
