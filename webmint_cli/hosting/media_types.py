"""The media type of a file by its extension, as Cloudflare's two static hosts have it.

The tables are those of `mime` 3 (Pages) and `mime` 4 (Workers) from npm; Python's own differ and depend on the system.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

_TABLES = "media_types.txt"


def extension(name: str) -> str:
    """The extension of a file's name or path, without its dot and in its own case; "" where there is none.

    As Node's `path.extname`: `.env` has none, `..odd` has `odd`, and `a.` an empty one.
    """
    base = name.rpartition("/")[2]
    dot = base.rfind(".")
    return base[dot + 1 :] if dot > 0 else ""


def pages_type(path: str) -> str:
    """The type that Pages serves a file of the site with, by its path there.

    A file in the root whose whole name is an extension, as `txt`, counts as that.
    """
    base = path.replace("\\", "/").rpartition("/")[2].lower()
    known = base.rpartition(".")[2]
    has_dot = len(known) < len(base) - 1
    return _table("pages").get(known if has_dot or base == path.lower() else "", "application/octet-stream")


def workers_type(path: str) -> str:
    """The type that Workers' static assets are uploaded with."""
    found = _table("workers").get(extension(path).lower(), "application/null")
    return f"{found}; charset=utf-8" if found.startswith("text/") else found


@cache
def _table(host: str) -> Mapping[str, str]:
    """Type by extension, in lower case."""
    text = (files(__package__) / _TABLES).read_text("utf-8")
    common, *sections = text.split("\n[")
    own = next(section for section in sections if section.startswith(f"{host}]"))
    lines = (line.split() for part in (common, own) for line in part.splitlines()[1:])
    return {known: words[0] for words in lines if words for known in words[1:]}
