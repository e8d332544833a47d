"""The `_headers` file: which response headers a path gets beside those of the host.

https://developers.cloudflare.com/pages/configuration/headers/
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from webmint_cli.hosting.rules import Problem, Refused, check_length, compiled, filled, lines, rule_path

MAX_RULES = 100

_BEGINS_RULE = re.compile(r"[^\s]+://|/")
_DETACH = "! "
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


@dataclass(slots=True)
class HeaderRule:
    """What one path or pattern sets and takes away. Names are in lower case."""

    path: str
    line: int
    sets: dict[str, str] = field(default_factory=dict)
    removes: list[str] = field(default_factory=list)
    pattern: re.Pattern[str] | None = None


@dataclass(frozen=True, slots=True)
class HeaderRules:
    """A `_headers` file as the host understands it."""

    rules: tuple[HeaderRule, ...] = ()
    problems: tuple[Problem, ...] = ()

    def applied(self, headers: Mapping[str, str], *, host: str, path: str) -> dict[str, str]:
        """The headers of a response, by lower-case name, as the rules leave them.

        `path` is encoded, `host` without a port. The first rule that sets a header replaces it, later ones add to it.
        """
        result, ours = dict(headers), set[str]()
        for rule in self.rules:
            if (values := _matched(rule, host, path)) is None:
                continue
            for name in rule.removes:
                result.pop(name, None)
            for name, template in rule.sets.items():
                value = filled(template, values).strip()
                joins = name in ours and name in result
                result[name] = f"{result[name]}, {value}" if joins else value
                ours.add(name)
        return result


def _matched(rule: HeaderRule, host: str, path: str) -> dict[str, str] | None:
    place = f"https://{host}{path}" if rule.path.startswith("https://") else path
    found = rule.pattern.fullmatch(place) if rule.pattern else None
    return found.groupdict() if found else None


@lru_cache(maxsize=8)
def parse_headers(text: str) -> HeaderRules:
    """Read a `_headers` file. What the host would ignore is among the problems, never an exception."""
    reader = _Reader()
    for number, line in lines(text):
        try:
            check_length(line)
            reader.read(number, line)
        except Refused as reason:
            reader.problems.append(Problem(number, str(reason)))
        if reader.is_full:
            break
    reader.end_rule()
    # Of two rules for one path the host keeps the later, in the place of the earlier.
    kept = {rule.path: rule for rule in reader.rules}
    return HeaderRules(tuple(kept.values()), tuple(reader.problems))


class _Reader:
    """Collects rules line by line."""

    def __init__(self) -> None:
        self.rules: list[HeaderRule] = []
        self.problems: list[Problem] = []
        self.is_full = False
        self._rule: HeaderRule | None = None
        self._skips = False

    def read(self, number: int, line: str) -> None:
        if _BEGINS_RULE.match(line):
            self._begin_rule(number, line)
        elif self._skips:
            return
        elif ":" not in line:
            self._detach(line)
        else:
            self._set(line)

    def end_rule(self) -> None:
        rule, self._rule = self._rule, None
        if rule is None:
            return
        if rule.sets or rule.removes:
            self.rules.append(rule)
        else:
            self.problems.append(Problem(rule.line, f"no headers follow {rule.path}"))

    def _begin_rule(self, number: int, line: str) -> None:
        # A rule is counted when the next one begins, so that one more than the limit gets in.
        self.is_full = len(self.rules) >= MAX_RULES
        self.end_rule()
        self._skips = True
        if self.is_full:
            raise Refused(f"only {MAX_RULES} rules are read; what follows is ignored")
        path = rule_path(line, hosts=True)
        if path.count("*") > 1:
            raise Refused("a path can have one * only; give the others names, as :name")
        if "*" in path and re.search(r":splat(?!\w)", path):
            raise Refused("a path can't have both * and :splat, which mean the same")
        self._rule, self._skips = HeaderRule(path, number, pattern=compiled(path)), False

    def _detach(self, line: str) -> None:
        if self._rule is None:
            raise Refused("a path that begins with a slash is expected first")
        if not line.startswith(_DETACH):
            raise Refused("a header is written as name: value")
        self._rule.removes.append(_checked_name(line.removeprefix(_DETACH).strip().lower()))

    def _set(self, line: str) -> None:
        raw_name, _, raw_value = line.partition(":")
        name, value = raw_name.strip().lower(), raw_value.strip()
        _checked_name(name)
        if not value:
            raise Refused(f"{name} has no value")
        if not _VALUE.fullmatch(value):
            raise Refused(f"the value of {name} has characters that no header can carry")
        if self._rule is None:
            raise Refused(f"{name} stands before any path")
        before = self._rule.sets.get(name)
        self._rule.sets[name] = f"{before}, {value}" if before else value


def _checked_name(name: str) -> str:
    if not name:
        raise Refused("the name of the header is missing")
    if " " in name:
        raise Refused(f"the name of a header has no spaces: {name}")
    if not _NAME.fullmatch(name):
        raise Refused(f"{name} can't be the name of a header")
    return name
