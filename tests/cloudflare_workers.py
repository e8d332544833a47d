"""The Workers half of Cloudflare's API that static assets need, and the accounts that come without a key."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from cloudflare_faults import EXPIRED_TOKEN, answer, envelope
from cloudflare_site import BAD_REQUEST, Asset, Call, Refused, Site, asset_hash, jwt, now

if TYPE_CHECKING:
    from collections.abc import Callable

    from cloudflare_edge import Edge
    from cloudflare_wire import Answer, Part

TERMS = {
    "termsOfService": "https://www.cloudflare.com/terms/",
    "privacyPolicy": "https://www.cloudflare.com/privacypolicy/",
    "acceptTermsOfService": "yes",
}


@dataclass(slots=True)
class Session:
    """One upload of assets; complete once nothing is missing, and then `completion` is what a script names."""

    stored: dict[str, Asset]
    manifest: dict[str, dict[str, Any]]
    missing: set[str]
    expires: float
    completion: str = ""


@dataclass(slots=True)
class Script:
    """A Worker of static assets; `url` serves the version that is deployed, once workers.dev is switched on."""

    name: str
    url: str
    versions: dict[str, Site] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    active: str = ""
    on_workers_dev: bool = False

    @property
    def site(self) -> Site | None:
        return self.versions.get(self.active) if self.on_workers_dev else None


class Workers:
    """Everything of one Cloudflare that is Workers. `bucket_files` is how many assets it asks for in one upload."""

    def __init__(self, edge: Edge) -> None:
        self.scripts: dict[str, Script] = {}
        self.subdomain: str | None = "acme"
        self.bucket_files = 500
        self.session_seconds = 3600.0
        self._stored: dict[str, dict[str, Asset]] = {}
        self._sessions: dict[str, Session] = {}
        self._edge = edge

    # Assets

    def session(self, call: Call) -> Answer:
        manifest = (call.seen.json or {}).get("manifest")
        if not isinstance(manifest, dict) or not all(path.startswith("/") for path in manifest):
            raise Refused(400, 10021, "The manifest must map paths to hashes and sizes.")
        hashes = dict.fromkeys(entry["hash"] for entry in manifest.values())
        stored = self._stored.setdefault(call.account, {})
        missing = [each for each in hashes if each not in stored]
        expires = time.time() + self.session_seconds
        token = jwt(exp=int(expires), kind="session")
        opened = Session(stored, manifest, set(missing), expires, completion="" if missing else token)
        self._sessions[token] = opened
        size = self.bucket_files
        buckets = [missing[start : start + size] for start in range(0, len(missing), size)]
        return answer(envelope({"jwt": token, "buckets": buckets}))

    def upload(self, call: Call) -> Answer:
        opened = self._sessions.get(call.bearer)
        if opened is None or time.time() >= opened.expires:
            raise Refused(401, EXPIRED_TOKEN, "Authorization failed")
        if call.seen.query.get("base64") != "true":
            raise Refused(400, BAD_REQUEST, "Assets come base64-encoded.")
        for part in call.seen.parts():
            self._store(opened, part)
        if opened.missing:
            return answer(envelope({}), 202)
        opened.completion = jwt(exp=int(opened.expires), kind="completion")
        return answer(envelope({"jwt": opened.completion}), 201)

    def _store(self, opened: Session, part: Part) -> None:
        data = base64.b64decode(part.data, validate=True)
        entries = [(path, entry) for path, entry in opened.manifest.items() if entry["hash"] == part.name]
        if not entries or part.filename != part.name or part.content_type is None:
            raise Refused(400, BAD_REQUEST, f"The asset {part.name} is not one of this session.")
        for path, entry in entries:
            if entry["size"] != len(data) or asset_hash(data, path) != part.name:
                raise Refused(
                    400, BAD_REQUEST, f"The asset {part.name} is not what the manifest says of {path}."
                )
        kind = None if part.content_type == "application/null" else part.content_type
        opened.stored[part.name] = Asset(data, kind)
        opened.missing.discard(part.name)

    # Scripts

    def script(self, call: Call) -> Answer:
        name = call.script
        if name not in self.scripts:
            self.scripts[name] = Script(name, self._edge.listen(lambda: self.scripts[name].site))
        script = self.scripts[name]
        script.active = self._version(script, call)
        return answer(
            envelope(
                {"id": name, "etag": script.active, "deployment_id": script.active, "startup_time_ms": 1}
            )
        )

    def version(self, call: Call) -> Answer:
        script = self._script(call)
        identifier = self._version(script, call)
        resources = {"script": {"etag": identifier}, "script_runtime": {}, "bindings": []}
        return answer(envelope({"id": identifier, "startup_time_ms": 1, "resources": resources}))

    def _version(self, script: Script, call: Call) -> str:
        metadata = {part.name: part.data for part in call.seen.parts()}.get("metadata")
        if metadata is None:
            raise Refused(400, 10021, "The metadata part is missing.")
        script.metadata = json.loads(metadata)
        assets = script.metadata.get("assets", {})
        done = [
            each
            for each in self._sessions.values()
            if each.completion and each.completion == assets.get("jwt")
        ]
        if not done:
            raise Refused(400, 100328, "The assets of this version were not uploaded.")
        hashes = {path: entry["hash"] for path, entry in done[0].manifest.items()}
        identifier = secrets.token_hex(16)
        not_found = assets.get("config", {}).get("not_found_handling", "none")
        script.versions[identifier] = Site(
            {path: done[0].stored[key] for path, key in hashes.items()}, hashes, not_found
        )
        return identifier

    def _script(self, call: Call) -> Script:
        script = self.scripts.get(call.script)
        if script is None:
            raise Refused(404, 10007, "This Worker does not exist on your account.")
        return script

    def deploy(self, call: Call) -> Answer:
        script, versions = self._script(call), call.seen.json["versions"]
        if len(versions) != 1 or versions[0]["version_id"] not in script.versions:
            raise Refused(400, 10021, "One known version must get all requests.")
        script.active = versions[0]["version_id"]
        return answer(envelope({"id": secrets.token_hex(16)}))

    def list_deployments(self, call: Call) -> Answer:
        script = self._script(call)
        versions = [{"version_id": script.active, "percentage": 100}]
        shown = {
            "id": script.active,
            "created_on": now(),
            "source": "api",
            "strategy": "percentage",
            "versions": versions,
        }
        return answer(envelope({"deployments": [shown]}))

    def service(self, call: Call) -> Answer:
        if call.script not in self.scripts:
            raise Refused(404, 10090, "This service does not exist on your account.")
        script = {"id": call.script, "tag": "", "last_deployed_from": "wrangler", "tags": None}
        return answer(
            envelope(
                {"id": call.script, "default_environment": {"environment": "production", "script": script}}
            )
        )

    def worker(self, call: Call) -> Answer:
        """The same Worker as its newer address shows it, which is where wrangler looks for workers.dev."""
        enabled = self._script(call).on_workers_dev
        subdomain = {"enabled": enabled, "previews_enabled": enabled}
        return answer(envelope({"id": call.script, "name": call.script, "subdomain": subdomain}))

    def settings(self, call: Call) -> Answer:
        self._script(call)
        return answer(envelope(call.seen.json))

    def script_subdomain(self, call: Call) -> Answer:
        script = self._script(call)
        if call.seen.method == "POST":
            script.on_workers_dev = call.seen.json["enabled"]
        return answer(envelope({"enabled": script.on_workers_dev, "previews_enabled": script.on_workers_dev}))

    def account_subdomain(self, call: Call) -> Answer:
        if call.seen.method == "PUT":
            self.subdomain = call.seen.json["subdomain"]
        if self.subdomain is None:
            raise Refused(
                404, 10007, "You need to register a workers.dev subdomain before publishing to workers.dev."
            )
        return answer(envelope({"subdomain": self.subdomain}))


class Trials:
    """Accounts without a key, against proof of work: `k` checkpoints of `g` chained hashes each."""

    def __init__(self, grant: Callable[[], tuple[str, str, str]]) -> None:
        self.k, self.g = 4, 8
        self.claims: list[str] = []
        self._seeds: dict[str, bytes] = {}
        self._grant = grant

    def challenge(self, _call: Call) -> Answer:
        token, seed = secrets.token_hex(16), secrets.token_bytes(32)
        self._seeds[token] = seed
        text = base64.urlsafe_b64encode(seed).rstrip(b"=").decode()
        return answer(envelope({"challengeToken": token, "seed": text, "k": self.k, "g": self.g}))

    def create(self, call: Call) -> Answer:
        asked = call.seen.json or {}
        if {name: asked.get(name) for name in TERMS} != TERMS:
            raise Refused(400, BAD_REQUEST, "The terms of service must be accepted.")
        seed = self._seeds.pop(str(asked.get("challengeToken")), None)
        if seed is None or asked.get("solution", {}).get("checkpoints") != self._solution(seed):
            raise Refused(403, BAD_REQUEST, "The proof of work is wrong.")
        identifier, name, token = self._grant()
        expires = (datetime.now(UTC) + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
        account = {
            "id": identifier,
            "name": name,
            "type": "standard",
            "apiToken": token,
            "expiresAt": expires,
        }
        self.claims.append(f"https://dash.cloudflare.com/claim-preview?claimToken={secrets.token_hex(16)}")
        return answer(envelope({"account": account, "claim": {"url": self.claims[-1], "expiresAt": expires}}))

    def _solution(self, seed: bytes) -> str:
        digest = hashlib.sha256(seed).digest()
        checkpoints = [digest]
        for _ in range(self.k):
            for _ in range(self.g):
                digest = hashlib.sha256(digest).digest()
            checkpoints.append(digest)
        return base64.b64encode(b"".join(checkpoints)).decode()
