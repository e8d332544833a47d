"""A Cloudflare account: its token, its address, and what its refusals mean.

Codes as observed from the API and from wrangler's source; the envelope is `{success, errors: [{code, message}], result}`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

import httpx

from webmint_cli.answers import scrubbed
from webmint_cli.errors import KeyMissing, TargetRefused, TokenRejected, UsageError, WebMintError
from webmint_cli.targets.api import Api, Host, Patience, redirected
from webmint_cli.targets.narration import Report

BASE_URL = "https://api.cloudflare.com/client/v4"
TOKENS = "https://dash.cloudflare.com/profile/api-tokens"

_TEMPORARY = frozenset({8000000, 10013})
_MALFORMED = frozenset({6003, 6111, 9106})
_UNAUTHORIZED = frozenset({9109, 10000, 10001})
_EXPIRED = 8000013
_NO_PROJECT = frozenset({8000007, 10007, 10090})
_NAME_TAKEN = 8000002
_NO_ROUTE = 7003
_QUOTA = ("quota", "limit", "exceeded", "too many", "maximum")


class UploadTokenExpired(TargetRefused):
    """The short-lived token of the uploads is over; a new one is to be had."""


class NoSuchProject(TargetRefused):
    code = "no_such_project"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Whose account, by which token, at which API. `account` is "" until it is found out."""

    token: str
    account: str = ""
    base_url: str = BASE_URL


def credentials(environment: Mapping[str, str], permission: str) -> Credentials:
    """From `CLOUDFLARE_API_TOKEN`, `CLOUDFLARE_ACCOUNT_ID` and `CLOUDFLARE_API_BASE_URL`. Raises KeyMissing."""
    token = environment.get("CLOUDFLARE_API_TOKEN", "").strip()
    if not token:
        raise KeyMissing(
            "deploying to Cloudflare needs an API token",
            hint=f"make one with the permission '{permission}' at {TOKENS}, "
            "then: export CLOUDFLARE_API_TOKEN=…",
        )
    if not token.isascii() or any(sign.isspace() for sign in token):
        raise TokenRejected(
            "CLOUDFLARE_API_TOKEN holds characters that no token has", hint=f"copy it again from {TOKENS}"
        )
    base_url = environment.get("CLOUDFLARE_API_BASE_URL", "").strip().rstrip("/") or BASE_URL
    if not base_url.startswith(("https://", "http://")):
        raise UsageError(f"CLOUDFLARE_API_BASE_URL is no address: {base_url}", hint=f"for example {BASE_URL}")
    return Credentials(token, environment.get("CLOUDFLARE_ACCOUNT_ID", "").strip(), base_url)


class Cloudflare:
    """An open connection to the API on behalf of one account. Use it as an async context manager.

    `permission` is what the token needs for the work at hand, in the dashboard's words.
    """

    def __init__(
        self,
        credentials: Credentials,
        report: Report,
        *,
        permission: str,
        patience: Patience | None = None,
    ) -> None:
        self._credentials = credentials
        self._permission = permission
        self._account = credentials.account
        host = Host("Cloudflare", credentials.base_url, refused, is_temporary)
        self.api = Api(host, report, token=credentials.token, patience=patience)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.api.__aexit__(kind, error, trace)

    async def ask(self, method: str, path: str, **more: Any) -> Any:
        """The `result` of a call. A refused token is looked into: is it wrong, or does it lack a permission?"""
        return (await self.answer(method, path, **more)).get("result")

    async def answer(self, method: str, path: str, **more: Any) -> dict[str, Any]:
        """The whole answer of a call."""
        try:
            answer = await self.api.call(method, path, **more)
        except TokenRejected as error:
            if "token" in more or error.code == "token_malformed":
                raise
            raise await self._explained(error) from None
        return answer if isinstance(answer, dict) else {}

    async def account(self) -> str:
        """The account's id: as given, else the only one that the token sees."""
        if not self._account:
            self._account = self._only(await self.ask("GET", "/accounts", params={"per_page": 50}) or [])
        return self._account

    def _only(self, accounts: list[dict[str, Any]]) -> str:
        if len(accounts) == 1:
            return str(accounts[0]["id"])
        if not accounts:
            raise TokenRejected(
                "the token sees no account",
                code="no_account",
                hint="export CLOUDFLARE_ACCOUNT_ID=… (the account's home page in the dashboard shows it)",
            )
        listed = ", ".join(f"{account['id']} ({account.get('name', '')})" for account in accounts[:5])
        raise UsageError(
            f"the token sees {len(accounts)} accounts: {listed}", hint="export CLOUDFLARE_ACCOUNT_ID=…"
        )

    async def _explained(self, error: TokenRejected) -> TokenRejected:
        """Whether a refused token is valid at all; where that can't be found out, the refusal as it was."""
        paths = ["/user/tokens/verify"]
        if self._account:
            paths.append(f"/accounts/{self._account}/tokens/verify")
        for path in paths:
            try:
                await self.api.call("GET", path)
            except TokenRejected:
                continue
            except WebMintError:
                return error
            return self._lacking()
        return TokenRejected(
            "Cloudflare does not accept the token in CLOUDFLARE_API_TOKEN",
            hint=f"it may be revoked or mistyped; make a new one at {TOKENS}",
        )

    def _lacking(self) -> TokenRejected:
        place = f" in account {self._account}" if self._account else ""
        return TokenRejected(
            f"the token is valid, but lacks the permission '{self._permission}'{place}",
            code="permission_missing",
            hint=f"add 'Account · {self._permission}' to it at {TOKENS}; is CLOUDFLARE_ACCOUNT_ID the right account?",
        )


def is_temporary(response: httpx.Response) -> bool:
    """Whether a refusal passes by itself, whatever its status."""
    return bool(_TEMPORARY & {code for code, _ in _errors(response)})


def refused(response: httpx.Response) -> WebMintError:
    """The error for an answer that is no success."""
    errors = _errors(response)
    codes = {code for code, _ in errors}
    said = scrubbed("; ".join(message for _, message in errors))
    if response.is_redirect:
        return redirected("Cloudflare", response)
    if _EXPIRED in codes:
        return UploadTokenExpired("the upload token expired", hint="deploy again")
    if codes & _MALFORMED:
        return TokenRejected(
            f"Cloudflare can't read the token in CLOUDFLARE_API_TOKEN: {said}",
            code="token_malformed",
            hint=f"copy it again from {TOKENS}",
        )
    if codes & _UNAUTHORIZED or response.status_code in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return TokenRejected(f"Cloudflare refused the token: {said}", hint=f"check it at {TOKENS}")
    return _refused_request(response, codes, said)


def _refused_request(response: httpx.Response, codes: set[int], said: str) -> TargetRefused:
    if codes & _NO_PROJECT:
        return NoSuchProject("there is no such project")
    if _NO_ROUTE in codes:
        return TargetRefused(
            "Cloudflare knows no such account", code="no_such_account", hint="check CLOUDFLARE_ACCOUNT_ID"
        )
    if _NAME_TAKEN in codes:
        return TargetRefused(
            "that project name is taken", code="name_taken", hint="choose another: --project NAME --create"
        )
    if response.status_code == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return TargetRefused(
            f"a file is too large for Cloudflare: {said}",
            code="file_too_large",
            hint="make it smaller; Pages takes files up to 25 MiB",
        )
    if any(word in said.lower() for word in _QUOTA):
        return TargetRefused(
            f"the account's limit is reached: {said}",
            code="quota_exceeded",
            hint="remove what is not needed (webmint deployments delete), or raise the plan",
        )
    numbers = ", ".join(f"code {code}" for code in sorted(codes))
    place = numbers or f"status {response.status_code}"
    return TargetRefused(
        f"Cloudflare refused ({place}){': ' if said else ''}{said}", hint="see more with --verbose"
    )


def _errors(response: httpx.Response) -> list[tuple[int, str]]:
    """The codes and messages of an answer, causes within causes as well."""
    try:
        body = response.json()
    except ValueError:
        return []
    return list(_listed(body.get("errors"))) if isinstance(body, dict) else []


def _listed(errors: Any) -> list[tuple[int, str]]:
    found = []
    for error in errors if isinstance(errors, list) else []:
        if isinstance(error, dict) and isinstance(error.get("code"), int):
            found.append((error["code"], str(error.get("message", ""))))
            found.extend(_listed(error.get("error_chain")))
    return found
