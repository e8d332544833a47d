"""What is in a folder: the files that can be published and, by name, what is left out of them or in the way.

Nothing is read but names and sizes, and nothing vanishes: each entry is a file, left out for a reason, an obstacle,
or a folder that is listed in turn.
"""

import os
import re
import shlex
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from fnmatch import fnmatchcase
from itertools import accumulate
from pathlib import Path
from typing import Literal, TypeAlias

from webmint_cli.targets.target import Asset

RULES = frozenset({"_headers", "_redirects"})
NAMED = 5

_RECORD = ".webmint.json"
_CLUTTER = frozenset({".git", "node_modules", ".DS_Store"})
_SERVER = frozenset({"functions", "_worker.js", "_routes.json", ".wrangler"})
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\\\ud800-\udfff]")

Code: TypeAlias = Literal[
    "empty",
    "no_index",
    "file_too_large",
    "too_many_files",
    "secret",
    "link",
    "bad_rules",
    "bad_name",
    "unreadable",
]


class Reason(Enum):
    """Why something is left out, as it is said."""

    RECORD = "webmint's own record is never published"
    CLUTTER = "no part of a site"
    SERVER = "Pages Functions are not deployed"
    RULES = "this host does not read it"
    HIDDEN = "hidden"
    SPECIAL = "neither a file nor a folder"
    CIRCLE = "the link leads back to where it is"

    @property
    def is_final(self) -> bool:
        """Whether no `--allow` helps."""
        return self in (Reason.RECORD, Reason.SPECIAL, Reason.CIRCLE)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a site can't be published: `what` is a clause that names the file, `allow` what makes it right to go on."""

    code: Code
    what: str
    allow: str = ""


@dataclass(frozen=True, slots=True)
class Policy:
    """What may be published.

    `rules`: `_headers` and `_redirects` of the root are wanted. `wrangler`: the files that wrangler would send, hidden
    ones too. `allow`: paths or globs (in which `*` matches slashes) of what goes in all the same, with all below.
    """

    rules: bool = False
    wrangler: bool = False
    allow: tuple[str, ...] = ()

    def permits(self, path: str) -> bool:
        """Whether a path, or a folder it is in, was allowed: what would be refused is published all the same."""
        return any(
            place == word or fnmatchcase(place, word) for place in _places(path) for word in self._words()
        )

    def reason(self, path: str, *, is_folder: bool = False) -> Reason | None:
        """Why the entry at a path is left out, whatever it holds; None where it is not.

        A glob lets in only what it spells out: `*/.htaccess` does, `*` does not bring `.git` along.
        """
        name = path.rpartition("/")[2]
        if name.lower() == _RECORD:
            return Reason.RECORD
        if path in RULES and self.rules and not is_folder:
            return None
        reason = self._by_name(path)
        return None if reason and (self._names(path) or self._is_within(path)) else reason

    def _by_name(self, path: str) -> Reason | None:
        above, _, name = path.rpartition("/")
        if not above and name in _SERVER:
            return Reason.SERVER
        if not above and name in RULES:
            return Reason.RULES
        # The globs of wrangler's list do not look into hidden folders.
        overlooked = self.wrangler and "/." in f"/{above}"
        if name in _CLUTTER and not overlooked:
            return Reason.CLUTTER
        hidden = name.startswith(".") and name != ".well-known"
        return Reason.HIDDEN if hidden and not self.wrangler else None

    def _names(self, path: str) -> bool:
        name = path.rpartition("/")[2]
        words = (word for word in self._words() if word.rpartition("/")[2] == name)
        return any(path == word or fnmatchcase(path, word) for word in words)

    def _is_within(self, path: str) -> bool:
        """Whether a folder on the way was let in by its name: then so is all that it holds."""
        return any(self._by_name(place) for place in _places(path) if place != path)

    def _words(self) -> Iterator[str]:
        return (word.removeprefix("./").rstrip("/") for word in self.allow)

    def refuses_name(self, name: str) -> bool:
        return bool((_SURROGATE if self.wrangler else _UNFIT).search(name))


@dataclass(slots=True)
class Listing:
    """The files of a site in the order of their paths.

    `left_out` maps a reason to paths, those of folders ending in a slash; `linked` maps the path of a file that is a
    link to where it leads.
    """

    files: list[Asset] = field(default_factory=list)
    left_out: dict[Reason, list[str]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    linked: dict[str, str] = field(default_factory=dict)

    def leave_out(self, reason: Reason, path: str) -> None:
        self.left_out.setdefault(reason, []).append(path)

    def notes(self) -> tuple[str, ...]:
        """A sentence for each reason, with what to type to have it otherwise. Our record is in each site, and no news."""
        worth_saying = {
            reason: sorted(path for path in self.left_out.get(reason, ()) if path != _RECORD)
            for reason in Reason
        }
        return tuple(_note(reason, paths) for reason, paths in worth_saying.items() if paths)


def _places(path: str) -> Iterator[str]:
    """The folders on the way to a path, outermost first, and the path."""
    return accumulate(path.split("/"), "{}/{}".format)


def listing(folder: Path, policy: Policy) -> Listing:
    """What is in a folder. Links are followed inside of it, and out of it only where that is allowed."""
    walk = _Walk(folder, policy)
    walk.run()
    return walk.found


def shown(text: str) -> str:
    """A name as it can be printed anywhere: what has no visible form is escaped."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def named(names: Sequence[str]) -> str:
    """The first few, and how many more there are."""
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return ", ".join(shown(name) for name in names[:NAMED]) + more


def flags(paths: Iterable[str]) -> str:
    """What to type so that these are allowed."""
    return " ".join(f"--allow {shlex.quote(_typed(path.rstrip('/')))}" for path in paths)


def _typed(path: str) -> str:
    """A path as it can be typed: as it is, or else as a glob with a `?` for what has no visible form."""
    if path.isprintable():
        return path
    return "".join((f"[{char}]" if char in "*?[" else char) if char.isprintable() else "?" for char in path)


def _note(reason: Reason, paths: Sequence[str]) -> str:
    note = f"left out {named(paths)}: {reason.value}"
    return note if reason.is_final else f"{note}; to publish all the same: {flags(paths[:NAMED])}"


@dataclass(frozen=True, slots=True)
class _Place:
    """A folder on the way: its path in the site ("" or ending in a slash), and the real ones from the root to it."""

    prefix: str
    way: tuple[str, ...]


class _Walk:
    """A walk through a folder, by a list and not by recursion: trees are deeper than Python's stack."""

    def __init__(self, folder: Path, policy: Policy) -> None:
        self.found = Listing()
        self._folder = folder
        self._policy = policy
        self._root = os.path.realpath(folder)
        self._ahead = [_Place("", (self._root,))]

    def run(self) -> None:
        while self._ahead:
            self._enter(self._ahead.pop())
        self.found.files.sort(key=lambda asset: asset.path)
        self.found.problems.sort(key=lambda problem: problem.what)

    def _enter(self, place: _Place) -> None:
        try:
            with os.scandir(f"{self._root}/{place.prefix}") as entries:
                for entry in entries:
                    self._see(entry, place)
        except OSError as error:
            self._refuse("unreadable", place.prefix or ".", f"can't be read ({error.strerror or error})")

    def _see(self, entry: os.DirEntry[str], place: _Place) -> None:
        path = place.prefix + entry.name
        status = _status(entry)
        is_folder = status is not None and stat.S_ISDIR(status.st_mode)
        reason = self._policy.reason(path, is_folder=is_folder)
        if reason:
            self.found.leave_out(reason, path + "/" * is_folder)
        elif self._policy.refuses_name(entry.name):
            self._refuse("bad_name", path + "/" * is_folder, "has a name that no address can have")
        elif status is None:
            self._refuse("link", path, "is a link to nothing" if entry.is_symlink() else "can't be looked at")
        else:
            self._follow(entry, path, status, place)

    def _follow(self, entry: os.DirEntry[str], path: str, status: os.stat_result, place: _Place) -> None:
        is_link = entry.is_symlink()
        real = os.path.realpath(entry.path) if is_link else os.path.join(place.way[-1], entry.name)  # noqa: PTH118 - a string among strings
        if is_link and not self._is_inside(real) and not self._policy.permits(path):
            self._refuse("link", path, "is a link that leaves the folder", path)
        elif stat.S_ISDIR(status.st_mode):
            self._go_on(path, real, place)
        elif stat.S_ISREG(status.st_mode):
            self.found.files.append(Asset(path, status.st_size, self._folder / path))
            if is_link:
                self.found.linked[path] = real
        else:
            self.found.leave_out(Reason.SPECIAL, path)

    def _go_on(self, path: str, real: str, place: _Place) -> None:
        if real in place.way:
            self.found.leave_out(Reason.CIRCLE, path + "/")
        else:
            self._ahead.append(_Place(path + "/", (*place.way, real)))

    def _is_inside(self, real: str) -> bool:
        return os.path.commonpath((self._root, real)) == self._root

    def _refuse(self, code: Code, path: str, what: str, allow: str = "") -> None:
        self.found.problems.append(Problem(code, f"{shown(path)} {what}", allow))


def _status(entry: os.DirEntry[str]) -> os.stat_result | None:
    """What an entry is, through links; None for a link to nothing or to itself."""
    try:
        return entry.stat()
    except OSError:
        return None
