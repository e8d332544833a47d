"""Vercel by its REST API: a deployment is asked for, the contents it lacks are sent, and it is asked for again.

Protocol: https://vercel.com/docs/rest-api, and the requests of the vercel CLI. All files are served as they are.
"""

import time
from collections.abc import AsyncGenerator, Mapping

from webmint_cli.errors import KeyMissing, TokenRejected, UsageError
from webmint_cli.events import Deployed, Event, Planned
from webmint_cli.targets.api import Api, Host, Patience
from webmint_cli.targets.contents import Contents
from webmint_cli.targets.narration import Report, narrated
from webmint_cli.targets.target import MIB, Capacity, Options, Tree, digest
from webmint_cli.targets.vercel_account import BASE_URL, Account, Credentials, no_such_project
from webmint_cli.targets.vercel_answers import open_address, refusals, served_at
from webmint_cli.targets.vercel_publication import Publication, environment_of
from webmint_cli.targets.verification import Verifier

TOKENS = "https://vercel.com/account/settings/tokens"


def target(environment: Mapping[str, str]) -> "Vercel":
    """By `VERCEL_TOKEN`, `VERCEL_TEAM_ID` or `VERCEL_ORG_ID`, `VERCEL_PROJECT_ID`, `VERCEL_API_URL`, and
    `VERCEL_AUTOMATION_BYPASS_SECRET`. Raises KeyMissing, UsageError.
    """

    def read(name: str) -> str:
        return environment.get(name, "").strip()

    token, base_url = read("VERCEL_TOKEN"), read("VERCEL_API_URL").rstrip("/") or BASE_URL
    if not token:
        raise KeyMissing(
            "deploying to Vercel needs an access token",
            hint=f"make one at {TOKENS}, then: export VERCEL_TOKEN=…",
        )
    if not token.isascii() or any(sign.isspace() for sign in token):
        raise TokenRejected(
            "VERCEL_TOKEN holds characters that no token has", hint=f"copy it again from {TOKENS}"
        )
    if not base_url.startswith(("https://", "http://")):
        raise UsageError(f"VERCEL_API_URL is no address: {base_url}", hint=f"for example {BASE_URL}")
    owner = read("VERCEL_ORG_ID")
    # The owner may be a person, who is no team.
    team = read("VERCEL_TEAM_ID") or (owner if owner.startswith("team_") else "")
    bypass = read("VERCEL_AUTOMATION_BYPASS_SECRET")
    return Vercel(Credentials(token, team, read("VERCEL_PROJECT_ID"), base_url, bypass))


class Vercel:
    """The projects of one account or team. The credentials' project stands over the project's name."""

    name = "vercel"
    capacity = Capacity(file=100 * MIB, files=15_000)

    def __init__(self, credentials: Credentials, *, patience: Patience | None = None) -> None:
        self._credentials = credentials
        self._patience = patience or Patience()

    def deploy(self, site: Tree, project: str, options: Options) -> AsyncGenerator[Event, None]:
        return narrated(lambda report: self._deploy(site, project, options, report))

    def plan(self, site: Tree, project: str, options: Options) -> AsyncGenerator[Event, None]:
        return narrated(lambda report: self._plan(site, project, options, report))

    async def _deploy(self, site: Tree, project: str, options: Options, report: Report) -> Deployed:
        began = time.monotonic()
        report.say("Hashing the files", 2, "hash")
        contents = await Contents.of(site)
        async with self._api(report) as api:
            account = Account(api, self._credentials, self._patience, report)
            found = await account.project(project, create=options.create)
            publication = Publication(account, found, contents, options)
            made, uploaded = await publication.made()
            deployment = await publication.live(made)
        addresses = [served_at(each) for each in (deployment["url"], *(deployment.get("alias") or []))]
        headers = _reading(self._credentials)
        url = await open_address(addresses, headers)
        verifier = Verifier(url, report, patience=options.verify, headers=headers)
        return Deployed(
            url=url,
            deployment_id=str(deployment["id"]),
            project_name=str(found.get("name") or project),
            target=self.name,
            environment=environment_of(options),
            aliases=tuple(dict.fromkeys(address for address in addresses if address != url)),
            uploaded=uploaded,
            unchanged=len(contents.assets) - uploaded,
            verified=await verifier.compare(site.assets),
            seconds=round(time.monotonic() - began, 3),
        )

    async def _plan(self, site: Tree, project: str, options: Options, report: Report) -> Planned:
        contents = await Contents.of(site)
        before: Mapping[str, str] | None
        async with self._api(report) as api:
            account = Account(api, self._credentials, self._patience, report)
            found = await account.found(project)
            if found is None and not options.create:
                raise no_such_project(project)
            before = await account.published(found) if found else {}
        if before is None:
            report.say("Vercel does not list what is published; going by what is known here")
            contents, before = await Contents.of(site, digest), options.previous
        return contents.planned(
            before,
            target=self.name,
            project=str((found or {}).get("name") or project),
            environment=environment_of(options),
            creates_project=found is None,
        )

    def _api(self, report: Report) -> Api:
        host = Host("Vercel", self._credentials.base_url, refusals(self._credentials.token, TOKENS))
        return Api(host, report, token=self._credentials.token, patience=self._patience)


def _reading(credentials: Credentials) -> dict[str, str]:
    """Headers that make a deployment answer with the files alone."""
    bypass = {"x-vercel-protection-bypass": credentials.bypass} if credentials.bypass else {}
    return {"x-vercel-skip-toolbar": "1"} | bypass
