"""MB of reply a second that the parser turns into files, and whether that stays so as the reply grows.

Beside it what most programs do: look for the fences in all of the text at every chunk. Its work grows with the
square of the reply, so that it is measured at the two small sizes only. Chunks of four characters are what models
send; 64 KB reads are a journal that is read back. One megabyte here is 10^6 characters. The goals are for the
form that is asked for at the largest size, and for every form that it keeps its pace from 10 KB to 10 MB; in a
form without paths a page is read for what it links, too.
"""

import re
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product

from benchmarks.measure import interleaved, own_cpu
from benchmarks.sample import reply
from benchmarks.table import Table, at_least, at_most, times
from webmint_cli.reply.parser import Parser

_SIZES = {"10 KB": 10_000, "100 KB": 100_000, "1 MB": 1_000_000, "10 MB": 10_000_000}
_QUICK = {"1 KB": 1_000, "10 KB": 10_000}
_READS = {"4-character chunks": 4, "64 KB reads": 64 << 10}
_GOALS = {"4-character chunks": 5, "64 KB reads": 200}
_ASKED_FOR = "contract"
_NAIVE_UP_TO = 100_000
_LINEAR = 1.5
_FENCES = {
    "contract": re.compile(r"^~~~~~ *\w* *path=(\S+)\n(.*?)(?:^~~~~~|\Z)", re.DOTALL | re.MULTILINE),
    "backticks": re.compile(r"^```(html|css|js)\n(.*?)(?:^```|\Z)", re.DOTALL | re.MULTILINE),
}


def tables(*, quick: bool) -> Iterator[Table]:
    sizes = _QUICK if quick else _SIZES
    for form in _FENCES:
        yield _throughput(form, sizes, quick=quick)
    yield _naive(sizes, quick=quick)


def _throughput(form: str, sizes: dict[str, int], *, quick: bool) -> Table:
    table = Table(f"parser, {form} form: MB/s", ("reads", *sizes, "ns/char, last / first", "goal"))
    for reads, step in _READS.items():
        candidates = {
            name: _timed(_feed, _chunks(reply(size, form=form), step), quick=quick)
            for name, size in sizes.items()
        }
        seconds = interleaved(candidates, rounds=1 if quick else 3)
        speeds = [size / seconds[name] / 1e6 for name, size in sizes.items()]
        growth = speeds[0] / speeds[-1]
        linear = at_most(growth, _LINEAR, "x")
        goal = f"{at_least(speeds[-1], _GOALS[reads], 'MB/s')}; {linear}" if form == _ASKED_FOR else linear
        table.add(reads, *(f"{speed:,.1f}" for speed in speeds), times(growth), goal)
    return table


def _naive(sizes: dict[str, int], *, quick: bool) -> Table:
    table = Table(
        "parser: a regular expression over all of the text at each 4-character chunk, beside ours",
        ("reply", "form", "x ours", "goal"),
        notes=["Of the 100 KB, one search in ten was made and counted ten times."],
    )
    small = {name: size for name, size in sizes.items() if size <= _NAIVE_UP_TO}
    for (name, size), (form, fences) in product(small.items(), _FENCES.items()):
        chunks = _chunks(reply(size, form=form), 4)
        every = max(1, size // 10_000)
        candidates = {
            "ours": _timed(_feed, chunks, quick=quick),
            "naive": _timed(partial(_search, fences, every), chunks, quick=True),
        }
        seconds = interleaved(candidates, rounds=1)
        table.add(name, form, times(seconds["naive"] * every / seconds["ours"]), "")
    return table


def _timed(read: Callable[[list[str]], object], chunks: list[str], *, quick: bool) -> Callable[[], float]:
    return lambda: own_cpu(lambda: read(chunks), at_least=0 if quick else 0.1)


def _feed(chunks: list[str]) -> None:
    parser = Parser()
    for chunk in chunks:
        parser.feed(chunk)
    if not parser.close().files:
        raise RuntimeError("the parser found no files")


def _search(fences: re.Pattern[str], every: int, chunks: list[str]) -> None:
    text, found = "", []
    for number, chunk in enumerate(chunks):
        text += chunk
        if number % every == 0:
            found = fences.findall(text)
    if not found:
        raise RuntimeError("the expression found no files")


def _chunks(text: str, step: int) -> list[str]:
    return [text[at : at + step] for at in range(0, len(text), step)]
