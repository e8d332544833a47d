"""A GitHub repository by the REST API's git database: blobs, trees, commits and one branch, without git.

https://docs.github.com/en/rest/git
"""

import hashlib
import re
from base64 import b64encode
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import httpx

from webmint_cli.answers import scrubbed
from webmint_cli.errors import StorageError, TargetRefused, TokenRejected, WebMintError
from webmint_cli.events import Status
from webmint_cli.targets.api import Api, redirected
from webmint_cli.targets.concurrency import Work
from webmint_cli.targets.placement import chunks, named
from webmint_cli.targets.target import Asset

BRANCH = "gh-pages"
TOKENS = "https://github.com/settings/personal-access-tokens"

_HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
_FILE = "100644"
_BEFORE, _AFTER = b'{"encoding":"base64","content":"', b'"}'
_CREATES_PAGES = re.compile(r"/pages$")


class NotFound(TargetRefused):
    """There is nothing at that address, or the token may not see it."""

    code = "not_found"


class Conflict(TargetRefused):
    """The repository is not in the state that the call expects."""

    code = "conflict"


@dataclass(frozen=True, slots=True)
class Head:
    """Where a branch stands. `files` maps each path to its mode and blob; `commit` is "" for a branch to be made."""

    commit: str = ""
    files: Mapping[str, tuple[str, str]] = field(default_factory=dict)


class Repository:
    """The branch that holds the site, in a repository named "owner/name"."""

    def __init__(self, api: Api, name: str) -> None:
        self.name = name
        self._api = api

    async def call(self, method: str, path: str, **more: Any) -> Any:
        headers = _HEADERS | more.pop("headers", {})
        return await self._api.call(method, f"/repos/{self.name}{path}", headers=headers, **more)

    async def check(self) -> None:
        """Raise TargetRefused if there is no such repository."""
        try:
            await self.call("GET", "")
        except NotFound:
            raise TargetRefused(
                f"there is no repository {self.name}, or the token may not see it",
                code="no_such_repository",
                hint=f"check --project owner/name, and which repositories the token is for: {TOKENS}",
            ) from None

    async def head(self) -> Head:
        commit = await self.commit()
        if not commit:
            return Head()
        tree = (await self.call("GET", f"/git/commits/{commit}"))["tree"]["sha"]
        listed = (await self.call("GET", f"/git/trees/{tree}", params={"recursive": "1"}))["tree"]
        return Head(
            commit, {each["path"]: (each["mode"], each["sha"]) for each in listed if each["type"] != "tree"}
        )

    async def commit(self) -> str:
        """The branch's last commit; "" if there is no branch."""
        try:
            answer = await self.call("GET", f"/git/ref/heads/{BRANCH}")
        except NotFound:
            return ""
        except Conflict as error:
            raise TargetRefused(
                f"the repository {self.name} is empty",
                code="empty_repository",
                hint="push a first commit to it, a README say",
            ) from error
        return str(answer["object"]["sha"])

    async def store(self, asset: Asset, blob: str) -> None:
        """Upload a content. Raises StorageError if it is no longer the one that was hashed."""
        length = len(_BEFORE) + -(-asset.size // 3) * 4 + len(_AFTER)

        async def body() -> AsyncIterator[bytes]:
            yield _BEFORE
            for chunk in chunks(asset):
                yield b64encode(chunk)
            yield _AFTER

        headers = {"Content-Type": "application/json", "Content-Length": str(length)}
        answer = await self.call("POST", "/git/blobs", body=body, headers=headers)
        if answer["sha"] != blob:
            raise StorageError(f"{asset.path} changed during the deployment", hint="deploy again")

    async def make_commit(self, files: Mapping[str, tuple[str, str]], parent: str, message: str) -> str:
        """A commit of just these files. Nothing points to it yet."""
        entries = [
            {"path": path, "mode": mode, "type": "commit" if mode == "160000" else "blob", "sha": blob}
            for path, (mode, blob) in sorted(files.items())
        ]
        tree = (await self.call("POST", "/git/trees", data={"tree": entries}))["sha"]
        data = {"message": message, "tree": tree, "parents": [parent] if parent else []}
        return str((await self.call("POST", "/git/commits", data=data))["sha"])

    async def move(self, before: str, commit: str) -> bool:
        """Let the branch point to a commit; False if somebody else moved it meanwhile."""
        try:
            if before:
                await self.call("PATCH", f"/git/refs/heads/{BRANCH}", data={"sha": commit, "force": False})
            else:
                await self.call("POST", "/git/refs", data={"ref": f"refs/heads/{BRANCH}", "sha": commit})
        except Conflict:
            # A repeated request may have found its own work done; where the branch stands tells.
            there = await self.commit()
            if there == before:
                raise
            return there == commit
        return True


def hashed(contents: tuple[Asset, ...]) -> Work[dict[str, tuple[str, str]]]:
    """Each path with its mode and the name that git gives its content."""
    files = {}
    for number, asset in enumerate(contents, 1):
        blob = hashlib.sha1(b"blob %d\0" % asset.size, usedforsecurity=False)
        for chunk in chunks(asset):
            blob.update(chunk)
            yield Status(f"Hashing {number} of {len(contents)} files", 10, "hash")
        files[named(asset.path)] = (_FILE, blob.hexdigest())
    return files


def is_temporary(response: httpx.Response) -> bool:
    """GitHub also says "slow down" with 403."""
    if response.status_code != HTTPStatus.FORBIDDEN:
        return False
    spent = response.headers.get("x-ratelimit-remaining") == "0" or "retry-after" in response.headers
    return spent or "rate limit" in _said(response).lower()


def refused(response: httpx.Response) -> WebMintError:
    """The error for an answer that is no success, in GitHub's words."""
    said, status = _said(response), response.status_code
    if response.is_redirect:
        if response.url.host == httpx.URL(response.headers.get("location", "")).host:
            return TargetRefused(
                "the repository has moved", code="moved", hint="give its new name: --project owner/name"
            )
        return redirected("GitHub", response)
    if status == HTTPStatus.UNAUTHORIZED:
        return TokenRejected(
            f"GitHub does not accept the token in GITHUB_TOKEN: {said}",
            hint=f"it may be revoked, expired or mistyped; make a new one at {TOKENS}",
        )
    if status == HTTPStatus.FORBIDDEN:
        return _lacking(response, said)
    kinds = {404: NotFound, 409: Conflict, 422: Conflict}
    kind = kinds.get(status, TargetRefused)
    return kind(f"GitHub refused ({status}): {said}", hint="see more with --verbose")


def _lacking(response: httpx.Response, said: str) -> TokenRejected:
    """Which permission a token lacks, by the call it was refused for."""
    path = response.request.url.path
    permission = "pages: write" if "/pages" in path else "contents: write"
    if response.request.method == "POST" and _CREATES_PAGES.search(path):
        permission += " and administration: write"
    return TokenRejected(
        f"the token lacks the permission '{permission}': {said}",
        code="permission_missing",
        hint=f"in a workflow add it under `permissions:`; for a token of your own: {TOKENS}",
    )


def _said(response: httpx.Response) -> str:
    try:
        body = response.json()
    except ValueError:
        return scrubbed(response.text)
    if not isinstance(body, dict):
        return ""
    errors = [each.get("message") for each in body.get("errors") or () if isinstance(each, dict)]
    return scrubbed("; ".join(str(part) for part in (body.get("message"), *errors) if part))
