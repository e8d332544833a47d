"""An account or team at Vercel, and its projects."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from webmint_cli.errors import TargetRefused, TargetUnavailable, TokenRejected
from webmint_cli.targets.api import Api, Patience, made_once
from webmint_cli.targets.narration import Report
from webmint_cli.targets.vercel_answers import files_in

BASE_URL = "https://api.vercel.com"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Whose projects, by which token, at which API. `bypass` opens protected deployments for the reading back."""

    token: str = field(repr=False)
    team: str = ""
    project: str = ""
    base_url: str = BASE_URL
    bypass: str = field(default="", repr=False)


class Account:
    """An open connection on behalf of one account or team."""

    def __init__(self, api: Api, credentials: Credentials, patience: Patience, report: Report) -> None:
        self._api = api
        self._credentials = credentials
        self.patience = patience
        self.report = report

    async def ask(self, method: str, path: str, **more: Any) -> Any:
        team = {"teamId": self._credentials.team} if self._credentials.team else {}
        return await self._api.call(method, path, **more | {"params": team | more.get("params", {})})

    async def project(self, name: str, *, create: bool) -> dict[str, Any]:
        self.report.say("Asking Vercel for the project", 5, "connect")
        found = await self.found(name)
        if found is None and not create:
            raise no_such_project(name)
        if found is None:
            self.report.say(f"Making the project {name}", 8)
            data = {"name": name, "framework": None}
            found = await made_once(
                lambda: self.ask("POST", "/v11/projects", data=data, once=True),
                lambda: self.found(name),
                self.patience,
            )
        return dict(found)

    async def found(self, name: str) -> dict[str, Any] | None:
        wanted = self._credentials.project or name
        try:
            return dict(await self.ask("GET", f"/v9/projects/{quote(wanted, safe='')}"))
        except TargetRefused as error:
            if error.code != "not_found":
                raise
        if self._credentials.project:
            raise TargetRefused(
                f"there is no project {wanted} that the token sees",
                code="no_such_project",
                hint="check VERCEL_PROJECT_ID and VERCEL_ORG_ID, or unset them and use --project NAME --create",
            )
        return None

    async def published(self, project: Mapping[str, Any]) -> dict[str, str] | None:
        """The files in production, path to SHA-1; None where the host does not list them."""
        params = {"projectId": project["id"], "target": "production", "state": "READY", "limit": 1}
        listed = (await self.ask("GET", "/v6/deployments", params=params) or {}).get("deployments") or []
        if not listed:
            return {}
        try:
            return files_in(await self.ask("GET", f"/v6/deployments/{listed[0]['uid']}/files"))
        except (TokenRejected, TargetUnavailable):
            raise
        except TargetRefused:
            return None


def no_such_project(name: str) -> TargetRefused:
    return TargetRefused(
        f"there is no project {name} that the token sees",
        code="no_such_project",
        hint=f"make it: webmint deploy --to vercel --project {name} --create; for a team's: export VERCEL_ORG_ID=…",
    )
