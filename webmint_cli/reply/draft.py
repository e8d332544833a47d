"""A reply as it grows over several turns: the cut text and its continuations, joined where they overlap.

A continuation is joined only where it repeats, character for character, how the text before it ended; or
where it plainly begins a file anew. One that does neither is left out: a seam that was not verified would
be a silent change of what the model wrote.
"""

from webmint_cli.reply import dialects
from webmint_cli.reply.contract import Plan, last_lines, read_plan
from webmint_cli.reply.files import Delta
from webmint_cli.reply.parser import Outcome, Parser

_WINDOW = 2000
_LEAST = 16
_LEAST_WORDS = 10
_SKIPPED_LINES = 6
_SAME = 40


class _Seam:
    """The beginning of a continuation, held until it is long enough to see where it belongs."""

    def __init__(self, before: str) -> None:
        self.held: list[str] = []
        self._tail = before[-_WINDOW:]

    @property
    def text(self) -> str:
        return "".join(self.held)

    @property
    def ready(self) -> bool:
        return sum(map(len, self.held)) >= _WINDOW

    def overlapped(self) -> str | None:
        """The continuation without what it repeats; None if it does not begin with the end of the text before.

        A model does not repeat the spaces at which a line was cut: they may be missing, or be a part of more.
        """
        indent = self._tail[len(self._tail.rstrip(" \t")) :]
        rest = self._after(self._tail)
        if rest is None and indent:
            rest = self._after(self._tail.rstrip(" \t"))
            rest = rest.removeprefix(indent) if rest is not None else None
        return rest

    def _after(self, tail: str) -> str | None:
        text = self.text
        for start in _starts(text):
            length = _overlap(tail, text[start:])
            if length and _is_verified(tail, text[start : start + length]):
                return text[start + length :]
        return None

    def begins_anew(self, before: Outcome) -> bool:
        """Whether it opens a file of its own: another one, or the cut one from its first line."""
        line = next(iter(self.text.lstrip().splitlines()), "")
        fence = dialects.read_fence(line)
        named = fence is not None and (fence.path is not None or fence.language in dialects.DEFAULTS)
        if not (named or dialects.TAG_START.match(line) or dialects.DOCUMENT.match(line) or read_plan(line)):
            return False
        files = _parsed([[self.text]]).files
        again = files.get(before.open or "")
        return bool(files) and (again is None or again.startswith(before.files[before.open or ""][:_SAME]))


class Draft:
    """Fed a reply's text turn by turn. `astray`: the last continuation joins nowhere, so all of it is left out."""

    def __init__(self) -> None:
        self._parser = Parser()
        self._stretches: list[list[str]] = [[]]
        self._seam: _Seam | None = None
        self.astray = False

    @property
    def text(self) -> str:
        """All that was received, as it was joined."""
        return "\n".join(self.stretches)

    @property
    def stretches(self) -> tuple[str, ...]:
        """All that was received; a stretch after the first began anew where the one before was cut."""
        return tuple("".join(stretch) for stretch in self._stretches if stretch)

    @property
    def plan(self) -> Plan:
        return self._parser.plan

    @property
    def thinking(self) -> bool:
        return self._parser.thinking

    def feed(self, text: str) -> list[Delta]:
        """What `text` adds to the files: nothing while a seam is looked for, or where none was found."""
        if self.astray:
            return []
        if self._seam is None:
            self._stretches[-1].append(text)
            return self._parser.feed(text)
        self._seam.held.append(text)
        return self._join(self._seam) if self._seam.ready else []

    def cut(self) -> None:
        """The reply ended here before its time: what is fed from now on is a continuation."""
        self._seam = _Seam(self.text) if self.text else None
        self.astray = False

    def restart(self) -> list[Delta]:
        """The reply was cut here for good: what is fed from now on begins anew."""
        self._parser.abandon()
        self._stretches.append([])
        return self._parser.take()

    def settle(self) -> list[Delta]:
        """The turn is over: join what was held, or leave it out if it joins nowhere."""
        return self._join(self._seam) if self._seam else []

    def outcome(self) -> Outcome:
        """What the reply would be if it ended here; the draft goes on unchanged."""
        return _parsed(self._stretches)

    def close(self) -> list[Delta]:
        """The last of the deltas, when no more text will come."""
        self._parser.close()
        return self._parser.take()

    def _join(self, seam: _Seam) -> list[Delta]:
        self._seam = None
        rest = seam.overlapped()
        if rest is not None:
            return self.feed(rest)
        if not seam.begins_anew(self.outcome()):
            self.astray = True
            return []
        return self.restart() + self.feed(seam.text)


def _parsed(stretches: list[list[str]]) -> Outcome:
    parser = Parser()
    for number, stretch in enumerate(stretches):
        if number:
            parser.abandon()
        parser.feed("".join(stretch))
    return parser.close()


def _starts(continuation: str) -> list[int]:
    """Where what a model repeats may begin: at once, or after a remark or an opening fence of its own."""
    starts = [0]
    for line in continuation.splitlines(keepends=True)[:_SKIPPED_LINES]:
        starts.append(starts[-1] + len(line))
    return starts


def _overlap(tail: str, continuation: str) -> int:
    """The length of the longest beginning of `continuation` with which `tail` ends."""
    longest = min(len(tail), len(continuation))
    return next(
        (length for length in range(longest, _LEAST - 1, -1) if tail.endswith(continuation[:length])), 0
    )


def _is_verified(tail: str, repeated: str) -> bool:
    """Long enough not to be chance: the lines that were asked for, or words that stand only there."""
    words = len("".join(repeated.split()))
    return len(repeated) >= len("\n".join(last_lines(tail))) or (
        words >= _LEAST_WORDS and tail.count(repeated) == 1
    )
