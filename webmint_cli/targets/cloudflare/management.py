"""What is deployed to a Pages project: its deployments and its domains."""

from collections.abc import Mapping
from typing import Any

from webmint_cli.errors import TargetRefused, Unconfirmed
from webmint_cli.targets.cloudflare.account import Cloudflare, NoSuchProject

_PAGE = 25


class Deployments:
    """The deployments and domains of one project, over an open connection."""

    def __init__(self, cloudflare: Cloudflare, project: str) -> None:
        self._cloudflare = cloudflare
        self._project = project

    async def listed(self, *, environment: str = "", limit: int = _PAGE) -> list[dict[str, str]]:
        """The deployments, newest first: id, environment, branch, status, url, created, and which one is live."""
        live = _canonical(await self._ask("GET", ""))
        found: list[dict[str, Any]] = []
        page = 1
        while len(found) < limit:
            params = {"per_page": _PAGE, "page": page} | ({"env": environment} if environment else {})
            part = await self._ask("GET", "/deployments", params=params) or []
            found += part
            page += 1
            if len(part) < _PAGE:
                break
        return [_row(deployment, live) for deployment in found[:limit]]

    async def roll_back(self, deployment: str) -> str:
        """Make an earlier production deployment the live one, and return its address. Raises Unconfirmed."""
        made = await self._ask("POST", f"/deployments/{deployment}/rollback")
        now = _canonical(await self._ask("GET", ""))
        if now not in (deployment, str((made or {}).get("id"))):
            raise Unconfirmed(
                f"Cloudflare took the rollback, but {now or 'nothing'} is live",
                hint="look again: webmint deployments list",
            )
        return str((made or {}).get("url") or "")

    async def delete(self, deployment: str, *, force: bool = False) -> None:
        """Delete a deployment. `force`: also one that an alias points to."""
        params = {"force": "true"} if force else {}
        await self._ask("DELETE", f"/deployments/{deployment}", params=params)

    async def domains(self) -> list[dict[str, str]]:
        """The project's own domains, with their status."""
        found = await self._ask("GET", "/domains") or []
        return [{"domain": str(domain["name"]), "status": str(domain.get("status", ""))} for domain in found]

    async def add_domain(self, name: str) -> dict[str, str]:
        added = await self._ask("POST", "/domains", data={"name": name})
        return {"domain": str(added["name"]), "status": str(added.get("status", ""))}

    async def remove_domain(self, name: str) -> None:
        await self._ask("DELETE", f"/domains/{name}")

    async def _ask(self, method: str, path: str, **more: Any) -> Any:
        base = f"/accounts/{await self._cloudflare.account()}/pages/projects/{self._project}"
        try:
            return await self._cloudflare.ask(method, base + path, **more)
        except NoSuchProject:
            raise NoSuchProject(
                f"there is no project {self._project} in the account", hint="name another: --project NAME"
            ) from None
        except TargetRefused as error:
            error.hint = error.hint or "see which there are: webmint deployments list"
            raise


def _canonical(project: Mapping[str, Any]) -> str:
    """The id of the deployment that production serves."""
    return str((project.get("canonical_deployment") or {}).get("id") or "")


def _row(deployment: Mapping[str, Any], live: str) -> dict[str, str]:
    stage = deployment.get("latest_stage") or {}
    trigger = (deployment.get("deployment_trigger") or {}).get("metadata") or {}
    return {
        "id": str(deployment["id"]),
        "environment": str(deployment.get("environment", "")),
        "branch": str(trigger.get("branch") or ""),
        "status": "live" if str(deployment["id"]) == live else str(stage.get("status") or ""),
        "url": str(deployment.get("url") or ""),
        "created": str(deployment.get("created_on") or ""),
    }
