"""What Cloudflare keeps: assets, projects, deployments, and the JSON by which its API shows them."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import blake3

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cloudflare_wire import Answer, Seen

Stages = int | str
BAD_REQUEST = 8000096


class Refused(Exception):
    """The API says no: an HTTP status, the API's own code, and its message."""

    def __init__(self, status: int, code: int, message: str, *chain: dict[str, Any]) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.chain = status, code, message, chain


def now() -> str:
    return datetime.now(UTC).isoformat().replace("+00:00", "Z")


def extension(path: str) -> str:
    """What node's path.extname gives, without its dot: nothing for `.hidden`, `odd` for `..odd`."""
    name = path.rpartition("/")[2]
    dot = name.rfind(".")
    return name[dot + 1 :] if dot > 0 else ""


def asset_hash(data: bytes, path: str) -> str:
    return blake3.blake3(base64.b64encode(data) + extension(path).encode()).hexdigest()[:32]


def jwt(**claims: object) -> str:
    """A token of the right shape, different each time, with these claims and a signature that nobody checks."""
    claims = {"iat": int(time.time()), "jti": secrets.token_hex(8), **claims}
    parts = ({"alg": "HS256", "typ": "JWT"}, claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join([*encoded, hashlib.sha256(encoded[1].encode()).hexdigest()])


@dataclass(frozen=True, slots=True)
class Asset:
    """Stored bytes; `content_type` None means that the client asked for no such header."""

    data: bytes
    content_type: str | None


@dataclass(frozen=True, slots=True)
class Site:
    """What an edge serves: assets by path, and what answers when a path has none."""

    assets: Mapping[str, Asset]
    hashes: Mapping[str, str]
    not_found: str = "pages"


@dataclass(slots=True)
class Deployment:
    """One publication of a manifest. `polls` is how many more questions it answers with "not yet"; -1 never ends."""

    project: str
    environment: str
    branch: str
    manifest: dict[str, str]
    fields: dict[str, str]
    files: dict[str, bytes]
    site: Site
    url: str
    polls: int
    fails: bool = False
    aliases: list[str] = field(default_factory=list)
    id: str = field(default_factory=lambda: secrets.token_hex(16))
    created_on: str = field(default_factory=now)
    log: list[str] = field(default_factory=list)

    @property
    def live(self) -> bool:
        return self.polls == 0 and not self.fails

    def poll(self) -> None:
        self.polls -= self.polls > 0

    def stage(self) -> dict[str, Any]:
        if self.polls:
            name, status = ("deploy", "active") if self.polls == 1 else ("initialize", "active")
            return {"name": name, "status": status, "started_on": self.created_on, "ended_on": None}
        status = "failure" if self.fails else "success"
        return {"name": "deploy", "status": status, "started_on": self.created_on, "ended_on": now()}

    def show(self) -> dict[str, Any]:
        names = ("commit_hash", "commit_message")
        commit = {name: self.fields.get(name, "") for name in names}
        dirty = self.fields.get("commit_dirty") == "true"
        return {
            "id": self.id,
            "short_id": self.id[:8],
            "project_id": "a" * 32,
            "project_name": self.project,
            "environment": self.environment,
            "url": self.url,
            "created_on": self.created_on,
            "modified_on": self.created_on,
            "latest_stage": self.stage(),
            "stages": [self.stage()],
            "aliases": self.aliases or None,
            "is_skipped": False,
            "deployment_trigger": {
                "type": "ad_hoc",
                "metadata": {"branch": self.branch, **commit, "commit_dirty": dirty},
            },
        }


@dataclass(slots=True)
class Project:
    """A Pages project; `url` is where its active production deployment is served."""

    account: str
    name: str
    production_branch: str
    url: str
    deployments: list[Deployment] = field(default_factory=list)
    active: Deployment | None = None
    domains: dict[str, dict[str, Any]] = field(default_factory=dict)
    created_on: str = field(default_factory=now)

    @property
    def subdomain(self) -> str:
        return self.url.removeprefix("http://")

    def latest(self, branch: str) -> Deployment | None:
        """The newest live preview of a branch, which its alias serves."""
        live = (each for each in reversed(self.deployments) if each.branch == branch and each.live)
        return next(live, None)

    def find(self, identifier: str) -> Deployment:
        """Raises Refused with 8000009 for an unknown deployment."""
        for deployment in self.deployments:
            if deployment.id == identifier:
                return deployment
        raise Refused(
            404, 8000009, "Deployment not found. The deployment ID you have specified does not exist."
        )

    def show(self) -> dict[str, Any]:
        latest = self.deployments[-1].show() if self.deployments else None
        configuration = {"compatibility_date": "2026-01-01", "compatibility_flags": [], "env_vars": {}}
        return {
            "id": hashlib.sha256(self.name.encode()).hexdigest()[:32],
            "name": self.name,
            "subdomain": self.subdomain,
            "domains": [self.subdomain, *self.domains],
            "production_branch": self.production_branch,
            "created_on": self.created_on,
            "source": None,
            "build_config": {},
            "deployment_configs": {"preview": configuration, "production": configuration},
            "canonical_deployment": self.active.show() if self.active else None,
            "latest_deployment": latest,
        }


@dataclass(frozen=True, slots=True)
class Call:
    """A request that found its route and passed the door: the account and the names that its path carries."""

    seen: Seen
    account: str = ""
    project: str = ""
    deployment: str = ""
    script: str = ""
    domain: str = ""
    hash: str = ""
    unstored: frozenset[str] | None = None

    @property
    def bearer(self) -> str:
        return self.seen.headers.get("authorization", "").removeprefix("Bearer ")

    def page(self, items: list[Any], per_page: int = 25, most: int = 100) -> Answer:
        """The asked page of a list, in the API's envelope."""
        from cloudflare_faults import answer, envelope

        query = self.seen.query
        number, size = int(query.get("page", 1)), int(query.get("per_page", per_page))
        if not 1 <= size <= most:
            raise Refused(
                400, 8000024, "Invalid list options provided. Review the `page` or `per_page` parameter."
            )
        shown = items[(number - 1) * size : number * size]
        info = {"page": number, "per_page": size, "count": len(shown), "total_count": len(items)}
        return answer(envelope(shown, **info, total_pages=-(-len(items) // size)))
