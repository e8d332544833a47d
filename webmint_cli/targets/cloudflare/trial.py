"""Cloudflare without an account: a temporary one for about an hour, against proof of work, that can be claimed.

As `wrangler deploy --temporary` does it; experimental on both sides.
"""

import hashlib
from base64 import b64encode, urlsafe_b64decode
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from webmint_cli.errors import TargetRefused, Unconfirmed, UsageError
from webmint_cli.events import Deployed, Event, Planned, Status
from webmint_cli.targets.api import Ambiguous, Patience
from webmint_cli.targets.cloudflare.account import BASE_URL, Cloudflare, Credentials
from webmint_cli.targets.cloudflare.workers import PERMISSION, Address, CloudflareWorkers, workers_dev
from webmint_cli.targets.concurrency import Work, performed
from webmint_cli.targets.narration import Report, narrated
from webmint_cli.targets.target import Options, Tree

_TERMS = "https://www.cloudflare.com/terms/"
_PRIVACY = "https://www.cloudflare.com/privacypolicy/"
_MOST_WORK = 64 << 20
_STRETCH = 10_000
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class Trial:
    """A temporary account, where it is claimed, and until when."""

    account: str
    token: str
    claim_url: str
    claim_by: str


class CloudflareTrial:
    """The target `cloudflare-trial`."""

    name = "cloudflare-trial"
    capacity = CloudflareWorkers.capacity
    terms = (
        "Experimental: Cloudflare makes a temporary account for this site, which is public at once and is deleted "
        f"after about an hour unless you claim it. By going on you accept Cloudflare's terms ({_TERMS}) and privacy "
        f"policy ({_PRIVACY})"
    )

    def __init__(
        self,
        base_url: str = BASE_URL,
        *,
        patience: Patience | None = None,
        address: Address = workers_dev,
    ) -> None:
        self._base_url = base_url
        self._patience = patience
        self._address = address

    def deploy(self, site: Tree, project: str, options: Options) -> AsyncGenerator[Event, None]:
        return narrated(partial(self._deploy, site, project, options))

    def plan(self, site: Tree, project: str, options: Options) -> AsyncGenerator[Event, None]:
        return narrated(partial(self._plan, site, project, options))

    async def _deploy(self, site: Tree, project: str, options: Options, report: Report) -> Deployed:
        if not options.terms_accepted:
            raise UsageError(f"{self.name} needs its terms accepted", hint="read them, then add --yes")
        trial = await self._trial(report)
        workers = CloudflareWorkers(
            Credentials(trial.token, trial.account, self._base_url),
            patience=self._patience,
            address=self._address,
        )
        try:
            deployed = await workers.published(site, project, replace(options, create=True), report)
        except Unconfirmed as error:
            claim = f"claim it by {trial.claim_by}: {trial.claim_url}"
            raise Unconfirmed(error.message, hint=f"{error.hint}; {claim}") from None
        return replace(deployed, target=self.name, claim_url=trial.claim_url, claim_by=trial.claim_by)

    async def _plan(self, site: Tree, project: str, _options: Options, report: Report) -> Planned:
        report.say("A trial begins with nothing", 50, "check")
        everything = tuple(sorted(asset.path for asset in site.assets))
        return Planned(
            self.name, project, "production", everything, (), (), (), site.size, creates_project=True
        )

    async def _trial(self, report: Report) -> Trial:
        """A new account. One whose answer was lost can't be had again, so another is made."""
        credentials = Credentials("", "", self._base_url)
        async with Cloudflare(
            credentials, report, permission=PERMISSION, patience=self._patience
        ) as cloudflare:
            attempt = 1
            while True:
                report.say("Asking Cloudflare for a temporary account", 1, "connect")
                challenge = await cloudflare.ask("POST", "/provisioning/previews/challenge", data={})
                data = {
                    "termsOfService": _TERMS,
                    "privacyPolicy": _PRIVACY,
                    "acceptTermsOfService": "yes",
                    "challengeToken": challenge["challengeToken"],
                    "solution": {"checkpoints": await performed(solved(challenge), report)},
                }
                try:
                    return _read(await cloudflare.ask("POST", "/provisioning/previews", data=data, once=True))
                except Ambiguous as ambiguity:
                    if attempt == _ATTEMPTS:
                        raise ambiguity.error from None
                    report.say(f"{ambiguity.error.message}; asking for another")
                attempt += 1


def target(environment: Mapping[str, str]) -> CloudflareTrial:
    """The target, at `CLOUDFLARE_API_BASE_URL` if that is set. It needs no token, and uses none."""
    base_url = environment.get("CLOUDFLARE_API_BASE_URL", "").strip().rstrip("/")
    return CloudflareTrial(base_url or BASE_URL)


def solved(challenge: Mapping[str, Any]) -> Work[str]:
    """The proof of work: SHA-256 of the seed and then `k` checkpoints, each `g` times SHA-256 of the one before.

    Raises TargetRefused for one that would take too long.
    """
    count, length = int(challenge["k"]), int(challenge["g"])
    if count * length > _MOST_WORK:
        raise TargetRefused(
            f"Cloudflare wants {count * length:,} hashes for a temporary account",
            code="too_much_work",
            hint="make an account, and deploy with a token: --to cloudflare",
        )
    seed = str(challenge["seed"])
    digest = hashlib.sha256(urlsafe_b64decode(seed + "=" * (-len(seed) % 4))).digest()
    checkpoints = [digest]
    for number in range(count):
        for start in range(0, length, _STRETCH):
            for _ in range(min(_STRETCH, length - start)):
                digest = hashlib.sha256(digest).digest()
            yield Status(f"Proof of work: {100 * number // count} %", 1, "connect")
        checkpoints.append(digest)
    return b64encode(b"".join(checkpoints)).decode()


def _read(made: Mapping[str, Any]) -> Trial:
    account, claim = made["account"], made["claim"]
    return Trial(
        account=str(account["id"]),
        token=str(account["apiToken"]),
        claim_url=str(claim["url"]),
        claim_by=str(claim.get("expiresAt") or account.get("expiresAt") or ""),
    )
