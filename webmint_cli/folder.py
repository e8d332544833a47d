"""A site's folder on disk: written whole or not at all, and never over somebody else's work.

`.webmint.json` beside the files says what they were made from and their hashes, so that untouched output of
ours may be replaced, and an edited or foreign file may not.
"""

import hashlib
import json
import os
import re
import shutil
import tempfile
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from webmint_cli.errors import StorageError, UsageError
from webmint_cli.site import Site, relative_path

RECORD = ".webmint.json"

_SLUG = 60
# Latin letters that Unicode does not take apart.
_LETTERS = str.maketrans(
    {"ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ı": "i"}
)


@dataclass(frozen=True, slots=True)
class Provenance:
    """What a site was made from. `files` maps each path to the SHA-256 of what was written."""

    run: str
    prompt: str
    provider: str
    model: str
    title: str = ""
    seed: int | None = None
    contract: str = ""
    status: str = "completed"
    webmint: str = ""
    files: Mapping[str, str] = field(default_factory=dict)


def slug(title: str) -> str:
    """A folder name for a title: lower-case letters and digits of any script, joined by hyphens."""
    plain = unicodedata.normalize("NFKD", title.lower().translate(_LETTERS))
    ascii_only = plain.encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", ascii_only) or re.findall(
        r"\w+", unicodedata.normalize("NFC", title).lower()
    )
    name = ""
    for word in words:
        if len(name) + len(word) >= _SLUG:
            break
        name = f"{name}-{word}" if name else word
    return name or "".join(words[:1])[:_SLUG] or "site"


def default_folder(title: str, base: Path) -> Path:
    """`base/<title-slug>`, or with -2 and so on when that one is not ours to write."""
    name = slug(title)
    number = 1
    while True:
        folder = base / (name if number == 1 else f"{name}-{number}")
        if not os.path.lexists(folder) or (read_provenance(folder) and not changed(folder)):
            return folder
        number += 1


def read_provenance(folder: Path) -> Provenance | None:
    """The record in a folder, None where there is none that can be read, or it names places outside."""
    try:
        data: dict[str, Any] = json.loads((folder / RECORD).read_text("utf-8"))
        record = Provenance(**{name: data[name] for name in Provenance.__dataclass_fields__ if name in data})
        ours = all(relative_path(path) == path for path in record.files)
        return record if ours and all(isinstance(digest, str) for digest in record.files.values()) else None
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def changed(folder: Path) -> list[str]:
    """The files of a folder of ours that are no longer as we wrote them; deleted ones don't count."""
    record = read_provenance(folder)
    files = record.files if record else {}
    return [path for path, digest in files.items() if _digest_of(folder / path) not in (digest, None)]


def check(folder: Path, paths: frozenset[str] = frozenset()) -> None:
    """Raise UsageError if `folder` holds work that is not ours, or is where `paths` would overwrite some."""
    if folder.is_symlink() and not folder.exists():
        raise UsageError(f"{folder} is a broken link", hint="remove it, or give another folder: -o DIR")
    if not folder.exists():
        return
    if not folder.is_dir():
        raise UsageError(f"{folder} is a file, not a folder", hint="give another place: -o DIR")
    record = read_provenance(folder)
    if record is None and any(folder.iterdir()):
        raise UsageError(
            f"{folder} was not written by webmint", hint="give another folder: -o DIR, or --force"
        )
    known = frozenset(record.files if record else ())
    theirs = changed(folder) + sorted(_in_the_way(folder, paths) - known)
    if theirs:
        raise UsageError(
            f"{folder} holds work that is not webmint's: {', '.join(theirs[:5])}",
            hint="give another folder: -o DIR, or overwrite it: --force",
        )


def _in_the_way(folder: Path, paths: frozenset[str]) -> set[str]:
    """What is there already: at each path, or a file where a folder on the way to it should be."""
    files = {path for path in paths if os.path.lexists(folder / path)}
    parents = {parent for path in paths for parent in PurePosixPath(path).parents}
    return files | {str(parent) for parent in parents if (folder / parent).is_file()}


def write(folder: Path, site: Site, provenance: Provenance, *, force: bool = False) -> None:
    """Put a site into a folder. A new folder appears whole; in an old one each file is replaced at once.

    Raises UsageError for work that is not ours, StorageError where the disk refuses.
    """
    files = site.encoded()
    record = {**asdict(provenance), "files": {path: _digest(data) for path, data in files.items()}}
    content = files | {RECORD: _encoded(record)}
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _alone(folder.parent):
            if not force:
                check(folder, frozenset(files))
            old = read_provenance(folder)
            if folder.exists():
                _replace(folder, content)
                _remove_stale(folder, set(old.files if old else ()) - set(files), old)
            else:
                _create(folder, content)
    except OSError as error:
        raise StorageError(
            f"can't write {error.filename or folder}: {error.strerror or error}",
            hint="the reply is kept; write it elsewhere: webmint resume -o DIR",
        ) from None


@contextmanager
def _alone(parent: Path) -> Iterator[None]:
    """Let other runs that write here wait, so that no folder is a mix of two sites; where the system can lock."""
    if os.name == "nt":
        yield
        return
    import fcntl

    place = os.open(parent, os.O_RDONLY)
    try:
        with suppress(OSError):
            fcntl.flock(place, fcntl.LOCK_EX)
        yield
    finally:
        os.close(place)


def _encoded(record: Mapping[str, Any]) -> bytes:
    """A lone half of a surrogate pair, which has no UTF-8, stays the escape that JSON has for it."""
    return json.dumps(record, indent=2, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"


def _create(folder: Path, content: Mapping[str, bytes]) -> None:
    temporary = Path(tempfile.mkdtemp(prefix=f".{folder.name[:40]}-", dir=folder.parent))
    try:
        for path, data in content.items():
            _put(temporary / path, data)
        temporary.chmod(0o777 & ~_umask())
        temporary.rename(folder)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def _replace(folder: Path, content: Mapping[str, bytes]) -> None:
    for path in content:
        _refuse_links(folder, path)
    for path, data in content.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".webmint-", dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(name).chmod(0o666 & ~_umask())
            Path(name).replace(target)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def _remove_stale(folder: Path, paths: set[str], old: Provenance | None) -> None:
    """Files of the version before that this one does not have, where nobody edited them."""
    for path in paths:
        if old and _digest_of(folder / path) == old.files[path] and not _link_on(folder, path):
            (folder / path).unlink()


def _refuse_links(folder: Path, path: str) -> None:
    if place := _link_on(folder, path):
        raise UsageError(f"{place} is a link; it is not written through", hint="remove it, or give -o DIR")


def _link_on(folder: Path, path: str) -> Path | None:
    """The first link on the way from a folder to a path in it."""
    way = PurePosixPath(path)
    places = (folder / part for part in (*reversed(way.parents), way))
    return next((place for place in places if place != folder and place.is_symlink()), None)


def _put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _digest_of(path: Path) -> str | None:
    """The digest of a file; None where nothing is, "" for what can't be read as a file."""
    try:
        return _digest(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return ""


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
