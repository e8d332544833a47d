"""What servers say, made fit to be repeated and acted on.

A key is never repeated: servers like to quote it in their refusals.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_SHOWN = 200
_SECRETS = re.compile(r"\b(?:sk|pk|gsk|xai|key|AIza)[-_][\w-]{6,}\S*|\bAIza[\w-]{10,}|(?i:\bbearer\s+\S+)")
_MARKUP = re.compile(r"(?is)<(script|style|head)\b.*?</\1\s*>|<[^>]*>")
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\s]+")


def scrubbed(text: str, key: str = "") -> str:
    """At most 200 characters of what a server said: one line, without markup, control characters, keys or full stop."""
    if key:
        text = text.replace(key, "[key]")
    text = _MARKUP.sub(" ", text[:20_000])
    text = _SECRETS.sub("[key]", _UNSEEN.sub(" ", text)).strip().rstrip(".")
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def retry_after(headers: Mapping[str, str], now: datetime | None = None) -> float | None:
    """Seconds that `Retry-After` asks for, by number or by date; None where it says nothing usable."""
    value = headers.get("retry-after", "").strip()
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        when = parsedate_to_datetime(value)
    except ValueError:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - (now or datetime.now(UTC))).total_seconds())
