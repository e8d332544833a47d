"""A deploy at Netlify from the list of what it lacks until it is live."""

import asyncio
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from webmint_cli.answers import scrubbed
from webmint_cli.errors import TargetRefused, Unconfirmed, WebMintError
from webmint_cli.targets.api import Api
from webmint_cli.targets.contents import Contents
from webmint_cli.targets.narration import Report
from webmint_cli.targets.target import Asset

_AT_ONCE = 5
_LIVE_WITHIN = 1200.0
_SPEAKS_EACH = 30
_DIFFED = frozenset({"prepared", "uploading", "uploaded", "processing", "ready"})


class Delivery:
    """One deploy that was made: what it lacks is sent, then it is waited for. Left early, it is cancelled.

    `token` stands in for the connection's own where files are sent; `interval`: seconds between polls.
    """

    def __init__(
        self,
        api: Api,
        report: Report,
        site_id: str,
        deploy: Mapping[str, Any],
        *,
        interval: float,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._api = api
        self._report = report
        self._site_id = site_id
        self._deploy = dict(deploy)
        self._interval = interval
        self._token = token
        self._headers = dict(headers or {})

    @property
    def _path(self) -> str:
        return f"/deploys/{self._deploy['id']}"

    async def complete(self, contents: Contents) -> tuple[dict[str, Any], int]:
        """The deploy once it is live, and how many contents were sent.

        Raises TargetRefused when the host can't make it, Unconfirmed when all was sent but nobody can tell.
        """
        try:
            await self._wait_for(_DIFFED)
            required = self._deploy.get("required") or []
            uploaded = await contents.send(required, self._put, self._report, at_once=_AT_ONCE)
            await self._wait_until_live()
        except Unconfirmed:
            raise
        except (WebMintError, asyncio.CancelledError):
            await self._cancel()
            raise
        return self._deploy, uploaded

    async def _put(self, _key: str, asset: Asset, data: bytes) -> None:
        headers = {"Content-Type": "application/octet-stream", **self._headers}
        path = f"{self._path}/files/{quote(asset.path)}"
        await self._api.call("PUT", path, body=data, headers=headers, token=self._token)

    async def _wait_until_live(self) -> None:
        self._report.say("Waiting until the deploy is live", 75, "publish")
        try:
            await self._wait_for({"ready"})
        except DeployFailed:
            raise
        except TargetRefused as error:
            raise Unconfirmed(
                f"everything is sent, but nobody knows whether it is live: {error.message}",
                hint="look at https://app.netlify.com, or deploy again: nothing is sent twice",
            ) from None

    async def _wait_for(self, states: Collection[str]) -> None:
        loop = asyncio.get_running_loop()
        deadline, polls = loop.time() + _LIVE_WITHIN, 0
        path = f"/sites/{self._site_id}{self._path}"
        while (state := str(self._deploy.get("state", ""))) not in states:
            if state in {"error", "rejected"}:
                raise _failed(self._deploy)
            if loop.time() > deadline:
                raise Unconfirmed(
                    f"Netlify is still at {state!r} after {_LIVE_WITHIN / 60:.0f} minutes",
                    hint="look at https://app.netlify.com",
                )
            await asyncio.sleep(self._interval)
            self._deploy |= await self._api.call("GET", path, headers=self._headers) or {}
            polls += 1
            if self._deploy.get("state") != state or polls % _SPEAKS_EACH == 0:
                self._report.say(f"Netlify: {self._deploy.get('state')}")

    async def _cancel(self) -> None:
        """Whoever leaves does not wait long for that; what is not complete is never live anyway."""
        with suppress(WebMintError, TimeoutError):
            async with asyncio.timeout(1.0):
                await self._api.call("POST", f"{self._path}/cancel", token=self._token, headers=self._headers)


class DeployFailed(TargetRefused):
    code = "deploy_failed"


def _failed(deploy: Mapping[str, Any]) -> DeployFailed:
    said = scrubbed(str(deploy.get("error_message") or ""))
    return DeployFailed(
        f"Netlify could not make the deploy{': ' if said else ''}{said}",
        hint=f"see the log: {deploy.get('admin_url') or 'https://app.netlify.com'}",
    )
