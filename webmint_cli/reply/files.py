"""The files that a reply has given so far: which of them count, and what is new of each."""

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from webmint_cli.page import Kind, is_page, read_page
from webmint_cli.reply.dialects import LADDER, Dialect
from webmint_cli.site import relative_path

_KINDS: dict[str, Kind] = {"styles.css": "stylesheet", "script.js": "script"}
_TILDE, _FENCE = LADDER.index("tilde"), LADDER.index("fence")


class Delta(NamedTuple):
    """New text of a file. `reset`: the file starts over; `closed`: it ended here."""

    path: str
    text: str
    reset: bool = False
    closed: bool = False


@dataclass(slots=True, eq=False)
class File:
    """A file being received. `whole`: it began as a document; `before`: an earlier copy under its path."""

    path: str
    dialect: Dialect
    whole: bool = False
    closed: bool = False
    chunks: list[str] = field(default_factory=list)
    before: "File | None" = None

    @property
    def text(self) -> str:
        if len(self.chunks) > 1:
            self.chunks[:] = ["".join(self.chunks)]
        return "".join(self.chunks)

    @property
    def rank(self) -> int:
        return LADDER.index(self.dialect)

    @property
    def kept(self) -> "File":
        """This copy or, where it is cut or empty, an earlier one that has more and was written as strictly."""
        before = self.before
        if before is None or before.rank > self.rank:
            return self
        if self.closed:
            return self if self.text.strip() else before
        return before if before.closed or len(before.text) > len(self.text) else self


class Shelf:
    """Files by path, in the order in which they began. No question about them walks through all of them."""

    def __init__(self, files: Iterable[File] = ()) -> None:
        self.files: dict[str, File] = {}
        self._folders: set[str] = set()
        self._strictest = self._strictest_page = len(LADDER)
        self._unread: dict[str, File] = {}
        self._waiting: dict[Kind, deque[tuple[File, deque[str]]]] = {
            kind: deque() for kind in _KINDS.values()
        }
        self._last: dict[Kind, list[tuple[File, str]]] = {kind: [] for kind in _KINDS.values()}
        self._naming: dict[str, list[File]] = {}
        for file in files:
            self.put(file)

    def put(self, file: File) -> None:
        """Add a file, in the place of any under its path."""
        self.files.pop(file.path, None)
        self.files[file.path] = file
        self._folders.update(_folders(file.path))
        self._strictest = min(self._strictest, file.rank)
        if is_page(file.path):
            self._strictest_page = min(self._strictest_page, file.rank)
            self._unread.pop(file.path, None)
            self._unread[file.path] = file

    def clashes(self, path: str) -> bool:
        """Whether a file stands where this path has a folder, or the other way round."""
        return path in self._folders or any(folder in self.files for folder in _folders(path))

    def wants(self, rank: int, path: str) -> bool:
        """Whether a file of this rank counts beside those that are there."""
        if rank <= self._strictest:
            return True
        if rank <= self._strictest_page:
            return is_page(path)
        given = self.files.get(path)
        return (
            rank == _FENCE
            and self._strictest > _TILDE
            and (given is None or given.rank >= rank)
            and self._named(path)
        )

    def unlinked(self, kind: Kind) -> str | None:
        """The first path of a kind that a page links and nothing gave yet, else the last that one links."""
        self._read_pages()
        waiting, last = self._waiting[kind], self._last[kind]
        while waiting:
            page, links = waiting[0]
            while links and (links[0] in self.files or not self._stands(page)):
                links.popleft()
            if links:
                return links[0]
            waiting.popleft()
        while last and not self._stands(last[-1][0]):
            last.pop()
        return last[-1][1] if last else None

    def _named(self, path: str) -> bool:
        self._read_pages()
        pages = self._naming.get(path, [])
        while pages and not self._stands(pages[-1]):
            pages.pop()
        return bool(pages)

    def _read_pages(self) -> None:
        pages, self._unread = self._unread, {}
        for file in pages.values():
            page = read_page(file.text)
            for kind in _KINDS.values():
                self._note(file, kind, page.linked(kind))

    def _note(self, page: File, kind: Kind, links: list[str]) -> None:
        if links:
            self._waiting[kind].append((page, deque(links)))
            self._last[kind].append((page, links[-1]))
        if page.rank < _FENCE:
            for path in links:
                self._naming.setdefault(path, []).append(page)

    def _stands(self, file: File) -> bool:
        return self.files.get(file.path) is file


class Files:
    """What a reply has given so far, and what is new of it."""

    def __init__(self) -> None:
        self.refused: dict[str, str] = {}
        self._shelf = Shelf()
        self._deltas: list[Delta] = []

    def __bool__(self) -> bool:
        return bool(self._shelf.files)

    def take(self) -> list[Delta]:
        """What is new since the last call."""
        deltas, self._deltas = self._deltas, []
        return deltas

    def get(self, path: str) -> File | None:
        return self._shelf.files.get(path)

    def open(self, raw: str, dialect: Dialect, *, whole: bool = False) -> File | None:
        """Begin a file; None if its path is refused."""
        try:
            path = self._place(raw)
        except ValueError as error:
            self.refused[raw] = str(error)
            return None
        before = self.get(path)
        file = File(path, dialect, whole, before=before and before.kept)
        self._shelf.put(file)
        self._deltas.append(Delta(path, "", reset=before is not None))
        return file

    def write(self, file: File | None, text: str) -> None:
        if file is not None and text:
            file.chunks.append(text)
            self._deltas.append(Delta(file.path, text))

    def close(self, file: File | None) -> None:
        if file is not None:
            file.closed = True
            if file.kept is file:
                file.before = None
            self._deltas.append(Delta(file.path, "", closed=True))

    def rewrite(self, file: File, text: str) -> None:
        """What was written turned out to be otherwise."""
        file.chunks[:] = [text]
        self._deltas.append(Delta(file.path, text, reset=True))

    def forget(self) -> None:
        """Drop everything: it was a draft."""
        self._deltas += (Delta(path, "", reset=True, closed=True) for path in self._shelf.files)
        self._shelf = Shelf()

    def wants(self, dialect: Dialect, path: str) -> bool:
        """Whether a file in this dialect would count beside those that are there."""
        return self._shelf.wants(LADDER.index(dialect), path)

    def result(self) -> list[File]:
        """The files that count."""
        shelf = Shelf(file.kept for file in self._shelf.files.values())
        return [file for file in shelf.files.values() if shelf.wants(file.rank, file.path)]

    def unfinished(self) -> list[File]:
        """The copies that were begun and not ended, whether or not they count."""
        return [file for file in self._shelf.files.values() if not file.closed]

    def unlinked(self, default: str) -> str:
        """The path of a block that names none: what a page links and nothing gave yet, else the default."""
        kind = _KINDS.get(default)
        return (kind and self._shelf.unlinked(kind)) or default

    def _place(self, raw: str) -> str:
        path = relative_path(raw)
        if self._shelf.clashes(path):
            raise ValueError("a file and a folder can't have one name")
        return path


def _folders(path: str) -> Iterator[str]:
    return (path[: slash.start()] for slash in re.finditer("/", path))
