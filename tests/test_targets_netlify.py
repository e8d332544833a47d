"""Netlify over real sockets: the calls, the faults, the refusals, and that only what is confirmed is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from cloudflare_faults import Fault
from cloudflare_wire import Answer
from deploying import FAULTS, FILES, PATIENCE, deployed, failure, options, planned, stopped, tree
from netlify_host import NetlifyHost

from webmint_cli.errors import (
    ExitCode,
    KeyMissing,
    NotDeployable,
    TargetRefused,
    TargetUnavailable,
    TokenRejected,
    Unconfirmed,
    UsageError,
)
from webmint_cli.targets.api import Patience
from webmint_cli.targets.netlify import Netlify, alias, target
from webmint_cli.targets.target import Commit, Options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webmint_cli.events import Deployed
    from webmint_cli.targets.target import Tree

COLD = ["sites", "deploy", *["upload"] * 6, "poll", "poll"]
DRAWER = (
    b'<div data-netlify-deploy-id="1" data-netlify-site-id="2"><script async '
    b'src="https://netlify-cdp-loader.netlify.app/netlify.js"></script></div>'
)


@pytest.fixture
def host() -> Iterator[NetlifyHost]:
    with NetlifyHost() as running:
        running.add_site("demo-two")
        running.add_site("demo")
        yield running


def netlify(host: NetlifyHost, token: str = "", **given: Any) -> Netlify:
    return Netlify(token or host.token, base_url=host.api, **{"patience": PATIENCE} | given)


def deploy(host: NetlifyHost, site: Tree | None = None, project: str = "demo", **given: Any) -> Deployed:
    return deployed(netlify(host).deploy(site or tree(), project, Options(**options(**given))))


def refusal(host: NetlifyHost, project: str = "demo", site: Tree | None = None, **given: Any) -> Any:
    return failure(netlify(host).deploy(site or tree(), project, Options(**options(**given))), host.token)


def test_a_cold_deployment_sends_each_content_once_and_is_confirmed(host: NetlifyHost) -> None:
    done = deploy(host)
    assert host.calls() == COLD
    assert (done.uploaded, done.unchanged, done.verified) == (6, 0, 6)
    assert (done.environment, done.project_name, done.target) == ("production", "demo", "netlify")
    assert "https://demo.netlify.app" in done.aliases
    assert host.repeats == []


def test_an_unchanged_site_sends_nothing(host: NetlifyHost) -> None:
    deploy(host)
    host.requests.clear()
    done = deploy(host)
    assert host.calls() == ["sites", "deploy", "poll", "poll"]
    assert (done.uploaded, done.unchanged) == (0, 6)


def test_a_content_that_two_files_share_is_sent_once(host: NetlifyHost) -> None:
    done = deploy(host, tree({"index.html": b"same", "copy.html": b"same"}))
    assert (done.uploaded, done.verified) == (1, 2)


def test_rules_are_files_of_the_deploy_that_are_not_served(host: NetlifyHost) -> None:
    done = deploy(host, tree(None, _headers=b"/*\n  X-A: b\n", _redirects=b"/old / 301\n"))
    assert {"/_headers", "/_redirects"} < set(host.of("deploy")[0]["files"])
    assert (done.uploaded, done.verified) == (8, 6)


def test_many_files_are_compared_later_and_then_sent(host: NetlifyHost) -> None:
    files = {f"p{number}.txt": str(number).encode() for number in range(101)} | {"index.html": b"home"}
    done = deploy(host, tree(files))
    assert host.of("deploy")[0]["async"] is True
    assert (done.uploaded, done.verified) == (102, 102)


@pytest.mark.parametrize(
    ("given", "place", "environment"),
    [
        ({}, {"draft": False}, "production"),
        ({"production": True, "commit": Commit("trunk")}, {"draft": False}, "production"),
        ({"commit": Commit("Feature/X")}, {"draft": False, "branch": "feature-x"}, "preview"),
        ({"branch": "try", "commit": Commit("main")}, {"draft": False, "branch": "try"}, "preview"),
        ({"commit": Commit(hash="abc")}, {"draft": True}, "preview"),
    ],
)
def test_a_branch_makes_a_preview_unless_production_is_asked_for(
    host: NetlifyHost, given: dict[str, Any], place: dict[str, Any], environment: str
) -> None:
    done = deploy(host, **given)
    sent = host.of("deploy")[0]
    assert {name: sent[name] for name in ("draft", "branch") if name in sent} == place
    assert done.environment == environment
    assert bool(host.live) is (environment == "production")
    assert ("https://demo.netlify.app" in done.aliases) is (environment == "production")


@pytest.mark.parametrize("branch", ["x" * 60, "a" * 36 + "/b", "ÄÖ/!", "renovate/major-all_the.things@2"])
def test_an_alias_is_a_label_of_at_most_37_characters(branch: str) -> None:
    made = alias(Options(branch=branch))
    assert len(made) <= 37
    assert not made.startswith("-")
    assert not made.endswith("-")
    assert all(sign.isalnum() or sign == "-" for sign in made)
    assert made.isascii()


def test_a_site_is_found_by_its_exact_name_or_by_its_id(host: NetlifyHost) -> None:
    assert deploy(host).project_name == "demo"
    identifier = next(key for key, name in host.sites.items() if name == "demo-two")
    done = deployed(netlify(host, site_id=identifier).deploy(tree(), "demo", Options(verify=1.0)))
    assert done.project_name == "demo-two"


def test_a_missing_site_is_made_only_when_that_is_asked_for(host: NetlifyHost) -> None:
    error = refusal(host, "dem")
    assert (error.code, error.exit_code) == ("no_such_project", ExitCode.REFUSED)
    assert "--create" in error.hint
    assert deploy(host, project="dem", create=True).project_name == "dem"
    assert host.calls().count("create") == 1


@pytest.mark.parametrize("call", ["sites", "create", "deploy", "upload", "poll"])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_every_call_survives_a_passing_fault(host: NetlifyHost, call: str, fault: Fault) -> None:
    host.faults.add(call, fault)
    done = deploy(host, project="fresh", create=True)
    assert done.verified == 6
    assert list(host.sites.values()).count("fresh") == 1
    ready = [made for made in host.deploys.values() if made.state == "ready"]
    assert len(ready) == len(host.deploys) == 1


def test_a_host_that_fails_on_ends_as_worth_trying_again(host: NetlifyHost) -> None:
    host.faults.add("deploy", Fault.status(503), times=99)
    error = refusal(host)
    assert isinstance(error, TargetUnavailable)
    assert error.exit_code == ExitCode.TEMPORARY


def test_when_nobody_can_tell_whether_it_happened_that_is_said(host: NetlifyHost) -> None:
    host.faults.add("deploy", Fault.drop("after"))
    host.faults.add("deploys", Fault.status(503), times=99)
    assert isinstance(refusal(host), Unconfirmed)


def test_an_outage_after_everything_was_sent_is_unconfirmed(host: NetlifyHost) -> None:
    host.faults.add("poll", Fault.status(503), times=99)
    error = refusal(host)
    assert error.exit_code == ExitCode.UNCONFIRMED
    assert "cancel" not in host.calls()


def test_an_outage_while_files_are_sent_cancels_the_deploy(host: NetlifyHost) -> None:
    host.faults.add("upload", Fault.status(503), times=99)
    assert isinstance(refusal(host), TargetUnavailable)
    assert [made.state for made in host.deploys.values()] == ["cancelled"]


def test_who_leaves_cancels_the_deploy(host: NetlifyHost) -> None:
    host.polls = 10_000
    stopped(netlify(host).deploy(tree(), "demo", Options()), "Waiting until the deploy is live")
    assert [made.state for made in host.deploys.values()] == ["cancelled"]


def test_a_deploy_that_fails_says_why(host: NetlifyHost) -> None:
    host.fails = "the redirects are broken"
    error = refusal(host)
    assert (error.code, error.exit_code) == ("deploy_failed", ExitCode.REFUSED)
    assert "the redirects are broken" in error.message


def test_other_bytes_than_those_sent_are_not_confirmed(host: NetlifyHost) -> None:
    host.adds = b"<script>alert(1)</script>"
    error = failure(netlify(host).deploy(tree(), "demo", Options(verify=0.1)), host.token)
    assert isinstance(error, Unconfirmed)
    assert "index.html" in error.message


def test_what_netlify_adds_to_previews_is_no_difference(host: NetlifyHost) -> None:
    host.adds = DRAWER
    assert deploy(host, branch="try").verified == 6


def test_a_wrong_token_is_said_without_the_token(host: NetlifyHost) -> None:
    wrong = "nfp_canary0123456789"
    error = failure(netlify(host, wrong).deploy(tree(), "demo", Options()), wrong)
    assert isinstance(error, TokenRejected)
    assert error.exit_code == ExitCode.KEY


def test_a_token_that_may_not_deploy_names_the_permission(host: NetlifyHost) -> None:
    host.may_deploy = False
    error = refusal(host)
    assert (error.code, error.exit_code) == ("permission_missing", ExitCode.KEY)
    assert "team" in error.hint


@pytest.mark.parametrize(
    ("call", "status", "code"),
    [
        ("deploy", 402, "quota_exceeded"),
        ("upload", 413, "file_too_large"),
        ("deploy", 404, "no_such_project"),
    ],
)
def test_a_permanent_refusal_has_its_code(host: NetlifyHost, call: str, status: int, code: str) -> None:
    host.faults.add(call, Fault.status(status, {"message": "No more"}))
    error = refusal(host)
    assert (error.code, error.exit_code) == (code, ExitCode.REFUSED)
    assert "No more" in error.message


def test_a_name_that_others_have_is_refused(host: NetlifyHost) -> None:
    error = refusal(host, "taken", create=True)
    assert (error.code, error.message.count("must be unique")) == ("name_taken", 1)


def test_an_unknown_id_of_a_site_is_refused(host: NetlifyHost) -> None:
    error = failure(netlify(host, site_id="nowhere").deploy(tree(), "demo", Options()), host.token)
    assert error.code == "no_such_project"
    assert "NETLIFY_SITE_ID" in error.hint


def test_a_redirect_gets_no_token(host: NetlifyHost) -> None:
    with NetlifyHost() as other:
        host.faults.add("sites", Fault(instead=Answer(307, headers={"location": f"{other.api}/sites"})))
        error = refusal(host)
        assert isinstance(error, TargetRefused)
        assert other.requests == []


@pytest.mark.parametrize("name", ["a#b.html", "what?.html"])
def test_names_that_netlify_does_not_take_are_refused_without_network(host: NetlifyHost, name: str) -> None:
    error = refusal(host, site=tree(FILES | {name: b""}))
    assert isinstance(error, NotDeployable)
    assert name in error.message
    assert host.requests == []


def test_a_plan_says_what_changes_and_changes_nothing(host: NetlifyHost) -> None:
    deploy(host)
    host.requests.clear()
    changed = {**FILES, "index.html": b"other", "new.txt": b"new"}
    del changed["about.html"]
    plan = planned(netlify(host).plan(tree(changed), "demo", Options()))
    assert (plan.new, plan.changed, plan.removed) == (("new.txt",), ("index.html",), ("about.html",))
    assert len(plan.unchanged) == 4
    assert plan.upload_bytes == len(b"othernew")
    assert set(host.calls()) == {"sites", "files"}


def test_a_plan_reads_a_long_list_of_files_to_its_end(host: NetlifyHost) -> None:
    files = {f"p{number}.txt": str(number).encode() for number in range(250)} | {"index.html": b"home"}
    deploy(host, tree(files))
    plan = planned(netlify(host).plan(tree(files), "demo", Options()))
    assert (len(plan.unchanged), plan.new, plan.changed, plan.removed) == (251, (), (), ())


def test_a_plan_for_a_new_site_says_that_it_makes_it(host: NetlifyHost) -> None:
    plan = planned(netlify(host).plan(tree(), "fresh", Options(create=True)))
    assert (plan.creates_project, len(plan.new), plan.removed) == (True, 6, ())
    assert "create" not in host.calls()
    error = failure(netlify(host).plan(tree(), "fresh", Options()), host.token)
    assert error.code == "no_such_project"


def test_the_environment_gives_token_site_and_address(host: NetlifyHost) -> None:
    identifier = next(iter(host.sites))
    environment = {
        "NETLIFY_AUTH_TOKEN": host.token,
        "NETLIFY_SITE_ID": identifier,
        "NETLIFY_API_URL": host.origin,
    }
    assert planned(target(environment).plan(tree(), "x", Options())).project_name == "demo-two"
    assert "site" in host.calls()


def test_a_missing_token_is_said_with_where_to_make_one() -> None:
    with pytest.raises(KeyMissing) as caught:
        target({})
    assert "export NETLIFY_AUTH_TOKEN" in caught.value.hint
    assert "https://app.netlify.com" in caught.value.hint


@pytest.mark.parametrize(
    ("environment", "kind"),
    [
        ({"NETLIFY_AUTH_TOKEN": "a b"}, TokenRejected),
        ({"NETLIFY_AUTH_TOKEN": "a", "NETLIFY_API_URL": "x"}, UsageError),
    ],
)
def test_settings_that_make_no_sense_are_refused(environment: dict[str, str], kind: type[Exception]) -> None:
    with pytest.raises(kind):
        target(environment)


def test_a_wait_that_is_asked_for_is_not_longer_than_patience(host: NetlifyHost) -> None:
    host.faults.add("sites", Fault.status(429, retry_after="3600"))
    impatient = netlify(host, patience=Patience(backoff=0.01, longest=1.0))
    error = failure(impatient.deploy(tree(), "demo", Options()), host.token)
    assert isinstance(error, TargetUnavailable)
