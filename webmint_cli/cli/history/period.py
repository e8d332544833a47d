"""Times as people type them: a date, a date with a time, or how long ago."""

import re
from datetime import datetime, timedelta

from webmint_cli.errors import UsageError

_AGO = re.compile(r"(\d{1,5})([hdw])", re.ASCII)
_HOURS = {"h": 1, "d": 24, "w": 24 * 7}


def since(text: str, now: datetime) -> int:
    """The first millisecond that counts. Raises UsageError."""
    return _moment(text, now, "--since", days=0)


def until(text: str, now: datetime) -> int:
    """The first millisecond that no longer counts: a day that is named does. Raises UsageError."""
    return _moment(text, now, "--until", days=1)


def _moment(text: str, now: datetime, option: str, *, days: int) -> int:
    try:
        return int(_read(text.strip(), now, days).timestamp() * 1000)
    except (ValueError, OverflowError, OSError):
        raise UsageError(
            f"{option} should be a date, not {text!r}",
            hint=f"for example {option} 2025-12-31, or {option} 7d",
        ) from None


def _read(text: str, now: datetime, days: int) -> datetime:
    if ago := _AGO.fullmatch(text):
        return now - timedelta(hours=int(ago[1]) * _HOURS[ago[2]])
    moment = datetime.fromisoformat(text)
    is_day = len(text) <= len("2025-12-31")
    # Without a zone it is the time of this place.
    return (moment + timedelta(days=days) if is_day else moment).astimezone()
