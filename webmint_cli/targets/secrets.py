"""What must never be published: files that hold keys and passwords, known by their name or by what is in them.

A finding says what kind of secret it is and never repeats the secret. Keys that are made to be read by a browser
(Google's `AIza…`, Stripe's `pk_live_…`) are none.
"""

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

_MIB = 1 << 20
# A file with a NUL in its first bytes is no text.
_HEAD = 8192

_ENVIRONMENT = re.compile(r"\.env.*|.+\.env", re.DOTALL)
_HARMLESS = frozenset({"example", "sample", "template"})

_NAMES = {
    "id_rsa": "a private SSH key",
    "id_dsa": "a private SSH key",
    "id_ecdsa": "a private SSH key",
    "id_ed25519": "a private SSH key",
    ".netrc": "passwords",
    "_netrc": "passwords",
    ".git-credentials": "passwords",
    ".pypirc": "a PyPI token",
    ".dev.vars": "environment variables",
}
_ENDINGS = {".p12": "a private key", ".pfx": "a private key"}
_NPM = re.compile(rb"_(?:authToken|auth|password)\s*=\s*(?!\s|\$\{)")


@dataclass(frozen=True, slots=True)
class _Pattern:
    """`marker` is in all that `key` matches, and is looked for first, which is many times faster."""

    kind: str
    marker: bytes
    key: re.Pattern[bytes]


def _pattern(kind: str, marker: bytes, key: bytes) -> _Pattern:
    return _Pattern(kind, marker, re.compile(key))


_PATTERNS = (
    # Programs that read keys hold the first line as well, without a key behind it.
    _pattern(
        "a private key",
        b"PRIVATE KEY",
        rb"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:\s|\\[rn])*[A-Za-z0-9+/]{4}",
    ),
    # A longer run of such letters is no key, but data in base64.
    _pattern("an AWS access key", b"AKIA", rb"(?<![A-Za-z0-9+/])AKIA[0-9A-Z]{16}(?![A-Za-z0-9+/])"),
    _pattern("a GitHub token", b"gh", rb"gh[pousr]_[A-Za-z0-9]{36}"),
    _pattern("a GitHub token", b"github_pat_", rb"github_pat_[A-Za-z0-9_]{22}"),
    # "risk-" and "task-" end words.
    _pattern(
        "an API key of a model provider",
        b"sk-",
        rb"(?<![A-Za-z0-9_-])sk-(?:(?:ant|proj|svcacct|admin|or)-[A-Za-z0-9_-]{20}|[A-Za-z0-9]{32})",
    ),
    _pattern("a Slack token", b"xox", rb"xox[abeprs]-[A-Za-z0-9-]{10}"),
    _pattern("a Stripe key", b"k_live_", rb"[rs]k_live_[A-Za-z0-9]{16}"),
    _pattern("a Google access token", b"ya29.", rb"ya29\.[A-Za-z0-9_-]{20}"),
    _pattern("a GitLab token", b"glpat-", rb"glpat-[A-Za-z0-9_-]{20}"),
    _pattern("an npm token", b"npm_", rb"npm_[A-Za-z0-9]{36}"),
    _pattern(
        "a Cloudflare token",
        b"API_TOKEN",
        rb"(?:CLOUDFLARE|CF)_API_TOKEN[\"']?\s*[=:]\s*[\"']?[A-Za-z0-9_-]{30}",
    ),
)


def by_name(path: str) -> str | None:
    """The kind of secret that a file of this path holds whatever is in it, None for any other."""
    place = PurePosixPath(path.lower())
    name = place.name
    if _ENVIRONMENT.fullmatch(name) and not _HARMLESS & set(name.split(".")):
        return "environment variables"
    if name.startswith(".dev.vars."):
        return _NAMES[".dev.vars"]
    if place.parts[-2:] == (".aws", "credentials"):
        return "AWS credentials"
    return _NAMES.get(name) or _ENDINGS.get(place.suffix)


def by_content(path: str, data: bytes) -> str | None:
    """The kind of secret in the content of a file, None where none is found."""
    name = PurePosixPath(path.lower()).name
    if name == ".npmrc" and _NPM.search(data):
        return "an npm token"
    if name.endswith(".pem") and b"PRIVATE KEY" in data:
        return "a private key"
    if b'"service_account"' in data and b'"private_key"' in data:
        return "a service account's key"
    found = (each for each in _PATTERNS if each.marker in data and each.key.search(data))
    return next((each.kind for each in found), None)


def read_text(source: Path) -> bytes:
    """The first MiB of a text file, nothing of any other. Raises OSError."""
    with source.open("rb") as file:
        head = file.read(_HEAD)
        return b"" if b"\0" in head else head + file.read(_MIB - _HEAD)
