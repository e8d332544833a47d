"""The prompt: an argument, a pipe, both, or a question to whoever sits at the terminal."""

import os
import stat
import sys
from typing import TextIO

from webmint_cli.errors import UsageError

_EXAMPLE = "for example: webmint generate 'A bakery in Lyon, warm colours, opening hours'"


def read_prompt(argument: str | None, *, no_input: bool, stdin: TextIO = sys.stdin) -> str:
    """The prompt. A pipe is read beside an argument, and follows it. Raises UsageError if there is none."""
    piped = _read(stdin) if argument == "-" or _is_piped(stdin) else ""
    spoken = "" if argument in (None, "-") else str(argument)
    prompt = "\n\n".join(part.strip() for part in (spoken, piped) if part.strip())
    if not prompt and argument is None and not no_input and stdin.isatty():
        prompt = _ask()
    if not prompt:
        raise UsageError("the prompt is empty", hint=_EXAMPLE)
    return prompt


def _read(stdin: TextIO) -> str:
    try:
        return stdin.buffer.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UsageError("the prompt in the pipe is not UTF-8", hint="convert it: iconv -t utf-8") from None


def _is_piped(stdin: TextIO) -> bool:
    """Whether somebody pipes or redirects something to us: a terminal, /dev/null or nothing is nobody."""
    try:
        mode = os.fstat(stdin.fileno()).st_mode
    except (OSError, ValueError, AttributeError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)


def _ask() -> str:
    sys.stderr.write("Describe the website: ")
    sys.stderr.flush()
    return sys.stdin.readline().strip()
