"""Any layout is read, in any pieces, in constant memory; what is hostile is named and stays outside."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from histories import FILES, TEXT, chat, documents, entries, golden, items, problems_of
from hypothesis import given
from hypothesis import strategies as st

from webmint_cli.history.compression import TooLarge
from webmint_cli.history.reader import Limits, Member, NotAnExport, read, read_file

if TYPE_CHECKING:
    from pathlib import Path

SOUND = json.dumps(chat(1)).encode()
LATER = json.dumps(chat(2)).encode()
LAYOUTS: list[dict[str, Any]] = [
    {"indent": 2},
    {"indent": "\t", "ensure_ascii": False},
    {"separators": (",", ":")},
    {"separators": (" , ", " : ")},
]


def around(record: bytes) -> bytes:
    return b'{"version":"1.0","chats":[%s,%s,%s],"deployments":[]}' % (SOUND, record, LATER)


def with_metadata(metadata: str) -> bytes:
    return around(json.dumps(chat(9, metadata={"x": 0})).replace('{"x": 0}', metadata).encode())


@given(documents(), st.sampled_from(LAYOUTS))
def test_any_layout_gives_the_same_records(document: dict[str, Any], layout: dict[str, Any]) -> None:
    text = json.dumps(document, **layout).encode("utf-8", "backslashreplace")
    written = [
        record
        for kind in document
        if kind in ("chats", "deployments", "tombstones")
        for record in document[kind]
    ]
    found = items(b"\xef\xbb\xbf" + text)
    assert entries(found) == written
    assert problems_of(found) == []


@given(st.data(), st.sampled_from(FILES), TEXT)
def test_any_pieces_give_the_same_records(data: st.DataObject, name: str, text: str) -> None:
    whole = golden(name).replace(b"Site 1", json.dumps(text)[1:-1].encode())
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=20)))
    pieces = [whole[start:end] for start, end in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    assert list(read(pieces)) == items(whole)
    assert list(read([bytes([byte]) for byte in whole])) == items(whole)


@given(st.sampled_from(FILES), st.data())
def test_whole_records_before_a_cut_are_read(name: str, data: st.DataObject) -> None:
    whole = golden(name)
    cut = data.draw(st.integers(whole.index(b"{", 1), len(whole.rstrip()) - 1))
    found = items(whole[:cut])
    records = entries(items(whole))
    assert entries(found) == records[: len(entries(found))]
    assert len(problems_of(found)) >= 1
    ends = [end for end in range(len(records)) if entries(items(whole[:cut])) == records[:end]]
    assert ends or len(entries(found)) == len(records)


def test_a_record_is_read_as_soon_as_its_last_byte_was() -> None:
    assert entries(items(b'{"version":"1.0","chats":[' + SOUND)) == [chat(1)]


def test_a_file_is_packed_by_its_first_bytes() -> None:
    packed = gzip.compress(golden("full"))
    assert list(read_file(io.BytesIO(packed))) == items(golden("full"))
    half = len(golden("full")) // 2
    members = gzip.compress(golden("full")[:half]) + gzip.compress(golden("full")[half:]) + bytes(100)
    assert list(read_file(io.BytesIO(members))) == items(golden("full"))


def test_a_packed_file_that_was_cut_gives_what_is_whole() -> None:
    text = b'{"version":"1.0","chats":[%s]}' % b",".join(json.dumps(chat(n)).encode() for n in range(500))
    packed = gzip.compress(text)
    found = list(read_file(io.BytesIO(packed[: len(packed) // 2])))
    assert len(entries(found)) > 50
    assert "the compressed data ends early" in problems_of(found)[-1]
    damaged = list(read_file(io.BytesIO(packed[:-8] + bytes(8))))
    assert len(entries(damaged)) == 500
    assert "the compressed data is damaged" in problems_of(damaged)[-1]


def test_a_higher_minor_version_is_read_with_all_it_has() -> None:
    found = items(golden("minor"))
    assert Member("version", "1.7") in found
    assert Member("tags", [{"id": 1}]) in found
    assert entries(found)[0]["tags"] == ["new"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b'{"version":"2.0","chats":[]}', "version: this file is of version 2.0; update webmint"),
        (b'{"chats":[%s],"version":"3.1"}' % SOUND, "version: this file is of version 3.1; update webmint"),
        (b'{"version":"0.9"}', "there was never a version 0.9"),
        (b'{"version":1.0}', 'expected text such as "1.0", got 1'),
        (b'{"version":"%s.0"}' % (b"9" * 5000), 'expected text such as "1.0"'),
        (b'{"chats":[]}', "it has no version"),
        (b"", "it is empty"),
        (b" \n", "it is empty"),
        (b"[]", "expected '{', got '['"),
        (b"\xff\xfe{\0", "expected '{'"),
        (b"PK\x03\x04", "expected '{', got 'P'"),
        (b"<!doctype html>", "expected '{', got '<'"),
    ],
)
def test_what_is_no_export_is_refused(text: bytes, said: str) -> None:
    with pytest.raises(NotAnExport) as refused:
        items(text)
    assert said in refused.value.message
    assert refused.value.hint


HOSTILE = {
    "a duplicate member": (with_metadata('{"a":{"b":1,"b":2}}'), "chats[1].metadata.a.b: is there twice"),
    "__proto__": (
        with_metadata('{"__proto__":{"admin":1}}'),
        "chats[1].metadata.__proto__: no member may have",
    ),
    "an escaped __proto__": (
        with_metadata(r'{"\u005f_proto__":1}'),
        "chats[1].metadata.__proto__: no member",
    ),
    "constructor": (
        with_metadata('{"constructor":{"prototype":1}}'),
        "chats[1].metadata.constructor: no member",
    ),
    "NaN": (with_metadata('{"x":NaN}'), "chats[1].metadata.x: NaN is no number"),
    "Infinity": (with_metadata('{"x":[0,-Infinity]}'), "chats[1].metadata.x[1]: -Infinity is no number"),
    "1e999": (with_metadata('{"x":1e999}'), "chats[1].metadata.x: 1e999 is no number"),
    "2**53": (with_metadata('{"x":9007199254740992}'), "chats[1].metadata.x: 9007199254740992 is no number"),
    "-2**53": (with_metadata('{"x":-9007199254740992}'), "chats[1].metadata.x: -9007199254740992 is no"),
    "ten thousand digits": (with_metadata('{"x":%s}' % ("9" * 10_000)), "chats[1].metadata.x: 99999999"),
    "too deep": (with_metadata(f'{{"x":{"[" * 61}1{"]" * 61}}}'), "chats[1]: nested too deep"),
    "a pit": (around(b"[" * 9_000 + b"]" * 9_000), "chats[1]: nested too deep"),
    "too large": (around(b'{"prompt":"%s"}' % (b"x" * 70_000)), "chats[1]: larger than 64 KB"),
    "too many values": (around(b"[%s0]" % (b"0," * 2000)), "chats[1]: made of too many values"),
    "invalid UTF-8": (around(b'{"prompt":"\xff"}'), "chats[1]: not UTF-8 at its byte 11"),
    "an encoded surrogate": (around(b'{"prompt":"\xed\xa0\x80"}'), "chats[1]: not UTF-8"),
    "no JSON": (around(b"{prompt: 1}"), "chats[1]: not JSON"),
    "a line break in a string": (around(b'{"prompt":"\n"}'), "chats[1]: not JSON: invalid control character"),
    "a missing comma": (around(b"{} {}"), "chats[1]: not JSON: extra data"),
    "nothing": (around(b""), "chats[1]: expected a value, got nothing"),
    "a number": (around(b"5"), "chats[1]: expected an object, got 5"),
    "a bad member": (
        around(b'{"timestamp":"yesterday"}'),
        'chats[1].timestamp: expected milliseconds, got "yester',
    ),
}
SMALL = Limits(record=64 << 10, marks=1000)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_record_is_named_and_its_neighbours_are_read(name: str) -> None:
    text, said = HOSTILE[name]
    found = items(text, SMALL)
    assert entries(found) == [chat(1), chat(2)]
    assert any(problem.startswith(said) for problem in problems_of(found)), problems_of(found)


HOSTILE_FILES = {
    "the same list twice": (b'{"version":"1.0","chats":[%s],"chats":[%s]}', "chats: is there twice"),
    "a member named __proto__": (
        b'{"version":"1.0","__proto__":{},"chats":[%s],"x":[%s]}',
        "__proto__: no member",
    ),
    "no list": (b'{"version":"1.0","chats":[%s],"deployments":{"a":[%s]}}', "deployments: expected a list"),
    "something after the end": (b'{"version":"1.0","chats":[%s]} {"chats":[%s]}', "file: there is something"),
    "a list without an end": (b'{"version":"1.0","chats":[%s}, %s', "chats: expected ','"),
    "a string without an end": (b'{"version":"1.0","chats":[%s,{"prompt":"...%s', "chats[1]: the file ends"),
    "a name without an end": (
        b'{"version":"1.0","chats":[%s],"a' + b"a" * 9000 + b":%s",
        "file: the file ends",
    ),
    "a comma at the end": (b'{"version":"1.0","chats":[%s,],"x":[%s]}', "chats[1]: expected"),
    "a large unknown member": (
        b'{"version":"1.0","chats":[%s],"x":["' + b"x" * (2 << 20) + b'%s"]}',
        "x: larger",
    ),
}


@pytest.mark.parametrize("name", HOSTILE_FILES)
def test_a_hostile_file_gives_what_is_whole(name: str) -> None:
    text, said = HOSTILE_FILES[name]
    found = items(text % (SOUND, LATER.replace(b'"', b"'")), SMALL)
    assert entries(found) == [chat(1)]
    assert any(problem.startswith(said) for problem in problems_of(found)), problems_of(found)


def test_many_unknown_members_end_the_reading() -> None:
    text = '{"version":"1.0",' + ",".join(f'"m{n}":1' for n in range(200)) + "}"
    assert "more than 100 members" in problems_of(items(text.encode()))[-1]


def test_a_flood_ends_the_reading() -> None:
    numbers = items(b'{"version":"1.0","chats":[' + b"5," * 5000, Limits(damaged=100))
    assert len(numbers) == 103
    assert "too many damaged records" in problems_of(numbers)[-1]
    pit = items(b'{"version":"1.0","chats":[' + b"[" * 50_000, SMALL)
    assert "there are too many values to pass over" in problems_of(pit)[-1]


def test_nesting_to_the_bound_is_read() -> None:
    found = items(with_metadata(f'{{"x":{"[" * 60}1{"]" * 60}}}'))
    assert len(entries(found)) == 3


def test_a_bomb_is_refused() -> None:
    bomb = gzip.compress(b'{"version":"1.0","chats":[{"prompt":"' + b" " * (80 << 20))
    with pytest.raises(TooLarge):
        list(read_file(io.BytesIO(bomb)))
    with pytest.raises(TooLarge):
        list(read_file(io.BytesIO(gzip.compress(golden("full"))), Limits(size=1000)))
    with pytest.raises(TooLarge):
        list(read_file(io.BytesIO(golden("full")), Limits(size=1000)))


MEASURE = """
import resource, sys
from webmint_cli.history.reader import Entry, read_file
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with open(sys.argv[1], "rb") as file:
    count = sum(isinstance(item, Entry) for item in read_file(file))
print(count, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="resource is not there")
@pytest.mark.parametrize("layout", ["one line", "indented"])
def test_memory_does_not_grow_with_the_file(layout: str, tmp_path: Path) -> None:
    page = chat(1, generatedContent={"html": '<p class="a">Text</p>\n' * 600, "css": "", "js": ""})
    text = json.dumps(page, indent=4 if layout == "indented" else None).encode()
    many = 150_000_000 // len(text)
    path = tmp_path / "large.json"
    with path.open("wb") as file:
        file.write(b'{"stats":{},"chats":[')
        file.writelines(b"," * (number > 0) + text for number in range(many))
        file.write(b'],"version":"1.0"}')
    ran = subprocess.run(
        [sys.executable, "-c", MEASURE, str(path)], capture_output=True, text=True, check=True
    )
    path.unlink()
    count, megabytes = map(int, ran.stdout.split())
    assert count == many
    assert megabytes < 60
