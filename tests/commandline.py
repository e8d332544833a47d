"""The real `webmint` as a process: a scrubbed environment, a home and a working directory of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import support
import upstream as up

from webmint_cli.reply.contract import last_lines

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

COMMAND = [sys.executable, "-m", "webmint_cli"]
PATIENCE = 30.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended. A negative `code` is a signal."""

    code: int
    stdout: bytes
    stderr: bytes

    @property
    def out(self) -> str:
        return self.stdout.decode()

    @property
    def err(self) -> str:
        return self.stderr.decode()

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


class Running:
    """A process on its way."""

    def __init__(self, process: subprocess.Popen[bytes], home: Path) -> None:
        self.process = process
        self._home = home

    def wait_received(self, text: str) -> None:
        """Until the record holds all of this text."""
        until(lambda: recorded(self._home) == text)

    def signal(self, number: int) -> float:
        """Send a signal; the monotonic time of it."""
        self.process.send_signal(number)
        return time.monotonic()

    def end(self, timeout: float = PATIENCE) -> Ended:
        try:
            stdout, stderr = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        return Ended(self.process.returncode, stdout, stderr)


class Webmint:
    """Calls of `webmint` in one place. `cwd` is where they work, `home` where records and settings are."""

    def __init__(self, place: Path, upstream: up.Upstream | None = None, **environment: str) -> None:
        self.cwd, self.home = place / "work", place / "home"
        self.cwd.mkdir()
        self._environment = environment
        self.model = ["--base-url", upstream.base_url, "--model", "model-a"] if upstream else []

    def environment(self, **more: str) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
        ours = {"WEBMINT_HOME": str(self.home), "HOME": str(self.home), "LC_ALL": "C.UTF-8", "TERM": "xterm"}
        return kept | ours | self._environment | more

    def start(self, *arguments: str | bytes, stdin: bytes | None = None, **options: Any) -> Running:
        environment = self.environment(**options.pop("environment", {}))
        process = subprocess.Popen(
            [*COMMAND, *arguments],
            stdin=options.pop("terminal", subprocess.DEVNULL if stdin is None else subprocess.PIPE),
            stdout=options.pop("stdout", subprocess.PIPE),
            stderr=options.pop("stderr", subprocess.PIPE),
            cwd=self.cwd,
            env=environment,
            **options,
        )
        return Running(process, self.home)

    def __call__(self, *arguments: str | bytes, stdin: bytes | None = None, **options: Any) -> Ended:
        running = self.start(*arguments, stdin=stdin, **options)
        stdout, stderr = running.process.communicate(stdin, timeout=60)
        return Ended(running.process.returncode, stdout or b"", stderr or b"")

    def generate(self, *arguments: str | bytes, **options: Any) -> Ended:
        return self("generate", "a bakery in Lyon", *self.model, *arguments, **options)

    def start_generate(self, *arguments: str | bytes, **options: Any) -> Running:
        return self.start("generate", "a bakery in Lyon", *self.model, *arguments, **options)

    def site(self, folder: str) -> dict[str, str]:
        """The files of a site that was written, without our record of it."""
        return files(self.cwd / folder)

    def provenance(self, folder: str) -> dict[str, Any]:
        record: dict[str, Any] = json.loads((self.cwd / folder / ".webmint.json").read_bytes())
        return record

    @property
    def records(self) -> list[Path]:
        return sorted((self.home / "runs").glob("*.jsonl"))


class Continuing(up.Upstream):
    """Answers as a model does that has one reply in mind: from the start, or from the lines it is shown."""

    def __init__(self, reply: str = support.REPLY, *, gap: float = 0.01) -> None:
        super().__init__()
        self.sent: list[float] = []
        self._reply = reply
        self._gap = gap

    def _answer(self, seen: up.Seen) -> up.Script:
        if seen.method != "POST":
            return super()._answer(seen)
        received = next(
            (said["content"] for said in seen.json["messages"] if said["role"] == "assistant"), ""
        )
        rest = self._reply[received.rindex("\n".join(last_lines(received))) :]
        tick = _Tick(self.sent)
        parts = [part for piece in support.pieces(rest) for part in (piece, tick, up.Pause(self._gap))]
        return up.text(*parts)


class _Tick:
    """Notes when what stands before it was sent."""

    def __init__(self, times: list[float]) -> None:
        self._times = times

    async def play(self, _wire: Any) -> None:
        self._times.append(time.monotonic())


def files(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes().decode()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".webmint.json"
    }


def recorded(home: Path) -> str:
    """The text of the reply in the latest record; half a line at its end does not count."""
    latest = max((home / "runs").glob("*.jsonl"), default=None)
    lines = latest.read_text().split("\n")[:-1] if latest else []
    return "".join(json.loads(line).get("text", "") for line in lines)


def until(condition: Callable[[], bool], timeout: float = PATIENCE) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.005)


class Reader(threading.Thread):
    """Reads a descriptor until its end, and hands on what comes."""

    def __init__(self, descriptor: int, feed: Callable[[bytes], None]) -> None:
        super().__init__(daemon=True)
        self._descriptor = descriptor
        self._feed = feed

    def run(self) -> None:
        try:
            while data := os.read(self._descriptor, 65536):
                self._feed(data)
        except OSError:
            return
