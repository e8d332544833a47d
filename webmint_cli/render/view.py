"""The frame that is drawn live: what a job is doing, its files, and the last lines of the one being written.

A frame costs the same at any page size: it knows the tail of a file, never all of it.
"""

import re
import time
from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple

from webmint_cli.events import Event, Progress, Status
from webmint_cli.render import printable, size, ticking

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from webmint_cli.pacing import Clock


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
        figures = [f"{self._progress:4} %", f"{size(total) if total else '':>9}", f"{rate:>11}"]
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
