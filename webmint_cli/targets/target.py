"""What a target is: a name, what it takes, and a stream of the events of a deployment."""

import hashlib
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from webmint_cli.errors import StorageError
from webmint_cli.events import Event

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Asset:
    """A file to publish. `path` is relative with forward slashes, `size` in bytes; content is read when needed."""

    path: str
    size: int
    source: Path | bytes

    def read(self) -> bytes:
        """The content. Raises StorageError where the file is gone or is no longer as it was found."""
        if isinstance(self.source, bytes):
            return self.source
        try:
            data = self.source.read_bytes()
        except OSError as error:
            raise StorageError(
                f"can't read {self.source}: {error.strerror or error}", hint="deploy again when it is there"
            ) from None
        if len(data) != self.size:
            raise StorageError(f"{self.source} changed during the deployment", hint="deploy again")
        return data


@dataclass(frozen=True, slots=True)
class Tree:
    """A site as it will be published.

    `rules` holds `_headers` and `_redirects` of the root, which a host reads and does not serve; `notes` says in
    sentences what was left out.
    """

    assets: tuple[Asset, ...]
    rules: Mapping[str, bytes] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        return sum(asset.size for asset in self.assets)


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a host takes: bytes a file, and files. `rules`: whether it reads `_headers` and `_redirects`."""

    file: int = 25 * MIB
    files: int = 20_000
    rules: bool = False


@dataclass(frozen=True, slots=True)
class Commit:
    """Where in its repository a site stands. `branch` is never "HEAD"."""

    branch: str = ""
    hash: str = ""
    message: str = ""
    is_dirty: bool = False


@dataclass(frozen=True, slots=True)
class Options:
    """How to deploy.

    `production`: asked for by name; else the branch decides, where a host knows branches. `branch`: asked for by
    name, over that of `commit`. `create`: make the project if there is none. `output`: where a local target puts
    the site. `overwrite`: also over files that are not ours. `previous`: path to digest (SHA-256) of the last deployment known
    here. `terms_accepted`: for hosts that ask for it. `verify`: seconds to wait until what is served is right.
    """

    production: bool = False
    branch: str = ""
    commit: Commit | None = None
    create: bool = False
    output: Path | None = None
    overwrite: bool = False
    previous: Mapping[str, str] | None = None
    terms_accepted: bool = False
    verify: float = 60.0


class Target(Protocol):
    """One place where sites are put.

    `deploy` ends with `Deployed`, after what is served was compared with what was sent; `plan` says what it would
    change, with `Planned`, and changes nothing. Both raise TargetRefused, TokenRejected, TargetUnavailable,
    KeyMissing; `deploy` also Unconfirmed. Closing the generator ends what it has open.
    """

    @property
    def name(self) -> str: ...

    @property
    def capacity(self) -> Capacity: ...

    def deploy(self, site: Tree, project: str, options: Options) -> AsyncGenerator[Event, None]: ...

    def plan(self, site: Tree, project: str, options: Options) -> AsyncGenerator[Event, None]: ...


def digest(data: bytes) -> str:
    """The digest by which records of deployments tell contents apart: SHA-256 in hex."""
    return hashlib.sha256(data).hexdigest()
