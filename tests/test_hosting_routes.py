"""A path leads to the file that Pages serves there, and every file has an address that leads to it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webmint_cli.hosting.routes import Route, address, resolve
from webmint_cli.hosting.urls import normal_path

FILES = {
    "index.html",
    "about.html",
    "both",
    "both.html",
    "blog/index.html",
    "blog/post.html",
    "a b.png",
    "ü.html",
}

letters = st.text(st.sampled_from("ab.-%ü日 #?&+\\:~'*[]|^\"<`{e\u0301"), min_size=1, max_size=8)
names = (
    letters | letters.map(lambda name: f"{name}.html") | st.sampled_from(["index.html", "index", "404.html"])
).filter(lambda name: name.removesuffix(".html") not in {"", ".", ".."})
paths = st.lists(names, min_size=1, max_size=3).map("/".join)


def route(path: str, *more: str) -> Route:
    return resolve(path, (FILES | set(more)).__contains__)


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("/", "index.html"),
        ("/about", "about.html"),
        ("/both", "both"),
        ("/both.html", "both.html"),
        ("/blog/", "blog/index.html"),
        ("/blog/post", "blog/post.html"),
        ("/a%20b.png", "a b.png"),
        ("/%C3%BC", "ü.html"),
        ("//about", "about.html"),
        ("/blog%2Fpost", "blog/post.html"),
        ("/none", "index.html"),
        ("/%ff", "index.html"),
    ],
)
def test_a_path_leads_to_a_file(path: str, file: str) -> None:
    assert route(path) == Route(200, file)


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/about.html", "/about"),
        ("/about/", "/about"),
        ("/index", "/"),
        ("/index.html", "/"),
        ("/index/", "/"),
        ("/blog", "/blog/"),
        ("/blog/index.html", "/blog/"),
        ("/blog/index", "/blog/"),
        ("/%C3%BC.html", "/%C3%BC"),
        ("//about.html", "/about"),
        ("//evil.example/index", "/evil.example/"),
        ("/%5Cevil.example/index", "/evil.example/"),
    ],
)
def test_another_spelling_is_sent_to_the_address(path: str, location: str) -> None:
    assert route(path) == Route(308, location=location)


def test_the_nearest_404_page_upwards_is_shown() -> None:
    files = ("404.html", "blog/404.html")
    assert route("/blog/a/b", *files) == Route(404, "blog/404.html")
    assert route("/other/a", *files) == Route(404, "404.html")
    assert route("/other/", "blog/404.html") == Route(200, "index.html")


def test_without_a_front_page_nothing_is_found() -> None:
    assert resolve("/x", {"page.txt"}.__contains__) == Route(404)


@pytest.mark.parametrize("path", ["/..%2fx", "/a/..%2f..%2fx", "/%2e%2e%2fx"])
def test_no_file_outside_is_asked_for(path: str) -> None:
    asked: list[str] = []

    def exists(name: str) -> bool:
        asked.append(name)
        return False

    resolve(path, exists)
    assert asked
    assert not [name for name in asked if name.startswith(("..", "/"))]


@pytest.mark.parametrize(
    ("file", "place"),
    [
        ("index.html", "/"),
        ("blog/index.html", "/blog/"),
        ("about.html", "/about"),
        ("a b.png", "/a%20b.png"),
        ("100%.txt", "/100%25.txt"),
        ("ü/日本.html", "/%C3%BC/%E6%97%A5%E6%9C%AC"),
        ("q?#.txt", "/q%3F%23.txt"),
        ("a+b&c.css", "/a+b&c.css"),
        (".html", "/.html"),
        ("index", "/index"),
        ("x.html/y.html", "/x.html/y"),
    ],
)
def test_an_address_is_canonical_and_encoded(file: str, place: str) -> None:
    assert address(file) == place


def test_a_page_beside_a_file_of_its_short_name_keeps_its_own() -> None:
    exists = {"both", "both.html"}.__contains__
    assert address("both.html", exists) == "/both.html"
    assert resolve("/both.html", exists) == Route(200, "both.html")


@given(st.sets(paths, max_size=8), st.data())
def test_every_file_is_served_at_its_address(tree: set[str], data: st.DataObject) -> None:
    file = data.draw(paths)
    exists = (tree | {file}).__contains__
    place = address(file, exists)
    assert place.isascii()
    assert normal_path(place) == place
    assert resolve(place, exists) == Route(200, file)


# A name that begins with a backslash loses it on the way: the host takes it for a slash that names a host.
@given(paths.filter(lambda file: not file.startswith("\\")))
def test_every_spelling_of_a_file_leads_to_its_address(file: str) -> None:
    exists = {file}.__contains__
    spelled = normal_path(
        "/" + file.replace("%", "%25").replace("?", "%3F").replace("#", "%23").replace("\\", "%5C")
    )
    found = resolve(spelled, exists)
    assert found == Route(200, file) or resolve(found.location, exists) == Route(200, file)
