"""A site's paths and the forms it takes."""

from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from webmint_cli.site import Content, Site, encode, read_site, relative_path

PARTS = st.sampled_from(
    ["..", ".", "a", "B.css", "", " ", "a b", "con", "nul.txt", ".git", "a.", "é", "~", "..."]
)


@pytest.mark.parametrize(
    ("raw", "path"),
    [
        ("index.html", "index.html"),
        ("./css/styles.css", "css/styles.css"),
        ("css//styles.css", "css/styles.css"),
        ("css\\styles.css", "css/styles.css"),
        ("a/../b.css", "b.css"),
        ("a/b/../../c.css", "c.css"),
        ("my file.css", "my file.css"),
        (".well-known/security.txt", ".well-known/security.txt"),
        (".nojekyll", ".nojekyll"),
        ("_headers", "_headers"),
        ("café/menü.html", "café/menü.html"),
        ("console.js", "console.js"),
        ("com10.js", "com10.js"),
        ("aux-styles.css", "aux-styles.css"),
        ("git/index.html", "git/index.html"),
        ("x" * 250 + ".html", "x" * 250 + ".html"),
        ("..a.css", "..a.css"),
    ],
)
def test_a_path_is_made_relative_and_plain(raw: str, path: str) -> None:
    assert relative_path(raw) == path


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        *[(raw, "it is absolute") for raw in ("/etc/passwd", "\\a.css", "//host/a.css", "/")],
        *[(raw, "it leaves the folder") for raw in ("../a.css", "a/../../b.css", "..", "..\\a.css", "./../a", "a/../..")],
        *[(raw, "it names no file") for raw in ("", ".", "a/", "a/..", "./", "a/b/")],
        *[(raw, "characters") for raw in ("C:\\a.css", "a\0.css", "a\nb", "a?.css", "a*b", '"a".css', "<a>", "a|b", "a\x7f")],
        *[(raw, "dot or a space") for raw in ("a. ", "a.", "a /b.css", "a./b.css", "...")],
        *[(raw, "reserved") for raw in ("con", "NUL.txt", "a/aux.css", "com1", "LPT9.html", "com¹.css", ".git/config", ".GIT/a")],
        *[(raw, "reserved") for raw in (".webmint.json", "a/.webmint.json", ".git")],
        *[(raw, "too long") for raw in ("x" * 256, "é" * 128, "a/" * 256 + "a", "\ud800" * 600)],
    ],
)  # fmt: skip
def test_a_path_that_is_no_file_everywhere_is_refused(raw: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        relative_path(raw)


@given(st.text() | st.lists(PARTS, max_size=6).map("/".join) | st.lists(PARTS, max_size=6).map("\\".join))
@example("a/" * 200 + "../" * 199 + "b")
def test_a_path_that_passes_stays_in_the_folder(raw: str) -> None:
    try:
        path = relative_path(raw)
    except ValueError:
        return
    assert relative_path(path) == path
    assert Path("/site", path).resolve().is_relative_to("/site")
    assert Path("/site", path) != Path("/site")
    assert not {"", ".", ".."} & set(path.split("/"))
    assert "\\" not in path


def test_the_three_texts_of_a_site() -> None:
    site = Site({"index.html": "<p>\r\n", "styles.css": b"a{}\xff", "script.js": "go()", "more.css": "b{}"})
    assert (site.html, site.css, site.js) == ("<p>\r\n", "a{}�", "go()")
    assert (Site({}).html, Site({}).css, Site({}).js) == ("", "", "")


def test_a_site_as_one_page() -> None:
    page = "<link rel=stylesheet href=styles.css><script src=script.js></script>"
    assert Site({"index.html": page, "styles.css": "a{}", "script.js": b"\xff"}).page() == (
        "<style>\na{}</style><script src=script.js></script>"
    )


def test_text_is_encoded_without_change() -> None:
    assert encode("é\r\n\n\ufeff\0") == b"\xc3\xa9\r\n\n\xef\xbb\xbf\0"
    assert encode(b"\xff") == b"\xff"
    assert Site({"a": "é", "b": b"\x00"}).encoded() == {"a": b"\xc3\xa9", "b": b"\x00"}


def test_a_site_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    files: dict[str, Content] = {
        "a/b/c.css": "é\r\n\r",
        "icon.png": b"\x89PNG\xff",
        "index.html": "\ufeff<p>",
        "robots.txt": "",
    }
    for path, content in Site(files).encoded().items():
        place = tmp_path / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
    site = read_site(tmp_path)
    assert dict(site.files) == files
    assert list(site.files) == sorted(files)


def test_hidden_files_and_folders_are_no_part_of_a_site(tmp_path: Path) -> None:
    for path in (
        ".env",
        ".git/HEAD",
        ".webmint.json",
        "a/.cache/b.css",
        "a/index.html",
        ".well-known/security.txt",
    ):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("x")
    (tmp_path / "empty").mkdir()
    assert list(read_site(tmp_path).files) == [".well-known/security.txt", "a/index.html"]


def test_a_folder_in_a_hidden_place_is_read(tmp_path: Path) -> None:
    folder = tmp_path / ".drafts" / "site"
    folder.mkdir(parents=True)
    (folder / "index.html").write_text("x")
    assert dict(read_site(folder).files) == {"index.html": "x"}
