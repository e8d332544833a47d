"""Netlify by its file digest API: the host says which contents it lacks, and the deploy is live once it has them.

Protocol: https://docs.netlify.com/api/get-started/ (file digest method), and the requests of netlify-cli.
"""

import re
import secrets
import time
from collections.abc import AsyncGenerator, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote, urlsplit

from webmint_cli.errors import KeyMissing, TargetRefused, TokenRejected, UsageError
from webmint_cli.events import Deployed, Event, Planned
from webmint_cli.targets.api import Api, Host, Patience, made_once
from webmint_cli.targets.contents import Contents
from webmint_cli.targets.narration import Report, narrated
from webmint_cli.targets.netlify_answers import TOKENS, no_such_project, refuse_paths, refused, restored
from webmint_cli.targets.netlify_delivery import Delivery
from webmint_cli.targets.target import MIB, Capacity, Options, Tree
from webmint_cli.targets.verification import Verifier

BASE_URL = "https://api.netlify.com/api/v1"
CAPACITY = Capacity(file=100 * MIB, files=54_000, rules=True)

# Above so many files the host compares them later, and the list of what it lacks is to be waited for.
_SYNCHRONOUS = 100
_LONGEST_ALIAS = 37
_PAGE = 100


def target(environment: Mapping[str, str]) -> "Netlify":
    """By `NETLIFY_AUTH_TOKEN`, `NETLIFY_SITE_ID` and `NETLIFY_API_URL`. Raises KeyMissing, UsageError."""
    token = environment.get("NETLIFY_AUTH_TOKEN", "").strip()
    if not token:
        raise KeyMissing(
            "deploying to Netlify needs a personal access token",
            hint=f"make one at {TOKENS}, then: export NETLIFY_AUTH_TOKEN=…",
        )
    if not token.isascii() or any(sign.isspace() for sign in token):
        raise TokenRejected(
            "NETLIFY_AUTH_TOKEN holds characters that no token has", hint=f"copy it again from {TOKENS}"
        )
    site_id = environment.get("NETLIFY_SITE_ID", "").strip()
    return Netlify(token, site_id=site_id, base_url=base_url(environment))


def base_url(environment: Mapping[str, str]) -> str:
    """The API's address; of a bare origin in `NETLIFY_API_URL` the usual path below it, as netlify-cli reads it."""
    address = environment.get("NETLIFY_API_URL", "").strip().rstrip("/") or BASE_URL
    if not address.startswith(("https://", "http://")):
        raise UsageError(f"NETLIFY_API_URL is no address: {address}", hint=f"for example {BASE_URL}")
    return address if urlsplit(address).path else f"{address}/api/v1"


class Netlify:
    """The sites of one account. `site_id` stands over the project's name."""

    name = "netlify"
    capacity = CAPACITY

    def __init__(
        self, token: str, *, site_id: str = "", base_url: str = BASE_URL, patience: Patience | None = None
    ) -> None:
        self._token = token
        self._site_id = site_id
        self._host = Host("Netlify", base_url, partial(refused, token))
        self._patience = patience or Patience()

    def deploy(self, site: Tree, project: str, options: Options) -> AsyncGenerator[Event, None]:
        return narrated(lambda report: self._deploy(site, project, options, report))

    def plan(self, site: Tree, project: str, options: Options) -> AsyncGenerator[Event, None]:
        return narrated(lambda report: self._plan(site, project, options, report))

    async def _deploy(self, site: Tree, project: str, options: Options, report: Report) -> Deployed:
        began = time.monotonic()
        refuse_paths(site)
        report.say("Hashing the files", 2, "hash")
        contents = await Contents.of(site)
        async with self._api(report) as api:
            found = await self._site(api, project, report, create=options.create)
            made = await self._created(api, found, contents, options)
            delivery = Delivery(api, report, str(found["id"]), made, interval=self._patience.backoff)
            deploy, uploaded = await delivery.complete(contents)
        url, aliases = _addresses(deploy, is_production=is_production(options))
        verifier = Verifier(url, report, patience=options.verify, restored=restored)
        return Deployed(
            url=url,
            deployment_id=str(deploy["id"]),
            project_name=str(found.get("name") or project),
            target=self.name,
            environment="production" if is_production(options) else "preview",
            aliases=aliases,
            uploaded=uploaded,
            unchanged=len(contents.assets) - uploaded,
            verified=await verifier.compare(site.assets),
            seconds=round(time.monotonic() - began, 3),
        )

    async def _plan(self, site: Tree, project: str, options: Options, report: Report) -> Planned:
        refuse_paths(site)
        contents = await Contents.of(site)
        async with self._api(report) as api:
            found = await self._found(api, project)
            if found is None and not options.create:
                raise no_such_project(project)
            before = await _published(api, str(found["id"])) if found else {}
        return contents.planned(
            before,
            target=self.name,
            project=str((found or {}).get("name") or project),
            environment="production" if is_production(options) else "preview",
            creates_project=found is None,
        )

    def _api(self, report: Report) -> Api:
        return Api(self._host, report, token=self._token, patience=self._patience)

    async def _site(self, api: Api, project: str, report: Report, *, create: bool) -> dict[str, Any]:
        report.say("Asking Netlify for the site", 5, "connect")
        found = await self._found(api, project)
        if found is None and not create:
            raise no_such_project(project)
        if found is None:
            report.say(f"Making the site {project}", 8)
            found = await made_once(
                lambda: api.call("POST", "/sites", data={"name": project}, once=True),
                lambda: self._found(api, project),
                self._patience,
            )
        return dict(found)

    async def _found(self, api: Api, project: str) -> dict[str, Any] | None:
        if self._site_id:
            return dict(await api.call("GET", f"/sites/{quote(self._site_id, safe='')}"))
        params = {"name": project, "filter": "all", "per_page": _PAGE}
        listed = await api.call("GET", "/sites", params=params) or []
        return next((site for site in listed if site.get("name") == project), None)

    async def _created(
        self, api: Api, site: Mapping[str, Any], contents: Contents, options: Options
    ) -> dict[str, Any]:
        """A new deploy. Its title is its own, by which it is found again when the answer was lost."""
        path = f"/sites/{site['id']}/deploys"
        title = _title(options)
        data = {
            "files": {f"/{name}": key for name, key in contents.digests.items()},
            "async": len(contents.digests) > _SYNCHRONOUS,
            **_place(options),
        }

        async def find() -> dict[str, Any] | None:
            listed = await api.call("GET", path, params={"per_page": _PAGE}) or []
            return next((deploy for deploy in listed if deploy.get("title") == title), None)

        return dict(
            await made_once(
                lambda: api.call("POST", path, data=data, params={"title": title}, once=True),
                find,
                self._patience,
            )
        )


def is_production(options: Options) -> bool:
    """A branch, by name or by the commit, makes a preview, unless production is asked for."""
    return options.production or not (options.branch or options.commit)


def alias(options: Options) -> str:
    """The branch as a part of a host's name; "" for none."""
    branch = options.branch or (options.commit.branch if options.commit else "")
    return re.sub(r"[^a-z0-9]+", "-", branch.lower()).strip("-")[:_LONGEST_ALIAS].rstrip("-")


def _place(options: Options) -> dict[str, Any]:
    """Where a deploy appears: an alias makes it public under that name, a draft has an address of its own only."""
    if is_production(options):
        return {"draft": False}
    return {"draft": False, "branch": name} if (name := alias(options)) else {"draft": True}


def _title(options: Options) -> str:
    message = options.commit.message if options.commit else ""
    return f"{(message.splitlines() or ['WebMint'])[0][:80]} [{secrets.token_hex(4)}]"


def _addresses(deploy: Mapping[str, Any], *, is_production: bool) -> tuple[str, tuple[str, ...]]:
    """The deploy's own address, and the others it has."""
    site = deploy.get("ssl_url") or deploy.get("url")
    url = str(deploy.get("deploy_ssl_url") or deploy.get("deploy_url") or site)
    links = deploy.get("links") or {}
    others = [site if is_production else None, links.get("permalink"), links.get("alias")]
    return url, tuple(dict.fromkeys(str(other) for other in others if other and other != url))


async def _published(api: Api, site_id: str) -> dict[str, str]:
    """The files of the published deploy, path to SHA-1; none where nothing is published."""
    found: dict[str, str] = {}
    for page in range(1, CAPACITY.files // _PAGE + 2):
        try:
            params = {"page": page, "per_page": _PAGE}
            listed = await api.call("GET", f"/sites/{site_id}/files", params=params) or []
        except TargetRefused as error:
            if error.code != "no_such_project":
                raise
            break
        new = {str(file["path"]).removeprefix("/"): str(file["sha"]) for file in listed}
        if new.keys() <= found.keys():
            break
        found |= new
        if len(listed) < _PAGE:
            break
    return found
