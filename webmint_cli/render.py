"""What a job looks like: drawn live on a terminal, as plain lines in a pipe, as NDJSON, or not at all.

stdout is the result and belongs to the commands; everything here but NDJSON goes to stderr. Only this module
imports rich. A frame costs the same at any page size: it knows the tail of the file, never all of it.
"""

import re
import sys
import time
from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Protocol, Self, TextIO

from webmint_cli.events import Complete, Deployed, Event, Failed, Progress, Status, to_json
from webmint_cli.pacing import Clock

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_TAIL = 4096
_TAIL_LINES = 8
_FRAMES = 8
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
_UNITS = ("B", "KB", "MB", "GB")
_THOUSAND = 1000


class Reporter(Protocol):
    """Shows the events of a job. A context manager, so that the terminal is whole again whatever happens."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def show(self, event: Event) -> None: ...

    def say(self, *lines: str) -> None:
        """Closing words, after the last event."""


def printable(text: str) -> str:
    """Text of others, without what a terminal would obey."""
    return _CONTROL.sub("", text)


def size(count: float) -> str:
    """A number of bytes, as people write it: `12.4 KB`."""
    unit = 0
    while count >= _THOUSAND and unit < len(_UNITS) - 1:
        count, unit = count / _THOUSAND, unit + 1
    return f"{count:.0f} {_UNITS[unit]}" if unit == 0 else f"{count:.1f} {_UNITS[unit]}"


def duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3:05`."""
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"  # noqa: PLR2004 - two digits say enough
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"


class _Silent:
    """What every reporter does when there is nothing to draw."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def show(self, event: Event) -> None:
        """Nothing."""

    def say(self, *lines: str) -> None:
        """Nothing."""


class Quiet(_Silent):
    """Nothing but errors, which the commands print."""


class Json(_Silent):
    """One JSON object a line on stdout, flushed, so that a program can follow."""

    def __init__(self, stdout: TextIO) -> None:
        self._stdout = stdout

    def show(self, event: Event) -> None:
        self._stdout.write(to_json(event) + "\n")
        self._stdout.flush()


class Plain(_Silent):
    """A line for each thing that happens: for pipes, logs and CI."""

    def __init__(self, stderr: TextIO) -> None:
        self._stderr = stderr
        self._files: dict[str, int] = {}
        self._file = ""
        self._thinking = False

    def show(self, event: Event) -> None:
        if isinstance(event, Progress):
            self._count(event)
            return
        if isinstance(event, Status):
            if event.phase == "think" and self._thinking:
                return
            self._thinking = event.phase == "think"
            self._end_file()
            self.say("Thinking" if self._thinking else event.message)
        elif isinstance(event, Complete | Deployed):
            self._end_file()

    def say(self, *lines: str) -> None:
        for line in lines:
            self._stderr.write(printable(line) + "\n")
        self._stderr.flush()

    def _count(self, event: Progress) -> None:
        if event.file != self._file:
            self._end_file()
            self._file = event.file
        if event.reset:
            self._files[event.file] = 0
        self._files[event.file] = self._files.get(event.file, 0) + len(
            event.content.encode("utf-8", "replace")
        )

    def _end_file(self) -> None:
        if self._file:
            self.say(f"  {self._file}  {size(self._files[self._file])}")
            self._file = ""


class Live(_Silent):
    """One frame that is redrawn in place: progress, files, rate, and the tail of what is being written."""

    def __init__(self, stderr: TextIO, *, color: bool | None = None, clock: Clock = time.monotonic) -> None:
        from rich.console import Console
        from rich.live import Live as RichLive

        self._console = Console(
            file=stderr, force_terminal=True, no_color=None if color is None else not color, highlight=False
        )
        self.view = View(clock)
        self._live = RichLive(
            get_renderable=lambda: self.view.frame(self._console),
            console=self._console,
            refresh_per_second=_FRAMES,
            transient=True,
            vertical_overflow="crop",
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def show(self, event: Event) -> None:
        self.view.update(event)

    def say(self, *lines: str) -> None:
        self._live.stop()
        for line in lines:
            self._console.print(printable(line), markup=False, soft_wrap=True)


class View:
    """What the live frame knows: sizes, the tail of one file, and when it all began."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._began = clock()
        self._message = "Starting"
        self._progress = 0
        self._files: dict[str, int] = {}
        self._file = ""
        self._tail = ""

    def update(self, event: Event) -> None:
        if isinstance(event, Status):
            self._message, self._progress = event.message, event.progress
        elif isinstance(event, Progress):
            self._progress = event.progress
            if event.reset or event.file != self._file:
                self._file, self._tail = event.file, ""
                self._message = f"Writing {event.file}"
            before = 0 if event.reset else self._files.get(event.file, 0)
            self._files[event.file] = before + len(event.content.encode("utf-8", "replace"))
            self._tail = (self._tail + event.content)[-_TAIL:]

    def frame(self, console: "Console") -> "RenderableType":
        from rich.console import Group

        width, height = console.size.width, console.size.height
        unicode = console.encoding.startswith("utf")
        rows = [self._head(width, unicode=unicode), self._bar(width, unicode=unicode)]
        room = max(0, height - len(rows) - 2)
        files = self._list(width, min(room, 4), unicode=unicode)
        rows += files
        rows += self._code(width, min(_TAIL_LINES, room - len(files)), unicode=unicode)
        return Group(*rows)

    def _head(self, width: int, *, unicode: bool) -> "RenderableType":
        spinner = "⠋⠙⠹⠸⠼⠴⠦⠧" if unicode else "|/-\\"
        elapsed = self._clock() - self._began
        mark = spinner[int(elapsed * _FRAMES) % len(spinner)]
        message, time_spent = f"{mark} {self._message}", duration(elapsed)
        return _row(message, time_spent, width, "bold")

    def _bar(self, width: int, *, unicode: bool) -> "RenderableType":
        from rich.text import Text

        total = sum(self._files.values())
        rate = total / max(self._clock() - self._began, 0.1)
        figures = f" {self._progress:3} %  {size(total)}  {size(rate)}/s"
        cells = max(0, min(40, width - len(figures) - 1))
        done = cells * self._progress // 100
        full, empty = ("━", "─") if unicode else ("#", ".")
        bar = Text(full * done, style="green", no_wrap=True, overflow="crop")
        bar.append(empty * (cells - done), style="dim")
        bar.append(figures)
        bar.truncate(max(1, width - 1))
        return bar

    def _list(self, width: int, rows: int, *, unicode: bool) -> "list[RenderableType]":
        done, doing = ("✓", "●") if unicode else ("+", "*")
        latest = list(self._files.items())[-rows:] if rows > 0 else []
        return [
            _row(f"{doing if path == self._file else done} {path}", size(count), width, "")
            for path, count in latest
        ]

    def _code(self, width: int, rows: int, *, unicode: bool) -> "list[RenderableType]":
        from rich.text import Text

        edge = "│ " if unicode else "| "
        lines = printable(self._tail).expandtabs(2).splitlines()[-rows:] if rows > 0 else []
        cropped = [
            Text(edge + line[: width * 2], style="dim", no_wrap=True, overflow="crop") for line in lines
        ]
        for line in cropped:
            line.truncate(max(1, width - 1))
        return list(cropped)


def _row(left: str, right: str, width: int, style: str) -> "RenderableType":
    """Two texts at the two ends of a line that is never wider than the terminal."""
    from rich.text import Text

    text = Text(printable(left), style=style, no_wrap=True, overflow="crop")
    text.truncate(max(1, width - len(right) - 2), overflow="ellipsis")
    gap = min(60, width - 1) - text.cell_len - len(right)
    text.append(" " * max(1, gap) + right, style="dim")
    text.truncate(max(1, width - 1))
    return text


def table(rows: Iterable[Mapping[str, str]], stdout: TextIO, *, color: bool | None = None) -> None:
    """A table for people, its headings the keys of the first row."""
    from rich.console import Console
    from rich.table import Table

    listed = list(rows)
    if not listed:
        return
    console = Console(file=stdout, no_color=None if color is None else not color, highlight=False)
    if not stdout.isatty():
        console.width = max(console.width, 160)
    grid = Table(box=None, pad_edge=False, header_style="bold")
    for heading in listed[0]:
        grid.add_column(heading, overflow="fold")
    for row in listed:
        grid.add_row(*(printable(value) for value in row.values()))
    console.print(grid, markup=False)


def failure(error: Failed, stderr: TextIO) -> None:
    """An error as people read it: one sentence, a blank line, and what to type."""
    stderr.write(f"error: {printable(error.message)}\n")
    if error.hint:
        stderr.write(f"\nhint: {printable(error.hint)}\n")
    stderr.flush()


def make_reporter(
    *,
    as_json: bool,
    quiet: bool,
    color: bool | None,
    environment: Mapping[str, str],
    stdout: TextIO = sys.stdout,
    stderr: TextIO = sys.stderr,
) -> Reporter:
    """The reporter that fits: JSON and quiet as asked, live only on a terminal that nobody says is none."""
    if as_json:
        return Json(stdout)
    if quiet:
        return Quiet()
    dumb = environment.get("TERM") in ("dumb", "unknown") or bool(environment.get("CI"))
    return Live(stderr, color=color) if stderr.isatty() and not dumb else Plain(stderr)
