"""Cloudflare Pages over real sockets: the calls, the faults, the refusals, and that only what is confirmed is done."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest
from cloudflare_host import CloudflareHost, Fault
from deploying import PATIENCE, run

from webmint_cli import engine
from webmint_cli.errors import (
    KeyMissing,
    TargetRefused,
    TargetUnavailable,
    TokenRejected,
    Unconfirmed,
    UsageError,
    WebMintError,
)
from webmint_cli.events import Deployed, Planned, Status
from webmint_cli.targets.cloudflare.account import Credentials, credentials
from webmint_cli.targets.cloudflare.pages import PERMISSION, CloudflarePages
from webmint_cli.targets.cloudflare.publication import shortened
from webmint_cli.targets.cloudflare.uploads import buckets
from webmint_cli.targets.target import MIB, Asset, Commit, Options, Tree, digest

if TYPE_CHECKING:
    from collections.abc import Iterator

FILES = {
    "index.html": b"<!doctype html><title>Home</title>",
    "about.html": b"<!doctype html><title>About</title>",
    "styles.css": b"body { color: #123 }",
    "blog/index.html": b"<!doctype html><title>Blog</title>",
    "a b%.png": b"\x89PNG",
}
COLD = ["project", "upload-token", "check-missing", "upload", "upsert", "deploy", "poll"]
UNCHANGED = ["project", "upload-token", "check-missing", "deploy", "poll"]


@pytest.fixture
def host() -> Iterator[CloudflareHost]:
    with CloudflareHost() as running:
        running.add_project("demo")
        running.stages = 1
        yield running


def tree(files: dict[str, bytes] | None = None, **rules: bytes) -> Tree:
    contents = FILES if files is None else files
    return Tree(tuple(Asset(path, len(data), data) for path, data in contents.items()), rules)


def target(host: CloudflareHost, **changes: Any) -> CloudflarePages:
    given = {"token": host.token, "account": host.account, "base_url": host.api} | changes
    return CloudflarePages(Credentials(**given), patience=PATIENCE)


def deploy(host: CloudflareHost, site: Tree | None = None, project: str = "demo", **options: Any) -> Deployed:
    given = Options(**({"verify": 1.0} | options))
    last = run(target(host).deploy(site or tree(), project, given))[-1]
    assert isinstance(last, Deployed)
    return last


def refusal(host: CloudflareHost, project: str = "demo", **credentials: Any) -> WebMintError:
    with pytest.raises(WebMintError) as caught:
        run(target(host, **credentials).deploy(tree(), project, Options(verify=1.0)))
    assert host.token not in str(caught.value.message) + caught.value.hint
    return caught.value


# The sequence


def test_a_cold_deployment_takes_seven_calls_and_is_confirmed(host: CloudflareHost) -> None:
    done = deploy(host)
    assert host.calls() == COLD
    assert (done.uploaded, done.unchanged, done.verified) == (5, 0, 5)
    assert (done.environment, done.project_name, done.target) == ("production", "demo", "cloudflare")
    assert done.deployment_id == host.deployments[-1].id


def test_an_unchanged_site_takes_five_calls_and_sends_nothing(host: CloudflareHost) -> None:
    deploy(host)
    host.requests.clear()
    done = deploy(host)
    assert host.calls() == UNCHANGED
    assert (done.uploaded, done.unchanged) == (0, 5)
    assert host.repeats == []


def test_a_content_that_two_files_share_is_sent_once(host: CloudflareHost) -> None:
    done = deploy(host, tree({"index.html": b"same", "copy.html": b"same", "copy.css": b"same"}))
    assert (done.uploaded, done.verified) == (2, 3)
    assert host.repeats == []


def test_the_account_is_found_when_the_token_sees_just_one(host: CloudflareHost) -> None:
    run(target(host, account="").deploy(tree(), "demo", Options(verify=1.0)))
    assert host.calls() == ["accounts", *COLD]


def test_of_several_accounts_one_must_be_named(host: CloudflareHost) -> None:
    host.add_account("Other")
    error = refusal(host, account="")
    assert isinstance(error, UsageError)
    assert "CLOUDFLARE_ACCOUNT_ID" in error.hint
    assert "Other" in error.message


def test_rules_branch_and_commit_are_sent_as_the_form_has_them(host: CloudflareHost) -> None:
    commit = Commit("feature/x", "a" * 40, "First line\n\nbody", is_dirty=True)
    rules = {"_headers": b"/*\n  X-A: b\n", "_redirects": b"/old / 301\n"}
    done = deploy(host, tree(None, **rules), commit=commit)
    made = host.deployments[-1]
    assert (done.environment, made.branch) == ("preview", "feature/x")
    body = next(seen.body for seen in host.requests if seen.call == "deploy")
    assert b"First line\r\n\r\nbody" in body
    assert b'filename="_headers"' in body
    assert b"/*\n  X-A: b\n" in body
    assert done.aliases


def test_production_is_the_projects_branch_whatever_it_is_called(host: CloudflareHost) -> None:
    host.add_project("other", production_branch="trunk")
    done = deploy(host, project="other", production=True, commit=Commit("feature"))
    assert (done.environment, host.deployments[-1].branch) == ("production", "trunk")


def test_a_branch_by_name_stands_over_the_one_checked_out(host: CloudflareHost) -> None:
    done = deploy(host, branch="try", commit=Commit("main"))
    assert (done.environment, host.deployments[-1].branch) == ("preview", "try")


def test_a_missing_project_is_made_when_that_is_asked_for(host: CloudflareHost) -> None:
    deploy(host, project="fresh", create=True)
    assert host.calls()[:2] == ["project", "create"]
    assert "fresh" in host.projects


def test_what_it_does_is_told_with_progress_that_never_goes_down(host: CloudflareHost) -> None:
    events = run(target(host).deploy(tree(), "demo", Options(verify=1.0)))
    said = [event for event in events if isinstance(event, Status)]
    assert [status.phase for status in said][:2] == ["connect", "hash"]
    progress = [status.progress for status in said]
    assert progress == sorted(progress)
    assert {"hash", "upload", "publish", "verify"} <= {status.phase for status in said}


def test_a_message_is_cut_between_characters() -> None:
    assert shortened("é" * 200 + "x") == "é" * 192
    assert len(shortened("x" * 500)) == 384


def test_buckets_keep_within_the_hosts_limits() -> None:
    big = {f"{n}": Asset(f"{n}.bin", 20 * MIB, b"") for n in range(7)}
    assert all(bucket.size <= 40 * MIB for bucket in buckets(big))
    small = {f"{n}": Asset(f"{n}.txt", 10, b"") for n in range(4100)}
    filled = buckets(small)
    assert [len(bucket.assets) for bucket in filled] == [2000, 2000, 100]
    assert sum(len(bucket.assets) for bucket in buckets(big)) == 7


# Faults: each call fails once, and the deployment is made all the same

FAULTS = {
    "429": Fault.status(429),
    "429 with Retry-After": Fault.status(429, retry_after="0"),
    "500": Fault.status(500),
    "502 of a gateway": Fault.status(502, html=True),
    "524": Fault.status(524, html=True),
    "dropped before": Fault.drop("before"),
    "dropped after": Fault.drop("after"),
    "dropped midway": Fault.drop("midway"),
    "no JSON": Fault.truncated(),
    "code 8000000": Fault.status(200, api_code=8000000),
    "slow drip": Fault.drip(0.4),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("call", COLD)
def test_one_fault_of_any_call_is_survived(host: CloudflareHost, call: str, fault: Fault) -> None:
    host.faults.add(call, fault)
    done = deploy(host)
    assert done.verified == 5
    assert len(host.deployments) == 1


@pytest.mark.parametrize("call", ["check-missing", "upload", "upsert"])
def test_an_upload_token_that_expired_is_renewed(host: CloudflareHost, call: str) -> None:
    host.faults.add(call, Fault.expired_token())
    assert deploy(host).verified == 5
    assert host.calls().count("upload-token") == 2


def test_files_that_were_not_stored_are_sent_again(host: CloudflareHost) -> None:
    host.faults.add("upload", Fault.unsuccessful())
    assert deploy(host).verified == 5
    assert host.calls().count("upload") == 2


def test_before_a_publish_is_repeated_the_host_is_asked(host: CloudflareHost) -> None:
    host.faults.add("deploy", Fault.drop("after"))
    deploy(host)
    assert host.calls() == [*COLD[:6], "deployments", "poll"]
    assert len(host.deployments) == 1


def test_a_publish_that_did_not_happen_is_repeated(host: CloudflareHost) -> None:
    host.faults.add("deploy", Fault.drop("before"))
    deploy(host)
    assert host.calls() == [*COLD[:6], "deployments", "deploy", "poll"]


def test_a_project_that_was_made_before_the_answer_was_lost_is_taken(host: CloudflareHost) -> None:
    host.faults.add("create", Fault.drop("after"))
    deploy(host, project="fresh", create=True)
    assert len(host.deployments) == 1


def test_a_beacon_that_the_host_adds_to_pages_is_no_difference(host: CloudflareHost) -> None:
    host.edge.analytics = True
    assert deploy(host).verified == 5


# What does not pass


@pytest.mark.parametrize("call", COLD)
def test_a_call_that_never_succeeds_ends_in_an_error_of_its_own_code(host: CloudflareHost, call: str) -> None:
    host.faults.add(call, Fault.status(200, api_code=8000000), times=99)
    if call == "upsert":
        assert deploy(host).verified == 5
        return
    error = refusal(host)
    assert error.exit_code == (7 if call == "poll" else 5)


def test_uploads_that_are_never_stored_are_no_success(host: CloudflareHost) -> None:
    host.faults.add("upload", Fault.unsuccessful(), times=99)
    assert isinstance(refusal(host), TargetUnavailable)
    assert host.deployments == []


def test_a_stage_that_fails_says_why(host: CloudflareHost) -> None:
    host.stages = "failure"
    error = refusal(host)
    assert (type(error), error.code) == (TargetRefused, "stage_failed")
    assert ":" in error.message


def test_a_token_that_is_wrong_is_told_from_one_that_lacks_a_permission(host: CloudflareHost) -> None:
    wrong = refusal(host, token="x" * 40)
    assert (wrong.exit_code, wrong.code) == (4, "token_rejected")
    lacking = refusal(host, token=host.add_token("account:read"))
    assert (lacking.exit_code, lacking.code) == (4, "permission_missing")
    assert "Cloudflare Pages: Edit" in lacking.message
    reading = refusal(host, token=host.add_token("pages:read"))
    assert reading.code == "permission_missing"


def test_a_malformed_token_is_named(host: CloudflareHost) -> None:
    assert refusal(host, token="short!").code == "token_malformed"
    with pytest.raises(TokenRejected):
        credentials({"CLOUDFLARE_API_TOKEN": "to ken"}, PERMISSION)


def test_no_token_is_said_with_where_to_get_one() -> None:
    with pytest.raises(KeyMissing) as caught:
        credentials({}, PERMISSION)
    assert "CLOUDFLARE_API_TOKEN" in caught.value.hint


def test_a_missing_project_names_the_way_to_make_it(host: CloudflareHost) -> None:
    error = refusal(host, project="nowhere")
    assert (error.exit_code, error.code) == (6, "no_such_project")
    assert "--create" in error.hint


def test_a_taken_name_and_a_bad_name_are_refused(host: CloudflareHost) -> None:
    host.faults.add("create", Fault.status(409, api_code=8000002), times=9)
    with pytest.raises(TargetRefused) as caught:
        run(target(host).deploy(tree(), "taken", Options(create=True)))
    assert caught.value.code == "name_taken"
    assert refusal(host, project="Not/A Name").code == "bad_name"


def test_quota_and_size_are_named(host: CloudflareHost) -> None:
    quota = {"success": False, "errors": [{"code": 8000999, "message": "You have exceeded the limit"}]}
    host.faults.add("deploy", Fault.status(400, quota), times=9)
    assert refusal(host).code == "quota_exceeded"
    host.faults.add("upload", Fault.status(413, {"success": False, "errors": []}), times=9)
    with pytest.raises(TargetRefused) as caught:
        run(target(host).deploy(tree({"index.html": b"other"}), "demo", Options()))
    assert caught.value.code == "file_too_large"


def test_what_is_served_otherwise_is_not_confirmed(host: CloudflareHost) -> None:
    host.edge.serve("/styles.css", b"body { color: red }")
    error = refusal(host)
    assert isinstance(error, Unconfirmed)
    assert "styles.css" in error.message


def test_an_api_that_redirects_gets_no_token(host: CloudflareHost) -> None:
    host.faults.add("project", Fault.status(302, ""), times=9)
    assert "redirects" in refusal(host).message


def test_closing_the_stream_ends_the_work(host: CloudflareHost) -> None:
    async def stop() -> None:
        async with aclosing(engine.deploy(target(host).deploy(tree(), "demo", Options()))) as events:
            await anext(events)

    asyncio.run(stop())
    assert host.deployments == []


# A dry run


def plan(host: CloudflareHost, site: Tree, **options: Any) -> Planned:
    project = options.pop("project", "demo")
    last = run(target(host).plan(site, project, Options(**options)))[-1]
    assert isinstance(last, Planned)
    return last


def test_a_dry_run_of_a_new_project_changes_nothing(host: CloudflareHost) -> None:
    planned = plan(host, tree(), project="fresh", create=True)
    assert planned.creates_project
    assert set(planned.new) == set(FILES)
    assert host.calls() == ["project"]


@pytest.mark.parametrize("by_record", [True, False])
def test_a_dry_run_says_what_would_change(host: CloudflareHost, by_record: bool) -> None:
    deploy(host)
    host.requests.clear()
    later = {"index.html": b"<!doctype html><title>New</title>", "fresh.css": b"a {}"}
    site = tree({path: data for path, data in FILES.items() if path != "about.html"} | later)
    previous = {path: digest(data) for path, data in FILES.items()} if by_record else None
    planned = plan(host, site, previous=previous)
    assert (planned.new, planned.changed) == (("fresh.css",), ("index.html",))
    assert planned.unchanged == ("a b%.png", "blog/index.html", "styles.css")
    assert planned.removed == (("about.html",) if by_record else None)
    assert planned.upload_bytes == sum(map(len, later.values()))
    assert len(host.deployments) == 1
    assert "upload" not in host.calls()


def test_the_payload_is_wranglers(host: CloudflareHost) -> None:
    deploy(host, tree({"index.html": b"hi"}))
    body = next(seen.body for seen in host.requests if seen.call == "upload")
    sent = json.loads(body)
    assert list(sent[0]) == ["key", "value", "metadata", "base64"]
    assert body == json.dumps(sent, separators=(",", ":")).encode()
