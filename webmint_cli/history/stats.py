"""The `stats` object of the exchange format, from the summaries alone."""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

Rows: TypeAlias = Callable[[str], Iterator[tuple[Any, ...]]]

_TOTALS = """select count(*), coalesce(sum(html), 0), coalesce(sum(css), 0), coalesce(sum(js), 0),
    coalesce(sum(exists (select 1 from deployments_summary d where d.chat = s.id)), 0),
    (select count(*) from deployments_summary)
    from chats_summary s"""
# SQLite's calendar ends with the year 9999.
_DAY = "date(min(timestamp, 253402300799999) / 1000, 'unixepoch')"
_TIMELINE = """select day, sum(chats), sum(deployments) from (
    select <day> as day, count(*) as chats, 0 as deployments from chats_summary group by 1
    union all select <day>, 0, count(*) from deployments_summary group by 1
    ) group by day order by day""".replace("<day>", _DAY)
_MODELS = """select model, count(*), sum(status = 'completed'), round(sum(seconds), 3), sum(tokens)
    from chats_summary where model <> '' group by model order by count(*) desc, model"""


def compute(rows: Rows) -> dict[str, Any]:
    """Totals, the deploy rate (chats with a deployment, over chats), characters, activity by day (UTC), and models.

    Characters are UTF-16 code units. `seconds` and `tokens` of a model are of all its runs; a chat without a model,
    an edited version say, is nobody's run.
    """
    ((chats, html, css, js, deployed, deployments),) = rows(_TOTALS)
    return {
        "totalChats": chats,
        "totalDeployments": deployments,
        "deployRate": round(deployed / chats, 4) if chats else 0,
        "characters": {"html": html, "css": css, "js": js},
        "timeline": _named(rows(_TIMELINE), "date", "chats", "deployments"),
        "models": _named(rows(_MODELS), "model", "runs", "completed", "seconds", "tokens"),
    }


def _named(rows: Iterator[tuple[Any, ...]], *names: str) -> list[dict[str, Any]]:
    return [dict(zip(names, row, strict=True)) for row in rows]
