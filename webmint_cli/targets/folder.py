"""A folder on this machine: each file is replaced at once, and nobody else's work is touched."""

import hashlib
import os
import stat
import time
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath

from webmint_cli.errors import TargetRefused, Unconfirmed, UsageError
from webmint_cli.events import Deployed, Event, Planned, Status
from webmint_cli.targets.concurrency import Work, performed
from webmint_cli.targets.narration import Report, narrated
from webmint_cli.targets.placement import (
    chunks,
    files,
    fingerprint,
    hashed,
    is_inside,
    replaced,
    root,
    unwritable,
)
from webmint_cli.targets.target import Asset, Capacity, Options, Tree

_NAMED = 5


class LocalFolder:
    """The target `folder`."""

    name = "folder"
    capacity = Capacity(file=1 << 40, files=1_000_000, rules=True)

    def deploy(self, site: Tree, project: str, options: Options) -> AsyncGenerator[Event, None]:
        return narrated(partial(self._deploy, site, project, options))

    def plan(self, site: Tree, project: str, options: Options) -> AsyncGenerator[Event, None]:
        return narrated(partial(self._plan, site, project, options))

    async def _deploy(self, site: Tree, project: str, options: Options, report: Report) -> Deployed:
        return await performed(_copied(self.name, site, project, options), report)

    async def _plan(self, site: Tree, project: str, options: Options, report: Report) -> Planned:
        return await performed(_compared(self.name, site, project, options), report)


def target(environment: Mapping[str, str]) -> LocalFolder:  # noqa: ARG001 - nothing about a folder stands there
    return LocalFolder()


def _copied(name: str, site: Tree, project: str, options: Options) -> Work[Deployed]:
    began = time.monotonic()
    place, contents = Place(_output(site, options), options.previous or {}), files(site)
    digests = yield from hashed(contents, done=15)
    found = yield from place.compare(digests)
    found.refuse(overwrite=options.overwrite)
    fresh = [asset for asset in contents if asset.path not in found.unchanged]
    in_the_way = {path for path in found.stale if _collides(path, digests)}
    place.remove(in_the_way)
    for number, asset in enumerate(sorted(fresh, key=_last_the_pages), 1):
        yield from place.put(asset)
        yield Status(f"Copied {number} of {len(fresh)} files", 30 + 50 * number // len(fresh), "upload")
    place.remove(set(found.stale) - in_the_way)
    yield from place.confirm(digests)
    return Deployed(
        url=str(place.folder),
        deployment_id=fingerprint(digests),
        project_name=project,
        target=name,
        environment="production",
        seconds=round(time.monotonic() - began, 3),
        uploaded=len(fresh),
        unchanged=len(found.unchanged),
        verified=len(contents),
    )


def _compared(name: str, site: Tree, project: str, options: Options) -> Work[Planned]:
    place, contents = Place(_output(site, options), options.previous or {}), files(site)
    digests = yield from hashed(contents, done=50)
    found = yield from place.compare(digests)
    found.refuse(overwrite=options.overwrite)
    return Planned(
        target=name,
        project_name=project,
        environment="production",
        new=tuple(found.new),
        changed=tuple(sorted(found.changed + found.foreign)),
        unchanged=tuple(found.unchanged),
        removed=tuple(found.stale),
        upload_bytes=sum(asset.size for asset in contents if asset.path not in found.unchanged),
        creates_project=not place.folder.exists(),
    )


def _output(site: Tree, options: Options) -> Path:
    """Where the site goes: nowhere that is part of it."""
    if options.output is None:
        raise UsageError("the target folder needs a place", hint="say where: -o DIR")
    output, source = options.output.absolute(), root(site)
    if source and output.resolve().is_relative_to(source):
        raise UsageError(f"{output} lies in the site itself", hint="give a folder outside of it: -o DIR")
    if os.path.lexists(output) and not output.is_dir():
        raise UsageError(f"{output} is not a folder", hint="give another place: -o DIR")
    return Path(os.path.normpath(output))


@dataclass(slots=True)
class Difference:
    """What a place has, against what it is to have.

    `foreign` are files with another content that we did not write, `stale` ours that the site has no longer,
    `blocked` what can't be written over at all: links on the way, and files where folders go or the reverse.
    """

    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)

    def refuse(self, *, overwrite: bool) -> None:
        """Raise TargetRefused, naming what is in the way."""
        if self.blocked:
            raise TargetRefused(
                f"links, or folders and files, are in the way: {_listed(self.blocked)}",
                code="in_the_way",
                hint="remove them, or give another folder: -o DIR",
            )
        if self.foreign and not overwrite:
            raise TargetRefused(
                f"the folder has files that this site did not put there: {_listed(self.foreign)}",
                code="not_ours",
                hint="give another folder: -o DIR, or replace them: --allow overwrite",
            )


class Place:
    """A folder that has a deployment, or will. `previous` is what was put there last: path to SHA-256."""

    def __init__(self, folder: Path, previous: Mapping[str, str]) -> None:
        self.folder = folder
        self._previous = {path: digest for path, digest in previous.items() if is_inside(path)}

    def compare(self, digests: Mapping[str, str]) -> Work[Difference]:
        found = Difference(stale=sorted(self._stale(digests)))
        found.blocked = sorted(set(self._blocked(digests, set(found.stale))))
        for number, (path, digest) in enumerate(sorted(digests.items()), 1):
            getattr(found, self._kind(path, digest)).append(path)
            yield Status(
                f"Compared {number} of {len(digests)} files", 15 + 15 * number // len(digests), "check"
            )
        return found

    def put(self, asset: Asset) -> Work[None]:
        with replaced(self.folder / asset.path) as file:
            for chunk in chunks(asset):
                file.write(chunk)
                yield Status(f"Copying {asset.path}", 0, "upload")

    def remove(self, paths: Iterable[str]) -> None:
        """Take files away, and the folders that are empty then."""
        for path in paths:
            try:
                (self.folder / path).unlink(missing_ok=True)
            except OSError as error:
                raise unwritable(self.folder / path, error) from None
            with suppress(OSError):
                for parent in list(PurePosixPath(path).parents)[:-1]:
                    (self.folder / parent).rmdir()

    def confirm(self, digests: Mapping[str, str]) -> Work[None]:
        """Read all of it back. Raises Unconfirmed, naming what differs."""
        wrong = []
        for number, (path, digest) in enumerate(digests.items(), 1):
            if self._digest(path) != digest:
                wrong.append(path)
            yield Status(
                f"Read back {number} of {len(digests)} files", 80 + 19 * number // len(digests), "verify"
            )
        if wrong:
            raise Unconfirmed(
                f"copied to {self.folder}, but {len(wrong)} of {len(digests)} files differ: {_listed(wrong)}",
                hint="something else writes there; deploy again",
            )

    def _kind(self, path: str, digest: str) -> str:
        there = self._digest(path)
        # A folder that is still there at this point holds nothing but what goes away.
        if there is None or stat.S_ISDIR(self._mode(path)):
            return "new"
        if there == digest:
            return "unchanged"
        return "changed" if there == self._previous.get(path) else "foreign"

    def _stale(self, digests: Mapping[str, str]) -> Iterable[str]:
        for path, digest in self._previous.items():
            if path not in digests and self._digest(path) == digest:
                yield path

    def _blocked(self, digests: Iterable[str], stale: set[str]) -> Iterable[str]:
        parents = {str(parent) for path in digests for parent in list(PurePosixPath(path).parents)[:-1]}
        for path in parents:
            if not stat.S_ISDIR(self._mode(path) or stat.S_IFDIR) and path not in stale:
                yield path
        for path in digests:
            if stat.S_ISDIR(self._mode(path)) and not self._empties(path, stale):
                yield path

    def _empties(self, path: str, stale: set[str]) -> bool:
        """Whether a folder holds nothing but what will be removed."""
        return all(
            str((Path(top) / name).relative_to(self.folder).as_posix()) in stale
            for top, folders, names in os.walk(self.folder / path)
            for name in [*names, *(each for each in folders if (Path(top) / each).is_symlink())]
        )

    def _mode(self, path: str) -> int:
        """What kind of thing is at a path, links not followed; 0 for nothing."""
        try:
            return (self.folder / path).lstat().st_mode
        except OSError:
            return 0

    def _digest(self, path: str) -> str | None:
        """The digest of a file; None where nothing is, "" for what is no file of this folder."""
        mode = self._mode(path)
        if not mode:
            return None
        way = list(PurePosixPath(path).parents)[:-1]
        if not stat.S_ISREG(mode) or any(stat.S_ISLNK(self._mode(str(parent))) for parent in way):
            return ""
        try:
            with (self.folder / path).open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            return ""


def _last_the_pages(asset: Asset) -> tuple[bool, bool, str]:
    """What pages need comes before them, and the front page last."""
    return asset.path.endswith(".html"), asset.path == "index.html", asset.path


def _collides(path: str, digests: Mapping[str, str]) -> bool:
    """Whether a file must go before the site's can come: it is where a folder goes, or below where a file goes."""
    above = {str(parent) for parent in PurePosixPath(path).parents}
    return bool(above & digests.keys()) or any(other.startswith(f"{path}/") for other in digests)


def _listed(paths: list[str]) -> str:
    more = f" and {len(paths) - _NAMED} more" if len(paths) > _NAMED else ""
    return ", ".join(paths[:_NAMED]) + more
