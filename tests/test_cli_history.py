"""`webmint history` as processes: what was made is found, compared, restored, and carried along whole."""

from __future__ import annotations

import gzip
import json
import re
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from commandline import Webmint

from webmint_cli.history.search import Query
from webmint_cli.history.store import Store

if TYPE_CHECKING:
    from collections.abc import Callable

GOLDEN = Path(__file__).parent / "history"
OFFLINE = ("generate", "A bakery in Lyon", "-p", "composer", "-o", "site")
HOSTILE = {
    "version": "1.0",
    "timestamp": 1,
    "chats": [
        {
            "id": 1,
            "prompt": "good",
            "generatedContent": {"html": "<p>1", "css": "", "js": ""},
            "status": "completed",
            "timestamp": 5,
            "metadata": {},
        },
        {
            "id": 2,
            "prompt": "bad",
            "generatedContent": {"html": "<p>2", "css": "", "js": ""},
            "status": "completed",
            "timestamp": "yesterday",
            "metadata": {},
        },
    ],
    "deployments": [],
    "stats": {},
}


def fresh(place: Path) -> Webmint:
    place.mkdir(parents=True, exist_ok=True)
    return Webmint(place, TZ="UTC")


@pytest.fixture(scope="module")
def templates(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A history of two runs in one folder, and one that was imported."""
    made, golden = (fresh(tmp_path_factory.mktemp(name)) for name in ("made", "golden"))
    for seed in ("1", "2"):
        assert made(*OFFLINE, "--seed", seed).code == 0
    assert golden("history", "import", str(GOLDEN / "full.json")).code == 0
    return {"made": made.home.parent, "golden": golden.home.parent}


@pytest.fixture
def place(tmp_path: Path, templates: dict[str, Path]) -> Callable[[str], Webmint]:
    def copy(name: str) -> Webmint:
        webmint = fresh(tmp_path / name)
        shutil.copytree(templates[name], tmp_path / name, dirs_exist_ok=True)
        return webmint

    return copy


@pytest.fixture
def made(place: Callable[[str], Webmint]) -> Webmint:
    return place("made")


@pytest.fixture
def golden(place: Callable[[str], Webmint]) -> Webmint:
    return place("golden")


def asked(webmint: Webmint, *arguments: str) -> Any:
    ended = webmint("history", *arguments, "--json")
    assert (ended.code, ended.err) == (0, "")
    return json.loads(ended.out)


def numbers(webmint: Webmint, *arguments: str) -> list[int]:
    return [chat["id"] for chat in asked(webmint, "list", *arguments)]


def exported(webmint: Webmint) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(webmint("history", "export", "-").out)
    del document["timestamp"]
    return document


def hostile(webmint: Webmint) -> str:
    (webmint.cwd / "hostile.json").write_text(json.dumps(HOSTILE))
    return "hostile.json"


def test_a_run_is_in_the_table_as_soon_as_it_ended(made: Webmint) -> None:
    ended = made("history", "list")
    heading, newest, _ = ended.out.splitlines()
    assert (ended.code, ended.err) == (0, "")
    assert heading.split() == ["id", "when", "status", "title", "model", "characters", "deployed"]
    assert newest.startswith("2 ")
    assert "completed  Bakery in Lyon" in newest


def test_a_run_and_a_deployment_note_themselves(made: Webmint) -> None:
    made("deploy", "site", "--to", "folder", "-o", "out")
    with Store.open(made.home / "history.db") as store:
        assert [chat.id for chat in store.summaries(Query())] == [2, 1]
        assert [deployment.chat for deployment in store.releases(Query())] == [2]


def test_an_empty_history_says_how_to_begin(tmp_path: Path) -> None:
    webmint = fresh(tmp_path)
    said = "The history is empty; begin with: webmint generate 'A bakery in Lyon'\n"
    for command in ("list", "stats"):
        ended = webmint("history", command)
        assert (ended.code, ended.out, ended.err) == (0, "", said)
    assert asked(webmint, "list") == []


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ([], [4, 3, 2, 1]),
        (["--status", "stopped"], [3]),
        (["--model", "COMPOSER"], [1]),
        (["--deployed"], [2, 1]),
        (["--not-deployed"], [4, 3]),
        (["--search", "two"], [2]),
        (["--since", "2022-01-01"], [4, 3, 2, 1]),
        (["--until", "2022-01-01"], [4, 3, 2, 1]),
        (["--until", "2021-12-31"], []),
        (["--since", "2022-01-01T00:00:00.003Z"], [4, 3]),
        (["--since", "7d"], []),
        (["--until", "12h", "--limit", "2"], [4, 3]),
        (["--sort", "oldest"], [1, 2, 3, 4]),
        (["--sort", "title", "--deployed"], [2, 1]),
    ],
)
def test_filters_and_orders(golden: Webmint, filters: list[str], found: list[int]) -> None:
    assert numbers(golden, *filters) == found


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ([], ["3", "2", "1"]),
        (["--active"], ["3", "2"]),
        (["--inactive"], ["1"]),
        (["--search", "e-2"], ["2"]),
    ],
)
def test_deployments_are_listed_too(golden: Webmint, filters: list[str], found: list[str]) -> None:
    listed = asked(golden, "list", "--deployments", *filters)
    assert [deployment["project"] for deployment in listed] == [f"site-{number}" for number in found]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["list", "--since", "soon"], "--since should be a date, not 'soon'"),
        (["list", "--until", "99999x"], "--until should be a date, not '99999x'"),
        (["list", "--active"], "--active and --inactive are about deployments"),
        (["list", "--deployments", "--status", "failed"], "--status is about chats, not deployments"),
        (["show", "9"], "there is no chat 9 in the history"),
        (["show", "2026"], "there is no chat 2026 in the history"),
        (["show", "*"], "there is no chat * in the history"),
        (["show", "00000000-0000"], "00000000-0000 is the start of 4 chats: 1, 2, 3, 4"),
        (["show", "4", "-o", "x"], "chat 4 holds no files"),
        (["delete", "1"], "this needs to be confirmed"),
    ],
)
def test_a_wrong_call_is_told(golden: Webmint, arguments: list[str], said: str) -> None:
    ended = golden("history", *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith(f"error: {said}\n\nhint: ")


def test_search_finds_the_beginnings_of_words(made: Webmint) -> None:
    assert [chat["id"] for chat in asked(made, "search", "baker lyo")] == [2, 1]
    ended = made("history", "search", "xylophone")
    assert (ended.code, ended.out, ended.err) == (0, "", "No chat fits\n")


def test_show_writes_the_files_byte_for_byte(made: Webmint) -> None:
    ended = made("history", "show", "2", "-o", "again")
    assert (ended.code, ended.out, ended.err) == (0, "again\n", "")
    assert made.site("again") == made.site("site")
    assert made("history", "show", "1", "-o", "site").code == 0
    assert made.site("again") != made.site("site")


def test_show_does_not_overwrite_work_that_is_not_ours(made: Webmint) -> None:
    (made.cwd / "site" / "index.html").write_text("mine")
    assert made("history", "show", "1", "-o", "site").code == 2
    assert made.site("site")["index.html"] == "mine"


def test_show_prints_one_page(made: Webmint) -> None:
    page = made("history", "show", "2", "-o", "-").out
    assert page == made(*OFFLINE[:-1], "-", "--seed", "2").out
    assert made.site("site")["styles.css"] in page


def test_show_tells_files_versions_and_deployments(golden: Webmint) -> None:
    ended = golden("history", "show", "2")
    assert (ended.code, ended.err) == (0, "")
    assert re.search(r"^logo\.png +8 B$", ended.out, re.MULTILINE)
    assert "https://site-2.pages.dev" in ended.out
    shown = asked(golden, "show", "2")
    assert shown["chat"]["generatedContent"]["files"]["about.html"] == "<p>about</p>"
    assert [version["id"] for version in shown["versions"]] == [2, 1]
    assert [deployment["deployment"] for deployment in shown["deployments"]] == ["d-2"]


def test_a_chat_goes_by_its_number_its_run_or_its_uid(made: Webmint) -> None:
    run, uid = made.records[0].stem, asked(made, "show", "1")["chat"]["uid"]
    for name in ("1", run, run[:-2], uid, uid[:13]):
        assert asked(made, "show", name)["chat"]["id"] == 1
    assert made("history", "show", run[:4]).err.startswith(f"error: there is no chat {run[:4]} ")


@pytest.mark.parametrize("name", ["all.json", "all.json.gz", "-"])
def test_what_is_exported_comes_back_the_same(golden: Webmint, tmp_path: Path, name: str) -> None:
    ended = golden("history", "export", name)
    data = ended.stdout if name == "-" else (golden.cwd / name).read_bytes()
    assert (ended.code, ended.err) == (0, "")
    assert name.endswith(".gz") == data.startswith(b"\x1f\x8b")
    other = fresh(tmp_path / "other")
    assert other("history", "import", "-", stdin=data).code == 0
    assert exported(other) == exported(golden)
    assert [chat["prompt"] for chat in exported(other)["chats"]] == [f"Site {n}" for n in range(1, 5)]


def test_what_a_file_says_beside_its_records_goes_on(tmp_path: Path) -> None:
    webmint = fresh(tmp_path)
    (webmint.cwd / "theirs.json").write_text('{"version": "1.0", "note": {"b": [1], "a": "é"}, "chats": []}')
    webmint("history", "import", "--dry-run", "theirs.json")
    assert "note" not in exported(webmint)
    webmint("history", "import", "theirs.json")
    assert exported(webmint)["note"] == {"b": [1], "a": "é"}


def test_an_export_is_for_its_owner_only(golden: Webmint) -> None:
    golden("history", "export", "all.json.gz")
    assert stat.S_IMODE((golden.cwd / "all.json.gz").stat().st_mode) == 0o600


def test_importing_twice_changes_nothing(golden: Webmint) -> None:
    before = exported(golden)
    again = asked(golden, "import", str(GOLDEN / "full.json"))
    assert [again[name] for name in ("added", "updated", "conflicts", "deleted")] == [0, 0, 0, 0]
    assert exported(golden) == before


def test_a_dry_run_changes_nothing(tmp_path: Path) -> None:
    webmint = fresh(tmp_path)
    told = asked(webmint, "import", "--dry-run", str(GOLDEN / "full.json"))
    assert (told["dryRun"], told["added"], numbers(webmint)) == (True, 7, [])


def test_what_can_not_be_taken_over_is_named(tmp_path: Path) -> None:
    webmint = fresh(tmp_path)
    ended = webmint("history", "import", hostile(webmint))
    assert ended.code == 3
    assert ended.out.startswith("1 added")
    assert ended.err == 'chats[1].timestamp: expected milliseconds, got "yesterday"\n'
    assert [chat["prompt"] for chat in asked(webmint, "list")] == ["good"]


def test_strict_is_all_or_nothing(tmp_path: Path) -> None:
    webmint = fresh(tmp_path)
    ended = webmint("history", "import", "--strict", hostile(webmint))
    first, error = ended.err.splitlines()[:2]
    assert (ended.code, ended.out, numbers(webmint)) == (1, "", [])
    assert first == 'chats[1].timestamp: expected milliseconds, got "yesterday"'
    assert error.startswith("error: nothing was imported")


@pytest.mark.parametrize("data", [b"", b"[]", b"<html>", b'{"version": "9.0"}', b"\x1f\x8bnonsense"])
def test_what_is_no_export_is_refused(tmp_path: Path, data: bytes) -> None:
    ended = fresh(tmp_path)("history", "import", "-", stdin=data)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("error: ")
    assert "bug" not in ended.err


def test_replacing_keeps_what_was_there_in_a_file(golden: Webmint) -> None:
    before = exported(golden)
    told = asked(golden, "import", "--mode", "replace", str(GOLDEN / "minimal.json"))
    assert exported(golden)["chats"] != before["chats"]
    backup = json.loads(gzip.decompress(Path(told["backup"]).read_bytes()))
    assert backup["chats"] == before["chats"]
    assert stat.S_IMODE(Path(told["backup"]).stat().st_mode) == 0o600


def test_copies_are_added(golden: Webmint) -> None:
    assert asked(golden, "import", "--mode", "copy", str(GOLDEN / "full.json"))["added"] == 7
    assert len(numbers(golden)) == 8


def test_a_deletion_is_undone(made: Webmint) -> None:
    before = made("history", "list").out
    ended = made("history", "delete", "1", "2", "-y")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == "Deleted 1, 2; undo it: webmint history restore 1 2\n"
    assert numbers(made) == []
    assert "chat 1 is deleted" in made("history", "show", "1").err
    assert made("history", "restore", "1", "2").out == "Restored 1\nRestored 2\n"
    assert made("history", "list").out == before


def test_what_is_purged_is_gone_with_its_record(made: Webmint) -> None:
    made("history", "delete", "1", "-y")
    assert made("history", "purge").code == 2
    assert made("history", "purge", "-y").out == "Removed 1 deleted record for good\n"
    assert made("history", "restore", "1").code == 2
    assert len(made.records) == 1
    assert numbers(made) == [2]
    assert made("history", "purge").out == "Nothing is deleted\n"


def test_an_old_version_becomes_the_newest(made: Webmint) -> None:
    ended = made("history", "restore", "1")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("3 is as 1 was, and the newest version of its site; write it: ")
    shown = asked(made, "show", "3")
    assert [version["id"] for version in shown["versions"]] == [3, 2, 1]
    assert made("history", "diff", "1", "3").out == ""
    assert made("history", "restore", "3").out == "3 is the newest version of its site already\n"
    assert numbers(made) == [3, 2, 1]


def test_diff_shows_each_file_in_colour_only_when_asked(made: Webmint) -> None:
    plain, colored = made("history", "diff", "1", "2"), made("history", "diff", "1", "2", "--color", "always")
    assert (plain.code, plain.err) == (0, "")
    assert plain.out.startswith("--- a/index.html\n+++ b/index.html\n@@ ")
    assert "\x1b" not in plain.out
    assert colored.out.startswith(
        "\x1b[1m--- a/index.html\x1b[0m\n\x1b[1m+++ b/index.html\x1b[0m\n\x1b[36m@@ "
    )
    assert re.sub(r"\x1b\[\d*m", "", colored.out) == plain.out
    assert next(file["path"] for file in asked(made, "diff", "1", "2")) == "index.html"


def test_the_statistics_are_those_of_the_export(golden: Webmint) -> None:
    told = asked(golden, "stats")
    assert told == exported(golden)["stats"]
    assert list(told) == [
        "totalChats", "totalDeployments", "deployRate", "characters", "timeline", "models",
    ]  # fmt: skip
    assert (told["totalChats"], told["totalDeployments"], told["deployRate"]) == (4, 3, 0.5)
    assert told["characters"] == {"html": 43, "css": 18, "js": 0}
    assert told["timeline"] == [{"date": "2022-01-01", "chats": 4, "deployments": 3}]
    assert told["models"] == [{"model": "composer", "runs": 1, "completed": 1, "seconds": 1.5, "tokens": 812}]


def test_the_last_days_are_drawn(made: Webmint) -> None:
    ended = made("history", "stats")
    assert (ended.code, ended.err) == (0, "")
    assert re.search(r"^  chats +·{28}(?:·█|█[·█])  2, at most [12] a day$", ended.out, re.MULTILINE)
    assert re.search(r"^composer +2 +100% ", ended.out, re.MULTILINE)


def test_no_history_leaves_nothing(tmp_path: Path) -> None:
    webmint = fresh(tmp_path)
    quiet: dict[str, Any] = {"environment": {"WEBMINT_NO_HISTORY": "1"}}
    assert webmint(*OFFLINE, "--no-history").code == 0
    assert webmint(*OFFLINE, **quiet).code == 0
    assert webmint("deploy", "site", "--to", "folder", "-o", "out", **quiet).code == 0
    assert not webmint.home.exists()


def test_everything_is_readable_by_its_owner_alone(made: Webmint) -> None:
    made("deploy", "1", "--to", "folder", "-o", "out")
    places = [
        made.home / "history.db",
        *(made.home / "runs").iterdir(),
        *(made.home / "deployments").iterdir(),
    ]
    assert {stat.S_IMODE(path.stat().st_mode) for path in places} == {0o600}
    assert stat.S_IMODE((made.home / "sites").stat().st_mode) == 0o700


def test_a_damaged_history_costs_no_site(tmp_path: Path) -> None:
    webmint = fresh(tmp_path)
    webmint.home.mkdir()
    (webmint.home / "history.db").write_bytes(b"no database " * 100)
    ended = webmint(*OFFLINE)
    assert (ended.code, ended.out) == (0, "site\n")
    assert ended.err.count("warning: ") == 1
    assert f"warning: not in the history: the history {webmint.home}/history.db is damaged\n" in ended.err
    told = webmint("history", "list")
    assert (told.code, told.out) == (1, "")
    assert told.err.startswith(
        f"error: the history {webmint.home}/history.db is damaged\n\nhint: move it away"
    )
    (webmint.home / "history.db").unlink()
    assert numbers(webmint) == [1]


def test_a_deployment_is_linked_to_its_chat(made: Webmint) -> None:
    assert made("deploy", "site", "--to", "folder", "-o", "out").code == 0
    (deployment,) = asked(made, "show", "2")["deployments"]
    assert (deployment["target"], deployment["chat"]) == ("folder", 2)
    assert numbers(made, "--deployed") == [2]


def test_a_number_stands_for_a_sites_folder(tmp_path: Path) -> None:
    webmint = fresh(tmp_path)
    webmint(*OFFLINE)
    assert webmint("deploy", "1", "--to", "folder", "-o", "own").code == 0
    assert not (webmint.home / "sites").exists()
    site = webmint.site("site")
    (webmint.cwd / "site" / "index.html").write_text("edited")
    assert webmint("deploy", "1", "--to", "folder", "-o", "again").code == 0
    assert webmint.site("own") == webmint.site("again") == site
    assert [deployment["chat"] for deployment in asked(webmint, "list", "--deployments")] == [1, 1]
    assert "there is no folder 9, and there is no chat 9" in webmint("deploy", "9", "--to", "folder").err


def test_a_resumed_run_stays_one_chat(tmp_path: Path) -> None:
    """Also if its process died before the history heard of it."""
    webmint = fresh(tmp_path)
    webmint(*OFFLINE, "-q")
    (webmint.home / "history.db").unlink()
    shutil.rmtree(webmint.cwd / "site")
    record = webmint.records[0]
    lines = record.read_text().splitlines(keepends=True)
    record.write_text("".join(lines[: len(lines) // 2]))
    assert webmint("resume").code == 0
    with Store.open(webmint.home / "history.db") as store:
        (chat,) = store.summaries(Query())
        assert chat.status == "completed"
        assert len((store.get("chats", chat.id) or {})["metadata"]["runs"]) == 2
