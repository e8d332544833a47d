"""A Vercel of our own: it asks for the contents it lacks, checks their digests, and may shut the door to readers."""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cloudflare_wire import Answer
from json_host import JsonHost, Refused, Route, answer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloudflare_wire import Seen

BYPASS = "bypass-0123456789abcdef"


def refusal(status: int, code: str, message: str, **more: Any) -> Refused:
    return Refused(status, {"error": {"code": code, "message": message, **more}})


@dataclass(slots=True)
class Deployment:
    id: str
    project: str
    target: str | None
    meta: dict[str, str]
    files: dict[str, bytes]
    state: str
    polls: int
    url: str = ""
    alias: list[str] = field(default_factory=list)
    asked: dict[str, Any] = field(default_factory=dict)


class VercelHost(JsonHost):
    """`protection`: what readers without the secret meet, "401" or a redirect to `login`, at the deployments' own
    addresses, and with `protects_aliases` at the others too. `ends`: the state in which new deployments end.
    """

    def __init__(self) -> None:
        super().__init__()
        self.token = f"vercel-{secrets.token_hex(12)}"
        self.team = ""
        self.may_deploy = True
        self.projects: dict[str, str] = {}
        self.deployments: dict[str, Deployment] = {}
        self.stored: dict[str, bytes] = {}
        self.repeats: list[str] = []
        self.polls = 1
        self.ends = "READY"
        self.alias_error = ""
        self.protection = ""
        self.protects_aliases = False
        self.lists_files = True

    def add_project(self, name: str) -> str:
        identifier = f"prj_{secrets.token_hex(6)}"
        self.projects[identifier] = name
        return identifier

    def routes(self) -> Iterable[Route]:
        return (
            Route("GET", "/v9/projects/{project}", "project", self._project, self._admit),
            Route("POST", "/v11/projects", "create", self._create, self._admit),
            Route("POST", "/v13/deployments", "deploy", self._deploy, self._admit_deploy),
            Route("GET", "/v13/deployments/{deployment}", "poll", self._poll, self._admit),
            Route("PATCH", "/v12/deployments/{deployment}/cancel", "cancel", self._cancel, self._admit),
            Route("GET", "/v6/deployments", "deployments", self._list, self._admit),
            Route("GET", "/v6/deployments/{deployment}/files", "files", self._files, self._admit),
            Route("POST", "/v2/files", "upload", self._upload, self._admit),
        )

    def _admit(self, seen: Seen) -> None:
        if seen.headers.get("authorization") != f"Bearer {self.token}":
            sent = seen.headers.get("authorization", "")
            raise refusal(403, "forbidden", f"Not authorized: {sent}", invalidToken=True)
        if seen.query.get("teamId", "") != self.team:
            raise refusal(403, "forbidden", "You do not have access to this team")

    def _admit_deploy(self, seen: Seen) -> None:
        self._admit(seen)
        if not self.may_deploy:
            raise refusal(403, "forbidden", "You don't have permission to create the deployment")

    def _project(self, _seen: Seen, project: str) -> Answer:
        for identifier, name in self.projects.items():
            if project in (identifier, name):
                return answer({"id": identifier, "name": name})
        raise refusal(404, "not_found", "Project not found.")

    def _create(self, seen: Seen) -> Answer:
        name = seen.json["name"]
        if name in self.projects.values():
            raise refusal(409, "conflict", f"Project {name} already exists")
        return answer({"id": self.add_project(name), "name": name})

    # Deployments

    def _deploy(self, seen: Seen) -> Answer:
        asked = seen.json
        if asked["version"] != 2 or self.projects.get(asked["project"]) != asked["name"]:
            raise refusal(400, "bad_request", "Invalid request")
        if seen.query.get("forceNew") != "1" or not all(file["mode"] == 0o100644 for file in asked["files"]):
            raise refusal(400, "bad_request", "Invalid request")
        files = {file["file"]: self._content(file) for file in asked["files"]}
        missing = [file["sha"] for file in asked["files"] if files[file["file"]] is None]
        if missing:
            raise refusal(400, "missing_files", "Missing files", missing=missing)
        return answer(self._said(self._made(asked, {path: data or b"" for path, data in files.items()})))

    def _content(self, file: dict[str, Any]) -> bytes | None:
        if "data" in file:
            if file["encoding"] != "base64" or {"sha", "size"} & set(file):
                raise refusal(400, "bad_request", "Invalid inlined file")
            return base64.b64decode(file["data"], validate=True)
        data = self.stored.get(file["sha"])
        if data is not None and len(data) != file["size"]:
            raise refusal(400, "bad_request", "Invalid size")
        return data

    def _made(self, asked: dict[str, Any], files: dict[str, bytes]) -> Deployment:
        is_instant = all("data" in file for file in asked["files"])
        state = "READY" if is_instant else "QUEUED"
        made = Deployment(
            f"dpl_{secrets.token_hex(6)}",
            asked["project"],
            asked.get("target"),
            asked["meta"],
            files,
            state,
            self.polls,
        )
        made.asked = asked
        made.url = self.serve(lambda: self._served(made), lambda seen: self._shut(seen, made.url))
        if made.target == "production":
            made.alias = [
                self.serve(
                    lambda: self._served(made),
                    lambda seen: self._shut(seen, "") if self.protects_aliases else None,
                )
            ]
        self.deployments[made.id] = made
        return made

    def _served(self, made: Deployment) -> dict[str, bytes] | None:
        return made.files if made.state == "READY" else None

    def _shut(self, seen: Seen, _url: str) -> Answer | None:
        if not self.protection or seen.headers.get("x-vercel-protection-bypass") == BYPASS:
            return None
        if self.protection == "401":
            return Answer(401, b"<!doctype html><title>Authentication Required</title>")
        return Answer(302, headers={"location": "https://vercel.com/sso-api?url=x"})

    def _said(self, made: Deployment) -> dict[str, Any]:
        return {
            "id": made.id,
            "url": made.url,
            "alias": made.alias,
            "readyState": made.state,
            "errorMessage": "the build broke" if made.state == "ERROR" else None,
            "aliasAssigned": made.state == "READY" and not made.polls,
            "aliasError": {"code": "x", "message": self.alias_error} if self.alias_error else None,
            "meta": made.meta,
        }

    def _poll(self, _seen: Seen, deployment: str) -> Answer:
        made = self.deployments[deployment]
        if made.state == "QUEUED":
            made.state = "BUILDING"
        elif made.state == "BUILDING":
            made.state = self.ends
        else:
            made.polls = max(0, made.polls - 1)
        return answer(self._said(made))

    def _cancel(self, _seen: Seen, deployment: str) -> Answer:
        self.deployments[deployment].state = "CANCELED"
        return answer(self._said(self.deployments[deployment]))

    def _list(self, seen: Seen) -> Answer:
        made = [
            each
            for each in reversed(self.deployments.values())
            if each.project == seen.query["projectId"]
            and seen.query.get("target") in (None, each.target)
            and seen.query.get("state") in (None, each.state)
        ]
        shown = [{"uid": each.id, "url": each.url, "state": each.state, "meta": each.meta} for each in made]
        return answer({"deployments": shown[: int(seen.query["limit"])]})

    def _files(self, _seen: Seen, deployment: str) -> Answer:
        if not self.lists_files:
            raise refusal(404, "not_found", "File tree not found")
        root: dict[str, Any] = {}
        for path, data in self.deployments[deployment].files.items():
            *folders, name = path.split("/")
            place = root
            for folder in folders:
                place = place.setdefault(folder, {})
            place[name] = hashlib.sha1(data).hexdigest()
        return answer([{"name": "src", "type": "directory", "mode": 16877, "children": _tree(root)}])

    def _upload(self, seen: Seen) -> Answer:
        key = hashlib.sha1(seen.body).hexdigest()
        if seen.headers["x-now-digest"] != key or int(seen.headers["x-now-size"]) != len(seen.body):
            raise refusal(400, "bad_request", "The digest is wrong")
        if key in self.stored:
            self.repeats.append(key)
        self.stored[key] = seen.body
        return Answer(200)


def _tree(place: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"name": name, "type": "directory", "mode": 16877, "children": _tree(found)}
        if isinstance(found, dict)
        else {"name": name, "type": "file", "mode": 33188, "uid": found}
        for name, found in place.items()
    ]
