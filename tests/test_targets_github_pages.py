"""GitHub Pages over real sockets: only what is missing is sent, one commit is made, and what is served is compared."""

from __future__ import annotations

import asyncio
import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import target_runs
from cloudflare_faults import Fault
from github_host import ALL, BRANCH, GitHubHost
from target_runs import FAULTS, FILES, PATIENCE, read_from, tree

from webmint_cli.errors import (
    KeyMissing,
    NotDeployable,
    TargetRefused,
    TargetUnavailable,
    TokenRejected,
    Unconfirmed,
    UsageError,
    WebMintError,
)
from webmint_cli.targets.github_pages import Credentials, GitHubPages, target
from webmint_cli.targets.narration import Report
from webmint_cli.targets.target import MIB, Asset, Commit, Options, Tree
from webmint_cli.targets.verification import Verifier

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from webmint_cli.events import Deployed, Planned

COLD = ["repository", "read-pages", "read-ref", *["blob"] * 6, "tree", "commit", "create-ref", "read-build"]
UPDATE = [
    "repository",
    "read-pages",
    "read-ref",
    "read-commit",
    "read-tree",
    "blob",
    "tree",
    "commit",
    "update-ref",
]
CHANGED = FILES | {"index.html": b"<!doctype html><title>New</title>"}


@pytest.fixture
def host() -> Iterator[GitHubHost]:
    with GitHubHost() as running:
        running.enable()
        yield running


def made(host: GitHubHost, **changes: Any) -> GitHubPages:
    given = {"token": host.token, "base_url": host.api} | changes
    return GitHubPages(Credentials(**given), patience=PATIENCE)


def deploy(host: GitHubHost, site: Tree | None = None, **options: Any) -> Deployed:
    return target_runs.deploy(made(host), site or tree(), host.repository, Options(**options))


def refusal(host: GitHubHost, site: Tree | None = None, **options: Any) -> WebMintError:
    error = target_runs.refusal(made(host), site or tree(), host.repository, Options(**options))
    assert host.token not in error.message + error.hint
    return error


def plan(host: GitHubHost, site: Tree, **options: Any) -> Planned:
    return target_runs.plan(made(host), site, host.repository, Options(**options))


def published(host: GitHubHost) -> dict[str, bytes]:
    return host.git.files(host.git.refs[BRANCH])


# The sequence


def test_a_first_deployment_is_one_commit_of_the_whole_site(host: GitHubHost) -> None:
    done = deploy(host, commit=Commit("main", "a" * 40))
    assert host.calls()[: len(COLD)] == COLD
    assert published(host) == FILES | {".nojekyll": b""}
    assert host.git.history() == [done.deployment_id]
    assert host.git.commits[done.deployment_id].message == f"Deploy {'a' * 40}"
    assert (done.url, done.project_name, done.environment) == (host.url, "acme/site", "production")
    assert (done.uploaded, done.unchanged, done.verified) == (5, 0, 5)


def test_a_second_one_sends_what_is_new_and_drops_what_is_gone(host: GitHubHost) -> None:
    deploy(host)
    host.requests.clear()
    site = {path: data for path, data in CHANGED.items() if path != "about.html"}
    done = deploy(host, tree(site))
    assert host.calls()[: len(UPDATE)] == UPDATE
    assert published(host) == site | {".nojekyll": b""}
    assert len(host.git.history()) == 2
    assert (done.uploaded, done.unchanged, done.verified) == (1, 3, 4)


def test_an_unchanged_site_makes_no_commit_and_is_confirmed_all_the_same(host: GitHubHost) -> None:
    first = deploy(host)
    host.requests.clear()
    host.readers.clear()
    done = deploy(host)
    assert {"blob", "tree", "commit", "update-ref"}.isdisjoint(host.calls())
    assert (done.deployment_id, done.uploaded, done.verified) == (first.deployment_id, 0, 5)
    assert len(host.readers) == 5


def test_a_content_that_two_files_share_is_sent_once(host: GitHubHost) -> None:
    deploy(host, tree({"index.html": b"same", "copy.html": b"same", ".nojekyll": b"same"}))
    assert host.calls().count("blob") == 1


def test_five_contents_are_sent_at_once(host: GitHubHost) -> None:
    host.slowness = 0.03
    deploy(host, tree({"index.html": b""} | {f"{number}.txt": b"%d" % number for number in range(40)}))
    assert host.most_at_once == 5


def test_what_github_keeps_beside_the_site_stays(host: GitHubHost) -> None:
    host.git.push({"CNAME": b"bakery.example", "old.html": b""})
    assert plan(host, tree()).removed == ("old.html",)
    deploy(host)
    assert published(host) == FILES | {".nojekyll": b"", "CNAME": b"bakery.example"}
    deploy(host, tree(FILES | {"CNAME": b"other.example"}))
    assert published(host)["CNAME"] == b"other.example"


def test_readers_are_not_answered_from_a_cache_and_get_no_token(host: GitHubHost) -> None:
    done = deploy(host)
    assert {seen.query["webmint"] for seen in host.readers} == {done.deployment_id}


def test_a_large_file_arrives_whole(host: GitHubHost) -> None:
    big = bytes(range(256)) * 3001
    deploy(host, tree({"index.html": b"", "big.bin": big}))
    assert published(host)["big.bin"] == big


# Enabling Pages


def test_pages_that_are_off_are_left_off_without_permission(host: GitHubHost) -> None:
    host.pages = None
    error = refusal(host)
    assert (error.code, error.exit_code) == ("pages_not_enabled", 6)
    assert "--create" in error.hint
    assert host.git.refs == {}


def test_pages_are_enabled_when_asked_for(host: GitHubHost) -> None:
    host.pages = None
    assert plan(host, tree(), create=True).creates_project
    assert host.pages is None
    assert deploy(host, create=True).verified == 5
    assert host.pages


@pytest.mark.parametrize(
    "changes", [{"build_type": "workflow"}, {"source": {"branch": "main", "path": "/docs"}}]
)
def test_pages_that_come_from_elsewhere_are_left_alone(host: GitHubHost, changes: dict[str, Any]) -> None:
    host.enable(**changes)
    assert refusal(host).code == "pages_source"
    assert host.git.refs == {}


# Builds


def test_a_build_that_fails_says_why(host: GitHubHost) -> None:
    host.failure = "The tag `include` is not recognized."
    error = refusal(host)
    assert (error.code, error.exit_code) == ("build_failed", 6)
    assert "include" in error.message


def test_a_commit_that_is_not_built_by_itself_is_built_once_on_request(host: GitHubHost) -> None:
    host.builds_by_itself, host.polls = False, 3
    assert deploy(host).verified == 5
    assert host.calls().count("request-build") == 1


def test_the_build_of_the_commit_before_is_not_taken_for_ours(host: GitHubHost) -> None:
    deploy(host)
    host.builds_by_itself = False
    assert deploy(host, tree(CHANGED)).verified == 5
    assert host.calls().count("request-build") == 1
    assert len(host.builds) == 2


def test_a_slow_build_is_waited_for_and_not_asked_for_again(host: GitHubHost) -> None:
    host.polls = 12
    assert deploy(host).verified == 5
    assert "request-build" not in host.calls()


def test_an_edge_that_lags_is_waited_for(host: GitHubHost) -> None:
    deploy(host)
    host.lag = 3
    assert deploy(host, tree(CHANGED)).verified == 5


# Faults


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("call", [*dict.fromkeys(COLD), "enable"])
def test_one_fault_of_any_call_of_a_first_deployment_is_survived(
    host: GitHubHost, call: str, fault: Fault
) -> None:
    host.pages = None if call == "enable" else host.pages
    host.faults.add(call, fault)
    assert deploy(host, create=True).verified == 5
    assert len(host.git.history()) == 1
    assert published(host) == FILES | {".nojekyll": b""}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("call", ["read-commit", "read-tree", "update-ref"])
def test_one_fault_of_any_call_of_a_later_one_is_survived(host: GitHubHost, call: str, fault: Fault) -> None:
    deploy(host)
    host.faults.add(call, fault)
    assert deploy(host, tree(CHANGED)).verified == 5
    assert len(host.git.history()) == 2


def test_a_limit_of_requests_passes_by_itself(host: GitHubHost) -> None:
    body = {"message": "You have exceeded a secondary rate limit."}
    host.faults.add("blob", Fault.status(403, body), times=2)
    assert deploy(host).verified == 5


@pytest.mark.parametrize("call", dict.fromkeys(COLD))
def test_a_call_that_never_succeeds_is_temporary_until_it_is_published(host: GitHubHost, call: str) -> None:
    host.faults.add(call, Fault.status(500), times=99)
    assert refusal(host).exit_code == (7 if call == "read-build" else 5)


@pytest.mark.parametrize("first", [True, False])
def test_a_branch_that_moved_meanwhile_is_read_again(host: GitHubHost, first: bool) -> None:
    if not first:
        deploy(host)
    moves = iter([{"theirs.html": b"theirs"}])
    host.before_move = lambda: [host.git.push(files) for files in moves]
    assert deploy(host, tree(CHANGED)).verified == 5
    assert published(host) == CHANGED | {".nojekyll": b""}
    assert host.git.commits[host.git.history()[1]].message == "theirs"


def test_a_branch_that_moves_again_and_again_is_somebody_elses(host: GitHubHost) -> None:
    host.git.push({})
    host.before_move = lambda: host.git.push({"theirs.html": b""})
    assert isinstance(refusal(host), TargetUnavailable)
    assert published(host) == {"theirs.html": b""}


# Refusals


def test_a_wrong_token_is_told_from_one_that_lacks_a_permission(host: GitHubHost) -> None:
    wrong = target_runs.refusal(made(host, token="ghp_wrong"), tree(), host.repository, Options())
    assert (type(wrong), wrong.code, wrong.exit_code) == (TokenRejected, "token_rejected", 4)
    assert "ghp_wrong" not in wrong.message + wrong.hint
    host.tokens[host.token] = ALL - {"contents:write"}
    lacking = refusal(host)
    assert (lacking.code, lacking.exit_code) == ("permission_missing", 4)
    assert "contents: write" in lacking.message


@pytest.mark.parametrize("lacks", ["pages:write", "administration:write"])
def test_the_permission_for_enabling_pages_is_named(host: GitHubHost, lacks: str) -> None:
    host.pages = None
    host.tokens[host.token] = ALL - {lacks}
    assert lacks.replace(":", ": ") in refusal(host, create=True).message


def test_an_unknown_repository_is_named(host: GitHubHost) -> None:
    error = target_runs.refusal(made(host), tree(), "acme/other", Options())
    assert (error.code, error.exit_code) == ("no_such_repository", 6)
    assert "acme/other" in error.message


def test_an_empty_repository_is_told(host: GitHubHost) -> None:
    host.is_empty = True
    assert refusal(host).code == "empty_repository"


def test_a_repository_that_moved_and_an_api_elsewhere_get_no_token(host: GitHubHost) -> None:
    answer = Fault.status(301, "").instead
    assert answer
    for place, code in ((f"{host.api}/repositories/1", "moved"), ("http://localhost:1/x", "refused")):
        answer.headers["location"] = place
        host.faults.add("repository", Fault(instead=answer))
        assert refusal(host).code == code


def test_a_refusal_in_githubs_words_has_them(host: GitHubHost) -> None:
    body = {"message": "Validation Failed", "errors": [{"message": "Protected branch update failed"}]}
    host.git.push({})
    host.faults.add("update-ref", Fault.status(422, body))
    error = refusal(host)
    assert isinstance(error, TargetRefused)
    assert "Protected branch update failed" in error.message


def test_a_site_too_large_or_a_name_that_is_no_text_is_refused_before_anything_is_sent(
    host: GitHubHost,
) -> None:
    large = Tree(tuple(Asset(f"{number}.bin", 100 * MIB, b"") for number in range(11)))
    assert isinstance(refusal(host, large), NotDeployable)
    assert isinstance(refusal(host, tree({"\udcff.html": b""})), NotDeployable)
    assert "blob" not in host.calls()


def test_previews_are_refused(host: GitHubHost) -> None:
    assert isinstance(refusal(host, branch="feature"), UsageError)
    assert host.requests == []


@pytest.mark.parametrize(("lag", "passes"), [(5.0, True), (0.1, False)])
def test_how_long_another_content_may_be_served_is_said(host: GitHubHost, lag: float, passes: bool) -> None:
    deploy(host)
    host.faults.add("serve", Fault.body(b"the site before"), times=2)
    verifier = Verifier(host.url, Report(), patience=5.0, lag=lag)
    checked = verifier.compare(tree({"index.html": FILES["index.html"]}).assets)
    if passes:
        assert asyncio.run(checked) == 1
    else:
        with pytest.raises(Unconfirmed):
            asyncio.run(checked)


def test_what_is_served_otherwise_is_not_confirmed(host: GitHubHost) -> None:
    deploy(host)
    host.faults.add("serve", Fault.body(b"other"), times=99)
    hasty = GitHubPages(Credentials(host.token, host.api), patience=PATIENCE, lag=0.1)
    error = target_runs.refusal(hasty, tree(), host.repository, Options(verify=0.1))
    assert error.exit_code == 7


# A dry run


def test_a_plan_says_exactly_what_would_change_and_changes_nothing(host: GitHubHost) -> None:
    deploy(host)
    before = dict(host.git.refs)
    host.requests.clear()
    later = {"index.html": b"new", "fresh.css": b"a {}", "copy.css": FILES["styles.css"]}
    site = {path: data for path, data in FILES.items() if path != "about.html"} | later
    planned = plan(host, tree(site))
    assert (planned.new, planned.changed) == (("copy.css", "fresh.css"), ("index.html",))
    assert planned.unchanged == ("a b%.png", "blog/index.html", "styles.css")
    assert planned.removed == ("about.html",)
    assert planned.upload_bytes == len(b"new") + len(b"a {}")
    assert {seen.method for seen in host.requests} == {"GET"}
    assert host.git.refs == before


# Which repository


def environment(host: GitHubHost, **changes: str) -> dict[str, str]:
    return {"GITHUB_TOKEN": host.token, "GITHUB_API_URL": host.api} | changes


def test_the_workflows_repository_is_taken(host: GitHubHost) -> None:
    done = target_runs.deploy(target(environment(host, GITHUB_REPOSITORY="acme/site")), tree(), "", Options())
    assert done.project_name == "acme/site"


@pytest.mark.parametrize(
    "remote",
    [
        "https://github.com/acme/site.git",
        "https://x-access-token:s3cret@github.com/acme/site",
        "git@github.com:acme/site.git",
        "ssh://git@ssh.github.com:443/acme/site.git",
        "github.com:acme/site",
    ],
)
def test_the_remote_of_the_sites_folder_is_taken(host: GitHubHost, remote: str, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    subprocess.run(["git", "-C", tmp_path, "remote", "add", "origin", remote], check=True)
    given = environment(host)
    given["GH_TOKEN"] = given.pop("GITHUB_TOKEN")
    site = read_from(tmp_path / "public")
    assert target_runs.deploy(target(given), site, "", Options()).project_name == "acme/site"


@pytest.mark.parametrize(
    "remote", ["https://gitlab.com/acme/site.git", "https://github.com.evil.example/a/b", "/a/b"]
)
def test_another_hosts_remote_is_not(host: GitHubHost, remote: str, tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    subprocess.run(["git", "-C", tmp_path, "remote", "add", "origin", remote], check=True)
    error = target_runs.refusal(target(environment(host)), read_from(tmp_path / "public"), "", Options())
    assert isinstance(error, UsageError)
    assert "--project owner/name" in error.hint


@pytest.mark.parametrize("project", ["", "site", "a/b/c", "acme/s ite", "../x", "acme/.."])
def test_without_a_repositorys_name_nothing_is_sent(host: GitHubHost, project: str) -> None:
    error = target_runs.refusal(target(environment(host)), tree(), project, Options())
    assert isinstance(error, UsageError)
    assert "--project owner/name" in error.hint
    assert host.requests == []


def test_without_a_token_it_is_asked_for(host: GitHubHost) -> None:
    with pytest.raises(KeyMissing) as caught:
        target({"GITHUB_API_URL": host.api})
    assert "GITHUB_TOKEN" in caught.value.hint


def test_the_requests_are_json_with_whole_trees(host: GitHubHost) -> None:
    deploy(host)
    tree_seen = next(seen for seen in host.requests if seen.call == "tree")
    entries = json.loads(tree_seen.body)["tree"]
    assert {entry["path"] for entry in entries} == {*FILES, ".nojekyll"}
    assert {(entry["mode"], entry["type"]) for entry in entries} == {("100644", "blob")}
