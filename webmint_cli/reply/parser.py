"""From the text of a reply to files, byte for byte, at any split into chunks.

Pure: `feed` takes text and gives what is new of each file, `close` gives the files. Work and memory are
linear in the text: a chunk inside a line of a file is passed on as it is, and only what may still turn out
to be an end is held back. The dialects, strict to lenient, are in `dialects`, what lies between an opening
and its end in `bodies`, and which files count in `files`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from webmint_cli.page import is_page
from webmint_cli.reply import dialects
from webmint_cli.reply.bodies import (
    Body,
    DocumentBody,
    FenceBody,
    SectionBody,
    TagBody,
    ThoughtBody,
    first_word,
    whole_line,
)  # fmt: skip
from webmint_cli.reply.contract import Plan, read_plan
from webmint_cli.reply.dialects import DEFAULTS, LADDER, Dialect, Fence
from webmint_cli.reply.files import Delta, File, Files

_SURROGATE = re.compile("[\ud800-\udfff]")
_COMMENT = "<!--"
_PEEKED = 16
_LINE_PEEKED = 1024
_BLANK_PEEKED = 256
_HELD = 64
_PROSE_KEPT = 4000

# Decides by the first line of what follows an opener how that is to be read.
_Decision = Callable[[str], Body | None]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a reply held. `open` is the file inside which it ended, `refused` maps each bad path to the reason."""

    files: dict[str, str]
    dialect: Dialect | None
    plan: Plan
    open: str | None
    refused: dict[str, str]
    declined: bool
    thinking: bool
    prose: str


class Parser:
    """Reads one reply. Never raises on any text."""

    def __init__(self) -> None:
        self.plan = Plan()
        self._files = Files()
        self._body: Body | None = None
        self._decision: tuple[_Decision, int] | None = None
        self._heading: str | None = None
        self._wrapper: Fence | None = None
        self._declined = False
        self._guarding = True
        self._prose = ""
        self._judged = ("", False)
        self._started = False
        self._half = ""
        self._held: list[str] = []
        self._waiting = False
        self._flow: File | None = None

    @property
    def thinking(self) -> bool:
        """Whether what is being read is reasoning."""
        return isinstance(self._body, ThoughtBody)

    @property
    def file(self) -> str | None:
        """The path of the file that is being read."""
        return self._body.file.path if self._body and self._body.file else None

    def feed(self, text: str) -> list[Delta]:
        """What `text` adds to the files."""
        if "\n" not in text and "\r" not in text and text.isascii() and not self._half:
            if self._flow is not None:
                self._flow.chunks.append(text)
                return [Delta(self._flow.path, text)]
            if self._waiting:
                self._held.append(text)
                return []
        return self._feed(self._joined(text))

    def abandon(self) -> None:
        """The file that is open was cut for good: what comes next begins anew, as prose."""
        self._read("".join(self._held), final=True)
        self._body, self._flow, self._held = None, None, []

    def close(self) -> Outcome:
        """The reply ended: what is in it. Deltas of what was held back are in `take`."""
        self._read("".join(self._held) + ("\ufffd" if self._half else ""), final=True)
        kept = self._files.result()
        unfinished = (file.path for file in self._files.unfinished() if file.kept in kept)
        return Outcome(
            files={file.path: file.text for file in kept},
            dialect=LADDER[min(file.rank for file in kept)] if kept else None,
            plan=self.plan,
            open=next(unfinished, None),
            refused=self._files.refused,
            declined=not kept and (self._declined or self._declines()),
            thinking=self.thinking,
            prose=self._prose.strip(),
        )

    def take(self) -> list[Delta]:
        """What `close` or `abandon` added to the files."""
        return self._files.take()

    def _joined(self, text: str) -> str:
        """The text with split surrogate pairs joined and lone halves replaced, without a BOM at its start."""
        if not self._started and text:
            self._started = True
            text = text.removeprefix("\ufeff")
        if text.isascii() and not self._half:
            return text
        text, self._half = self._half + text, ""
        if "\ud800" <= text[-1:] <= "\udbff":
            text, self._half = text[:-1], text[-1]
        if _SURROGATE.search(text):
            text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
        return text

    def _feed(self, text: str) -> list[Delta]:
        self._held.append(text)
        if self._waiting and "\n" not in text and "\r" not in text:
            return []
        self._read("".join(self._held), final=False)
        return self._files.take()

    def _read(self, text: str, *, final: bool) -> None:
        at = 0
        while True:
            state = (self._body, self._decision)
            end = self._step(text, at, final)
            if self._body and self._body.done:
                if self._body.rest:
                    text, end, self._guarding = self._body.rest + text[end:], 0, False
                self._body = None
            elif end == at and state == (self._body, self._decision):
                break
            at = end
        held = text[at:]
        self._held = [held] if held else []
        self._waiting = len(held) > _HELD
        self._flow = self._body.file if self._body and self._body.flowing and not held else None

    def _step(self, text: str, at: int, final: bool) -> int:
        if self._decision:
            decide, needed = self._decision
            line = _first_line(text, at, needed, final)
            if line is not None:
                self._decision = None
                self._body = decide(line)
            return at
        if self._body:
            return self._body.read(text, at, final) if at < len(text) or final else at
        return self._read_prose(text, at, final) if at < len(text) else at

    def _read_prose(self, text: str, at: int, final: bool) -> int:
        if dialects.DOCUMENT.match(text, at):
            self._body = self._open_document()
            return at
        line = whole_line(text, at, final)
        if line is None:
            return at
        return self._read_line(text, at, line, final)

    def _read_line(self, text: str, at: int, span: tuple[int, int], final: bool) -> int:
        end, after = span
        line = text[at:end]
        if thought := dialects.THINK_OPEN.match(line):
            self._body = ThoughtBody(self._files, None)
            return at + thought.end()
        if stray := dialects.read_stray_thought_end(line):
            self._files.forget()
            self._prose, self._heading = "", None
            return at + stray
        if fence := dialects.read_fence(line):
            self._open_fence(fence)
            return after
        if tagged := dialects.TAG_START.search(line):
            start = at + tagged.start()
            tag = dialects.read_tag(text, start)
            if tag is None and not final and dialects.may_be_tag(text, start):
                return at
            if tag is not None:
                self._body = TagBody(self._files, self._open(tag.path, "tag"), tag.name)
                return tag.end
        self._read_words(line)
        return after

    def _read_words(self, line: str) -> None:
        if section := dialects.read_section(line):
            self._decide(lambda first: self._open_section(section, first), _LINE_PEEKED)
        elif not self.plan.title and (plan := read_plan(line)):
            self.plan = plan
        elif line.strip():
            self._heading = dialects.read_heading(line)
            if len(self._prose) < _PROSE_KEPT:
                self._prose = (self._prose + line + "\n")[:_PROSE_KEPT]

    def _open_document(self) -> Body:
        return DocumentBody(self._files, self._open("index.html", "document", whole=True))

    def _open_section(self, path: str, first: str) -> Body | None:
        if dialects.read_fence(first):
            self._heading = path
            return None
        return SectionBody(self._files, self._open(path, "tag"))

    def _open_fence(self, fence: Fence) -> None:
        heading, self._heading = self._heading, None
        wrapper = self._wrapper
        if wrapper and not fence.info and fence.mark == wrapper.mark and fence.length >= wrapper.length:
            self._wrapper = None
            return
        path = fence.path if fence.path is not None else dialects.fitting(heading, fence)
        default = DEFAULTS.get(fence.language)
        if path is not None:
            self._open_file(fence, path, "tilde" if fence.strict else "fence-path")
        elif default and fence.strict:
            self._open_file(fence, default, "tilde")
        elif default:
            self._open_file(fence, self._files.unlinked(default), "fence")
        elif fence.language in dialects.WRAPPERS:
            self._decide(lambda line: self._open_unnamed(fence, line), _LINE_PEEKED)
        else:
            self._body = FenceBody(self._files, None, fence)

    def _open_file(self, fence: Fence, path: str, dialect: Dialect) -> None:
        if dialect == "tilde" or not is_page(path):
            self._body = FenceBody(self._files, self._open(path, dialect), fence)
        else:
            self._decide(lambda line: self._open_page(fence, path, dialect, line), _PEEKED)

    def _open_page(self, fence: Fence, path: str, dialect: Dialect, line: str) -> Body:
        """A page in a lenient fence: a fragment that names no path is not put in a whole page's place."""
        whole = dialects.DOCUMENT.match(line) is not None
        before = self._files.get(path)
        fragment = dialect == "fence" and not whole and not line.lstrip().startswith(_COMMENT)
        kept = fragment and before is not None and before.whole
        file = None if kept else self._open(path, dialect, whole=whole)
        return FenceBody(self._files, file, fence, guarded=whole and self._guarding and file is not None)

    def _open_unnamed(self, fence: Fence, line: str) -> Body | None:
        if dialects.DOCUMENT.match(line):
            return self._open_page(fence, "index.html", "fence", line)
        if self._opens(line):
            self._wrapper = fence
            return None
        return FenceBody(self._files, None, fence)

    def _opens(self, line: str) -> bool:
        """Whether a line is how a reply begins: then the fence around it wraps the reply."""
        fence, tag = dialects.read_fence(line), dialects.TAG_START.match(line.lstrip())
        return bool((fence and fence.info) or tag or read_plan(line) or dialects.read_section(line))

    def _open(self, path: str | None, dialect: Dialect, *, whole: bool = False) -> File | None:
        if path is None or not self._files.wants(dialect, path):
            return None
        if dialect in ("fence", "document") and not self._files and self._declines():
            self._declined = True
            return None
        return self._files.open(path, dialect, whole=whole)

    def _declines(self) -> bool:
        if self._judged[0] is not self._prose:
            self._judged = (self._prose, dialects.declines(self._prose))
        return self._judged[1]

    def _decide(self, decision: _Decision, needed: int) -> None:
        self._decision = (decision, needed)


def _first_line(text: str, at: int, needed: int, final: bool) -> str | None:
    """As much as is needed of the first line with words in it; None while that is not there."""
    first = first_word(text, at, _BLANK_PEEKED)
    line = whole_line(text, first, final)
    if line is None and len(text) - first < needed:
        return None
    return text[first : min(line[0] if line else len(text), first + needed)]
