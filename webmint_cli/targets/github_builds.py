"""GitHub Pages as a service of a repository: whether it is on, what it publishes, and whether that is built.

https://docs.github.com/en/rest/pages/pages
"""

import asyncio
from typing import Any

from webmint_cli.errors import TargetRefused, Unconfirmed
from webmint_cli.targets.api import Patience
from webmint_cli.targets.github_repository import BRANCH, Conflict, NotFound, Repository
from webmint_cli.targets.narration import Report

_BUILT_WITHIN = 600.0
_LONGEST_PAUSE = 8
_UNASKED = 4


class Pages:
    """The site that GitHub makes of a repository's branch. `enabled` is known after `check`."""

    def __init__(self, repository: Repository, patience: Patience, report: Report) -> None:
        self.repository = repository
        self.enabled = False
        self._patience = patience
        self._report = report

    async def check(self, *, create: bool) -> None:
        """Raise TargetRefused if the repository has no Pages, and none may be made, or they come from elsewhere."""
        self._report.say(f"Asking GitHub for {self.repository.name}", 2, "connect")
        await self.repository.check()
        found = await self._found()
        self.enabled = bool(found)
        if not found and not create:
            raise TargetRefused(
                f"GitHub Pages is not enabled for {self.repository.name}",
                code="pages_not_enabled",
                hint=f"enable it: webmint deploy --to github-pages --project {self.repository.name} --create",
            )
        source = found.get("source") or {}
        if found and (found.get("build_type") == "workflow" or source.get("branch") != BRANCH):
            raise TargetRefused(
                f"the Pages of {self.repository.name} do not come from the branch {BRANCH}",
                code="pages_source",
                hint=f"choose 'Deploy from a branch', {BRANCH}, / (root) under Settings, Pages of the repository",
            )

    async def built(self, commit: str) -> str:
        """The site's address, when GitHub says that it is made of this commit. Raises TargetRefused if that failed."""
        if not self.enabled:
            await self._enable()
        loop = asyncio.get_running_loop()
        deadline, number = loop.time() + _BUILT_WITHIN, 0
        while not await self._is_built(commit):
            number += 1
            if loop.time() > deadline:
                raise unconfirmed(commit, "GitHub has not built it")
            if number == _UNASKED and not await self._is_known(commit):
                # What a workflow's own token commits is not built by itself.
                self._report.say("Asking GitHub to build it")
                await self.repository.call("POST", "/pages/builds")
            await asyncio.sleep(self._patience.backoff * min(2 ** (number - 1), _LONGEST_PAUSE))
        return str((await self._found())["html_url"])

    async def _enable(self) -> None:
        self._report.say("Enabling GitHub Pages", 72, "publish")
        data = {"build_type": "legacy", "source": {"branch": BRANCH, "path": "/"}}
        try:
            await self.repository.call("POST", "/pages", data=data)
        except Conflict:
            # By the request before it, whose answer was lost, or by GitHub when it saw the branch.
            if not await self._found():
                raise

    async def _is_built(self, commit: str) -> bool:
        build = await self._latest()
        status = build.get("status") or "queued"
        if build.get("commit") != commit:
            self._report.say("Waiting for GitHub to build it", 75, "publish")
            return False
        if status == "errored":
            said = (build.get("error") or {}).get("message") or "no reason given"
            raise TargetRefused(
                f"GitHub failed to build the site: {said}",
                code="build_failed",
                hint="mend that, and deploy again",
            )
        self._report.say(f"Waiting until it is live ({status})", 78, "publish")
        return bool(status == "built")

    async def _is_known(self, commit: str) -> bool:
        return (await self._latest()).get("commit") == commit

    async def _latest(self) -> dict[str, Any]:
        try:
            return await self.repository.call("GET", "/pages/builds/latest") or {}
        except NotFound:
            return {}

    async def _found(self) -> dict[str, Any]:
        try:
            return await self.repository.call("GET", "/pages") or {}
        except NotFound:
            return {}


def unconfirmed(commit: str, why: str) -> Unconfirmed:
    return Unconfirmed(
        f"published as {commit[:12]}, but not confirmed: {why}",
        hint="deploy again in a while; nothing is sent twice",
    )
