"""What is derived from a record: the columns by which it is listed and counted, and the text in which it is found.

A record may hold anything where its format leaves it free: a member of another type than the one that is looked
for counts as absent.
"""

import html
import re
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from webmint_cli.history.content import characters, files
from webmint_cli.history.records import Kind, Record, chat_uid, updated
from webmint_cli.history.search import indexed, plain
from webmint_cli.page import is_page

Statement: TypeAlias = tuple[str, Mapping[str, Any]]

_TOKENS = ("total_tokens", "totalTokens", "tokens")
_MAX = 2**53
_TITLE = re.compile(r"<title\b[^>]*>([^<]*)", re.IGNORECASE)
# Each alternative ends with the text where its own end is missing, so that all of it is read once.
_MARKUP = re.compile(
    r"<!--.*?(?:-->|\Z)|<(script|style)\b.*?(?:</\1\s*>|\Z)|<[a-z/!?][^>]*(?:>|\Z)", re.IGNORECASE | re.DOTALL
)

_SUMMARY: dict[Kind, str] = {
    "chats": """insert into chats_summary values (:id, :prompt, :title, :status, :timestamp, :updated,
        :provider, :model, :site, :html, :css, :js, :seconds, :tokens)""",
    "deployments": """insert into deployments_summary values (:id, :chat, :project, :url, :deployment,
        :timestamp, :updated, :target, :environment, :active)""",
}
# A place in the index is a time, so that SQLite finds the newest first and stops: thousands a millisecond, which only
# an import can need, and what is beyond them comes last.
_TEXT = """insert into texts select iif(last is null, :timestamp * 1000, iif(last % 1000 < 999, last + 1, -:id)),
    :id, :prompt, :title, :page
    from (select max(place) as last from texts where place between :timestamp * 1000 and :timestamp * 1000 + 999)"""


def derive(kind: Kind, number: int, record: Record, chat: int | None) -> Iterator[Statement]:
    """The statements that put what is derived from a record into its tables, from which it is absent."""
    if kind == "deployments":
        yield _SUMMARY[kind], {"id": number, "chat": chat, **_deployment(record)}
        return
    yield _SUMMARY[kind], {"id": number, **_chat(record)}
    yield _TEXT, {"id": number, "timestamp": record["timestamp"], **_texts(record)}


def page_text(markup: str) -> str:
    """What a reader sees of a page."""
    return html.unescape(_MARKUP.sub(" ", markup))


def _chat(record: Record) -> dict[str, Any]:
    metadata = _mapping(record.get("metadata"))
    return {
        "prompt": plain(record.get("prompt")),
        "title": _title(record),
        "status": plain(record.get("status")),
        "timestamp": record["timestamp"],
        "updated": updated(record),
        "provider": plain(metadata.get("provider")),
        "model": plain(metadata.get("model")),
        "site": plain(metadata.get("siteUid")) or chat_uid(record),
        "seconds": _number(metadata.get("seconds")),
        "tokens": _tokens(_mapping(metadata.get("usage"))),
        **characters(record),
    }


def _deployment(record: Record) -> dict[str, Any]:
    metadata = _mapping(record.get("metadata"))
    return {
        "project": plain(record.get("projectName")),
        "url": plain(record.get("url")),
        "deployment": plain(record.get("deploymentId")),
        "timestamp": record["timestamp"],
        "updated": updated(record),
        "target": plain(metadata.get("target")),
        "environment": plain(metadata.get("environment")),
        "active": metadata.get("active") is not False,
    }


def _texts(record: Record) -> dict[str, str]:
    pages = (text for path, text in files(record).items() if isinstance(text, str) and is_page(path))
    return {
        "prompt": indexed(plain(record.get("prompt"))),
        "title": indexed(_title(record)),
        "page": indexed(plain("\n".join(map(page_text, pages)))),
    }


def _title(record: Record) -> str:
    """The title by the metadata, else by the page."""
    title = plain(_mapping(record.get("metadata")).get("title"))
    if title:
        return title
    found = _TITLE.search(plain(_mapping(record.get("generatedContent")).get("html")))
    return " ".join(html.unescape(found.group(1)).split()) if found else ""


def _tokens(usage: Mapping[str, Any]) -> int:
    total = next((usage[name] for name in _TOKENS if name in usage), None)
    if total is None:
        parts = ("prompt_tokens", "completion_tokens", "input_tokens", "output_tokens")
        total = sum(_number(usage.get(name)) for name in parts)
    return int(_number(total))


def _number(value: Any) -> float:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if is_number and 0 <= value <= _MAX else 0.0


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
