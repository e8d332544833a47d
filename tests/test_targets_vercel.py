"""Vercel over real sockets: the calls, the faults, the refusals, and doors that are shut to readers."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from cloudflare_faults import Fault
from cloudflare_wire import Answer
from deploying import FAULTS, FILES, PATIENCE, deployed, failure, options, planned, stopped, tree
from vercel_host import BYPASS, VercelHost

from webmint_cli.errors import (
    ExitCode,
    KeyMissing,
    TargetRefused,
    TargetUnavailable,
    TokenRejected,
    Unconfirmed,
    UsageError,
)
from webmint_cli.targets.target import Commit, Options, digest
from webmint_cli.targets.vercel import Vercel, target
from webmint_cli.targets.vercel_account import Credentials

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webmint_cli.events import Deployed
    from webmint_cli.targets.target import Tree

PAGES = {"index.html": b"<h1>Home</h1>", "about.html": b"<h1>About</h1>"}
COLD = ["project", "deploy", *["upload"] * 6, "deploy", *["poll"] * 3]


@pytest.fixture
def host() -> Iterator[VercelHost]:
    with VercelHost() as running:
        running.add_project("demo")
        yield running


def vercel(host: VercelHost, **given: Any) -> Vercel:
    return Vercel(replace(Credentials(host.token, base_url=host.origin), **given), patience=PATIENCE)


def deploy(host: VercelHost, site: Tree | None = None, project: str = "demo", **given: Any) -> Deployed:
    return deployed(vercel(host).deploy(site or tree(), project, Options(**options(**given))))


def refusal(host: VercelHost, project: str = "demo", site: Tree | None = None, **given: Any) -> Any:
    return failure(vercel(host).deploy(site or tree(), project, Options(**options(**given))), host.token)


def test_a_cold_deployment_sends_each_content_once_and_is_confirmed(host: VercelHost) -> None:
    done = deploy(host)
    assert host.calls() == COLD
    assert (done.uploaded, done.unchanged, done.verified) == (6, 0, 6)
    assert (done.environment, done.project_name, done.target) == ("production", "demo", "vercel")
    made = host.deployments[done.deployment_id]
    assert (done.url, done.aliases) == (made.url, tuple(made.alias))
    assert host.repeats == []


def test_an_unchanged_site_sends_nothing(host: VercelHost) -> None:
    deploy(host)
    host.requests.clear()
    done = deploy(host)
    assert host.calls() == ["project", "deploy", *["poll"] * 3]
    assert (done.uploaded, done.unchanged) == (0, 6)


def test_few_small_pages_go_with_the_request(host: VercelHost) -> None:
    done = deploy(host, tree(PAGES))
    assert host.calls() == ["project", "deploy", "poll"]
    assert (done.verified, done.uploaded) == (2, 0)


@pytest.mark.parametrize(
    "more",
    [
        {"styles.css": b""},
        {"public/index.html": b"x"},
        {f"p{number}.html": b"" for number in range(9)},
        {"large.html": b"x" * (5 << 20)},
    ],
    ids=["a style", "a folder that has a meaning", "eleven files", "over 5 MB"],
)
def test_other_sites_are_served_as_they_are(host: VercelHost, more: dict[str, bytes]) -> None:
    done = deploy(host, tree(PAGES | more))
    assert host.of("deploy")[-1]["builds"] == [{"src": "**", "use": "@vercel/static"}]
    assert done.verified == len(PAGES | more)


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ({}, "production"),
        ({"commit": Commit(hash="abc")}, "production"),
        ({"production": True, "commit": Commit("feature")}, "production"),
        ({"commit": Commit("feature", "abc", "Say it", is_dirty=True)}, None),
        ({"branch": "try"}, None),
    ],
)
def test_a_known_branch_makes_a_preview_unless_production_is_asked_for(
    host: VercelHost, given: dict[str, Any], sent: str | None
) -> None:
    done = deploy(host, **given)
    assert host.of("deploy")[-1].get("target") == sent
    assert done.environment == (sent or "preview")


def test_the_commit_is_told(host: VercelHost) -> None:
    deploy(host, commit=Commit("feature", "abc", "Say it", is_dirty=True))
    told = {"commitRef": "feature", "commitSha": "abc", "commitMessage": "Say it", "dirty": True}
    assert host.of("deploy")[-1]["gitMetadata"] == told


def test_the_team_is_in_every_call(host: VercelHost) -> None:
    host.team = "team_1"
    assert deployed(vercel(host, team="team_1").deploy(tree(), "demo", Options(verify=1.0))).verified == 6
    assert isinstance(refusal(host), TokenRejected)


def test_a_project_by_its_id_stands_over_the_name(host: VercelHost) -> None:
    identifier = next(iter(host.projects))
    done = deployed(vercel(host, project=identifier).deploy(tree(), "x", Options(verify=1.0)))
    assert done.project_name == "demo"
    error = failure(vercel(host, project="prj_no").deploy(tree(), "demo", Options(create=True)), host.token)
    assert (error.code, "VERCEL_PROJECT_ID" in error.hint) == ("no_such_project", True)


def test_a_missing_project_is_made_only_when_that_is_asked_for(host: VercelHost) -> None:
    error = refusal(host, "fresh")
    assert (error.code, error.exit_code) == ("no_such_project", ExitCode.REFUSED)
    assert "--create" in error.hint
    assert deploy(host, project="fresh", create=True).project_name == "fresh"
    assert host.calls().count("create") == 1


@pytest.mark.parametrize("call", ["project", "create", "deploy", "upload", "poll"])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_every_call_survives_a_passing_fault(host: VercelHost, call: str, fault: Fault) -> None:
    host.faults.add(call, fault)
    assert deploy(host, project="fresh", create=True).verified == 6
    assert list(host.projects.values()).count("fresh") == 1
    assert len(host.deployments) == 1


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_the_request_that_publishes_happens_once(host: VercelHost, fault: Fault) -> None:
    host.faults.add("deploy", fault, after=1)
    assert deploy(host).verified == 6
    assert len(host.deployments) == 1


def test_a_host_that_fails_on_ends_as_worth_trying_again(host: VercelHost) -> None:
    host.faults.add("deploy", Fault.status(503), times=99)
    assert isinstance(refusal(host), TargetUnavailable)


def test_when_nobody_can_tell_whether_it_happened_that_is_said(host: VercelHost) -> None:
    host.faults.add("deploy", Fault.drop("after"), after=1)
    host.faults.add("deployments", Fault.status(503), times=99)
    assert isinstance(refusal(host), Unconfirmed)


def test_an_outage_while_waiting_is_unconfirmed(host: VercelHost) -> None:
    host.faults.add("poll", Fault.status(503), times=99)
    assert refusal(host).exit_code == ExitCode.UNCONFIRMED


@pytest.mark.parametrize("state", ["ERROR", "CANCELED"])
def test_a_deployment_that_fails_says_why(host: VercelHost, state: str) -> None:
    host.ends = state
    error = refusal(host)
    assert (error.code, error.exit_code) == ("deploy_failed", ExitCode.REFUSED)
    assert state.lower() in error.message
    assert ("the build broke" in error.message) is (state == "ERROR")


def test_an_alias_that_fails_is_not_confirmed(host: VercelHost) -> None:
    host.alias_error = "the certificate is missing"
    error = refusal(host)
    assert isinstance(error, Unconfirmed)
    assert "the certificate is missing" in error.message


def test_who_leaves_cancels_the_deployment(host: VercelHost) -> None:
    host.polls = 10_000
    stopped(vercel(host).deploy(tree(), "demo", Options()), "Vercel: building")
    assert [made.state for made in host.deployments.values()] == ["CANCELED"]


@pytest.mark.parametrize("protection", ["401", "login"])
def test_a_protected_preview_is_not_confirmed_and_the_hint_opens_it(
    host: VercelHost, protection: str
) -> None:
    host.protection = protection
    error = refusal(host, branch="try", verify=60.0)
    assert (error.code, error.exit_code) == ("protected", ExitCode.UNCONFIRMED)
    assert "VERCEL_AUTOMATION_BYPASS_SECRET" in error.hint
    opened = vercel(host, bypass=BYPASS).deploy(tree(), "demo", Options(branch="try", verify=1.0))
    assert deployed(opened).verified == 6


def test_production_is_confirmed_at_its_public_name(host: VercelHost) -> None:
    host.protection = "401"
    done = deploy(host)
    made = host.deployments[done.deployment_id]
    assert (done.url, done.aliases) == (made.alias[0], (made.url,))
    host.protects_aliases = True
    assert refusal(host).code == "protected"


def test_readers_meet_no_toolbar_and_no_token(host: VercelHost) -> None:
    deploy(host)
    assert all(seen.headers["x-vercel-skip-toolbar"] == "1" for seen in host.reads)
    assert all("authorization" not in seen.headers for seen in host.reads)


def test_a_wrong_token_is_said_without_the_token(host: VercelHost) -> None:
    wrong = "vercel-canary-0123456789"
    error = failure(vercel(host, token=wrong).deploy(tree(), "demo", Options()), wrong)
    assert isinstance(error, TokenRejected)
    assert "VERCEL_TOKEN" in error.message


def test_a_token_that_may_not_deploy_names_the_team(host: VercelHost) -> None:
    host.may_deploy = False
    error = refusal(host)
    assert (error.code, error.exit_code) == ("permission_missing", ExitCode.KEY)
    assert "team" in error.hint


@pytest.mark.parametrize(
    ("call", "status", "said", "code"),
    [
        ("deploy", 402, "payment_required", "quota_exceeded"),
        ("deploy", 403, "api-deployments-limit-exceeded", "quota_exceeded"),
        ("deploy", 413, "", "file_too_large"),
        ("upload", 400, "size_limit_exceeded", "file_too_large"),
        ("create", 409, "conflict", "name_taken"),
        ("deploy", 400, "bad_request", "refused"),
    ],
)
def test_a_permanent_refusal_has_its_code(
    host: VercelHost, call: str, status: int, said: str, code: str
) -> None:
    host.faults.add(call, Fault.status(status, {"error": {"code": said, "message": "No more"}}))
    error = refusal(host, "fresh", create=True)
    assert (error.code, error.exit_code) == (code, ExitCode.REFUSED)
    assert "No more" in error.message


def test_a_redirect_gets_no_token(host: VercelHost) -> None:
    with VercelHost() as other:
        host.faults.add("project", Fault(instead=Answer(307, headers={"location": f"{other.origin}/x"})))
        assert isinstance(refusal(host), TargetRefused)
        assert other.requests == []


def test_a_plan_says_what_changes_and_changes_nothing(host: VercelHost) -> None:
    deploy(host)
    host.requests.clear()
    changed = {**FILES, "blog/index.html": b"other", "new.txt": b"new"}
    del changed["about.html"]
    plan = planned(vercel(host).plan(tree(changed), "demo", Options()))
    assert (plan.new, plan.changed, plan.removed) == (("new.txt",), ("blog/index.html",), ("about.html",))
    assert len(plan.unchanged) == 4
    assert plan.upload_bytes == len(b"othernew")
    assert host.calls() == ["project", "deployments", "files"]


def test_where_files_are_not_listed_a_plan_goes_by_what_is_known_here(host: VercelHost) -> None:
    deploy(host)
    host.lists_files = False
    known = {path: digest(data) for path, data in FILES.items()} | {"old.html": "0" * 64}
    plan = planned(vercel(host).plan(tree(), "demo", Options(previous=known)))
    assert (len(plan.unchanged), plan.removed) == (6, ("old.html",))
    blind = planned(vercel(host).plan(tree(), "demo", Options()))
    assert (len(blind.new), blind.removed) == (6, None)


def test_a_plan_for_a_new_project_says_that_it_makes_it(host: VercelHost) -> None:
    plan = planned(vercel(host).plan(tree(), "fresh", Options(create=True)))
    assert (plan.creates_project, len(plan.new), plan.removed) == (True, 6, ())
    assert failure(vercel(host).plan(tree(), "fresh", Options()), host.token).code == "no_such_project"
    assert host.calls() == ["project", "project"]


@pytest.mark.parametrize(("owner", "team"), [("team_1", "team_1"), ("user_1", "")])
def test_the_environment_gives_token_project_team_and_address(
    host: VercelHost, owner: str, team: str
) -> None:
    host.team = team
    environment = {
        "VERCEL_TOKEN": host.token,
        "VERCEL_ORG_ID": owner,
        "VERCEL_PROJECT_ID": next(iter(host.projects)),
        "VERCEL_API_URL": f"{host.origin}/",
    }
    made = target(environment)
    assert planned(made.plan(tree(), "x", Options())).project_name == "demo"
    assert not made.capacity.rules


def test_a_missing_token_is_said_with_where_to_make_one() -> None:
    with pytest.raises(KeyMissing) as caught:
        target({})
    assert "export VERCEL_TOKEN" in caught.value.hint
    assert "https://vercel.com" in caught.value.hint


@pytest.mark.parametrize(
    ("environment", "kind"),
    [({"VERCEL_TOKEN": "a b"}, TokenRejected), ({"VERCEL_TOKEN": "a", "VERCEL_API_URL": "x"}, UsageError)],
)
def test_settings_that_make_no_sense_are_refused(environment: dict[str, str], kind: type[Exception]) -> None:
    with pytest.raises(kind):
        target(environment)
