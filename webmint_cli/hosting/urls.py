"""Paths of URLs, written as the URL standard writes them (https://url.spec.whatwg.org)."""

import re
from urllib.parse import quote, unquote

_PATH_KEEPS = "%!$&'()*+,;=:@[]|\\"
_QUERY_KEEPS = "%!$&()*+,;=:@[]|\\/?^`{}"
_PAIRS = re.compile(r"%(?![0-9A-Fa-f]{2})")
_HOST = re.compile(r"[^\s#%/:<>?@\\^|\[\]\x00-\x1f\x7f]+|\[[0-9a-f:.]+\]")
_ABSOLUTE = re.compile(r"(?:(\w+):)?[/\\]{2,}([^/\\]*)(.*)")


class NoAddress(Exception):
    """A target that no browser could open; the text says which."""


def normal_path(path: str, *, web: bool = True) -> str:
    """A path with its dot segments resolved and all that is not plain ASCII encoded.

    `web`: a backslash is a slash, as in every `http` URL. Slashes in a row stay.
    """
    segments = (path.replace("\\", "/") if web else path).removeprefix("/").split("/")
    kept: list[str] = []
    for segment in segments:
        dots = segment.lower().replace("%2e", ".")
        if dots == "..":
            del kept[-1:]
        elif dots != ".":
            kept.append(quote(segment, safe=_PATH_KEEPS))
    if dots in (".", ".."):
        kept.append("")
    return "/" + "/".join(kept)


def normal_query(query: str) -> str:
    """A query without its question mark, encoded."""
    return quote(query, safe=_QUERY_KEEPS)


def split(reference: str) -> tuple[str, str, str]:
    """What comes before the query, the query, and the fragment, without their marks."""
    place, _, fragment = reference.partition("#")
    path, _, query = place.partition("?")
    return path, query, fragment


def decoded(path: str) -> str:
    """A path with its escapes read as UTF-8; as it is where they are none."""
    if _PAIRS.search(path):
        return path
    try:
        return unquote(path, errors="strict")
    except UnicodeDecodeError:
        return path


def location(target: str, query: str) -> str:
    """Where a redirect to `target` leads a request that had this query; the target's own query goes first.

    Raises NoAddress for a target whose host can be none.
    """
    place, own, fragment = split(target)
    absolute = _ABSOLUTE.fullmatch(place)
    scheme, host, path = absolute.groups() if absolute else ("", "", place)
    origin = f"{scheme or 'http'}://{_normal_host(host)}" if absolute else ""
    found = normal_query(own or query)
    tail = f"#{fragment}" if fragment else ""
    return f"{origin}{normal_path(path)}{'?' * bool(found)}{found}{tail}"


def path_of(target: str) -> str:
    """The path that a target leads to, on whatever host."""
    place = split(target)[0]
    absolute = _ABSOLUTE.fullmatch(place)
    return normal_path(absolute[3] if absolute else place)


def _normal_host(host: str) -> str:
    name, port, _ = re.split(r"(:\d*$|$)", decoded(host).lower(), maxsplit=1)
    try:
        found = name if name.isascii() else name.encode("idna").decode()
    except UnicodeError:
        found = ""
    if not _HOST.fullmatch(found):
        raise NoAddress(f"{host or 'nothing'} can't be the name of a host")
    return found + port
