"""What `_headers` and `_redirects` have in common: lines, patterns, placeholders, and what can be wrong with them."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

from webmint_cli.hosting.urls import normal_path, split

MAX_LINE = 2000

_SPACES = "\t\n\v\f\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
SPACE = f"[{_SPACES}]"
_EDGES = re.compile(f"^{SPACE}+|{SPACE}+$")
_VARIABLE = re.compile(r"(\*|:[A-Za-z][A-Za-z0-9_]*)")
_HOST = re.compile(r"https://+([^/]+)/?(.*)")
_PORT = re.compile(r":\d+$")
_SPECIAL = re.compile(r"\$([$&])")


@dataclass(frozen=True, slots=True)
class Problem:
    """A line that the host ignores, in part or whole: its number from 1, and why."""

    line: int
    reason: str


class Refused(Exception):
    """A rule that the host does not take; the text says why."""


def lines(text: str) -> Iterator[tuple[int, str]]:
    """The lines that say something, with their numbers."""
    for number, line in enumerate(text.split("\n"), 1):
        said = _EDGES.sub("", line)
        if said and not said.startswith("#"):
            yield number, said


def check_length(line: str) -> None:
    """Raises Refused for a line of more UTF-16 code units than the host reads."""
    if len(line.encode("utf-16-le", "surrogatepass")) // 2 > MAX_LINE:
        raise Refused(f"the line is longer than {MAX_LINE} characters")


def is_absolute(url: str) -> bool:
    """Whether a rule's URL names a host."""
    return _HOST.match(url) is not None


def rule_path(url: str, *, hosts: bool = False) -> str:
    """What a rule says it is about: a path, or with `hosts` also `https://host/path`. Raises Refused."""
    named = _HOST.match(url)
    if named is None:
        if not url.startswith("/") and hosts:
            raise Refused("a path begins with a slash, or an address with https://")
        return _path(url)
    if not hosts:
        raise Refused(f"only paths can be redirected, not the address {url}")
    if _PORT.search(named[1]):
        raise Refused(f"a port can't be named: {url}")
    return f"https://{named[1]}{_path(named[2])}"


def target_url(url: str) -> str:
    """Where a rule leads, with query and fragment. Raises Refused."""
    named = _HOST.match(url)
    if named is None and not url.startswith("/"):
        raise Refused("a target begins with a slash, or with https://")
    place = named[2] if named else url
    path = split(place)[0]
    return (f"https://{named[1]}" if named else "") + _path(path) + place[len(path) :]


def _path(place: str) -> str:
    return normal_path(split(place)[0], web=False)


def is_static(rule: str) -> bool:
    """Whether a rule has neither splat nor placeholder."""
    return _VARIABLE.search(rule) is None


def compiled(rule: str) -> re.Pattern[str] | None:
    """A rule as a pattern over paths or, where it names a host, over `https://host/path`.

    None where names clash, so that the host never applies it: twice the same, or one that begins with another.
    """
    names = [part[1:] for part in _VARIABLE.findall(rule) if part != "*"]
    if any(later.startswith(earlier) for earlier, later in combinations(names, 2)):
        return None
    host = rule.find("/", len("https://")) if rule.startswith("https://") else 0
    pattern, place = "", 0
    for part in _VARIABLE.split(rule):
        pattern += _expression(part, in_host=place < host)
        place += len(part)
    try:
        return re.compile(pattern)
    except re.error:
        return None


def _expression(part: str, *, in_host: bool) -> str:
    if part == "*":
        return "(?P<splat>.*)"
    if _VARIABLE.fullmatch(part):
        return f"(?P<{part[1:]}>{'[^/.]+' if in_host else '[^/]+'})"
    return re.escape(part)


def filled(text: str, values: Mapping[str, str]) -> str:
    """Text with each `:name` replaced by its value, in which `$$` and `$&` mean what they mean to JavaScript."""
    for name, value in values.items():
        meant = _SPECIAL.sub(lambda found, name=name: "$" if found[1] == "$" else f":{name}", value)  # type: ignore[misc]
        text = text.replace(f":{name}", meant)
    return text
