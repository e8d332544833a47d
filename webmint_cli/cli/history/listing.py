"""`webmint history list` and `search`."""

import sys
from dataclasses import asdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

from webmint_cli.cli.history.access import opened, say_empty, when
from webmint_cli.cli.shared import Common, command
from webmint_cli.errors import UsageError

if TYPE_CHECKING:
    from webmint_cli.history.search import Query, Release, Summary

_TITLE = 60


class Sort(StrEnum):
    """In which order."""

    NEWEST = "newest"
    OLDEST = "oldest"
    TITLE = "title"
    LARGEST = "largest"


_Status: TypeAlias = Annotated[
    str, typer.Option(metavar="NAME", help="completed, incomplete, stopped, failed or streaming.")
]
_Since: TypeAlias = Annotated[
    str, typer.Option(metavar="DATE", help="Not before: 2025-12-31, or 7d or 12h ago.")
]
_Until: TypeAlias = Annotated[
    str, typer.Option(metavar="DATE", help="Not after: a day that is named counts.")
]
_Model: TypeAlias = Annotated[str, typer.Option(metavar="NAME", help="Made by this model.")]
_Deployed: TypeAlias = Annotated[
    bool | None, typer.Option("--deployed/--not-deployed", help="Only what was deployed, or was not.")
]
_Sort: TypeAlias = Annotated[Sort, typer.Option(help="In which order.")]
_Limit: TypeAlias = Annotated[int, typer.Option(metavar="N", min=1, help="How many.")]


@command
def list_(
    *,
    search: Annotated[
        str, typer.Option(metavar="TEXT", help="In prompt, title and text; of deployments, in name and URL.")
    ] = "",
    status: _Status = "",
    since: _Since = "",
    until: _Until = "",
    model: _Model = "",
    deployed: _Deployed = None,
    deployments: Annotated[
        bool, typer.Option("--deployments", help="Deployments in place of chats.")
    ] = False,
    active: Annotated[
        bool | None, typer.Option("--active/--inactive", help="Deployments that are live, or no longer.")
    ] = None,
    sort: _Sort = Sort.NEWEST,
    limit: _Limit = 20,
    common: Common,
) -> None:
    """List chats or deployments, the newest first."""
    foreign = {
        "--status": status,
        "--model": model,
        "--deployed": deployed is not None,
        f"--sort {sort}": sort in (Sort.TITLE, Sort.LARGEST),
    }
    if deployments and (named := next((name for name, given in foreign.items() if given), "")):
        raise UsageError(f"{named} is about chats, not deployments", hint="leave out one of them")
    if active is not None and not deployments:
        raise UsageError("--active and --inactive are about deployments", hint="add --deployments")
    query = _query(
        text=search, status=status, since=since, until=until, model=model,
        deployed=deployed, active=active, sort=sort, limit=limit,
    )  # fmt: skip
    _list(query, common, deployments=deployments)


@command
def search(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="Words, or the beginnings of words.")],
    *,
    status: _Status = "",
    since: _Since = "",
    until: _Until = "",
    model: _Model = "",
    deployed: _Deployed = None,
    sort: _Sort = Sort.NEWEST,
    limit: _Limit = 20,
    common: Common,
) -> None:
    """Find chats by their prompt, title or text."""
    query = _query(
        text=text, status=status, since=since, until=until, model=model,
        deployed=deployed, sort=sort, limit=limit,
    )  # fmt: skip
    _list(query, common, deployments=False)


def _query(*, since: str, until: str, sort: Sort, **filters: Any) -> "Query":
    from datetime import datetime

    from webmint_cli.cli.history import period
    from webmint_cli.history.search import Query

    now = datetime.now().astimezone()
    return Query(
        since=period.since(since, now) if since else None,
        until=period.until(until, now) if until else None,
        sort=sort.value,
        **filters,
    )


def _list(query: "Query", common: Common, *, deployments: bool) -> None:
    import json

    from webmint_cli.render import table

    with opened() as store:
        found: list[Any] = list(store.releases(query) if deployments else store.summaries(query))
        if not found:
            say_empty(store, common, f"No {'deployment' if deployments else 'chat'} fits")
    if common.as_json:
        sys.stdout.write(json.dumps([asdict(entry) for entry in found], indent=2) + "\n")
        return
    row = release_row if deployments else summary_row
    table([row(entry) for entry in found], sys.stdout, colored=common.colors(sys.stdout))


def summary_row(chat: "Summary") -> dict[str, str]:
    """A chat as a row of a table."""
    return {
        "id": str(chat.id),
        "when": when(chat.timestamp),
        "status": chat.status,
        "title": " ".join((chat.title or chat.prompt).split())[:_TITLE],
        "model": chat.model or chat.provider,
        "characters": f"{chat.html + chat.css + chat.js:,}",
        "deployed": chat.url,
    }


def release_row(deployment: "Release") -> dict[str, str]:
    """A deployment as a row of a table."""
    return {
        "chat": str(deployment.chat or ""),
        "when": when(deployment.timestamp),
        "project": deployment.project,
        "target": deployment.target,
        "environment": deployment.environment,
        "active": "yes" if deployment.active else "no",
        "url": deployment.url,
    }
