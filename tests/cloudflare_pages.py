"""The Pages half of Cloudflare's API: projects, assets by hash, deployments, domains."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from cloudflare_assets import Assets
from cloudflare_faults import answer, envelope
from cloudflare_site import BAD_REQUEST, Call, Deployment, Project, Refused, Site, Stages, asset_hash, now

if TYPE_CHECKING:
    from cloudflare_edge import Edge
    from cloudflare_wire import Answer, Part

TEXT_FIELDS = {"manifest", "branch", "commit_message", "commit_hash", "commit_dirty"} | {
    "wrangler_config_hash",
    "pages_build_output_dir",
}
FILE_FIELDS = {"_headers", "_redirects", "_worker.js", "_worker.bundle", "_routes.json"} | {
    "functions-filepath-routing-config.json",
}


class Pages:
    """Everything of one Cloudflare that is Pages.

    `stages` says how a new deployment goes: the number of polls until it is live (0 is at once), "failure" or
    "never", whose log then ends with `failure`.
    """

    def __init__(self, edge: Edge) -> None:
        self.stages: Stages = 1
        self.failure = "Error: Failed to publish your Function. Got error: Unknown internal error occurred."
        self.max_projects = 100
        self.projects: dict[str, Project] = {}
        self.deployments: list[Deployment] = []
        self.assets = Assets()
        self._edge = edge
        self._aliases: dict[tuple[str, str], str] = {}

    def add(self, account: str, name: str, production_branch: str) -> Project:
        def active() -> Site | None:
            return project.active.site if project.active else None

        project = Project(account, name, production_branch, self._edge.listen(active))
        self.projects[name] = project
        return project

    def _project(self, call: Call) -> Project:
        project = self.projects.get(call.project)
        if project is None or project.account != call.account:
            raise Refused(
                404,
                8000007,
                "Project not found. The specified project name does not match any of your existing projects.",
            )
        return project

    # Projects

    def list_projects(self, call: Call) -> Answer:
        mine = [each.show() for each in self.projects.values() if each.account == call.account]
        return call.page(mine, per_page=10, most=10)

    def create(self, call: Call) -> Answer:
        name, branch = call.seen.json.get("name", ""), call.seen.json.get("production_branch", "")
        if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,56}[a-z0-9])?", name):
            raise Refused(
                400,
                8000001,
                "Invalid project name. Project name may only contain lowercase letters, numbers and dashes, and may be at most 58 characters.",
            )
        if name in self.projects:
            raise Refused(
                409, 8000002, "A project with this name already exists. Choose a different project name."
            )
        if len(self.projects) >= self.max_projects:
            raise Refused(400, 8000027, "You have reached the maximum number of projects on your account.")
        return answer(envelope(self.add(call.account, name, branch or "main").show()))

    def project(self, call: Call) -> Answer:
        return answer(envelope(self._project(call).show()))

    def update(self, call: Call) -> Answer:
        project = self._project(call)
        project.production_branch = call.seen.json.get("production_branch", project.production_branch)
        return answer(envelope(project.show()))

    def remove(self, call: Call) -> Answer:
        del self.projects[self._project(call).name]
        return answer(envelope())

    def upload_token(self, call: Call) -> Answer:
        self._project(call)
        return self.assets.upload_token(call)

    # Deployments

    def deploy(self, call: Call) -> Answer:
        project, parts = self._project(call), call.seen.parts()
        fields = _fields(parts)
        files = {part.name: part.data for part in parts if part.name in FILE_FIELDS}
        deployment = self._publish(project, json.loads(fields["manifest"]), fields, files)
        return answer(envelope(deployment.show()))

    def _publish(
        self, project: Project, manifest: dict[str, str], fields: dict[str, str], files: dict[str, bytes]
    ) -> Deployment:
        branch = fields.get("branch") or project.production_branch
        assets = self.assets.manifest(project.account, manifest)
        production = branch == project.production_branch
        deployment = Deployment(
            project=project.name,
            environment="production" if production else "preview",
            branch=branch,
            manifest=manifest,
            fields=fields,
            files=files,
            site=Site(assets, manifest),
            url=self._edge.listen(lambda: deployment.site if deployment.live else None),
            polls=self.stages if isinstance(self.stages, int) else {"failure": 1}.get(self.stages, -1),
            fails=self.stages == "failure",
            aliases=[] if production else [self._alias(project, branch)],
            log=["Validating asset output directory", "Publishing assets"],
        )
        if deployment.fails:
            deployment.log.append(self.failure)
        project.deployments.append(deployment)
        self.deployments.append(deployment)
        self._settle(project, deployment)
        return deployment

    def _alias(self, project: Project, branch: str) -> str:
        def latest() -> Site | None:
            preview = project.latest(branch)
            return preview.site if preview else None

        if (project.name, branch) not in self._aliases:
            self._aliases[project.name, branch] = self._edge.listen(latest)
        return self._aliases[project.name, branch]

    def _settle(self, project: Project, deployment: Deployment) -> None:
        if deployment.live and deployment.environment == "production":
            project.active = deployment

    def list_deployments(self, call: Call) -> Answer:
        wanted = call.seen.query.get("env")
        newest = reversed(self._project(call).deployments)
        return call.page([each.show() for each in newest if wanted in {None, each.environment}], most=25)

    def poll(self, call: Call) -> Answer:
        project = self._project(call)
        deployment = project.find(call.deployment)
        if deployment.polls:
            deployment.poll()
            self._settle(project, deployment)
        return answer(envelope(deployment.show()))

    def logs(self, call: Call) -> Answer:
        deployment = self._project(call).find(call.deployment)
        lines = [{"ts": deployment.created_on, "line": line} for line in deployment.log]
        return answer(envelope({"total": len(lines), "includes_container_logs": False, "data": lines}))

    def delete(self, call: Call) -> Answer:
        project = self._project(call)
        deployment = project.find(call.deployment)
        if deployment is project.active:
            raise Refused(400, 8000034, "You cannot delete the active production deployment of a project.")
        if (
            deployment is project.latest(deployment.branch)
            and deployment.aliases
            and call.seen.query.get("force") != "true"
        ):
            raise Refused(
                400,
                8000035,
                "You cannot delete an aliased deployment without a `?force=true` parameter in the API request URL.",
            )
        project.deployments.remove(deployment)
        self.deployments.remove(deployment)
        return answer(envelope())

    def rollback(self, call: Call) -> Answer:
        project = self._project(call)
        deployment = project.find(call.deployment)
        if deployment.environment != "production" or not deployment.live:
            raise Refused(400, 8000039, "You can only roll back to a successful production deployment.")
        project.active = deployment
        return answer(envelope(deployment.show()))

    def retry(self, call: Call) -> Answer:
        project = self._project(call)
        old = project.find(call.deployment)
        return answer(envelope(self._publish(project, old.manifest, old.fields, old.files).show()))

    # Domains

    def list_domains(self, call: Call) -> Answer:
        return call.page([*self._project(call).domains.values()])

    def add_domain(self, call: Call) -> Answer:
        project, name = self._project(call), (call.seen.json or {}).get("name", "")
        if name in project.domains:
            raise Refused(400, 8000018, "You have already added this custom domain.")
        if not re.fullmatch(r"([a-z0-9-]+\.)+[a-z]{2,}", name):
            raise Refused(400, 8000015, "Invalid custom domain name.")
        project.domains[name] = {
            "id": asset_hash(name.encode(), ""),
            "name": name,
            "status": "initializing",
            "created_on": now(),
        }
        return answer(envelope(project.domains[name]))

    def domain(self, call: Call) -> Answer:
        """A domain is active from the second time on that somebody asks."""
        domain = self._domain(call)
        shown = answer(envelope(domain))
        domain["status"] = "active"
        return shown

    def remove_domain(self, call: Call) -> Answer:
        self._domain(call)
        del self._project(call).domains[call.domain]
        return answer(envelope())

    def _domain(self, call: Call) -> dict[str, Any]:
        domain = self._project(call).domains.get(call.domain)
        if domain is None:
            raise Refused(404, 8000021, "The custom domain you have specified does not exist.")
        return domain


def _fields(parts: list[Part]) -> dict[str, str]:
    """The text fields of a deployment; files must come as files and nothing else may come."""
    names = [part.name for part in parts]
    if "manifest" not in names:
        raise Refused(
            400, BAD_REQUEST, 'A "manifest" field was expected in the request body but was not provided.'
        )
    for part in parts:
        allowed = TEXT_FIELDS if part.filename is None else FILE_FIELDS
        if part.name not in allowed or names.count(part.name) > 1:
            raise Refused(
                400, BAD_REQUEST, f"The form field {part.name} was not expected, or not in this form."
            )
    fields = {part.name: part.data.decode() for part in parts if part.filename is None}
    if (
        fields.get("commit_dirty", "false") not in {"true", "false"}
        or len(fields.get("commit_message", "").encode()) > 400
    ):
        raise Refused(
            400, BAD_REQUEST, "commit_dirty is true or false, and commit_message at most 384 bytes."
        )
    return fields
