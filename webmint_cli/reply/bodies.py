"""Between an opening line and its end: how the text of a file, or of what is no file, is read on.

A body's `read(text, at, final)` reads from a position and returns the position up to which it has read:
what could still turn out to be the end is left for the next time. `done` says that the end was read.
"""

import re
from typing import Protocol

from webmint_cli.page import is_page
from webmint_cli.reply import dialects
from webmint_cli.reply.dialects import Fence
from webmint_cli.reply.files import File, Files

NEWLINE = re.compile(r"\r\n|\r|\n")

# What may still be an end is held back, so each of these has a longest form.
_RAW_TEXT = re.compile(
    r"<!--|<(script|style|textarea|title|iframe|xmp)(?=[\s>/])|</html\s{0,4}>", re.IGNORECASE
)
_END_OF_TAG = re.compile(r"\s{0,16}>[ \t]*(?=[<\r\n]|\Z)")
_MAYBE_END_OF_TAG = re.compile(r"\s{0,16}(?:>[ \t]*)?\Z")
_WORD = re.compile(r"\S")
_BLANK_READ = 256
_LONGEST_MARKUP = 12
_KEEPS_FENCES = (".md", ".markdown", ".mdx", ".txt")


class Body(Protocol):
    """One body. `flowing`: text without a line end can be passed on unread; `rest`: text to be read again."""

    file: File | None
    done: bool
    flowing: bool
    rest: str

    def read(self, text: str, at: int, final: bool) -> int: ...


def whole_line(text: str, at: int, final: bool) -> tuple[int, int] | None:
    """Where the line at `at` ends, without and with its line end; None while that can't be known."""
    found = NEWLINE.search(text, at)
    if found is None:
        return (len(text), len(text)) if final else None
    if found.group() == "\r" and found.end() == len(text) and not final:
        return None
    return found.span()


class _Body:
    def __init__(self, files: Files, file: File | None) -> None:
        self.file = file
        self.done = False
        self.flowing = False
        self.rest = ""
        self._files = files

    def _write(self, text: str) -> None:
        self._files.write(self.file, text)

    def _close(self) -> None:
        self._files.close(self.file)
        self.done = True


class FenceBody(_Body):
    """Up to a line of at least as many of the opener's marks. Reads in bulk: a search, not a walk of lines.

    `guarded`: a whole HTML document in backticks. A line of backticks before its `</html>` may be a part of
    the page, so it closes nothing; if the page turns out never to end, it did close it after all.
    """

    def __init__(self, files: Files, file: File | None, fence: Fence, *, guarded: bool = False) -> None:
        super().__init__(files, file)
        self._fence = fence
        self._marker = fence.mark * fence.length
        self._run = re.compile(re.escape(fence.mark) + "+")
        self._margin = max(dialects.MARGIN, fence.indent)
        self._at_line_start = True
        self.closer = False
        self._guard = DocumentEnd() if guarded else None
        self._written = 0
        self._doubt: tuple[int, int] | None = None

    def read(self, text: str, at: int, final: bool) -> int:
        search = at
        while (found := text.find(self._marker, search)) >= 0:
            search = self._run.match(text, found).end()  # type: ignore[union-attr]
            start = self._line_start(text, at, found)
            if start is None:
                continue
            newline = NEWLINE.search(text, found)
            at = self._pass(text, at, start, at_line_start=True)
            if newline is None and not final:
                return at
            line = (start, *newline.span()) if newline else (start, len(text), len(text))
            if self._ends(text, line):
                return line[2] if self.closer else start
            search = line[1]
        return self._finish(text, at) if final else self._flow(text, at)

    def _ends(self, text: str, line: tuple[int, int, int]) -> bool:
        """Whether a line that begins with the marks ends the body: by closing it, or by opening the next."""
        start, end, after = line
        fence = dialects.read_fence(text[start:end])
        if fence is None:
            return False
        self.closer = not fence.info
        if self.closer and self._guard and not self._guard.found:
            self._doubt = self._doubt or (self._written, self._written + after - start)
            return False
        if self.closer:
            self._close()
        elif self._fence.strict and fence.strict and fence.path is not None:
            self._leave()
        elif self._doubt and self._guard and not self._guard.found:
            self._take_back()
        return self.done

    def _leave(self) -> None:
        """The next file begins here. What is no whole page by then was cut; else only its closing line is missing."""
        if self.file and is_page(self.file.path) and "</html" not in self.file.text.lower():
            self.done = True
        else:
            self._close()

    def _take_back(self) -> None:
        """The first line in doubt did close the page: what came after it is no part of it."""
        if self.file is not None and self._doubt is not None:
            closed_at, after = self._doubt
            self.rest = self.file.text[after:]
            self._files.rewrite(self.file, self.file.text[:closed_at])
        self._close()

    def _line_start(self, text: str, at: int, found: int) -> int | None:
        start = found
        while start > at and found - start < self._margin and text[start - 1] in " \t":
            start -= 1
        begins = self._at_line_start if start == at else text[start - 1] in "\r\n"
        return start if begins else None

    def _flow(self, text: str, at: int) -> int:
        """Pass on everything but a last line that may still become the closing one."""
        last = max(text.rfind("\n", at), text.rfind("\r", at)) + 1
        at_line_start = self._at_line_start if last == 0 else True
        line = max(last, at)
        marks = text[line:].lstrip(" \t")
        margin = len(text) - line - len(marks)
        if at_line_start and margin <= self._margin and not marks.strip(self._fence.mark):
            return self._pass(text, at, line, at_line_start=True)
        return self._pass(text, at, len(text))

    def _finish(self, text: str, at: int) -> int:
        self._pass(text, at, len(text))
        if self._doubt and self._guard and not self._guard.found:
            self._take_back()
        return len(text)

    def _pass(self, text: str, at: int, end: int, *, at_line_start: bool = False) -> int:
        content = text[at:end]
        self._written += len(content)
        if self._guard and not self._guard.found:
            self._guard.feed(content)
        self._write(content)
        self._at_line_start = at_line_start if content or at_line_start else self._at_line_start
        self.flowing = not at_line_start and not (self._guard and not self._guard.found)
        return end


class TagBody(_Body):
    """Up to a closing tag that ends its line or is followed by another tag."""

    def __init__(self, files: Files, file: File | None, name: str) -> None:
        super().__init__(files, file)
        self._close_tag = f"</{name}"
        self._closing = re.compile(rf"\s*</{name}(?=[\s>]|$)[ \t]*>?")
        self._begun = False
        self._wrapper: Fence | None = None
        self._opener = ""
        self._held: list[str] = []

    def read(self, text: str, at: int, final: bool) -> int:
        if not self._begun:
            at = self._begin(text, at, final)
            if not self._begun:
                return at
        return self._read_wrapped(text, at, final) if self._wrapper else self._read_plain(text, at, final)

    def _begin(self, text: str, at: int, final: bool) -> int:
        """Drop the line end of the tag itself, and look whether a fence wraps the body."""
        first = first_word(text, at, _BLANK_READ)
        near = first - at < _BLANK_READ
        line = whole_line(text, first, final) if near else None
        if near and line is None and text[first : first + 1] in ("", "`", "~"):
            return at
        self._begun = True
        fence = dialects.read_fence(text[first : line[0]]) if line else None
        if fence and line and NEWLINE.search(text, at, first):
            self._wrapper, self._opener = fence, text[first : line[1]]
            return line[1]
        newline = NEWLINE.match(text, at)
        return newline.end() if newline else at

    def _read_plain(self, text: str, at: int, final: bool) -> int:
        search = at
        while (found := text.find(self._close_tag, search)) >= 0:
            search = found + len(self._close_tag)
            if not final and _MAYBE_END_OF_TAG.match(text, search):
                self._write(text[at:found])
                return found
            if end := _END_OF_TAG.match(text, search):
                self._write(text[at:found])
                self._close()
                return end.end()
        held = text.rfind("<", max(at, len(text) - len(self._close_tag)))
        if final or held < 0 or not self._close_tag.startswith(text[held:]):
            held = len(text)
        self._write(text[at:held])
        return held

    def _read_wrapped(self, text: str, at: int, final: bool) -> int:
        """Line by line: the fence's closing line is one only if the closing tag comes next."""
        while at < len(text) and (line := whole_line(text, at, final)):
            content, ended = text[at : line[0]], text[at : line[1]]
            if closing := self._closing.match(content):
                self._close()
                return at + closing.end()
            if self._closes_wrapper(content):
                self._write("".join(self._held))
                self._held = [ended]
            elif self._held and not content.strip():
                self._held.append(ended)
            elif self._held and self.file and self.file.path.lower().endswith(_KEEPS_FENCES):
                return self._unwrap(self.file, text, at, final)
            else:
                self._write("".join((*self._held, ended)))
                self._held = []
            at = line[1]
        if final and self._held:
            self._close()
        return at

    def _unwrap(self, file: File, text: str, at: int, final: bool) -> int:
        """The body goes on after the fence, so the fence is a part of it."""
        self._files.rewrite(file, "".join((self._opener, file.text, *self._held)))
        self._wrapper = None
        return self._read_plain(text, at, final)

    def _closes_wrapper(self, line: str) -> bool:
        fence, wrapper = dialects.read_fence(line), self._wrapper
        return bool(
            fence
            and wrapper
            and not fence.info
            and fence.mark == wrapper.mark
            and fence.length >= wrapper.length
        )


class SectionBody(_Body):
    """Up to the next `=== path ===` line, or the end."""

    def read(self, text: str, at: int, final: bool) -> int:
        while at < len(text) and (line := whole_line(text, at, final)):
            if dialects.read_section(text[at : line[0]]) is not None:
                self._close()
                return at
            self._write(text[at : line[1]])
            at = line[1]
        if final:
            self._close()
        return at


class DocumentEnd:
    """Finds a document's own `</html>`: not one in a script, a style, a comment or a text area."""

    def __init__(self) -> None:
        self.found = False
        self._inside: re.Pattern[str] | None = None
        self._tail = ""

    def feed(self, text: str) -> int:
        """Read on. Where it was found, the position after it in `text`; else 0."""
        tail, text = self._tail, self._tail + text
        at = 0
        while found := (self._inside or _RAW_TEXT).search(text, at):
            at = found.end()
            if self._inside:
                self._inside = None
            elif found.group().startswith("</"):
                self.found = True
                return at - len(tail)
            else:
                name = found.group(1)
                self._inside = re.compile(rf"</{name.lower()}(?=[\s>/])" if name else "-->", re.IGNORECASE)
        self._tail = text[max(at, len(text) - _LONGEST_MARKUP) :]
        return 0


class DocumentBody(_Body):
    """A raw document, up to its own end."""

    def __init__(self, files: Files, file: File | None) -> None:
        super().__init__(files, file)
        self._end = DocumentEnd()

    def read(self, text: str, at: int, final: bool) -> int:
        while at < len(text) and (line := whole_line(text, at, final)):
            end = self._end.feed(text[at : line[1]])
            stop = at + end if end and text[at + end : line[0]].strip() else line[1]
            self._write(text[at:stop])
            at = stop
            if self._end.found:
                self._close()
                return at
        return at


class ThoughtBody(_Body):
    """Reasoning, up to its closing tag: never a file."""

    def read(self, text: str, at: int, final: bool) -> int:
        while at < len(text) and (line := whole_line(text, at, final)):
            found = dialects.THINK_CLOSE.search(text, at, line[0])
            if found:
                self.done = True
                return found.end()
            at = line[1]
        return at


def first_word(text: str, at: int, most: int) -> int:
    """Where the first character that is no white space stands, at most `most` on, or the end."""
    found = _WORD.search(text, at, at + most)
    return found.start() if found else min(len(text), at + most)
