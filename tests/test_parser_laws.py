"""The laws of the reply parser, for any text: one outcome at any split, files verbatim, work that stays linear."""

import hashlib
import json
import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from webmint_cli.reply.contract import Plan, write_reply
from webmint_cli.reply.files import Delta
from webmint_cli.reply.parser import Outcome, Parser
from webmint_cli.site import relative_path

RECORDINGS = Path(__file__).parents[2] / "shared" / "recordings"
# Elsewhere they may be missing; in CI that is a failure.
needs_recordings = pytest.mark.skipif(
    not RECORDINGS.is_dir() and "CI" not in os.environ, reason="the recordings are not in the repository"
)

settings.register_profile(
    "laws",
    deadline=None,
    derandomize="CI" in os.environ,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
LAWS = settings.get_profile("laws")

FRAGMENTS = [
    *("~~~~~", "~~~~~~", "~~~~", "```", "````", "`", "~", "~" * 80, "`" * 80, "   ~~~~~\n", "    ~~~~~\n", "\t```\n"),
    *("~~~~~ css path=styles.css\n", "~~~~~ html path=index.html\n", "~~~~~ js\n", "~~~~~html\n", "~~~~~\n", "~~~~~ x"),
    *("~~~~~ css path=a\n", "~~~~~ css path=a/b.css\n", "~~~~~ css path=../x.css\n", "~~~~~ css path=\n"),
    *("```html\n", "```css\n", "```js\n", "```\n", "```html path=a.html\n", "```css path=a.css\n", "```markdown\n", "```xml\n"),
    *('<file path="a.css">', '<file path="index.html">\n', "<file path='b.md'>\n", "</file>", "</file>\n", "</file", "</file x"),
    *("<file>", "<file ", "<file \n", "< file name=x.js>", '<file path="q.css" title="', '<boltAction type="file" filePath="b.js">'),
    *("</boltAction>", '<boltAction type="shell">', '<dyad-write path="c.html">', "</dyad-write>", "<artifact>", "</artifact>"),
    *("<think>", "</think>", "<thinking>\n", "</thinking>\n", "</think>\n"),
    *("=== index.html ===\n", "=== a.css ===\n", "# index.html\n", "**styles.css**\n", "File: script.js\n", "a.css\n\n"),
    *("plan: title=T | pages=index.html\n", "plan: title=", "<<<<<<< NEW_FILE_START a.html >>>>>>> NEW_FILE_END\n"),
    *("<!doctype html>\n", "<!DOCTYPE html>", "<!doctype\n", "<html>", "<html", "</html>", "</html>\n", "</html  >", "<body>"),
    *("<script>", "</script>", "<style>", "</style>", "<textarea>", "</textarea>", "<!--", "-->", "<p>text</p>\n", "&lt;", "<![CDATA["),
    *("<link rel=stylesheet href=style.css>\n", "<script src=app.js></script>\n", "<link rel=stylesheet href=a/b.css>"),
    *("I can't help with that.\n", "but here is one\n", "text", "word ", "a", "</", "<", ">", '"', "'"),
    *("\n", "\r", "\r\n", "\n\n", " ", "   ", "\t", "\n" * 260, " " * 260, "x" * 70, " " * 20 + ">"),
    *("\0", "\ufeff", "\ud83d", "\ude00", "\ud83d\ude00", "\x85", "\u2028", "\x0c", "é"),
]  # fmt: skip
ANY_TEXT = st.text(st.characters(codec=None), max_size=40)
REPLIES = st.lists(st.sampled_from(FRAGMENTS) | ANY_TEXT, max_size=25).map("".join) | ANY_TEXT
CLOSING = re.compile(r"(?:^|[\r\n])[ \t]*~{5}")
ONE_FILE = "~~~~~ html path=index.html\n{}\n~~~~~\n"


def read(chunks: list[str]) -> tuple[Outcome, list[Delta]]:
    parser = Parser()
    deltas = [delta for chunk in chunks for delta in parser.feed(chunk)]
    outcome = parser.close()
    return outcome, deltas + parser.take()


def told(deltas: list[Delta]) -> list[Delta]:
    """The deltas with text that goes on where the last one ended put together."""
    joined: list[Delta] = []
    for delta in deltas:
        last = joined[-1] if joined else None
        if last and last.path == delta.path and not last.closed and not delta.reset:
            joined[-1] = last._replace(text=last.text + delta.text, closed=delta.closed)
        else:
            joined.append(delta)
    return joined


def copies(deltas: list[Delta]) -> dict[str, list[str]]:
    """Every text that a path had when it ended or started over, as a consumer of the deltas has them; the last one last."""
    texts: dict[str, list[str]] = {}
    for delta in deltas:
        seen = texts.setdefault(delta.path, [""])
        if delta.reset:
            seen.append(delta.text)
        else:
            seen[-1] += delta.text
    return texts


def closed(deltas: list[Delta], path: str) -> bool:
    return [delta.closed for delta in deltas if delta.path == path][-1]


def pieces(text: str, size: int) -> list[str]:
    return [text[at : at + size] for at in range(0, len(text), size)]


@st.composite
def split_replies(draw: st.DrawFn) -> list[str]:
    reply = draw(REPLIES)
    cuts = sorted(draw(st.lists(st.integers(0, len(reply)), max_size=8)))
    return [reply[start:end] for start, end in zip([0, *cuts], [*cuts, len(reply)], strict=True)]


@settings(LAWS, max_examples=600)
@given(split_replies())
@example(["<!doctype\nhtml>"])
@example(['<file path="a.css">', "\n" * 300, "```\nx\n```\n</file>\n"])
@example(["```html\n<!doctype html>\n</html", " " * 20, ">\n```\nx\n"])
@example(["```html\n<!doctype html>\n<textarea></html></textarea>\n```\nx\n"])
@example(["```html\n<!doctype", " " * 20 + "html>\n```\nx\n</html>\n```\n"])
@example(["x" * 500 + "<file path=a.css\n" + " " * 600 + ">\na\n</file>\n"])
@example(['<file path="a.css">' + "\n" * 150 + " " * 150 + "```"])
@example(["```\n" + " \n" * 3000 + "<!doctype html>\n"])
def test_any_split_gives_the_same(chunks: list[str]) -> None:
    whole = "".join(chunks)
    outcome, deltas = read([whole])
    for split in (chunks, list(whole), pieces(whole, 3)):
        assert read(split)[0] == outcome
        assert told(read(split)[1]) == told(deltas)


@settings(LAWS, max_examples=600)
@given(REPLIES)
def test_the_deltas_give_the_files(reply: str) -> None:
    outcome, deltas = read(list(reply))
    texts = copies(deltas)
    for path, text in outcome.files.items():
        if closed(deltas, path) or len(texts[path]) == 1:
            assert texts[path][-1] == text
        assert text in texts[path]


PATHS = st.from_regex(
    r"[a-z0-9_ =\[\]{}()'`#é日~-]{1,8}(/[a-z0-9_ \]}-]{1,8}){0,2}\.(html|css|js|svg|txt|webmanifest)",
    fullmatch=True,
)
TEXTS = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=20), max_size=12).map("".join)


def is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def can_stand(text: str) -> bool:
    return is_unicode(text) and not CLOSING.search(text)


def valid(path: str) -> bool:
    try:
        return relative_path(path) == path
    except ValueError:
        return False


@settings(LAWS, max_examples=300)
@given(st.dictionaries(PATHS.filter(valid), TEXTS.filter(is_unicode), max_size=5), st.integers(1, 50))
def test_what_is_written_is_read_back(files: dict[str, str], size: int) -> None:
    reply = "".join(write_reply(Plan(title="T"), files))
    outcome, _ = read(pieces(reply, size))
    assert outcome.files == {
        path: text if text.endswith("\n") else text + "\n" for path, text in files.items()
    }
    assert outcome.dialect == ("tilde" if files else None)
    assert (outcome.open, outcome.refused, outcome.plan.title) == (None, {}, "T")


@settings(LAWS, max_examples=400)
@given(TEXTS)
@example("~~~~")
@example("```\n</html>\n<think>\n=== a.css ===\n</file>")
@example("    ~~~~~")
@example("~~~~~" + " " * 1100 + "x")
def test_a_tilde_fence_is_verbatim(text: str) -> None:
    assume(can_stand(text) or text in ("    ~~~~~", "~~~~~" + " " * 1100 + "x"))
    assert read([ONE_FILE.format(text)])[0].files == {"index.html": text + "\n"}


@settings(LAWS, max_examples=300)
@given(
    TEXTS.filter(lambda text: not re.search("</(?:think|reas|anal|refl|thought)", text, re.IGNORECASE)),
    st.booleans(),
)
def test_thoughts_are_never_files(thought: str, ends: bool) -> None:
    outcome, deltas = read([f"<think>{thought}\n", "</think>\n" if ends else ""])
    assert (outcome.files, deltas, outcome.thinking) == ({}, [], not ends)
    after, _ = read([f"<think>{thought}\n</think>\n", ONE_FILE.format("x")])
    assert after.files == {"index.html": "x\n"}


@settings(LAWS, max_examples=300)
@given(st.lists(st.text(st.characters(codec=None)) | st.sampled_from(FRAGMENTS)))
def test_nothing_raises(chunks: list[str]) -> None:
    parser = Parser()
    for chunk in chunks:
        parser.feed(chunk)
        assert isinstance(parser.thinking, bool)
    parser.abandon()
    parser.feed("~~~~~ css\na\n~~~~~\n")
    parser.close()


def test_what_only_an_earlier_copy_of_a_page_links_is_not_streamed() -> None:
    page = "```html path=a.html\n<html>\n{}</html>\n```\n"
    css = "```css\na{}\n```\n"
    linked, plain = page.format("<link rel=stylesheet href=styles.css>\n"), page.format("")
    assert [delta.path for delta in read([linked, css])[1]].count("styles.css") == 3
    outcome, deltas = read([linked, css, plain, css])
    assert list(outcome.files) == ["a.html"]
    assert [delta.path for delta in deltas].count("styles.css") == 3


# Work, counted in lines of Python that ran and in characters that were read again: the same on any machine.


def repeated(text: str, before: str = "", after: str = "") -> Callable[[int], str]:
    return lambda size: before + text * (size // len(text)) + after


def numbered(text: str, before: str = "") -> Callable[[int], str]:
    return lambda size: before + "".join(text.format(number) for number in range(size // len(text)))


LINKS = numbered("<link rel=stylesheet href=s{}.css>\n", "```html path=index.html\n<html>\n")
PAGES = numbered("```html path=f{0}.html\n<link rel=stylesheet href=s{0}.css>\n```\n")
BARE = repeated("```css\na\n```\n")
PAGE = "```html\n<!doctype html>\n"
TAG = '<file path="a.css">\n'
UNCLOSED = "```html path=a.html\n<html>"
SHAPES: dict[str, Callable[[int], str]] = {
    "a page": repeated("<p>some words in a line</p>\n", "~~~~~ html path=index.html\n", "~~~~~\n"),
    "prose without newline": repeated("word "),
    "prose": repeated("some words\n"),
    "four tildes": repeated("~~~~\n", "~~~~~ html path=index.html\n"),
    "a line of tildes and text": repeated("x", "~~~~~ html path=index.html\n~~~~~", "\n"),
    "tildes": repeated("~"),
    "backticks in a page": repeated("```\n", PAGE),
    "blocks in a page": repeated("```js\nx\n```\n", PAGE),
    "comments in a page": repeated("<!--", PAGE),
    "ends in a page": repeated("</html   ", PAGE),
    "begun tags in a line": repeated("<file "),
    "begun tags": repeated('<file "\n'),
    "a begun tag over lines": repeated("<file " + "\n" * 200),
    "ends of a tag in a line": repeated("</file x ", TAG),
    "an end of a tag over lines": repeated("\n", TAG + "</file"),
    "a tag and nothing": repeated("\n", TAG),
    "blank lines after a fence in a tag": repeated("\n", TAG + "```css\n```\n"),
    "fences in a tag": repeated("```\nx\n", TAG + "```css\n"),
    "spaces": repeated(" "),
    "newlines": repeated("\n"),
    "carriage returns": repeated("\r"),
    "a thought": repeated("~~~~~ css\nthe\n", "<think>\n"),
    "a thought without newline": repeated("thought ", "<think>"),
    "thoughts that only end": repeated("a\n</think>\n"),
    "bare fences": BARE,
    "unnamed fences": repeated("```\n\n\n\n\n\nx\n```\n"),
    "blank fences": repeated("```\n" + "\n" * 300),
    "documents in unnamed fences": repeated("```\n<!doctype html>\n"),
    "documents": repeated("<!doctype html></html>\n"),
    "sections": numbered("=== a{}.css ===\nx\n"),
    "files": numbered("~~~~~ css path=f{}.css\na\n~~~~~\n"),
    "files in tags": numbered('<file path="{}.css">\na</file>\n'),
    "files in a folder": numbered("~~~~~ css path=a/f{}.css\na\n~~~~~\n"),
    "one file": repeated("~~~~~ css\na\n~~~~~\n"),
    "refused paths": numbered("~~~~~ css path=../{}.css\na\n~~~~~\n"),
    "clashing paths": numbered("~~~~~ css path=a/{}.css\na\n~~~~~\n", "~~~~~ css path=a\n~~~~~\n"),
    "a page and its styles": numbered("```html path=a.html\n<link rel=stylesheet href=s{}.css>\n```\n```css\na\n```\n"),
    "pages, then bare fences": lambda size: PAGES(size // 2) + BARE(size // 2),
    "links, then bare fences": lambda size: LINKS(size // 2) + "</html>\n```\n" + BARE(size // 2),
    "a refusal and fences": repeated("```html\n<p>\n```\na\n", "I can't help with that.\n"),
    "an unclosed page and a fence": repeated("<a b=", UNCLOSED, "\n```\n```css\na\n"),
    "begun declarations and a fence": repeated("<![", UNCLOSED, "\n```\n```css\na\n"),
    "parentheses": repeated("("),
    "headings of parentheses": repeated("(" * 390 + "\n"),
    "section spaces": repeated(" ", "=== a", "x\n"),
    "marker spaces": repeated(" >", "<<<NEW_FILE_START a", "\n"),
    "a deep path": repeated("a/", "~~~~~ css path=", "a.css\nx\n"),
    "a deep heading": repeated("a/", "# ", "a.css\n```css\nx\n"),
}  # fmt: skip


class Work:
    """Counts the lines of this project that run, and the characters that are read, in all and again."""

    def __init__(self) -> None:
        self.lines = 0
        self.characters = 0

    def parse(self, reply: str, size: int) -> "Work":
        original = Parser._read

        def counted(parser: Parser, text: str, *, final: bool) -> None:
            self.characters += len(text)
            original(parser, text, final=final)

        traced = sys.gettrace()
        with patch.object(Parser, "_read", counted):
            sys.settrace(self._trace)
            try:
                read(pieces(reply, size))
            finally:
                sys.settrace(traced)
        return self

    def _trace(self, frame: FrameType, event: str, _argument: Any) -> Any:
        if "webmint_cli" not in frame.f_code.co_filename:
            return None
        self.lines += event == "line"
        return self._trace


@pytest.mark.parametrize("size", [4, 2048])
@pytest.mark.parametrize("shape", SHAPES.values(), ids=SHAPES)
def test_work_is_linear(shape: Callable[[int], str], size: int) -> None:
    short, long = (shape(length) for length in ((4_000, 16_000) if size == 4 else (8_000, 32_000)))
    before, after = Work().parse(short, size), Work().parse(long, size)
    assert after.lines / len(long) <= 1.5 * before.lines / len(short)
    assert after.characters <= (32 if size == 4 else 3) * len(long)


@pytest.mark.parametrize("name", ["a page", "prose without newline", "a line of tildes and text", "spaces"])
def test_work_on_ten_megabytes_is_linear(name: str) -> None:
    short, long = (SHAPES[name](length) for length in (1_000_000, 10_000_000))
    before, after = Work().parse(short, 65_536), Work().parse(long, 65_536)
    assert after.lines / len(long) <= 1.5 * before.lines / len(short)
    assert after.characters <= 3 * len(long)


HEAVY = (
    *("blank lines after a fence in a tag", "an end of a tag over lines", "parentheses", "section spaces", "marker spaces"),
    *("a deep heading", "begun tags in a line", "an unclosed page and a fence", "begun declarations and a fence"),
)  # fmt: skip


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", HEAVY)
def test_a_megabyte_is_read_at_once(name: str) -> None:
    """What searches and copies in C do is not counted above; where it grows with the square, this never ends."""
    read(pieces(SHAPES[name](1_000_000), 65_536))


# What real servers said.


def recorded(name: str) -> Iterator[str]:
    """The text deltas of a recorded reply; a last line that is cut is left out."""
    for line in (RECORDINGS / f"{name}.sse").read_text("utf-8", "replace").split("\n"):
        try:
            event = json.loads(line.removeprefix("data: ")) if line.startswith("data: {") else {}
        except ValueError:
            return
        yield from (choice["delta"].get("content") or "" for choice in event.get("choices", []))


def digest(text: str) -> tuple[int, str]:
    return len(text), hashlib.sha256(text.encode()).hexdigest()[:12]


BAKERY = {"index.html": (1549, "4da8247a8404"), "style.css": (590, "f180653737a6")}
TASKS = {"index.html": (551, "6831b5a6f30c")}
REAL = {
    "q15-fence3-bakery": ("fence", None, BAKERY | {"script.js": (130, "753ffeede094")}),
    "cutoff-client-killed-q15-fence3-bakery": (
        "fence",
        "script.js",
        BAKERY | {"script.js": (115, "49faec958040")},
    ),
    "q15-fence3-todo": (
        "fence",
        None,
        TASKS | {"style.css": (1024, "37e8f4e103f1"), "script.js": (1395, "2ffa84e16f50")},
    ),
    "litellm-proxying-q15-fence3-todo-TRUNCATED": (
        "fence",
        "style.css",
        TASKS | {"style.css": (690, "d6e4359c7e21")},
    ),
    "q05-fence3-landing": ("fence", None, {"index.html": (1441, "64aab2386d73")}),
    "q15-single-portfolio": ("fence", None, {"index.html": (4377, "bedf2c49f973")}),
    "smol-fence3-bakery": ("fence", "index.html", {"index.html": (3625, "185681056c53")}),
    "q15-xml-todo": (
        "tag",
        None,
        {
            "index.html": (556, "07d1a4d2ea7a"),
            "style.css": (1016, "5f8f97977e2c"),
            "script.js": (1175, "1004c13c4751"),
        },
    ),
}


@needs_recordings
@pytest.mark.parametrize("name", REAL)
def test_a_recorded_reply(name: str) -> None:
    chunks = list(recorded(name))
    outcome, deltas = read(chunks)
    dialect, still_open, files = REAL[name]
    assert (outcome.dialect, outcome.open, outcome.refused) == (dialect, still_open, {})
    assert {path: digest(text) for path, text in outcome.files.items()} == files
    assert all(text in "".join(chunks) for text in outcome.files.values())
    assert {path: texts[-1] for path, texts in copies(deltas).items()} == outcome.files


@needs_recordings
def test_every_recording_has_its_files() -> None:
    assert {path.stem for path in RECORDINGS.glob("*.sse")} == set(REAL)
