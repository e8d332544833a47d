"""The Cloudflare of the tests is as strict as the true one, and fails as it is told."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from cloudflare_host import CloudflareHost, Fault
from cloudflare_site import asset_hash

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

RECORDINGS = Path(__file__).parent / "hosts"
PAGE = b"<!doctype html><html><body>Hello</body></html>"
SITE = {
    "/index.html": PAGE,
    "/about.html": b"<p>about",
    "/blog/index.html": b"<p>blog",
    "/styles.css": b"p{}",
}


@pytest.fixture
def host() -> Iterator[CloudflareHost]:
    with CloudflareHost() as host:
        host.add_project("demo")
        yield host


@pytest.fixture
def client(host: CloudflareHost) -> Iterator[Client]:
    with httpx.Client(base_url=host.api, trust_env=False, timeout=5) as http:
        yield Client(host, http)


class Client:
    """The shortest client that can publish a site."""

    def __init__(self, host: CloudflareHost, http: httpx.Client) -> None:
        self.http, self.token = http, host.token
        self.account = f"/accounts/{host.account}"
        self.project = f"{self.account}/pages/projects/demo"

    def call(self, method: str, path: str, token: str | None = None, **content: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {token or self.token}"}
        return self.http.request(method, path, headers=headers, **content)

    def upload_token(self) -> str:
        return str(self.call("GET", f"{self.project}/upload-token").json()["result"]["jwt"])

    def upload(self, site: Mapping[str, bytes], token: str) -> httpx.Response:
        assets = {asset_hash(data, path): data for path, data in site.items()}
        kinds = {asset_hash(data, path): kind(path) for path, data in site.items()}
        bucket = [
            {
                "key": key,
                "value": base64.b64encode(data).decode(),
                "metadata": {"contentType": kinds[key]},
                "base64": True,
            }
            for key, data in assets.items()
        ]
        return self.call("POST", "/pages/assets/upload", token, json=bucket)

    def publish(self, manifest: Mapping[str, str], **fields: str) -> httpx.Response:
        form = {"manifest": json.dumps(manifest), **fields}
        parts = {name: (None, value.encode()) for name, value in form.items()}
        return self.call("POST", f"{self.project}/deployments", files=parts)

    def deploy(self, site: Mapping[str, bytes] = SITE, **fields: str) -> Any:
        """The deployment, polled once."""
        assert self.upload(site, self.upload_token()).is_success
        made = self.publish(manifest(site), **fields).json()["result"]
        return self.call("GET", f"{self.project}/deployments/{made['id']}").json()["result"]

    def get(self, url: str, **headers: str) -> httpx.Response:
        return self.http.get(url, headers=headers)


def kind(path: str) -> str:
    return "text/html" if path.endswith(".html") else "text/css"


def manifest(site: Mapping[str, bytes]) -> dict[str, str]:
    return {path: asset_hash(data, path) for path, data in site.items()}


def code(response: httpx.Response) -> int:
    assert response.json()["success"] is False
    return int(response.json()["errors"][0]["code"])


# The door


def test_each_way_to_come_without_a_right_has_its_own_error(host: CloudflareHost, client: Client) -> None:
    stranger = host.add_account("Stranger")
    mine = host.add_token("pages:read", accounts={host.account})
    bare = client.http.get(client.project)
    malformed = client.call("GET", client.project, "no spaces allowed")
    unknown = client.call("GET", client.project, "x" * 40)
    foreign = client.call("GET", f"/accounts/{stranger}/pages/projects", mine)
    powerless = client.call("POST", f"{client.account}/pages/projects", mine, json={"name": "new"})

    assert (bare.status_code, code(bare)) == (400, 9106)
    assert (malformed.status_code, code(malformed)) == (400, 6003)
    assert malformed.json()["errors"][0]["error_chain"][0]["code"] == 6111
    assert (unknown.status_code, code(unknown)) == (401, 10000)
    assert code(client.call("GET", "/accounts", "x" * 40)) == 9109
    assert (foreign.status_code, code(foreign)) == (403, 9109)
    assert code(client.call("GET", "/accounts/mine/pages/projects")) == 7003
    assert (powerless.status_code, code(powerless)) == (403, 10000)
    assert client.call("GET", client.project, mine).is_success


def test_a_token_sees_its_own_accounts_page_by_page(host: CloudflareHost, client: Client) -> None:
    second = host.add_account("Second")
    listed = client.call("GET", "/accounts?per_page=1&page=2").json()
    blind = client.call("GET", "/accounts", host.add_token("pages:write")).json()

    assert [account["id"] for account in listed["result"]] == [second]
    assert listed["result_info"]["total_count"] == 2
    assert blind["result"] == []


def test_projects_are_made_found_and_their_names_taken_once(client: Client) -> None:
    projects = f"{client.account}/pages/projects"
    made = client.call("POST", projects, json={"name": "new", "production_branch": "trunk"})

    assert made.json()["result"]["production_branch"] == "trunk"
    assert code(client.call("POST", projects, json={"name": "new", "production_branch": "trunk"})) == 8000002
    assert code(client.call("GET", f"{projects}/other")) == 8000007
    assert client.call("DELETE", f"{projects}/new").is_success
    assert code(client.call("GET", f"{projects}/new")) == 8000007


# Assets and deployments


def test_a_manifest_must_tell_the_hash_of_what_was_uploaded(client: Client) -> None:
    client.upload(SITE, client.upload_token())
    true = manifest(SITE)

    assert code(client.publish(true | {"/never.txt": "0" * 32})) == 8000096
    assert code(client.publish(true | {"/styles.txt": true["/styles.css"]})) == 8000096
    assert code(client.publish(true, surprise="field")) == 8000096
    assert (
        code(client.call("POST", f"{client.project}/deployments", files={"branch": (None, "x")})) == 8000096
    )
    assert client.publish(true).is_success


def test_an_upload_has_limits_and_needs_a_living_token(host: CloudflareHost, client: Client) -> None:
    host.pages.assets.token_seconds = 0
    expired = client.upload_token()
    host.pages.assets.token_seconds = 60
    token, item = client.upload_token(), {"value": "", "metadata": {"contentType": "a/b"}, "base64": True}
    many = [item | {"key": f"{n:032x}"} for n in range(2001)]
    large = [item | {"key": "0" * 32, "value": base64.b64encode(bytes(25 * 1024 * 1024 + 1)).decode()}]

    for stale in (expired, "nobody-gave-this-token", client.token):
        refused = client.call("POST", "/pages/assets/check-missing", stale, json={"hashes": []})
        assert (refused.status_code, code(refused)) == (401, 8000013)
    assert client.call("POST", "/pages/assets/upload", token, json=many).status_code == 400
    assert client.call("POST", "/pages/assets/upload", token, json=many[:2000]).is_success
    assert client.call("POST", "/pages/assets/upload", token, json=large).status_code == 413


def test_only_what_is_missing_is_asked_for_and_repeats_are_noted(
    host: CloudflareHost, client: Client
) -> None:
    token, hashes = client.upload_token(), list(manifest(SITE).values())
    ask = {"hashes": hashes + hashes[:1]}
    before = client.call("POST", "/pages/assets/check-missing", token, json=ask).json()["result"]
    client.upload({"/index.html": PAGE}, token)
    after = client.call("POST", "/pages/assets/check-missing", token, json={"hashes": hashes}).json()[
        "result"
    ]
    client.upload({"/index.html": PAGE}, token)

    assert before == hashes
    assert after == [key for key in hashes if key != asset_hash(PAGE, "/index.html")]
    assert host.repeats == [("check-missing", hashes[0]), ("upload", hashes[0])]


def test_the_branch_decides_between_production_and_preview(host: CloudflareHost, client: Client) -> None:
    live = client.deploy(
        branch="main", commit_hash="abc", commit_message="Zwei\r\nZeilen", commit_dirty="true"
    )
    preview = client.deploy({"/index.html": b"<p>preview"}, branch="feature/x")

    assert (live["environment"], live["aliases"]) == ("production", None)
    assert live["deployment_trigger"]["metadata"] == {
        "branch": "main",
        "commit_hash": "abc",
        "commit_message": "Zwei\r\nZeilen",
        "commit_dirty": True,
    }
    assert preview["environment"] == "preview"
    assert client.get(preview["aliases"][0]).content == b"<p>preview"
    assert client.get(host.projects["demo"].url).content == PAGE
    listed = client.call("GET", f"{client.project}/deployments?per_page=1").json()
    assert [each["id"] for each in listed["result"]] == [preview["id"]]
    production = client.call("GET", f"{client.project}/deployments?env=production").json()["result"]
    assert [each["id"] for each in production] == [live["id"]]


def test_a_deployment_is_served_when_its_stage_says_so(host: CloudflareHost, client: Client) -> None:
    host.stages = 2
    waiting = client.deploy()
    assert waiting["latest_stage"]["status"] == "active"
    assert client.get(waiting["url"]).status_code == 404
    path = f"{client.project}/deployments/{waiting['id']}"
    assert client.call("GET", path).json()["result"]["latest_stage"]["status"] == "success"
    assert client.get(waiting["url"]).content == PAGE

    host.stages = "failure"
    failed = client.deploy()
    logs = client.call("GET", f"{client.project}/deployments/{failed['id']}/history/logs").json()["result"]
    assert (failed["latest_stage"]["name"], failed["latest_stage"]["status"]) == ("deploy", "failure")
    assert logs["data"][logs["total"] - 1]["line"].startswith("Error: ")
    assert host.projects["demo"].active is host.deployments[0]

    host.stages = "never"
    assert client.deploy()["latest_stage"]["name"] != "deploy"


def test_rollback_and_deletion_follow_the_active_deployment(host: CloudflareHost, client: Client) -> None:
    first, second = client.deploy(), client.deploy(SITE | {"/index.html": b"<p>second"})
    preview = client.deploy(branch="draft")
    path = f"{client.project}/deployments"

    assert code(client.call("DELETE", f"{path}/{second['id']}?force=true")) == 8000034
    assert client.call("POST", f"{path}/{first['id']}/rollback").is_success
    assert client.get(host.projects["demo"].url).content == PAGE
    assert client.call("DELETE", f"{path}/{second['id']}").is_success
    assert code(client.call("DELETE", f"{path}/{preview['id']}")) == 8000035
    assert client.call("DELETE", f"{path}/{preview['id']}?force=true").is_success
    assert code(client.call("POST", f"{path}/{preview['id']}/rollback")) == 8000009


def test_a_custom_domain_becomes_active_and_can_go(client: Client) -> None:
    domains = f"{client.project}/domains"
    assert (
        client.call("POST", domains, json={"name": "a.example.org"}).json()["result"]["status"]
        == "initializing"
    )
    assert code(client.call("POST", domains, json={"name": "a.example.org"})) == 8000018
    client.call("GET", f"{domains}/a.example.org")
    assert client.call("GET", domains).json()["result"][0]["status"] == "active"
    assert client.call("DELETE", f"{domains}/a.example.org").is_success
    assert code(client.call("GET", f"{domains}/a.example.org")) == 8000021


# Faults


def test_a_fault_hits_the_calls_that_it_was_planned_for(host: CloudflareHost, client: Client) -> None:
    host.faults.add("project", Fault.status(429, retry_after="1"), times=2, after=1)
    host.faults.add("projects", Fault.status(502, html=True))
    answers = [client.call("GET", client.project) for _ in range(4)]
    gateway = client.call("GET", f"{client.account}/pages/projects")

    assert [answer.status_code for answer in answers] == [200, 429, 429, 200]
    assert answers[1].headers["retry-after"] == "1"
    assert code(answers[1]) == 10013
    assert (gateway.status_code, gateway.headers["content-type"]) == (502, "text/html; charset=UTF-8")
    assert host.calls() == ["project"] * 4 + ["projects"]


def test_an_answer_can_be_lost_before_or_after_the_work_or_midway(
    host: CloudflareHost, client: Client
) -> None:
    client.upload(SITE, client.upload_token())
    for when, published in (("before", 0), ("after", 1), ("midway", 2)):
        host.faults.add("deploy", Fault.drop(when))  # type: ignore[arg-type]  # mypy widens the tuple's strings
        with pytest.raises(httpx.TransportError):
            client.publish(manifest(SITE))
        assert len(host.deployments) == published


def test_an_answer_can_be_spoiled(host: CloudflareHost, client: Client) -> None:
    host.faults.add("project", Fault.truncated())
    host.faults.add("project", Fault.content_type("text/plain"))
    host.faults.add("project", Fault.status(200, api_code=8000000))
    host.faults.add("project", Fault.drip(0.3))
    cut, plain, failed = (client.call("GET", client.project) for _ in range(3))
    begin = time.monotonic()
    slow = client.call("GET", client.project)

    with pytest.raises(json.JSONDecodeError):
        cut.json()
    assert plain.headers["content-type"] == "text/plain"
    assert (failed.status_code, code(failed)) == (200, 8000000)
    assert slow.json()["success"]
    assert time.monotonic() - begin >= 0.3


def test_an_upload_can_lose_its_token_or_some_of_its_keys(host: CloudflareHost, client: Client) -> None:
    token, lost = client.upload_token(), asset_hash(PAGE, "/index.html")
    host.faults.add("upload", Fault.expired_token())
    host.faults.add("upload", Fault.unsuccessful([lost]))
    assert code(client.upload(SITE, token)) == 8000013
    result = client.upload(SITE, token).json()["result"]

    assert result == {"successful_key_count": len(SITE) - 1, "unsuccessful_keys": [lost]}
    assert code(client.publish(manifest(SITE))) == 8000096


# The edge


@pytest.mark.parametrize(
    ("path", "status", "target"),
    [
        ("/", 200, "/index.html"),
        ("/index.html", 308, "/"),
        ("/index", 308, "/"),
        ("/about", 200, "/about.html"),
        ("/about.html?q=1", 308, "/about?q=1"),
        ("/about/", 308, "/about"),
        ("/blog/", 200, "/blog/index.html"),
        ("/blog", 308, "/blog/"),
        ("/blog/index.html", 308, "/blog/"),
        ("/styles.css", 200, "/styles.css"),
        ("/no/such/page", 200, "/index.html"),
    ],
)
def test_the_edge_serves_paths_as_pages_does(client: Client, path: str, status: int, target: str) -> None:
    answer = client.get(client.deploy()["url"] + path)

    assert answer.status_code == status
    if status == 308:
        assert answer.headers["location"] == target
    else:
        assert answer.content == SITE[target]
        assert answer.headers["content-type"] == f"{kind(target)}; charset=utf-8"


def test_the_nearest_404_page_ends_the_single_page_fallback(client: Client) -> None:
    url = client.deploy(SITE | {"/404.html": b"<p>none", "/blog/404.html": b"<p>no post"})["url"]

    assert [client.get(url + path).status_code for path in ("/x", "/blog/x/y")] == [404, 404]
    assert [client.get(url + path).content for path in ("/x", "/blog/x/y")] == [b"<p>none", b"<p>no post"]


def test_the_edge_knows_what_a_reader_has(client: Client) -> None:
    url = client.deploy()["url"]
    etag = client.get(f"{url}/about").headers["etag"]
    again = client.get(f"{url}/about", **{"if-none-match": f'"other", W/{etag}'})
    head = client.http.head(f"{url}/about")

    assert etag == f'"{asset_hash(SITE["/about.html"], "/about.html")}"'
    assert (again.status_code, again.content) == (304, b"")
    assert (head.headers["content-length"], head.content) == (str(len(SITE["/about.html"])), b"")
    assert client.http.post(url).status_code == 405


def test_the_edge_can_lie_sleep_inject_and_ask_for_a_login(host: CloudflareHost, client: Client) -> None:
    url = client.deploy()["url"]
    host.edge.faults.add("/about", Fault.status(522, html=True), times=2)
    host.edge.faults.add("*", Fault.drop("before"), after=3)
    host.edge.serve("/styles.css", b"other{}")

    assert [client.get(f"{url}/about").status_code for _ in range(3)] == [522, 522, 200]
    with pytest.raises(httpx.TransportError):
        client.get(f"{url}/about")
    assert client.get(f"{url}/styles.css").content == b"other{}"
    host.edge.analytics = True
    assert b"static.cloudflareinsights.com/beacon.min.js" in client.get(url).content
    host.edge.access_login = True
    login = httpx.URL(client.get(url).headers["location"])
    assert login.host != httpx.URL(url).host
    assert b"Sign in" in client.get(str(login)).content


# Workers and trials


def solve(seed: bytes, k: int, g: int) -> str:
    chain = [hashlib.sha256(seed).digest()]
    for _ in range(k * g):
        chain.append(hashlib.sha256(chain[-1]).digest())
    return base64.b64encode(b"".join(chain[::g])).decode()


def trial(client: Client, accept: str = "yes", skipped: int = 0) -> httpx.Response:
    """Ask for an account with the work done, or with that many hashes of it skipped."""
    asked = client.http.post("/provisioning/previews/challenge", json={}).json()["result"]
    seed = base64.urlsafe_b64decode(asked["seed"] + "=")
    order = {
        "termsOfService": "https://www.cloudflare.com/terms/",
        "privacyPolicy": "https://www.cloudflare.com/privacypolicy/",
        "acceptTermsOfService": accept,
        "challengeToken": asked["challengeToken"],
        "solution": {"checkpoints": solve(seed, asked["k"], asked["g"] - skipped)},
    }
    answer = client.http.post("/provisioning/previews", json=order)
    again = client.http.post("/provisioning/previews", json=order)
    assert answer.is_error or again.is_error, "a challenge is good for one account"
    return answer


def test_a_trial_account_costs_consent_and_proof_of_work(client: Client) -> None:
    assert trial(client, accept="no").status_code == 400
    assert trial(client, skipped=1).status_code == 403
    assert trial(client).json()["result"]["claim"]["url"].startswith("https://dash.cloudflare.com/")


def test_a_trial_account_publishes_a_worker(host: CloudflareHost, client: Client) -> None:
    given = trial(client).json()["result"]
    client.account, client.token = f"/accounts/{given['account']['id']}", given["account"]["apiToken"]
    script = f"{client.account}/workers/scripts/demo"
    entries = {path: {"hash": key, "size": len(SITE[path])} for path, key in manifest(SITE).items()}
    opened = client.call("POST", f"{script}/assets-upload-session", json={"manifest": entries}).json()[
        "result"
    ]
    by_hash = {key: SITE[path] for path, key in manifest(SITE).items()}
    upload = f"{client.account}/workers/assets/upload?base64=true"
    statuses = []
    for bucket in (opened["buckets"][0][:1], opened["buckets"][0][1:]):
        parts = [(key, (key, base64.b64encode(by_hash[key]), "text/html; charset=utf-8")) for key in bucket]
        answer = client.call("POST", upload, opened["jwt"], files=parts)
        statuses.append(answer.status_code)
    metadata = {"assets": {"jwt": answer.json()["result"]["jwt"], "config": {}}}
    put = client.call("PUT", script, files={"metadata": (None, json.dumps(metadata))})
    client.call("POST", f"{script}/subdomain", json={"enabled": True})

    assert statuses == [202, 201]
    assert put.is_success
    assert client.get(host.workers.scripts["demo"].url).content == PAGE
    assert client.get(f"{host.workers.scripts['demo'].url}/none").status_code == 404


# The recordings


@pytest.mark.parametrize("name", ["wrangler-pages.json", "wrangler-workers.json"])
def test_the_hashes_of_the_recordings_are_those_of_their_files(name: str) -> None:
    for tree in json.loads((RECORDINGS / name).read_text())["trees"].values():
        assert tree["manifest"]
        for path, entry in tree["manifest"].items():
            file = tree["files"][path.removeprefix("/")]
            data = base64.b64decode(file["base64"]) if "base64" in file else file["text"].encode()
            key = entry if isinstance(entry, str) else entry["hash"]
            assert asset_hash(data, path) == key
