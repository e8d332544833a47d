"""What a job looks like: drawn live on a terminal, as plain lines in a pipe, as NDJSON, or not at all.

stdout is the result and belongs to the commands; everything here but NDJSON and tables goes to stderr. Only
this module imports rich. A frame costs the same at any page size: it knows the tail of a file, never all of it.
"""

import re
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import PurePath
from types import TracebackType
from typing import TYPE_CHECKING, NamedTuple, Protocol, Self, TextIO

from webmint_cli.errors import StorageError
from webmint_cli.events import Event, Failed, Progress, Status, to_json

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from webmint_cli.pacing import Clock

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
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
        """Words before the first event and after the last; what stands before `: ` is the head of a line."""

    def warn(self, *lines: str) -> None:
        """Words that nobody should miss, whatever was asked to be left unsaid."""


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
    if seconds < 10:  # noqa: PLR2004 - a tenth says something there
        return f"{seconds:.1f} s"
    return ticking(seconds)


def ticking(seconds: float) -> str:
    """A duration that grows, by whole seconds."""
    minutes, whole = divmod(int(seconds), 60)
    return f"{minutes}:{whole:02}" if minutes else f"{whole} s"


def is_colored(stream: TextIO, color: bool | None, environment: Mapping[str, str]) -> bool:
    """Whether to colour: as asked; else on a terminal, unless `NO_COLOR` or a dumb `TERM` say no."""
    if color is not None:
        return color
    return stream.isatty() and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"


def send(result: bytes, stdout: TextIO, *, hint: str = "") -> None:
    """Write a result, now. Raises BrokenPipeError where nobody reads it, else StorageError with this hint."""
    try:
        stdout.buffer.write(result)
        stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise StorageError(f"can't write to stdout: {error.strerror or error}", hint=hint) from None


class Words:
    """A reporter that says words and draws nothing. stderr may be full or gone: that ends no job."""

    def __init__(self, stderr: TextIO, *, colored: bool = False) -> None:
        self._stderr = stderr
        self._colored = colored

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def show(self, event: Event) -> None:
        """Nothing."""

    def say(self, *lines: str) -> None:
        self.write("".join(f"{self._styled(printable(line))}\n" for line in lines))

    def warn(self, *lines: str) -> None:
        Words.say(self, *(f"warning: {line}" for line in lines))

    def _styled(self, line: str) -> str:
        head, colon, rest = line.partition(": ")
        return f"\x1b[1m{head}{colon}\x1b[0m{rest}" if self._colored and colon else line

    def write(self, text: str) -> None:
        with suppress(OSError, ValueError):
            self._stderr.write(text)
            self._stderr.flush()


class Quiet(Words):
    """Nothing but warnings; errors are the commands' to print."""

    def say(self, *lines: str) -> None:
        """Nothing."""


class Json(Quiet):
    """One JSON object a line on stdout, flushed, so that a program can follow."""

    def __init__(self, stdout: TextIO, stderr: TextIO) -> None:
        super().__init__(stderr)
        self._stdout = stdout

    def show(self, event: Event) -> None:
        send(to_json(event).encode() + b"\n", self._stdout)


class Plain(Words):
    """A line for each thing that begins: for pipes, logs and CI."""

    _thinking = False

    def show(self, event: Event) -> None:
        if isinstance(event, Status):
            repeated = event.phase == "think" and self._thinking
            self._thinking = event.phase == "think"
            if not repeated:
                self.say("Thinking" if self._thinking else event.message)


class Window(NamedTuple):
    """What there is to draw on: columns, rows, and whether it can show more than ASCII."""

    width: int
    height: int
    unicode: bool = True


class View:
    """What a frame knows: sizes, the tail of one file, and when it all began."""

    _TAIL = 4096
    _WIDEST = 76
    _FILES = 5
    _LINES = 9
    _LEAST_BAR = 4

    def __init__(self, *, colored: bool = False, clock: "Clock" = time.monotonic) -> None:
        self._clock = clock
        self._colored = colored
        self._console: Console | None = None
        self._drawn: dict[object, str] = {}
        self._began = clock()
        self._wrote: float | None = None
        self._message = "Starting"
        self._progress = 0
        self._files: dict[str, int] = {}
        self._file = ""
        self._tail = ""
        self.notes: list[str] = []

    def update(self, event: Event) -> None:
        if isinstance(event, Status):
            self._message, self._progress = event.message, event.progress
            if event.phase == "check":
                self.notes.append(f"note: {event.message}")
        elif isinstance(event, Progress):
            self._write(event)

    def _write(self, event: Progress) -> None:
        self._progress = event.progress
        if self._wrote is None:
            self._wrote = self._clock()
        if event.reset or event.file != self._file:
            self._file, self._tail = event.file, ""
        self._message = f"Writing {event.file}"
        before = 0 if event.reset else self._files.get(event.file, 0)
        self._files[event.file] = before + len(event.content.encode("utf-8", "replace"))
        self._tail = (self._tail + event.content)[-self._TAIL :]

    def draw(self, window: Window) -> list[tuple[str, int]]:
        """The frame's lines as a terminal takes them, each with the columns that it fills."""
        lines = [(line, (line.plain, tuple(line.spans))) for line in self.frame(window)]
        # Most lines of a frame stood in the one before.
        self._drawn = {key: self._drawn.get(key) or self._ansi(line) for line, key in lines}
        return [(self._drawn[key], line.cell_len) for line, key in lines]

    def _ansi(self, line: "Text") -> str:
        from rich.console import Console

        self._console = self._console or Console(
            width=1000,
            force_terminal=True,
            color_system="auto" if self._colored else None,
            no_color=not self._colored,
        )
        with self._console.capture() as drawing:
            self._console.print(line, end="", no_wrap=True, crop=False, highlight=False)
        return drawing.get()

    def frame(self, window: Window) -> "list[Text]":
        """The lines of the frame: narrower than the window, and fewer than its rows."""
        from rich.text import Text

        head = [self._head(window), self._bar(window)][: window.height - 1]
        room = window.height - 2 - len(head)
        files = self._list(window, min(self._FILES, room // 2))
        code = self._code(window, min(self._LINES, room - len(files) - 1))
        lines = [*head, *files, *([Text(), *code] if code else [])]
        for line in lines:
            line.truncate(self._width(window))
        return lines

    def _head(self, window: Window) -> "Text":
        spinner = "⠋⠙⠹⠸⠼⠴⠦⠧" if window.unicode else "|/-\\"
        elapsed = self._clock() - self._began
        mark = spinner[int(elapsed * 8) % len(spinner)]
        return self._row(window, (mark, "cyan"), self._message, ticking(elapsed))

    def _bar(self, window: Window) -> "Text":
        from rich.text import Text

        width = self._width(window)
        total = sum(list(self._files.values()))
        writing = self._clock() - self._wrote if self._wrote is not None else 0.0
        rate = f"{size(total / writing)}/s" if writing >= 1 else ""
        figures = [f"{self._progress:4} %", f"{size(total):>9}", f"{rate:>11}"]
        while len(figures) > 1 and width - sum(map(len, figures)) < self._LEAST_BAR:
            figures.pop()
        cells = max(0, width - sum(map(len, figures)))
        done = cells * self._progress // 100
        full, empty = ("━", "─") if window.unicode else ("#", ".")
        filled, rest = (full * done, "cyan"), (empty * (cells - done), "dim")
        return Text.assemble(filled, rest, "".join(figures), no_wrap=True)

    def _list(self, window: Window, rows: int) -> "list[Text]":
        done, doing = ("✓", "●") if window.unicode else ("+", "*")
        listed = list(self._files.items())
        shown = listed if len(listed) <= rows else listed[len(listed) - max(0, rows - 1) :]
        marks = {path: (doing, "cyan") if path == self._file else (done, "green") for path, _ in shown}
        lines = [self._row(window, marks[path], path, size(count)) for path, count in shown]
        hidden = listed[: len(listed) - len(shown)]
        if hidden and rows > 0:
            total = size(sum(count for _, count in hidden))
            lines.insert(0, self._row(window, (done, "green"), f"{len(hidden)} more", total))
        return lines

    def _code(self, window: Window, rows: int) -> "list[Text]":
        """The last lines of the file, and as many empty ones as keep the frame as high as it was."""
        if rows < 1 or not self._file:
            return []
        lines = self._tail.split("\n")[-rows:]
        edge = "│ " if window.unicode else "| "
        return [
            _highlighted(edge, _line(line[: 2 * window.width], window), self._file)
            for line in [*lines, *[""] * (rows - len(lines))]
        ]

    def _row(self, window: Window, mark: tuple[str, str], left: str, right: str) -> "Text":
        """A mark and two texts, at the two ends of a line."""
        from rich.text import Text

        width = self._width(window)
        text = Text(_line(left, window), no_wrap=True)
        text.truncate(max(1, width - len(right) - 4), overflow="ellipsis" if window.unicode else "crop")
        gap = width - 2 - text.cell_len - len(right)
        return Text.assemble(mark, " ", text, " " * max(1, gap), (right, "dim"), no_wrap=True)

    def _width(self, window: Window) -> int:
        return max(1, min(window.width - 1, self._WIDEST))


# Line by line, not by a grammar: so a line keeps its colours while it moves up, and a frame stays cheap.
_CODE = {
    ".html": r"(?P<comment><!--.*?(?:-->|$))|(?P<name></?[a-z][\w-]*|/?>)|(?P<string>(?<==)\"[^\"]*\"?)",
    ".css": r"(?P<comment>/\*.*?(?:\*/|$))|(?P<string>\"[^\"]*\"?)|(?P<name>[\w-]+(?=:\s)|@[\w-]+)"
    r"|(?P<number>#[0-9a-fA-F]{3,8}\b|(?<![\w-])[\d.]+(?:%|[a-z]+)?)",
    ".js": r"(?P<comment>/\*.*?(?:\*/|$)|(?<!:)//.*)|(?P<string>\"[^\"]*\"?|'[^']*'?|`[^`]*`?)"
    r"|\b(?P<name>const|let|var|function|return|if|else|for|while|new|await|async|class|import|export)\b"
    r"|(?P<number>(?<!\w)\d[\d.]*)",
}
_STYLES = {"comment": "dim", "name": "cyan", "string": "green", "number": "yellow"}


def _highlighted(edge: str, line: str, path: str) -> "Text":
    from rich.text import Text

    text = Text.assemble((edge, "dim"), line, no_wrap=True)
    for found in re.finditer(_CODE.get(PurePath(path).suffix, "(?!)"), line):
        start, end = (at + len(edge) for at in found.span())
        text.stylize(_STYLES[found.lastgroup or ""], start, end)
    return text


_UNMEASURED = re.compile(r"[\xad\u061c\u200b-\u200d\u2060-\u2064\ufe00-\ufe0f\ufeff\U000e0000-\U000e01ff]")


def _line(text: str, window: Window) -> str:
    """One line without characters whose width terminals don't agree on."""
    text = _UNMEASURED.sub("", printable(text.replace("\t", "  ").replace("\n", " ")))
    return text if window.unicode else text.encode("ascii", "replace").decode()


def table(rows: Iterable[Mapping[str, str]], stdout: TextIO, *, colored: bool = False) -> None:
    """A table for people, its headings the keys of the first row. Off a terminal no line is broken."""
    from rich.console import Console
    from rich.table import Table

    listed = list(rows)
    if not listed:
        return
    width = None if stdout.isatty() else 10_000
    console = Console(file=stdout, width=width, color_system="auto" if colored else None, highlight=False)
    grid = Table(box=None, pad_edge=False, header_style="bold" if colored else "")
    for heading in listed[0]:
        grid.add_column(heading, overflow="fold")
    for row in listed:
        grid.add_row(*(printable(value) for value in row.values()))
    with console.capture() as drawing:
        console.print(grid, markup=False)
    stdout.write("".join(f"{line.rstrip()}\n" for line in drawing.get().splitlines()))


def failure(error: Failed, stderr: TextIO, *, colored: bool = False) -> None:
    """An error as people read it: one sentence, a blank line, and what to type."""
    bold, red, end = ("\x1b[1m", "\x1b[1;31m", "\x1b[0m") if colored else ("", "", "")
    said = f"{red}error:{end} {' '.join(printable(error.message).split())}\n"
    hint = f"\n{bold}hint:{end} {printable(error.hint)}\n" if error.hint else ""
    Words(stderr).write(said + hint)
