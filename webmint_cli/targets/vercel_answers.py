"""What Vercel answers, and what it means: refusals, states, file trees, and doors that are shut."""

from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

import httpx

from webmint_cli.answers import scrubbed
from webmint_cli.errors import TargetRefused, TokenRejected, Unconfirmed, WebMintError
from webmint_cli.targets.api import redirected, tls

_QUOTA = ("limit", "exceed", "quota", "payment")


class MissingFiles(TargetRefused):
    """The host lacks these contents (`missing`: SHA-1)."""

    def __init__(self, missing: list[str]) -> None:
        super().__init__("Vercel lacks files that were not sent", code="missing_files", hint="deploy again")
        self.missing = missing


def refusals(token: str, tokens: str) -> Callable[[httpx.Response], WebMintError]:
    """The error for an answer that is no success. `token` is kept out of it, `tokens` is where one is made."""

    def refused(response: httpx.Response) -> WebMintError:
        error = _error(response)
        code, said = str(error.get("code", "")), scrubbed(str(error.get("message", "")), token)
        detail = f": {said}" if said else ""
        if response.is_redirect:
            return redirected("Vercel", response)
        if code == "missing_files":
            return MissingFiles([str(key) for key in error.get("missing") or ()])
        if response.status_code == HTTPStatus.UNAUTHORIZED or error.get("invalidToken"):
            return TokenRejected(
                f"Vercel does not accept the token in VERCEL_TOKEN{detail}",
                hint=f"it may be expired or mistyped; make a new one at {tokens}",
            )
        return _refused_request(response.status_code, code, detail, tokens)

    return refused


def _refused_request(status: int, code: str, detail: str, tokens: str) -> TargetRefused:
    if status == HTTPStatus.PAYMENT_REQUIRED or any(
        word in code for word in _QUOTA if code != "size_limit_exceeded"
    ):
        return TargetRefused(
            f"the account's limit is reached{detail}",
            code="quota_exceeded",
            hint="see the usage at https://vercel.com/dashboard, or raise the plan",
        )
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE or code == "size_limit_exceeded":
        return TargetRefused(
            f"a file is too large for Vercel{detail}", code="file_too_large", hint="make it smaller"
        )
    if status == HTTPStatus.FORBIDDEN:
        return TokenRejected(
            f"the token is valid, but may not do this{detail}",
            code="permission_missing",
            hint=f"give a token the project's team as its scope at {tokens}, and export VERCEL_ORG_ID=…",
        )
    if status == HTTPStatus.NOT_FOUND:
        return TargetRefused(f"Vercel knows no such thing{detail}", code="not_found", hint="check --project")
    if status == HTTPStatus.CONFLICT:
        return TargetRefused(
            f"that project name is taken{detail}",
            code="name_taken",
            hint="choose another: --project NAME --create",
        )
    return TargetRefused(
        f"Vercel refused ({code or f'status {status}'}){detail}", hint="see more with --verbose"
    )


def _error(response: httpx.Response) -> Mapping[str, Any]:
    try:
        error = response.json()["error"]
    except (ValueError, KeyError, TypeError):
        return {}
    return error if isinstance(error, dict) else {}


def is_live(deployment: Mapping[str, Any]) -> bool:
    """Whether it is ready and has its aliases. Raises TargetRefused when it never will be."""
    state = str(deployment.get("readyState") or "")
    if state.endswith("ERROR") or state == "CANCELED":
        said = scrubbed(str(deployment.get("errorMessage") or ""))
        raise TargetRefused(
            f"Vercel could not make the deployment ({state.lower()}){': ' if said else ''}{said}",
            code="deploy_failed",
            hint=f"see the log: {deployment.get('inspectorUrl') or 'https://vercel.com/dashboard'}",
        )
    check = ((deployment.get("checks") or {}).get("deployment-alias") or {}).get("state")
    fault = deployment.get("aliasError") or (check == "failed" and "a check failed")
    if state == "READY" and fault:
        said = scrubbed(str(fault.get("message") if isinstance(fault, dict) else fault))
        raise Unconfirmed(
            f"deployed to {served_at(str(deployment['url']))}, but it has no alias: {said}",
            hint="see the project's domains at https://vercel.com/dashboard",
        )
    return state == "READY" and bool(deployment.get("aliasAssigned"))


def served_at(name: str) -> str:
    """The address of a host's name."""
    return name if "://" in name else f"https://{name}"


def files_in(tree: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """The files of a deployment's tree, path to SHA-1. What was sent is in a folder `src`, beside what was built."""
    roots = {str(entry["name"]): entry for entry in tree}
    sources = roots.get("src")
    if sources and all(entry.get("type") == "directory" for entry in roots.values()):
        roots = {str(entry["name"]): entry for entry in sources.get("children") or ()}
    found: dict[str, str] = {}
    pending = list(roots.items())
    while pending:
        path, entry = pending.pop()
        pending += [(f"{path}/{child['name']}", child) for child in entry.get("children") or ()]
        if entry.get("type") == "file":
            found[path] = str(entry.get("uid", ""))
    return found


async def open_address(addresses: Iterable[str], headers: Mapping[str, str]) -> str:
    """The first address that asks nobody to sign in. Raises Unconfirmed if all do."""
    listed = list(addresses)
    async with httpx.AsyncClient(timeout=15.0, verify=tls()) as client:
        for address in listed:
            if not await _is_protected(client, address, headers):
                return address
    raise Unconfirmed(
        f"deployed to {listed[0]}, but Vercel asks readers to sign in, so it is not confirmed",
        code="protected",
        hint="switch Vercel Authentication off (project, Settings, Deployment Protection), or make a secret for "
        "automation there, then: export VERCEL_AUTOMATION_BYPASS_SECRET=…",
    )


async def _is_protected(client: httpx.AsyncClient, address: str, headers: Mapping[str, str]) -> bool:
    try:
        response = await client.get(address, headers=dict(headers))
    except httpx.HTTPError:
        return False
    place = urlsplit(response.headers.get("location", "")).hostname or ""
    signs_in = response.is_redirect and (place == "vercel.com" or place.endswith(".vercel.com"))
    return response.status_code == HTTPStatus.UNAUTHORIZED or signs_in
