"""What is read off a page's markup, and the page with its files put in."""

import re

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from webmint_cli.page import Reference, inlined, is_page, local_path, read_page

FILES = {"styles.css": "a{}\n", "script.js": "go()\n"}
PIECES = [
    *("<", ">", "</", "<!", "<!--", "-->", "<![CDATA[", "<?", "<a", "</script", "</script>", "</title>", "</html>", "</body>"),
    *("<link rel=stylesheet href=styles.css", "<script", "<script src=script.js>", "<style>", "<title>", "<img src=a.png>"),
    *(" ", "\n", "\r\n", "=", '"', "'", "/", "&", "&amp", "a", "é", "</title"),
]  # fmt: skip
BROKEN = st.lists(st.sampled_from(PIECES)).map("".join)


@pytest.mark.parametrize(
    ("path", "expected"),
    [("a.html", True), ("A.HTM", True), ("a.xhtml", False), ("html", False), ("a.html.css", False)],
)
def test_a_page_is_known_by_its_name(path: str, expected: bool) -> None:
    assert is_page(path) == expected


@pytest.mark.parametrize(
    ("html", "title"),
    [
        ("<title>A bakery</title>", "A bakery"),
        ("<TITLE lang=en>\n  Salt &amp; Rye &#8211; Lyon\r\n </TITLE>", "Salt & Rye – Lyon"),
        ("<title></title><title>Second</title>", "Second"),
        ("<title>First</title><svg><title>Second</title></svg>", "First"),
        ("<title>1 < 2 <b>bold</b></title>", "1 < 2 <b>bold</b>"),
        ("<!-- <title>No</title> --><title>Yes</title>", "Yes"),
        ("<script>'<title>No</title>'</script>", ""),
        ("<title>Never closed<body><p>Everything", ""),
        ("<p>None</p>", ""),
        ("", ""),
    ],
)
def test_title(html: str, title: str) -> None:
    assert read_page(html).title == title


@pytest.mark.parametrize(
    ("tag", "kind", "path"),
    [
        ('<link rel="stylesheet" href="styles.css">', "stylesheet", "styles.css"),
        ("<link rel=stylesheet href=css/a.css>", "stylesheet", "css/a.css"),
        ("<link rel=stylesheet href=a.css/>", "stylesheet", "a.css"),
        ("<LINK REL='StyleSheet' HREF='a.css'/>", "stylesheet", "a.css"),
        ('<link rel="preload stylesheet" href=a.css>', "stylesheet", "a.css"),
        ('<link rel="alternate stylesheet" href=a.css>', "asset", "a.css"),
        ('<link rel="icon" href="icon.svg">', "asset", "icon.svg"),
        ("<link href=feed.xml>", "asset", "feed.xml"),
        ("<script src=script.js>", "script", "script.js"),
        ('<script\n  defer\n  src = "./script.js?v=2#x" >', "script", "script.js"),
        ('<script type="module" src="/js/app.mjs">', "script", "js/app.mjs"),
        ('<a class=x href="about.html#team">', "page", "about.html"),
        ("<a href='/menu.htm'>", "page", "menu.htm"),
        ('<img alt="a > b" src="a%20b.png">', "asset", "a b.png"),
        ('<img src="a&amp;b.png">', "asset", "a&b.png"),
        ("<source src=a.webm>", "asset", "a.webm"),
        ("<video src=a.mp4>", "asset", "a.mp4"),
        ("<audio src=a.mp3>", "asset", "a.mp3"),
        ("<img src=a.png src=b.png>", "asset", "a.png"),
        ('<link rel=stylesheet href="css/../a.css">', "stylesheet", "a.css"),
    ],
)
def test_reference(tag: str, kind: str, path: str) -> None:
    page = read_page(f"<p>é\r\n{tag}text</p>")
    (found,) = page.references
    assert (found.kind, found.path) == (kind, path)
    assert f"<p>é\r\n{tag}text</p>"[found.start : found.end] == tag


@pytest.mark.parametrize(
    "html",
    [
        "<!-- <script src=a.js></script> -->",
        "<script>document.write('<link rel=stylesheet href=a.css>')</script>",
        "<style>/* <img src=a.png> */</style>",
        "<textarea><img src=a.png></textarea>",
        '<a title="<img src=a.png>">x</a>',
        "<![CDATA[ <img src=a.png ]]>",
        "<a href=contact>x</a>",
        "<a href=#top>x</a>",
        "<script>let src = 'a.js'</script>",
        "<div src=a.png>",
        "<link rel=stylesheet>",
        "<script src>x</script>",
        "<img src=a.png",
        '<a title="x><img src=a.png>',
        '<img src="a.png>',
        "</img src=a.png>",
        "< img src=a.png>",
    ],
)
def test_no_reference(html: str) -> None:
    assert read_page(html).references == ()


@pytest.mark.parametrize(
    ("url", "path"),
    [
        *(("a.css", "a.css"), ("./a.css", "a.css"), ("/a.css", "a.css"), (" a.css\n", "a.css"), ("a/./b//c.css", "a/b/c.css")),
        *(("a.css?v=1#x", "a.css"), ("caf%C3%A9.css", "café.css"), ("..a.css", "..a.css"), ("a/../b.css", "b.css")),
        *(("https://x.example/a.css", ""), ("//x.example/a.css", ""), ("data:text/css,a{}", ""), ("mailto:a@b.example", "")),
        *(("../a.css", ""), ("a/../../b.css", ""), ("..", ""), ("/", ""), ("#a", ""), ("?a", ""), ("", ""), ("http://[", "")),
    ],
)  # fmt: skip
def test_local_path(url: str, path: str) -> None:
    assert local_path(url) == path


@pytest.mark.parametrize(
    ("html", "closed"),
    [
        ("<html></html>", True),
        ("<HTML></HTML\n >", True),
        ("<html></html></p>", True),
        ("<html>", False),
        ("<script>'</html>'</script>", False),
        ("<!-- </html> -->", False),
        ("<!--></html>", True),
        ("<!--- </html> --!></html>", True),
        ("<style></html>", False),
        ("</html", False),
        ("</htmlx>", False),
    ],
)
def test_whether_the_page_is_closed(html: str, closed: bool) -> None:
    assert read_page(html).closed == closed


def test_linked_gives_one_kind_in_order() -> None:
    page = read_page("<script src=b.js></script><link rel=stylesheet href=a.css><script src=a.js></script>")
    assert page.linked("script") == ["b.js", "a.js"]
    assert page.linked("stylesheet") == ["a.css"]
    assert page.references[1] == Reference("stylesheet", "a.css", 26, 58)


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<link rel=stylesheet href=styles.css>!", "<style>\na{}\n</style>!"),
        (
            '<link rel=stylesheet media="(width > 9px)" href=styles.css>',
            '<style media="(width > 9px)">\na{}\n</style>',
        ),
        ("<script src=script.js></script>!", "<script>\ngo()\n</script>!"),
        ("<script src=script.js>never()</script >!", "<script>\ngo()\n</script>!"),
        ("<script src='/script.js?v=1' type=module async></script>", "<script type=module>\ngo()\n</script>"),
        (
            '<script data-src="x" src=script.js id="a b"></script>',
            '<script data-src="x" id="a b">\ngo()\n</script>',
        ),
        ("<script src=script.js>", "<script>\ngo()\n</script>"),
        ("<link rel=stylesheet href=../styles.css>", "<link rel=stylesheet href=../styles.css>"),
        ("<link rel=stylesheet href=other.css>\r\n", "<link rel=stylesheet href=other.css>\r\n"),
        ("<link rel=icon href=styles.css>", "<link rel=icon href=styles.css>"),
        ("<a href=script.js>x</a>", "<a href=script.js>x</a>"),
    ],
)
def test_inlined(html: str, expected: str) -> None:
    assert inlined(html, FILES) == expected


@pytest.mark.parametrize("when", ["defer", "async", "DEFER", 'defer="defer"', "async=''"])
def test_a_script_that_waits_moves_to_the_end_of_the_body(when: str) -> None:
    html = f"<head><script {when} src=script.js></script>\r\n<script src=b.js></script></head>\r\n<body>text</body></html>"
    assert inlined(html, FILES | {"b.js": "b()"}) == (
        "<head>\r\n<script>\nb()</script></head>\r\n<body>text<script>\ngo()\n</script>\n</body></html>"
    )


def test_scripts_that_wait_keep_their_order_and_go_last_in_a_page_that_is_cut() -> None:
    html = "<script defer src=script.js></script><script defer src=b.js></script><p>"
    assert inlined(html, FILES | {"b.js": "b()"}) == "<p><script>\ngo()\n</script>\n<script>\nb()</script>\n"


def test_a_script_can_not_end_its_element() -> None:
    script = "x = '</script>'; y = \"</SCRIPT >\"; z = '<!-- <script>'; for (i = 0; i<scripts.length; i++);"
    page = inlined("<script src=script.js></script>", {"script.js": script})
    assert (
        page == f"<script>\n{script.replace('</', chr(92) + 'x3c/').replace('<!', chr(92) + 'x3c!')}</script>"
    )
    assert "i<scripts.length" in page


def test_a_stylesheet_can_not_end_its_element() -> None:
    page = inlined("<link rel=stylesheet href=a.css>", {"a.css": 'a::after{content:"</style></STYLE>"}'})
    assert page == '<style>\na::after{content:"<\\/style><\\/STYLE>"}</style>'


def test_files_are_put_in_as_they_are() -> None:
    text = "a{\r\n  content: '\\1 $& \\g<0>';\r}\n"
    assert (
        inlined("\r\n<link rel=stylesheet href=a.css>\r\n", {"a.css": text})
        == f"\r\n<style>\n{text}</style>\r\n"
    )


@settings(deadline=None)
@given(st.text() | BROKEN)
@example("<![<![")
@example('<a b="' * 3)
def test_nothing_raises_and_places_are_right(html: str) -> None:
    page = read_page(html)
    for reference in page.references:
        assert re.fullmatch(
            r"<(link|script|img|source|video|audio|a)\b.*>",
            html[reference.start : reference.end],
            re.DOTALL | re.IGNORECASE,
        )
    assert [reference.start for reference in page.references] == sorted(
        reference.start for reference in page.references
    )
    assert 0 <= page.body_end <= len(html)
    inlined(html, FILES)


@settings(deadline=None)
@given(st.text() | BROKEN)
def test_a_page_without_the_files_is_unchanged(html: str) -> None:
    assert inlined(html, {}) == html
    assert inlined(html, {"other.css": "x"}) == html


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "piece",
    [
        "<a ",
        "<!--",
        "<![",
        "<?",
        '<a b="',
        "<a b=",
        "</",
        "</script",
        "&",
        "<a b",
        "/ ",
        "<title>",
        "<a\n",
        "<script>",
    ],
)
@pytest.mark.parametrize("before", ["", "<a ", "<!--", "<script>", "<script src=script.js>"])
def test_much_broken_markup_is_read_at_once(before: str, piece: str) -> None:
    inlined(before + piece * (400_000 // len(piece)), FILES)
