"""What is wrong with a reply or its files, found in the text alone: abbreviations, loops, missing files."""

import re
from collections.abc import Mapping

from webmint_cli.page import is_page, read_page

_SUFFIXES = (".html", ".htm", ".css", ".js", ".mjs", ".svg")
_THINGS = (
    r"(?:code|file|page|html|css|styles?|stylesheet|rules?|scripts?|javascript|js|contents?|markup|sections?|"
    r"functions?|body|head(?:er)?|footer|nav(?:igation)?|elements?|items?|cards?|layout|logic|implementation|document|template)"
)
_KEPT = (
    r"(?:unchanged|(?:remains?|stays?|is|are)(?: exactly| all)? (?:the same|unchanged|as (?:before|above|is))|"
    r"as before|same as (?:before|above)|go(?:es)? here|omitted|truncated|continues?|not shown|for brevity)"
)
_REST = r"(?:rest|remainder|remaining)"
_WHICH = r"(?:rest|remainder|remaining|existing|previous|original|other|same)"
_DOTS = r"(?:\.{3}|…)"
_COMMENT = re.compile(r"<!--(.{0,400}?)-->|/\*(.{0,400}?)\*/|(?:^|(?<=[\s>;{},)]))//([^\r\n]*)", re.DOTALL)
_ABBREVIATION = re.compile(
    rf"^(?=.{{1,160}}$)\W*(?:"
    rf"(?:the |your |all )*{_REST}\b[^.…]*?\b{_KEPT}\b.*"
    rf"|(?:the |your |all )*{_WHICH}\b[^.…]*?\b{_THINGS}\b[^.…]*?\b{_KEPT}\b.*"
    rf"|same as (?:before|above)\b.*"
    rf"|(?:the |your |all )*(?:{_WHICH})\b[\w ,/'-]*\b{_THINGS}\b[\w ,/'-]*{_DOTS}.*"
    rf"|(?:the |your |all )*(?:{_WHICH})\b[\w ,/'-]*\b{_THINGS} (?:here|above|below)\W*"
    rf"|(?:the |your |all )*(?:\w+ )?{_THINGS} {_KEPT}(?: as (?:before|above)| here| for brevity)?\W*"
    rf"|(?:content|code)s? (?:omitted|truncated)\b.*"
    rf")$",
    re.IGNORECASE | re.DOTALL,
)
_DOTTED = re.compile(
    rf"^\s*{_DOTS}\s*(?:\(?\s*(?:the |your |all |and |more |keep )*(?:{_WHICH}|more|rest of)\b.{{0,120}}|"
    rf"(?:\w+ ){{0,4}}{_KEPT}.{{0,80}})$",
    re.IGNORECASE | re.DOTALL,
)


def placeholders(files: Mapping[str, str]) -> list[str]:
    """The files in which a comment stands for text that was left out ("rest of the code unchanged")."""
    return [path for path, text in files.items() if path.lower().endswith(_SUFFIXES) and _abbreviated(text)]


def _abbreviated(text: str) -> bool:
    comments = (next(filter(None, found.groups()), "").strip() for found in _COMMENT.finditer(text))
    return any(_ABBREVIATION.match(comment) or _DOTTED.match(comment) for comment in comments)


def missing(files: Mapping[str, str]) -> list[str]:
    """The stylesheets and scripts that a page names and no file gives."""
    pages = (read_page(text) for path, text in files.items() if is_page(path) and "/" not in path)
    named = (path for page in pages for kind in ("stylesheet", "script") for path in page.linked(kind))
    return list(dict.fromkeys(path for path in named if path not in files))


def repeats(text: str, at_least: int) -> bool:
    """Whether the last `at_least` characters are one piece, of at most an eighth of them, over and over."""
    tail = text[-at_least:]
    longest = len(tail) // 8
    found = tail.find(tail[longest:], 0, len(tail) - 1)
    period = longest - found
    return len(tail) == at_least and found >= 0 and tail[period:] == tail[:-period]
