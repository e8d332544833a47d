"""The files that a reply has given so far: which of them count, and what is new of each."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from webmint_cli.page import Kind, is_page, read_page
from webmint_cli.reply.dialects import LADDER, Dialect
from webmint_cli.site import relative_path

_KINDS: dict[str, Kind] = {"styles.css": "stylesheet", "script.js": "script"}


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
        """This copy or, where it is cut, an earlier one that has more and was written as strictly."""
        before = self.before
        if before is None or self.closed or before.rank > self.rank:
            return self
        return before if before.closed or len(before.text) > len(self.text) else self


class Files:
    """Files by path, in the order in which they began."""

    def __init__(self) -> None:
        self.refused: dict[str, str] = {}
        self._files: dict[str, File] = {}
        self._deltas: list[Delta] = []
        self._links: dict[tuple[File, Kind], list[str]] = {}

    def __bool__(self) -> bool:
        return bool(self._files)

    def take(self) -> list[Delta]:
        """What is new since the last call."""
        deltas, self._deltas = self._deltas, []
        return deltas

    def get(self, path: str) -> File | None:
        return self._files.get(path)

    def open(self, raw: str, dialect: Dialect, *, whole: bool = False) -> File | None:
        """Begin a file; None if its path is refused."""
        try:
            path = self._place(raw)
        except ValueError as error:
            self.refused[raw] = str(error)
            return None
        before = self._files.pop(path, None)
        file = File(path, dialect, whole, before=before and before.kept)
        self._files[path] = file
        self._deltas.append(Delta(path, "", reset=before is not None))
        return file

    def write(self, file: File | None, text: str) -> None:
        if file is not None and text:
            file.chunks.append(text)
            self._deltas.append(Delta(file.path, text))

    def close(self, file: File | None) -> None:
        if file is not None:
            file.closed, file.before = True, None
            self._deltas.append(Delta(file.path, "", closed=True))

    def rewrite(self, file: File, text: str) -> None:
        """What was written turned out to be otherwise."""
        file.chunks[:] = [text]
        self._deltas.append(Delta(file.path, text, reset=True))

    def forget(self) -> None:
        """Drop everything: it was a draft."""
        self._deltas += (Delta(path, "", reset=True, closed=True) for path in self._files)
        self._files.clear()

    def wants(self, dialect: Dialect, path: str) -> bool:
        """Whether a file in this dialect would count beside those that are there."""
        return self._counts(LADDER.index(dialect), path, list(self._files.values()))

    def result(self) -> list[File]:
        """The files that count."""
        files = [file.kept for file in self._files.values()]
        return [file for file in files if self._counts(file.rank, file.path, files)]

    def unfinished(self) -> list[File]:
        """The copies that were begun and not ended, whether or not they count."""
        return [file for file in self._files.values() if not file.closed]

    def unlinked(self, default: str) -> str:
        """The path of a block that names none: what a page links and nothing gave yet, else the default."""
        if default not in _KINDS:
            return default
        pages = (file for file in self._files.values() if is_page(file.path))
        linked = [path for page in pages for path in self._linked(page, _KINDS[default])]
        missing = [path for path in linked if path not in self._files]
        return (missing or linked[-1:] or [default])[0]

    def _counts(self, rank: int, path: str, files: Sequence[File]) -> bool:
        strict = [file for file in files if file.rank < rank]
        if not strict:
            return True
        pages = [file for file in strict if is_page(file.path)]
        if not pages:
            return is_page(path)
        mixed = LADDER[rank] == "fence" and min(file.rank for file in strict) > 0
        given = any(file.path == path for file in strict)
        return (
            mixed
            and not given
            and any(path in self._linked(page, kind) for page in pages for kind in _KINDS.values())
        )

    def _linked(self, page: File, kind: Kind) -> list[str]:
        if not page.closed:
            return read_page(page.text).linked(kind)
        if (page, kind) not in self._links:
            self._links[page, kind] = read_page(page.text).linked(kind)
        return self._links[page, kind]

    def _place(self, raw: str) -> str:
        path = relative_path(raw)
        if any(path.startswith(f"{other}/") or other.startswith(f"{path}/") for other in self._files):
            raise ValueError("a file and a folder can't have one name")
        return path
