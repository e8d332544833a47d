"""Request bodies: what each may hold, and the reading of them. One table serves the reader and the documentation.

Fields that are not in the table are ignored, so nothing in a request can name a server or a key.
"""

import base64
import binascii
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NoReturn, TypeAlias

from webmint_cli.errors import UsageError
from webmint_cli.site import Content, Site, relative_path

JsonType: TypeAlias = Literal["string", "boolean", "integer", "object"]

_DEPTH = 32
_FILES = 1000
_SAFE = 2**53 - 1
_NAME = 200
_PROJECT = r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}(/[A-Za-z0-9][A-Za-z0-9._-]{0,99})?"
_TYPES: dict[str, type] = {"string": str, "boolean": bool, "integer": int, "object": dict}
_ARTICLES = {
    "string": "a string",
    "boolean": "true or false",
    "integer": "a whole number",
    "object": "an object",
}


@dataclass(frozen=True, slots=True)
class Field:
    """One member of a body. `longest` is in characters; `pattern` holds for all of a string."""

    name: str
    type: JsonType
    help: str
    required: bool = False
    longest: int | None = None
    pattern: str = ""

    @property
    def schema(self) -> dict[str, Any]:
        """The field in JSON Schema 2020-12."""
        schema: dict[str, Any] = {"type": self.type, "description": self.help}
        if self.longest:
            schema["maxLength"] = self.longest
        if self.pattern:
            schema["pattern"] = f"^{self.pattern}$"
        if self.type == "integer":
            schema |= {"minimum": -_SAFE, "maximum": _SAFE}
        if self.type == "object":
            content = {"type": "object", "properties": {"base64": {"type": "string"}}, "required": ["base64"]}
            schema |= {
                "additionalProperties": {"anyOf": [{"type": "string"}, content]},
                "maxProperties": _FILES,
            }
        return schema

    def check(self, value: Any) -> None:
        """Raise UsageError for a value that is not as the field has it."""
        if not isinstance(value, _TYPES[self.type]) or (self.type == "integer" and isinstance(value, bool)):
            raise _wrong(self.name, f"should be {_ARTICLES[self.type]}, not {_shown(value)}", self.help)
        if isinstance(value, str):
            self._check_text(value)
        if isinstance(value, int) and abs(value) > _SAFE:
            raise _wrong(self.name, "is too large", f"at most {_SAFE}")

    def _check_text(self, text: str) -> None:
        if self.longest and len(text) > self.longest:
            raise _wrong(self.name, f"has {len(text):,} characters", f"at most {self.longest:,}")
        if self.pattern and not re.fullmatch(self.pattern, text):
            raise _wrong(self.name, "is not of the right form", self.help)
        if self.required and not text.strip():
            raise _wrong(self.name, "is empty", self.help)
        _expect_unicode(self.name, text)


GENERATE = (
    Field("prompt", "string", "what the site is about", required=True, longest=32_000),
    Field("useStream", "boolean", "true (the default) for a stream of events, false for one JSON answer"),
    Field("provider", "string", "one of those that GET /api/models lists", longest=_NAME),
    Field("model", "string", "the model's name", longest=_NAME),
    Field("seed", "integer", "the same seed and prompt give the same site"),
    Field(
        "accumulated",
        "boolean",
        "true: all text of the file in each progress event; false: never; left out: as often as stays linear",
    ),
)
DEPLOY = (
    Field(
        "projectName",
        "string",
        "the project's name at the host: letters, digits, dots, hyphens",
        required=True,
        pattern=_PROJECT,
    ),
    Field("html", "string", "index.html, or a fragment that gets a document around it"),
    Field("css", "string", "styles.css"),
    Field("js", "string", "script.js"),
    Field("files", "object", "in place of the three, every file by path: text, or {base64}"),
    Field("target", "string", "one of those that GET /api/targets lists", longest=_NAME),
    Field("production", "boolean", "to production, whatever the branch"),
)


def read(body: bytes, fields: tuple[Field, ...]) -> dict[str, Any]:
    """The members of a JSON body that have a field, checked. Raises UsageError, naming what is wrong."""
    data = _decoded(body)
    if not isinstance(data, dict):
        raise UsageError("the body should be a JSON object", hint=_example(fields))
    for field in fields:
        if field.name in data:
            field.check(data[field.name])
        elif field.required:
            raise UsageError(f"{field.name} is missing", hint=f"{field.name}: {field.help}")
    return {field.name: data[field.name] for field in fields if field.name in data}


def files_of(members: Mapping[str, Any]) -> Site:
    """The site in a body: its `files`, else its `html`, `css` and `js`. Raises UsageError."""
    if "files" in members:
        return Site(_files(members["files"]))
    three = {"index.html": "html", "styles.css": "css", "script.js": "js"}
    found = {path: members[name] for path, name in three.items() if members.get(name)}
    if "index.html" not in found:
        raise UsageError("there is nothing to deploy", hint="send html, or files with an index.html")
    return Site(found)


def _files(given: Mapping[str, Any]) -> dict[str, Content]:
    if len(given) > _FILES:
        raise _wrong("files", f"holds {len(given):,} files", f"at most {_FILES:,}")
    files: dict[str, Content] = {}
    for raw, value in given.items():
        _expect_unicode("files", raw)
        try:
            path = relative_path(raw)
        except ValueError as error:
            raise _wrong(
                f"files[{_shown(raw)}]", f"has a path that is refused: {error}", "give a relative path"
            ) from None
        if path in files:
            raise _wrong("files", f"holds {_shown(path)} twice", "give each file once")
        files[path] = _content(path, value)
    return files


def _content(path: str, value: Any) -> Content:
    name = f"files[{_shown(path)}]"
    if isinstance(value, str):
        _expect_unicode(name, value)
        return value
    if isinstance(value, dict) and isinstance(value.get("base64"), str):
        try:
            return base64.b64decode(value["base64"], validate=True)
        except (binascii.Error, ValueError):
            raise _wrong(name, "is not base64", "encode it anew") from None
    raise _wrong(name, "should be a string or {base64}", "text as it is, bytes in base64")


def _decoded(body: bytes) -> Any:
    try:
        data = json.loads(body, object_pairs_hook=_once, parse_constant=_no_number)
    except UsageError:
        raise
    except RecursionError:
        raise _too_deep() from None
    except ValueError:
        raise UsageError("the body is not JSON in UTF-8", hint="send JSON as RFC 8259 has it") from None
    _expect_shallow(data)
    return data


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
        raise UsageError(f"the body holds {_shown(twice)} twice", hint="give each member once")
    return found


def _no_number(word: str) -> NoReturn:
    raise UsageError(f"{word} is no number in JSON", hint="leave it out")


def _expect_shallow(data: Any) -> None:
    level = [data]
    for _ in range(_DEPTH):
        level = [
            inner
            for value in level
            if isinstance(value, dict | list)
            for inner in (value.values() if isinstance(value, dict) else value)
        ]
    if level:
        raise _too_deep()


def _too_deep() -> UsageError:
    return UsageError("the body is nested too deeply", hint=f"at most {_DEPTH} levels")


def _expect_unicode(name: str, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _wrong(name, "holds half of a surrogate pair", "send whole characters") from None


def _wrong(name: str, what: str, hint: str) -> UsageError:
    return UsageError(f"{name} {what}", hint=f"{name}: {hint}")


def _shown(value: Any) -> str:
    text = json.dumps(value) if isinstance(value, str | int | float | bool | None) else type(value).__name__
    text = {"dict": "an object", "list": "a list"}.get(text, text)
    return text if len(text) <= 60 else text[:59] + "…"  # noqa: PLR2004 - enough to recognise it


def _example(fields: tuple[Field, ...]) -> str:
    required = next(field.name for field in fields if field.required)
    return f'for example {{"{required}": "…"}}'
