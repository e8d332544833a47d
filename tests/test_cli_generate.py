"""`webmint generate`: the result on stdout, everything else on stderr, and nobody's work overwritten."""

from __future__ import annotations

import fcntl
import json
import os
import resource
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import support
import upstream as up
from commandline import Webmint, until

from webmint_cli.reply.contract import Plan, write_reply

if TYPE_CHECKING:
    from collections.abc import Iterator

OFFLINE = ("generate", "A bakery in Lyon", "--provider", "composer")


@pytest.fixture
def webmint(tmp_path: Path) -> Webmint:
    return Webmint(tmp_path)


@pytest.fixture
def upstream() -> Iterator[up.Upstream]:
    with up.Upstream() as server:
        server.reply(up.text(*support.pieces(support.REPLY), gap=0.002))
        yield server


@pytest.fixture
def asking(tmp_path: Path, upstream: up.Upstream) -> Webmint:
    return Webmint(tmp_path, upstream)


def limited(size: int) -> dict[str, object]:
    """Options of a process whose files end at this size, as on a full disk."""
    return {"preexec_fn": lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))}


def prompts(webmint: Webmint) -> list[str]:
    return [json.loads(path.read_text().split("\n")[0])["prompt"] for path in webmint.records]


def test_what_the_model_wrote_is_what_is_in_the_folder(asking: Webmint) -> None:
    ended = asking.generate("-o", "site")
    assert (ended.code, ended.out) == (0, "site\n")
    assert asking.site("site") == support.FILES


def test_the_words_say_what_was_made_of_what_where_and_what_is_next(
    asking: Webmint, upstream: up.Upstream
) -> None:
    ended = asking.generate("-o", "site")
    lines = ended.err.splitlines()
    assert lines[0] == f"Using custom at {upstream.base_url}, model model-a (a base URL is set)"
    assert lines[1:5] == ["Asking model-a", "Writing styles.css", "Writing index.html", "Writing script.js"]
    assert lines[5] == "Done: Chez Léa"
    assert lines[6].split() == ["styles.css", str(len(support.FILES["styles.css"].encode())), "B"]
    assert lines[9].startswith("  3 files ")
    assert lines[9].endswith(" by model-a, 46 tokens")
    assert lines[10:] == ["Open it: site/index.html"]


def test_the_folder_is_named_after_the_title(asking: Webmint) -> None:
    assert asking.generate().out == "chez-lea\n"


def test_without_a_key_the_composer_works_and_says_what_it_is(webmint: Webmint) -> None:
    ended = webmint("generate", "A bakery in Lyon")
    assert ended.code == 0
    assert "Using the built-in composer, which is not a model (no key is set)" in ended.err
    assert {"index.html", "styles.css"} <= set(webmint.site(ended.out.strip()))


def test_the_same_seed_gives_the_same_site(webmint: Webmint) -> None:
    for folder, seed in (("a", "7"), ("b", "7"), ("c", "8")):
        webmint(*OFFLINE, "--seed", seed, "-o", folder, "--no-history")
    assert webmint.site("a") == webmint.site("b") != webmint.site("c")


def test_one_page_holds_the_stylesheet_and_the_script(asking: Webmint) -> None:
    ended = asking.generate("-o", "-")
    assert ended.code == 0
    assert support.FILES["styles.css"] in ended.out
    assert support.FILES["script.js"] in ended.out
    assert "styles.css" not in ended.out
    assert list(asking.cwd.iterdir()) == []


def test_json_is_one_event_a_line_and_ends_complete(asking: Webmint) -> None:
    ended = asking.generate("--json", "-o", "site")
    first, last = ended.events[0], ended.events[-1]
    assert (ended.code, ended.err) == (0, "")
    assert first["streamId"] == asking.records[0].stem
    assert (last["type"], last["progress"], last["css"]) == ("complete", 100, support.FILES["styles.css"])
    assert asking.site("site") == support.FILES


def test_quiet_leaves_only_the_result(webmint: Webmint) -> None:
    ended = webmint(*OFFLINE, "-q", "-o", "site")
    assert (ended.out, ended.err) == ("site\n", "")


def test_verbose_names_the_run(webmint: Webmint) -> None:
    ended = webmint(*OFFLINE, "-v")
    assert f"Run: {webmint.records[0].stem}; " in ended.err


@pytest.mark.parametrize(
    ("argument", "piped", "prompt"),
    [
        (("A bakery",), None, "A bakery"),
        (("-",), b"  A caf\xc3\xa9\n", "A café"),
        ((), b"\xef\xbb\xbfA bakery", "A bakery"),
        (("Make this:",), b"A bakery", "Make this:\n\nA bakery"),
        ((), b"emoji \xf0\x9f\xa5\x90 and \0 NUL", "emoji 🥐 and \0 NUL"),
        ((), b"A bakery. " * 100_000, ("A bakery. " * 100_000).strip()),
    ],
    ids=["argument", "dash", "pipe with a BOM", "both", "emoji and NUL", "1 MB"],
)
def test_the_prompt_comes_from_the_argument_and_the_pipe(
    webmint: Webmint, argument: tuple[str, ...], piped: bytes | None, prompt: str
) -> None:
    ended = webmint("generate", *argument, "-p", "composer", "-o", "site", stdin=piped)
    assert ended.code == 0, ended.err
    assert prompts(webmint) == [prompt]
    assert webmint.provenance("site")["prompt"] == prompt


@pytest.mark.parametrize(
    ("argument", "piped", "words"),
    [
        ((), None, "the prompt is empty"),
        (("  ",), None, "the prompt is empty"),
        (("-",), b" \n", "the prompt is empty"),
        ((), b"\xff\xfe", "the prompt in the pipe is not UTF-8"),
        (("-o", "site", "A", "bakery"), None, "put the prompt in quotes"),
    ],
)
def test_no_prompt_is_a_wrong_call(
    webmint: Webmint, argument: tuple[str, ...], piped: bytes | None, words: str
) -> None:
    ended = webmint("generate", *argument, stdin=piped)
    assert (ended.code, ended.out) == (2, "")
    assert words in ended.err
    assert "\n\nhint: " in ended.err


def test_a_prompt_that_is_no_text_is_still_a_prompt(webmint: Webmint) -> None:
    ended = webmint("generate", b"A caf\xe9", "-p", "composer", "-o", "site")
    assert ended.code in (0, 2)
    assert "Traceback" not in ended.err
    assert "bug" not in ended.err


def test_a_foreign_folder_is_left_alone_without_force(webmint: Webmint) -> None:
    (webmint.cwd / "site").mkdir()
    (webmint.cwd / "site" / "notes.txt").write_text("mine")
    ended = webmint(*OFFLINE, "-o", "site")
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: site was not written by webmint\n\nhint: ")
    assert webmint.site("site") == {"notes.txt": "mine"}
    assert webmint.records == []
    assert webmint(*OFFLINE, "-o", "site", "--force").code == 0
    assert webmint.site("site").keys() >= {"notes.txt", "index.html"}


def test_an_edited_file_is_left_alone_without_force(webmint: Webmint) -> None:
    webmint(*OFFLINE, "-o", "site")
    page = webmint.cwd / "site" / "index.html"
    page.write_text("mine")
    ended = webmint(*OFFLINE, "-o", "site")
    assert ended.code == 2
    assert "index.html" in ended.err
    assert page.read_text() == "mine"


def test_our_own_untouched_folder_is_replaced(webmint: Webmint) -> None:
    webmint(*OFFLINE, "-o", "site", "--seed", "1")
    before = webmint.site("site")
    assert webmint(*OFFLINE, "-o", "site", "--seed", "2").code == 0
    assert webmint.site("site") != before


def test_a_run_waits_while_another_writes_beside_it(webmint: Webmint) -> None:
    beside = os.open(webmint.cwd, os.O_RDONLY)
    fcntl.flock(beside, fcntl.LOCK_EX)
    running = webmint.start(*OFFLINE, "-o", "site")
    until(lambda: bool(webmint.records) and b'"finish"' in webmint.records[0].read_bytes())
    time.sleep(0.3)
    assert not (webmint.cwd / "site").exists()
    os.close(beside)
    assert running.end().code == 0


def test_the_default_folder_goes_round_what_is_not_ours(webmint: Webmint) -> None:
    first = webmint(*OFFLINE).out.strip()
    (webmint.cwd / first / "index.html").write_text("mine")
    assert webmint(*OFFLINE).out == f"{first}-2\n"
    assert webmint.site(first)["index.html"] == "mine"


def test_two_runs_into_one_folder_leave_one_whole_site(webmint: Webmint) -> None:
    runs = [webmint.start(*OFFLINE, "-o", "site", "--seed", seed) for seed in "123"]
    ends = [run.end() for run in runs]
    assert [(end.code, end.out) for end in ends] == [(0, "site\n")] * 3
    assert sorted(path.name for path in webmint.cwd.iterdir()) == ["site"]
    record = webmint.provenance("site")
    again = webmint(*OFFLINE, "-o", "again", "--seed", str(record["seed"]))
    assert again.code == 0
    assert webmint.site("site") == webmint.site("again")


def test_no_history_keeps_no_record(webmint: Webmint) -> None:
    assert webmint(*OFFLINE, "--no-history").code == 0
    assert not webmint.home.exists()


@pytest.mark.parametrize(
    "streams",
    [">&-", "2>&-", "<&-", "2>/dev/full", ">&- 2>&- <&-"],
)
def test_a_stream_that_is_closed_or_full_costs_no_site(webmint: Webmint, streams: str) -> None:
    environment = webmint.environment()
    command = f'"$0" -m webmint_cli generate "A bakery" -p composer -o site {streams}'
    code = os.spawnvpe(
        os.P_WAIT, "sh", ["sh", "-c", f'cd "$1" && {command}', sys.executable, str(webmint.cwd)], environment
    )
    assert code == 0
    assert "index.html" in webmint.site("site")


def test_a_full_stdout_is_told_with_the_place_of_the_site(webmint: Webmint) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = webmint(*OFFLINE, "-o", "site", stdout=full)
    assert ended.code == 1
    assert ended.err.endswith(
        "error: can't write to stdout: No space left on device\n\nhint: the site is in site\n"
    )
    assert "index.html" in webmint.site("site")


def test_a_full_stdout_ends_a_json_run_with_words(webmint: Webmint) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = webmint(*OFFLINE, "--json", stdout=full)
    assert ended.code == 1
    assert ended.err == "error: can't write to stdout: No space left on device\n"


def test_a_reader_that_leaves_is_no_error_message(webmint: Webmint) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as pipe:
        ended = webmint(*OFFLINE, "-o", "-", "-q", stdout=pipe)
    assert (ended.code, ended.err) == (1, "")


@pytest.mark.parametrize(("encoding", "output"), [("ascii", "chez-léa 🥐"), ("cp1252", "-")])
def test_an_old_encoding_breaks_neither_words_nor_results(
    asking: Webmint, encoding: str, output: str
) -> None:
    ended = asking.generate("-o", output, environment={"PYTHONIOENCODING": encoding, "LC_ALL": "C"})
    assert ended.code == 0, ended.stderr
    assert "Done: Chez L" in ended.stderr.decode("latin-1")
    assert "🥐" in ended.out


def test_a_full_disk_cuts_the_record_but_not_the_site(asking: Webmint) -> None:
    ended = asking.generate("-o", "site", **limited(1500))
    assert ended.code == 0
    assert "warning: the record of the run is cut: No space left on device\n" in ended.err
    assert asking.site("site") == support.FILES


def test_a_site_that_fits_nowhere_is_printed(tmp_path: Path) -> None:
    files = support.FILES | {"styles.css": support.FILES["styles.css"] + "/* room */\n" * 400}
    with up.Upstream() as upstream:
        upstream.reply(up.text(*support.pieces("".join(write_reply(Plan(title="Big"), files)), 200)))
        ended = Webmint(tmp_path, upstream).generate("-o", "site", **limited(2000))
    assert ended.code == 1
    assert "error: can't write " in ended.err
    assert "File too large" in ended.err
    assert files["styles.css"] in ended.out


def test_a_place_that_can_not_be_written_costs_no_reply(asking: Webmint) -> None:
    (asking.cwd / "file").write_text("")
    ended = asking.generate("-o", "file/site")
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.endswith("hint: the reply is kept; write it elsewhere: webmint resume -o DIR\n")
    assert asking("resume", "-o", "elsewhere").out == "elsewhere\n"
    assert asking.site("elsewhere") == support.FILES


def test_without_a_record_the_site_is_written_somewhere(asking: Webmint) -> None:
    (asking.cwd / "file").write_text("")
    temporary = asking.cwd.parent / "temporary"
    temporary.mkdir()
    ended = asking.generate("-o", "file/site", "--no-history", environment={"TMPDIR": str(temporary)})
    (place,) = temporary.iterdir()
    assert f"hint: the site is in {place}\n" in ended.err
    assert (place / "styles.css").read_text() == support.FILES["styles.css"]


def test_without_a_home_the_site_is_made_with_a_warning(webmint: Webmint) -> None:
    ended = webmint(*OFFLINE, "-q", "-o", "site", environment={"WEBMINT_HOME": "/proc/nowhere"})
    assert (ended.code, ended.out) == (0, "site\n")
    assert ended.err.startswith("warning: the run is not recorded: ")


def test_without_any_environment_it_works(webmint: Webmint) -> None:
    ended = webmint(*OFFLINE, "-o", "site", "--no-history", environment={"HOME": "", "WEBMINT_HOME": ""})
    assert ended.code == 0, ended.err


def test_a_key_is_nowhere_to_be_read(tmp_path: Path) -> None:
    with up.Upstream() as upstream:
        upstream.key = "another"
        webmint = Webmint(tmp_path, OPENAI_API_KEY=support.KEY, OPENAI_BASE_URL=upstream.base_url)
        refused = webmint("generate", "a bakery", "--json", "-vv")
        upstream.key = support.KEY
        upstream.reply(up.text(support.REPLY))
        taken = webmint("generate", "a bakery", "-vv", "-o", "site")
    assert (refused.code, taken.code) == (4, 0)
    assert [event["type"] for event in refused.events][-1] == "error"
    written = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) >= 6
    for said in (refused.stdout, refused.stderr, taken.stdout, taken.stderr, *written):
        assert support.KEY.encode() not in said


def test_what_the_model_says_does_not_reach_the_terminal_as_orders(tmp_path: Path) -> None:
    reply = support.REPLY.replace("title=Chez Léa", "title=\x1b]0;owned\x07Chez\x1b[31m Léa\x9b2J")
    with up.Upstream() as upstream:
        upstream.reply(up.text(reply))
        ended = Webmint(tmp_path, upstream).generate("--color", "never", "-o", "site")
    assert ended.code == 0
    assert not set(ended.err) & set("\x1b\x07\x9b")
    assert "Chez" in ended.err


def test_color_can_be_forced_and_forbidden(webmint: Webmint) -> None:
    assert b"\x1b[1m" in webmint(*OFFLINE, "--color", "always").stderr
    assert b"\x1b" not in webmint(*OFFLINE, "--color", "never").stderr


def test_each_run_has_its_own_record_when_many_start_at_once(webmint: Webmint) -> None:
    threads = [
        threading.Thread(target=webmint, args=(*OFFLINE, "-q", "-o", str(number))) for number in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(webmint.records) == 3
    assert webmint("resume", "--list", "--json").out == "[]\n"
