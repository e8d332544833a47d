"""An HTML page as we need to know it: what it links, whether it ends, and itself with all of that inlined."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import PurePosixPath
from typing import Literal, TypeAlias
from urllib.parse import unquote, urlsplit

Kind: TypeAlias = Literal["stylesheet", "script", "page", "asset"]

_LINE = re.compile(r"[^\n]*\n|[^\n]+")


def is_page(path: str) -> bool:
    return path.lower().endswith((".html", ".htm"))


@dataclass(frozen=True, slots=True)
class Reference:
    """One local file that a page names: its path, and the tag's place in the page."""

    kind: Kind
    path: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Page:
    """What was read off a page's markup."""

    title: str
    references: tuple[Reference, ...]
    closed: bool

    def linked(self, kind: Kind) -> list[str]:
        return [reference.path for reference in self.references if reference.kind == kind]


def read_page(html: str) -> Page:
    """Read a page's title, its references to local files and whether `</html>` was reached. Never raises."""
    reader = _Reader(html)
    return Page("".join(reader.title).strip(), tuple(reader.references), reader.closed)


def inlined(html: str, files: Mapping[str, str]) -> str:
    """The page with each local stylesheet and script replaced by its text."""
    pieces: list[str] = []
    at = 0
    for reference in read_page(html).references:
        text = files.get(reference.path)
        if text is None or reference.kind not in ("stylesheet", "script"):
            continue
        pieces += (
            html[at : reference.start],
            _inline(html[reference.start : reference.end], reference, text),
        )
        at = reference.end
    return "".join((*pieces, html[at:]))


def _inline(tag: str, reference: Reference, text: str) -> str:
    if reference.kind == "stylesheet":
        return "<style>\n" + re.sub("(?i)</(?=style)", r"<\\/", text) + "</style>"
    safe = re.sub(r"(?i)<(?=/script|!--|script)", r"\\x3c", text)
    opening = re.sub(r"""(?i)\s+(?:src\s*=\s*(?:"[^"]*"|'[^']*'|[^\s>]+)|defer\b|async\b)""", "", tag)
    return f"{opening}\n{safe}"


class _Reader(HTMLParser):
    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.title: list[str] = []
        self.references: list[Reference] = []
        self.closed = False
        self._in_title = False
        self._lines = [0]
        for line in _LINE.finditer(html):
            self._lines.append(line.end())
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._in_title = tag == "title" and not self.title
        values = {name: value or "" for name, value in attrs}
        found = _reference(tag, values)
        if found:
            self._refer(*found)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title.append(data)

    def handle_endtag(self, tag: str) -> None:
        self._in_title = False
        self.closed = self.closed or tag == "html"

    def _refer(self, kind: Kind, url: str) -> None:
        path = local_path(url)
        if path:
            line, column = self.getpos()
            start = self._lines[line - 1] + column
            self.references.append(Reference(kind, path, start, start + len(self.get_starttag_text() or "")))


def local_path(url: str) -> str:
    """The path in the site that a URL of a page at the root means; empty for any other place."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return ""
    if parts.scheme or parts.netloc or not parts.path:
        return ""
    path = PurePosixPath(unquote(parts.path).lstrip("/")).as_posix()
    return "" if path == "." or path.startswith("..") else path


def _reference(tag: str, values: dict[str, str]) -> tuple[Kind, str] | None:
    if tag == "link" and values.get("href"):
        sheet = "stylesheet" in values.get("rel", "").lower().split()
        return ("stylesheet" if sheet else "asset", values["href"])
    if tag == "script" and values.get("src"):
        return ("script", values["src"])
    if tag == "a" and is_page(local_path(values.get("href", ""))):
        return ("page", values["href"])
    if tag in ("img", "source", "video", "audio") and values.get("src"):
        return ("asset", values["src"])
    return None
