"""Server-sent events out of bytes at any split, and the parts of a reply out of events."""

from __future__ import annotations

import json

import pytest
import support
import upstream as up
from hypothesis import example, given
from hypothesis import strategies as st

from webmint_cli.errors import ProviderError, Unavailable
from webmint_cli.providers import decoder
from webmint_cli.providers.decoder import Decoder, read_completion
from webmint_cli.providers.provider import Finish, Notice, Reasoning, ReplyPart, Text, Usage
from webmint_cli.providers.sse import MAX_EVENT, EventSplitter


def split(*chunks: bytes) -> list[str]:
    splitter = EventSplitter()
    return [event for chunk in chunks for event in splitter.feed(chunk)] + list(splitter.close())


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    ends = sorted({place % (len(stream) + 1) for place in places} | {len(stream)})
    return [stream[start:end] for start, end in zip([0, *ends], ends, strict=False)]


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: a\n\ndata: b\n\n", ["a", "b"]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", ["a", "b"]),
        (b"data: a\r\rdata: b\r\r", ["a", "b"]),
        (b"data: a\r\n\ndata: b\n\r\ndata: c\r\r\n", ["a", "b", "c"]),
        (b"data: a\ndata: b\n\n", ["a\nb"]),
        (b"data: a\ndata\ndata:\n\n", ["a\n\n"]),
        (b"data:a\n\ndata:  b\n\n", ["a", " b"]),
        (b"\xef\xbb\xbfdata: a\n\n", ["a"]),
        (b"data: \xef\xbb\xbf\n\n", ["\ufeff"]),
        (b": ping\n\ndata: a\n: pong\n\n:\n\n", ["a"]),
        (b"event: x\nid: 1\nretry: 5\ndata: a\n\n", ["a"]),
        (b"event: x\nid: 1\n\n", []),
        (b"database: a\nDATA: b\n data: c\n\n", []),
        (b"data: a\n\ndata: b", ["a", "b"]),
        (b"data: a\n\ndata: b\n", ["a", "b"]),
        (b"data: a\r\n\r\ndata: b\r", ["a", "b"]),
        (b"\n\n\n", []),
        (b"", []),
        ("data: a\u2028b\u2029c\x85d\x0be\x0cf\x1cg\n\n".encode(), ["a\u2028b\u2029c\x85d\x0be\x0cf\x1cg"]),
        (b"data: caf\xff!\n\n", ["caf\ufffd!"]),
        (b"data: \xf0\x9f\x9a\x80 \xf0\x9f\n\n", ["\N{ROCKET} \ufffd"]),
        (b"data: a: b\n\n", ["a: b"]),
        (b"data: [DONE]\n\n", ["[DONE]"]),
    ],
)
def test_the_data_of_each_event(stream: bytes, events: list[str]) -> None:
    assert split(stream) == events
    assert split(*(stream[at : at + 1] for at in range(len(stream)))) == events


LINES = st.lists(
    st.sampled_from(
        [
            b"data: a",
            b"data: \xf0\x9f\x9a\x80\xff",
            b"data",
            b": ping",
            b"",
            b"",
            b"id: 1",
            b"data:\xe2\x80\xa8",
        ]
    )
)
ENDS = st.sampled_from([b"\n", b"\r", b"\r\n"])


@given(st.lists(st.tuples(LINES, ENDS)), st.lists(st.integers(0, 10_000)), st.booleans())
@example(parts=[([b"data: a", b""], b"\r\n")], places=[8, 10], bom=False)
@example(parts=[([b"data: a", b"", b"data: b"], b"\r\n")], places=list(range(40)), bom=True)
def test_any_split_gives_the_same_events(
    parts: list[tuple[list[bytes], bytes]], places: list[int], bom: bool
) -> None:
    stream = up.BOM * bom + b"".join(line + end for lines, end in parts for line in lines)
    assert split(*cut(stream, places)) == split(stream)


@given(st.binary(), st.lists(st.integers(0, 10_000)))
def test_any_split_of_any_bytes_gives_the_same_events(stream: bytes, places: list[int]) -> None:
    assert split(*cut(stream, places)) == split(stream)


@given(st.text().filter(lambda text: "\r" not in text and "\n" not in text))
def test_any_text_without_line_ends_comes_through(text: str) -> None:
    assert split(f"data: {text}\n\n".encode()) == [text]


@pytest.mark.parametrize("end", [b"\n\n", b"\r\n\r\n", b"\r\r"])
def test_an_event_is_there_as_soon_as_it_is_complete(end: bytes) -> None:
    assert list(EventSplitter().feed(b"data: a" + end)) == ["a"]


BIG = MAX_EVENT - len(b"data: ")


@pytest.mark.parametrize("size", [MAX_EVENT * 2, 60_000, 4096])
@pytest.mark.parametrize(
    ("stream", "passes"),
    [
        (b"data: " + b"x" * BIG + b"\n\n", True),
        (b"data: " + b"x" * (BIG + 1) + b"\n\n", False),
        (b"data: " + b"x" * (BIG + 1), False),
        (b"data: 1\n" * (MAX_EVENT // 7 + 1) + b"\n", False),
        (b": " + b"x" * MAX_EVENT + b"\n\n", False),
        (b"data: " + b"x" * (BIG - 99) + b"\n\ndata: " + b"y" * (BIG - 99) + b"\n\n", True),
    ],
    ids=["just", "one-more", "unended", "many-lines", "comment", "two"],
)
def test_an_event_may_have_one_mebibyte(stream: bytes, passes: bool, size: int) -> None:
    chunks = [stream[at : at + size] for at in range(0, len(stream), size)]
    if passes:
        assert sum(map(len, split(*chunks))) > MAX_EVENT - 200
    else:
        with pytest.raises(ProviderError) as caught:
            split(*chunks)
        assert caught.value.code == "too_large"


def test_events_before_one_that_is_too_large_are_not_lost() -> None:
    events = EventSplitter().feed(b"data: a\n\n" + up.long_line())
    assert next(events) == "a"
    with pytest.raises(ProviderError):
        next(events)


# Events to parts


def decode(*chunks: bytes) -> list[ReplyPart]:
    reader = Decoder(support.choice("http://x/v1"))
    return [part for chunk in chunks for part in reader.feed(chunk)] + list(reader.close())


def decode_to_the_error(*chunks: bytes) -> tuple[list[ReplyPart], ProviderError]:
    reader = Decoder(support.choice("http://x/v1"))
    parts: list[ReplyPart] = []
    try:
        for chunk in chunks:
            for part in reader.feed(chunk):
                parts.append(part)  # noqa: PERF402 - what came before the error counts
    except ProviderError as error:
        return parts, error
    raise AssertionError(parts)


@pytest.mark.parametrize(
    ("event", "parts"),
    [
        (up.chunk("a"), [Text("a")]),
        (up.chunk({"role": "assistant", "content": None}), []),
        (up.chunk({"role": "assistant", "content": ""}), []),
        (up.chunk({}), []),
        (up.chunk({}, "stop"), [Finish("stop")]),
        (up.chunk("a", "length"), [Text("a"), Finish("length")]),
        (up.chunk({"reasoning_content": "a"}), [Reasoning("a")]),
        (up.chunk({"reasoning": "a", "content": "b"}), [Reasoning("a"), Text("b")]),
        (up.chunk({"thinking": "a"}), [Reasoning("a")]),
        (up.chunk({"reasoning": {"text": "a"}}), []),
        (up.chunk(up.content_parts("a", "b")), [Text("ab")]),
        (up.chunk({"content": [None, 1, {"type": "text", "text": 2}, {"type": "image"}]}), []),
        (up.chunk({"content": 7}), []),
        (up.event(choices=[]), []),
        (up.event(choices=None), []),
        (up.event(choices={}), []),
        (up.event(choices=[None, "x", {"delta": None}, {"delta": "x"}]), []),
        (
            up.event(usage={"total_tokens": 3, "cost": 0.5, "details": {}, "cached": True}),
            [Usage({"total_tokens": 3})],
        ),
        (up.event(usage=None, choices=[]), []),
        (up.event(error=None, choices=[]), []),
        (b"event: message\ndata: {}\n\n", []),
    ],
)
def test_an_event_gives_its_parts(event: bytes, parts: list[ReplyPart]) -> None:
    assert decode(event) == parts


def test_texts_of_one_read_are_one_part_and_keep_their_place() -> None:
    events = [
        up.chunk("a"),
        up.chunk("b"),
        up.chunk({"reasoning": "c"}),
        up.chunk("d"),
        up.chunk("e"),
        up.USAGE,
    ]
    assert decode(b"".join(events)) == [Text("ab"), Reasoning("c"), Text("de"), Usage(up.USAGE_COUNTS)]
    assert decode(*events) == [
        Text("a"),
        Text("b"),
        Reasoning("c"),
        Text("d"),
        Text("e"),
        Usage(up.USAGE_COUNTS),
    ]


def test_nothing_after_done_is_read() -> None:
    reader = Decoder(support.choice("http://x/v1"))
    assert list(reader.feed(up.chunk("a") + up.DONE + up.chunk("b"))) == [Text("a")]
    assert reader.done


@pytest.mark.parametrize(
    "garbage", [up.GARBAGE, b"data: 7\n\n", b"data: [1]\n\n", b"data: " + b"[" * 9999 + b"\n\n"]
)
def test_garbage_is_passed_over_and_said_once_up_to_five_times(garbage: bytes) -> None:
    notices = [part for part in decode(*[garbage] * 5, up.chunk("a")) if isinstance(part, Notice)]
    assert len(notices) == 1
    parts, error = decode_to_the_error(up.chunk("a"), *[garbage] * 6)
    assert (type(error), error.code) == (Unavailable, "garbage")
    assert parts == [Text("a"), *notices]


def test_half_an_event_may_have_held_text_so_the_reply_ends_there() -> None:
    parts, error = decode_to_the_error(up.chunk("a") + up.BROKEN_JSON + up.chunk("b"))
    assert parts == [Text("a")]
    assert error.code == "garbage"


def test_an_error_event_ends_the_reply_after_what_came_with_it() -> None:
    parts, error = decode_to_the_error(up.chunk("a") + up.ERROR_EVENT)
    assert parts == [Text("a")]
    assert error.message == "the server stopped with an error: the model ran out of memory"


@pytest.mark.parametrize("error", ["out of memory", {"code": 5}, {"message": {"deep": 1}}, [1], 5])
def test_an_error_may_have_any_form(error: object) -> None:
    _, told = decode_to_the_error(up.event(error=error))
    assert told.message.startswith("the server stopped with an error: ")


def test_a_reply_may_have_so_many_characters_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoder, "MAX_REPLY", 100)
    assert decode(up.chunk("a" * 60), up.chunk({"reasoning": "b" * 40})) == [
        Text("a" * 60),
        Reasoning("b" * 40),
    ]
    parts, error = decode_to_the_error(up.chunk("a" * 60), up.chunk({"reasoning": "b" * 41}))
    assert parts == [Text("a" * 60), Reasoning("b" * 41)]
    assert (type(error), error.code) == (ProviderError, "too_large")


def test_the_limit_is_32_mib() -> None:
    assert decoder.MAX_REPLY == 32 * 1024 * 1024


def test_a_whole_completion_gives_the_parts_of_its_message() -> None:
    answer = json.loads(up.completion("a").steps[0].data)  # type: ignore[attr-defined]
    assert read_completion(answer) == [Text("a"), Finish("stop"), Usage(up.USAGE_COUNTS)]
