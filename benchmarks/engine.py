"""CPU per chunk from the socket to our events, beside what others take to hand over the text alone.

The SDK's stream objects are what most programs iterate and `llm` is the command of our kind; the SDK's bytes and
`httpx-sse` show how much of it is the network below us, and the decoding that no one can leave out. Every client
runs in a process of its own, without its start. A burst holds many chunks a read, as a fast or a replayed model
gives them; paced is one chunk a wake-up, where the kernel and the event loop are most of the price.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from benchmarks import ROOT, peers
from benchmarks.clients import CLIENTS
from benchmarks.measure import interleaved
from benchmarks.server import CHARACTERS, serving
from benchmarks.table import Table, at_most, times

_WARM_UP = 50
_SDK, _OURS, _LLM = "openai objects", "webmint", "llm"


class Worker:
    """A client in a process of its own, asked for one stream after the other."""

    def __init__(self, name: str, environment: Mapping[str, str]) -> None:
        script = peers.llm() if name == _LLM else None
        python = str(script.with_name("python")) if script else sys.executable
        self._name = name
        self._process = subprocess.Popen(
            [python, "-m", "benchmarks.clients", "cpu", name],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def read(self, base_url: str, count: int) -> float:
        """CPU microseconds per chunk of one stream."""
        assert self._process.stdin
        assert self._process.stdout
        print(base_url, file=self._process.stdin, flush=True)
        answer = json.loads(self._process.stdout.readline())
        # We give the files without their fences; the bytes alone are no text at all.
        if answer["characters"] < count * CHARACTERS / 2 and self._name != "openai bytes":
            raise RuntimeError(f"{self._name} read {answer['characters']} characters of {count * CHARACTERS}")
        return float(answer["cpu"]) / count * 1e6


def tables(*, quick: bool) -> Iterator[Table]:
    counts = {"burst": 200, "paced": 100} if quick else {"burst": 20_000, "paced": 5_000}
    rounds = {"burst": 1 if quick else 5, "paced": 1 if quick else 3}
    with serving() as origin, ExitStack() as stack:
        urls = [f"{origin}/{kind}/{count}/v1" for kind, count in [("burst", _WARM_UP), *counts.items()]]
        environment = stack.enter_context(environment_for(urls))
        workers = {name: stack.enter_context(Worker(name, environment)) for name in _present()}
        for worker in workers.values():
            worker.read(urls[0], _WARM_UP)
        for (kind, count), url in zip(counts.items(), urls[1:], strict=True):
            yield _table(kind, count, _measured(workers, url, count, rounds[kind]))


def _measured(workers: dict[str, Worker], url: str, count: int, rounds: int) -> dict[str, float]:
    candidates = {name: lambda worker=worker: worker.read(url, count) for name, worker in workers.items()}
    return interleaved(candidates, rounds=rounds)


def _table(kind: str, count: int, cpu: dict[str, float]) -> Table:
    pace = "as fast as they are taken" if kind == "burst" else "one a millisecond"
    title = f"engine, {kind}: CPU per chunk, {count:,} chunks of four characters, {pace}"
    table = Table(title, ("client", "us a chunk", "x openai objects", "x llm", "goal"))
    ours, llm = cpu[_OURS] / cpu[_SDK], cpu[_OURS] / cpu[_LLM] if _LLM in cpu else None
    goal = f"{at_most(ours, 0.3, 'x openai objects')}; {at_most(llm, 0.25, 'x llm')}"
    for name, figure in sorted(cpu.items(), key=lambda item: item[1]):
        beside = times(figure / cpu[_LLM]) if _LLM in cpu else "-"
        is_ours = name == _OURS and kind == "burst"
        table.add(name, f"{figure:.1f}", times(figure / cpu[_SDK]), beside, goal if is_ours else "")
    table.notes += [f"{name} {peers.ABSENT}" for name in CLIENTS if name not in cpu]
    return table


def _present() -> list[str]:
    absent = {_LLM} if peers.llm() is None else set()
    absent |= set() if peers.has_httpx_sse() else {"httpx-sse"}
    return [name for name in CLIENTS if name not in absent]


@contextmanager
def environment_for(base_urls: list[str]) -> Iterator[dict[str, str]]:
    """A clean environment in which `llm` knows each base URL as a model of that name."""
    with TemporaryDirectory() as home:
        models = [{"model_id": url, "model_name": "model-a", "api_base": url} for url in base_urls]
        # JSON is YAML.
        Path(home, "extra-openai-models.yaml").write_text(json.dumps(models))
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        yield kept | {"LLM_USER_PATH": home, "HOME": home, "WEBMINT_HOME": home}
