"""The live view's place on the terminal: one frame, drawn over the one before, and gone at the end."""

import os
import signal
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TextIO

from webmint_cli.events import Event
from webmint_cli.render import Words
from webmint_cli.render.view import View, Window

_SECONDS = 1 / 8
_SHOW, _HIDE = "\x1b[?25h", "\x1b[?25l"
_WRAP, _CROP = "\x1b[?7h", "\x1b[?7l"


class Live(Words):
    """A frame that is redrawn a few times a second: progress, files, and the tail of what is being written."""

    def __init__(self, stderr: TextIO, *, colored: bool, environment: Mapping[str, str]) -> None:
        super().__init__(stderr, colored=colored)
        self._view = View(colored=colored)
        # xterm and GNU screen leave long lines as they are when the terminal gets narrower; others wrap them.
        reflows = not (environment.get("XTERM_VERSION") or environment.get("STY"))
        self._canvas = _Canvas(stderr, self._view.draw, reflows=reflows)

    def __enter__(self) -> Self:
        self._canvas.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._canvas.stop()
        self.say(*self._view.notes)

    def show(self, event: Event) -> None:
        self._view.update(event)


class _Canvas:
    """Where the frame stands. A thread draws it, each time in one write; the cursor waits below it."""

    def __init__(
        self, stream: TextIO, draw: Callable[[Window], list[tuple[str, int]]], *, reflows: bool
    ) -> None:
        self._stream = stream
        self._draw = draw
        self._reflows = reflows
        self._lock = threading.RLock()
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._drawn: list[int] = []
        self._before: Window | None = None
        self._hushed = False

    def start(self) -> None:
        _on_suspend(self._suspend)
        self._hush()
        self._over.clear()
        self._thread = threading.Thread(target=self._run, name="frames", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Take the frame away and give the cursor back."""
        self._over.set()
        if self._thread:
            self._thread.join()
        _on_suspend(signal.SIG_DFL)
        self._clear()
        self._unhush()

    def _hush(self) -> None:
        """What is typed meanwhile is the shell's to read; shown at once, it would push the frame about."""
        self._hushed = _echo(self._stream, on=False)

    def _unhush(self) -> None:
        if self._hushed:
            _echo(self._stream, on=True)

    def _run(self) -> None:
        with suppress(OSError, ValueError):
            while not self._over.is_set():
                with self._lock:
                    self._redraw()
                self._over.wait(_SECONDS)

    def _redraw(self) -> None:
        window = self._window()
        lines = self._draw(window)
        rows = len(self._drawn)
        over = f"\r\x1b[{rows}A" if rows else "\r"
        if window != self._before:
            over = self._erased(window.width)
        text = "".join(f"{line}\x1b[K\r\n" for line, _ in lines)
        self._put(_HIDE + _CROP + over + text + "\x1b[J" + _WRAP)
        self._drawn, self._before = [cells for _, cells in lines], window

    def _clear(self) -> None:
        with suppress(OSError, ValueError):
            self._put(self._erased(self._window().width) + _SHOW)
        self._drawn = []

    def _erased(self, width: int) -> str:
        """Up to where the frame began, line by line: one that got narrower has wrapped what no longer fits."""
        rows = sum(max(1, -(-cells // width)) if self._reflows else 1 for cells in self._drawn)
        return "\r\x1b[2K" + "\x1b[1A\x1b[2K" * rows

    def _window(self) -> Window:
        try:
            width, height = os.get_terminal_size(self._stream.fileno())
        except (OSError, ValueError):
            width = height = 0
        unicode = (self._stream.encoding or "").lower().startswith("utf")
        return Window(width or 80, height or 24, unicode)

    def _put(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()

    def _suspend(self, *_: object) -> None:
        """Ctrl-Z: the shell gets its terminal back, and the frame is drawn anew when the job goes on."""
        with self._lock:
            self._clear()
            self._unhush()
            _on_suspend(signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGTSTP)
            _on_suspend(self._suspend)
            self._hush()


def _echo(stream: TextIO, *, on: bool) -> bool:
    """Whether the terminal was ours to tell to show what is typed, or not to, and did otherwise before."""
    try:
        import termios
    except ImportError:
        return False
    with suppress(OSError, ValueError, termios.error):
        terminal = stream.fileno()
        if os.tcgetpgrp(terminal) == os.getpgrp():
            modes = termios.tcgetattr(terminal)
            if bool(modes[3] & termios.ECHO) != on:
                modes[3] ^= termios.ECHO
                termios.tcsetattr(terminal, termios.TCSANOW, modes)
                return True
    return False


def _on_suspend(handler: Any) -> None:
    if hasattr(signal, "SIGTSTP") and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTSTP, handler)
