"""A chat's `generatedContent` and the files of a site: the same thing, in the exchange format and on disk."""

import base64
import binascii
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from webmint_cli.errors import StorageError
from webmint_cli.history.records import Record
from webmint_cli.site import Content, Site, relative_path

THREE = {"html": "index.html", "css": "styles.css", "js": "script.js"}

_LANGUAGES = {
    ".html": "html", ".htm": "html", ".css": "css", ".js": "js", ".mjs": "js", ".cjs": "js",
}  # fmt: skip


def content(files: Mapping[str, Content]) -> dict[str, Any]:
    """`{html, css, js}`, and every file in `files` if there are others."""
    three = Site(files)
    found: dict[str, Any] = {"html": three.html, "css": three.css, "js": three.js}
    if set(files) - set(THREE.values()):
        found["files"] = {path: _written(value) for path, value in files.items()}
    return found


def files(record: Record) -> dict[str, Content]:
    """The files of a chat by their paths, as they were recorded; whether they are safe to write is `site`'s to say."""
    generated = record.get("generatedContent") or {}
    three = {path: generated.get(name) for name, path in THREE.items()}
    found: dict[str, Content] = {path: text for path, text in three.items() if isinstance(text, str) and text}
    for path, value in (generated.get("files") or {}).items():
        found[path] = _read(value)
    return found


def site(record: Record) -> Site:
    """The site of a chat, fit to be written. Raises StorageError for a file that would leave its folder."""
    found = files(record)
    for path in found:
        try:
            relative_path(path)
        except ValueError as error:
            raise StorageError(
                f"the chat holds a file that can't be written, {path!r}: {error}",
                hint="look at it without writing: webmint history show ID --json",
            ) from None
    return Site({relative_path(path): value for path, value in found.items()})


def characters(record: Record) -> dict[str, int]:
    """UTF-16 code units of a chat's HTML, CSS and JavaScript, in all of its files."""
    totals = dict.fromkeys(THREE, 0)
    for path, value in files(record).items():
        language = _LANGUAGES.get(PurePosixPath(path).suffix.lower())
        if language and isinstance(value, str):
            totals[language] += len(value.encode("utf-16-le", "surrogatepass")) // 2
    return totals


def _written(value: Content) -> str | dict[str, str]:
    return value if isinstance(value, str) else {"base64": base64.b64encode(value).decode("ascii")}


def _read(value: Any) -> Content:
    if isinstance(value, str):
        return value
    try:
        return base64.b64decode(value["base64"])
    except (binascii.Error, ValueError, TypeError, KeyError):
        # What can't be decoded is kept in the record; as a file it is empty.
        return b""
