"""The API does what its table says, and tells in words what it does not do."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
import support
import upstream as up
from api_server import PROMPT, Api, asking, by, serving

from webmint_cli.engine import Limits
from webmint_cli.errors import KeyMissing, UsageError
from webmint_cli.providers.composer import ComposerProvider
from webmint_cli.server.description import ENDPOINTS
from webmint_cli.server.publication import Desk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

    from webmint_cli.providers.provider import Provider

PAGE = "<!doctype html><html><head><title>A</title></head><body></body></html>"


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with serving(by(ComposerProvider())) as api:
        yield api


@pytest.fixture
def upstream() -> Iterator[up.Upstream]:
    with up.Upstream() as server:
        yield server


def refusal(response: httpx.Response, status: int) -> dict[str, Any]:
    assert response.status_code == status, response.text
    said: dict[str, Any] = response.json()
    assert list(said)[:5] == ["type", "message", "code", "hint", "retryable"]
    assert said["type"] == "error"
    return said


def test_one_answer_is_the_complete_event(api: Api) -> None:
    answer = api.post("/api/generate-stream", PROMPT | {"useStream": False, "seed": 3})
    streamed = api.generate(seed=3).last
    assert answer.json() | {"seconds": 0} == streamed | {"seconds": 0}


@pytest.mark.parametrize(
    ("script", "status", "code"),
    [
        (up.unauthorized(support.KEY), 502, "key_rejected"),
        (up.status(500), 503, "server_error"),
        (up.unfinished("Hel"), 502, "incomplete"),
        (up.text("I can't do that."), 502, "declined"),
        (up.silent(), 504, "timeout"),
    ],
)
def test_one_answer_that_fails_has_a_status_that_fits(
    upstream: up.Upstream, script: up.Script, status: int, code: str
) -> None:
    upstream.reply(script)
    with serving(asking(upstream), limits=Limits(first=0.3, turns=0)) as api:
        answer = api.post("/api/generate-stream", PROMPT | {"useStream": False})
    assert refusal(answer, status)["code"] == code
    assert support.KEY not in answer.text


def test_the_headers_keep_proxies_from_buffering(api: Api) -> None:
    with api.client.stream("POST", "/api/generate-stream", json=PROMPT) as response:
        response.read()
    assert response.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache, no-transform"
    assert response.headers["x-accel-buffering"] == "no"
    assert "content-length" not in response.headers


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("\xff", "not JSON"),
        ("[]", "should be a JSON object"),
        ('"text"', "should be a JSON object"),
        ("{}", "prompt is missing"),
        ('{"prompt": ""}', "prompt is empty"),
        ('{"prompt": " \\n"}', "prompt is empty"),
        ('{"prompt": null}', "prompt should be a string, not null"),
        ('{"prompt": 7}', "prompt should be a string, not 7"),
        ('{"prompt": ["a"]}', "prompt should be a string, not a list"),
        ('{"prompt": "a", "prompt": "b"}', '"prompt" twice'),
        (json.dumps({"prompt": "a" * 32_001}), "prompt has 32,001 characters"),
        ('{"prompt": "\\ud83d"}', "half of a surrogate pair"),
        ('{"prompt": "a", "useStream": "yes"}', "useStream should be true or false"),
        ('{"prompt": "a", "useStream": 1}', "useStream should be true or false"),
        ('{"prompt": "a", "seed": "1"}', "seed should be a whole number"),
        ('{"prompt": "a", "seed": 1.5}', "seed should be a whole number"),
        ('{"prompt": "a", "seed": true}', "seed should be a whole number"),
        ('{"prompt": "a", "seed": 9007199254740992}', "seed is too large"),
        ('{"prompt": "a", "seed": NaN}', "NaN is no number"),
        ('{"prompt": "a", "seed": ' + "9" * 5000 + "}", "not JSON"),
        ('{"prompt": "a", "model": {}}', "model should be a string, not an object"),
        (json.dumps({"prompt": "a", "model": "m" * 201}), "model has 201 characters"),
        ('{"prompt": "a", "provider": false}', "provider should be a string"),
        ('{"prompt": "a", "accumulated": "no"}', "accumulated should be true or false"),
        ('{"prompt": "a", "x": ' + "[" * 40 + "]" * 40 + "}", "nested too deeply"),
        ('{"prompt": "a", "x": ' + "[" * 100_000 + "]" * 100_000 + "}", "nested too deeply"),
    ],
    ids=lambda value: value[:30],
)
def test_what_is_wrong_with_a_body_is_named(api: Api, body: str, said: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = api.client.post("/api/generate-stream", content=body.encode("latin-1"), headers=headers)
    refused = refusal(answer, 400)
    assert said in refused["message"]
    assert refused["hint"]


def test_fields_that_nobody_knows_are_ignored(upstream: up.Upstream) -> None:
    upstream.reply(up.text(*support.pieces(support.REPLY)))
    other = {"baseUrl": "http://127.0.0.1:1", "base_url": "http://127.0.0.1:1", "apiKey": "x", "key": "x"}
    with serving(asking(upstream)) as api:
        assert api.generate(**other).last["type"] == "complete"
    assert upstream.requests[0].headers["authorization"] == f"Bearer {support.KEY}"


def test_a_request_names_provider_and_model_and_a_wrong_name_is_told() -> None:
    named: list[tuple[str, str]] = []

    def choose(name: str, model: str) -> Provider:
        named.append((name, model))
        if name == "nope":
            raise UsageError("there is no provider 'nope'", hint="one of: composer")
        if name == "openai":
            raise KeyMissing("openai needs a key", hint="export OPENAI_API_KEY=…")
        return ComposerProvider()

    with serving(choose) as api:
        api.generate(provider="composer", model="m")
        api.generate()
        assert refusal(api.post("/api/generate-stream", PROMPT | {"provider": "nope"}), 400)["hint"]
        missing = api.post("/api/generate-stream", PROMPT | {"provider": "openai"})
        assert refusal(missing, 503)["code"] == "key_missing"
        assert api.app.streams.running == 0
    assert named[:2] == [("composer", "m"), ("", "")]


@pytest.fixture
def deploying(tmp_path: Path) -> Iterator[Api]:
    with serving(by(ComposerProvider()), desk=Desk({}, root=tmp_path)) as api:
        yield api


def test_a_site_is_deployed_below_the_root(deploying: Api, tmp_path: Path) -> None:
    site = {"html": PAGE, "css": "a {}", "js": ""}
    for css in ("a {}", "b {}"):
        watched = deploying.deploy(**site | {"css": css}, projectName="my-site", target="folder")
        assert watched.payloads[0]["streamId"]
        assert watched.last["url"] == str(tmp_path / "my-site")
        assert (tmp_path / "my-site" / "styles.css").read_text() == css
    assert (tmp_path / "my-site" / "index.html").read_text() == PAGE
    assert not (tmp_path / "my-site" / "script.js").exists()
    zipped = deploying.deploy(**site, projectName="my-site", target="zip").last
    assert zipped["url"] == str(tmp_path / "my-site.zip")


def test_a_fragment_gets_a_document_and_a_word_about_it(deploying: Api, tmp_path: Path) -> None:
    watched = deploying.deploy(html="<div>Hi</div>", css="a {}", js="1", projectName="p", target="folder")
    assert "fragment" in watched.payloads[0]["message"]
    page = (tmp_path / "p" / "index.html").read_text()
    assert page.startswith("<!doctype html>")
    assert '<link rel="stylesheet" href="styles.css">' in page
    assert '<div>Hi</div>\n<script src="script.js"></script>' in page


def test_files_are_the_whole_site(deploying: Api, tmp_path: Path) -> None:
    picture = {"base64": base64.b64encode(b"\x89PNG").decode()}
    files = {"index.html": PAGE, "a/b.html": PAGE, "p.png": picture}
    deploying.deploy(html="ignored", files=files, projectName="p", target="folder")
    assert (tmp_path / "p" / "p.png").read_bytes() == b"\x89PNG"
    assert (tmp_path / "p" / "index.html").read_text() == PAGE


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({}, 400, "projectName is missing"),
        ({"projectName": "p"}, 400, "nothing to deploy"),
        ({"projectName": "p", "css": "a"}, 400, "nothing to deploy"),
        ({"projectName": "../p", "html": "a"}, 400, "projectName is not of the right form"),
        ({"projectName": "p\n", "html": "a"}, 400, "projectName is not of the right form"),
        ({"projectName": "p/../q", "html": "a"}, 400, "projectName is not of the right form"),
        ({"projectName": "con", "html": "a"}, 400, "the name is reserved"),
        ({"projectName": "out", "html": "a"}, 400, "leads out of the deploy root"),
        ({"projectName": "p", "html": 1}, 400, "html should be a string"),
        ({"projectName": "p", "html": "a", "production": "yes"}, 400, "production should be true or false"),
        ({"projectName": "p", "html": "a", "target": "ftp"}, 400, "no target 'ftp'"),
        ({"projectName": "p", "html": "a", "target": "cloudflare-trial"}, 400, "no target"),
        ({"projectName": "p", "html": "a", "target": "netlify"}, 503, "needs a personal access token"),
        ({"projectName": "p", "files": []}, 400, "files should be an object"),
        ({"projectName": "p", "files": {"../a": ""}}, 400, "leaves the folder"),
        ({"projectName": "p", "files": {"/a": ""}}, 400, "absolute"),
        ({"projectName": "p", "files": {"a": 1}}, 400, "string or {base64}"),
        ({"projectName": "p", "files": {"a": {"base64": "!"}}}, 400, "not base64"),
        ({"projectName": "p", "files": {"a": "", "./a": ""}}, 400, "twice"),
        ({"projectName": "p", "files": {str(n): "" for n in range(1001)}}, 400, "1,001 files"),
        ({"projectName": "p", "files": {"about.html": PAGE}}, 422, "no index.html"),
        (
            {"projectName": "p", "html": "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg"},
            422,
            "index.html holds a private key",
        ),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_can_not_be_deployed_is_refused_in_words(
    deploying: Api, tmp_path: Path, body: dict[str, Any], status: int, said: str
) -> None:
    (tmp_path / "out").symlink_to("/")
    answer = deploying.post("/api/deploy-stream", {"target": "folder"} | body)
    assert said in refusal(answer, status)["message"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("target", ["folder", "zip"])
def test_without_a_root_nothing_is_written(api: Api, target: str) -> None:
    answer = api.post("/api/deploy-stream", {"projectName": "p", "html": "a", "target": target})
    assert "no target" in refusal(answer, 400)["message"]
    assert target not in {row["name"] for row in api.client.get("/api/targets").json()["targets"]}


def test_the_targets_say_what_they_need(deploying: Api) -> None:
    rows = {row["name"]: row for row in deploying.client.get("/api/targets").json()["targets"]}
    assert rows["cloudflare"]["default"]
    assert (rows["folder"]["ready"], rows["netlify"]["ready"]) == (True, False)
    assert rows["netlify"]["missing"]


def test_health_tells_the_version_and_what_runs(api: Api) -> None:
    health = api.client.get("/api/health").json()
    assert (health["status"], health["streams"]) == ("ok", 0)


def test_the_document_has_every_route_and_every_field(api: Api) -> None:
    document = api.client.get("/api/openapi.json").json()
    operations = {
        (method.upper(), path): operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }
    assert set(operations) == {(endpoint.method, endpoint.path) for endpoint in ENDPOINTS}
    for endpoint in (endpoint for endpoint in ENDPOINTS if endpoint.body):
        body = operations[endpoint.method, endpoint.path]["requestBody"]["content"]["application/json"]
        assert list(body["schema"]["properties"]) == [field.name for field in endpoint.body]


def test_the_page_names_every_route_and_its_policy_allows_its_style_alone(api: Api) -> None:
    answer = api.client.get("/api/docs")
    for endpoint in ENDPOINTS:
        assert f"{endpoint.method} {endpoint.path}" in answer.text
    style = re.search(r"<style>(.*?)</style>", answer.text, re.DOTALL)
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in answer.headers["content-security-policy"]
    assert "<script" not in answer.text


def test_an_example_of_the_page_works_as_it_stands(api: Api) -> None:
    page = api.client.get("/api/docs").text
    example = next(
        text for text in re.findall(r"<pre>(.*?)</pre>", page, re.DOTALL) if "generate-stream" in text
    )
    command = example.replace("&#x27;", "'").replace("&quot;", '"')
    ran = subprocess.run(["bash", "-c", f"{command} -sS"], capture_output=True, text=True, check=True)
    assert ran.stdout.endswith("data: [DONE]\n\n")


def test_the_numbers_count_streams_and_bytes(upstream: up.Upstream) -> None:
    upstream.reply(up.text(*support.pieces(support.REPLY)), up.text("No."))
    with serving(asking(upstream)) as api:
        api.generate()
        api.generate()
        numbers = dict(line.rsplit(" ", 1) for line in api.client.get("/metrics").text.splitlines())
    assert numbers["webmint_streams_running"] == "0"
    assert numbers['webmint_streams_started_total{kind="generate"}'] == "2"
    assert numbers['webmint_streams_finished_total{kind="generate",outcome="complete"}'] == "1"
    assert numbers['webmint_streams_finished_total{kind="generate",outcome="error"}'] == "1"
    assert int(numbers["webmint_sent_bytes_total"]) > len(support.REPLY)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nope", 404),
        ("GET", "/api/generate-stream", 405),
        ("DELETE", "/api/health", 405),
        ("GET", "/api/streams/none", 404),
        ("DELETE", "/api/streams/none", 404),
    ],
)
def test_what_is_not_there_is_told_as_every_error(api: Api, method: str, path: str, status: int) -> None:
    assert refusal(api.client.request(method, path), status)["hint"]


def test_a_bug_is_told_without_its_words() -> None:
    def choose(_name: str, _model: str) -> Provider:
        raise RuntimeError(support.KEY)

    with serving(choose) as api:
        answer = api.post("/api/generate-stream", PROMPT)
    assert refusal(answer, 500)["code"] == "bug"
    assert support.KEY not in answer.text
