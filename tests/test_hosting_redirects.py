"""`_redirects` is read and applied as Cloudflare does it, and what it ignores is told by line."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webmint_cli.hosting.redirects import is_redirected, parse_redirects
from webmint_cli.hosting.urls import NoAddress, location, path_of


def led(text: str, path: str, query: str = "") -> tuple[int, str] | None:
    rule = parse_redirects(text).match(path)
    return (rule.status, location(rule.target, query)) if rule else None


def problems(text: str) -> list[tuple[int, str]]:
    return [(problem.line, problem.reason) for problem in parse_redirects(text).problems]


@pytest.mark.parametrize(
    ("rule", "path", "leads"),
    [
        ("/a /b", "/a", (302, "/b")),
        ("/a /b", "/a/", None),
        ("/a /b", "/A", None),
        ("a /b 301", "/a", (301, "/b")),
        ("/a /b 200", "/a", (200, "/b")),
        ("/a /b 308 # why", "/a", (308, "/b")),
        ("/a /b#c 307", "/a", (307, "/b#c")),
        ("/ü /ö 303", "/%C3%BC", (303, "/%C3%B6")),
        ("/a https://x.example", "/a", (302, "https://x.example/")),
        ("/a //x.example/y", "/a", (302, "http://x.example/y")),
        ("/a/* /b/:splat", "/a/x/y", (302, "/b/x/y")),
        ("/a/* /b/:splat", "/a/", (302, "/b/")),
        ("/a/* /b/:splat", "/a", None),
        ("/a/:x/:y /:y?x=:x", "/a/1/2", (302, "/2?x=1")),
        ("/a/:x /b", "/a/", None),
        ("/a/* /:splat", "/a//evil.example", (302, "/evil.example")),
        ("/a/* https://x.example/:splat", "/a//y", (302, "https://x.example//y")),
        ("/:x/* /c/:splat", "/a/b", (302, "/c/b")),
        ("/a/*/b/* /c", "/a/1/b/2", None),
        ("/a/* /b/:splat", "/a/$&", (302, "/b/:splat")),
        ("/a/:h //:h/x", "/a/%C3%A9", (302, "http://xn--9ca/x")),
        ("/a https://X.example:8080/y", "/a", (302, "https://x.example:8080/y")),
    ],
)
def test_a_rule_leads_where_it_says(rule: str, path: str, leads: tuple[int, str] | None) -> None:
    assert led(rule, path) == leads
    assert is_redirected(rule, path) is (leads is not None)


@pytest.mark.parametrize("rule", ["/a https://:h.example/", "/a https://a%20b.example/", "/a //"])
def test_a_target_that_is_no_address_is_told(rule: str) -> None:
    with pytest.raises(NoAddress):
        led(rule, "/a")


def test_a_path_served_in_place_is_that_of_the_target() -> None:
    assert [path_of(target) for target in ("/b?x#y", "//host/c", "/d/../e")] == ["/b", "/c", "/e"]


def test_a_query_goes_along_unless_the_target_has_its_own() -> None:
    assert led("/a /b#c", "/a", "x=1") == (302, "/b?x=1#c")
    assert led("/a /b?y=2#c", "/a", "x=1") == (302, "/b?y=2#c")


def test_whole_paths_come_before_patterns_that_stand_below_them() -> None:
    text = "/a/b /whole\n/a/* /pattern\n/a/c /late\n"
    assert [led(text, path) for path in ("/a/b", "/a/c")] == [(302, "/whole"), (302, "/pattern")]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("/a", "not 1 words"),
        ("/a /b 301 x", "not 4 words"),
        ("https://x.example/a /b", "only paths"),
        ("/a b", "slash"),
        ("/a http://x.example", "https://"),
        ("/a /b 404", "not 404"),
        ("/a /b permanent", "not permanent"),
        ("/a /b 3_01", "not 3_01"),
        ("/a/* /index.html 301", "to itself"),
        ("/* /index.html 200", "to itself"),
        ("/a/ /b/index", "to itself"),
        ("/a https://x.example/b 200", "same site"),
        (f"/a /{'b' * 2000}", "longer than 2000"),
    ],
)
def test_what_is_ignored_is_told(line: str, said: str) -> None:
    [(number, reason)] = problems(f"# first\n{line}\n")
    assert number == 2
    assert said in reason
    assert led(line, "/a") is None


def test_the_first_of_two_rules_for_a_path_stands() -> None:
    text = "/a /b\n/a /c\n"
    assert led(text, "/a") == (302, "/b")
    assert problems(text) == [(2, "/a has a rule already")]


def test_the_limits_are_counted_apart() -> None:
    text = "".join(f"/s{n} /t\n" for n in range(2001)) + "".join(f"/d{n}/* /t\n" for n in range(102))
    found = parse_redirects(text)
    assert (len(found.static), len(found.dynamic)) == (2000, 100)
    assert [line for line, _ in problems(text)] == [2001, 2102]


def test_a_plain_rule_below_a_pattern_counts_as_a_pattern() -> None:
    text = "/d/* /t\n" + "".join(f"/s{n} /t\n" for n in range(100))
    assert len(problems(text)) == 1
    assert led(text, "/s98") == (302, "/t")
    assert led(text, "/s99") is None


def test_blank_lines_comments_and_line_ends_do_not_matter() -> None:
    text = "\ufeff/a /b 301\r\n\r\n \t# no\r\n/c\t\t/d\r\n"
    assert problems(text) == []
    assert [led(text, path) for path in ("/a", "/c")] == [(301, "/b"), (302, "/d")]


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    found = parse_redirects(text)
    assert all(1 <= problem.line <= text.count("\n") + 1 for problem in found.problems)
    found.match("/x")


@given(st.text(st.characters(codec="ascii", exclude_categories=["Cc", "Zs"], exclude_characters="?#\\%")))
def test_a_splat_never_leads_off_the_site(splat: str) -> None:
    leads = led("/a/* /:splat", f"/a/{splat}")
    assert leads is not None
    assert not leads[1].startswith(("//", "http"))
