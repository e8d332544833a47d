"""The `_redirects` file: which paths lead elsewhere.

https://developers.cloudflare.com/pages/configuration/redirects/
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from webmint_cli.hosting.rules import (
    SPACE,
    Problem,
    Refused,
    check_length,
    compiled,
    filled,
    is_absolute,
    is_static,
    lines,
    rule_path,
    target_url,
)

MAX_STATIC = 2000
MAX_DYNAMIC = 100
PROXY = 200

_STATUSES = frozenset({PROXY, 301, 302, 303, 307, 308})
_COMMENT = re.compile(f"{SPACE}+#.*$")
_GAP = re.compile(f"{SPACE}+")
_TO_INDEX = re.compile(r"/index(.html)?$")
_EXTERNAL = re.compile(r"\w+://|//[^/\\\s?#]")
_SLASHES = re.compile(r"[/\\]+")


@dataclass(frozen=True, slots=True)
class Redirect:
    """One rule. `status` 200 serves the target in place of the path, the others send the browser there."""

    source: str
    target: str
    status: int
    line: int


@dataclass(frozen=True, slots=True)
class Redirects:
    """A `_redirects` file as the host understands it: whole paths are looked up first, then patterns in order."""

    static: Mapping[str, Redirect] = field(default_factory=dict)
    dynamic: tuple[tuple[re.Pattern[str], Redirect], ...] = ()
    problems: tuple[Problem, ...] = ()

    def match(self, path: str) -> Redirect | None:
        """The rule for an encoded path, its target filled in."""
        if path in self.static:
            return self.static[path]
        for pattern, rule in self.dynamic:
            if found := pattern.fullmatch(path):
                target = _filled(rule.target, found.groupdict())
                return Redirect(path, target, rule.status, rule.line)
        return None


def is_redirected(text: str, path: str) -> bool:
    """Whether a `_redirects` file's text has a rule for this encoded path, so that no file is served at it."""
    return parse_redirects(text).match(path) is not None


@lru_cache(maxsize=8)
def parse_redirects(text: str) -> Redirects:
    """Read a `_redirects` file. What the host would ignore is among the problems, never an exception."""
    reader = _Reader()
    for number, line in lines(text):
        try:
            check_length(line)
            reader.read(number, line)
        except Refused as reason:
            reader.problems.append(Problem(number, str(reason)))
        if reader.dynamic > MAX_DYNAMIC:
            break
    return _arranged(list(reader.rules.values()), tuple(reader.problems))


def _arranged(rules: list[Redirect], problems: tuple[Problem, ...]) -> Redirects:
    first = next((at for at, rule in enumerate(rules) if not is_static(rule.source)), len(rules))
    patterns = ((compiled(rule.source), rule) for rule in rules[first:])
    return Redirects(
        {rule.source: rule for rule in rules[:first]},
        tuple((pattern, rule) for pattern, rule in patterns if pattern),
        problems,
    )


class _Reader:
    """Collects rules line by line, and counts them as the host does."""

    def __init__(self) -> None:
        self.rules: dict[str, Redirect] = {}
        self.problems: list[Problem] = []
        self.static = 0
        self.dynamic = 0

    def read(self, number: int, line: str) -> None:
        words = _GAP.split(_COMMENT.sub("", line))
        if len(words) not in (2, 3):
            raise Refused(f"a rule is a path, a target and perhaps a status, not {len(words)} words")
        source = rule_path(words[0])
        self._count(source)
        rule = Redirect(source, target_url(words[1]), _status(*words[2:]), number)
        _check_for_loop(rule)
        if source in self.rules:
            raise Refused(f"{source} has a rule already")
        if rule.status == PROXY and is_absolute(rule.target):
            raise Refused(f"status 200 serves a path of the same site, not {rule.target}")
        self.rules[source] = rule

    def _count(self, source: str) -> None:
        if not self.dynamic and is_static(source):
            self.static += 1
            if self.static > MAX_STATIC:
                raise Refused(f"only {MAX_STATIC:,} rules without * and :name are read")
        else:
            self.dynamic += 1
            if self.dynamic > MAX_DYNAMIC:
                raise Refused(
                    f"only {MAX_DYNAMIC} rules with * or :name, or after one, are read; what follows is ignored"
                )


def _status(word: str = "302") -> int:
    try:
        status = float(word)
    except ValueError:
        status = 0
    if status not in _STATUSES or "_" in word:
        raise Refused(f"the status is 200, 301, 302, 303, 307 or 308, not {word}")
    return int(status)


def _check_for_loop(rule: Redirect) -> None:
    begins_all = rule.source.endswith(("/*", "/"))
    if begins_all and _TO_INDEX.search(rule.target) and not is_absolute(rule.target):
        raise Refused(
            "the rule would lead to itself: /index and .html are taken off, which brings it up again"
        )


def _filled(template: str, values: Mapping[str, str]) -> str:
    """The target with its values; within the site, they can't make slashes in a row, which would name a host."""
    target = filled(template, values).strip()
    if _EXTERNAL.match(template.strip()):
        return target
    end = next((at for at, letter in enumerate(target) if letter in "?#"), len(target))
    return _SLASHES.sub("/", target[:end]) + target[end:]
