"""The stages and their order: what a run says, how often, how it ends early, and how a cut reply is joined."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import aclosing
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
import support
import upstream as up
from hypothesis import example, given
from hypothesis import strategies as st
from support import CUT, FILES, PATIENT, REPLY, Scripted, pieces, said

from webmint_cli import engine
from webmint_cli.engine import Limits
from webmint_cli.errors import Incomplete, TargetRefused, Unavailable, Unusable
from webmint_cli.events import Complete, Deployed, Event, Progress, Status
from webmint_cli.pacing import Stalled, accumulated, paced, utf16_length
from webmint_cli.providers.openai_compatible import OpenAICompatible
from webmint_cli.providers.provider import Finish, Notice, Reasoning, Request, Text, Usage
from webmint_cli.reply.contract import CONTRACT, last_lines, messages
from webmint_cli.reply.draft import Draft

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

BEGUN = REPLY[:CUT]
ROCKETS = "~~~~~ html path=index.html\n<!doctype html>\n<p>🚀🚀 à la 𝒄𝒂𝒓𝒕𝒆 🥐</p>\n</html>\n~~~~~\n"


@pytest.fixture
def upstream() -> Iterator[up.Upstream]:
    with up.Upstream() as server:
        yield server


def page(body: str) -> str:
    return f"~~~~~ html path=index.html\n<!doctype html>\n{body}\n</html>\n~~~~~\n"


# The order of events


def test_the_first_status_names_the_stream_and_the_last_event_is_complete() -> None:
    ran = support.generate(Scripted(said(REPLY)), stream_id="20261123-1")
    first, *others = ran.events
    assert first == Status("Asking model-a", 1, "connect", "20261123-1")
    assert [event for event in others if isinstance(event, Status) and event.stream_id] == []
    assert [event for event in ran.events if isinstance(event, Complete)] == [ran.events[-1]]


def test_each_file_is_announced_before_its_text() -> None:
    ran = support.generate(Scripted(said(REPLY)), limits=replace(PATIENT, interval=0))
    told: list[str] = []
    for event in ran.events:
        if isinstance(event, Status) and event.phase == "write":
            told.append(event.message)
        if isinstance(event, Progress):
            assert told[-1] == f"Writing {event.file}"
    assert told == ["Writing styles.css", "Writing index.html", "Writing script.js"]


def test_progress_never_goes_down_and_is_100_only_on_complete() -> None:
    turns = [said(REPLY[:CUT], "length"), [Notice("wait"), *said(REPLY[CUT - 80 :])]]
    ran = support.generate(Scripted(*turns), limits=replace(PATIENT, interval=0, turns=1))
    progress = [event.progress for event in ran.events if isinstance(event, Status | Progress | Complete)]
    assert progress == sorted(progress)
    assert progress[0] < progress[len(progress) // 2] < progress[-1] == 100
    assert progress.count(100) == 1


def test_the_complete_event_says_what_was_made_and_by_whom() -> None:
    parts = [*said(REPLY), Usage({"prompt_tokens": 3, "total_tokens": 9})]
    complete = support.generate(Scripted(parts)).complete
    assert (complete.title, complete.model, complete.provider) == ("Chez Léa", "model-a", "scripted")
    assert (complete.dialect, complete.usage) == ("tilde", {"prompt_tokens": 3, "total_tokens": 9})
    assert 0 <= complete.seconds < 20
    assert (complete.html, complete.css, complete.js) == tuple(
        FILES[path] for path in ("index.html", "styles.css", "script.js")
    )


@pytest.mark.parametrize(
    ("reply", "title"),
    [
        ("plan: title=The plan\n" + page("<title>The page</title>"), "The plan"),
        (page("<title>The  page &amp; all</title>"), "The page & all"),
        (page("no title"), "a bakery"),
    ],
)
def test_the_title_is_the_plans_or_the_pages_or_the_prompt(reply: str, title: str) -> None:
    ran = support.generate(Scripted(said(reply)), request=Request("a\n bakery"))
    assert ran.complete.title == title


def test_files_are_listed_only_when_there_are_more_than_the_three() -> None:
    assert support.generate(Scripted(said(REPLY))).complete.files is None
    more = REPLY + "~~~~~ html path=menu.html\n<p>Menu</p>\n~~~~~\n"
    complete = support.generate(Scripted(said(more))).complete
    assert complete.files == {**FILES, "menu.html": "<p>Menu</p>\n"}


# Offsets and the text of the files


@pytest.mark.parametrize("size", [1, 2, 7])
def test_offsets_count_utf_16_units_and_the_contents_make_up_the_file(size: int) -> None:
    ran = support.generate(Scripted(said(ROCKETS, size=size)), limits=replace(PATIENT, interval=0))
    assert ran.files == {"index.html": ran.complete.html}
    assert "🚀🚀 à la 𝒄𝒂𝒓𝒕𝒆 🥐" in ran.complete.html
    last = ran.progress[-1]
    assert last.offset + utf16_length(last.content) == len(ran.complete.html.encode("utf-16-le")) // 2
    assert len(ran.complete.html) < last.offset + utf16_length(last.content)


def test_a_file_that_starts_over_says_reset() -> None:
    twice = page("first") + page("second")
    ran = support.generate(Scripted(said(twice)), limits=replace(PATIENT, interval=0))
    assert ran.files == {"index.html": ran.complete.html}
    assert "second" in ran.complete.html
    resets = [event for event in ran.progress if event.reset]
    assert [(event.file, event.offset) for event in resets] == [("index.html", 0)]


@pytest.mark.parametrize("interval", [0, 0.02, 5])
def test_joining_events_loses_no_text_and_no_reset(interval: float) -> None:
    twice = REPLY.replace("six", "sept") + REPLY
    ran = support.generate(Scripted(said(twice, size=3)), limits=replace(PATIENT, interval=interval))
    assert ran.files == FILES == support.site(ran.complete)


@pytest.mark.parametrize("interval", [0, 5])
def test_a_file_that_starts_over_within_one_pace_is_two_events(interval: float) -> None:
    ran = support.generate(
        Scripted(said(page("first") + page("second"), size=3)), limits=replace(PATIENT, interval=interval)
    )
    assert ran.files == {"index.html": "<!doctype html>\nsecond\n</html>\n"} == support.site(ran.complete)


def test_what_the_parser_held_back_comes_with_the_end() -> None:
    ran = support.generate(Scripted(said("~~~~~ html path=index.html\n<!doctype html>\n<p>\n</html>\n~~~~")))
    assert ran.files == {"index.html": "<!doctype html>\n<p>\n</html>\n~~~~"} == support.site(ran.complete)


# Pacing


async def events_of(*timed: float | Event) -> AsyncGenerator[Event, None]:
    for item in timed:
        if isinstance(item, int | float):
            await asyncio.sleep(item)
        else:
            yield item


def typed(count: int, gap: float) -> list[float | Event]:
    return [part for at in range(count) for part in (Progress("x", 5, "index.html", at), gap)]


def listen(
    job: AsyncGenerator[Event, None], interval: float, heartbeat: float = 60
) -> list[tuple[float, Event]]:
    async def heard() -> list[tuple[float, Event]]:
        began = time.monotonic()
        stream = paced(job, interval=interval, heartbeat=heartbeat, clock=time.monotonic)
        return [(time.monotonic() - began, event) async for event in stream]

    return support.run(heard())


def test_at_most_ten_progress_events_a_second_the_first_at_once() -> None:
    heard = listen(events_of(*typed(100, 0.01)), Limits().interval)
    times = [at for at, _ in heard]
    assert times[0] < 0.09
    # Ten a second, the first, and what is left at the end.
    assert len(heard) <= times[-1] * 10 + 2
    assert all(later - earlier >= 0.099 for earlier, later in pairwise(times[:-1]))
    assert "".join(event.content for _, event in heard if isinstance(event, Progress)) == "x" * 100


def test_thoughts_between_the_words_do_not_hasten_them() -> None:
    thought = Status("Thinking", 5, "think")
    spoken = [part for item in typed(60, 0.01) for part in (item, thought)]
    heard = [event for _, event in listen(events_of(*spoken), 0.1)]
    assert len([event for event in heard if isinstance(event, Progress)]) <= 10
    assert len([event for event in heard if event == thought]) <= 20
    assert "".join(event.content for event in heard if isinstance(event, Progress)) == "x" * 60


def test_the_clock_is_the_one_that_was_given() -> None:
    def stopped() -> float:
        return 0.0

    ran = support.generate(
        Scripted(said(page("one file"))), limits=replace(PATIENT, interval=0.1), clock=stopped
    )
    # The first at once, the rest with the end: no time passes in between.
    assert [event.content for event in ran.progress] == [ran.complete.html]
    assert ran.complete.seconds == 0


def test_a_status_is_not_held_back() -> None:
    heard = listen(
        events_of(Progress("a", 5, "x", 0), Progress("b", 5, "x", 1), Status("Writing y", 6, "write"), 0.5), 9
    )
    assert [type(event) for _, event in heard] == [Progress, Progress, Status]
    assert heard[-1][0] < 0.4


def test_a_silent_job_is_reported_as_still_at_work() -> None:
    heard = listen(events_of(Status("Asking model-a", 4, "connect", "id"), 0.5, Status("Done", 9)), 0.02, 0.1)
    still = Status("Still at it: Asking model-a", 4, "connect")
    assert [event for _, event in heard[1:-1]] == [still] * len(heard[1:-1])
    assert 2 <= len(heard[1:-1]) <= 5


def test_a_run_that_hears_nothing_says_so() -> None:
    ran = support.generate(Scripted([0.35, *said(REPLY)]), limits=replace(PATIENT, heartbeat=0.1))
    assert ran.messages[:3] == ["Asking model-a", *["Still at it: Asking model-a"] * 2]


# What is carried beside the new text


def carried(
    contents: list[str], always: bool | None = None, *, then: tuple[Event, ...] = ()
) -> list[Progress]:
    async def events() -> AsyncGenerator[Event, None]:
        offset = 0
        for content in contents:
            yield Progress(content, 5, "index.html", offset)
            offset += utf16_length(content)
        for event in then:
            yield event

    async def read() -> list[Event]:
        return [event async for event in accumulated(events(), always=always)]

    return [event for event in support.run(read()) if isinstance(event, Progress)]


def test_every_event_carries_all_text_while_the_file_is_small() -> None:
    events = carried(["a" * 1000] * 32)
    assert [event.accumulated for event in events] == ["a" * 1000 * count for count in range(1, 33)]


def test_beyond_32_kb_it_is_carried_after_each_quarter_and_at_the_end() -> None:
    done = Complete("", "", "", "", "", "", 0, "")
    events = carried(["a" * 1000] * 80, then=(done,))
    lengths = [len(event.accumulated) for event in events if event.accumulated is not None]
    assert lengths == [*range(1000, 33_000, 1000), 40_000, 50_000, 63_000, 79_000, 80_000]
    assert events[-1] == Progress("", 5, "index.html", 80_000, accumulated="a" * 80_000)


def test_the_end_of_a_file_is_when_another_begins() -> None:
    events = carried(["a" * 40_000, "b" * 500], then=(Progress("c", 5, "script.js", 0),))
    assert [(event.file, event.accumulated and len(event.accumulated)) for event in events] == [
        ("index.html", 40_000),
        ("index.html", None),
        ("index.html", 40_500),
        ("script.js", 1),
    ]


def test_it_can_be_left_out_and_it_can_be_forced() -> None:
    assert {event.accumulated for event in carried(["a" * 20_000] * 3, always=False)} == {None}
    lengths = [len(event.accumulated or "") for event in carried(["a" * 20_000] * 3, always=True)]
    assert lengths == [20_000, 40_000, 60_000]


def test_a_reset_begins_it_anew() -> None:
    reset = Progress("new", 5, "index.html", 0, reset=True)
    assert [event.accumulated for event in carried(["old"], then=(reset,))] == ["old", "new"]


def test_the_bound_counts_utf_16_units() -> None:
    events = carried(["🚀" * 8000] * 3)
    assert [event.accumulated is None for event in events] == [False, False, False]
    assert [event.accumulated is None for event in carried(["🚀" * 8000] * 2 + ["🚀" * 500] * 2)][2:] == [
        True
    ] * 2


def test_what_is_carried_is_linear_in_the_file() -> None:
    events = carried(["a" * 1024] * 1024, then=(Complete("", "", "", "", "", "", 0, ""),))
    total = sum(len(event.accumulated or "") for event in events)
    assert events[-1].accumulated == "a" * (1 << 20)
    # A geometric series with ratio 1.25, the last twice, and the small beginning.
    assert total < 7 * (1 << 20)


# Ending early


class Probe:
    """A provider that says one line after another for ever, and notes when its generator was closed."""

    name = "probe"
    model = "probe"

    def __init__(self) -> None:
        self.closed = False

    async def stream(self, request: Request) -> AsyncGenerator[Text, None]:
        try:
            yield Text("~~~~~ html path=index.html\n<!doctype html>\n" + request.prompt)
            while True:
                await asyncio.sleep(0.01)
                yield Text(f"<p>{time.monotonic_ns()}</p>\n")
        finally:
            await asyncio.sleep(0.05)
            self.closed = True


async def first_text(stream: AsyncGenerator[Event, None]) -> None:
    async with aclosing(stream) as events:
        async for event in events:
            if isinstance(event, Progress):
                return


async def fail_at_first_text(stream: AsyncGenerator[Event, None]) -> None:
    async with aclosing(stream) as events:
        async for event in events:
            if isinstance(event, Progress):
                raise ZeroDivisionError


async def read_on(stream: AsyncGenerator[Event, None]) -> None:
    async with aclosing(stream) as events:
        async for _ in events:
            pass


async def leave_by_break(stream: AsyncGenerator[Event, None]) -> None:
    await first_text(stream)


async def leave_by_exception(stream: AsyncGenerator[Event, None]) -> None:
    with pytest.raises(ZeroDivisionError):
        await fail_at_first_text(stream)


async def leave_by_cancelling(stream: AsyncGenerator[Event, None]) -> None:
    task = asyncio.create_task(read_on(stream))
    await asyncio.sleep(0.2)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def leave_by_a_time_limit(stream: AsyncGenerator[Event, None]) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await read_on(stream)


LEAVING = [leave_by_break, leave_by_exception, leave_by_cancelling, leave_by_a_time_limit]


@pytest.mark.parametrize("leave", LEAVING, ids=lambda leave: leave.__name__)
def test_who_leaves_early_has_closed_the_provider_by_the_next_line(leave: object) -> None:
    assert callable(leave)

    async def main() -> None:
        probe = Probe()
        await leave(engine.generate(Request("x"), probe, limits=PATIENT))
        assert probe.closed
        assert asyncio.all_tasks() == {asyncio.current_task()}

    support.run(main())


@pytest.mark.parametrize("leave", LEAVING, ids=lambda leave: leave.__name__)
def test_who_leaves_early_has_ended_the_upstream_request(leave: object, upstream: up.Upstream) -> None:
    assert callable(leave)
    upstream.reply(up.stall(*pieces(BEGUN)))

    async def main() -> None:
        left_over: list[object] = []
        sys.set_asyncgen_hooks(finalizer=left_over.append)
        provider = OpenAICompatible(support.choice(upstream.base_url))
        await leave(engine.generate(Request("x"), provider, limits=PATIENT))
        # Every generator on the way was closed, none left to the garbage collector but one inside httpcore.
        assert [one for one in map(repr, left_over) if "PoolByteStream" not in one] == []
        left = time.monotonic()
        assert await asyncio.to_thread(upstream.wait_closed, 2) < left + 1
        assert asyncio.all_tasks() == {asyncio.current_task()}

    support.run(main())


def test_leaving_before_the_head_of_the_answer_ends_the_request_as_well(upstream: up.Upstream) -> None:
    upstream.reply(up.silent())

    async def main() -> None:
        provider = OpenAICompatible(support.choice(upstream.base_url))
        await leave_by_cancelling(engine.generate(Request("x"), provider, limits=PATIENT))
        await asyncio.to_thread(upstream.wait_closed, 2)

    support.run(main())


def test_a_failure_leaves_nothing_open() -> None:
    provider = Scripted([*said(BEGUN, None), Unavailable("gone")])

    async def main() -> None:
        ran = await support.collect(engine.generate(Request("x"), provider, limits=PATIENT))
        assert isinstance(ran.error, Incomplete)
        assert provider.closed == 1
        assert asyncio.all_tasks() == {asyncio.current_task()}

    support.run(main())


# Continuing a cut reply


def test_the_second_request_says_what_came_and_asks_for_the_rest(upstream: up.Upstream) -> None:
    upstream.reply(up.text(*pieces(BEGUN), finish="length"), up.text(REPLY[CUT - 100 :]))
    ran = support.ask(upstream.base_url, limits=replace(PATIENT, turns=1))
    assert support.site(ran.complete) == FILES

    first, second = (seen.json["messages"] for seen in upstream.requests)
    asked = [{"role": "system", "content": CONTRACT}, {"role": "user", "content": "a bakery in Lyon"}]
    assert first == asked
    assert second[:2] == asked
    assert second[2] == {"role": "assistant", "content": BEGUN}
    assert second[3]["role"] == "user"
    assert "\n".join(last_lines(BEGUN)) in second[3]["content"]
    assert "continue" in second[3]["content"]
    assert len(second) == 4


def test_the_request_itself_is_streamed_with_usage_and_the_seed(upstream: up.Upstream) -> None:
    upstream.reply(up.text(REPLY))
    support.ask(upstream.base_url, request=Request("x", seed=7))
    sent = upstream.requests[0].json
    assert (sent["stream"], sent["stream_options"], sent["seed"]) == (True, {"include_usage": True}, 7)
    assert "seed" not in (support.ask(upstream.base_url), upstream.requests[1].json)[1]


def test_the_third_request_holds_what_two_turns_brought(upstream: up.Upstream) -> None:
    upstream.reply(
        up.text(*pieces(REPLY[: CUT - 60]), finish="length"),
        up.text(REPLY[CUT - 160 : CUT], finish="length"),
        up.text(REPLY[CUT - 100 :]),
    )
    ran = support.ask(upstream.base_url, limits=replace(PATIENT, turns=2))
    assert support.site(ran.complete) == FILES == ran.files
    assert upstream.requests[2].json["messages"][2]["content"] == BEGUN


def test_usage_is_summed_over_the_turns() -> None:
    first = [*said(BEGUN, "length"), Usage({"total_tokens": 10, "prompt_tokens": 4})]
    second = [*said(REPLY[CUT - 100 :]), Usage({"total_tokens": 7})]
    complete = support.generate(Scripted(first, second), limits=replace(PATIENT, turns=1)).complete
    assert complete.usage == {"total_tokens": 17, "prompt_tokens": 4}


def test_no_more_turns_are_taken_than_allowed() -> None:
    provider = Scripted(said(BEGUN, "length"))
    ran = support.generate(provider, limits=replace(PATIENT, turns=2))
    assert isinstance(ran.failure, Incomplete)
    assert (len(provider.requests), provider.closed) == (3, 3)


def test_the_rest_of_an_earlier_run_is_asked_for_and_its_text_is_shown_again() -> None:
    provider = Scripted(said(REPLY[CUT - 100 :]))
    ran = support.generate(
        provider, limits=replace(PATIENT, turns=1), request=Request("x", received=(BEGUN,), finish="length")
    )
    assert support.site(ran.complete) == FILES == ran.files
    assert [request.received for request in provider.requests] == [(BEGUN,)]


def test_an_earlier_run_that_was_whole_asks_nothing() -> None:
    provider = Scripted([])
    ran = support.generate(provider, request=Request("x", received=(REPLY,), finish="stop"))
    assert support.site(ran.complete) == FILES
    assert provider.requests == []


def test_a_reply_cut_between_two_files_is_not_whole_without_its_rest() -> None:
    """Nothing is open, and the answer to the question for the rest ends well; but it is no rest."""
    between = REPLY[: REPLY.index("~~~~~ js")]
    turns = [said(between, "length"), said("I'm sorry, what was the question? I have lost the thread of it.")]
    error = support.generate(Scripted(*turns), limits=replace(PATIENT, turns=1)).failure
    assert isinstance(error, Incomplete)
    assert error.reason == "length"
    assert sorted(error.partial) == ["index.html", "styles.css"]


def joined(*turns: str, size: int | None = None) -> Draft:
    """A reply that came in these turns."""
    draft = Draft()
    for number, turn in enumerate(turns):
        if number:
            draft.cut()
        for piece in pieces(turn, size) if size else [turn]:
            draft.feed(piece)
        draft.settle()
    return draft


SEAMED = REPLY.replace("du mardi", "du 🥐 mardi\r\n")


@given(st.integers(24, len(SEAMED)), st.integers(0, 1500), st.sampled_from([1, 50, 5000]))
@example(cut=SEAMED.index("🥐") + 1, more=0, size=1)
@example(cut=len(SEAMED), more=0, size=1)
def test_a_reply_cut_anywhere_is_joined_where_it_was_cut(cut: int, more: int, size: int) -> None:
    """The model repeats the lines that were asked for, and as much before them as it likes."""
    before = SEAMED[:cut]
    repeated = max(0, cut - len("\n".join(last_lines(before))) - more)
    draft = joined(before, SEAMED[repeated:], size=size)
    assert draft.outcome().files == support.parsed(SEAMED).files
    if not draft.text.startswith(before + "\n"):  # it began anew
        assert draft.text == SEAMED


@pytest.mark.parametrize("overlap", [20, 40, 100, 300])
@pytest.mark.parametrize(
    "opening",
    ["", "Sure, here is the rest:\n\n", "~~~~~ html path=index.html\n", "Going on:\n```html\n", "\n"],
    ids=["at-once", "remark", "fence", "remark-and-fence", "blank-line"],
)
def test_what_stands_before_the_repeated_part_is_left_out(opening: str, overlap: int) -> None:
    draft = joined(BEGUN, opening + REPLY[CUT - overlap :])
    assert draft.text == REPLY
    assert draft.outcome().files == FILES


@pytest.mark.parametrize("repeated", ["{line}\n    <p>rye", "{line}\n<p>rye", "{line}\n      <p>rye"])
def test_a_reply_cut_in_its_indent_is_joined_whatever_the_indent_after(repeated: str) -> None:
    line = "    <h1>Boulangerie Lumière, Lyon</h1>"
    draft = Draft()
    draft.feed(f"~~~~~ html path=index.html\n<body>\n{line}\n  ")
    draft.cut()
    draft.feed(repeated.format(line=line))
    draft.settle()
    assert draft.text.startswith(f"~~~~~ html path=index.html\n<body>\n{line}\n  ")
    assert draft.text.endswith("<p>rye")
    assert draft.text.count("<h1>") == 1


@pytest.mark.parametrize("length", [1500, 3000, 9000])
def test_a_long_line_can_be_continued(length: int) -> None:
    """A minified stylesheet is one line: what is asked for is no more than what is looked at."""
    rules = "".join(f".a{number}{{color:#{number:06x}}}" for number in range(length // 20))
    reply = f"~~~~~ css path=styles.css\n{rules}\n~~~~~\n" + page("hello")
    cut = 40 + len(rules) // 2
    asked = "\n".join(last_lines(reply[:cut]))
    assert asked in messages("x", reply[:cut])[-1]["content"]
    assert joined(reply[:cut], asked + reply[cut:], size=100).text == reply


@pytest.mark.parametrize("size", [7, 100, 100_000])
def test_a_continuation_that_joins_nowhere_is_left_out_to_its_end(size: int) -> None:
    stranger = "".join(f"<p>Paragraph {number} of something else</p>\n" for number in range(500))
    draft = joined(BEGUN, stranger, size=size)
    assert draft.astray
    assert draft.text == BEGUN
    assert draft.outcome() == support.parsed(BEGUN)


def test_a_continuation_that_goes_astray_is_not_heard_to_its_end() -> None:
    stranger = [Text(f"Paragraph {number} of something else\n") for number in range(100)]
    provider = Scripted(said(REPLY[:CUT], "length"), [*stranger, 60.0], said(REPLY[CUT - 50 :]))
    ran = support.generate(provider, limits=replace(PATIENT, turns=2))
    assert support.site(ran.complete) == FILES
    assert provider.closed == 3


def test_after_a_continuation_that_joins_nowhere_the_next_one_may_join() -> None:
    draft = joined(BEGUN, "I don't understand.", "", REPLY[CUT - 50 :])
    assert not draft.astray
    assert draft.text == REPLY


@pytest.mark.parametrize(
    ("ends", "goes_on"),
    [
        ("<p>\n  ", "</body>\n</html>\n~~~~~\n"),
        ("            </div>\n" * 3, "            </div>\n          </div>\n"),
        ("<p class=a>one</p>\n<p class=a>two</p>\n", "<p class=a>two and a half</p>\n"),
    ],
    ids=["nothing", "short", "half-of-it"],
)
def test_a_few_common_characters_are_no_seam(ends: str, goes_on: str) -> None:
    draft = joined(BEGUN + ends, goes_on)
    assert draft.astray
    assert draft.text == BEGUN + ends


def test_a_file_that_is_opened_from_its_first_line_replaces_the_cut_one() -> None:
    again = REPLY[REPLY.index("~~~~~ html") :].replace("six heures", "sept heures")
    draft = joined(BEGUN, again)
    files = draft.outcome().files
    assert files == FILES | {"index.html": FILES["index.html"].replace("six heures", "sept heures")}
    assert draft.outcome().open is None


def test_a_file_that_is_opened_in_its_middle_does_not() -> None:
    middle = REPLY[REPLY.index("~~~~~ html") :].replace(FILES["index.html"][:200], "  <p>and so on</p>\n")
    draft = joined(BEGUN, middle)
    assert draft.astray
    assert draft.outcome() == support.parsed(BEGUN)


FENCED = "".join(f"```{path.rpartition('.')[2]} path={path}\n{text}```\n\n" for path, text in FILES.items())
TAGGED = "".join(f'<file path="{path}">\n{text}</file>\n' for path, text in FILES.items())


@pytest.mark.parametrize("reply", [REPLY, FENCED, TAGGED], ids=["tilde", "fence", "tag"])
def test_a_reply_that_begins_anew_replaces_the_cut_one(reply: str) -> None:
    def changed(text: str) -> str:
        return text.replace("#8a4b14", "#123456").replace("<h1>Pains", "<h1>Nos pains")

    turns = [said(reply[: reply.index("du mardi")], "length"), said(changed(reply))]
    ran = support.generate(Scripted(*turns), limits=replace(PATIENT, turns=1, interval=0))
    anew = {path: changed(text) for path, text in FILES.items()}
    assert support.site(ran.complete) == anew == ran.files


# Replies that are no site


def test_a_looping_model_is_stopped_early(upstream: up.Upstream) -> None:
    endless = [up.chunk("<p>and another thing</p>\n" * 40)] * 4000
    upstream.reply(up.text(REPLY[:CUT], *endless))

    async def main() -> support.Ran:
        provider = OpenAICompatible(support.choice(upstream.base_url))
        ran = await support.collect(engine.generate(Request("x"), provider, limits=PATIENT))
        await asyncio.to_thread(upstream.wait_closed, 2)
        return ran

    error = support.run(main()).failure
    assert (type(error), error.code) == (Unusable, "looping")
    assert error.message == "the model repeats itself inside index.html"
    assert error.partial["index.html"].startswith(support.parsed(BEGUN).files["index.html"])
    assert len(error.partial["index.html"]) < 200_000


def test_a_loop_within_one_line_shows_sooner() -> None:
    """As seen: a small model that makes up a data URL and never gets out of it."""
    looping = [*said(REPLY[:CUT] + "PHN2Zy", None), *(Text("wMi0xLjM2OS9") for _ in range(700)), 60.0]
    error = support.generate(Scripted(looping)).failure
    assert (type(error), error.code) == (Unusable, "looping")


def test_many_alike_lines_are_no_loop() -> None:
    rows = "".join(f"<tr><td>{number}</td><td>{number * 7}</td></tr>\n" for number in range(3000))
    assert rows in support.generate(Scripted(said(page(rows), size=500))).complete.html


@pytest.mark.parametrize(
    ("reply", "code", "says"),
    [
        (page("<!-- rest of the page unchanged -->"), "placeholder", "left text out of index.html"),
        ("I'm sorry, but I can't help with that.", "declined", "the model declined: I'm sorry"),
        ("~~~~~ css path=styles.css\nbody{}\n~~~~~\n", "no_page", "no page"),
        (
            "~~~~~ html path=../../etc/x.html\n<!doctype html></html>\n~~~~~\n",
            "bad_path",
            "leaves the folder",
        ),
        ("<think>Let me see", "only_thinking", "only thought"),
        ("Blue, I think.", "no_site", "holds no site: Blue, I think"),
    ],
)
def test_a_whole_reply_that_is_no_site_is_named(reply: str, code: str, says: str) -> None:
    ran = support.generate(Scripted(said(reply)), limits=replace(PATIENT, turns=3))
    assert (type(ran.failure), ran.failure.code) == (Unusable, code)
    assert says in ran.failure.message
    assert ran.failure.hint
    assert ran.failure.partial == support.parsed(reply).files


def test_what_a_site_lacks_is_a_warning() -> None:
    reply = page('<link rel="stylesheet" href="other.css"><script src="script.js"></script>')
    ran = support.generate(Scripted(said(reply)))
    assert ran.complete.html
    assert [status.message for status in ran.statuses if status.phase == "check"] == [
        "The page names other.css, script.js, which the model did not write"
    ]


def test_reasoning_is_told_as_a_status() -> None:
    ran = support.generate(
        Scripted([Reasoning("x" * 1500), 0.05, *said(REPLY)]), limits=replace(PATIENT, interval=0)
    )
    assert ("Thinking (1,500 characters)", "think") in [
        (status.message, status.phase) for status in ran.statuses
    ]


# Time


def test_the_first_part_has_its_own_limit() -> None:
    error = support.generate(Scripted([1.0, *said(REPLY)]), limits=replace(PATIENT, first=0.1)).failure
    assert isinstance(error, Stalled)
    assert error.message == "nothing came for 0.1 s"


@pytest.mark.parametrize("part", [Text("a"), Reasoning("a")], ids=["text", "reasoning"])
def test_text_and_thoughts_are_words(part: Text | Reasoning) -> None:
    provider = Scripted([part, 0.15, part, 0.15, *said(REPLY)])
    assert support.generate(provider, limits=replace(PATIENT, first=0.25, silence=0.25)).complete


@pytest.mark.parametrize("part", [Usage({"total_tokens": 1}), Finish("")], ids=["usage", "finish"])
def test_anything_else_is_silence(part: Usage | Finish) -> None:
    provider = Scripted([Text(BEGUN), 0.15, part, 0.15, part, 0.15, Text("late")])
    error = support.generate(provider, limits=replace(PATIENT, silence=0.25)).failure
    assert error.reason == "timeout"


def test_a_wait_that_was_announced_is_not_silence() -> None:
    provider = Scripted([Notice("trying again in 0.3 s", 0.3), 0.3, *said(REPLY)])
    assert support.generate(provider, limits=replace(PATIENT, first=0.1, silence=0.2)).complete


# Deployment


DEPLOYED = Deployed("https://a.example", "1", "a", "fake", "production", 0.1)


class FakeTarget:
    def __init__(self, *steps: float | Event | Exception) -> None:
        self.closed = False
        self._steps = steps

    async def deploy(self) -> AsyncGenerator[Event, None]:
        try:
            for step in self._steps:
                if isinstance(step, Exception):
                    raise step
                if isinstance(step, int | float):
                    await asyncio.sleep(step)
                else:
                    yield step
        finally:
            self.closed = True


def deploy(target: FakeTarget, limits: Limits = PATIENT) -> support.Ran:
    ran = support.run(support.collect(engine.deploy(target.deploy(), limits=limits)))
    assert target.closed
    return ran


def test_a_deployment_passes_the_same_stages() -> None:
    steps = (Status("Uploading", 40, "upload"), Status("Publishing", 30, "publish"), 0.15, DEPLOYED)
    ran = deploy(FakeTarget(*steps), replace(PATIENT, heartbeat=0.06))
    assert ran.error is None
    assert ran.events[:2] == [Status("Uploading", 40, "upload"), Status("Publishing", 40, "publish")]
    assert Status("Still at it: Publishing", 40, "publish") in ran.events
    assert ran.events[-1] == DEPLOYED


def test_a_deployment_that_goes_silent_is_stalled() -> None:
    ran = deploy(FakeTarget(Status("Uploading", 40, "upload"), 5), replace(PATIENT, first=0.1))
    assert isinstance(ran.failure, Stalled)
    assert ran.events == [Status("Uploading", 40, "upload")]


def test_the_error_of_a_target_comes_after_its_events() -> None:
    ran = deploy(FakeTarget(Status("Uploading", 40, "upload"), TargetRefused("too many files")))
    assert isinstance(ran.failure, TargetRefused)
    assert ran.events == [Status("Uploading", 40, "upload")]


@pytest.mark.parametrize("leave", LEAVING, ids=lambda leave: leave.__name__)
def test_who_leaves_a_deployment_has_closed_the_target(leave: object) -> None:
    assert callable(leave)
    target = FakeTarget(Status("Uploading", 40, "upload"), Progress("", 50, "x", 0), 9)

    async def main() -> None:
        await leave(engine.deploy(target.deploy(), limits=PATIENT))
        assert target.closed
        assert asyncio.all_tasks() == {asyncio.current_task()}

    support.run(main())
