"""One deployment of a Vercel project, from the request to its being live."""

import asyncio
import secrets
import time
from base64 import b64encode
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from webmint_cli.errors import TargetRefused, TargetUnavailable, Unconfirmed, WebMintError
from webmint_cli.targets.api import made_once
from webmint_cli.targets.contents import Contents
from webmint_cli.targets.target import MIB, Asset, Options
from webmint_cli.targets.vercel_account import Account
from webmint_cli.targets.vercel_answers import MissingFiles, is_live, served_at

_AT_ONCE = 10
_ROUNDS = 3
_MODE = 0o100644
_INLINE_FILES = 10
_INLINE_BYTES = 5 * MIB
_INLINE = (".html", ".htm", ".md")
_LIVE_WITHIN = 1200.0
_SPEAKS_EACH = 20


class Publication:
    """One deployment of a project, from the request to its being live."""

    def __init__(
        self, account: Account, project: Mapping[str, Any], contents: Contents, options: Options
    ) -> None:
        self._account = account
        self._project = project
        self._contents = contents
        self._mark = secrets.token_hex(8)
        self._data = {
            "name": project["name"],
            "project": project["id"],
            "version": 2,
            "meta": {"webmint": self._mark},
            **({"target": "production"} if environment_of(options) == "production" else {}),
            **_git(options),
            **_files(contents),
        }

    async def made(self) -> tuple[dict[str, Any], int]:
        """The deployment, and how many contents were sent for it."""
        uploaded = 0
        for _ in range(_ROUNDS):
            try:
                made = await made_once(self._make, self._find, self._account.patience)
            except MissingFiles as lacking:
                send = self._contents.send(lacking.missing, self._put, self._account.report, at_once=_AT_ONCE)
                uploaded += await send
            else:
                return dict(made), uploaded
        raise TargetUnavailable("Vercel goes on asking for the same files", hint="deploy again in a while")

    async def _make(self) -> Any:
        self._account.report.say("Asking for the deployment", phase="publish")
        # Without forceNew an earlier deployment of the same files would stand in for this one.
        params = {"forceNew": "1", "skipAutoDetectionConfirmation": "1"}
        return await self._account.ask("POST", "/v13/deployments", data=self._data, params=params, once=True)

    async def _find(self) -> Any:
        params = {"projectId": self._project["id"], "limit": 20}
        listed = (await self._account.ask("GET", "/v6/deployments", params=params) or {}).get(
            "deployments"
        ) or []
        ours = (each["uid"] for each in listed if (each.get("meta") or {}).get("webmint") == self._mark)
        uid = next(ours, None)
        return await self._account.ask("GET", f"/v13/deployments/{uid}") if uid else None

    async def _put(self, key: str, asset: Asset, data: bytes) -> None:
        headers = {
            "Content-Type": "application/octet-stream",
            "x-now-digest": key,
            "x-now-size": str(asset.size),
        }
        await self._account.ask("POST", "/v2/files", body=data, headers=headers)

    async def live(self, deployment: dict[str, Any]) -> dict[str, Any]:
        """The deployment once it is ready and has its aliases. Raises TargetRefused, Unconfirmed."""
        path = f"/v13/deployments/{deployment['id']}"
        self._account.report.say("Waiting until the deployment is live", 75, "publish")
        try:
            return await self._wait(path, deployment)
        except asyncio.CancelledError:
            with suppress(WebMintError, TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._account.ask("PATCH", f"/v12/deployments/{deployment['id']}/cancel")
            raise

    async def _wait(self, path: str, deployment: dict[str, Any]) -> dict[str, Any]:
        began, polls = time.monotonic(), 0
        while not is_live(deployment):
            waited = time.monotonic() - began
            if waited > _LIVE_WITHIN:
                raise _unconfirmed(deployment, f"Vercel is still at {deployment.get('readyState')}")
            await asyncio.sleep(self._account.patience.backoff * _pause(waited))
            state, polls = deployment.get("readyState"), polls + 1
            try:
                deployment = deployment | (await self._account.ask("GET", path) or {})
            except TargetRefused as error:
                raise _unconfirmed(deployment, error.message) from None
            if deployment.get("readyState") != state or polls % _SPEAKS_EACH == 0:
                self._account.report.say(f"Vercel: {str(deployment.get('readyState')).lower()}")
        return deployment


def environment_of(options: Options) -> str:
    branch = options.branch or (options.commit.branch if options.commit else "")
    return "production" if options.production or not branch else "preview"


def _git(options: Options) -> dict[str, Any]:
    commit = options.commit
    branch = options.branch or (commit.branch if commit else "")
    said = {
        "commitRef": branch,
        "commitSha": commit.hash if commit else "",
        "commitMessage": commit.message if commit else "",
    }
    known: dict[str, Any] = {name: value for name, value in said.items() if value}
    return {"gitMetadata": known | {"dirty": commit.is_dirty if commit else False}} if known else {}


def _files(contents: Contents) -> dict[str, Any]:
    """The files of a request. Few small pages go within it, and are live at once."""
    if _is_instant(contents):
        inline = [
            {
                "file": asset.path,
                "data": b64encode(asset.read()).decode(),
                "encoding": "base64",
                "mode": _MODE,
            }
            for asset in contents.files
        ]
        return {"files": inline, "projectSettings": {"framework": None}}
    listed = [
        {"file": asset.path, "sha": contents.digests[asset.path], "size": asset.size, "mode": _MODE}
        for asset in contents.files
    ]
    # No guessing at a framework, a public/ or an api/ folder: every file is served where it is.
    return {"files": listed, "builds": [{"src": "**", "use": "@vercel/static"}]}


def _is_instant(contents: Contents) -> bool:
    paths = [asset.path.lower() for asset in contents.files]
    small = len(paths) <= _INLINE_FILES and sum(asset.size for asset in contents.files) <= _INLINE_BYTES
    return small and all(path.endswith(_INLINE) and not path.startswith("public/") for path in paths)


def _pause(waited: float) -> float:
    """Seconds between polls, as the vercel CLI takes them."""
    return next((pause for within, pause in ((15, 1), (60, 5), (300, 15)) if waited <= within), 30)


def _unconfirmed(deployment: Mapping[str, Any], why: str) -> Unconfirmed:
    return Unconfirmed(
        f"published as {deployment.get('id')}, but not confirmed: {why}",
        hint=f"look at {deployment.get('inspectorUrl') or served_at(str(deployment.get('url')))}",
    )
