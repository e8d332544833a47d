"""How a reply says "here is a file": the openers of every dialect, read from single lines."""

import re
from typing import Literal, NamedTuple, TypeAlias

Dialect: TypeAlias = Literal["tilde", "fence-path", "fence", "tag", "document"]

# Strict to lenient. The strictest that gave a file is the dialect of the reply.
LADDER: tuple[Dialect, ...] = ("tilde", "fence-path", "fence", "tag", "document")

DEFAULTS = {
    "html": "index.html", "htm": "index.html", "xhtml": "index.html",
    "css": "styles.css",
    "js": "script.js", "javascript": "script.js", "mjs": "script.js", "ecmascript": "script.js",
}  # fmt: skip
_SUFFIXES = {"index.html": (".html", ".htm", ".xhtml"), "styles.css": (".css",), "script.js": (".js", ".mjs")}
WRAPPERS = frozenset({"", "markdown", "md", "xml", "text", "txt", "plaintext"})
STRICT_LENGTH = 5
# Deeper than this a line is quoted code, as in CommonMark.
MARGIN = 3

_FENCE = re.compile(r"([ \t]*)(`{3,}|~{3,})")
_INFO_READ = 1024
# A line that announces a path is short; what reads it need not be fast on long ones.
_ANNOUNCED = 400
_ATTRIBUTE = r"""(?<![\w-])(?:{names})\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s}}\]>]*))"""
_PATH_ATTRIBUTE = re.compile(_ATTRIBUTE.format(names="path|file|filename|filepath"), re.IGNORECASE)
_NAME_ATTRIBUTE = re.compile(_ATTRIBUTE.format(names="name|title|src"), re.IGNORECASE)
_LOOKS_LIKE_PATH = re.compile(r"[\w./\\@+ -]*[\w-]\.[A-Za-z][\w]{0,11}")
_PATH_WORD = re.compile(r"[\w./\\@+-]*[\w-]\.[A-Za-z]\w{0,11}")
_BARE_NAMES = frozenset({"_headers", "_redirects", "CNAME"})
# Names of languages and libraries that only look like files.
_NOT_PATHS = frozenset(
    {"node.js", "next.js", "vue.js", "nuxt.js", "three.js", "d3.js", "react.js", "express.js"}
)
_HEADING_START = re.compile(
    r"\s*(?:[#>*+-]+\s+)?(?:\d+[.)]\s+)?[*_`\s]*(?:(?:file(?:name)?|path)\s*:)?", re.IGNORECASE
)
_HEADING_NOTE = re.compile(r"\s*\([^)]*\)[\s:*]*$")
_MARKER = re.compile(r"\s*<{3,}\s*NEW_FILE_START\s+(?P<path>\S.*?)\s*>{3,}\s*NEW_FILE_END.*")
_SECTION = re.compile(r"={3,}\s*(?P<path>[^=\s][^=]*?)\s*={3,}\s*")
_THINK = "think|thinking|thought|reasoning|analysis|reflection"
THINK_OPEN = re.compile(rf"[ \t]*<(?:{_THINK})>", re.IGNORECASE)
THINK_CLOSE = re.compile(rf"</(?:{_THINK})\s*>", re.IGNORECASE)
DOCUMENT = re.compile(r"[ \t]*(?:<!doctype[ \t]+html|<html[\s>])", re.IGNORECASE)
_TAG_READ = 1024
_TAG = re.compile(
    r"""<\s*(?P<name>file|boltAction|dyad-write|artifact|antArtifact)(?=[\s>])"""
    r"""(?P<attributes>(?:[^<>"']|"[^"]*"|'[^']*')*)>"""
)
_TAG_BEGUN = re.compile(r"""<[^<>"']*(?:(?:"[^"]*"|'[^']*')[^<>"']*)*(?:"[^"]*|'[^']*)?\Z""")
TAG_START = re.compile(r"""(?<![`"'\w])<\s*(?:file|boltAction|dyad-write|artifact|antArtifact)(?=[\s>]|$)""")
# Without a path these are words about tags.
_ALWAYS_FILES = frozenset({"file", "dyad-write"})
_TAG_PATH = re.compile(_ATTRIBUTE.format(names="path|filepath|filename|name"), re.IGNORECASE)
_TAG_TYPE = re.compile(_ATTRIBUTE.format(names="type"), re.IGNORECASE)
_DECLINED = re.compile(
    r"\bI(?:['’]m| am)? (?:(?:really |very )?sorry,? (?:but )?I )?"
    r"(?:(?:can(?:['’]t|not| not)|won['’]t|will not|must|have to)"
    r" (?:be able to )?(?:help|assist|create|make|build|generate|produce|provide|comply|do (?:that|this)|fulfil|"
    r"continue|decline|refuse|support|write|design)|refuse\b|decline\b"
    r"|(?:not able|unable) to (?:help|assist|create|make|build|generate|produce|provide|comply|do|fulfil|write))",
    re.IGNORECASE,
)
_BUT = re.compile(
    r"\b(?:but|however|instead)\b[^.]*\bhere\b|\bhere(?:['’]s| is| are)\b[^.]*\binstead\b", re.IGNORECASE
)


class Fence(NamedTuple):
    """An opening line: `language` in lower case, `path` None where the line names none, `info` all it says."""

    indent: int
    mark: str
    length: int
    language: str
    path: str | None
    info: str

    @property
    def strict(self) -> bool:
        return self.mark == "~" and self.length >= STRICT_LENGTH


class Tag(NamedTuple):
    """An opening tag: where it ends in the text, its name, and its path (None: not a file)."""

    end: int
    name: str
    path: str | None


def read_fence(line: str) -> Fence | None:
    """The fence that a line opens (or closes: then `info` is empty), None for any other line."""
    found = _FENCE.match(line)
    if not found:
        return None
    marks, info = found.group(2), line[found.end() :].strip(" \t")[:_INFO_READ]
    fence = Fence(len(found.group(1).expandtabs(4)), marks[0], len(marks), *_read_info(info), info)
    quoted = fence.strict and fence.indent > MARGIN
    return None if quoted or (fence.mark == "`" and "`" in info) else fence


def _read_info(info: str) -> tuple[str, str | None]:
    path = _value(_PATH_ATTRIBUTE, info)
    if path is None:
        named = _value(_NAME_ATTRIBUTE, info)
        path = named if named and _LOOKS_LIKE_PATH.fullmatch(named) else _path_word(info)
    language = re.split(r"[\s:{\[,;=]", info, maxsplit=1)[0].lower()
    return (language, path)


def _path_word(info: str) -> str | None:
    head, colon, rest = info.partition(":")
    if colon and head.isalnum() and _PATH_WORD.fullmatch(rest.strip()):
        return rest.strip()
    words = (word.strip("[](){}`\"'") for word in info.split())
    paths = (word for word in words if _PATH_WORD.fullmatch(word) and word.lower() not in _NOT_PATHS)
    return next(paths, None)


def read_heading(line: str) -> str | None:
    """The path of a line that is nothing but a path, the way models announce the fence that follows."""
    if len(line) > _ANNOUNCED:
        return None
    marker = _MARKER.fullmatch(line)
    if marker:
        return marker.group("path")
    bare = line.strip(" \t*`#:")
    if bare in _BARE_NAMES:
        return bare
    path = _HEADING_NOTE.sub("", _HEADING_START.sub("", line, count=1)).strip(" \t\r\n*`:\"'[]()")
    return path if _PATH_WORD.fullmatch(path) else None


def fitting(heading: str | None, fence: Fence) -> str | None:
    """The path that a heading gives to the fence below it, unless the fence is of another kind."""
    kinds = _SUFFIXES.get(DEFAULTS.get(fence.language, ""))
    return None if heading is None or (kinds and not heading.lower().endswith(kinds)) else heading


def read_stray_thought_end(line: str) -> int:
    """Where the closing tag of reasoning that has no opening one ends in a line that begins or ends with it."""
    found = THINK_CLOSE.search(line)
    if not found or (line[: found.start()].strip() and line[found.end() :].strip()):
        return 0
    return found.end()


def read_section(line: str) -> str | None:
    """The path of a `=== path ===` line."""
    found = _SECTION.fullmatch(line) if len(line) <= _ANNOUNCED else None
    return found.group("path") if found and _PATH_WORD.fullmatch(found.group("path")) else None


def read_tag(text: str, start: int) -> Tag | None:
    """The file tag that begins at `start`, None where there is none or it is not all there."""
    found = _TAG.match(text, start, start + _TAG_READ)
    if not found:
        return None
    name, attributes = found.group("name"), found.group("attributes")
    path = _tag_path(name, attributes)
    return None if path is None and name in _ALWAYS_FILES else Tag(found.end(), name, path)


def may_be_tag(text: str, start: int) -> bool:
    """Whether the text ends inside a tag that begins at `start`."""
    return len(text) - start < _TAG_READ and _TAG_BEGUN.match(text, start) is not None


def _tag_path(name: str, attributes: str) -> str | None:
    path, kind = _value(_TAG_PATH, attributes), _value(_TAG_TYPE, attributes)
    if name == "boltAction" and kind != "file":
        return None
    if name in ("artifact", "antArtifact"):
        return (
            (path if path and "." in path else "index.html") if kind in (None, "text/html", "html") else None
        )
    return path


def declines(prose: str) -> bool:
    """Whether prose refuses the job (and does not go on to do it all the same)."""
    return bool(_DECLINED.search(prose)) and not _BUT.search(prose)


def _value(pattern: re.Pattern[str], text: str) -> str | None:
    found = pattern.search(text)
    return next((group for group in found.groups() if group is not None), "") if found else None
