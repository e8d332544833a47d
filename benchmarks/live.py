"""What a frame of the live view costs, in CPU and in bytes to the terminal, as the page grows.

Beside it the usual way to show a stream with rich: a `Live` that highlights all of the page at each update. Ours is
the real view on a terminal of 120 x 40 for a few seconds, fed ten events a second: its figure is all CPU that the
process spent, by the frames it drew. The usual way is drawn frame by frame without a pause, which flatters it.
"""

import fcntl
import io
import os
import pty
import struct
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import TypeAlias

from rich.console import Console
from rich.live import Live as RichLive
from rich.syntax import Syntax

from benchmarks.measure import interleaved
from benchmarks.sample import text
from benchmarks.table import Table, at_most, times
from webmint_cli.cli.live import Live
from webmint_cli.events import Progress

_COLUMNS, _ROWS = 120, 40
_FILE = "index.html"
_DELTA = 40
_PAUSE = 0.1
_GOAL = 2.0
_SIZES = {"1 KB": 1_000, "10 KB": 10_000, "100 KB": 100_000, "1 MB": 1_000_000}
_QUICK = {"1 KB": 1_000, "10 KB": 10_000}


class Terminal(io.TextIOWrapper):
    """A terminal of a known size that counts: CPU seconds, writes and bytes, as far as it is told to."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(io.BytesIO(), encoding="utf-8")
        self._descriptor = descriptor
        self._counts = False
        self.frames = 0
        self.bytes = 0
        self.cpu = 0.0

    @contextmanager
    def counting(self) -> Iterator[None]:
        self.frames = self.bytes = 0
        self._counts, began = True, time.process_time()
        yield
        self._counts, self.cpu = False, time.process_time() - began

    def write(self, drawn: str) -> int:
        if self._counts:
            self.frames += 1
            self.bytes += len(drawn.encode())
        return len(drawn)

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return True


# Draws a page on a terminal for so many seconds.
Way: TypeAlias = Callable[[Terminal, str, float], None]


def tables(*, quick: bool) -> Iterator[Table]:
    sizes = _QUICK if quick else _SIZES
    seconds = {_watch: 0.4 if quick else 2.0, _draw_all: 0.0 if quick else 0.5}
    with _descriptor() as descriptor:
        terminals = {(name, way): Terminal(descriptor) for name in sizes for way in seconds}
        candidates = {
            (name, way): partial(_frame, way, terminal, text(sizes[name]), seconds[way])
            for (name, way), terminal in terminals.items()
        }
        cpu = interleaved(candidates, rounds=1 if quick else 3)
    table = Table(
        "live: a frame of the live view",
        ("page so far", "ms a frame", "bytes", "rich, all of it: ms", "bytes", "x rich", "goal"),
    )
    for name in sizes:
        (ours, size), (naive, naive_size) = (
            (cpu[name, way] * 1000, terminals[name, way].bytes / terminals[name, way].frames)
            for way in seconds
        )
        goal = at_most(ours, _GOAL, "ms")
        table.add(
            name,
            f"{ours:.2f}",
            f"{size:,.0f}",
            f"{naive:,.1f}",
            f"{naive_size:,.0f}",
            times(ours / naive),
            goal,
        )
    yield table


def _frame(way: Way, terminal: Terminal, page: str, seconds: float) -> float:
    """CPU seconds of one frame."""
    way(terminal, page, seconds)
    return terminal.cpu / terminal.frames


def _watch(terminal: Terminal, page: str, seconds: float) -> None:
    """Our view, while the page goes on to grow."""
    with Live(terminal, colored=True, environment={}) as live:
        live.show(Progress(page, 50, _FILE, 0))
        time.sleep(_PAUSE)
        with terminal.counting():
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                live.show(Progress(page[:_DELTA], 50, _FILE, 0))
                time.sleep(_PAUSE)


def _draw_all(terminal: Terminal, page: str, seconds: float) -> None:
    """At least one frame of all of the page, and as many as that much CPU draws."""
    console = Console(file=terminal, force_terminal=True, width=_COLUMNS, height=_ROWS)
    with RichLive(console=console, auto_refresh=False) as live, terminal.counting():
        end = time.process_time() + seconds
        while True:
            live.update(Syntax(page, "html"), refresh=True)
            page += page[:_DELTA]
            if time.process_time() >= end:
                break


@contextmanager
def _descriptor() -> Iterator[int]:
    """A terminal of our size, to be asked for it; what is drawn goes nowhere."""
    ours, theirs = pty.openpty()
    try:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, _COLUMNS, 0, 0))
        yield theirs
    finally:
        os.close(ours)
        os.close(theirs)
