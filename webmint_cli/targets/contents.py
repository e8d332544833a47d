"""A site by the digests of its files, for hosts that store each content once and ask for what they lack."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Self

from webmint_cli.errors import StorageError
from webmint_cli.events import Planned
from webmint_cli.targets.narration import Report
from webmint_cli.targets.target import Asset, Tree


def sha1(data: bytes) -> str:
    """How Netlify and Vercel name a content."""
    return hashlib.sha1(data, usedforsecurity=False).hexdigest()


class Contents:
    """`digests` maps each path to the digest of its content; `assets` each digest to a file that has it."""

    def __init__(self, site: Tree, digest: Callable[[bytes], str]) -> None:
        rules = (Asset(path, len(data), data) for path, data in sorted(site.rules.items()))
        self.files = (*site.assets, *rules)
        self.digests = {asset.path: digest(asset.read()) for asset in self.files}
        self.assets = {self.digests[asset.path]: asset for asset in reversed(self.files)}
        self._digest = digest

    @classmethod
    async def of(cls, site: Tree, digest: Callable[[bytes], str] = sha1) -> Self:
        """Of a site with its rules. Raises StorageError."""
        return await asyncio.to_thread(cls, site, digest)

    def read(self, key: str) -> bytes:
        """The content of that digest. Raises StorageError if the file is no longer what it was."""
        data = self.assets[key].read()
        if self._digest(data) != key:
            raise StorageError(f"{self.assets[key].path} changed during the deployment", hint="deploy again")
        return data

    async def send(
        self,
        wanted: Iterable[str],
        put: Callable[[str, Asset, bytes], Awaitable[object]],
        report: Report,
        *,
        at_once: int,
    ) -> int:
        """Upload the wanted digests that are ours, each once, some at once; how many."""
        ours = [key for key in dict.fromkeys(wanted) if key in self.assets]
        places, sent = asyncio.Semaphore(at_once), Counter[str]()

        async def send_one(key: str) -> None:
            async with places:
                await put(key, self.assets[key], await asyncio.to_thread(self.read, key))
            sent["files"] += 1
            report.say(
                f"Uploaded {sent['files']} of {len(ours)} files",
                20 + 50 * sent["files"] // len(ours),
                "upload",
            )

        try:
            async with asyncio.TaskGroup() as group:
                for key in ours:
                    group.create_task(send_one(key))
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None
        return len(ours)

    def planned(
        self,
        before: Mapping[str, str] | None,
        *,
        target: str,
        project: str,
        environment: str,
        creates_project: bool = False,
    ) -> Planned:
        """What would change against the digests that are there (`before`: path to digest, None if nobody knows)."""
        known = before or {}
        kinds: dict[str, list[str]] = {"new": [], "changed": [], "unchanged": []}
        for path, key in sorted(self.digests.items()):
            kinds["new" if path not in known else "unchanged" if known[path] == key else "changed"].append(
                path
            )
        lacking = set(self.digests.values()) - set(known.values())
        return Planned(
            target=target,
            project_name=project,
            environment=environment,
            new=tuple(kinds["new"]),
            changed=tuple(kinds["changed"]),
            unchanged=tuple(kinds["unchanged"]),
            removed=None if before is None else tuple(sorted(set(before) - set(self.digests))),
            upload_bytes=sum(self.assets[key].size for key in lacking),
            creates_project=creates_project,
        )
