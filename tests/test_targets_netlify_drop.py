"""Netlify Drop: terms first, no token of ours, and the way to claim the site is never lost."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cloudflare_faults import Fault
from deploying import FAULTS, PATIENCE, deployed, failure, options, planned, tree
from netlify_host import NetlifyHost

from webmint_cli.errors import ExitCode, TargetRefused, Unconfirmed, UsageError
from webmint_cli.targets.netlify_drop import NetlifyDrop, target
from webmint_cli.targets.target import Options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webmint_cli.events import Deployed


@pytest.fixture
def host() -> Iterator[NetlifyHost]:
    with NetlifyHost() as running:
        yield running


def drop(host: NetlifyHost) -> NetlifyDrop:
    return NetlifyDrop(base_url=host.api, patience=PATIENCE)


def deploy(host: NetlifyHost) -> Deployed:
    # A Drop's own address is that of the site, which here only the deploy has.
    return deployed(_served(host).deploy(tree(), "x", Options(**options(terms_accepted=True))))


def refusal(host: NetlifyHost, **given: Any) -> Any:
    return failure(
        _served(host).deploy(tree(), "x", Options(**options(terms_accepted=True, **given))), host.token
    )


def _served(host: NetlifyHost) -> NetlifyDrop:
    host.site_is_deploy = True
    return drop(host)


def test_a_drop_is_public_confirmed_and_to_be_claimed(host: NetlifyHost) -> None:
    done = deploy(host)
    assert host.calls() == ["drop-token", "drop", *["upload"] * 6, "poll", "poll"]
    token = next(iter(host.drop_tokens))
    assert done.claim_url == f"https://app.netlify.com/drop/{done.project_name}#drop_token={token}"
    until = datetime.fromisoformat(done.claim_by or "") - datetime.now(UTC)
    assert timedelta(minutes=58) < until <= timedelta(minutes=60)
    assert (done.target, done.uploaded, done.verified) == ("netlify-drop", 6, 6)


def test_without_the_terms_nothing_is_asked(host: NetlifyHost) -> None:
    error = failure(drop(host).deploy(tree(), "x", Options()), host.token)
    assert isinstance(error, UsageError)
    assert error.hint == NetlifyDrop.terms
    assert all(word in NetlifyDrop.terms for word in ("60 minutes", "public", "experimental"))
    assert host.requests == []


def test_it_is_no_password_that_readers_meet(host: NetlifyHost) -> None:
    deploy(host)
    assert host.of("drop")[0]["created_via"] not in ("", "drop")


@pytest.mark.parametrize("call", ["drop-token", "drop", "upload", "poll"])
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_every_call_survives_a_passing_fault(host: NetlifyHost, call: str, fault: Fault) -> None:
    host.faults.add(call, fault)
    assert deploy(host).verified == 6
    assert [made.state for made in host.deploys.values()].count("ready") == 1


@pytest.mark.parametrize("call", ["drop-token", "drop"])
def test_the_daily_limit_is_a_refusal_that_names_the_way_on(host: NetlifyHost, call: str) -> None:
    host.faults.add(call, Fault.status(429), times=99)
    error = refusal(host)
    assert type(error) is TargetRefused
    assert (error.code, error.exit_code) == ("quota_exceeded", ExitCode.REFUSED)
    assert "NETLIFY_AUTH_TOKEN" in error.hint


def test_a_drop_that_is_not_confirmed_can_still_be_claimed(host: NetlifyHost) -> None:
    host.adds = b"<script>alert(1)</script>"
    error = refusal(host, verify=0.1)
    assert isinstance(error, Unconfirmed)
    assert "https://app.netlify.com/drop/" in error.hint
    assert "until" in error.hint


def test_an_outage_after_everything_was_sent_keeps_the_claim(host: NetlifyHost) -> None:
    host.faults.add("poll", Fault.status(503), times=99)
    error = refusal(host)
    assert isinstance(error, Unconfirmed)
    assert "#drop_token=" in error.hint


def test_a_plan_asks_nobody(host: NetlifyHost) -> None:
    plan = planned(drop(host).plan(tree(), "x", Options()))
    assert (plan.creates_project, len(plan.new), plan.removed) == (True, 6, ())
    assert host.requests == []


def test_the_environment_gives_the_address_and_no_token(host: NetlifyHost) -> None:
    host.site_is_deploy, host.polls = True, 0
    made = target({"NETLIFY_API_URL": host.origin, "NETLIFY_AUTH_TOKEN": host.token})
    deployed(made.deploy(tree(), "x", Options(terms_accepted=True, verify=5.0)))
    assert all(host.token not in str(seen.headers) for seen in host.requests)
