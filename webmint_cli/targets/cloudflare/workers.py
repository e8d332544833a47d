"""Cloudflare Workers static assets: a Worker without a script, that serves as Pages does.

https://developers.cloudflare.com/workers/static-assets/direct-upload/
"""

import asyncio
import json
import re
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

from webmint_cli.errors import TargetRefused, TargetUnavailable, Unconfirmed, UsageError, WebMintError
from webmint_cli.events import Deployed, Event, Planned
from webmint_cli.hosting.redirects import is_redirected
from webmint_cli.hosting.routes import address
from webmint_cli.targets.api import Ambiguous, Patience
from webmint_cli.targets.cloudflare.account import Cloudflare, Credentials, NoSuchProject, credentials
from webmint_cli.targets.cloudflare.comparison import Live
from webmint_cli.targets.cloudflare.uploads import hashed
from webmint_cli.targets.cloudflare.worker_assets import AssetSession
from webmint_cli.targets.narration import Report, narrated
from webmint_cli.targets.target import Capacity, Options, Tree
from webmint_cli.targets.verification import Verifier

PERMISSION = "Workers Scripts: Edit"
COMPATIBILITY_DATE = "2025-09-01"

# The address of a Worker, by its name and that of the account's subdomain.
Address: TypeAlias = Callable[[str, str], str]

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_ATTEMPTS = 3
_LIVE_WITHIN = 5


def workers_dev(script: str, subdomain: str) -> str:
    return f"https://{script}.{subdomain}.workers.dev"


class CloudflareWorkers:
    """The target `cloudflare-workers`. A project is a Worker; `address` says where it is served."""

    name = "cloudflare-workers"
    capacity = Capacity(files=100_000, rules=True)

    def __init__(
        self, credentials: Credentials, *, patience: Patience | None = None, address: Address = workers_dev
    ) -> None:
        self._credentials = credentials
        self._patience = patience
        self._address = address

    def deploy(self, site: Tree, project: str, options: Options) -> AsyncGenerator[Event, None]:
        return narrated(partial(self.published, site, project, options))

    def plan(self, site: Tree, project: str, options: Options) -> AsyncGenerator[Event, None]:
        return narrated(partial(self._plan, site, project, options))

    async def published(self, site: Tree, project: str, options: Options, report: Report) -> Deployed:
        """Deploy, telling `report` about it."""
        began = time.monotonic()
        _check(project, options)
        async with self._connected(report) as cloudflare:
            worker = Worker(cloudflare, await _base(cloudflare), project, report)
            report.say(f"Asking Cloudflare for the Worker {project}", 2, "connect")
            subdomain = await worker.subdomain(create=options.create)
            exists = await worker.exists()
            report.say(f"Hashing {len(site.assets)} files", 10, "hash")
            hashes = await hashed(site)
            token, sent = await worker.assets().complete(site, hashes)
            report.say("Publishing to production", 72, "publish")
            version = await worker.publish(_metadata(site, token), exists=exists)
            url = self._address(project, subdomain)
            try:
                version = await worker.confirm(version)
                verified = await _verified(site, url, options, report)
            except TargetUnavailable as error:
                raise Unconfirmed(
                    f"deployed to {url}, but not confirmed: {error.message}", hint=error.hint
                ) from None
        return Deployed(
            url=url,
            deployment_id=version,
            project_name=project,
            target=self.name,
            environment="production",
            seconds=round(time.monotonic() - began, 3),
            uploaded=sent,
            unchanged=len(set(hashes.values())) - sent,
            verified=verified,
        )

    async def _plan(self, site: Tree, project: str, options: Options, report: Report) -> Planned:
        _check(project, options)
        async with self._connected(report) as cloudflare:
            worker = Worker(cloudflare, await _base(cloudflare), project, report)
            report.say("Comparing with what the Worker has", 10, "hash")
            exists = await worker.exists()
            url = self._address(project, await worker.subdomain(create=False)) if exists else ""
            hashes = await hashed(site)
            missing = await worker.assets().missing(site, hashes)
            live = Live(url, options.previous, report)
            new, changed, unchanged = await live.compare(site, hashes)
        sizes = {hashes[asset.path]: asset.size for asset in site.assets}
        return Planned(
            target=self.name,
            project_name=project,
            environment="production",
            new=new,
            changed=changed,
            unchanged=unchanged,
            removed=live.removed(hashes),
            upload_bytes=sum(size for key, size in sizes.items() if key in missing),
            creates_project=not exists,
        )

    def _connected(self, report: Report) -> Cloudflare:
        return Cloudflare(self._credentials, report, permission=PERMISSION, patience=self._patience)


def target(environment: Mapping[str, str]) -> CloudflareWorkers:
    """The target, by `CLOUDFLARE_API_TOKEN` and its companions."""
    return CloudflareWorkers(credentials(environment, PERMISSION))


class Worker:
    """One Worker. `base` is the path of the account's Workers."""

    def __init__(self, cloudflare: Cloudflare, base: str, name: str, report: Report) -> None:
        self._cloudflare = cloudflare
        self._base = base
        self._path = f"{base}/scripts/{name}"
        self._name = name
        self._report = report

    def assets(self) -> AssetSession:
        return AssetSession(self._cloudflare, self._base, self._name, self._report)

    async def exists(self) -> bool:
        try:
            await self._cloudflare.ask("GET", f"{self._base}/services/{self._name}")
        except NoSuchProject:
            return False
        return True

    async def subdomain(self, *, create: bool) -> str:
        """The account's name on workers.dev, registered if that is asked for."""
        path = f"{self._base}/subdomain"
        try:
            found = await self._cloudflare.ask("GET", path)
        except NoSuchProject:
            if not create:
                raise TargetRefused(
                    "the account has no subdomain on workers.dev yet",
                    code="no_subdomain",
                    hint=f"register one: webmint deploy --to cloudflare-workers --project {self._name} --create",
                ) from None
            name = f"{self._name[:40]}-{self._base.split('/')[2][:8]}"
            self._report.say(f"Registering {name}.workers.dev", 4)
            found = await self._cloudflare.ask("PUT", path, data={"subdomain": name})
        return str(found["subdomain"])

    async def publish(self, metadata: str, *, exists: bool) -> str:
        """Make a version and let it answer all requests, once; its id, "" where `confirm` is to find it out."""
        version = ""
        if exists:
            version = await self._new_version(metadata)
            await self._once("POST", f"{self._path}/deployments", version, data=_whole(version))
        else:
            await self._once("PUT", self._path, version, params=_NO_SCRIPT, files=_form(metadata))
        await self._cloudflare.ask("POST", f"{self._path}/subdomain", data={"enabled": True})
        return version

    async def confirm(self, version: str) -> str:
        """The id of the version that is live, which is this one. Raises Unconfirmed."""
        for number in range(_LIVE_WITHIN):
            active = await self._active()
            if active and version in ("", active):
                return active
            self._report.say("Waiting until it is live", 78)
            await asyncio.sleep(0.3 * 2**number)
        raise Unconfirmed(
            f"published as version {version}, but another one is live", hint="see it in the dashboard"
        )

    async def _new_version(self, metadata: str) -> str:
        # Versions that no deployment names do nothing, so this may happen twice.
        answer = await self._cloudflare.ask("POST", f"{self._path}/versions", files=_form(metadata))
        return str(answer["id"])

    async def _once(self, method: str, path: str, version: str, **more: Any) -> None:
        """A publish: after a failure that leaves it open, the host is asked whether it happened."""
        failure: WebMintError = TargetUnavailable("Cloudflare did not publish the site", hint="deploy again")
        for _ in range(_ATTEMPTS):
            try:
                await self._cloudflare.ask(method, path, once=True, **more)
            except Ambiguous as ambiguity:
                failure = ambiguity.error
            else:
                return
            self._report.say(f"{failure.message}; asking whether it was published")
            active = await self._active()
            if active and version in ("", active):
                return
        raise failure

    async def _active(self) -> str:
        """The version that answers requests; "" if there is none."""
        try:
            listed = await self._cloudflare.ask("GET", f"{self._path}/deployments")
        except NoSuchProject:
            return ""
        deployments = (listed or {}).get("deployments") or [{}]
        versions = deployments[0].get("versions") or [{}]
        return str(versions[0].get("version_id") or "")


_NO_SCRIPT = {"excludeScript": "true", "bindings_inherit": "strict"}


async def _base(cloudflare: Cloudflare) -> str:
    return f"/accounts/{await cloudflare.account()}/workers"


def _check(project: str, options: Options) -> None:
    if not _NAME.fullmatch(project):
        raise UsageError(
            f"{project!r} can't be a Worker's name",
            hint="lower-case letters, digits and hyphens, at most 63: --project NAME",
        )
    if options.branch and not options.production:
        raise UsageError("Workers are deployed to production only here", hint="leave out --branch")


def _metadata(site: Tree, token: str) -> str:
    """What a Worker of static assets is: Pages' own answers for addresses that no file has."""
    has_404 = any(asset.path.rpartition("/")[2] == "404.html" for asset in site.assets)
    config = {name: rules.decode("utf-8", "replace") for name, rules in sorted(site.rules.items())} | {
        "html_handling": "auto-trailing-slash",
        "not_found_handling": "404-page" if has_404 else "single-page-application",
    }
    return json.dumps(
        {
            "assets": {"jwt": token, "config": config},
            "compatibility_date": COMPATIBILITY_DATE,
            "compatibility_flags": [],
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )


def _form(metadata: str) -> dict[str, tuple[None, str]]:
    return {"metadata": (None, metadata)}


def _whole(version: str) -> dict[str, Any]:
    """All requests to one version."""
    return {"strategy": "percentage", "versions": [{"version_id": version, "percentage": 100}]}


async def _verified(site: Tree, url: str, options: Options, report: Report) -> int:
    """How many files were fetched and found equal; those that a redirect covers are not served at all."""
    served_at = partial(address, exists={asset.path for asset in site.assets}.__contains__)
    rules = site.rules.get("_redirects", b"").decode("utf-8", "replace")
    served = [asset for asset in site.assets if not is_redirected(rules, served_at(asset.path))]
    return await Verifier(url, report, patience=options.verify, address=served_at).compare(served)
