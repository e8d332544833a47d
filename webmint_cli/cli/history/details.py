"""`webmint history show`: everything about one chat, and its files."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from webmint_cli.cli.history.access import Id, opened, when
from webmint_cli.cli.options import Force
from webmint_cli.cli.shared import Common, command
from webmint_cli.errors import UsageError

if TYPE_CHECKING:
    from webmint_cli.history.records import Record
    from webmint_cli.history.search import Release, Summary


@command
def show(
    id_: Id,
    *,
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="DIR|-", help="Write the files there; - prints one page."),
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open the site in the browser.")] = False,
    force: Force = False,
    common: Common,
) -> None:
    """Show a chat with its files, versions and deployments."""
    from webmint_cli.cli.history import sites
    from webmint_cli.cli.site_job import open_in_browser
    from webmint_cli.history import lookup, versions

    with opened() as store:
        number = lookup.present(store, id_)
        record = store.get("chats", number) or {}
        line, deployments = versions.line(store, number), lookup.deployments_of(store, number)
        if open_ and output is None:
            open_in_browser(sites.present_folder(store, record))
    if output is None:
        _show(record, line, deployments, common)
    elif output == "-":
        _print(record)
    else:
        sites.write(Path(output), record, force=force)
        _say(Path(output), common)
        if open_:
            open_in_browser(Path(output))


def _print(record: "Record") -> None:
    from webmint_cli.cli.history.sites import chat_site
    from webmint_cli.render import send

    site = chat_site(record)
    if not site.html:
        raise UsageError(
            f"chat {record['id']} has no index.html",
            hint=f"write its files: webmint history show {record['id']} -o DIR",
        )
    send(site.page().encode("utf-8", "replace"), sys.stdout)


def _say(folder: Path, common: Common) -> None:
    import json
    import os

    from webmint_cli.cli.site_job import shown
    from webmint_cli.render import send

    place = json.dumps({"folder": str(folder.absolute())}) if common.as_json else shown(folder)
    send(os.fsencode(f"{place}\n"), sys.stdout)


def _show(record: "Record", line: "list[Summary]", deployments: "list[Release]", common: Common) -> None:
    import json

    from webmint_cli.cli.history.listing import release_row, summary_row
    from webmint_cli.render import printable, table

    if common.as_json:
        value = {
            "chat": record,
            "versions": [asdict(version) for version in line],
            "deployments": [asdict(deployment) for deployment in deployments],
        }
        sys.stdout.write(json.dumps(value, indent=2) + "\n")
        return
    chat = next(version for version in line if version.id == record["id"])
    for name, said in _details(record, chat):
        sys.stdout.write(f"{name:8} {printable(said).replace(chr(10), chr(10) + ' ' * 9)}\n")
    tables = (
        _files(record),
        [summary_row(version) for version in line] if len(line) > 1 else [],
        [release_row(deployment) for deployment in deployments],
    )
    for rows in filter(None, tables):
        sys.stdout.write("\n")
        table(rows, sys.stdout, colored=common.colors(sys.stdout))


def _details(record: "Record", chat: "Summary") -> "list[tuple[str, str]]":
    from webmint_cli.history.search import plain
    from webmint_cli.render import duration

    metadata: dict[str, Any] = record.get("metadata") or {}
    reason = plain(metadata.get("reason"))
    spent = [duration(chat.seconds) if chat.seconds else "", f"{chat.tokens:,} tokens" if chat.tokens else ""]
    details = [
        ("chat", f"{chat.id} ({chat.uid})"),
        ("title", chat.title),
        ("prompt", chat.prompt),
        ("status", f"{chat.status} ({reason})" if reason else chat.status),
        ("when", when(chat.timestamp)),
        ("made by", " ".join(dict.fromkeys(filter(None, (chat.provider, chat.model))))),
        ("spent", ", ".join(filter(None, spent))),
    ]
    return [(name, value) for name, value in details if value]


def _files(record: "Record") -> list[dict[str, str]]:
    from webmint_cli.history.content import files
    from webmint_cli.render import size

    return [{"file": path, "size": size(len(_encoded(content)))} for path, content in files(record).items()]


def _encoded(content: str | bytes) -> bytes:
    return content if isinstance(content, bytes) else content.encode("utf-8", "replace")
