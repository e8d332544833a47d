"""What a job looks like: drawn live on a terminal, as plain lines in a pipe, as NDJSON, or not at all.

stdout is the result and belongs to the commands; everything here but NDJSON and tables goes to stderr. Only
this package imports rich. What is drawn live is in `view`.
"""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Protocol, Self, TextIO

from webmint_cli.errors import StorageError
from webmint_cli.events import Event, Failed, Status, to_json

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

    def begin(self, job: str) -> None:
        """One of several jobs begins: what is shown from now on is of it."""

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

    def begin(self, job: str) -> None:
        """Nothing: the words say it."""

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

    def __init__(self, stdout: TextIO, stderr: TextIO, *, job: str | None = None) -> None:
        super().__init__(stderr)
        self._stdout = stdout
        self._job = job

    def begin(self, job: str) -> None:
        self._job = job

    def show(self, event: Event) -> None:
        send(to_json(event, job=self._job).encode() + b"\n", self._stdout)


class Plain(Words):
    """A line for each thing that begins: for pipes, logs and CI."""

    _thinking = False

    def show(self, event: Event) -> None:
        if isinstance(event, Status):
            repeated = event.phase == "think" and self._thinking
            self._thinking = event.phase == "think"
            if not repeated:
                self.say("Thinking" if self._thinking else event.message)


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
