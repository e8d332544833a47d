"""A site: a map of relative paths to content, and the forms it takes."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from webmint_cli.page import inlined

Content: TypeAlias = str | bytes

_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"|?*]')
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(?:\..*)?", re.IGNORECASE)
_OURS = frozenset({".git", ".webmint.json"})
_NAME_MAX = 255
_PATH_MAX = 512


@dataclass(frozen=True, slots=True)
class Site:
    """Files by their relative path. Text is kept as text; on disk it is UTF-8 with its line ends as they are."""

    files: Mapping[str, Content]

    @property
    def html(self) -> str:
        return self._text("index.html")

    @property
    def css(self) -> str:
        return self._text("styles.css")

    @property
    def js(self) -> str:
        return self._text("script.js")

    def encoded(self) -> dict[str, bytes]:
        """The files as the bytes that are written, served and deployed."""
        return {path: encode(content) for path, content in self.files.items()}

    def page(self) -> str:
        """The site as one HTML page, its local stylesheets and scripts inlined."""
        return inlined(self.html, {path: text for path, text in self.files.items() if isinstance(text, str)})

    def _text(self, path: str) -> str:
        content = self.files.get(path, "")
        return content if isinstance(content, str) else content.decode("utf-8", "replace")


def read_site(folder: Path) -> Site:
    """The site in a folder: every file but hidden ones (`.well-known` is none), text where it is UTF-8, bytes where not."""
    found = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    paths = sorted(path for path in found if not any(_is_hidden(part) for part in path.parts))
    return Site({path.as_posix(): _decode((folder / path).read_bytes()) for path in paths})


def encode(content: Content) -> bytes:
    return content if isinstance(content, bytes) else content.encode("utf-8")


def relative_path(raw: str) -> str:
    """The path as it stands in a site: relative, with forward slashes, normalised.

    Raises ValueError, with the reason, for a path that leaves the folder or can't be a file everywhere.
    """
    path = raw.replace("\\", "/")
    if len(path.encode("utf-8", "replace")) > _PATH_MAX:
        raise ValueError("it is too long")
    if path.startswith("/"):
        raise ValueError("it is absolute")
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            if not parts:
                raise ValueError("it leaves the folder")
            parts.pop()
        elif part not in ("", "."):
            parts.append(_component(part))
    if not parts or path.endswith("/"):
        raise ValueError("it names no file")
    return "/".join(parts)


def _component(part: str) -> str:
    if _FORBIDDEN.search(part):
        raise ValueError("it holds characters that no file name may have")
    if part[-1] in ". ":
        raise ValueError("it ends in a dot or a space")
    if _RESERVED.fullmatch(part) or part.lower() in _OURS:
        raise ValueError("the name is reserved")
    if len(part.encode("utf-8", "replace")) > _NAME_MAX:
        raise ValueError("the name is too long")
    return part


def _is_hidden(part: str) -> bool:
    return part.startswith(".") and part != ".well-known"


def _decode(data: bytes) -> Content:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data
