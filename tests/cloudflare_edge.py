"""Cloudflare's edge: every deployment, branch alias and project has a port of its own that serves it as Pages would."""

from __future__ import annotations

import re
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit

from cloudflare_faults import HTML, Faults
from cloudflare_wire import Answer, Listener, Seen, read_body, read_head, send

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable
    from typing import BinaryIO

    from cloudflare_site import Site

BEACON = (
    b"<!-- Cloudflare Pages Analytics --><script defer src='https://static.cloudflareinsights.com/beacon.min.js' "
    b'data-cf-beacon=\'{"token": "0123456789abcdef0123456789abcdef"}\'></script><!-- Cloudflare Pages Analytics -->'
)
TEXT = re.compile(r"text/|application/(javascript|json|manifest\+json|xml)|image/svg\+xml")
NOTHING = Answer(404, b"<!DOCTYPE html><title>Nothing is here yet</title>", HTML)


def resolve(site: Site, path: str) -> tuple[int, str]:
    """The status for a decoded path, and the asset that answers it or the path to go to (none for a bare 404)."""
    has = site.assets.__contains__
    moved = _moved(path, has)
    if moved is not None:
        return 308, moved
    for name in (path, f"{path}.html", f"{path}index.html" if path.endswith("/") else ""):
        if has(name) and not path.endswith(".html"):
            return 200, name
    return _not_found(site, path)


def _moved(path: str, has: Callable[[str], bool]) -> str | None:
    stem = path.removesuffix(".html")
    if stem != path and has(path):
        return stem.removesuffix("index") if stem.endswith("/index") else stem
    if path.endswith("/index") and has(f"{path}.html"):
        return path.removesuffix("index")
    if path.endswith("/") and not has(f"{path}index.html") and has(f"{path[:-1]}.html"):
        return path[:-1]
    if not path.endswith("/") and not has(path) and not has(f"{path}.html") and has(f"{path}/index.html"):
        return f"{path}/"
    return None


def _not_found(site: Site, path: str) -> tuple[int, str]:
    folder = path
    while folder and site.not_found in {"pages", "404-page"}:
        folder = folder.rpartition("/")[0]
        if f"{folder}/404.html" in site.assets:
            return 404, f"{folder}/404.html"
    if "/index.html" in site.assets and site.not_found in {"pages", "single-page-application"}:
        return 200, "/index.html"
    return 404, ""


class Edge:
    """The ports. `faults` are planned by request path, `*` for any; `requests` is what readers asked for.

    `analytics` writes the beacon of Pages Analytics into every page; `access_login` sends every reader to a login page
    on another host.
    """

    def __init__(self) -> None:
        self.faults = Faults()
        self.requests: list[Seen] = []
        self.analytics = False
        self.access_login = False
        self._changed: dict[str, bytes] = {}
        self._ports: list[Listener] = []
        self._login = self.listen(lambda: None)

    def serve(self, path: str, body: bytes) -> None:
        """Answer this path with another body than the one deployed."""
        self._changed[path] = body

    def listen(self, site: Callable[[], Site | None]) -> str:
        """A new origin that serves what `site` gives at the time of each request."""

        def converse(wire: socket.socket, stream: BinaryIO) -> None:
            while self._exchange(wire, stream, site):
                pass

        self._ports.append(Listener(converse))
        return self._ports[-1].origin

    def close(self) -> None:
        for port in self._ports:
            port.close()

    def _exchange(self, wire: socket.socket, stream: BinaryIO, site: Callable[[], Site | None]) -> bool:
        head = read_head(stream)
        if head is None:
            return False
        seen = replace(head, call="serve", body=read_body(stream, head.headers))
        self.requests.append(seen)
        fault = self.faults.take(urlsplit(seen.path).path)
        if fault and fault.unread:
            return False
        answer = (fault and fault.instead) or self._answer(seen, site())
        if fault and fault.change:
            answer = fault.change(answer)
        return send(wire, answer, with_body=seen.method != "HEAD")

    def _answer(self, seen: Seen, site: Site | None) -> Answer:
        if seen.path.startswith("/cdn-cgi/access/login"):
            return Answer(200, b"<!DOCTYPE html><title>Sign in</title>", HTML)
        if self.access_login:
            login = self._login.replace("127.0.0.1", "localhost")
            return Answer(
                302, headers={"location": f"{login}/cdn-cgi/access/login?redirect_url={quote(seen.path)}"}
            )
        if seen.method not in {"GET", "HEAD"}:
            return Answer(405, headers={"allow": "GET, HEAD"})
        return self._page(seen, site) if site else NOTHING

    def _page(self, seen: Seen, site: Site) -> Answer:
        target = urlsplit(seen.path)
        status, name = resolve(site, unquote(target.path))
        if status == HTTPStatus.PERMANENT_REDIRECT:
            query = f"?{target.query}" if target.query else ""
            return Answer(status, headers={"location": quote(name) + query})
        if not name:
            return Answer(status)
        return self._asset(seen, site, status, name)

    def _asset(self, seen: Seen, site: Site, status: int, name: str) -> Answer:
        asset, etag = site.assets[name], f'"{site.hashes[name]}"'
        kind = asset.content_type or ""
        if TEXT.match(kind) and "charset" not in kind:
            kind += "; charset=utf-8"
        headers = {"content-type": kind} if kind else {}
        headers |= {
            "cache-control": "public, max-age=0, must-revalidate" if status == HTTPStatus.OK else "no-store",
            "x-content-type-options": "nosniff",
            "referrer-policy": "strict-origin-when-cross-origin",
            "access-control-allow-origin": "*",
        }
        if status == HTTPStatus.OK:
            headers["etag"] = etag
            known = {
                tag.strip().removeprefix("W/") for tag in seen.headers.get("if-none-match", "").split(",")
            }
            if etag in known:
                return Answer(304, headers={**headers, "content-length": "0"})
        body = self._changed.get(urlsplit(seen.path).path, asset.data)
        if self.analytics and kind.startswith("text/html"):
            body = body.replace(b"</body>", BEACON + b"</body>")
        return Answer(status, body, headers)
