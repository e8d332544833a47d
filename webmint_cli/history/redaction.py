"""Keys and tokens stay out of a history, on the way in and on the way out.

The prompt and the generated content are the user's own text: they pass as they are, to the last byte. In everything
else a member that is named like a secret is left out, and what looks like a key inside a text is masked.
"""

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

MASK = "[key]"

_VERBATIM = frozenset({"prompt", "generatedContent"})
# An unprefixed token (older ones of Cloudflare, for one) can't be told from a digest: those are known by name only.
_KEYS = re.compile(
    r"""
      \b(?:sk|pk|rk|gsk|xai|key|r8|nvapi)[-_][\w-]{8,}            # model servers, Stripe
    | \bAIza[\w-]{10,} | \bya29\.[\w-]{10,}                       # Google
    | \bgh[pousr]_\w{8,} | \bgithub_pat_\w{8,} | \bgl[a-z]{2,5}-[\w-]{16,}
    | \b(?:AKIA|ASIA)[0-9A-Z]{12,}                                # AWS
    | \bcf[a-z]{1,2}_\w{16,} | \bnf[a-z]_\w{16,} | \bvc[a-z]_\w{16,}  # hosts
    | \b(?:hf|npm)_\w{16,} | \bpypi-[\w-]{16,} | \bxox[a-z]-[\w-]{8,}
    | \beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*                           # JSON Web Token
    | (?i:\bbearer\s+(?=\S*\d|\S{20})[\w.~+/=-]{8,})
    | -----BEGIN\ [A-Z ]*PRIVATE\ KEY-----[\s\S]*?(?:-----END\ [A-Z ]*-----|\Z)
    | (?<=://)[^/\s:@]+:[^/\s@]+(?=@)                             # user:password in an address
    """,
    re.VERBOSE,
)
_HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NAMES = re.compile(
    r"""(?:^|[^a-z])
    (?: keys? | token | secrets? | password | passwd | passphrase | authorization | cookie | credentials? | bearer
      | (?:api|access|auth|private|secret|client|refresh|session|bearer)[-_ ]?(?:key|token|secret)s? )
    (?:[-_ ]?(?:value|header|text))? [-_ ]? \d* $""",
    re.VERBOSE,
)


def cleaned(record: Mapping[str, Any], path: str) -> tuple[dict[str, Any], list[tuple[str, ...]]]:
    """A record without keys, and the place of each that was taken out: `chats[3]`, then the names that lead to it."""
    places: list[tuple[str, ...]] = []
    return {
        name: value if name in _VERBATIM else _clean(value, (path, name), places)
        for name, value in record.items()
        if not _left_out(name, value, (path, name), places)
    }, places


def masked(text: str) -> str:
    """A text with MASK in place of whatever looks like a key."""
    return _KEYS.sub(MASK, text)


def _clean(value: Any, place: tuple[str, ...], places: list[tuple[str, ...]]) -> Any:
    if isinstance(value, dict):
        return {
            name: _clean(item, (*place, name), places)
            for name, item in value.items()
            if not _left_out(name, item, (*place, name), places)
        }
    if isinstance(value, list):
        return [_clean(item, (*place, str(index)), places) for index, item in enumerate(value)]
    if isinstance(value, str) and (clean := masked(value)) != value:
        places.append(place)
        return clean
    return value


def _left_out(name: str, value: Any, place: tuple[str, ...], places: list[tuple[str, ...]]) -> bool:
    secret = _holds_key(name) or (_is_secret(name) and _has_text(value))
    if secret:
        places.append(place)
    return secret


# The same few names come with each record.
@lru_cache(maxsize=1024)
def _holds_key(name: str) -> bool:
    return masked(name) != name


@lru_cache(maxsize=1024)
def _is_secret(name: str) -> bool:
    return _NAMES.search(_HUMP.sub("_", name).lower()) is not None


def _has_text(value: Any) -> bool:
    """Counts are no secrets: `tokens: 812` stays."""
    if isinstance(value, dict):
        return any(map(_has_text, value.values()))
    if isinstance(value, list):
        return any(map(_has_text, value))
    return isinstance(value, str) and value != ""
