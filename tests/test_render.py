"""What a job looks like: words, NDJSON, and the live view on a real terminal, where nothing is left behind."""

from __future__ import annotations

import errno
import fcntl
import io
import json
import os
import pty
import re
import signal
import struct
import termios
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pyte
import pytest
import support
import upstream as up
from commandline import PATIENCE, Reader, Running, Webmint, until

from webmint_cli.cli.live import _Canvas
from webmint_cli.errors import Incomplete, StorageError
from webmint_cli.events import Event, Failed, Progress, Status, failed, from_dict
from webmint_cli.render import (
    Json,
    Plain,
    Quiet,
    Words,
    duration,
    failure,
    is_colored,
    printable,
    size,
    table,
    ticking,
)
from webmint_cli.render.view import View, Window

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202etext\u2066\ud800\x00"
WIDE = "宽🥐👩‍👩‍👧‍👦e\u0301ﷺ\t" * 30


def progress(content: str, file: str = "index.html", percent: int = 40, **more: Any) -> Progress:
    return Progress(content, percent, file, 0, **more)


class Clock:
    """Time that passes when told."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def view(*events: Event, clock: Clock | None = None) -> View:
    shown = View(clock=clock or Clock())
    for event in events:
        shown.update(event)
    return shown


def lines(shown: View, width: int = 80, height: int = 24, *, unicode: bool = True) -> list[str]:
    return [line.plain for line in shown.frame(Window(width, height, unicode))]


@pytest.mark.parametrize(
    ("count", "words"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 KB"), (44_640, "44.6 KB"), (3.2e9, "3.2 GB")]
)
def test_sizes_are_written_as_people_do(count: float, words: str) -> None:
    assert size(count) == words


def test_durations_are_written_as_people_do() -> None:
    assert [duration(seconds) for seconds in (0.04, 9.44, 12.7, 61)] == ["0.0 s", "9.4 s", "12 s", "1:01"]
    assert [ticking(seconds) for seconds in (0.9, 59.9, 3600)] == ["0 s", "59 s", "60:00"]


def test_nothing_printable_is_an_order_to_a_terminal() -> None:
    assert printable(HOSTILE) == "]0;owned[2J31mtext"
    assert printable("Ünï\tcode 🥐\n") == "Ünï\tcode 🥐\n"


def test_plain_says_what_begins_and_thinks_only_once() -> None:
    said = io.StringIO()
    shown = Plain(said)
    for message, phase in (("Asking m", "connect"), ("Thinking (1)", "think"), ("Thinking (2)", "think")):
        shown.show(Status(message, 1, phase))  # type: ignore[arg-type]
    shown.show(Status("Writing a.css", 2, "write"))
    shown.show(progress("text"))
    assert said.getvalue() == "Asking m\nThinking\nWriting a.css\n"


def test_quiet_says_warnings_only() -> None:
    said = io.StringIO()
    with Quiet(said) as shown:
        shown.show(Status("Asking", 1))
        shown.say("Done: all")
        shown.warn("the disk is full")
    assert said.getvalue() == "warning: the disk is full\n"


class Full(io.StringIO):
    """A stream on a full disk."""

    def write(self, _text: str) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


class Binary(io.StringIO):
    """A text stream with the bytes below it."""

    def __init__(self, buffer: Any) -> None:
        super().__init__()
        self.buffer = buffer  # type: ignore[misc]


def test_a_stderr_that_takes_nothing_ends_no_job() -> None:
    Words(Full()).say("one")
    failure(Failed("two", "failed"), Full())


def test_json_is_utf8_with_every_character_as_it_was() -> None:
    raw = io.BytesIO()
    event = progress("é🥐\ud83d\n")
    Json(Binary(raw), io.StringIO()).show(event)
    assert raw.getvalue().count(b"\n") == 1
    assert from_dict(json.loads(raw.getvalue())) == event


def test_a_stdout_that_takes_nothing_is_a_failure_in_words() -> None:
    with pytest.raises(StorageError, match="can't write to stdout: No space left"):
        Json(Binary(Full()), io.StringIO()).show(Status("Asking", 1))


def test_an_error_is_one_sentence_a_blank_line_and_what_to_type() -> None:
    said = io.StringIO()
    failure(failed(Incomplete("it\nwas \x1b[31mcut", hint="webmint resume")), said)
    assert said.getvalue() == "error: it was [31mcut\n\nhint: webmint resume\n"


def test_an_error_is_red_where_colour_is_wanted() -> None:
    said = io.StringIO()
    failure(Failed("no", "failed", "yes"), said, colored=True)
    assert said.getvalue().startswith("\x1b[1;31merror:\x1b[0m no\n")


@pytest.mark.parametrize(
    ("asked", "environment", "wanted"),
    [
        (None, {}, True),
        (None, {"NO_COLOR": "1"}, False),
        (None, {"NO_COLOR": ""}, True),
        (None, {"TERM": "dumb"}, False),
        (True, {"NO_COLOR": "1"}, True),
        (False, {}, False),
    ],
)
def test_colour_is_as_asked_then_as_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, asked: bool | None, environment: dict[str, str], wanted: bool
) -> None:
    stream = io.StringIO()
    assert is_colored(stream, None, {}) is False
    monkeypatch.setattr(stream, "isatty", lambda: True)
    assert is_colored(stream, asked, environment) is wanted


def test_a_table_off_a_terminal_breaks_no_line_and_obeys_nobody() -> None:
    out = io.StringIO()
    table([{"name": "a", "what": "x" * 500 + HOSTILE}, {"name": "long name", "what": ""}], out)
    heading, row, last = out.getvalue().split("\n")[:3]
    assert heading == "name       what"
    assert row.startswith(f"a          {'x' * 500}")
    assert (last, "\x1b" in row) == ("long name", False)
    table([], out)


def test_a_frame_shows_message_time_bar_figures_files_and_code() -> None:
    clock = Clock()
    shown = view(progress("a {}\n" * 300, "styles.css", 10), clock=clock)
    clock.now = 2.0
    shown.update(progress("<h1>\n<p>now", percent=50))
    message, bar, css, page, blank, *code = lines(shown)
    assert message.split() == ["⠋", "Writing", "index.html", "2", "s"]
    assert bar.endswith("  50 %   1.5 KB    756 B/s")
    assert bar.count("━") == bar.count("─") == 25
    assert css.split() == ["✓", "styles.css", "1.5", "KB"]
    assert page.split() == ["●", "index.html", "11", "B"]
    assert (blank, code[:2]) == ("", ["│ <h1>", "│ <p>now"])
    assert {len(line) for line in (message, bar, css, page)} == {76}


def test_the_time_ticks_while_nothing_comes() -> None:
    clock = Clock()
    shown = view(Status("Asking m", 1, "connect"), clock=clock)
    before = lines(shown)
    clock.now = 65
    assert (before[0].split()[-2:], lines(shown)[0].split()[-1]) == (["0", "s"], "1:05")


def test_the_frame_is_as_high_from_a_files_first_line_to_its_last() -> None:
    shown = view(progress("one"))
    high = len(lines(shown))
    shown.update(progress("\n".join("many")))
    assert len(lines(shown)) == high


def test_more_files_than_fit_are_counted() -> None:
    shown = view(*(progress("12345", f"{number}.html") for number in range(9)))
    assert [line.split()[:3] for line in lines(shown)[2:7]] == [
        ["✓", "5", "more"], ["✓", "5.html", "5"], ["✓", "6.html", "5"], ["✓", "7.html", "5"], ["●", "8.html", "5"],
    ]  # fmt: skip


def test_a_file_that_starts_over_is_counted_anew() -> None:
    shown = view(progress("x" * 500), progress("yy", reset=True))
    assert lines(shown)[2].split() == ["●", "index.html", "2", "B"]
    assert lines(shown)[4] == "│ yy"


def test_warnings_outlive_the_frame() -> None:
    shown = view(Status("Asking", 1, "connect"), Status("The page names x.js", 98, "check"))
    assert shown.notes == ["note: The page names x.js"]


@pytest.mark.parametrize("unicode", [True, False])
@pytest.mark.parametrize("text", ["plain text\n" * 50, WIDE, HOSTILE * 40, "x" * 9000])
def test_no_frame_is_wider_or_higher_than_its_window(text: str, unicode: bool) -> None:
    shown = view(Status(text, 3), *(progress(text, f"{text[:40]}{number}.css") for number in range(7)))
    for width in (1, 2, 5, 19, 20, 40, 80, 200):
        for height in (1, 2, 3, 5, 10, 24):
            frame = shown.frame(Window(width, height, unicode))
            assert max((line.cell_len for line in frame), default=0) <= max(1, width - 1)
            assert len(frame) <= max(1, height - 1)
            drawn = "".join(line.plain for line in frame)
            assert unicode or drawn.isascii()
            assert drawn.isprintable()


def test_a_line_of_code_keeps_its_colours_while_it_moves_up() -> None:
    shown = View(colored=True, clock=Clock())
    shown.update(progress('<a href="x">/* " unclosed\n', "index.html"))
    line = next(text for text, _ in shown.draw(Window(80, 24)) if "href" in text)
    shown.update(progress("<!-- \nmore\n"))
    assert line in [text for text, _ in shown.draw(Window(80, 24))]
    assert "\x1b[" in line


def test_without_colour_a_frame_has_no_escape_at_all() -> None:
    drawn = view(progress('<a href="x">1</a> /* */ #fff', "a.html")).draw(Window(80, 24))
    assert not any("\x1b" in text for text, _ in drawn)


@pytest.mark.parametrize("kilobytes", [1, 100, 5000])
def test_a_frame_costs_the_same_at_any_size_of_the_page(kilobytes: int) -> None:
    shown = View(colored=True, clock=Clock())
    line = '<p class="intro" style="color: #fff">A line of <b>html</b> &amp; more of it</p>\n'
    for _ in range(kilobytes):
        shown.update(progress((line * 14)[:1000]))
    shown.draw(Window(120, 40))
    times = []
    for _ in range(30):
        began = time.thread_time()
        shown.draw(Window(120, 40))
        times.append(time.thread_time() - began)
    assert min(times) <= 0.002


def _take_control() -> None:
    """Make the terminal on stdin the one that sends the signals of its keys."""
    os.setsid()
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    """A terminal, and `webmint` at work on it."""

    def __init__(
        self,
        webmint: Webmint,
        *arguments: str,
        columns: int = 80,
        rows: int = 24,
        controls: bool = False,
        **environment: str,
    ) -> None:
        self.screen = pyte.Screen(columns, rows)
        self.raw = b""
        self.seen: list[list[str]] = []
        self.echoes_at_end = False
        self._stream = pyte.ByteStream(self.screen)
        self._lock = threading.Lock()
        self._ours, theirs = pty.openpty()
        self.resize(columns, rows)
        # pyte leaves long lines as they are when it gets narrower, as xterm does.
        self.running: Running = webmint.start(
            *arguments,
            terminal=theirs,
            stdout=theirs,
            stderr=theirs,
            environment={"XTERM_VERSION": "1", **environment},
            preexec_fn=_take_control if controls else None,
        )
        os.close(theirs)
        self._reader = Reader(self._ours, self._feed)
        self._reader.start()

    def _feed(self, data: bytes) -> None:
        with self._lock:
            self.raw += data
            self._stream.feed(data)
            self.seen.append(self.lines)

    @property
    def lines(self) -> list[str]:
        """What stands on the screen, without the empty lines below it."""
        return "\n".join(line.rstrip() for line in self.screen.display).rstrip("\n").split("\n")

    def resize(self, columns: int, rows: int) -> None:
        with self._lock:
            fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            self.screen.resize(rows, columns)

    def type(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def wait_for(self, text: str) -> None:
        until(lambda: any(text in line for line in self.lines))

    def end(self) -> int:
        code = self.running.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        self.echoes_at_end = bool(termios.tcgetattr(self._ours)[3] & termios.ECHO)
        os.close(self._ours)
        return code


@contextmanager
def held() -> Iterator[up.Upstream]:
    with up.Upstream() as upstream:
        upstream.reply(up.stall(*support.pieces(support.REPLY[: support.CUT])))
        yield upstream


@pytest.fixture
def webmint(tmp_path: Path) -> Iterator[Webmint]:
    with held() as upstream:
        yield Webmint(tmp_path, upstream)


def generate(webmint: Webmint, **options: Any) -> Terminal:
    return Terminal(webmint, "generate", "a bakery", *webmint.model, "-o", "site", **options)


def test_after_the_end_the_live_view_is_gone_and_the_summary_stands(tmp_path: Path) -> None:
    with up.Upstream() as upstream:
        upstream.reply(up.text(*support.pieces(support.REPLY), gap=0.02))
        terminal = generate(Webmint(tmp_path, upstream))
        assert terminal.end() == 0
    assert any("━" in "".join(seen) and "│ " in "".join(seen) for seen in terminal.seen)
    used, *summary = terminal.lines
    assert used.startswith("Using custom at ")
    assert summary[0] == "Done: Chez Léa"
    assert [line.split()[0] for line in summary[1:4]] == ["styles.css", "index.html", "script.js"]
    assert summary[5:] == ["Open it: site/index.html", "site"]
    assert not terminal.screen.cursor.hidden
    assert pyte.modes.DECAWM in terminal.screen.mode


def test_while_it_is_drawn_no_line_is_doubled_and_few_frames_are_made(tmp_path: Path) -> None:
    with up.Upstream() as upstream:
        upstream.reply(up.text(*support.pieces(support.REPLY), gap=0.03))
        terminal = generate(Webmint(tmp_path, upstream), columns=40, rows=10)
        began = time.monotonic()
        assert terminal.end() == 0
    frames = terminal.raw.count(b"\x1b[?25l")
    assert 3 <= frames <= 9 * (time.monotonic() - began) + 2
    assert len(terminal.raw) / frames < 3000
    for seen in terminal.seen:
        assert sum(" %" in line for line in seen) <= 1
        assert sum("Using custom" in line for line in seen) <= 1


def test_ctrl_c_clears_the_view_and_gives_the_cursor_back(webmint: Webmint) -> None:
    terminal = generate(webmint)
    terminal.wait_for("six heures")
    assert terminal.screen.cursor.hidden
    terminal.running.signal(signal.SIGINT)
    assert terminal.end() == 130
    assert terminal.lines[1] == "Stopped: what came is kept in site"
    assert terminal.lines[-2:] == ["Go on: webmint resume", "site"]
    assert not terminal.screen.cursor.hidden
    assert webmint.site("site") == support.parsed(support.REPLY[: support.CUT]).files


def test_keys_pressed_meanwhile_leave_no_trace_and_ctrl_c_works(webmint: Webmint) -> None:
    terminal = generate(webmint, controls=True)
    terminal.wait_for("six heures")
    terminal.type("\n\nls\n")
    time.sleep(0.4)
    assert terminal.lines[0].startswith("Using custom at ")
    assert terminal.lines[1].split()[1:3] == ["Writing", "index.html"]
    terminal.type("\x03")
    assert terminal.end() == 130
    assert terminal.lines[1] == "Stopped: what came is kept in site"
    assert terminal.echoes_at_end


@pytest.mark.parametrize("sizes", [[(40, 10), (120, 40), (20, 5)], [(30, 24), (80, 6), (80, 24)]])
def test_a_resize_in_mid_stream_leaves_nothing_behind(webmint: Webmint, sizes: list[tuple[int, int]]) -> None:
    terminal = generate(webmint)
    terminal.wait_for("six heures")
    for columns, rows in sizes:
        terminal.resize(columns, rows)
        time.sleep(0.4)
        assert sum(" %" in line for line in terminal.lines) == 1
        assert len(terminal.lines) <= rows
    terminal.resize(100, 24)
    time.sleep(0.3)
    terminal.running.signal(signal.SIGTERM)
    assert terminal.end() == 143
    assert not any(mark in line for line in terminal.lines for mark in ("━", "│", "●", " %"))
    assert terminal.lines[-1] == "site"


@pytest.mark.parametrize(("reflows", "rows"), [(True, 2 + 1 + 3), (False, 3)])
def test_a_terminal_that_got_narrower_has_wrapped_the_frame(
    monkeypatch: pytest.MonkeyPatch, reflows: bool, rows: int
) -> None:
    out = io.StringIO()
    canvas = _Canvas(out, lambda _: [("a" * 70, 70), ("b", 1), ("c" * 81, 81)], reflows=reflows)
    for width in (90, 40):
        monkeypatch.setattr(canvas, "_window", lambda width=width: Window(width, 24))
        out.truncate(0)
        canvas._redraw()
    assert out.getvalue().count("\x1b[1A\x1b[2K") == rows


def test_ctrl_z_gives_the_terminal_back_and_goes_on(webmint: Webmint) -> None:
    terminal = generate(webmint)
    terminal.wait_for("six heures")
    terminal.running.signal(signal.SIGTSTP)
    until(lambda: not terminal.screen.cursor.hidden)
    assert terminal.lines[1:] == []
    terminal.running.signal(signal.SIGCONT)
    terminal.wait_for("six heures")
    terminal.running.signal(signal.SIGINT)
    assert terminal.end() == 130


@pytest.mark.parametrize("environment", [{"CI": "true"}, {"TERM": "dumb"}])
def test_where_nobody_looks_there_is_no_live_view(webmint: Webmint, environment: dict[str, str]) -> None:
    terminal = generate(webmint, **environment)
    terminal.wait_for("Writing index.html")
    terminal.running.signal(signal.SIGINT)
    terminal.end()
    assert b"\x1b[?25l" not in terminal.raw
    assert b"\x1b[2K" not in terminal.raw


def test_no_color_leaves_movement_only(webmint: Webmint) -> None:
    terminal = generate(webmint, NO_COLOR="1")
    terminal.wait_for("six heures")
    terminal.running.signal(signal.SIGINT)
    terminal.end()
    assert b"m" not in {sequence[-1:] for sequence in escapes(terminal.raw)}


def escapes(raw: bytes) -> list[bytes]:
    return re.findall(rb"\x1b\[[?0-9;]*[A-Za-z]", raw)


def test_hostile_text_does_not_move_the_cursor(tmp_path: Path) -> None:
    reply = support.REPLY.replace("<h1>", f"<h1>{HOSTILE[:-2]}{WIDE}").replace(
        "Chez Léa", "\x1b[2J\x1b]0;t\x07Owned"
    )
    with up.Upstream() as upstream:
        upstream.reply(up.text(*support.pieces(reply), gap=0.01))
        terminal = generate(Webmint(tmp_path, upstream))
        assert terminal.end() == 0
    assert b"\x1b]" not in terminal.raw
    assert b"\x1b[2J" not in terminal.raw
    assert terminal.lines[0].startswith("Using custom at ")
    assert terminal.lines[1] == "Done: [2J]0;tOwned"


def test_the_prompt_is_asked_for_at_a_terminal(tmp_path: Path) -> None:
    webmint = Webmint(tmp_path)
    terminal = Terminal(webmint, "generate", "-p", "composer", "-o", "site")
    terminal.wait_for("Describe the website:")
    terminal.type("A bakery in Lyon\n")
    assert terminal.end() == 0
    assert webmint.provenance("site")["prompt"] == "A bakery in Lyon"


def test_nothing_is_asked_where_that_is_forbidden(tmp_path: Path) -> None:
    terminal = Terminal(Webmint(tmp_path), "generate", "-p", "composer", "--no-input")
    assert terminal.end() == 2
    assert terminal.lines[0] == "error: the prompt is empty"
