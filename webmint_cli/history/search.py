"""From what a person looks for to what SQLite is asked.

Words are found by their beginnings, whatever their case and accents, phrases in double quotes as they stand. Scripts
that put no spaces between words are indexed character by character, and emoji by their code points, so that any
part of a sentence is found.
"""

import re
import unicodedata
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Sort: TypeAlias = Literal["newest", "oldest", "title", "largest"]

_WORDLESS = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3040-\u31ff\u3400-\u9fff\uf900-\ufaff"
    "\U00020000-\U000323af]"
)
_EMOJI = re.compile("[\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff]")
_WORDS = re.compile(r'"([^"]*)"|([^\s"]+)')

_ORDERS = {
    "newest": "s.timestamp desc, s.id desc",
    "oldest": "s.timestamp, s.id",
    "title": "s.title collate nocase, s.timestamp desc, s.id desc",
    "largest": "s.html + s.css + s.js desc, s.timestamp desc, s.id desc",
}
_CHATS = """select s.id, (select uid from chats where chats.id = s.id), s.prompt, s.title, status, timestamp, updated,
    provider, model, site, html, css, js, seconds, tokens,
    coalesce((select url from deployments_summary d where d.chat = s.id order by d.timestamp desc limit 1), '')
    from (select s.id as found from <source> where <where> order by <order> limit :limit offset :offset)
    cross join chats_summary s on s.id = found order by <sort>"""
_FOUND = "search cross join texts on place = search.rowid cross join chats_summary s on s.id = texts.id"
_FOUND_ORDERS = {"newest": "search.rowid desc", "oldest": "search.rowid"}
_DEPLOYMENTS = """select id, (select uid from deployments where deployments.id = s.id), chat, project, url, deployment,
    timestamp, target, environment, active
    from deployments_summary s where <where> order by <order> limit :limit offset :offset"""


@dataclass(frozen=True, slots=True)
class Query:
    """What to list. Times are milliseconds, `until` not included; "" and None leave a filter out, also `limit`'s.

    `deployed` and the title and size are of chats, `active` of deployments; `site`: the line of versions.
    """

    text: str = ""
    status: str = ""
    since: int | None = None
    until: int | None = None
    model: str = ""
    site: str = ""
    deployed: bool | None = None
    active: bool | None = None
    sort: Sort = "newest"
    limit: int | None = 20
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Summary:
    """A chat as it is listed. `html`, `css`, `js`: UTF-16 code units; `url`: where it was deployed last, or ""."""

    id: int
    uid: str
    prompt: str
    title: str
    status: str
    timestamp: int
    updated: int
    provider: str
    model: str
    site: str
    html: int
    css: int
    js: int
    seconds: float
    tokens: int
    url: str


@dataclass(frozen=True, slots=True)
class Release:
    """A deployment as it is listed. `chat`: the number of its chat here, where there is one."""

    id: int
    uid: str
    chat: int | None
    project: str
    url: str
    deployment: str
    timestamp: int
    target: str
    environment: str
    active: bool


def chats(query: Query) -> tuple[str, dict[str, Any]]:
    """The statement that lists chats, and its values."""
    conditions, values = _period(query)
    for condition, value in (
        ("s.status = :status", query.status),
        ("s.model = :model collate nocase", query.model),
        ("s.site = :site", query.site),
    ):
        if value:
            conditions.append(condition)
    if query.deployed is not None:
        has = "exists (select 1 from deployments_summary d where d.chat = s.id)"
        conditions.append(has if query.deployed else f"not {has}")
    order = _ORDERS[query.sort]
    if words := match(query.text):
        values["match"] = words
        found = _statement(_CHATS, ["search match :match", *conditions], _FOUND_ORDERS.get(query.sort, order))
        return found.replace("<source>", _FOUND).replace("<sort>", order), values
    if query.text.strip():
        # No word to look up, but signs.
        conditions.append("instr(s.prompt, :part)")
    listed = _statement(_CHATS, conditions, order)
    return listed.replace("<source>", "chats_summary s").replace("<sort>", order), values


def deployments(query: Query) -> tuple[str, dict[str, Any]]:
    """The statement that lists deployments, and its values."""
    conditions, values = _period(query)
    if query.active is not None:
        conditions.append("active = :active")
    if query.text.strip():
        conditions.append("instr(lower(project || ' ' || url), lower(:part))")
    order = _ORDERS["oldest" if query.sort == "oldest" else "newest"]
    return _statement(_DEPLOYMENTS, conditions, order), values


def plain(value: Any) -> str:
    """A text as SQLite can hold it: a lone half of a surrogate pair becomes U+FFFD; "" for what is no text."""
    if not isinstance(value, str):
        return ""
    return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def indexed(text: str) -> str:
    """A text as it goes into the index."""
    if text.isascii():
        return text
    text = unicodedata.normalize("NFKC", text)
    text = _WORDLESS.sub(r" \g<0> ", text)
    return _EMOJI.sub(lambda found: f" x{ord(found.group()):x} ", text)


def match(text: str) -> str:
    """What a person typed, as an FTS5 query in which nothing of theirs is an operator; "" if it holds no word."""
    phrases = [
        (quoted or word, "" if quoted else " *")
        for quoted, word in _WORDS.findall(plain(text).replace("\0", " "))
    ]
    return " ".join(f'"{indexed(phrase)}"{suffix}' for phrase, suffix in phrases if _has_word(phrase))


def _has_word(phrase: str) -> bool:
    return any(character.isalnum() for character in indexed(phrase))


def _period(query: Query) -> tuple[list[str], dict[str, Any]]:
    values: dict[str, Any] = {
        "status": query.status,
        "model": query.model,
        "site": query.site,
        "since": query.since,
        "until": query.until,
        "active": query.active,
        "part": plain(query.text.strip()),
        "limit": -1 if query.limit is None else query.limit,
        "offset": query.offset,
    }
    limits = (("s.timestamp >= :since", query.since), ("s.timestamp < :until", query.until))
    return [condition for condition, value in limits if value is not None], values


def _statement(template: str, conditions: list[str], order: str) -> str:
    return template.replace("<where>", " and ".join(conditions) or "true").replace("<order>", order)
