"""A site's files as targets on this machine handle them: named, read in pieces, and put in place at once."""

import hashlib
import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from os import fsencode
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

from webmint_cli.errors import NotDeployable, StorageError
from webmint_cli.events import Status
from webmint_cli.targets.concurrency import Work
from webmint_cli.targets.target import Asset, Tree

# Divisible by three, so that pieces can be put into Base64 one by one.
CHUNK = 3 << 16


def files(site: Tree) -> tuple[Asset, ...]:
    """All files by path; `_headers` and `_redirects` too. Raises NotDeployable for a path that leads out of the site."""
    rules = (Asset(name, len(data), data) for name, data in site.rules.items())
    listed = tuple(sorted((*site.assets, *rules), key=lambda asset: asset.path))
    if astray := [asset.path for asset in listed if not is_inside(asset.path)]:
        raise NotDeployable(f"{astray[0]!r} leads out of the site", hint="give the file another name")
    return listed


def is_inside(path: str) -> bool:
    """Whether a relative path stays below where it starts."""
    return not {"", ".", ".."} & set(path.split("/"))


def named(path: str) -> str:
    """The path, if others can read it. Raises NotDeployable for a name that is no text."""
    try:
        path.encode()
    except UnicodeEncodeError:
        raise NotDeployable(f"the name {path!r} is not UTF-8", hint="give the file another name") from None
    return path


def root(site: Tree) -> Path | None:
    """The folder that the site was read from; None if it was made in memory."""
    for asset in site.assets:
        if isinstance(asset.source, Path) and asset.source.as_posix().endswith(f"/{asset.path}"):
            return asset.source.parents[asset.path.count("/")].resolve()
    return None


def chunks(asset: Asset) -> Iterator[bytes]:
    """The content in pieces of CHUNK bytes. Raises StorageError where it is gone, or no longer as it was found."""
    size = 0
    try:
        with (
            io.BytesIO(asset.source) if isinstance(asset.source, bytes) else asset.source.open("rb")
        ) as stream:
            while chunk := stream.read(CHUNK):
                size += len(chunk)
                yield chunk
    except OSError as error:
        raise StorageError(
            f"can't read {asset.source!s}: {error.strerror or error}", hint="deploy again when it is there"
        ) from None
    if size != asset.size:
        raise StorageError(f"{asset.path} changed during the deployment", hint="deploy again")


def hashed(contents: tuple[Asset, ...], *, done: int) -> Work[dict[str, str]]:
    """Each path with the SHA-256 of its content. `done`: the progress when all are."""
    digests = {}
    for number, asset in enumerate(contents, 1):
        digest = hashlib.sha256()
        for chunk in chunks(asset):
            digest.update(chunk)
            yield Status(f"Hashing {number} of {len(contents)} files", done * number // len(contents), "hash")
        digests[asset.path] = digest.hexdigest()
    return digests


def fingerprint(digests: Mapping[str, str]) -> str:
    """One digest for a whole site: the same for the same names and contents."""
    lines = (fsencode(path) + b"\0" + digests[path].encode() + b"\n" for path in sorted(digests))
    return hashlib.sha256(b"".join(lines)).hexdigest()[:32]


@contextmanager
def replaced(place: Path) -> Iterator[BinaryIO]:
    """A file that is in its place, whole, when the block ends well, and nowhere when it does not.

    Raises StorageError where the disk refuses.
    """
    temporary = place.with_name(f".webmint-{token_hex(8)}")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as file:
            yield file
        temporary.replace(place)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            raise unwritable(place, error) from None
        raise


def unwritable(place: Path, error: OSError) -> StorageError:
    return StorageError(
        f"can't write {place}: {error.strerror or error}", hint="make room there, or give another place: -o"
    )
