"""A GitHub of our own: one repository's git database, its Pages, and the edge that serves them, over real sockets.

with GitHubHost() as host:
    host.faults.add("ref", Fault.drop("after"))
    deploy(GITHUB_API_URL=host.api, GITHUB_TOKEN=host.token, GITHUB_REPOSITORY=host.repository)
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import threading
import time
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import unquote, urlsplit

from cloudflare_faults import Fault, Faults, answer
from cloudflare_wire import Answer, Listener, Seen, read_body, read_head, send

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from typing import BinaryIO

BRANCH = "refs/heads/gh-pages"
GIT = "contents"
ALL = frozenset({"contents:write", "pages:write", "administration:write"})
Tree = dict[str, tuple[str, str]]


class Refused(Exception):
    """The API says no: a status and a message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status, self.message = status, message


@dataclass(frozen=True, slots=True)
class Commit:
    tree: str
    parents: tuple[str, ...]
    message: str = ""


@dataclass(slots=True)
class Build:
    """`polls` is how many more questions it answers with "building"."""

    commit: str
    polls: int


@dataclass(slots=True)
class Git:
    """A repository's objects; each is named as git names it, or by the digest of its JSON."""

    blobs: dict[str, bytes] = field(default_factory=dict)
    trees: dict[str, Tree] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)

    def blob(self, data: bytes) -> str:
        sha = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
        self.blobs[sha] = data
        return sha

    def tree(self, entries: Tree) -> str:
        sha = hashlib.sha1(json.dumps(sorted(entries.items())).encode()).hexdigest()
        self.trees[sha] = entries
        return sha

    def commit(self, commit: Commit) -> str:
        sha = hashlib.sha1((repr(commit) + secrets.token_hex(4)).encode()).hexdigest()
        self.commits[sha] = commit
        return sha

    def push(self, files: dict[str, bytes]) -> str:
        """Somebody else's commit on the branch."""
        entries = {path: ("100644", self.blob(data)) for path, data in files.items()}
        parents = (self.refs[BRANCH],) if BRANCH in self.refs else ()
        self.refs[BRANCH] = self.commit(Commit(self.tree(entries), parents, "theirs"))
        return self.refs[BRANCH]

    def files(self, commit: str) -> dict[str, bytes]:
        return {path: self.blobs[sha] for path, (_, sha) in self.trees[self.commits[commit].tree].items()}

    def history(self, ref: str = BRANCH) -> list[str]:
        """The commits of a branch, newest first."""
        found, commit = [], self.refs.get(ref, "")
        while commit:
            found.append(commit)
            commit = next(iter(self.commits[commit].parents), "")
        return found


class GitHubHost:
    """The server, in threads, for as long as its `with` block.

    `pages` is the answer about Pages, None while they are off. `polls` says how long a build takes, `failure` why it
    fails, `builds_by_itself` whether a commit is built without being asked for. `lag` is how many more requests the
    edge answers with the site before. Every call takes `slowness` seconds; `most_at_once` is how many were under way.
    """

    def __init__(self) -> None:
        self.repository = "acme/site"
        self.token = f"github_pat_{secrets.token_hex(20)}"
        self.tokens = {self.token: ALL}
        self.git = Git()
        self.pages: dict[str, Any] | None = None
        self.is_empty = False
        self.polls, self.failure, self.builds_by_itself, self.lag = 1, "", True, 0
        self.builds: list[Build] = []
        self.requests: list[Seen] = []
        self.readers: list[Seen] = []
        self.most_at_once, self.slowness = 0, 0.0
        self.before_move: Callable[[], object] = lambda: None
        self.faults = Faults()
        self._uploading = 0
        self._served: list[dict[str, bytes]] = [{}]
        self._lock = threading.RLock()
        self._count = threading.Lock()

    def __enter__(self) -> Self:
        self._api = Listener(lambda wire, stream: self._converse(wire, stream, self._call))
        self._edge = Listener(lambda wire, stream: self._converse(wire, stream, self._serve))
        self.api = self._api.origin
        self.url = f"{self._edge.origin}/site/"
        return self

    def __exit__(self, *_: object) -> None:
        self._api.close()
        self._edge.close()

    def enable(self, **changes: Any) -> None:
        source = {"branch": "gh-pages", "path": "/"}
        self.pages = {"html_url": self.url, "build_type": "legacy", "source": source} | changes

    def calls(self) -> list[str]:
        return [seen.call for seen in self.requests]

    # Requests

    def _converse(
        self, wire: socket.socket, stream: BinaryIO, respond: Callable[[Seen, Fault], Answer]
    ) -> None:
        while head := read_head(stream):
            call = self._name(head) if respond == self._call else "serve"
            fault = self.faults.take(call) or Fault()
            seen = replace(head, call=call, body=b"" if fault.unread else read_body(stream, head.headers))
            (self.readers if call == "serve" else self.requests).append(seen)
            if fault.unread:
                return
            reply = fault.instead or respond(seen, fault)
            if not send(wire, fault.change(reply) if fault.change else reply):
                return

    def _name(self, seen: Seen) -> str:
        path = urlsplit(seen.path).path
        return next(
            (name for method, pattern, name in _CALLS if _matches(seen, method, pattern, path)), "unknown"
        )

    def _call(self, seen: Seen, _fault: Fault) -> Answer:
        with self._count:
            self._uploading += 1
            self.most_at_once = max(self.most_at_once, self._uploading)
        time.sleep(self.slowness)
        try:
            with self._lock:
                self._admit(seen)
                status, body = getattr(self, f"_{seen.call.replace('-', '_')}")(seen)
                return answer(body, status)
        except Refused as refused:
            return answer({"message": refused.message, "status": str(refused.status)}, refused.status)
        finally:
            with self._count:
                self._uploading -= 1

    def _admit(self, seen: Seen) -> None:
        allowed = self.tokens.get(seen.headers.get("authorization", "").removeprefix("Bearer "))
        if allowed is None:
            raise Refused(401, "Bad credentials")
        if seen.headers.get("accept") != "application/vnd.github+json":
            raise Refused(415, "Unsupported Media Type")
        path = urlsplit(seen.path).path
        if not path.startswith(f"/repos/{self.repository}"):
            raise Refused(404, "Not Found")
        needed = {"pages:write" if "/pages" in path else "contents:write"} if seen.method != "GET" else set()
        needed |= {"administration:write"} if seen.call == "enable" else set()
        if not needed <= allowed:
            raise Refused(403, "Resource not accessible by personal access token")

    # The git database

    def _repository(self, _seen: Seen) -> tuple[int, Any]:
        return 200, {"full_name": self.repository}

    def _read_ref(self, _seen: Seen) -> tuple[int, Any]:
        if self.is_empty:
            raise Refused(409, "Git Repository is empty.")
        if BRANCH not in self.git.refs:
            raise Refused(404, "Not Found")
        return 200, {"ref": BRANCH, "object": {"type": "commit", "sha": self.git.refs[BRANCH]}}

    def _read_commit(self, seen: Seen) -> tuple[int, Any]:
        sha = urlsplit(seen.path).path.rpartition("/")[2]
        return 200, {"sha": sha, "tree": {"sha": self.git.commits[sha].tree}}

    def _read_tree(self, seen: Seen) -> tuple[int, Any]:
        sha = urlsplit(seen.path).path.rpartition("/")[2]
        if seen.query.get("recursive") != "1":
            raise Refused(422, "only whole trees here")
        files = self.git.trees[sha]
        folders = {path.rpartition("/")[0] for path in files} - {""}
        entries = [{"path": path, "mode": "040000", "type": "tree", "sha": "0" * 40} for path in folders]
        entries += [
            {"path": path, "mode": mode, "type": "commit" if mode == "160000" else "blob", "sha": blob}
            for path, (mode, blob) in files.items()
        ]
        return 200, {"sha": sha, "tree": entries, "truncated": False}

    def _blob(self, seen: Seen) -> tuple[int, Any]:
        if seen.json["encoding"] != "base64":
            raise Refused(422, "base64 only here")
        return 201, {"sha": self.git.blob(base64.b64decode(seen.json["content"], validate=True))}

    def _tree(self, seen: Seen) -> tuple[int, Any]:
        if "base_tree" in seen.json or not seen.json["tree"]:
            raise Refused(422, "Invalid tree info")
        entries = {each["path"]: (each["mode"], each["sha"]) for each in seen.json["tree"]}
        if any(mode != "160000" and sha not in self.git.blobs for mode, sha in entries.values()):
            raise Refused(422, "tree.sha is not a valid blob")
        return 201, {"sha": self.git.tree(entries)}

    def _commit(self, seen: Seen) -> tuple[int, Any]:
        asked = seen.json
        known = asked["tree"] in self.git.trees and all(each in self.git.commits for each in asked["parents"])
        if not known or not asked["message"]:
            raise Refused(422, "Tree SHA does not exist")
        return 201, {"sha": self.git.commit(Commit(asked["tree"], tuple(asked["parents"]), asked["message"]))}

    def _create_ref(self, seen: Seen) -> tuple[int, Any]:
        self.before_move()
        if seen.json["ref"] != BRANCH or seen.json["sha"] not in self.git.commits:
            raise Refused(422, "Object does not exist")
        if BRANCH in self.git.refs:
            raise Refused(422, "Reference already exists")
        return 201, self._move(seen.json["sha"])

    def _update_ref(self, seen: Seen) -> tuple[int, Any]:
        self.before_move()
        commit = seen.json["sha"]
        if BRANCH not in self.git.refs or seen.json.get("force") is not False:
            raise Refused(422, "Reference does not exist")
        if self.git.refs[BRANCH] not in (commit, *self.git.commits[commit].parents):
            raise Refused(422, "Update is not a fast forward")
        return 200, self._move(commit)

    def _move(self, commit: str) -> dict[str, Any]:
        if self.git.refs.get(BRANCH) != commit:
            self.git.refs[BRANCH] = commit
            if self.pages and self.builds_by_itself:
                self._build()
        return {"ref": BRANCH, "object": {"sha": commit}}

    # Pages

    def _build(self) -> None:
        self.builds.append(Build(self.git.refs[BRANCH], self.polls))

    def _read_pages(self, _seen: Seen) -> tuple[int, Any]:
        if self.pages is None:
            raise Refused(404, "Not Found")
        return 200, self.pages

    def _enable(self, seen: Seen) -> tuple[int, Any]:
        if self.pages:
            raise Refused(409, "GitHub Pages is already enabled.")
        if seen.json["source"] != {"branch": "gh-pages", "path": "/"} or BRANCH not in self.git.refs:
            raise Refused(422, "The gh-pages branch must exist before GitHub Pages can be built.")
        self.enable()
        self._build()
        return 201, self.pages

    def _request_build(self, _seen: Seen) -> tuple[int, Any]:
        self._build()
        return 201, {"status": "queued"}

    def _read_build(self, _seen: Seen) -> tuple[int, Any]:
        if not self.builds:
            raise Refused(404, "Not Found")
        build = self.builds[-1]
        if build.polls:
            build.polls -= 1
            return 200, {"status": "building", "commit": build.commit, "error": {"message": None}}
        if self.failure:
            return 200, {"status": "errored", "commit": build.commit, "error": {"message": self.failure}}
        files = self.git.files(build.commit)
        if self._served[-1] != files:
            self._served.append(files)
        return 200, {"status": "built", "commit": build.commit, "error": {"message": None}}

    def _serve(self, seen: Seen, _fault: Fault) -> Answer:
        if "authorization" in seen.headers:
            return Answer(HTTPStatus.BAD_REQUEST, b"a token was sent to the edge")
        with self._lock:
            files = self._served[-2] if self.lag and len(self._served) > 1 else self._served[-1]
            self.lag = max(0, self.lag - 1)
        path = unquote(urlsplit(seen.path).path).removeprefix("/site/")
        for name in (f"{path}index.html" if path.endswith("/") or not path else path, f"{path}.html"):
            if name in files:
                return Answer(HTTPStatus.OK, files[name])
        return Answer(HTTPStatus.NOT_FOUND, b"<!doctype html><title>Site not found</title>")


_CALLS = (
    ("GET", "", "repository"),
    ("GET", "/git/ref/heads/gh-pages", "read-ref"),
    ("GET", "/git/commits/[0-9a-f]{40}", "read-commit"),
    ("GET", "/git/trees/[0-9a-f]{40}", "read-tree"),
    ("POST", "/git/blobs", "blob"),
    ("POST", "/git/trees", "tree"),
    ("POST", "/git/commits", "commit"),
    ("POST", "/git/refs", "create-ref"),
    ("PATCH", "/git/refs/heads/gh-pages", "update-ref"),
    ("GET", "/pages", "read-pages"),
    ("POST", "/pages", "enable"),
    ("POST", "/pages/builds", "request-build"),
    ("GET", "/pages/builds/latest", "read-build"),
)


def _matches(seen: Seen, method: str, pattern: str, path: str) -> bool:
    return seen.method == method and re.fullmatch(r"/repos/[^/]+/[^/]+" + pattern, path) is not None
