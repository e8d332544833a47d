"""`_headers` is read and applied as Cloudflare does it, and what it ignores is told by line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webmint_cli.hosting.headers import parse_headers


def applied(text: str, path: str, host: str = "localhost", **before: str) -> dict[str, str]:
    return parse_headers(text).applied(before, host=host, path=path)


def problems(text: str) -> list[tuple[int, str]]:
    return [(problem.line, problem.reason) for problem in parse_headers(text).problems]


@pytest.mark.parametrize(
    ("rule", "path", "found"),
    [
        ("/about", "/about", True),
        ("/about", "/about/", False),
        ("/about", "/ABOUT", False),
        ("/*", "/", True),
        ("/blog/*", "/blog/a/b", True),
        ("/blog/*", "/blog", False),
        ("*.css", "/a.css", False),
        ("/*.css", "/x/a.css", True),
        ("/:page", "/about", True),
        ("/:page", "/a/b", False),
        ("/a.b", "/axb", False),
        ("/über", "/%C3%BCber", True),
        ("/a b", "/a%20b", True),
        ("/x/../up", "/up", True),
        ("/feed?x=1", "/feed", True),
        ("/:a/:ab", "/x/y", False),
        ("/:a/:a", "/x/x", False),
        ("https://localhost/*", "/x", True),
        ("https://other.example/*", "/x", False),
        ("https://:name/x", "/x", True),
    ],
)
def test_a_rule_is_for_the_paths_it_matches(rule: str, path: str, found: bool) -> None:
    assert ("x-mine" in applied(f"{rule}\n  X-Mine: yes\n", path)) is found


def test_a_placeholder_in_a_host_is_one_label() -> None:
    text = "https://:sub.example.com/*\n  X-Sub: :sub\n"
    assert applied(text, "/", host="a.example.com") == {"x-sub": "a"}
    assert applied(text, "/", host="a.b.example.com") == {}


def test_the_first_rule_replaces_and_later_ones_add() -> None:
    text = "/*\n  Cache-Control: a\n  X-One: 1\n/about\n  Cache-Control: b\n  X-One: 2\n  X-One: 3\n"
    assert applied(text, "/about", **{"cache-control": "host"}) == {
        "cache-control": "a, b",
        "x-one": "1, 2, 3",
    }


def test_a_header_can_be_taken_away() -> None:
    assert applied("/*\n  ! ETag\n", "/", etag="x", other="y") == {"other": "y"}
    assert applied("/*\n  X: 1\n/a\n  ! X\n", "/a") == {}


def test_values_take_what_the_path_gave() -> None:
    assert applied("/u/:id/*\n  X-Say: :id got :splat\n", "/u/7/a/b") == {"x-say": "7 got a/b"}
    assert applied("/p/*\n  X-Say: got :splat\n", "/p/") == {"x-say": "got"}


def test_the_later_of_two_rules_for_a_path_stands() -> None:
    assert applied("/a\n  X: 1\n/a\n  Y: 2\n", "/a") == {"y": "2"}


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("X: 1\n", 1, "before any path"),
        ("\nword\n", 2, "slash"),
        ("/a\n  word\n  Y: 1\n", 2, "name: value"),
        ("/a\n  X:\n  Y: 1\n", 2, "no value"),
        ("/a\n  : x\n  Y: 1\n", 2, "missing"),
        ("/a\n  X Y: x\n  Y: 1\n", 2, "no spaces"),
        ("/a\n  X(Y): x\n  Y: 1\n", 2, "can't be the name"),
        ("/a\n  X: 日本\n  Y: 1\n", 2, "no header can carry"),
        ("/a\n  ! X: x\n  Y: 1\n", 2, "no spaces"),
        ("/a\n/b\n  X: 1\n", 1, "no headers follow"),
        ("/b\n  X: 1\n/a\n", 3, "no headers follow"),
        ("/*/x/*\n  X: 1\n", 1, "one * only"),
        ("/:splat/*\n  X: 1\n", 1, ":splat"),
        ("http://a.example/\n  X: 1\n", 1, "https://"),
        ("https://a.example:8080/\n  X: 1\n", 1, "port"),
        (f"/a\n  Y: 1\n  X: {'x' * 2000}\n", 3, "longer than 2000"),
    ],
)
def test_what_is_ignored_is_told(text: str, line: int, said: str) -> None:
    [(number, reason)] = problems(text)
    assert number == line
    assert said in reason
    assert not {"x", "x(y)"} & parse_headers(text).applied({}, host="localhost", path="/a").keys()


def test_headers_after_a_broken_path_belong_to_no_rule() -> None:
    assert applied("/a\n  X: 1\nhttp://b/\n  X: 2\n", "/a") == {"x": "1"}


def test_blank_lines_comments_and_line_ends_do_not_matter() -> None:
    text = "\ufeff# comment\r\n\r\n/a\r\n\t# X: 0\r\n\t X:  1 \r\n"
    assert problems(text) == []
    assert applied(text, "/a") == {"x": "1"}


def test_one_more_rule_than_the_limit_is_read_as_the_host_counts() -> None:
    text = "".join(f"/r{number}\n  X: {number}\n" for number in range(110))
    assert len(parse_headers(text).rules) == 101
    assert problems(text) == [(203, "only 100 rules are read; what follows is ignored")]


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    found = parse_headers(text)
    assert all(1 <= problem.line <= text.count("\n") + 1 for problem in found.problems)
    found.applied({}, host="localhost", path="/x")
