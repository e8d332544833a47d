"""A deployment of a Pages project: published once, and followed until the host says that it is live."""

import asyncio
import json
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from webmint_cli.errors import TargetRefused, TargetUnavailable, Unconfirmed, WebMintError
from webmint_cli.targets.api import made_once
from webmint_cli.targets.cloudflare.account import Cloudflare
from webmint_cli.targets.narration import Report
from webmint_cli.targets.target import Commit, Options

_MESSAGE_BYTES = 384
_SKEW = 5
_PAUSES = (0.1, 0.4, 1.0, 2.0, 4.0, 8.0)
_LIVE_WITHIN = 300.0


class Publication:
    """One deployment of a project, from its files' hashes to "it is live"."""

    def __init__(self, cloudflare: Cloudflare, path: str, project: Mapping[str, Any], report: Report) -> None:
        self._cloudflare = cloudflare
        self._path = path
        self._production = str(project.get("production_branch") or "main")
        self._before = {
            (project.get(name) or {}).get("id") for name in ("latest_deployment", "canonical_deployment")
        }
        self._report = report
        self.environment = "production"

    def branch(self, options: Options) -> str:
        """The branch that a deployment is of; "" leaves it to the host, which takes it for production."""
        if options.production:
            return self._production
        return options.branch or (options.commit.branch if options.commit else "")

    def environment_of(self, branch: str) -> str:
        return "production" if branch in ("", self._production) else "preview"

    async def latest(self, branch: str) -> str:
        """Where the last deployment of a branch is served; "" if there was none."""
        for deployment in await self._listed():
            if _is_live(deployment) and _branch_of(deployment) == (branch or self._production):
                return str(deployment.get("url") or "")
        return ""

    async def publish(
        self, hashes: Mapping[str, str], rules: Mapping[str, bytes], options: Options
    ) -> dict[str, Any]:
        """The deployment when it is live. Raises TargetRefused if a stage fails, Unconfirmed if it never ends."""
        branch = self.branch(options)
        self.environment = self.environment_of(branch)
        kind = "to production" if self.environment == "production" else f"a preview of {branch}"
        self._report.say(f"Publishing {kind}", 72, "publish")
        fields = _fields(hashes, rules, branch, options.commit)
        created = await self._create(fields, branch or self._production)
        try:
            return await self._wait(created)
        except TargetUnavailable as error:
            raise _unconfirmed(created, error.message) from None

    async def _create(self, fields: list[Any], branch: str) -> dict[str, Any]:
        """Publish once: after a failure that leaves it open, the host is asked whether it happened."""
        since = int(self._cloudflare.api.date or time.time() - _SKEW)

        async def make() -> Any:
            return await self._cloudflare.ask("POST", f"{self._path}/deployments", files=fields, once=True)

        async def find() -> Any:
            self._report.say("No clear answer; asking whether it was published")
            return await self._find(since, branch)

        return dict(await made_once(make, find, self._cloudflare.api.patience))

    async def _find(self, since: int, branch: str) -> dict[str, Any] | None:
        """The deployment of this branch that was made since then (seconds by the host's clock)."""
        mine = (made for made in await self._listed() if _branch_of(made) == branch)
        return next(
            (made for made in mine if _created(made) >= since and made.get("id") not in self._before), None
        )

    async def _listed(self) -> list[dict[str, Any]]:
        """The latest deployments, newest first."""
        return await self._cloudflare.ask("GET", f"{self._path}/deployments", params={"per_page": 25}) or []

    async def _wait(self, deployment: dict[str, Any]) -> dict[str, Any]:
        loop = asyncio.get_running_loop()
        deadline, number = loop.time() + _LIVE_WITHIN, 0
        path = f"{self._path}/deployments/{deployment['id']}"
        while not _is_live(deployment):
            stage = _stage(deployment)
            if stage.get("status") in ("failure", "canceled"):
                raise await self._stage_failed(path, stage)
            if loop.time() > deadline:
                raise _unconfirmed(deployment, f"Cloudflare is still at stage {stage.get('name')!r}")
            await asyncio.sleep(_PAUSES[min(number, len(_PAUSES) - 1)])
            self._report.say(f"Waiting until it is live ({stage.get('name') or 'queued'})", 78)
            deployment, number = {**deployment, **(await self._cloudflare.ask("GET", path) or {})}, number + 1
        return deployment

    async def _stage_failed(self, path: str, stage: Mapping[str, Any]) -> TargetRefused:
        """The failure in the words of the host's log, where it has some."""
        try:
            log = await self._cloudflare.ask("GET", f"{path}/history/logs", params={"size": 10_000_000})
            lines = [str(entry["line"]) for entry in log["data"]]
        except (WebMintError, KeyError, TypeError):
            lines = []
        said = f": {lines[-1]}" if lines else ""
        return TargetRefused(
            f"Cloudflare failed at stage {stage.get('name')!r}{said}",
            code="stage_failed",
            hint="deploy again; the log is in the project's dashboard",
        )


def _unconfirmed(deployment: Mapping[str, Any], why: str) -> Unconfirmed:
    return Unconfirmed(
        f"published as {deployment.get('id')}, but not confirmed: {why}",
        hint=f"look at {deployment.get('url')} or: webmint deployments list",
    )


def _fields(
    hashes: Mapping[str, str], rules: Mapping[str, bytes], branch: str, commit: Commit | None
) -> list[tuple[str, tuple[str | None, str | bytes] | tuple[str, bytes, str]]]:
    """The form of a deployment, in wrangler's order."""
    manifest = {f"/{path}": key for path, key in hashes.items()}
    texts = {"manifest": json.dumps(manifest, ensure_ascii=False, separators=(",", ":"))}
    if branch:
        texts["branch"] = branch
    if commit and commit.message:
        texts["commit_message"] = _crlf(shortened(commit.message))
    if commit and commit.hash:
        texts |= {"commit_hash": commit.hash, "commit_dirty": str(commit.is_dirty).lower()}
    files = [(name, (name, data, "application/octet-stream")) for name, data in sorted(rules.items()) if data]
    return [*((name, (None, text)) for name, text in texts.items()), *files]


def shortened(message: str) -> str:
    """A commit's message in at most 384 bytes of UTF-8, no character cut."""
    return message.encode("utf-8", "replace")[:_MESSAGE_BYTES].decode("utf-8", "ignore")


def _crlf(text: str) -> str:
    """Line ends as a form has them (HTML Standard, multipart/form-data encoding)."""
    return "\r\n".join(text.splitlines()) if "\n" in text or "\r" in text else text


def _stage(deployment: Mapping[str, Any]) -> Mapping[str, Any]:
    return deployment.get("latest_stage") or {}


def _is_live(deployment: Mapping[str, Any]) -> bool:
    stage = _stage(deployment)
    return stage.get("name") == "deploy" and stage.get("status") == "success"


def _branch_of(deployment: Mapping[str, Any]) -> str:
    trigger = deployment.get("deployment_trigger") or {}
    return str((trigger.get("metadata") or {}).get("branch") or "")


def _created(deployment: Mapping[str, Any]) -> float:
    try:
        return datetime.fromisoformat(str(deployment.get("created_on"))).timestamp()
    except ValueError:
        return 0.0
