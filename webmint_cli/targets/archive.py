"""A zip file: the same site gives the same bytes, so that archives can be told apart by their digest.

Names are sorted, dates are 1980-01-01, modes 0644, and there are no extra fields; compression is zlib's default.
"""

import hashlib
import os
import time
from collections.abc import AsyncGenerator, Mapping
from functools import partial
from pathlib import Path
from zipfile import ZIP_DEFLATED, BadZipFile, ZipFile, ZipInfo
from zlib import error as ZlibError  # noqa: N812 - it is an exception

from webmint_cli.errors import StorageError, TargetRefused, Unconfirmed, UsageError
from webmint_cli.events import Deployed, Event, Planned, Status
from webmint_cli.targets.concurrency import Work, performed
from webmint_cli.targets.narration import Report, narrated
from webmint_cli.targets.placement import CHUNK, chunks, files, hashed, named, replaced, root
from webmint_cli.targets.target import Asset, Capacity, Options, Tree

_COMMENT = b"webmint"
_UNIX = 3
_MODE = 0o100644
_NAMED = 5
_UNREADABLE = (BadZipFile, ZlibError, EOFError, NotImplementedError, RuntimeError)


class Archive:
    """The target `zip`."""

    name = "zip"
    capacity = Capacity(file=1 << 40, files=1_000_000, rules=True)

    def deploy(self, site: Tree, project: str, options: Options) -> AsyncGenerator[Event, None]:
        return narrated(partial(self._deploy, site, project, options))

    def plan(self, site: Tree, project: str, options: Options) -> AsyncGenerator[Event, None]:
        return narrated(partial(self._plan, site, project, options))

    async def _deploy(self, site: Tree, project: str, options: Options, report: Report) -> Deployed:
        return await performed(_packed(self.name, site, project, options), report)

    async def _plan(self, site: Tree, project: str, options: Options, report: Report) -> Planned:
        return await performed(_compared(self.name, site, project, options), report)


def target(environment: Mapping[str, str]) -> Archive:  # noqa: ARG001 - nothing about a zip file stands there
    return Archive()


def _packed(name: str, site: Tree, project: str, options: Options) -> Work[Deployed]:
    began = time.monotonic()
    place, contents = _output(site, project, options), files(site)
    digests = yield from hashed(contents, done=20)
    yield from _write(place, contents)
    digest = yield from _confirm(place, digests)
    return Deployed(
        url=str(place),
        deployment_id=digest,
        project_name=project,
        target=name,
        environment="production",
        seconds=round(time.monotonic() - began, 3),
        uploaded=len(contents),
        verified=len(contents),
    )


def _compared(name: str, site: Tree, project: str, options: Options) -> Work[Planned]:
    place, contents = _output(site, project, options), files(site)
    digests = yield from hashed(contents, done=50)
    before = (yield from _read(place, start=50)) if _is_ours(place) else {}
    kinds = {path: _kind(before.get(path), digest) for path, digest in digests.items()}
    new, changed, unchanged = (
        tuple(path for path, kind in kinds.items() if kind == wanted)
        for wanted in ("new", "changed", "unchanged")
    )
    return Planned(
        target=name,
        project_name=project,
        environment="production",
        new=new,
        changed=changed,
        unchanged=unchanged,
        removed=tuple(sorted(before.keys() - digests.keys())),
        upload_bytes=site.size,
        creates_project=not place.exists(),
    )


def _kind(before: str | None, now: str) -> str:
    return "new" if before is None else "unchanged" if before == now else "changed"


def _output(site: Tree, project: str, options: Options) -> Path:
    """Where the archive goes. Raises UsageError where it can't be, TargetRefused over a file that is not ours."""
    place = Path(os.path.normpath((options.output or Path(f"{project or 'site'}.zip")).absolute()))
    source = root(site)
    if source and place.resolve().is_relative_to(source):
        raise UsageError(f"{place} would be part of the site", hint=f"put it elsewhere: -o ../{place.name}")
    if place.is_dir():
        raise UsageError(f"{place} is a folder", hint=f"name a file: -o {place / 'site.zip'}")
    if os.path.lexists(place) and not _is_ours(place) and not options.overwrite:
        raise TargetRefused(
            f"{place} is not an archive of webmint's",
            code="not_ours",
            hint="give another place: -o FILE.zip, or replace it: --allow overwrite",
        )
    return place


def _is_ours(place: Path) -> bool:
    try:
        with ZipFile(place) as archive:
            return archive.comment == _COMMENT and not place.is_symlink()
    except (OSError, *_UNREADABLE):
        return False


def _write(place: Path, contents: tuple[Asset, ...]) -> Work[None]:
    total, done = sum(asset.size for asset in contents) or 1, 0
    with replaced(place) as file, ZipFile(file, "w") as archive:
        archive.comment = _COMMENT
        for asset in contents:
            with archive.open(_entry(asset), "w") as entry:
                for chunk in chunks(asset):
                    entry.write(chunk)
                    done += len(chunk)
                    yield Status(f"Packing {asset.path}", 20 + 40 * done // total, "write")


def _entry(asset: Asset) -> ZipInfo:
    entry = ZipInfo(named(asset.path), (1980, 1, 1, 0, 0, 0))
    entry.compress_type = ZIP_DEFLATED
    entry.create_system = _UNIX
    entry.external_attr = _MODE << 16
    # Decides whether the 64-bit fields are needed.
    entry.file_size = asset.size
    return entry


def _confirm(place: Path, digests: Mapping[str, str]) -> Work[str]:
    """The digest of the archive, whose entries are those of the site. Raises Unconfirmed, naming what differs."""
    try:
        found = yield from _read(place, start=60)
    except StorageError as error:
        raise Unconfirmed(f"written, but not confirmed: {error.message}", hint=error.hint) from None
    if found != digests:
        wrong = sorted(path for path, _ in found.items() ^ digests.items())
        raise Unconfirmed(
            f"{place} was written, but differs from the site: {', '.join(dict.fromkeys(wrong[:_NAMED]))}",
            hint="something else writes there; deploy again",
        )
    with place.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _read(place: Path, *, start: int) -> Work[dict[str, str]]:
    """Each entry with the SHA-256 of its content. Raises StorageError for what can't be read."""
    digests = {}
    try:
        with ZipFile(place) as archive:
            for number, entry in enumerate(entries := archive.infolist(), 1):
                digest = hashlib.sha256()
                with archive.open(entry) as stream:
                    while chunk := stream.read(CHUNK):
                        digest.update(chunk)
                        yield Status(f"Reading {place.name} back", start, "verify")
                digests[entry.filename] = digest.hexdigest()
                yield Status(
                    f"Read back {number} of {len(entries)} files",
                    start + 39 * number // len(entries),
                    "verify",
                )
    except (OSError, *_UNREADABLE) as error:
        raise StorageError(f"can't read {place}: {error}", hint="remove it, and deploy again") from None
    return digests
