"""`webmint history stats`: how much was made, by what, and when."""

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from webmint_cli.cli.history.access import opened, say_empty
from webmint_cli.cli.shared import Common, command

_DAYS = 30
_BARS = "▁▂▃▄▅▆▇█"
_NONE = "·"


@command
def stats(*, common: Common) -> None:
    """Count chats, deployments, characters and models."""
    import json

    from webmint_cli.render import table

    with opened() as store:
        found = store.stats()
        if not common.as_json and not found["totalChats"] and not found["totalDeployments"]:
            say_empty(store, common, "")
            return
    if common.as_json:
        sys.stdout.write(json.dumps(found, indent=2) + "\n")
        return
    for name, value in [*_totals(found), *_activity(found["timeline"], datetime.now(UTC).date())]:
        sys.stdout.write(f"{name:14} {value}\n")
    if found["models"]:
        sys.stdout.write("\n")
        rows = [_model_row(model) for model in found["models"]]
        table(rows, sys.stdout, colored=common.colors(sys.stdout))


def bars(counts: Sequence[int]) -> str:
    """A bar for each count, the highest for the greatest; a dot for none."""
    greatest = max(counts, default=0)
    return "".join(_BARS[(count * len(_BARS) - 1) // greatest] if count else _NONE for count in counts)


def _totals(found: Mapping[str, Any]) -> list[tuple[str, str]]:
    characters = ", ".join(f"{name} {count:,}" for name, count in found["characters"].items())
    return [
        ("chats", f"{found['totalChats']:,}"),
        ("deployments", f"{found['totalDeployments']:,}"),
        ("deploy rate", f"{found['deployRate']:.0%} of the chats"),
        ("characters", characters),
    ]


def _activity(timeline: Sequence[Mapping[str, Any]], today: date) -> list[tuple[str, str]]:
    """The last days, one sign each, up to today (UTC)."""
    days = [(today - timedelta(days=ago)).isoformat() for ago in reversed(range(_DAYS))]
    by_day = {day["date"]: day for day in timeline}
    lines = []
    for kind in ("chats", "deployments"):
        counts = [by_day.get(day, {}).get(kind, 0) for day in days]
        lines.append((f"  {kind}", f"{bars(counts)}  {sum(counts):,}, at most {max(counts):,} a day"))
    return [("activity", f"{days[0]} to {days[-1]}"), *lines]


def _model_row(model: Mapping[str, Any]) -> dict[str, str]:
    from webmint_cli.render import duration

    runs = model["runs"]
    return {
        "model": model["model"],
        "runs": f"{runs:,}",
        "completed": f"{model['completed'] / runs:.0%}",
        "time": duration(model["seconds"]),
        "time a run": duration(model["seconds"] / runs),
        "tokens": f"{model['tokens']:,}",
    }
