"""`webmint deploy`, `generate --deploy` and `deployments` as processes, against a Cloudflare of our own."""

from __future__ import annotations

import json
import os
import re
import subprocess
from typing import TYPE_CHECKING

import pytest
from cloudflare_host import CloudflareHost, Fault
from commandline import COMMAND, Ended, Webmint, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SITE = {
    "index.html": "<!doctype html><title>Home</title>",
    "about.html": "<!doctype html><title>About</title>",
    "styles.css": "body { color: #123 }",
}


@pytest.fixture
def host() -> Iterator[CloudflareHost]:
    with CloudflareHost() as running:
        running.add_project("bakery")
        yield running


@pytest.fixture
def webmint(tmp_path: Path, host: CloudflareHost) -> Webmint:
    command = Webmint(
        tmp_path,
        CLOUDFLARE_API_TOKEN=host.token,
        CLOUDFLARE_ACCOUNT_ID=host.account,
        CLOUDFLARE_API_BASE_URL=host.api,
    )
    write(command.cwd / "bakery", SITE)
    return command


def write(folder: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def test_stdout_is_the_verified_address(webmint: Webmint, host: CloudflareHost) -> None:
    ended = webmint("deploy", "bakery")
    assert (ended.code, ended.out) == (0, f"{host.deployments[-1].url}\n")
    assert "3 uploaded, 0 unchanged, 3 verified" in ended.err


def test_the_project_is_named_by_the_folder_the_flag_or_the_settings(
    webmint: Webmint, host: CloudflareHost
) -> None:
    host.add_project("other")
    assert webmint("deploy", "bakery", "--project", "other").code == 0
    (webmint.cwd / "webmint.toml").write_text('project = "bakery"\n')
    assert webmint("deploy", "bakery").code == 0
    assert [made.project for made in host.deployments] == ["other", "bakery"]


def test_the_last_project_of_a_folder_is_the_next(webmint: Webmint, host: CloudflareHost) -> None:
    host.add_project("other")
    webmint("deploy", "bakery", "--project", "other")
    webmint("deploy", "bakery")
    assert [made.project for made in host.deployments] == ["other", "other"]


def test_a_failure_names_what_to_type_and_has_its_exit_code(webmint: Webmint, host: CloudflareHost) -> None:
    ended = webmint("deploy", "bakery", "--project", "nowhere")
    assert (ended.code, ended.out) == (6, "")
    assert "hint: make it: webmint deploy --project nowhere --create" in ended.err
    wrong = webmint("deploy", "bakery", environment={"CLOUDFLARE_API_TOKEN": "x" * 40})
    assert wrong.code == 4
    missing = webmint("deploy", "bakery", environment={"CLOUDFLARE_API_TOKEN": ""})
    assert missing.code == 4
    assert host.token not in ended.err + wrong.err + missing.err


def test_what_is_served_otherwise_is_exit_7(webmint: Webmint, host: CloudflareHost) -> None:
    host.edge.serve("/styles.css", b"other")
    ended = webmint("deploy", "bakery", "--verify-timeout", "1")
    assert (ended.code, ended.out) == (7, "")
    assert "styles.css" in ended.err


def test_nothing_is_asked_of_the_host_before_the_folder_is_checked(
    webmint: Webmint, host: CloudflareHost
) -> None:
    write(webmint.cwd / "bakery", {".env": "SECRET=1"})
    ended = webmint("deploy", "bakery")
    assert ended.code == 3
    assert ".env" in ended.err
    assert host.requests == []


def test_json_is_one_event_a_line_and_ends_in_one_complete(webmint: Webmint, host: CloudflareHost) -> None:
    events = webmint("deploy", "bakery", "--json").events
    assert [event["type"] for event in events].count("complete") == 1
    assert events[-1]["url"] == host.deployments[-1].url
    assert events[-1]["verified"] == 3
    refused = webmint("deploy", "bakery", "--project", "nowhere", "--json").events
    assert (refused[-1]["type"], refused[-1]["code"]) == ("error", "no_such_project")


def test_a_dry_run_prints_the_plan_and_changes_nothing(webmint: Webmint, host: CloudflareHost) -> None:
    webmint("deploy", "bakery")
    (webmint.cwd / "bakery" / "about.html").unlink()
    write(webmint.cwd / "bakery", {"index.html": "<!doctype html>new", "new.css": "a {}"})
    ended = webmint("deploy", "bakery", "--dry-run")
    assert ended.code == 0
    assert [line for line in ended.out.splitlines() if re.match(r" +[+~-] ", line)] == [
        "  + new.css",
        "  ~ index.html",
        "  - about.html",
    ]
    assert len(host.deployments) == 1
    planned = webmint("deploy", "bakery", "--dry-run", "--json").events[-1]
    assert (planned["dryRun"], planned["removed"]) == (True, ["about.html"])


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def test_the_branch_and_commit_are_those_of_the_checkout(webmint: Webmint, host: CloudflareHost) -> None:
    git(webmint.cwd, "init", "--initial-branch", "feature/menu")
    git(webmint.cwd, "add", ".")
    git(webmint.cwd, "commit", "-m", "The menu")
    ended = webmint("deploy", "bakery")
    made = host.deployments[-1]
    assert (made.branch, made.environment) == ("feature/menu", "preview")
    assert "--prod" in ended.err
    git(webmint.cwd, "checkout", "--detach")
    webmint("deploy", "bakery")
    assert host.deployments[-1].branch not in ("HEAD", "", "main")
    webmint("deploy", "bakery", "--prod")
    assert host.deployments[-1].environment == "production"


def test_actions_gets_outputs_a_summary_and_annotations(
    webmint: Webmint, host: CloudflareHost, tmp_path: Path
) -> None:
    files = {"GITHUB_OUTPUT": str(tmp_path / "output"), "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")}
    actions = files | {"GITHUB_ACTIONS": "true"}
    assert webmint("deploy", "bakery", environment=actions).code == 0
    outputs = dict(
        re.findall(r"^(\S+)<<(?:\S+)\n(.*)\n", (tmp_path / "output").read_text("utf-8"), re.MULTILINE)
    )
    made = host.deployments[-1]
    assert outputs["deployment-url"] == made.url
    assert outputs["pages-deployment-id"] == made.id
    assert outputs["pages-environment"] == "production"
    assert outputs["pages-deployment-alias-url"]
    assert made.url in (tmp_path / "summary").read_text("utf-8")
    failed = webmint("deploy", "bakery", "--project", "nowhere", environment=actions)
    assert "::error title=webmint::there is no project nowhere" in failed.err


def test_generate_and_deploy_are_two_jobs_in_one_stream(webmint: Webmint, host: CloudflareHost) -> None:
    ended = webmint(
        "generate", "A bakery in Lyon", "-p", "composer", "--deploy", "cloudflare", "--create", "--json"
    )
    assert ended.code == 0
    jobs = [event["job"] for event in ended.events]
    assert jobs == sorted(jobs, key=["generate", "deploy"].index)
    ends = [(event["job"], event["progress"]) for event in ended.events if event["type"] == "complete"]
    assert ends == [("generate", 100), ("deploy", 100)]
    said = webmint("generate", "A bakery in Lyon", "-p", "composer", "--deploy", "cloudflare", "--create")
    assert said.out == f"{host.deployments[-1].url}\n"


def test_a_token_that_is_missing_is_told_before_the_model_is_asked(webmint: Webmint) -> None:
    ended = webmint(
        "generate",
        "A bakery",
        "-p",
        "composer",
        "--deploy",
        "cloudflare",
        environment={"CLOUDFLARE_API_TOKEN": ""},
    )
    assert ended.code == 4
    assert [path.name for path in webmint.cwd.iterdir()] == ["bakery"]


def test_a_failed_second_job_says_which_it_was(webmint: Webmint) -> None:
    words = ("generate", "A bakery", "-p", "composer", "-o", "made", "--deploy", "cloudflare", "--json")
    ended = webmint(*words, "--project", "nowhere")
    assert ended.code == 6
    assert (ended.events[-1]["type"], ended.events[-1]["job"]) == ("error", "deploy")
    assert (webmint.cwd / "made" / "index.html").exists()


def test_an_interrupted_deployment_says_so(webmint: Webmint, host: CloudflareHost) -> None:
    host.faults.add("check-missing", Fault.drip(20))
    running = webmint.start("deploy", "bakery")
    until(lambda: "check-missing" in host.calls())
    running.signal(2)
    ended = running.end()
    assert ended.code == 130
    assert "Traceback" not in ended.err


def test_deployments_are_listed_rolled_back_and_deleted(webmint: Webmint) -> None:
    for text in ("one", "two"):
        write(webmint.cwd / "bakery", {"index.html": text})
        webmint("deploy", "bakery")
    rows = json.loads(webmint("deployments", "list", "--json").out)
    assert [row["status"] for row in rows] == ["live", "success"]
    assert webmint("deployments", "rollback", rows[1]["id"], "-y").code == 0
    assert [row["status"] for row in json.loads(webmint("deployments", "list", "--json").out)] == [
        "success",
        "live",
    ]
    assert webmint("deployments", "delete", rows[0]["id"]).code == 2
    assert webmint("deployments", "delete", rows[0]["id"], "-y").code == 0
    assert len(json.loads(webmint("deployments", "list", "--json").out)) == 1
    assert rows[1]["url"] in webmint("deployments", "list").out
    gone = webmint("deployments", "delete", "no-such-id", "-y")
    assert gone.code == 6
    assert "hint:" in gone.err


def test_domains_are_listed_added_and_removed(webmint: Webmint) -> None:
    project = ("--project", "bakery")
    assert webmint("deployments", "domain", "add", "www.example.com", *project).code == 0
    assert json.loads(webmint("deployments", "domain", "list", *project, "--json").out)[0]["domain"] == (
        "www.example.com"
    )
    assert webmint("deployments", "domain", "remove", "www.example.com", "-y", *project).code == 0
    assert json.loads(webmint("deployments", "domain", "list", *project, "--json").out) == []


def test_an_unknown_target_names_a_near_one(webmint: Webmint) -> None:
    ended = webmint("deploy", "bakery", "--to", "cloudfare")
    assert ended.code == 2
    assert "did you mean --to cloudflare?" in ended.err


def test_a_start_of_deploy_loads_no_model_and_no_drawing() -> None:
    script = (
        "import sys; from webmint_cli.cli import deploy_job; "
        "print([name for name in ('openai', 'rich', 'jinja2', 'httpx') if name in sys.modules])"
    )
    ran = subprocess.run([COMMAND[0], "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def answered(webmint: Webmint, answer: bytes, *arguments: str) -> Ended:
    """A command whose stdin is a terminal, at which a person types this."""
    person, terminal = os.openpty()
    try:
        running = webmint.start(*arguments, terminal=terminal)
        os.write(person, answer)
        return running.end()
    finally:
        os.close(person)
        os.close(terminal)


def test_a_person_who_says_no_is_asked_no_more(webmint: Webmint, host: CloudflareHost) -> None:
    webmint("deploy", "bakery")
    for answer, code in ((b"n\n", 1), (b"\x04", 130)):
        ended = answered(webmint, answer, "deployments", "delete", host.deployments[0].id)
        assert (ended.code, "bug" in ended.err) == (code, False)
    assert len(host.deployments) == 1
