"""A Netlify of our own, as strict as the true one about names, digests and tokens; and its Drop, which takes none."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from json_host import JsonHost, Refused, Route, answer

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cloudflare_wire import Answer, Seen


@dataclass(slots=True)
class Deploy:
    """`polls`: how many answers until the next state. `url` serves it once it is ready."""

    id: str
    site: str
    title: str
    files: dict[str, str]
    draft: bool
    branch: str
    lacking: set[str]
    state: str
    polls: int
    url: str = ""
    contents: dict[str, bytes] = field(default_factory=dict)
    error: str = ""


class NetlifyHost(JsonHost):
    """`names` are taken by others; `fails` is the message with which new deploys end; `adds` goes into served pages.

    `site_is_deploy`: a site's own address is that of its deploy, which alone is served here.
    """

    def __init__(self) -> None:
        super().__init__()
        self.token = f"nfp_{secrets.token_hex(20)}"
        self.may_deploy = True
        self.names = {"taken"}
        self.sites: dict[str, str] = {}
        self.deploys: dict[str, Deploy] = {}
        self.live: dict[str, Deploy] = {}
        self.stored: dict[str, bytes] = {}
        self.repeats: list[str] = []
        self.drop_tokens: set[str] = set()
        self.spent: set[str] = set()
        self.polls = 1
        self.fails = ""
        self.adds = b""
        self.site_is_deploy = False

    @property
    def api(self) -> str:
        return f"{self.origin}/api/v1"

    def add_site(self, name: str) -> str:
        identifier = secrets.token_hex(8)
        self.sites[identifier] = name
        return identifier

    def routes(self) -> Iterable[Route]:
        base = "/api/v1"
        site, deploy = base + "/sites/{site}", base + "/sites/{site}/deploys/{deploy}"
        return (
            Route("GET", f"{base}/sites", "sites", self._list_sites, self._admit),
            Route("POST", f"{base}/sites", "create", self._create, self._admit),
            Route("GET", site, "site", self._site, self._admit),
            Route("GET", f"{site}/files", "files", self._files, self._admit),
            Route("POST", f"{site}/deploys", "deploy", self._deploy, self._admit_deploy),
            Route("GET", f"{site}/deploys", "deploys", self._list_deploys, self._admit),
            Route("GET", deploy, "poll", self._poll),
            Route(
                "PUT", base + "/deploys/{deploy}/files/{+path}", "upload", self._upload, self._admit_upload
            ),
            Route("POST", base + "/deploys/{deploy}/cancel", "cancel", self._cancel, self._admit_upload),
            Route("POST", f"{base}/drop/token", "drop-token", self._drop_token, self._admit_nobody),
            Route("POST", f"{base}/drop", "drop", self._drop, self._admit_nobody),
        )

    # Doors

    def _admit(self, seen: Seen) -> None:
        if seen.headers.get("authorization") != f"Bearer {self.token}":
            raise Refused(
                401, {"code": 401, "message": f"Access Denied: {seen.headers.get('authorization', '')}"}
            )

    def _admit_deploy(self, seen: Seen) -> None:
        self._admit(seen)
        if not self.may_deploy:
            raise Refused(403, {"code": 403, "message": "Forbidden"})

    def _admit_upload(self, seen: Seen) -> None:
        if seen.headers.get("authorization", "").removeprefix("Bearer ") not in self.drop_tokens:
            self._admit_deploy(seen)

    def _admit_nobody(self, seen: Seen) -> None:
        if "authorization" in seen.headers or seen.headers.get("referer") != "https://app.netlify.com":
            raise Refused(403, {"message": "Drop is for browsers without an account"})

    # Sites

    def _shown(self, identifier: str) -> dict[str, Any]:
        return {"id": identifier, "name": self.sites[identifier]}

    def _list_sites(self, seen: Seen) -> Answer:
        assert seen.query["filter"] == "all"
        return answer([self._shown(key) for key, name in self.sites.items() if seen.query["name"] in name])

    def _create(self, seen: Seen) -> Answer:
        name = seen.json["name"]
        if name in self.names | set(self.sites.values()):
            raise Refused(422, {"errors": {"subdomain": ["must be unique"]}})
        return answer(self._shown(self.add_site(name)), 201)

    def _site(self, _seen: Seen, site: str) -> Answer:
        if site not in self.sites:
            raise Refused(404, {"code": 404, "message": "Not Found"})
        return answer(self._shown(site))

    def _files(self, seen: Seen, site: str) -> Answer:
        files = self.live[site].files if site in self.live else {}
        start = (int(seen.query["page"]) - 1) * int(seen.query["per_page"])
        listed = [{"id": path, "path": path, "sha": key} for path, key in sorted(files.items())]
        return answer(listed[start : start + int(seen.query["per_page"])])

    # Deploys

    def _deploy(self, seen: Seen, site: str) -> Answer:
        if site not in self.sites:
            raise Refused(404, {"code": 404, "message": "Not Found"})
        asked = seen.json
        made = self._made(site, asked["files"], seen.query["title"])
        made.draft, made.branch = asked["draft"], asked.get("branch", "")
        if asked["async"]:
            made.state = "preparing"
            return answer({name: value for name, value in self._said(made).items() if name != "required"})
        return answer(self._said(made))

    def _made(self, site: str, files: dict[str, str], title: str) -> Deploy:
        if not all(
            path.startswith("/") and not set("#?") & set(path) and len(key) == 40
            for path, key in files.items()
        ):
            raise Refused(422, {"errors": {"files": ["are not valid"]}})
        lacking = set(files.values()) - set(self.stored)
        state = "uploading" if lacking else "processing"
        made = Deploy(secrets.token_hex(12), site, title, files, False, "", lacking, state, self.polls)
        self.deploys[made.id] = made
        made.url = self.serve(lambda: self._served(made))
        return made

    def _served(self, deploy: Deploy) -> dict[str, bytes] | None:
        if deploy.state != "ready":
            return None
        pages = {path.removeprefix("/"): self.stored[key] for path, key in deploy.files.items()}
        return {
            path: data.replace(b"</body>", self.adds + b"</body>")
            for path, data in (pages | deploy.contents).items()
            if path not in {"_headers", "_redirects"}
        }

    def _said(self, deploy: Deploy) -> dict[str, Any]:
        return {
            "id": deploy.id,
            "site_id": deploy.site,
            "state": deploy.state,
            "title": deploy.title,
            "required": sorted(deploy.lacking),
            "error_message": deploy.error or None,
            "ssl_url": deploy.url
            if self.site_is_deploy
            else f"https://{self.sites[deploy.site]}.netlify.app",
            "deploy_ssl_url": deploy.url,
            "links": {"permalink": f"https://{deploy.id}--{self.sites[deploy.site]}.netlify.app"},
        }

    def _list_deploys(self, _seen: Seen, site: str) -> Answer:
        made = [each for each in self.deploys.values() if each.site == site]
        return answer([self._said(each) for each in reversed(made)])

    def _poll(self, seen: Seen, site: str, deploy: str) -> Answer:
        made = self.deploys[deploy]
        if made.site != site:
            raise Refused(404, {"message": "Not Found"})
        if site not in self.dropped:
            self._admit(seen)
        self._progress(made)
        return answer(self._said(made))

    def _progress(self, made: Deploy) -> None:
        if made.polls and made.state in {"preparing", "processing"}:
            made.polls -= 1
        elif made.state == "preparing":
            made.state, made.polls = ("uploading" if made.lacking else "processing"), self.polls
        elif made.state == "processing":
            made.state, made.error = ("error" if self.fails else "ready"), self.fails
            if made.state == "ready" and not made.draft and not made.branch:
                self.live[made.site] = made

    @property
    def dropped(self) -> set[str]:
        return {site for site, name in self.sites.items() if name.startswith("drop-")}

    def _upload(self, seen: Seen, deploy: str, path: str) -> Answer:
        made, key = self.deploys[deploy], hashlib.sha1(seen.body).hexdigest()
        if (
            made.files.get(f"/{path}") != key
            or seen.headers.get("content-type") != "application/octet-stream"
        ):
            raise Refused(422, {"errors": {path: ["is not what the deploy says"]}})
        if key not in made.lacking:
            self.repeats.append(path)
        self.stored[key] = seen.body
        made.lacking.discard(key)
        if not made.lacking:
            made.state = "processing"
        return answer({"id": f"/{path}", "sha": key})

    def _cancel(self, _seen: Seen, deploy: str) -> Answer:
        self.deploys[deploy].state = "cancelled"
        return answer(self._said(self.deploys[deploy]), 201)

    # Drop

    def _drop_token(self, _seen: Seen) -> Answer:
        token = secrets.token_hex(16)
        self.drop_tokens.add(token)
        return answer({"token": token})

    def _drop(self, seen: Seen) -> Answer:
        if seen.json["token"] not in self.drop_tokens - self.spent:
            raise Refused(401, {"message": "Access Denied"})
        self.spent.add(seen.json["token"])
        site = self.add_site(f"drop-{secrets.token_hex(3)}")
        made = self._made(site, seen.json["files"], "")
        said = self._said(made)
        return answer(said | {"id": site, "deploy_id": made.id, "subdomain": self.sites[site]})
