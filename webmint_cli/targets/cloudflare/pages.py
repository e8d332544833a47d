"""Cloudflare Pages by Direct Upload: the same requests as wrangler's, each once, and what is served is compared.

Protocol: https://developers.cloudflare.com/pages/get-started/direct-upload/ and the API reference of Pages.
"""

import re
import time
from collections.abc import AsyncGenerator, Mapping
from functools import partial
from typing import Any

from webmint_cli.errors import TargetRefused, TargetUnavailable, Unconfirmed
from webmint_cli.events import Deployed, Event, Planned
from webmint_cli.targets.api import Patience
from webmint_cli.targets.cloudflare.account import Cloudflare, Credentials, NoSuchProject, credentials
from webmint_cli.targets.cloudflare.comparison import Live, addresses
from webmint_cli.targets.cloudflare.publication import Publication
from webmint_cli.targets.cloudflare.uploads import Uploads, hashed
from webmint_cli.targets.narration import Report, narrated
from webmint_cli.targets.target import Asset, Capacity, Options, Tree
from webmint_cli.targets.verification import Verifier

PERMISSION = "Cloudflare Pages: Edit"

_MAIN = "main"
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,56}[a-z0-9])?")
# Web Analytics, when it is switched on for a project, adds its beacon to each page.
_BEACON = re.compile(
    rb"(?:<!-- Cloudflare Pages Analytics -->)?<script\b[^>]*\bstatic\.cloudflareinsights\.com/beacon\.min\.js[^>]*>"
    rb"</script>(?:<!-- Cloudflare Pages Analytics -->)?"
)


class CloudflarePages:
    """The target `cloudflare`."""

    name = "cloudflare"
    capacity = Capacity(rules=True)

    def __init__(self, credentials: Credentials, *, patience: Patience | None = None) -> None:
        self._credentials = credentials
        self._patience = patience

    def deploy(self, site: Tree, project: str, options: Options) -> AsyncGenerator[Event, None]:
        return narrated(partial(self._deploy, site, project, options))

    def plan(self, site: Tree, project: str, options: Options) -> AsyncGenerator[Event, None]:
        return narrated(partial(self._plan, site, project, options))

    async def _deploy(self, site: Tree, project: str, options: Options, report: Report) -> Deployed:
        began = time.monotonic()
        async with self._connected(report) as cloudflare:
            base = await _base(cloudflare)
            found = await _project(cloudflare, base, project, options, report)
            hashes, sent = await _stored(cloudflare, f"{base}/{project}", site, report)
            publication = Publication(cloudflare, f"{base}/{project}", found, report)
            deployment = await publication.publish(hashes, site.rules, options)
            url = str(deployment["url"])
            verified = await _verified(site, url, options, report)
        environment = str(deployment.get("environment") or publication.environment)
        return Deployed(
            url=url,
            deployment_id=str(deployment["id"]),
            project_name=project,
            target=self.name,
            environment=environment,
            seconds=round(time.monotonic() - began, 3),
            aliases=_aliases(deployment, found, environment),
            uploaded=sent,
            unchanged=len(set(hashes.values())) - sent,
            verified=verified,
        )

    async def _plan(self, site: Tree, project: str, options: Options, report: Report) -> Planned:
        async with self._connected(report) as cloudflare:
            base = await _base(cloudflare)
            try:
                found = await _found(cloudflare, base, project)
            except NoSuchProject:
                if not options.create:
                    raise
                everything = tuple(sorted(asset.path for asset in site.assets))
                return Planned(
                    self.name, project, "production", everything, (), (), (), site.size, creates_project=True
                )
            report.say("Comparing with what the project has", 10, "hash")
            hashes = await hashed(site)
            publication = Publication(cloudflare, f"{base}/{project}", found, report)
            uploads = Uploads(cloudflare, f"{base}/{project}/upload-token", report)
            await uploads.open(len(site.assets))
            missing = set(await uploads.missing(hashes.values()))
            branch = publication.branch(options)
            live = Live(await publication.latest(branch), options.previous, report)
            new, changed, unchanged = await live.compare(site, hashes)
        wanted = _by_hash(site, hashes)
        return Planned(
            target=self.name,
            project_name=project,
            environment=publication.environment_of(branch),
            new=new,
            changed=changed,
            unchanged=unchanged,
            removed=live.removed(hashes),
            upload_bytes=sum(asset.size for key, asset in wanted.items() if key in missing),
        )

    def _connected(self, report: Report) -> Cloudflare:
        return Cloudflare(self._credentials, report, permission=PERMISSION, patience=self._patience)


def target(environment: Mapping[str, str]) -> CloudflarePages:
    """The target, by `CLOUDFLARE_API_TOKEN` and its companions."""
    return CloudflarePages(credentials(environment, PERMISSION))


async def _base(cloudflare: Cloudflare) -> str:
    return f"/accounts/{await cloudflare.account()}/pages/projects"


async def _found(cloudflare: Cloudflare, base: str, project: str) -> dict[str, Any]:
    """The project. Raises NoSuchProject, saying how to make it."""
    if not _NAME.fullmatch(project):
        raise TargetRefused(
            f"{project!r} can't be a project's name",
            code="bad_name",
            hint="lower-case letters, digits and hyphens, at most 58: --project NAME",
        )
    try:
        found: dict[str, Any] = await cloudflare.ask("GET", f"{base}/{project}")
    except NoSuchProject:
        raise NoSuchProject(
            f"there is no project {project} in the account",
            hint=f"make it: webmint deploy --project {project} --create",
        ) from None
    return found


async def _project(
    cloudflare: Cloudflare, base: str, project: str, options: Options, report: Report
) -> dict[str, Any]:
    """The project, made if that is asked for."""
    report.say(f"Asking Cloudflare for the project {project}", 2, "connect")
    try:
        return await _found(cloudflare, base, project)
    except NoSuchProject:
        if not options.create:
            raise
    report.say(f"Making the project {project}", 4)
    try:
        made: dict[str, Any] = await cloudflare.ask(
            "POST", base, data={"name": project, "production_branch": _MAIN}
        )
    except TargetRefused as error:
        # A repeated request finds the name taken: by the one before it, whose answer was lost.
        if error.code != "name_taken":
            raise
        try:
            return await _found(cloudflare, base, project)
        except NoSuchProject:
            raise error from None
    return made


async def _stored(
    cloudflare: Cloudflare, path: str, site: Tree, report: Report
) -> tuple[dict[str, str], int]:
    """The hashes by path, all of whose contents the host has now; and how many contents were sent for it."""
    uploads = Uploads(cloudflare, f"{path}/upload-token", report)
    await uploads.open(len(site.assets))
    report.say(f"Hashing {len(site.assets)} files", 10, "hash")
    hashes = await hashed(site)
    missing = await uploads.missing(hashes.values())
    known = len(set(hashes.values())) - len(missing)
    report.say(f"{len(missing)} to upload, {known} unchanged", 20, "upload")
    if missing:
        wanted = _by_hash(site, hashes)
        await uploads.send({key: wanted[key] for key in missing})
        await uploads.remember(hashes.values())
    return hashes, len(missing)


def _by_hash(site: Tree, hashes: Mapping[str, str]) -> dict[str, Asset]:
    """One file for each content."""
    return {hashes[asset.path]: asset for asset in site.assets}


async def _verified(site: Tree, url: str, options: Options, report: Report) -> int:
    """How many files were fetched and found equal, of those that have an address."""
    places = addresses(site)
    verifier = Verifier(
        url,
        report,
        patience=options.verify,
        address=places.__getitem__,
        restored=lambda page: _BEACON.sub(b"", page),
    )
    try:
        return await verifier.compare(asset for asset in site.assets if asset.path in places)
    except TargetUnavailable as error:
        raise Unconfirmed(f"deployed to {url}, but not confirmed: {error.message}", hint=error.hint) from None


def _aliases(deployment: Mapping[str, Any], project: Mapping[str, Any], environment: str) -> tuple[str, ...]:
    """The other addresses of a deployment: the branch's, or those of production."""
    aliases = [str(alias) for alias in deployment.get("aliases") or ()]
    if environment == "production":
        hosts = [project.get("subdomain"), *(project.get("domains") or ())]
        aliases += [host if "://" in host else f"https://{host}" for host in hosts if host]
    return tuple(dict.fromkeys(aliases))
