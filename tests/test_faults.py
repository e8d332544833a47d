"""Every way in which a model's server fails, over real HTTP: what is said, what is kept, what is tried again."""

from __future__ import annotations

import asyncio
import socket
import socketserver
import struct
import threading
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest
import support
import upstream as up
from support import CUT, FILES, KEY, PATIENT, REPLY, pieces

from webmint_cli import engine
from webmint_cli.errors import (
    ExitCode,
    Incomplete,
    KeyRejected,
    ProviderError,
    Reason,
    Unavailable,
    Unusable,
    WebMintError,
)
from webmint_cli.journal import read_run
from webmint_cli.pacing import Stalled
from webmint_cli.providers.openai_compatible import OpenAICompatible, Retry
from webmint_cli.providers.provider import Request
from webmint_cli.run import draft

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support import Ran

    from webmint_cli.engine import Limits

BEGUN = REPLY[:CUT]
# In the line before the cut: enough of it for the seam to be seen.
REST = REPLY[REPLY.index("  <h1>") :]
IMPATIENT = replace(PATIENT, silence=0.25)
QUOTED = up.failure(f"something about the key {KEY}, quoted.")
LOADING = {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}}
QUOTA = up.failure(f"You exceeded your current quota, {KEY}", "insufficient_quota")
FINISHED = up.chunk({}, "stop")


@pytest.fixture
def upstream() -> Iterator[up.Upstream]:
    with up.Upstream() as server:
        yield server


@dataclass(frozen=True)
class Fails:
    """One fault: what the server does, and how the run ends. `received`: the text that had come."""

    name: str
    script: up.Script
    error: type[WebMintError]
    code: str
    exit_code: ExitCode
    says: str
    requests: int = 1
    received: str = ""
    reason: Reason | None = None
    limits: Limits = PATIENT


def refusal(name: str, script: up.Script, code: str, says: str) -> Fails:
    return Fails(name, script, ProviderError, code, ExitCode.FAILED, says)


def temporary(name: str, script: up.Script, code: str, says: str) -> Fails:
    return Fails(name, script, Unavailable, code, ExitCode.TEMPORARY, says, requests=3)


def unusable(name: str, script: up.Script, code: str, says: str, received: str = "") -> Fails:
    return Fails(
        name,
        script,
        Unusable,
        code,
        ExitCode.INCOMPLETE,
        says,
        received=received,
        limits=replace(PATIENT, turns=3),
    )


def cut(name: str, script: up.Script, reason: Reason, says: str, limits: Limits = PATIENT) -> Fails:
    """Cut inside the page."""
    said = f"the site is incomplete: {says}"
    return Fails(
        name, script, Incomplete, "incomplete", ExitCode.INCOMPLETE, said,
        received=BEGUN, reason=reason, limits=limits,
    )  # fmt: skip


BEFORE = [
    Fails("401", up.unauthorized(KEY), KeyRejected, "key_rejected", ExitCode.KEY, "refused the key (401 Unauthorized)"),
    Fails("403", up.status(403, QUOTED), KeyRejected, "key_rejected", ExitCode.KEY, "refused the key (403 Forbidden)"),
    refusal("404", up.status(404, QUOTED), "model_not_found", "knows no model 'model-a'"),
    refusal("400", up.status(400, QUOTED), "bad_request", "refused the request (400 Bad Request)"),
    refusal("402", up.status(402, QUOTED), "quota_exceeded", "has no credit left"),
    refusal("quota", up.status(429, QUOTA), "quota_exceeded", "has no credit left"),
    temporary("408", up.status(408, QUOTED), "server_error", "answered 408 Request Timeout"),
    temporary("429", up.status(429, QUOTED), "rate_limited", "takes no more requests now (429)"),
    replace(
        temporary(
            "429-for-an-hour", up.status(429, QUOTED, {"retry-after": "3600"}), "rate_limited", "429, for 3600 s more"
        ),
        requests=1,
    ),
    temporary("500", up.status(500, QUOTED), "server_error", "answered 500 Internal Server Error"),
    temporary("502-html", up.html(502, "Bad tunnel"), "server_error", "answered 502 Bad Gateway: Bad tunnel"),
    temporary("503-loading", up.status(503, LOADING), "server_error", "503 Service Unavailable: Loading model"),
    temporary("529", up.status(529), "server_error", "answered 529 Overloaded"),
    temporary("reset-before-head", up.Script(b"", (up.Reset(),)), "unreachable", "no connection to http://127.0.0.1:"),
    temporary("fin-before-head", up.raw(b""), "unreachable", "no connection to http://127.0.0.1:"),
    temporary("no-http", up.raw(b"SSH-2.0-OpenSSH_9.9\r\n\r\n"), "unreachable", "no connection to http://127.0.0.1:"),
    temporary("reset-before-body", up.reset(), "dropped", "was lost"),
    replace(
        temporary("reset-after-white-space", up.reset("\n \n"), "dropped", "was lost"), requests=1, received="\n \n"
    ),
    temporary("error-with-200", up.status(200, QUOTED), "server_error", "the server stopped with an error"),
    temporary("error-event-first", up.stream(up.ROLE, up.data(QUOTED)), "server_error", "stopped with an error"),
    Fails(
        "stall-before-head", up.silent(), Stalled, "timeout", ExitCode.TEMPORARY, "nothing came for 0.5 s",
        limits=replace(PATIENT, first=0.5),
    ),
    Fails(
        "stall-before-text", up.stall(), Stalled, "timeout", ExitCode.TEMPORARY, "nothing came for 0.5 s",
        limits=replace(PATIENT, first=0.5),
    ),
    Fails(
        "comments-before-text", up.pings(every=0.05), Stalled, "timeout", ExitCode.TEMPORARY,
        "nothing came for 0.5 s", limits=replace(PATIENT, first=0.5),
    ),
    Fails(
        "garbage-only", up.stream(*[b"data: who is %s\n\n" % KEY.encode()] * 6), Unavailable, "garbage",
        ExitCode.TEMPORARY, "something that can't be read: who is [key]",
    ),
    refusal("html-with-200", up.html(200), "not_a_model", "not as a model server: Welcome to the hotel"),
    refusal("other-json-with-200", up.status(200, {"hello": KEY}), "not_a_model", "not as a model server"),
    refusal("broken-json-with-200", up.status(200, "{", {"content-type": "application/json"}), "not_a_model", "not as"),
    refusal("deep-json-with-200", up.status(200, "[" * 9999, {"content-type": "application/json"}), "not_a_model", "["),
    refusal("one-megabyte-line", up.stream(up.ROLE, up.long_line(), up.Hold()), "too_large", "more than 1 MiB"),
    unusable("empty", up.text(), "empty_reply", "the model answered with nothing"),
    unusable("empty-body", up.stream(), "empty_reply", "the model answered with nothing"),
    unusable("white-space", up.text("\n", " \n"), "empty_reply", "answered with nothing", "\n \n"),
    unusable("reasoning-only", up.text(up.thinking("hm")), "only_thinking", "only thought and wrote nothing"),
    unusable("reasoning-to-the-limit", up.text(up.thinking("hm"), finish="length"), "only_thinking", "only thought"),
    unusable("prose", up.text("What ", "colours?"), "no_site", "holds no site: What colours?", "What colours?"),
]  # fmt: skip

# `Incomplete` says by what the reply was cut.
MIDWAY = [
    cut("reset", up.reset(*pieces(BEGUN)), "dropped", "the connection to"),
    cut("fin", up.cut(*pieces(BEGUN)), "dropped", "the connection to"),
    cut("half-a-chunk", up.stream(up.ROLE, BEGUN, up.Wire(b"40\r\ndata: "), up.Close()), "dropped", "the connection"),
    cut("clean-end", up.unfinished(*pieces(BEGUN)), "dropped", "the reply broke off inside index.html"),
    cut("stall", up.stall(*pieces(BEGUN)), "timeout", "nothing came for 0.25 s inside index.html", IMPATIENT),
    cut("comments", up.pings(*pieces(BEGUN), every=0.05), "timeout", "nothing came for 0.25 s", IMPATIENT),
    cut("empty-deltas", up.stall(BEGUN, "", up.NO_CHOICES), "timeout", "nothing came for 0.25 s", IMPATIENT),
    cut("garbage", up.text(BEGUN, *[up.GARBAGE] * 6), "dropped", "the server sent something that can't be read"),
    cut("broken-json", up.text(BEGUN, up.BROKEN_JSON, "more"), "dropped", "the server sent something that can't be"),
    cut("deep-json", up.text(BEGUN, b"data: " + b'{"a":' * 9999 + b"\n\n"), "dropped", "the server sent something"),
    cut("half-an-event", up.stream(up.chunk(BEGUN), up.BROKEN_JSON[:-2]), "dropped", "the server sent something"),
    cut("error-event", up.stream(BEGUN, up.data(QUOTED)), "dropped", "the server stopped with an error"),
    cut("error-in-one-read", up.stream(up.chunk(BEGUN) + up.ERROR_EVENT), "dropped", "the server stopped with an"),
    cut("broken-in-one-read", up.stream(up.chunk(BEGUN) + up.BROKEN_JSON), "dropped", "the server sent something"),
    cut("one-megabyte-line", up.stream(BEGUN, up.long_line(), up.Hold()), "dropped", "the server sent an event of"),
    cut("content-filter", up.text(*pieces(BEGUN), finish="content_filter"), "content_filter", "the server's content"),
    cut("length", up.text(*pieces(BEGUN), finish="length"), "length", "the model reached its limit of tokens inside"),
    cut("max-tokens", up.text(*pieces(BEGUN), finish="max_tokens"), "length", "the model reached its limit of"),
    cut("stop-in-a-file", up.text(*pieces(BEGUN)), "stopped", "the model stopped inside index.html"),
]  # fmt: skip


@pytest.mark.parametrize("fault", BEFORE, ids=lambda fault: fault.name)
def test_a_fault_before_the_reply(fault: Fails, upstream: up.Upstream, tmp_path: Path) -> None:
    check(fault, upstream, tmp_path)


@pytest.mark.parametrize("fault", MIDWAY, ids=lambda fault: fault.name)
def test_a_fault_inside_the_reply_keeps_all_that_came(
    fault: Fails, upstream: up.Upstream, tmp_path: Path
) -> None:
    check(fault, upstream, tmp_path)


def check(fault: Fails, upstream: up.Upstream, folder: Path) -> None:
    upstream.reply(fault.script)
    record = support.journal(folder)
    ran = support.ask(upstream.base_url, limits=fault.limits, record=record)
    record.close("failed")

    error = ran.failure
    assert (type(error), error.code, error.exit_code) == (fault.error, fault.code, fault.exit_code)
    assert fault.says in error.message
    assert error.reason == fault.reason
    assert error.retryable == (fault.exit_code == ExitCode.TEMPORARY)
    assert error.partial == support.parsed(fault.received).files
    assert len(upstream.requests) == fault.requests
    assert len([message for message in ran.messages if "trying again in" in message]) == fault.requests - 1
    check_words(ran, folder)
    assert draft(read_run(record_of(folder)).turns[-1:]).text == fault.received


def check_words(ran: Ran, folder: Path) -> None:
    """One clear line and a way out, and nowhere the key."""
    error = ran.failure
    assert error.message == " ".join(error.message.split())
    assert not error.message.endswith(".")
    assert len(error.message) < 400
    assert error.hint == " ".join(error.hint.split()) != ""
    told = [error.message, error.hint, repr(error), repr(error.partial), ran.trace, repr(ran.events)]
    assert not [text for text in told if KEY in text or KEY[3:] in text]
    assert KEY.encode() not in record_of(folder).read_bytes()


def record_of(folder: Path) -> Path:
    (path,) = folder.glob("*.jsonl")
    return path


@pytest.mark.parametrize(
    ("base_url", "cause"),
    [
        (up.closed_port, "(Connection refused)"),
        (lambda: "http://nothing.invalid/v1", "name"),
    ],
    ids=["refused", "dns"],
)
def test_a_server_that_is_not_there_is_tried_three_times(
    base_url: object, cause: str, tmp_path: Path
) -> None:
    assert callable(base_url)
    address = base_url()
    ran = support.ask(address, record=support.journal(tmp_path))

    error = ran.failure
    assert (type(error), error.code, error.exit_code) == (Unavailable, "unreachable", ExitCode.TEMPORARY)
    assert error.message.startswith(f"no connection to {address} (")
    assert cause in error.message.replace("Name", "name")
    assert "--base-url" in error.hint
    assert "--provider composer" in error.hint
    assert [message.partition(";")[2][:13] for message in ran.messages if ";" in message] == [
        " trying again"
    ] * 2
    check_words(ran, tmp_path)


class Plain(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.recv(1024)
        self.request.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")


class Resetting(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.recv(1)
        self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.request.close()


@pytest.mark.parametrize(
    ("handler", "cause"),
    [(Plain, "[SSL: WRONG_VERSION_NUMBER]"), (Resetting, "(Connection reset by peer)")],
    ids=["plain", "reset"],
)
def test_tls_spoken_to_a_server_without_it(
    handler: type[socketserver.BaseRequestHandler], cause: str, tmp_path: Path
) -> None:
    with socketserver.TCPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        address = f"https://127.0.0.1:{server.server_address[1]}/v1"
        ran = support.ask(address, record=support.journal(tmp_path), retry=Retry(attempts=1))
        server.shutdown()
    assert (ran.failure.code, ran.failure.exit_code) == ("unreachable", ExitCode.TEMPORARY)
    assert cause in ran.failure.message
    check_words(ran, tmp_path)


def test_a_server_that_does_not_take_the_connection_is_given_up_in_time(upstream: up.Upstream) -> None:
    """A server without TLS says nothing to the beginning of TLS."""
    address = upstream.base_url.replace("http:", "https:")
    provider = OpenAICompatible(support.choice(address), connect=0.2, retry=Retry(attempts=1))
    error = support.generate(provider).failure
    assert error.message == f"no connection to {address} (no answer within 0.2 s)"
    assert error.exit_code == ExitCode.TEMPORARY


def test_the_hint_names_the_variable_of_the_key(upstream: up.Upstream) -> None:
    upstream.reply(up.unauthorized(KEY))
    assert support.KEY_VARIABLE in support.ask(upstream.base_url).failure.hint
    upstream.reply(up.status(403))
    assert "may not use model-a" in support.ask(upstream.base_url).failure.hint


def test_without_a_key_the_hint_says_how_to_give_one(upstream: up.Upstream) -> None:
    upstream.reply(up.unauthorized(""))
    provider = OpenAICompatible(support.choice(upstream.base_url, key=""))
    error = support.generate(provider).failure
    assert isinstance(error, KeyRejected)
    assert f"export {support.KEY_VARIABLE}=" in error.hint


@pytest.mark.parametrize("quote", [KEY, '\\"sk-odd/\\"', "sk-odd\\/", "Bearer sk-odd/"], ids=range(4))
def test_a_key_is_found_however_the_body_quotes_it(quote: str, upstream: up.Upstream) -> None:
    """As it stands, or escaped as JSON allows."""
    body = f'{{"error": {{"message": "wrong key: {quote}"}}}}'
    upstream.reply(up.status(401, body, {"content-type": "application/json"}))
    key = KEY if quote == KEY else "sk-odd/"
    error = support.generate(OpenAICompatible(support.choice(upstream.base_url, key=key))).failure
    assert "wrong key: " in error.message
    assert "[key]" in error.message
    assert key.rstrip("/") not in error.message


def test_a_redirect_is_named_and_not_followed(upstream: up.Upstream, tmp_path: Path) -> None:
    with up.Upstream() as other:
        other.reply(up.text(REPLY))
        upstream.reply(up.redirect(307, f"{other.base_url}/chat/completions"))
        ran = support.ask(upstream.base_url, record=support.journal(tmp_path))
        assert other.requests == []

    assert (ran.failure.code, ran.failure.exit_code) == ("redirected", ExitCode.FAILED)
    assert other.base_url in ran.failure.message
    assert ran.failure.hint.endswith(f"--base-url {other.base_url}")
    assert len(upstream.requests) == 1
    check_words(ran, tmp_path)


@pytest.mark.parametrize("code", [301, 302, 303, 308])
def test_no_other_redirect_is_followed_either(code: int, upstream: up.Upstream) -> None:
    with up.Upstream() as other:
        upstream.reply(up.redirect(code, f"{other.base_url}/chat/completions"))
        assert support.ask(upstream.base_url).failure.code == "redirected"
        assert other.requests == []


def escaped(text: str) -> list[up.Part]:
    r"""The deltas with every character beyond the BMP as two events, one `\udXXX` escape each."""
    units = text.encode("utf-16-le")
    halves = [units[at : at + 2].decode("utf-16-le", "surrogatepass") for at in range(0, len(units), 2)]
    return [*halves]


def split_at(text: str, character: str) -> list[up.Part]:
    """The reply with one character cut inside its UTF-8 bytes."""
    event = up.chunk(text)
    return [*up.torn(event, after=character.encode()[:2])]


BESIDE = {
    "a-whole-reply": up.text(*pieces(REPLY)),
    "one-event": up.text(REPLY),
    "one-byte-drip": up.drip(up.text(*pieces(REPLY, 200))),
    "cr-lf": up.newlines(up.text(*pieces(REPLY)), b"\r\n"),
    "cr": up.newlines(up.text(*pieces(REPLY)), b"\r"),
    "cr-and-lingering": up.linger(up.newlines(up.text(*pieces(REPLY)), b"\r")),
    "no-space-after-the-colon": up.no_space(up.text(*pieces(REPLY))),
    "byte-order-mark": up.bom(up.text(*pieces(REPLY), role_first=False)),
    "no-role-chunk": up.text(*pieces(REPLY), role_first=False),
    "choices-empty": up.text(up.NO_CHOICES, REPLY, up.NO_CHOICES),
    "choices-null": up.text(up.NULL_CHOICES, REPLY, up.NULL_CHOICES),
    "choices-odd": up.text(
        up.event(choices=[None]), up.event(choices="x"), REPLY, up.event(choices=[{"delta": 1}])
    ),
    "content-as-parts": up.text(*map(up.content_parts, pieces(REPLY))),
    "content-odd": up.text({"content": [None, {"type": "text"}, {"type": "image", "text": "x"}]}, REPLY),
    "utf-8-split": up.text(*split_at(REPLY, "🥐")),
    "surrogates-split": up.text(*escaped(REPLY)),
    "comments-between": up.text(*[part for piece in pieces(REPLY) for part in (up.PING, piece)]),
    "garbage-between": up.text(*[part for piece in pieces(REPLY, 200) for part in (piece, up.GARBAGE)]),
    "late-empty-delta": up.text(REPLY, late_delta=True),
    "no-usage": up.text(REPLY, usage=False),
    "no-done": up.text(REPLY, done=False),
    "lingering-after-done": up.linger(up.text(REPLY)),
    "no-blank-line-at-the-end": up.stream(REPLY, FINISHED.rstrip(b"\n")),
    "reset-after-the-finish": up.reset(REPLY, FINISHED),
    "fin-after-the-finish": up.cut(REPLY, FINISHED),
    "end-turn": up.text(REPLY, finish="end_turn"),
    "plain-json": up.completion(REPLY),
    "reasoning-content": up.text(up.thinking("A bakery…"), REPLY),
    "reasoning": up.text(up.thinking("A bakery…", "reasoning"), REPLY),
}


@pytest.mark.parametrize("script", BESIDE.values(), ids=BESIDE)
def test_the_site_comes_whole_all_the_same(script: up.Script, upstream: up.Upstream) -> None:
    upstream.reply(script)
    ran = support.ask(upstream.base_url)
    assert support.site(ran.complete) == FILES == ran.files
    assert ran.complete.seconds < PATIENT.silence / 2
    assert len(upstream.requests) == 1
    assert not [status for status in ran.statuses if status.phase == "check"]


def test_silence_after_the_finish_is_no_cut(upstream: up.Upstream) -> None:
    upstream.reply(up.stall(REPLY, FINISHED))
    ran = support.ask(upstream.base_url, limits=IMPATIENT)
    assert support.site(ran.complete) == FILES
    assert len(upstream.requests) == 1


def test_a_page_that_is_closed_is_taken_without_a_finish_reason_and_that_is_said(
    upstream: up.Upstream,
) -> None:
    upstream.reply(up.unfinished(*pieces(REPLY)))
    ran = support.ask(upstream.base_url)
    assert support.site(ran.complete) == FILES
    assert [status.message for status in ran.statuses if status.phase == "check"] == [
        "The server gave no finish reason; the page is closed, so it was taken as finished"
    ]


def test_garbage_is_said_once(upstream: up.Upstream) -> None:
    upstream.reply(BESIDE["garbage-between"])
    messages = support.ask(upstream.base_url).messages
    assert messages.count("The server sent something that is no event; it was passed over") == 1


@pytest.mark.parametrize(
    ("field", "shown"),
    [("reasoning_content", True), ("reasoning", True), ("thinking", True), ("content", False)],
)
def test_reasoning_is_activity_and_never_text(field: str, shown: bool, upstream: up.Upstream) -> None:
    file = "~~~~~ html path=x.html\n<p>\n~~~~~\n"
    upstream.reply(up.text(up.thinking(file, field), up.Pause(0.1), REPLY))
    ran = support.ask(upstream.base_url)
    thoughts = [status.message for status in ran.statuses if status.phase == "think"]
    assert thoughts == (["Thinking (33 characters)"] if shown else [])
    assert ("x.html" in support.site(ran.complete)) is not shown


def test_line_separators_of_unicode_are_text(upstream: up.Upstream) -> None:
    page = "<!doctype html>\n<p>a\u2028b\u2029c\x85d\x0be\x0cf</p></html>\n"
    upstream.reply(up.text(f"~~~~~ html path=index.html\n{page}~~~~~\n"))
    assert support.ask(upstream.base_url).complete.html == page


def test_invalid_utf_8_is_replaced_and_the_rest_is_kept(upstream: up.Upstream) -> None:
    head, tail = "~~~~~ html path=index.html\n<!doctype html>\n", "</html>\n~~~~~\n"
    upstream.reply(up.text(head, *up.INVALID_UTF8, tail))
    assert support.ask(upstream.base_url).complete.html == "<!doctype html>\ncaf\ufffd\ufffd!</html>\n"


def test_usage_is_counted(upstream: up.Upstream) -> None:
    upstream.reply(up.text(REPLY))
    assert support.ask(upstream.base_url).complete.usage == up.USAGE_COUNTS


RETRIED = {
    "429": up.status(429),
    "500": up.status(500),
    "502-html": up.html(502),
    "503-loading": up.status(503, LOADING),
    "529": up.status(529),
    "reset-before-head": up.Script(b"", (up.Reset(),)),
    "reset-before-the-first-byte": up.reset(),
    "error-event-first": up.stream(up.ROLE, up.ERROR_EVENT),
}


@pytest.mark.parametrize("fault", RETRIED)
def test_a_fault_before_the_first_byte_is_tried_again(fault: str, upstream: up.Upstream) -> None:
    upstream.reply(RETRIED[fault], up.text(*pieces(REPLY)))
    ran = support.ask(upstream.base_url)
    assert support.site(ran.complete) == FILES
    assert len(upstream.requests) == 2
    assert upstream.requests[0].json == upstream.requests[1].json


def test_a_retry_waits_as_long_as_the_server_asks(upstream: up.Upstream) -> None:
    upstream.reply(up.status(429, headers={"retry-after": "0.6"}), up.text(REPLY))
    ran = support.ask(upstream.base_url, limits=replace(PATIENT, first=0.5))
    first, second = upstream.requests
    assert second.at - first.at >= 0.6
    assert ran.messages[1].endswith("(429, for 1 s more): Too Many Requests; trying again in 0.6 s")
    assert support.site(ran.complete) == FILES


def test_a_retry_waits_until_the_date_that_the_server_names(upstream: up.Upstream) -> None:
    # The date has whole seconds: between one and two from now.
    upstream.reply(up.status(503, headers={"retry-after": up.http_date(2)}), up.text(REPLY))
    assert support.site(support.ask(upstream.base_url).complete) == FILES
    first, second = upstream.requests
    assert 0.8 <= second.at - first.at < 5


CONTINUED = {
    "reset": up.reset(*pieces(BEGUN)),
    "fin": up.cut(*pieces(BEGUN)),
    "clean-end": up.unfinished(*pieces(BEGUN)),
    "stall": up.stall(*pieces(BEGUN)),
    "comments": up.pings(*pieces(BEGUN), every=0.05),
    "broken-json": up.text(BEGUN, up.BROKEN_JSON, "lost"),
    "error-event": up.stream(BEGUN, up.ERROR_EVENT),
    "length": up.text(*pieces(BEGUN), finish="length"),
    "stop-in-a-file": up.text(*pieces(BEGUN)),
}


@pytest.mark.parametrize("script", CONTINUED.values(), ids=CONTINUED)
def test_a_cut_reply_is_continued(script: up.Script, upstream: up.Upstream, tmp_path: Path) -> None:
    upstream.reply(script, up.text(*pieces(REST)))
    record = support.journal(tmp_path)
    ran = support.ask(upstream.base_url, limits=replace(IMPATIENT, silence=0.5, turns=1), record=record)
    assert support.site(ran.complete) == FILES == ran.files
    assert len(upstream.requests) == 2
    assert len([message for message in ran.messages if "asking for the rest" in message]) == 1
    assert draft(read_run(record_of(tmp_path)).turns).outcome().files == FILES


def test_a_continuation_that_joins_nowhere_leaves_the_files_as_they_were(upstream: up.Upstream) -> None:
    stranger = " ".join(f"thing {number} is something else entirely" for number in range(200))
    upstream.reply(up.text(*pieces(BEGUN), finish="length"), up.text(*pieces(stranger, 99)))
    ran = support.ask(upstream.base_url, limits=replace(PATIENT, turns=3))
    assert isinstance(ran.failure, Incomplete)
    assert ran.failure.partial == support.parsed(BEGUN).files
    assert len(upstream.requests) == 4
    assert "index.html" in ran.failure.hint


def test_a_content_filter_is_not_asked_to_go_on(upstream: up.Upstream) -> None:
    upstream.reply(up.text(*pieces(BEGUN), finish="content_filter"))
    ran = support.ask(upstream.base_url, limits=replace(PATIENT, turns=3))
    assert ran.failure.reason == "content_filter"
    assert len(upstream.requests) == 1


def test_a_refusal_in_a_later_turn_keeps_the_files_and_is_named(upstream: up.Upstream) -> None:
    upstream.reply(up.text(*pieces(BEGUN), finish="length"), up.unauthorized(KEY))
    ran = support.ask(upstream.base_url, limits=replace(PATIENT, turns=3))
    assert isinstance(ran.failure, Incomplete)
    assert "refused the key (401 Unauthorized)" in ran.failure.message
    assert KEY not in ran.failure.message
    assert ran.failure.partial == support.parsed(BEGUN).files
    assert len(upstream.requests) == 2


def test_without_a_model_the_first_that_the_server_offers_is_asked(upstream: up.Upstream) -> None:
    upstream.reply(up.text(REPLY))
    ran = support.ask(upstream.base_url, model="")
    assert ran.complete.model == "model-a"
    assert "Asking model-a" in ran.messages
    assert upstream.requests[-1].json["model"] == "model-a"


def test_a_server_without_models_is_told(upstream: up.Upstream) -> None:
    upstream.models = []
    error = support.ask(upstream.base_url, model="").failure
    assert (error.code, error.exit_code) == ("model_not_found", ExitCode.FAILED)
    assert error.hint


@pytest.mark.parametrize("listing", [up.status(404), up.status(501), up.html(), up.text("no list")])
def test_a_server_that_lists_no_models_is_asked_all_the_same(listing: up.Script) -> None:
    class Unlisted(up.Upstream):
        def _answer(self, seen: up.Seen) -> up.Script:
            return listing if seen.method == "GET" else super()._answer(seen)

    with Unlisted() as upstream:
        upstream.reply(up.text(REPLY))
        assert support.site(support.ask(upstream.base_url, model="").complete) == FILES
        assert upstream.requests[-1].json["model"] == "default"


def test_the_list_of_models_is_tried_again_as_well(tmp_path: Path) -> None:
    ran = support.ask(up.closed_port(), model="", record=support.journal(tmp_path))
    assert ran.failure.code == "unreachable"
    assert len([message for message in ran.messages if "trying again in" in message]) == 2


def test_a_slow_reader_is_not_taken_for_a_silent_server(upstream: up.Upstream) -> None:
    """The time in which nobody asked for the next event is not the server's."""
    upstream.reply(up.text(*pieces(REPLY, 60), gap=0.02))
    provider = OpenAICompatible(support.choice(upstream.base_url))

    async def read_slowly() -> int:
        stream = engine.generate(Request("x"), provider, limits=replace(IMPATIENT, interval=0))
        count = 0
        async with aclosing(stream) as events:
            async for _ in events:
                count += 1
                await asyncio.sleep(0.6 if count in (4, 6) else 0)
        return count

    assert support.run(read_slowly()) > 6


def test_a_server_that_refuses_stream_options_is_asked_without(upstream: up.Upstream) -> None:
    refused = up.status(400, up.failure("Unrecognized request argument supplied: stream_options"))
    upstream.reply(refused, up.text(REPLY))
    assert support.site(support.ask(upstream.base_url).complete) == FILES
    assert ["stream_options" in seen.json for seen in upstream.requests] == [True, False]
