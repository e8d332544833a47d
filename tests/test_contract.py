"""What is asked of a model, the plan line of its answer, and how the rest of a cut one is asked for."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import FILES, REPLY, parsed

from webmint_cli.reply.contract import (
    CONTRACT,
    HASH,
    Plan,
    last_lines,
    messages,
    read_plan,
    write_reply,
)
from webmint_cli.reply.draft import _WINDOW


def test_the_hash_changes_with_the_words() -> None:
    assert hashlib.sha256(CONTRACT.encode()).hexdigest()[:16] == HASH
    assert hashlib.sha256((CONTRACT + " ").encode()).hexdigest()[:16] != HASH


def test_the_form_that_is_asked_for_is_one_that_is_read() -> None:
    """The example in the contract, taken as a reply."""
    outcome = parsed(CONTRACT)
    assert list(outcome.files) == ["styles.css", "index.html", "script.js"]
    assert outcome.dialect == "tilde"
    assert outcome.open is None
    assert outcome.plan.pages == "index.html"


# The plan

FIELD = st.text(st.characters(exclude_characters="|=", exclude_categories=["Cs", "Cc", "Zl", "Zp"])).map(
    str.strip
)


@given(FIELD, FIELD, FIELD, FIELD)
def test_a_plan_that_was_written_is_read_back(title: str, pages: str, palette: str, fonts: str) -> None:
    plan = Plan(title, pages, palette, fonts)
    assert read_plan(str(plan)) == plan


@pytest.mark.parametrize(
    ("line", "plan"),
    [
        ("plan: title=A | pages=index.html", Plan("A", "index.html")),
        ("  **Plan:** title = A|fonts=x; y ", Plan("A", fonts="x; y")),
        ("## __plan: title=A | fonts=x__", Plan("A", fonts="x")),
        ("plan: title=*A*", Plan("*A*")),
        ("# PLAN: title=A", Plan("A")),
        ("plan: colour=red | title=A", Plan("A")),
        ("plan: Chez Léa | pages=index.html", Plan("Chez Léa", "index.html")),
        ("plan: title=1+1=2", Plan("1+1=2")),
        ("plan: Title=A", Plan("A")),
        ("plan:", Plan()),
        ("plan: we shall see", Plan()),
        ("my plan: title=A", None),
        ("plan title=A", None),
        ("", None),
    ],
)
def test_a_plan_line_is_read(line: str, plan: Plan | None) -> None:
    assert read_plan(line) == plan


def test_empty_fields_are_left_out() -> None:
    assert str(Plan("A", fonts="x; y")) == "plan: title=A | fonts=x; y"


def test_a_reply_that_was_written_is_read_back() -> None:
    outcome = parsed("".join(write_reply(Plan("A"), {**FILES, "a/b.svg": "<svg/>\n", "x.bin": "~~~\n"})))
    assert outcome.files == {**FILES, "a/b.svg": "<svg/>\n", "x.bin": "~~~\n"}
    assert (outcome.plan, outcome.open, outcome.dialect) == (Plan("A"), None, "tilde")


def test_a_file_without_a_final_newline_gets_one() -> None:
    assert parsed("".join(write_reply(Plan(), {"index.html": "<p>"}))).files == {"index.html": "<p>\n"}


# The conversation


def test_a_site_is_asked_for_in_two_messages() -> None:
    assert messages("a bakery") == [
        {"role": "system", "content": CONTRACT},
        {"role": "user", "content": "a bakery"},
    ]


def test_the_rest_is_asked_for_by_what_came_and_its_last_lines() -> None:
    received = "one\n" * 50 + "<p>the last line but one is here</p>\n<p>the last is ha"
    *asked, answered, go_on = messages("a bakery", received)
    assert asked == messages("a bakery")
    assert answered == {"role": "assistant", "content": received}
    assert go_on["role"] == "user"
    assert "\n\n<p>the last line but one is here</p>\n<p>the last is ha\n\n" in go_on["content"]


@pytest.mark.parametrize(
    ("received", "lines"),
    [
        ("", [""]),
        ("a", ["a"]),
        ("a\nb", ["a", "b"]),
        ("x" * 50, ["x" * 50]),
        ("a\n" + "x" * 50, ["a", "x" * 50]),
        ("a\n" + "x" * 50 + "\n", ["x" * 50, ""]),
        ("a\nb\n" + "x" * 39 + "\ny", ["x" * 39, "y"]),
        ("a\nb\n" + "x" * 38 + "\ny", ["b", "x" * 38, "y"]),
        ("a\r\n" + "x" * 50 + "\r\n", ["x" * 50 + "\r", ""]),
        ("a\u2028b" * 20 + "\nc", ["a\u2028b" * 20, "c"]),
        ("x" * 5000, ["x" * 1000]),
        ("\n" * 5000, [""] * 1001),
    ],
)
def test_the_last_lines_are_enough_to_be_recognised(received: str, lines: list[str]) -> None:
    assert last_lines(received) == lines


@given(st.text())
def test_the_last_lines_are_how_the_text_ended_and_never_more_than_is_looked_at(received: str) -> None:
    last = "\n".join(last_lines(received * 50))
    assert (received * 50).endswith(last)
    assert len(last) <= _WINDOW / 2


@given(st.integers(1, len(REPLY)))
def test_two_lines_at_least_and_forty_characters_where_there_are_so_many(cut: int) -> None:
    received = REPLY[:cut]
    lines = last_lines(received)
    whole = "\n".join(lines) == received
    assert whole or (len(lines) >= 2 and sum(len(line.strip()) for line in lines) >= 40)
