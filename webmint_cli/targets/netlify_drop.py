"""Netlify Drop: a site without an account, public at once, gone after an hour unless somebody claims it.

Protocol: the requests of `netlify deploy --allow-anonymous`. Experimental: the host documents it nowhere.
"""

import time
from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from webmint_cli.errors import TargetRefused, TargetUnavailable, Unconfirmed, UsageError
from webmint_cli.events import Deployed, Event, Planned
from webmint_cli.targets.api import Api, Host, Patience, made_once
from webmint_cli.targets.contents import Contents
from webmint_cli.targets.narration import Report, narrated
from webmint_cli.targets.netlify import BASE_URL, CAPACITY, base_url
from webmint_cli.targets.netlify_answers import refuse_paths, refused, restored
from webmint_cli.targets.netlify_delivery import Delivery
from webmint_cli.targets.target import Options, Tree
from webmint_cli.targets.verification import Verifier

TERMS = (
    "Netlify Drop (experimental) makes the site public at once, for anybody with its address, without an account. "
    "It is deleted after 60 minutes unless it is claimed with the link printed at the end. "
    "By going on you accept Netlify's terms: https://www.netlify.com/legal/terms-of-use/"
)

_CLAIMED_WITHIN = timedelta(minutes=60)
_HEADERS = {"Referer": "https://app.netlify.com"}
# Without a word about where it comes from, a drop is behind this password.
_ORIGIN, _PASSWORD = "webmint", "My-Drop-Site"


def target(environment: Mapping[str, str]) -> "NetlifyDrop":
    """By `NETLIFY_API_URL`; it takes no token. Raises UsageError."""
    return NetlifyDrop(base_url=base_url(environment))


class NetlifyDrop:
    """Sites that nobody owns yet. `terms` is what is accepted with `Options.terms_accepted`."""

    name = "netlify-drop"
    capacity = CAPACITY
    terms: str = TERMS

    def __init__(self, *, base_url: str = BASE_URL, patience: Patience | None = None) -> None:
        self._base_url = base_url
        self._patience = patience or Patience()

    def deploy(self, site: Tree, project: str, options: Options) -> AsyncGenerator[Event, None]:
        """The name of the project is the host's choice."""
        del project
        return narrated(lambda report: self._deploy(site, options, report))

    def plan(self, site: Tree, project: str, options: Options) -> AsyncGenerator[Event, None]:
        del options
        return narrated(lambda _: self._plan(site, project))

    async def _plan(self, site: Tree, project: str) -> Planned:
        refuse_paths(site)
        contents = await Contents.of(site)
        return contents.planned(
            {}, target=self.name, project=project, environment="production", creates_project=True
        )

    async def _deploy(self, site: Tree, options: Options, report: Report) -> Deployed:
        if not options.terms_accepted:
            raise UsageError("the terms of Netlify Drop are not accepted", hint=self.terms)
        began = time.monotonic()
        refuse_paths(site)
        report.say("Hashing the files", 2, "hash")
        contents = await Contents.of(site)
        host = Host("Netlify", self._base_url, lambda response: refused("", response))
        async with Api(host, report, patience=self._patience) as api:
            drop = await self._dropped(api, contents, report)
            claim = _Claim(drop)
            delivery = Delivery(
                api,
                report,
                str(drop["id"]),
                {"state": "uploading", **drop, "id": drop["deploy_id"]},
                interval=self._patience.backoff,
                token=drop["token"],
                headers=_HEADERS,
            )
            deploy, uploaded = await claim.kept(delivery.complete(contents))
        url = str(deploy.get("ssl_url") or deploy.get("url") or f"https://{drop['subdomain']}.netlify.app")
        verifier = Verifier(url, report, patience=options.verify, restored=restored)
        return Deployed(
            url=url,
            deployment_id=str(drop["deploy_id"]),
            project_name=str(drop["subdomain"]),
            target=self.name,
            environment="production",
            uploaded=uploaded,
            unchanged=len(contents.assets) - uploaded,
            verified=await claim.kept(verifier.compare(site.assets)),
            claim_url=claim.url,
            claim_by=claim.until,
            seconds=round(time.monotonic() - began, 3),
        )

    async def _dropped(self, api: Api, contents: Contents, report: Report) -> dict[str, Any]:
        """A new site with its token. One whose answer was lost has no files, no reader, and is gone in an hour."""
        report.say("Asking Netlify for a site", 5, "connect")
        files = {f"/{path}": key for path, key in contents.digests.items()}

        async def make() -> dict[str, Any]:
            token = str((await api.call("POST", "/drop/token", data={}, headers=_HEADERS))["token"])
            data = {"files": files, "token": token, "created_via": _ORIGIN}
            made = await api.call("POST", "/drop", data=data, headers=_HEADERS, once=True)
            return {**made, "token": token}

        async def find() -> None:
            return None

        try:
            return dict(await made_once(make, find, self._patience))
        except TargetUnavailable as error:
            if error.code != "rate_limited":
                raise
            raise TargetRefused(
                "Netlify takes no more sites without an account from here today",
                code="quota_exceeded",
                hint="deploy with an account: export NETLIFY_AUTH_TOKEN=…, then --to netlify --create",
            ) from None


class _Claim:
    """Where a site is claimed, and until when (ISO 8601)."""

    def __init__(self, drop: Mapping[str, Any]) -> None:
        self.url = f"https://app.netlify.com/drop/{drop['subdomain']}#drop_token={drop['token']}"
        self.until = (datetime.now(UTC) + _CLAIMED_WITHIN).isoformat(timespec="seconds")

    async def kept(self, work: Any) -> Any:
        """What `work` gives. If the site is there all the same, the way to claim it is not lost with the failure."""
        try:
            return await work
        except Unconfirmed as error:
            raise Unconfirmed(
                error.message,
                hint=f"look at it (a password that it asks for is {_PASSWORD}); claim it until {self.until}: {self.url}",
            ) from None
