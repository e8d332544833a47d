"""What the API is: one table of its endpoints, from which come the routes, the OpenAPI document and the page for people."""

import base64
import hashlib
import html
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from webmint_cli import __version__
from webmint_cli.server.bodies import DEPLOY, GENERATE, Field
from webmint_cli.server.streams import Streams


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One method of one path. `name` is that of its handler, `gives` the media types of its answer."""

    name: str
    method: str
    path: str
    summary: str
    gives: tuple[str, ...] = ("application/json",)
    body: tuple[Field, ...] = ()
    refuses: tuple[int, ...] = ()
    example: str = ""


_EVENTS = "text/event-stream"
ENDPOINTS = (
    Endpoint(
        "generate",
        "POST",
        "/api/generate-stream",
        "Generate a site. A stream of status and progress events, then complete or error, then [DONE]; "
        "with useStream false one JSON answer.",
        (_EVENTS, "application/json"),
        GENERATE,
        (400, 413, 415, 429, 502, 503, 504),
        '{"prompt": "A bakery in Lyon", "useStream": true}',
    ),
    Endpoint(
        "deploy",
        "POST",
        "/api/deploy-stream",
        "Deploy a site. A stream of status events, then complete with the url, or error, then [DONE].",
        (_EVENTS,),
        DEPLOY,
        (400, 413, 415, 422, 429, 503),
        '{"html": "<h1>Hello</h1>", "css": "h1 { color: teal }", "js": "", "projectName": "my-site"}',
    ),
    Endpoint(
        "resume",
        "GET",
        "/api/streams/{id}",
        "Go on with a stream: what came after Last-Event-ID, then live. Where too much was missed, each file "
        "comes whole, in a progress event with reset.",
        (_EVENTS,),
        refuses=(400, 404),
    ),
    Endpoint(
        "abort",
        "DELETE",
        "/api/streams/{id}",
        "End a stream at once, and its request upstream.",
        refuses=(404,),
    ),
    Endpoint("models", "GET", "/api/models", "The providers that this server knows, and which are ready."),
    Endpoint("targets", "GET", "/api/targets", "Where this server can deploy to."),
    Endpoint("health", "GET", "/api/health", "Whether the server is up, and its version."),
    Endpoint("openapi", "GET", "/api/openapi.json", "This API as an OpenAPI 3.1 document."),
    Endpoint("docs", "GET", "/api/docs", "This API for people.", ("text/html",)),
    Endpoint("metrics", "GET", "/metrics", "Numbers for Prometheus.", ("text/plain",)),
)

_ERROR = {
    "type": "object",
    "required": ["type", "message", "code", "hint", "retryable"],
    "properties": {
        "type": {"const": "error"},
        "message": {"type": "string"},
        "code": {"type": "string"},
        "hint": {"type": "string"},
        "retryable": {"type": "boolean"},
        "reason": {"type": "string"},
        "partial": {"type": "object", "additionalProperties": {"type": "string"}},
    },
}
_STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem}"
    "pre{overflow-x:auto;padding:.75rem;border:1px solid}td,th{text-align:left;vertical-align:top;padding:0 1rem 0 0}"
    ":root{color-scheme:light dark}"
)
_DIGEST = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
PAGE_POLICY = f"default-src 'none'; style-src 'sha256-{_DIGEST}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


def openapi(*, needs_token: bool) -> dict[str, Any]:
    """The OpenAPI 3.1 document (https://spec.openapis.org/oas/v3.1.1.html)."""
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in ENDPOINTS:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, needs_token)
    components: dict[str, Any] = {"schemas": {"Error": _ERROR}}
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": "WebMint", "version": __version__, "license": {"name": "MIT"}},
        "paths": paths,
        "components": components,
    }
    if needs_token:
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{"token": []}]
    return document


def _operation(endpoint: Endpoint, needs_token: bool) -> dict[str, Any]:
    failure = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
    refuses = (401 * needs_token, 403, *endpoint.refuses)
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "summary": endpoint.summary,
        "responses": {"200": {"description": "done", "content": {kind: {} for kind in endpoint.gives}}}
        | {str(status): {"description": "refused", "content": failure} for status in refuses if status},
    }
    if "{id}" in endpoint.path:
        operation["parameters"] = _parameters(endpoint)
    if endpoint.body:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _schema(endpoint.body)}},
        }
    return operation


def _parameters(endpoint: Endpoint) -> list[dict[str, Any]]:
    text: dict[str, Any] = {"schema": {"type": "string"}}
    stream = {"name": "id", "in": "path", "required": True, **text}
    last = {
        "name": "Last-Event-ID",
        "in": "header",
        "description": "the id of the last event received",
        **text,
    }
    return [stream, last] if endpoint.method == "GET" else [stream]


def _schema(fields: tuple[Field, ...]) -> dict[str, Any]:
    return {
        "type": "object",
        "required": [field.name for field in fields if field.required],
        "properties": {field.name: field.schema for field in fields},
    }


def page(base: str) -> str:
    """The same for people. `base` is the server's address, for the examples."""
    parts = "\n".join(part for endpoint in ENDPOINTS for part in _section(endpoint, base))
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>WebMint API</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>\n'
        f"<body><main><h1>WebMint API {html.escape(__version__)}</h1>\n"
        "<p>Every event of a stream is JSON in a <code>data:</code> line with an <code>id:</code>; the last line is "
        "<code>data: [DONE]</code>. A request that is refused gets JSON of the error event's form. "
        '<a href="/api/openapi.json">OpenAPI document</a></p>\n'
        f"{parts}\n</main></body></html>\n"
    )


def _section(endpoint: Endpoint, base: str) -> Iterator[str]:
    yield f"<h2><code>{endpoint.method} {html.escape(endpoint.path)}</code></h2>"
    yield f"<p>{html.escape(endpoint.summary)}</p>"
    if endpoint.body:
        yield f"<table><tr><th>field</th><th>type</th><th>what</th></tr>{_rows(endpoint.body)}</table>"
    yield f"<pre>{html.escape(curl(endpoint, base))}</pre>"


def _rows(fields: tuple[Field, ...]) -> str:
    cells = (
        (field.name, field.type, field.help + (" (required)" if field.required else "")) for field in fields
    )
    return "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in cells)


def curl(endpoint: Endpoint, base: str) -> str:
    """A call of an endpoint as it can be typed."""
    url = base + endpoint.path.replace("{id}", "ID")
    if endpoint.method == "POST":
        return f"curl -N {url} -H 'Content-Type: application/json' \\\n  -d '{endpoint.example}'"
    method = "" if endpoint.method == "GET" else f" -X {endpoint.method}"
    return f"curl{' -N' * (_EVENTS in endpoint.gives)}{method} {url}"


def exposition(streams: Streams, *, sent: int) -> str:
    """Numbers in Prometheus' text format, version 0.0.4."""
    lines = [
        "# TYPE webmint_streams_running gauge",
        f"webmint_streams_running {streams.running}",
        "# TYPE webmint_streams_started_total counter",
        *(
            f'webmint_streams_started_total{{kind="{kind}"}} {count}'
            for kind, count in streams.started.items()
        ),
        "# TYPE webmint_streams_finished_total counter",
        *(
            f'webmint_streams_finished_total{{kind="{kind}",outcome="{outcome}"}} {count}'
            for (kind, outcome), count in streams.finished.items()
        ),
        "# TYPE webmint_sent_bytes_total counter",
        f"webmint_sent_bytes_total {sent}",
    ]
    return "\n".join([*lines, ""])
