"""What is wrong with a reply, found in its text: abbreviations, missing files, loops."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_parser_laws import needs_recordings, recorded

from webmint_cli.reply.checks import missing, placeholders, repeats

CORPUS = Path(__file__).parent / "replies"

ABBREVIATED = {
    "index.html": """
        <!-- rest of the page unchanged -->
        <!-- Rest of the content remains the same -->
        <!-- ... rest of the page ... -->
        <!-- ... existing code ... -->
        <!-- existing content here -->
        <!-- Other sections go here -->
        <!-- The rest of the HTML stays the same -->
        <!-- (rest of the sections unchanged) -->
        <!-- Remaining cards omitted for brevity -->
        <!-- previous sections as before -->
        <!-- header stays the same -->
        <!-- same as before -->
        <!-- content omitted -->
        <script>// ... rest of the code</script>
        <style>/* existing styles remain unchanged */</style>
    """,
    "styles.css": """
        /* rest of styles unchanged */
        /* ... rest of the styles ... */
        /* other styles remain unchanged */
        /* … existing rules … */
        /* the remaining CSS stays the same */
        /* Styles omitted for brevity */
        /* previous styles go here */
        /* Same as above */
    """,
    "script.js": """
        // rest of the code unchanged
        // ... rest of the code
        // ... existing code ...
        // (rest of the script stays the same)
        // Rest of your JavaScript here
        // existing functions remain the same
        // ... other functions
        // code continues as before
        // ... keep the rest of the code
        // remaining code goes here
        go();// rest of the code unchanged
        /* rest of file omitted */
    """,
}
WHOLE = {
    "index.html": """
        <!-- existing customers -->
        <!-- Rest of the page -->
        <!-- Other projects -->
        <!-- Main content -->
        <!-- Our story continues -->
        <!-- Same-day delivery -->
        <!-- original artwork by Ana, 1998 -->
        <!--[if IE]> <p>x</p> <![endif]-->
        <!-- Previous and next links -->
        <!-- Other locations: Lyon, Paris -->
        <!-- existing homes, new homes -->
        <!-- Page content -->
        <!-- The menu remains open on wide screens -->
        <!-- Footer: the same on every page -->
        <p>The rest of the page is unchanged. Rest of the code goes here...</p>
        <a href="https://example.com/rest-of-the-code-unchanged">other sections go here</a>
        <input type="file" accept="image/*"> rest of the code unchanged
    """,
    "styles.css": """
        /* Rest of the page */
        /* ... */
        /* other */
        /* Remaining space is shared by the cards */
        /* Same height for all cards */
        /* Existing browsers need a prefix */
        /* The header stays on top */
        /* Layout */
        /* Other elements that share the body font */
        /* resets: the rest of the elements inherit */
        /*! normalize.css v8.0.1 | MIT License | github.com/necolas/normalize.css */
        /* Content is centred */
        /* The original layout was a table */
        /* section heights remain equal */
        /* the rest of the cards are smaller */
        a { background: url(//example.com/rest of the code unchanged); }
    """,
    "script.js": """
        // other helpers
        // ...
        // https://example.com/rest-of-the-code
        const url = 'https://example.com/ rest of the code unchanged';
        // the rest parameter collects the arguments
        // existing items are kept
        // the original array remains unchanged
        // Keep the previous value
        // remaining seconds
        // same origin only
        // restore the previous scroll position
        // original order, for undo
        // loop continues until none is left
        // the function continues after the await
        const [first, ...rest] = list; go(...others);
        // spread the rest ...items
        /** Copyright 2026 The Authors. Same licence as the rest of the code, see LICENSE. */
        // if the file is truncated
        // skip the rest of the elements
        // is the menu open? the body is locked
        // content is loaded lazily
    """,
}


def lines(table: dict[str, str]) -> list[tuple[str, str]]:
    return [(path, line.strip()) for path, text in table.items() for line in text.strip().splitlines()]


@pytest.mark.parametrize(("path", "line"), lines(ABBREVIATED))
def test_an_abbreviation_is_found(path: str, line: str) -> None:
    assert placeholders({path: f"before\n  {line}\nafter"}) == [path]


@pytest.mark.parametrize(("path", "line"), lines(WHOLE))
def test_an_ordinary_line_is_none(path: str, line: str) -> None:
    assert placeholders({path: f"before\n  {line}\nafter"}) == []


def test_all_ordinary_lines_together_are_none() -> None:
    assert placeholders(WHOLE) == []


def test_each_file_with_an_abbreviation_is_named_once() -> None:
    code = "// rest of the code unchanged\n// existing code here\n"
    files = {
        "b.JS": code,
        "a.mjs": code,
        "README.md": code,
        "notes.txt": code,
        "c.js": "go()",
        "d.svg": "<!-- rest unchanged -->",
    }
    assert placeholders(files) == ["b.JS", "a.mjs", "d.svg"]


@pytest.mark.parametrize(
    "comment",
    ["/* {} */", "<!-- {} -->", "/*\n * {}\n */", "<!--\r\n{}\r\n-->", "/** {} **/", "//{}", "\t// {}"],
)
def test_an_abbreviation_is_found_in_every_comment(comment: str) -> None:
    assert placeholders({"a.html": "x\n" + comment.format("... rest of the code unchanged ...")}) == [
        "a.html"
    ]


def test_a_long_comment_is_no_abbreviation() -> None:
    assert placeholders({"a.css": f"/* rest of the code unchanged {'for a reason ' * 20}*/"}) == []


def test_the_corpus_agrees() -> None:
    cases = [path for path in sorted(CORPUS.glob("*/expected.json")) if (path.parent / "site").is_dir()]
    found = {}
    for case in cases:
        site = case.parent / "site"
        files = {
            path.relative_to(site).as_posix(): path.read_bytes().decode()
            for path in site.rglob("*")
            if path.is_file()
        }
        found[case.parent.name] = sorted(placeholders(files))
    expected = {
        case.parent.name: sorted(json.loads(case.read_text("utf-8")).get("placeholder", [])) for case in cases
    }
    assert found == expected
    assert sum(map(bool, expected.values())) >= 5


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "piece",
    [
        "<!--",
        "/*",
        " //",
        "/* rest of the code ",
        " // the rest " + "code " * 28 + "\n",
        " // ... " + "w " * 70 + "\n",
    ],
)
def test_much_text_is_checked_at_once(piece: str) -> None:
    assert placeholders({"a.js": piece * (400_000 // len(piece))}) == []


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, []),
        (
            {"index.html": "<link rel=stylesheet href=styles.css><script src=script.js></script>"},
            ["styles.css", "script.js"],
        ),
        ({"index.html": "<link rel=stylesheet href=./styles.css?v=2>", "styles.css": ""}, []),
        (
            {
                "index.html": "<script src=a.js></script><script src=a.js></script>",
                "b.html": "<script src=/a.js></script>",
            },
            ["a.js"],
        ),
        (
            {"index.html": "<script src=https://x.example/a.js></script><img src=a.png><a href=b.html>b</a>"},
            [],
        ),
        ({"blog/index.html": "<script src=a.js></script>"}, []),
        ({"index.txt": "<script src=a.js></script>"}, []),
        ({"index.html": "<!-- <script src=a.js></script> -->"}, []),
    ],
)
def test_missing_files_are_named_once(files: dict[str, str], expected: list[str]) -> None:
    assert missing(files) == expected


@given(st.text(min_size=1, max_size=20), st.text(max_size=50), st.integers(0, 200))
def test_one_piece_over_and_over_is_a_loop(piece: str, before: str, cut: int) -> None:
    text = before + piece * 300
    assert repeats(text[: len(text) - cut % len(piece)], 8 * len(piece))
    assert repeats(text, 300 * len(piece))


@given(st.text("ab", max_size=40), st.text("ab", min_size=1, max_size=4), st.integers(1, 40))
def test_a_loop_is_what_its_definition_says(before: str, piece: str, at_least: int) -> None:
    text = before + piece * 10
    tail = text[-at_least:]
    periods = (period for period in range(1, at_least // 8 + 1) if tail[period:] == tail[:-period])
    assert repeats(text, at_least) == (len(tail) == at_least and any(periods))


def test_a_piece_that_is_too_long_or_too_rare_is_no_loop() -> None:
    block = "".join(f".c{number} {{ top: {number}px }}\n" for number in range(10))
    assert repeats(block * 8, len(block) * 8)
    assert not repeats(block * 7, len(block) * 7 + 1)
    assert not repeats("x" + block * 8, len(block) * 8 + 1)
    assert not repeats(block * 7 + "end", len(block) * 7)


def test_a_short_text_is_no_loop() -> None:
    assert not repeats("", 16)
    assert not repeats("a" * 15, 16)
    assert repeats("a" * 16, 16)


def test_a_grid_of_like_lines_is_no_loop_within_the_limit() -> None:
    grid = '  <div class="cell"></div>\n' * 400
    assert not repeats(f"<!doctype html>\n{grid}", 16 << 10)
    assert not repeats(f"{grid}</div>\n", 2048)


def test_ordinary_files_are_no_loop() -> None:
    css = "".join(
        f".card:nth-child({number}) {{ animation-delay: {number * 50}ms; }}\n" for number in range(1000)
    )
    html = "".join(f"<tr><td>{hour}:00</td><td>closed</td></tr>\n" for hour in range(1000))
    assert not repeats(css, 2048)
    assert not repeats(html, 2048)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a" * 999_999 + "b", False),
        ("b" + "a" * 999_999, False),
        (("a" * 1000 + "b") * 1000, True),
        ("ab" * 437_500 + "c" + "ab" * 62_500, False),
        (("a" * 10_000 + "b" + "a" * 10_000) * 50, True),
    ],
)
def test_a_megabyte_is_checked_for_a_loop_at_once(text: str, expected: bool) -> None:
    assert repeats(text, 1_000_000) == expected


@needs_recordings
def test_a_recorded_loop_is_found() -> None:
    text = "".join(recorded("smol-fence3-bakery"))
    assert repeats(text, 2048)
    assert not repeats(text[:600], 512)


@needs_recordings
@pytest.mark.parametrize(
    "name", ["q15-fence3-bakery", "q15-fence3-todo", "q15-single-portfolio", "q15-xml-todo"]
)
def test_no_recorded_reply_that_ended_loops(name: str) -> None:
    text = "".join(recorded(name))
    assert not any(repeats(text[:end], 256) for end in range(256, len(text), 64))
