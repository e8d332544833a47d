"""A history of 100,000 chats: list, search, add, carry away and take in, beside the log of `llm` with the same chats.

Each chat is a page of about 3 KB, a third of it text, in 10,648 words as unequally frequent as words are. Times are medians of
wall time, with the disk's cache warm; export and import are a process each, and count its CPU. One megabyte here is
10^6 bytes. The log is made by `llm`, with rows where its `llm logs list --latest` looks first; what that then reads of each
message is not counted.
"""

import os
import random
import resource
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from itertools import accumulate, product
from multiprocessing import get_context
from pathlib import Path
from uuid import UUID

from benchmarks import peers
from benchmarks.measure import interleaved
from benchmarks.table import Table, at_least, at_most, times
from webmint_cli.history.merge import merge
from webmint_cli.history.reader import Entry, read_file
from webmint_cli.history.records import Record
from webmint_cli.history.search import Query
from webmint_cli.history.store import Store
from webmint_cli.history.writer import export_file

_CHATS, _QUICK = 100_000, 500
_START = 1_700_000_000_000
_MEMORY = 200
_WORDS = ["".join(parts) for parts in product([a + b for a in "bdfgklmnprt" for b in "ao"], repeat=3)]
_FREQUENCIES = list(accumulate(1 / rank for rank in range(1, len(_WORDS) + 1)))
_RARE, _WITH_RARE = "quokka", 250
_PAGE = "<!doctype html>\n<title>{title}</title>\n<main>\n{text}</main>\n"
_BLOCK = '  <section class="card wide"><h2>Note</h2><p class="lead muted">{}</p></section>\n'
_STYLE = ".card { display: grid; gap: 1rem; padding: 2rem; }\n" * 16
_SCRIPT = "document.body.classList.toggle('dark');\n" * 8
_SEARCHES = {
    "newest 20": "",
    "search: a word of one chat": _RARE,
    "search: the commonest word": _WORDS[0],
    "search: a phrase of common words": f'"{_WORDS[1]} {_WORDS[2]}"',
}
_LISTED = """select turns.datetime_utc, turns.*, threads.name from turns left join threads on threads.id = turns.thread_id
    {joins} order by turns.id desc limit 20"""
_FOUND = """join turn_search on turn_search.turn_id = turns.id
    join turn_search_fts on turn_search_fts.rowid = turn_search.id where turn_search_fts match :words"""
_LOGGED = (
    "insert into threads (id, name, tip_message_hash, datetime_utc) values (:id, :prompt, :id || 'b', :timestamp)",
    """insert into turns (id, thread_id, parent_message_hash, tip_message_hash, model, datetime_utc)
       values (:id, :id, :id || 'a', :id || 'b', 'qwen', :timestamp)""",
    "insert into turn_search (turn_id, prompt, response) values (:id, :prompt, :reply)",
)


def tables(*, quick: bool) -> Iterator[Table]:
    count = _QUICK if quick else _CHATS
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        with Store.open(place / "history.db") as store, store.transaction():
            for chat in _chats(count):
                store.insert("chats", chat)
        yield _transfer(place, count)
        yield _latency(place, count, rounds=3 if quick else 21)


def _transfer(place: Path, count: int) -> Table:
    table = Table(
        f"history: {count:,} chats carried away and taken in", ("work", "MB/s of CPU", "peak MB", "goal")
    )
    jobs: dict[str, tuple[Callable[[Path], int], float]] = {
        "export": (_export, 50),
        "import: read and check": (_read, 50),
        "import, with full-text index": (_import, 10),
    }
    for name, (job, goal) in jobs.items():
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as child:
            seconds, peak = child.submit(_cost, job, place).result()
        size = (place / "export.json").stat().st_size / 1e6
        goals = f"{at_least(size / seconds, goal, 'MB/s')}; {at_most(peak / 1e6, _MEMORY, 'MB')}"
        table.add(name, f"{size / seconds:,.1f}", f"{peak / 1e6:.0f}", goals)
    table.notes.append(f"The file has {size:,.1f} MB.")
    return table


def _latency(place: Path, count: int, *, rounds: int) -> Table:
    table = Table(f"history: of {count:,} chats", ("work", "ms", "llm's log, ms", "x llm", "goal"))
    if not (log := _log(place, count)):
        table.notes.append(f"llm {peers.ABSENT}")
    added = _chats(count + rounds, since=count)
    with Store.open(place / "history.db") as store, closing(sqlite3.connect(log or ":memory:")) as theirs:
        for name, words in _SEARCHES.items():
            candidates = {"ours": lambda words=words: _wall(lambda: _ours(store, words))}
            if log:
                if _ours(store, words) != _theirs(theirs, words):
                    raise RuntimeError(f"not the same chats are found: {name}")
                candidates["llm"] = lambda words=words: _wall(lambda: _theirs(theirs, words))
            _row(table, name, interleaved(candidates, rounds=rounds), 30 if words else 5)
        insert = {"ours": lambda: _wall(lambda: store.insert("chats", next(added)))}
        _row(table, "insert one", interleaved(insert, rounds=rounds), 5)
    return table


def _row(table: Table, name: str, seconds: dict[str, float], limit: float) -> None:
    ours, theirs = seconds["ours"], seconds.get("llm")
    beside = (f"{theirs * 1000:.2f}", times(ours / theirs)) if theirs else ("-", "-")
    table.add(name, f"{ours * 1000:.2f}", *beside, at_most(ours * 1000, limit, "ms"))


def _chats(end: int, since: int = 0) -> Iterator[Record]:
    """Made as they are asked for, the same ones every time."""
    for number in range(since, end):
        words = random.Random(number).choices(_WORDS, cum_weights=_FREQUENCIES, k=165)
        words += [_RARE] * (number == _WITH_RARE)
        title, prompt = " ".join(words[:4]), " ".join(words[4:20])
        text = "".join(_BLOCK.format(" ".join(words[at : at + 15])) for at in range(20, len(words), 15))
        yield {
            "uid": str(UUID(int=number, version=4)),
            "prompt": prompt,
            "generatedContent": {
                "html": _PAGE.format(title=title, text=text),
                "css": _STYLE,
                "js": _SCRIPT,
            },
            "status": "completed",
            "timestamp": _START + number * 60_000,
            "metadata": {"provider": "ollama", "model": "qwen", "seconds": 4.5, "usage": {"tokens": 900}},
        }


def _log(place: Path, count: int) -> Path | None:
    """The chats as `llm` logs them, in the database that it makes itself."""
    llm, log = peers.llm(), place / "logs.db"
    if llm is None:
        return None
    environment = {**os.environ, "LLM_USER_PATH": str(place)}
    subprocess.run([llm, "fragments", "list"], env=environment, stdout=subprocess.DEVNULL, check=True)
    with closing(sqlite3.connect(log)) as database, database:
        for number, chat in enumerate(_chats(count)):
            row = {**chat, "id": f"{number:026}", "reply": "".join(chat["generatedContent"].values())}
            for statement in _LOGGED:
                database.execute(statement, row)
    return log


def _ours(store: Store, words: str) -> list[int]:
    return [chat.timestamp for chat in store.summaries(Query(text=words))]


def _theirs(log: sqlite3.Connection, words: str) -> list[int]:
    query = _LISTED.format(joins=_FOUND if words else "")
    return [int(row[0]) for row in log.execute(query, {"words": words})]


def _wall(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _cost(job: Callable[[Path], int], place: Path) -> tuple[float, float]:
    """CPU seconds and peak memory of a job in this process, which does nothing else."""
    began = time.process_time()
    if not job(place):
        raise RuntimeError("there was nothing to do")
    return time.process_time() - began, _peak()


def _peak() -> float:
    """In bytes. Linux hands what the parent had at its peak on to `ru_maxrss`, but not to `VmHWM`."""
    if sys.platform == "linux":
        lines = Path("/proc/self/status").read_text().splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _export(place: Path) -> int:
    with Store.open(place / "history.db") as store:
        export_file(store, place / "export.json", timestamp=_START)
        return store.count("chats")


def _read(place: Path) -> int:
    with (place / "export.json").open("rb") as file:
        return sum(isinstance(item, Entry) for item in read_file(file))


def _import(place: Path) -> int:
    with (place / "export.json").open("rb") as file, Store.open(place / "imported.db") as store:
        return merge(store, read_file(file), strict=True).added
