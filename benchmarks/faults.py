"""What a program gets to see when a model's server misbehaves: ours, the libraries that most programs are built
on, and `llm`, each used as its documentation shows it.

Every fault is a script of the tests' model server, every cell was measured. Silence is limited to a second where a
client has an option for it (webmint, openai, httpx-sse; llm has none), and after three seconds a read counts as
hanging: more on a machine that is busy, by its load. After a cut the server would give the rest to who asks for
it: only we do, and that is `continued`.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import upstream as up

from benchmarks import ROOT, peers
from benchmarks.clients import KEY, PROMPT, SILENCE, Reading
from benchmarks.engine import environment_for
from benchmarks.sample import reply_of, site
from benchmarks.table import Table

_FILES = site(600)
_REPLY = reply_of(_FILES)
_AT = _REPLY.index("</p>") + len("</p>")
_HALF = [_REPLY[at : at + 40] for at in range(0, _AT, 40)]
_HALF[-1] = _REPLY[40 * (len(_HALF) - 1) : _AT]
_REST = _REPLY[_AT:]
_OVERLAP = 2
_STARTS = 30.0
_AT_ONCE = 3
_PATIENCE = 3.0

_WHOLE = frozenset({"complete"})
_TOLD = frozenset({"error"})
_KEPT = frozenset({"continued", "error, kept"})


@dataclass(frozen=True, slots=True)
class Fault:
    """A script, what the text would be if nothing were wrong, and which ends of ours are good."""

    name: str
    script: up.Script
    goal: frozenset[str]
    text: str = _REPLY
    continues: bool = False


def _cut(name: str, script: up.Script) -> Fault:
    return Fault(name, script, _KEPT, continues=True)


def _flawed(name: str, *parts: up.Part, text: str = _REPLY) -> Fault:
    return Fault(name, up.text(*_HALF, *parts, _REST), _WHOLE, text=text)


def _inserted(text: str) -> str:
    return "".join((*_HALF, text, _REST))


REDIRECT = "307 to another host"
FAULTS = [
    Fault("401 that quotes the key", up.unauthorized(KEY), _TOLD),
    _cut("clean end, nothing said", up.unfinished(*_HALF)),
    _cut("finish_reason length", up.text(*_HALF, finish="length")),
    Fault("content_filter", up.text(*_HALF, finish="content_filter"), _KEPT),
    Fault("HTML page with 200", up.html(), _TOLD),
    Fault("JSON error with 200", up.status(200, up.failure("overloaded")), _TOLD),
    Fault("empty reply", up.text(), _TOLD),
    _cut("stall in the middle", up.stall(*_HALF)),
    _cut("comments for ever", up.pings(*_HALF)),
    _cut("reset in the middle", up.reset(*_HALF)),
    _cut("broken JSON event", up.text(*_HALF, up.BROKEN_JSON, _REST)),
    _flawed("invalid UTF-8", *up.INVALID_UTF8, text=_inserted("caf\ufffd\ufffd!")),
    _flawed("surrogates in two events", *up.SPLIT_SURROGATES, text=_inserted("\N{ROCKET}")),
    Fault("BOM", up.bom(up.text(*_HALF, _REST)), _WHOLE),
    _cut("line of 1 MB without end", up.stream(up.ROLE, *_HALF, up.long_line(), up.Hold())),
    _flawed("choices null", up.NULL_CHOICES),
    Fault(REDIRECT, up.text(*_HALF, _REST), _TOLD),
]
_QUICK = {"clean end, nothing said", REDIRECT}


class Case:
    """A fault, and a server that shows it to one client."""

    def __init__(self, fault: Fault, stack: ExitStack) -> None:
        self.fault = fault
        self.server = stack.enter_context(up.Upstream())
        self.target = self.server
        if fault.name == REDIRECT:
            self.target = stack.enter_context(up.Upstream())
            place = self.target.base_url.replace("127.0.0.1", "localhost")
            self.server.reply(up.redirect(307, f"{place}/chat/completions"))
        self.target.reply(fault.script)
        if fault.continues:
            self.target.reply(up.text("".join(_HALF[-_OVERLAP:]), _REST))

    def cell(self, reading: Reading) -> str:
        """One or two words for how it went."""
        if KEY in reading.text + reading.said:
            return "key shown"
        if self.target is not self.server and self.target.requests:
            sent = any(KEY in seen.headers.get("authorization", "") for seen in self.target.requests)
            return "follows, key sent" if sent else "follows"
        if reading.end != "complete":
            return f"hang > {_PATIENCE:g} s" if reading.end == "hang" else reading.end
        if reading.text.rstrip("\n") == self.fault.text.rstrip("\n"):
            return "continued" if len(self.server.requests) > 1 else "complete"
        if not reading.text.strip():
            return "silent, empty"
        return "silent cut" if self.fault.text.startswith(reading.text.rstrip("\n")) else "wrong text"


Read = Callable[[list[Case]], list[Reading]]


def tables(*, quick: bool) -> Iterator[Table]:
    faults = [fault for fault in FAULTS if not quick or fault.name in _QUICK]
    readers: dict[str, Read] = {"webmint": _read_webmint, "openai": partial(_read_library, "openai objects")}
    if peers.has_httpx_sse():
        readers["httpx-sse"] = partial(_read_library, "httpx-sse")
    if peers.llm():
        readers["llm"] = _read_llm
    cells = {name: _cells(read, faults) for name, read in readers.items()}
    table = Table("faults: how a read ends", ("fault", *readers, "goal, ours"))
    for fault, *row in zip(faults, *cells.values(), strict=True):
        table.add(fault.name, *row, _verdict(fault, row[0]))
    table.notes += [
        "kept: the files so far are in the folder. continued: the rest was asked for, and joined without a seam.",
        "A read crashes, too, where its text can't be written as UTF-8.",
        *(f"{name} {peers.ABSENT}" for name in ("httpx-sse", "llm") if name not in readers),
    ]
    yield table


def _patience() -> float:
    """Three seconds of an idle machine."""
    return _PATIENCE * max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def _verdict(fault: Fault, cell: str) -> str:
    return f"{' or '.join(sorted(fault.goal))}: {'met' if cell in fault.goal else 'MISSED'}"


def _cells(read: Read, faults: list[Fault]) -> list[str]:
    with ExitStack() as stack:
        cases = [Case(fault, stack) for fault in faults]
        return [case.cell(reading) for case, reading in zip(cases, read(cases), strict=True)]


def _read_library(client: str, cases: list[Case]) -> list[Reading]:
    """All faults at once, in one process."""
    urls = [case.server.base_url for case in cases]
    with TemporaryDirectory() as home:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.clients", "faults", client, str(_patience()), *urls],
            cwd=ROOT,
            env={"HOME": home, "PATH": os.defpath},
            capture_output=True,
            text=True,
            check=True,
        )
    return [Reading(**reading) for reading in json.loads(done.stdout)]


def _read_webmint(cases: list[Case]) -> list[Reading]:
    with TemporaryDirectory() as home, ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(lambda case: _run_webmint(case, Path(home)), cases))


def _run_webmint(case: Case, home: Path) -> Reading:
    folder = home / str(id(case))
    environment = {"HOME": str(home), "WEBMINT_HOME": str(home), "WEBMINT_API_KEY": KEY, "PATH": os.defpath}
    command = [str(peers.command("webmint")), "generate", PROMPT, "--json", "--output", str(folder)]
    options = ["--base-url", case.server.base_url, "--model", "model-a", "--timeout", str(SILENCE)]
    code, out, err = _bounded([*command, *options], case, environment)
    if code is None:
        return Reading("hang", said=out + err)
    if code:
        kept = (folder / "index.html").exists()
        crashed = "Traceback" in err or "a bug in webmint" in err
        return Reading("crash" if crashed else "error, kept" if kept else "error", said=out + err)
    files = {path: (folder / path).read_text("utf-8") for path in _FILES if (folder / path).exists()}
    return Reading("complete", reply_of(files), out + err)


def _read_llm(cases: list[Case]) -> list[Reading]:
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return list(pool.map(_run_llm, cases))


def _run_llm(case: Case) -> Reading:
    model = case.server.base_url
    # A home each: two that create its database at once crash.
    with environment_for([model]) as environment:
        command = [str(peers.llm()), "prompt", PROMPT, "--model", model, "--key", KEY]
        code, out, err = _bounded(command, case, environment)
    if code is None:
        return Reading("hang", out, err)
    if code:
        return Reading("crash" if "Traceback" in err else "error", out, err)
    return Reading("complete", out, err)


def _bounded(
    command: Sequence[str], case: Case, environment: Mapping[str, str]
) -> tuple[int | None, str, str]:
    """Exit code and output of a command, None for a code if it did not end in time after its first request."""
    pipe, null = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(
        command, env=environment, stdin=null, stdout=pipe, stderr=pipe, text=True, encoding="utf-8"
    ) as process:
        deadline = time.monotonic() + _STARTS
        while not case.server.requests and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
        try:
            out, err = process.communicate(timeout=_patience())
        except subprocess.TimeoutExpired:
            process.kill()
            out, err = process.communicate()
            return None, out, err
        return process.returncode, out, err
