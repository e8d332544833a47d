"""Which file a path leads to, as Cloudflare Pages decides it.

https://developers.cloudflare.com/pages/configuration/serving-pages/
"""

import posixpath
import re
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeAlias
from urllib.parse import quote

from webmint_cli.hosting.urls import decoded

Exists: TypeAlias = Callable[[str], bool]

_HTML = ".html"
_INDEX = "index.html"
_NAMELESS = frozenset({"", ".", ".."})
_LEADING = re.compile(r"(/|%2F|%2f|%5C|%5c|%09|\s|\\)+")


@dataclass(frozen=True, slots=True)
class Route:
    """A path's end: a file of the site, a redirect to `location` (encoded, without a query), or neither, which is 404."""

    status: int
    file: str | None = None
    location: str = ""


def resolve(path: str, exists: Exists) -> Route:
    """The route of an encoded path. `exists` says whether the site has a file, by its path in it."""
    return _Resolution(exists).route(decoded(path))


def address(path: str, exists: Exists = lambda _: False) -> str:
    """The encoded URL path at which a file is served without a redirect: `/about` for about.html.

    `exists` is for sites that have a file `about` too, which takes that address. A page without a name, as
    `blog/.html` or `..html`, has no such address; its own path is given.
    """
    folder, name = posixpath.split(path)
    stem = path.removesuffix(_HTML)
    if name == _INDEX:
        place = f"{folder}/" if folder else ""
    elif name.removesuffix(_HTML) in _NAMELESS or exists(stem):
        place = path
    else:
        place = stem
    return "/" + quote(place, safe="/!$&'()*+,;=:@")


class _Resolution:
    """The questions a path is put through, in the host's order."""

    def __init__(self, exists: Exists) -> None:
        self._exists = exists

    def route(self, path: str) -> Route:
        return self._folder(path) if path.endswith("/") else self._name(path)

    def _folder(self, path: str) -> Route:
        if file := self._find(path + _INDEX):
            return Route(HTTPStatus.OK, file)
        if path.endswith("/index/"):
            return _redirect(path.removesuffix("index/"))
        if self._find(path[:-1] + _HTML):
            return _redirect(path[:-1])
        return self._nowhere(path)

    def _name(self, path: str) -> Route:
        if file := self._find(path):
            return self._own_name(path, file)
        if path.endswith("/index"):
            return _redirect(path.removesuffix("index"))
        if file := self._find(path + _HTML):
            return Route(HTTPStatus.OK, file)
        if self._find(f"{path}/{_INDEX}"):
            return _redirect(f"{path}/")
        return self._nowhere(path)

    def _own_name(self, path: str, file: str) -> Route:
        stem = path.removesuffix(_HTML)
        if stem == path:
            return Route(HTTPStatus.OK, file)
        if stem.endswith("/index"):
            return _redirect(stem.removesuffix("index"))
        if stem == "/" or self._find(stem):
            return Route(HTTPStatus.OK, file)
        return _redirect(stem)

    def _nowhere(self, path: str) -> Route:
        """The nearest 404.html upwards, else the front page for apps that route by themselves, else nothing."""
        folder = path
        while folder:
            folder = folder.rpartition("/")[0]
            if file := self._find(f"{folder}/404.html"):
                return Route(HTTPStatus.NOT_FOUND, file)
        front = self._find(f"/{_INDEX}")
        return Route(HTTPStatus.OK, front) if front else Route(HTTPStatus.NOT_FOUND)

    def _find(self, path: str) -> str | None:
        """The file at a path, if there is one; slashes in a row and dots in escapes are one place to the host."""
        place = posixpath.normpath(path.lstrip("/"))
        outside = place == ".." or place.startswith("../")
        return place if not outside and self._exists(place) else None


def _redirect(path: str) -> Route:
    place = "/".join(quote(part, safe="!'()*") for part in path.split("/"))
    # More slashes would name a host.
    return Route(HTTPStatus.PERMANENT_REDIRECT, location=_LEADING.sub("/", place, count=1))
