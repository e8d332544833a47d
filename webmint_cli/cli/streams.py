"""stdin, stdout and stderr as they really are: closed, full, read by nobody, or in some old encoding."""

import os
import sys
from typing import TextIO


def prepare() -> None:
    """Make all three usable: what is closed becomes /dev/null, and no character is too much for an encoding."""
    # In this order, since each takes the lowest number that is free: its own.
    sys.stdin = sys.stdin or open(os.devnull, encoding="utf-8")  # noqa: PTH123, SIM115
    sys.stdout = sys.stdout or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115
    reconfigure = getattr(sys.stdout, "reconfigure", None)
    if reconfigure:
        reconfigure(errors="replace")


def settle() -> None:
    """Send what is left. What a stream does not take is dropped, or Python would complain of it at its end."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            _drop(stream)


def _drop(stream: TextIO) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
