"""Cloudflare without an account: terms accepted, work proved, a Worker published, and the claim link handed over."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

import pytest
import target_runs
from cloudflare_host import CloudflareHost, Fault
from hypothesis import given, settings
from hypothesis import strategies as st
from target_runs import FAULTS, FILES, PATIENCE, tree

from webmint_cli.errors import TargetRefused, UsageError, WebMintError
from webmint_cli.events import Status, from_dict, to_dict
from webmint_cli.targets.cloudflare.trial import CloudflareTrial, solved, target
from webmint_cli.targets.target import Options

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webmint_cli.events import Deployed

ACCEPTED = Options(terms_accepted=True, verify=1.0)


@pytest.fixture
def host() -> Iterator[CloudflareHost]:
    with CloudflareHost() as running:
        yield running


def made(host: CloudflareHost) -> CloudflareTrial:
    def address(script: str, _subdomain: str) -> str:
        return host.workers.scripts[script].url

    return CloudflareTrial(host.api, patience=PATIENCE, address=address)


def deploy(host: CloudflareHost) -> Deployed:
    return target_runs.deploy(made(host), tree(), "demo", ACCEPTED)


def refusal(host: CloudflareHost, options: Options = ACCEPTED) -> WebMintError:
    return target_runs.refusal(made(host), tree(), "demo", options)


def answer_of(work: Any) -> str:
    while True:
        try:
            next(work)
        except StopIteration as end:
            return str(end.value)


def test_a_trial_is_published_and_can_be_claimed(host: CloudflareHost) -> None:
    host.workers.subdomain = None
    done = deploy(host)
    assert host.calls()[:2] == ["challenge", "trial"]
    assert (done.target, done.verified, done.uploaded) == ("cloudflare-trial", 5, 5)
    assert done.claim_url == host.trials.claims[-1]
    assert done.claim_by
    assert from_dict(to_dict(done)) == done
    assert "Temporary" in host.accounts.values()
    # The new account's own token is what it is published with.
    assert all(host.token not in str(seen.headers) for seen in host.requests)


def test_the_terms_are_shown_and_must_be_accepted_before_anything_is_sent(host: CloudflareHost) -> None:
    for address in ("https://www.cloudflare.com/terms/", "https://www.cloudflare.com/privacypolicy/"):
        assert address in CloudflareTrial.terms
    error = refusal(host, Options())
    assert isinstance(error, UsageError)
    assert "--yes" in error.hint
    assert host.requests == []


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("call", ["challenge", "trial", "script"])
def test_one_fault_of_any_call_is_survived(host: CloudflareHost, call: str, fault: Fault) -> None:
    host.faults.add(call, fault)
    done = deploy(host)
    assert done.verified == 5
    assert done.claim_url == host.trials.claims[-1]


@pytest.mark.parametrize("call", ["challenge", "trial"])
def test_a_call_that_never_succeeds_is_temporary(host: CloudflareHost, call: str) -> None:
    host.faults.add(call, Fault.status(502, html=True), times=99)
    assert refusal(host).exit_code == 5


def test_what_is_not_confirmed_can_be_claimed_all_the_same(host: CloudflareHost) -> None:
    host.edge.serve("/styles.css", b"other")
    error = refusal(host, Options(terms_accepted=True, verify=0.1))
    assert error.exit_code == 7
    assert host.trials.claims[-1] in error.hint


def test_the_work_is_told_while_it_is_done(host: CloudflareHost) -> None:
    host.trials.k, host.trials.g = 20, 30_000
    events = target_runs.run(made(host).deploy(tree(), "demo", ACCEPTED))
    assert any("Proof of work" in event.message for event in events if isinstance(event, Status))


@settings(max_examples=30, deadline=None)
@given(seed=st.binary(min_size=32, max_size=32), k=st.integers(0, 4), g=st.sampled_from([1, 7, 10_001]))
def test_the_proof_is_every_checkpoint_of_the_chain(seed: bytes, k: int, g: int) -> None:
    text = base64.urlsafe_b64encode(seed).rstrip(b"=").decode()
    proof = base64.b64decode(answer_of(solved({"seed": text, "k": k, "g": g})))
    chain = [hashlib.sha256(seed).digest()]
    for _ in range(k * g):
        chain.append(hashlib.sha256(chain[-1]).digest())
    assert proof == b"".join(chain[::g])


def test_work_without_end_is_refused() -> None:
    with pytest.raises(TargetRefused) as caught:
        answer_of(solved({"seed": "", "k": 1 << 20, "g": 1 << 20}))
    assert caught.value.code == "too_much_work"


def test_a_plan_needs_nobody(host: CloudflareHost) -> None:
    planned = target_runs.plan(made(host), tree(), "demo", Options())
    assert planned.new == tuple(sorted(FILES))
    assert host.requests == []


def test_no_token_is_needed_or_sent(host: CloudflareHost) -> None:
    trial = target({"CLOUDFLARE_API_BASE_URL": f"{host.api}/", "CLOUDFLARE_API_TOKEN": host.token})
    host.faults.add("trial", Fault.status(403), times=9)
    target_runs.refusal(trial, tree(), "demo", ACCEPTED)
    assert host.calls()
    assert all("authorization" not in seen.headers for seen in host.requests)
