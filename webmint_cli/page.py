"""An HTML page as we need to know it: what it links, whether it ends, and itself with all of that inlined.

Markup is read the way browsers do (https://html.spec.whatwg.org/#tokenization), in one linear pass that any
text gets through. The standard library's parser raises on some text, takes quadratic time on other, and
reads one page differently from one Python to the next.
"""

import html as entities
import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, NamedTuple, TypeAlias
from urllib.parse import unquote, urlsplit

Kind: TypeAlias = Literal["stylesheet", "script", "page", "asset"]

_MARKUP = re.compile(r"<(?:(?P<comment>!--)|(?P<slash>/?)(?P<name>[a-z][^\s/>]*)|[!?/])", re.IGNORECASE)
_ATTRIBUTE = re.compile(
    r"""[\s/]*(?P<source>(?P<name>[^\s/>][^\s/>=]*)"""
    r"""(?:\s*=\s*(?:"(?P<double>[^"]*)"|'(?P<single>[^']*)'|(?P<bare>[^\s>"'][^\s>]*)|(?P<open>["'])))?)"""
)
_TAG_END = re.compile(r"[\s/]*>")
_COMMENT_END = re.compile(r"(?<=<!--)-?>|--!?>")
_DECLARATION_END = re.compile(">")
_RAW = frozenset({"script", "style", "textarea", "title", "iframe", "noembed", "noframes", "xmp"})
_RAW_ENDS = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in _RAW}
_LATE = frozenset({"defer", "async"})


def is_page(path: str) -> bool:
    return path.lower().endswith((".html", ".htm"))


@dataclass(frozen=True, slots=True)
class Reference:
    """One local file that a page names: its path, and where the tag begins and ends in the page."""

    kind: Kind
    path: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Page:
    """What was read off a page's markup. `body_end` is where its body does, the end of a page that is cut."""

    title: str
    references: tuple[Reference, ...]
    closed: bool
    body_end: int

    def linked(self, kind: Kind) -> list[str]:
        return [reference.path for reference in self.references if reference.kind == kind]


def read_page(html: str) -> Page:
    """Read a page's title, its references to local files and whether `</html>` was reached. Never raises."""
    title, closed, body_end = "", False, len(html)
    references: list[Reference] = []
    for tag in _tags(html):
        if tag.closes:
            closed = closed or tag.name == "html"
            body_end = tag.start if tag.name == "body" else body_end
        elif tag.name == "title" and not title and tag.end + len(tag.text) < len(html):
            title = " ".join(entities.unescape(tag.text).split())
        elif reference := _reference(tag):
            references.append(reference)
    return Page(title, tuple(references), closed, body_end)


def inlined(html: str, files: Mapping[str, str]) -> str:
    """The page with each local stylesheet and script replaced by its text.

    A script that waits for the page (`defer`, `async`) can't do so inline: it moves to the end of the body.
    """
    page = read_page(html)
    pieces: list[str] = []
    late: list[str] = []
    at = 0
    for reference in page.references:
        text = files.get(reference.path)
        if text is None or reference.kind not in ("stylesheet", "script"):
            continue
        attributes = _attributes(html, reference)
        inline = _style(attributes, text) if reference.kind == "stylesheet" else _script(attributes, text)
        moved = reference.kind == "script" and _is_late(attributes) and reference.end <= page.body_end
        pieces += (html[at : reference.start], "" if moved else inline)
        late += [inline] * moved
        at = _element_end(html, reference)
    if not late:
        return "".join((*pieces, html[at:]))
    end = max(at, page.body_end)
    return "".join((*pieces, html[at:end], *(f"{script}\n" for script in late), html[end:]))


def local_path(url: str) -> str:
    """The path in the site that a URL of a page at the root means; empty for any other place."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return ""
    if parts.scheme or parts.netloc or not parts.path:
        return ""
    path = posixpath.normpath(unquote(parts.path).lstrip("/"))
    return "" if path in (".", "..") or path.startswith("../") else path


class _Attribute(NamedTuple):
    """One attribute: its name in lower case, its value, and all of it as it was written."""

    name: str
    value: str
    source: str


class _Tag(NamedTuple):
    """A tag and its place; `text` is what a raw text element holds."""

    name: str
    closes: bool
    attributes: list[_Attribute]
    start: int
    end: int
    text: str = ""

    @property
    def values(self) -> dict[str, str]:
        return {attribute.name: attribute.value for attribute in reversed(self.attributes)}


def _tags(html: str) -> Iterator[_Tag]:
    """The tags of a page, up to one that is cut."""
    at: int | None = 0
    while at is not None and (found := _MARKUP.search(html, at)):
        if not found["name"]:
            at = _declaration_end(html, found)
        elif tag := _read_tag(html, found):
            yield tag
            at = tag.end + len(tag.text)
        else:
            return


def _declaration_end(html: str, found: re.Match[str]) -> int | None:
    end = (_COMMENT_END if found["comment"] else _DECLARATION_END).search(html, found.end())
    return end.end() if end else None


def _read_tag(html: str, found: re.Match[str]) -> _Tag | None:
    at = found.end()
    attributes: list[_Attribute] = []
    while attribute := _ATTRIBUTE.match(html, at):
        if attribute["open"]:
            return None
        attributes.append(_read_attribute(attribute))
        at = attribute.end()
    end = _TAG_END.match(html, at)
    if end is None:
        return None
    name, closes = found["name"].lower(), bool(found["slash"])
    text = _raw_text(html, name, end.end()) if name in _RAW and not closes else ""
    return _Tag(name, closes, attributes, found.start(), end.end(), text)


def _read_attribute(found: re.Match[str]) -> _Attribute:
    value = next((part for part in found.group("double", "single", "bare") if part is not None), "")
    return _Attribute(found["name"].lower(), entities.unescape(value), found["source"])


def _raw_text(html: str, name: str, start: int) -> str:
    closing = _RAW_ENDS[name].search(html, start)
    return html[start : closing.start() if closing else len(html)]


def _reference(tag: _Tag) -> Reference | None:
    kind, url = _named(tag.name, tag.values)
    path = local_path(url)
    if not path or (kind == "page" and not is_page(path)):
        return None
    return Reference(kind, path, tag.start, tag.end)


def _named(name: str, values: Mapping[str, str]) -> tuple[Kind, str]:
    if name == "link":
        relations = values.get("rel", "").lower().split()
        applies = "stylesheet" in relations and "alternate" not in relations
        return ("stylesheet" if applies else "asset", values.get("href", ""))
    if name == "script":
        return ("script", values.get("src", ""))
    if name == "a":
        return ("page", values.get("href", ""))
    return ("asset", values.get("src", "") if name in ("img", "source", "video", "audio") else "")


def _style(attributes: list[_Attribute], text: str) -> str:
    media = "".join(f" {attribute.source}" for attribute in attributes if attribute.name == "media")
    return f"<style{media}>\n" + re.sub("(?i)</(?=style)", r"<\\/", text) + "</style>"


def _script(attributes: list[_Attribute], text: str) -> str:
    kept = "".join(
        f" {attribute.source}" for attribute in attributes if attribute.name not in {"src", *_LATE}
    )
    return f"<script{kept}>\n" + re.sub("(?i)<(?=/script|!--)", r"\\x3c", text) + "</script>"


def _is_late(attributes: list[_Attribute]) -> bool:
    values = {attribute.name: attribute.value for attribute in attributes}
    return not _LATE.isdisjoint(values) and values.get("type", "").lower() != "module"


def _attributes(html: str, reference: Reference) -> list[_Attribute]:
    found = _MARKUP.match(html, reference.start)
    tag = _read_tag(html, found) if found else None
    return tag.attributes if tag else []


def _element_end(html: str, reference: Reference) -> int:
    """Where the element ends: what stands in a script that names a file is not run, so it goes too."""
    if reference.kind != "script":
        return reference.end
    closing = _RAW_ENDS["script"].search(html, reference.end)
    return (html.find(">", closing.end()) + 1 if closing else 0) or len(html)
