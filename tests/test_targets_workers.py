"""Cloudflare Workers static assets over real sockets: the session, the buckets, the versions, and what is served."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import target_runs
from cloudflare_host import CloudflareHost, Fault
from target_runs import FAULTS, FILES, PATIENCE, tree

from webmint_cli.errors import (
    StorageError,
    TargetUnavailable,
    TokenRejected,
    Unconfirmed,
    UsageError,
    WebMintError,
)
from webmint_cli.targets.cloudflare.account import Credentials
from webmint_cli.targets.cloudflare.workers import CloudflareWorkers, target, workers_dev
from webmint_cli.targets.target import Asset, Options, Tree, digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webmint_cli.events import Deployed, Planned

BEGIN = ["subdomain", "service", "session"]
COLD = [*BEGIN, "workers-upload", "script", "workers-dev", "workers-deployments"]
UPDATE = [*BEGIN, "workers-upload", "version", "workers-deploy", "workers-dev", "workers-deployments"]
CHANGED = FILES | {"index.html": b"<!doctype html><title>New</title>"}
RECORDED = Path(__file__).parent / "hosts" / "wrangler-workers.json"


@pytest.fixture
def host() -> Iterator[CloudflareHost]:
    with CloudflareHost() as running:
        yield running


def made(host: CloudflareHost, **changes: Any) -> CloudflareWorkers:
    given = {"token": host.token, "account": host.account, "base_url": host.api} | changes

    def address(script: str, _subdomain: str) -> str:
        return host.workers.scripts[script].url

    return CloudflareWorkers(Credentials(**given), patience=PATIENCE, address=address)


def deploy(host: CloudflareHost, site: Tree | None = None, project: str = "demo", **options: Any) -> Deployed:
    given = Options(**({"verify": 1.0} | options))
    return target_runs.deploy(made(host), site or tree(), project, given)


def refusal(
    host: CloudflareHost, site: Tree | None = None, project: str = "demo", **options: Any
) -> WebMintError:
    given = Options(**({"verify": 0.1} | options))
    error = target_runs.refusal(made(host), site or tree(), project, given)
    assert host.token not in error.message + error.hint
    return error


def plan(host: CloudflareHost, site: Tree, **options: Any) -> Planned:
    return target_runs.plan(made(host), site, "demo", Options(**options))


def metadata(host: CloudflareHost) -> dict[str, Any]:
    return host.workers.scripts["demo"].metadata


# The sequence


def test_a_first_deployment_puts_a_worker_without_a_script(host: CloudflareHost) -> None:
    done = deploy(host)
    assert host.calls() == COLD
    assert (done.uploaded, done.unchanged, done.verified) == (5, 0, 5)
    assert (done.environment, done.target) == ("production", "cloudflare-workers")
    assert done.deployment_id == host.workers.scripts["demo"].active
    script = next(seen for seen in host.requests if seen.call == "script")
    assert script.query == {"excludeScript": "true", "bindings_inherit": "strict"}


def test_a_later_one_is_a_version_that_gets_all_requests(host: CloudflareHost) -> None:
    first = deploy(host)
    host.requests.clear()
    done = deploy(host, tree(CHANGED))
    assert host.calls() == UPDATE
    assert (done.uploaded, done.unchanged, done.verified) == (1, 4, 5)
    assert done.deployment_id == host.workers.scripts["demo"].active != first.deployment_id
    assert len(host.workers.scripts["demo"].versions) == 2


def test_what_the_host_has_is_not_sent_again(host: CloudflareHost) -> None:
    deploy(host)
    host.requests.clear()
    assert deploy(host).uploaded == 0
    assert "workers-upload" not in host.calls()


def test_the_buckets_are_those_that_the_host_asks_for(host: CloudflareHost) -> None:
    host.workers.bucket_files = 2
    assert deploy(host).uploaded == 5
    uploads = [seen for seen in host.requests if seen.call == "workers-upload"]
    assert sorted(len(seen.parts()) for seen in uploads) == [1, 2, 2]


def test_rules_and_pages_own_answers_are_configured(host: CloudflareHost) -> None:
    deploy(host, tree(FILES, _headers=b"/*\n  X-A: b\n", _redirects=b"/old / 301\n"))
    assert metadata(host)["assets"]["config"] == {
        "_headers": "/*\n  X-A: b\n",
        "_redirects": "/old / 301\n",
        "html_handling": "auto-trailing-slash",
        "not_found_handling": "single-page-application",
    }
    deploy(host, tree(FILES | {"404.html": b"<!doctype html><title>No</title>"}))
    assert metadata(host)["assets"]["config"]["not_found_handling"] == "404-page"


def test_a_file_that_a_redirect_covers_is_not_fetched(host: CloudflareHost) -> None:
    assert deploy(host, tree(FILES, _redirects=b"/about / 301\n")).verified == 4


def test_a_worker_answers_at_its_name_on_workers_dev() -> None:
    assert workers_dev("demo", "acme") == "https://demo.acme.workers.dev"


def test_the_subdomain_is_registered_only_when_asked_for(host: CloudflareHost) -> None:
    host.workers.subdomain = None
    error = refusal(host)
    assert (error.code, error.exit_code) == ("no_subdomain", 6)
    assert "--create" in error.hint
    assert host.calls() == ["subdomain"]
    deploy(host, create=True)
    assert host.workers.subdomain == f"demo-{host.account[:8]}"


# Compared with wrangler


RECORDINGS = json.loads(RECORDED.read_text("utf-8"))["trees"] if RECORDED.exists() else {}


@pytest.mark.parametrize("name", RECORDINGS)
def test_manifest_hashes_types_and_contents_are_wranglers(host: CloudflareHost, name: str) -> None:
    recorded = RECORDINGS[name]
    contents = {
        path: base64.b64decode(file["base64"]) if "base64" in file else file["text"].encode()
        for path, file in recorded["files"].items()
        if f"/{path}" in recorded["manifest"]
    }
    # At addresses such as /index this edge serves another file; what was sent is what counts here.
    with suppress(Unconfirmed):
        deploy(host, tree(contents), verify=0.1)
    session = next(seen for seen in host.requests if seen.call == "session")
    assert session.json == {"manifest": recorded["manifest"]}
    parts = [part for seen in host.requests if seen.call == "workers-upload" for part in seen.parts()]
    sent = {part.name: {"contentType": part.content_type, "sha256": digest(part.data)} for part in parts}
    assert sent == recorded["parts"]


# Faults


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("call", COLD)
def test_one_fault_of_any_call_of_a_first_deployment_is_survived(
    host: CloudflareHost, call: str, fault: Fault
) -> None:
    host.faults.add(call, fault)
    assert deploy(host).verified == 5
    assert len(host.workers.scripts["demo"].versions) == 1


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
@pytest.mark.parametrize("call", ["version", "workers-deploy"])
def test_one_fault_of_any_call_of_a_later_one_is_survived(
    host: CloudflareHost, call: str, fault: Fault
) -> None:
    deploy(host)
    host.faults.add(call, fault)
    done = deploy(host, tree(CHANGED))
    assert (done.verified, done.deployment_id) == (5, host.workers.scripts["demo"].active)


def test_before_a_publish_is_repeated_the_host_is_asked(host: CloudflareHost) -> None:
    deploy(host)
    host.requests.clear()
    host.faults.add("workers-deploy", Fault.drop("after"))
    deploy(host, tree(CHANGED))
    assert host.calls().count("workers-deploy") == 1


def test_an_upload_session_that_expired_is_opened_again(host: CloudflareHost) -> None:
    host.workers.bucket_files = 2
    host.faults.add("workers-upload", Fault.expired_token(), after=1)
    done = deploy(host)
    assert (done.uploaded, done.verified) == (5, 5)
    assert host.calls().count("session") == 2


def test_sessions_that_always_expire_are_temporary(host: CloudflareHost) -> None:
    host.faults.add("workers-upload", Fault.expired_token(), times=99)
    assert isinstance(refusal(host), TargetUnavailable)
    assert host.workers.scripts == {}


@pytest.mark.parametrize("call", COLD)
def test_a_call_that_never_succeeds_is_temporary_until_it_is_published(
    host: CloudflareHost, call: str
) -> None:
    host.faults.add(call, Fault.status(500), times=99)
    assert refusal(host).exit_code == (7 if call == "workers-deployments" else 5)


def test_what_is_served_otherwise_is_not_confirmed(host: CloudflareHost) -> None:
    host.edge.serve("/styles.css", b"body { color: red }")
    error = refusal(host)
    assert error.exit_code == 7
    assert "styles.css" in error.message


def test_a_file_that_changed_meanwhile_is_no_deployment(host: CloudflareHost, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_bytes(b"12")

    def change(answer: Any) -> Any:
        (tmp_path / "index.html").write_bytes(b"21")
        return answer

    host.faults.add("session", Fault(change=change))
    site = Tree((Asset("index.html", 2, tmp_path / "index.html"),))
    assert isinstance(refusal(host, site), StorageError)
    assert host.workers.scripts == {}


# Refusals


def test_a_token_without_the_permission_is_told_which(host: CloudflareHost) -> None:
    given = {"token": host.add_token("account:read", "pages:write")}
    error = target_runs.refusal(made(host, **given), tree(), "demo", Options())
    assert isinstance(error, TokenRejected)
    assert (error.code, error.exit_code) == ("permission_missing", 4)
    assert "Workers Scripts: Edit" in error.message


@pytest.mark.parametrize("options", [{"project": "Bad Name"}, {"project": ""}, {"branch": "feature"}])
def test_what_can_not_be_is_refused_before_anything_is_sent(
    host: CloudflareHost, options: dict[str, Any]
) -> None:
    assert isinstance(refusal(host, **options), UsageError)
    assert host.requests == []


def test_the_environment_names_the_account_and_the_api(host: CloudflareHost) -> None:
    host.workers.subdomain = None
    environment = {
        "CLOUDFLARE_API_TOKEN": host.token,
        "CLOUDFLARE_ACCOUNT_ID": host.account,
        "CLOUDFLARE_API_BASE_URL": host.api,
    }
    assert target_runs.refusal(target(environment), tree(), "demo", Options()).code == "no_subdomain"


# A dry run


def test_a_plan_of_a_new_worker_changes_nothing(host: CloudflareHost) -> None:
    planned = plan(host, tree())
    assert planned.creates_project
    assert planned.new == tuple(sorted(FILES))
    assert planned.upload_bytes == sum(map(len, FILES.values()))
    assert host.workers.scripts == {}


@pytest.mark.parametrize("by_record", [True, False])
def test_a_plan_says_what_would_change(host: CloudflareHost, by_record: bool) -> None:
    deploy(host)
    later = {"index.html": b"<!doctype html><title>New</title>", "fresh.css": b"a {}"}
    site = tree({path: data for path, data in FILES.items() if path != "about.html"} | later)
    previous = {path: digest(data) for path, data in FILES.items()} if by_record else None
    host.requests.clear()
    planned = plan(host, site, previous=previous)
    assert (planned.new, planned.changed) == (("fresh.css",), ("index.html",))
    assert planned.unchanged == ("a b%.png", "blog/index.html", "styles.css")
    assert planned.removed == (("about.html",) if by_record else None)
    assert planned.upload_bytes == sum(map(len, later.values()))
    assert set(host.calls()) == {"service", "subdomain", "session"}
