"""GitHub Pages from the branch gh-pages, by REST: only the missing contents are sent, and no git is needed.

https://docs.github.com/en/rest/pages/pages
"""

import asyncio
import re
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from webmint_cli.errors import (
    KeyMissing,
    NotDeployable,
    TargetUnavailable,
    UsageError,
)
from webmint_cli.events import Deployed, Event, Planned
from webmint_cli.targets.api import Api, Host, Patience
from webmint_cli.targets.concurrency import at_once, performed
from webmint_cli.targets.github_builds import Pages, unconfirmed
from webmint_cli.targets.github_repository import (
    BRANCH,
    TOKENS,
    Head,
    Repository,
    hashed,
    is_temporary,
    refused,
)
from webmint_cli.targets.narration import Report, narrated
from webmint_cli.targets.placement import root
from webmint_cli.targets.target import MIB, Asset, Capacity, Commit, Options, Tree
from webmint_cli.targets.verification import Verifier, as_named

BASE_URL = "https://api.github.com"

_SITE = 1024 * MIB
_NAME = re.compile(r"[\w-]+/(?!\.+$)[\w.-]+", re.ASCII)
_REMOTE = re.compile(
    r"(?:\w+://)?(?:[^/]*@)?(?P<host>[\w.-]+)(?::\d+)?[:/](?P<name>[\w-]+/[\w.-]+?)(?:\.git)?/?", re.ASCII
)
_NOJEKYLL = Asset(".nojekyll", 0, b"")
# Where GitHub itself keeps the domain of a site.
_DOMAIN = "CNAME"
_UPLOADS = 5
_ROUNDS = 2
_CDN_LAG = 180.0


@dataclass(frozen=True, slots=True)
class Credentials:
    """A token, the API it is for, the repository if the environment names one, and where its web pages are."""

    token: str
    base_url: str = BASE_URL
    repository: str = ""
    server: str = "github.com"


class GitHubPages:
    """The target `github-pages`. A project is a repository, "owner/name".

    `lag`: how many seconds GitHub's edge may serve the site before, at least.
    """

    name = "github-pages"
    capacity = Capacity(file=100 * MIB)

    def __init__(
        self, credentials: Credentials, *, patience: Patience | None = None, lag: float = _CDN_LAG
    ) -> None:
        self._credentials = credentials
        self._lag = lag
        self._patience = patience or Patience()

    def deploy(self, site: Tree, project: str, options: Options) -> AsyncGenerator[Event, None]:
        return narrated(partial(self._deploy, site, project, options))

    def plan(self, site: Tree, project: str, options: Options) -> AsyncGenerator[Event, None]:
        return narrated(partial(self._plan, site, project, options))

    async def _deploy(self, site: Tree, project: str, options: Options, report: Report) -> Deployed:
        began = time.monotonic()
        _check(site, options)
        name = await self._repository(site, project)
        async with self._connected(report) as api:
            pages = Pages(Repository(api, name), self._patience, report)
            await pages.check(create=options.create)
            files = await performed(hashed(site.assets), report)
            commit, sent = await _published(pages.repository, site, files, options.commit, report)
            try:
                url = await pages.built(commit)
                verified = await _verified(site, url, commit, max(options.verify, self._lag), report)
            except TargetUnavailable as error:
                raise unconfirmed(commit, error.message) from None
        uploaded = sum(blob in sent for _, blob in files.values())
        return Deployed(
            url=url,
            deployment_id=commit,
            project_name=name,
            target=self.name,
            environment="production",
            seconds=round(time.monotonic() - began, 3),
            uploaded=uploaded,
            unchanged=len(files) - uploaded,
            verified=verified,
        )

    async def _plan(self, site: Tree, project: str, options: Options, report: Report) -> Planned:
        _check(site, options)
        name = await self._repository(site, project)
        async with self._connected(report) as api:
            pages = Pages(Repository(api, name), self._patience, report)
            await pages.check(create=options.create)
            files = await performed(hashed(site.assets), report)
            head = await pages.repository.head()
        known = {blob for _, blob in head.files.values()}
        unchanged = {path for path in files if head.files.get(path) == files[path]}
        new = files.keys() - head.files.keys()
        lacking = {files[asset.path][1]: asset.size for asset in site.assets}
        return Planned(
            target=self.name,
            project_name=name,
            environment="production",
            new=tuple(sorted(new)),
            changed=tuple(sorted(files.keys() - unchanged - new)),
            unchanged=tuple(sorted(unchanged)),
            removed=tuple(sorted(head.files.keys() - _wanted(files, head).keys())),
            upload_bytes=sum(size for blob, size in lacking.items() if blob not in known),
            creates_project=not pages.enabled,
        )

    def _connected(self, report: Report) -> Api:
        host = Host("GitHub", self._credentials.base_url, refused, is_temporary)
        return Api(host, report, token=self._credentials.token, patience=self._patience)

    async def _repository(self, site: Tree, project: str) -> str:
        """As given, else the workflow's, else the one that the site's folder was cloned from."""
        name = project or self._credentials.repository or await self._origin(root(site))
        if not _NAME.fullmatch(name):
            problem = (
                f"{name!r} is no repository's name" if name else "nothing says which repository to deploy to"
            )
            raise UsageError(problem, hint="name it: --project owner/name")
        return name

    async def _origin(self, folder: Path | None) -> str:
        url = await _remote(folder) if folder else ""
        found = _REMOTE.fullmatch(url)
        ours = found and found["host"] in (self._credentials.server, f"ssh.{self._credentials.server}")
        return found["name"] if found and ours else ""


def target(environment: Mapping[str, str]) -> GitHubPages:
    """The target, by `GITHUB_TOKEN` (or `GH_TOKEN`), `GITHUB_REPOSITORY` and `GITHUB_API_URL`. Raises KeyMissing."""
    token = environment.get("GITHUB_TOKEN", "").strip() or environment.get("GH_TOKEN", "").strip()
    if not token:
        raise KeyMissing(
            "deploying to GitHub Pages needs a token",
            hint=f"make one with contents: write and pages: write at {TOKENS}, then: export GITHUB_TOKEN=…",
        )
    if not token.isascii() or any(sign.isspace() for sign in token):
        raise KeyMissing(
            "GITHUB_TOKEN holds characters that no token has", hint=f"copy it again from {TOKENS}"
        )
    base_url = environment.get("GITHUB_API_URL", "").strip().rstrip("/") or BASE_URL
    if not base_url.startswith(("https://", "http://")):
        raise UsageError(
            f"GITHUB_API_URL is no address: {base_url}", hint="for example https://api.github.com"
        )
    server = urlsplit(environment.get("GITHUB_SERVER_URL", "")).hostname or "github.com"
    return GitHubPages(Credentials(token, base_url, environment.get("GITHUB_REPOSITORY", "").strip(), server))


def _check(site: Tree, options: Options) -> None:
    if site.size > _SITE:
        raise NotDeployable(
            f"the site has {site.size // MIB:,} MiB, and GitHub Pages takes 1,024",
            hint="leave large files out, or deploy to another target",
        )
    if options.branch not in ("", BRANCH) and not options.production:
        raise UsageError("GitHub Pages has no previews of branches", hint="leave out --branch")


def _wanted(files: Mapping[str, tuple[str, str]], head: Head) -> dict[str, tuple[str, str]]:
    """The files that the branch is to have: the site's, and what GitHub needs beside them."""
    nojekyll = {_NOJEKYLL.path: ("100644", "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391")}
    domain = {_DOMAIN: head.files[_DOMAIN]} if _DOMAIN in head.files else {}
    return nojekyll | domain | dict(files)


async def _published(
    repository: Repository,
    site: Tree,
    files: Mapping[str, tuple[str, str]],
    source: Commit | None,
    report: Report,
) -> tuple[str, set[str]]:
    """The commit that the branch stands at, and which contents were sent for it."""
    assets = {files[asset.path][1]: asset for asset in site.assets}
    sent: set[str] = set()
    for _ in range(_ROUNDS):
        head = await repository.head()
        wanted = _wanted(files, head)
        if wanted == head.files:
            report.say("Nothing has changed", 70, "publish")
            return head.commit, sent
        missing = {blob for _, blob in wanted.values()} - {blob for _, blob in head.files.values()} - sent
        await _upload(repository, {blob: assets.get(blob, _NOJEKYLL) for blob in missing}, report)
        sent |= missing
        report.say(f"Publishing to {BRANCH}", 70, "publish")
        commit = await repository.make_commit(wanted, head.commit, _message(source))
        if await repository.move(head.commit, commit):
            return commit, sent
        report.say(f"Somebody else changed {BRANCH}; starting from there")
    raise TargetUnavailable(f"the branch {BRANCH} is being changed by somebody else", hint="deploy again")


async def _upload(repository: Repository, missing: Mapping[str, Asset], report: Report) -> None:
    report.say(f"{len(missing)} files to upload", 20, "upload")
    done = 0

    async def store(asset: Asset, blob: str) -> None:
        nonlocal done
        await repository.store(asset, blob)
        done += 1
        report.say(f"Uploaded {done} of {len(missing)} files", 20 + 50 * done // len(missing), "upload")

    await at_once((partial(store, asset, blob) for blob, asset in missing.items()), _UPLOADS)


def _message(source: Commit | None) -> str:
    return f"Deploy {source.hash}" if source and source.hash else "Deploy"


async def _verified(site: Tree, url: str, commit: str, patience: float, report: Report) -> int:
    """How many files were fetched and found equal."""
    verifier = Verifier(
        url,
        report,
        patience=patience,
        lag=patience,
        address=lambda path: f"{as_named(path)}?webmint={commit}",
    )
    return await verifier.compare(site.assets)


async def _remote(folder: Path) -> str:
    """The address of a checkout's remote; "" where there is none, or no git."""
    try:
        git = await asyncio.create_subprocess_exec(
            "git", "-C", str(folder), "remote", "get-url", "origin",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
    except OSError:
        return ""
    output, _ = await git.communicate()
    return output.decode("utf-8", "replace").strip()
