"""A Cloudflare of our own: its API and its edge over real sockets, as strict as the true one, with faults on demand.

with CloudflareHost() as host:
    host.add_project("demo")
    host.faults.add("deploy", Fault.drop("after"))
    deploy(CLOUDFLARE_API_BASE_URL=host.api, CLOUDFLARE_API_TOKEN=host.token, CLOUDFLARE_ACCOUNT_ID=host.account)
    assert host.calls() == ["project", "upload-token", ...]
"""

from __future__ import annotations

import re
import secrets
import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self
from urllib.parse import unquote, urlsplit

from cloudflare_edge import Edge
from cloudflare_faults import Fault, Faults, answer, envelope, refusal
from cloudflare_pages import Pages
from cloudflare_site import BAD_REQUEST, Call, Deployment, Project, Refused, Stages
from cloudflare_wire import Answer, Listener, Seen, read_body, read_head, send
from cloudflare_workers import Trials, Workers

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from typing import BinaryIO

__all__ = ["CloudflareHost", "Fault"]

PREFIX = "/client/v4"
EVERYTHING = frozenset({"account:read", "pages:read", "pages:write", "workers:write"})


@dataclass(frozen=True, slots=True)
class Route:
    """`needs` is a permission, "token" for any valid API token, or nothing where another door is used."""

    method: str
    pattern: str
    call: str
    needs: str
    handle: Callable[[Call], Answer]

    def match(self, method: str, path: str) -> dict[str, str] | None:
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", self.pattern)
        found = re.fullmatch(pattern, path) if method == self.method else None
        return {name: unquote(value) for name, value in found.groupdict().items()} if found else None


def _no_route(_call: Call) -> Answer:
    raise Refused(404, 7000, "No route for that URI")


UNKNOWN = Route("", "", "unknown", "", _no_route)


class CloudflareHost:
    """The server, in threads, for as long as its `with` block.

    `accounts` maps ids to names and `tokens` tokens to permissions (`account:read`, `pages:read`, `pages:write`,
    `workers:write`), each with one entry at first. `requests` are the API's requests in the order of their arrival.
    """

    def __init__(self) -> None:
        self.account = secrets.token_hex(16)
        self.token = secrets.token_urlsafe(30)
        self.accounts = {self.account: "Acme"}
        self.tokens: dict[str, frozenset[str]] = {self.token: EVERYTHING}
        self.owners: dict[str, set[str]] = {}
        self.requests: list[Seen] = []
        self.faults = Faults()
        self._lock = threading.RLock()

    def __enter__(self) -> Self:
        self.edge = Edge()
        self.pages, self.workers = Pages(self.edge), Workers(self.edge)
        self.trials = Trials(self._grant)
        self._routes = self._table()
        self._listener = Listener(self._converse)
        self.api = self._listener.origin + PREFIX
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        self.edge.close()

    @property
    def projects(self) -> dict[str, Project]:
        return self.pages.projects

    @property
    def deployments(self) -> list[Deployment]:
        """All that were made, oldest first."""
        return self.pages.deployments

    @property
    def repeats(self) -> list[tuple[str, str]]:
        """(call, hash) of everything that was sent twice in one call, or uploaded though stored."""
        return self.pages.assets.repeats

    @property
    def stages(self) -> Stages:
        """How new deployments go: the number of polls until they are live (0 is at once), "failure" or "never"."""
        return self.pages.stages

    @stages.setter
    def stages(self, stages: Stages) -> None:
        self.pages.stages = stages

    def add_project(self, name: str, production_branch: str = "main") -> Project:
        return self.pages.add(self.account, name, production_branch)

    def add_token(self, *permissions: str, accounts: set[str] | None = None) -> str:
        """A token with just these permissions, for these accounts (all when None)."""
        token = secrets.token_urlsafe(30)
        self.tokens[token] = frozenset(permissions)
        if accounts is not None:
            self.owners[token] = accounts
        return token

    def add_account(self, name: str) -> str:
        identifier = secrets.token_hex(16)
        self.accounts[identifier] = name
        return identifier

    def calls(self) -> list[str]:
        return [seen.call for seen in self.requests]

    def _grant(self) -> tuple[str, str, str]:
        identifier = self.add_account("Temporary")
        return identifier, "Temporary", self.add_token(*EVERYTHING, accounts={identifier})

    # Requests

    def _converse(self, wire: socket.socket, stream: BinaryIO) -> None:
        while (head := read_head(stream)) and self._exchange(wire, stream, head):
            pass

    def _exchange(self, wire: socket.socket, stream: BinaryIO, head: Seen) -> bool:
        route, names = self._find(head)
        fault = self.faults.take(route.call) or Fault()
        body = b"" if fault.unread else read_body(stream, head.headers)
        seen = replace(head, call=route.call, body=body)
        self.requests.append(seen)
        if fault.unread:
            return False
        reply = fault.instead or self._answer(seen, route, names, fault)
        return send(wire, fault.change(reply) if fault.change else reply)

    def _find(self, seen: Seen) -> tuple[Route, dict[str, str]]:
        path = urlsplit(seen.path).path.removeprefix(PREFIX)
        found = ((route, route.match(seen.method, path)) for route in self._routes)
        return next(((route, names) for route, names in found if names is not None), (UNKNOWN, {}))

    def _answer(self, seen: Seen, route: Route, names: dict[str, str], fault: Fault) -> Answer:
        try:
            with self._lock:
                self._admit(seen, route, names.get("account"))
                return route.handle(Call(seen, unstored=fault.unstored, **names))
        except Refused as refused:
            return answer(refusal(refused.code, refused.message, *refused.chain), refused.status)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            return answer(refusal(BAD_REQUEST, f"The request can't be understood: {error!r}"), 400)

    def _admit(self, seen: Seen, route: Route, account: str | None) -> None:
        """Raises Refused as Cloudflare's door does."""
        if not route.needs:
            return
        token = _token(seen)
        permissions = self.tokens.get(token)
        if permissions is None:
            raise _unknown_token(route)
        if account is not None and not re.fullmatch("[0-9a-f]{32}", account):
            raise Refused(
                404,
                7003,
                f"Could not route to {urlsplit(seen.path).path}, perhaps your object identifier is invalid?",
            )
        if account is not None and account not in self._own(token):
            raise Refused(403, 9109, "Unauthorized to access requested resource")
        allowed = {route.needs, route.needs.replace(":read", ":write")}
        if route.needs != "token" and not allowed & permissions:
            raise Refused(403, 10000, "Authentication error")

    def _own(self, token: str) -> list[str]:
        mine = self.owners.get(token, set(self.accounts))
        return [account for account in self.accounts if account in mine]

    # Accounts

    def _list_accounts(self, call: Call) -> Answer:
        shown = [
            {"id": each, "name": self.accounts[each], "type": "standard"} for each in self._own(call.bearer)
        ]
        return call.page(shown if "account:read" in self.tokens[call.bearer] else [], per_page=20, most=50)

    def _verify(self, call: Call) -> Answer:
        return answer(envelope({"id": call.bearer[:8], "status": "active"}))

    def _table(self) -> list[Route]:
        pages, workers, trials = self.pages, self.workers, self.trials
        projects, scripts = (
            "/accounts/{account}/pages/projects",
            "/accounts/{account}/workers/scripts/{script}",
        )
        project, deployments = f"{projects}/{{project}}", f"{projects}/{{project}}/deployments"
        deployment, domains = f"{deployments}/{{deployment}}", f"{project}/domains"
        return [
            Route("GET", "/accounts", "accounts", "token", self._list_accounts),
            Route("GET", "/user/tokens/verify", "verify", "token", self._verify),
            Route("GET", "/accounts/{account}/tokens/verify", "verify-account", "token", self._verify),
            Route("GET", projects, "projects", "pages:read", pages.list_projects),
            Route("POST", projects, "create", "pages:write", pages.create),
            Route("GET", project, "project", "pages:read", pages.project),
            Route("PATCH", project, "update", "pages:write", pages.update),
            Route("DELETE", project, "remove", "pages:write", pages.remove),
            Route("GET", f"{project}/upload-token", "upload-token", "pages:write", pages.upload_token),
            Route("POST", "/pages/assets/check-missing", "check-missing", "", pages.assets.check_missing),
            Route("POST", "/pages/assets/upload", "upload", "", pages.assets.upload),
            Route("POST", "/pages/assets/upsert-hashes", "upsert", "", pages.assets.upsert),
            Route("POST", deployments, "deploy", "pages:write", pages.deploy),
            Route("GET", deployments, "deployments", "pages:read", pages.list_deployments),
            Route("GET", deployment, "poll", "pages:read", pages.poll),
            Route("GET", f"{deployment}/history/logs", "logs", "pages:read", pages.logs),
            Route("DELETE", deployment, "delete", "pages:write", pages.delete),
            Route("POST", f"{deployment}/rollback", "rollback", "pages:write", pages.rollback),
            Route("POST", f"{deployment}/retry", "retry", "pages:write", pages.retry),
            Route("GET", domains, "domains", "pages:read", pages.list_domains),
            Route("POST", domains, "add-domain", "pages:write", pages.add_domain),
            Route("GET", f"{domains}/{{domain}}", "domain", "pages:read", pages.domain),
            Route("DELETE", f"{domains}/{{domain}}", "remove-domain", "pages:write", pages.remove_domain),
            Route("POST", f"{scripts}/assets-upload-session", "session", "workers:write", workers.session),
            Route("POST", "/accounts/{account}/workers/assets/upload", "workers-upload", "", workers.upload),
            Route("PUT", scripts, "script", "workers:write", workers.script),
            Route("POST", f"{scripts}/versions", "version", "workers:write", workers.version),
            Route("POST", f"{scripts}/deployments", "workers-deploy", "workers:write", workers.deploy),
            Route(
                "GET",
                f"{scripts}/deployments",
                "workers-deployments",
                "workers:write",
                workers.list_deployments,
            ),
            Route(
                "GET", f"{scripts}/subdomain", "script-subdomain", "workers:write", workers.script_subdomain
            ),
            Route("POST", f"{scripts}/subdomain", "workers-dev", "workers:write", workers.script_subdomain),
            Route(
                "GET",
                "/accounts/{account}/workers/subdomain",
                "subdomain",
                "workers:write",
                workers.account_subdomain,
            ),
            Route(
                "PUT",
                "/accounts/{account}/workers/subdomain",
                "register",
                "workers:write",
                workers.account_subdomain,
            ),
            Route(
                "GET",
                "/accounts/{account}/workers/services/{script}",
                "service",
                "workers:write",
                workers.service,
            ),
            Route(
                "GET",
                "/accounts/{account}/workers/workers/{script}",
                "worker",
                "workers:write",
                workers.worker,
            ),
            Route("PATCH", f"{scripts}/script-settings", "settings", "workers:write", workers.settings),
            Route("POST", "/provisioning/previews/challenge", "challenge", "", trials.challenge),
            Route("POST", "/provisioning/previews", "trial", "", trials.create),
        ]


def _token(seen: Seen) -> str:
    header = seen.headers.get("authorization", "")
    if not header:
        raise Refused(400, 9106, "Missing X-Auth-Key, X-Auth-Email or Authorization headers")
    token = header.removeprefix("Bearer ")
    if token == header or not re.fullmatch(r"[A-Za-z0-9_-]{20,}", token):
        raise Refused(
            400,
            6003,
            "Invalid request headers",
            {"code": 6111, "message": "Invalid format for Authorization header"},
        )
    return token


def _unknown_token(route: Route) -> Refused:
    if route.call == "verify":
        return Refused(401, 1000, "Invalid API Token")
    if route.call == "accounts":
        return Refused(403, 9109, "Invalid access token")
    return Refused(401, 10000, "Authentication error")
