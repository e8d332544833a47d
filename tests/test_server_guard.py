"""No page of another site, no neighbour and no stranger gets anything done, and each is told why in JSON."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING

import httpx
import pytest
from api_server import PROMPT, Api, by, serving

from webmint_cli.providers.composer import ComposerProvider
from webmint_cli.server.description import ENDPOINTS
from webmint_cli.server.guard import COOKIE, Policy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webmint_cli.server.description import Endpoint

TOKEN = "open-sesame-93b1"
BEYOND = Policy(public="mint.example.com", beyond=True, token=TOKEN, secure=True)


@pytest.fixture(scope="module")
def api() -> Iterator[Api]:
    with serving(by(ComposerProvider()), Policy(body=4000, patience=0.5)) as api:
        yield api


@pytest.fixture(scope="module")
def public() -> Iterator[Api]:
    with serving(by(ComposerProvider()), BEYOND) as api:
        yield api


def refusal(response: httpx.Response, status: int) -> str:
    """The code of a refusal, which has the form of the error event and every header of an answer."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    said = response.json()
    assert said["type"] == "error"
    assert said["message"]
    assert said["hint"]
    guarded(response)
    return str(said["code"])


def guarded(response: httpx.Response) -> None:
    assert response.headers["content-security-policy"].startswith("default-src 'none'; ")
    assert "unsafe" not in response.headers["content-security-policy"]
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["cross-origin-resource-policy"] == "same-origin"
    assert not [name for name in response.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_every_answer_is_guarded(api: Api, endpoint: Endpoint) -> None:
    path = endpoint.path.replace("{id}", "none")
    guarded(api.client.request(endpoint.method, path))
    guarded(api.client.options(path, headers={"Origin": "https://evil.example"}))


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "127.0.0.1.evil.example:80",
        "evil.example:6468",
        "",
        "127.0.0.1.",
        "192.0.2.7",
        "[2001:db8::1]",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_name_that_is_not_ours_is_refused(api: Api, host: str, method: str) -> None:
    headers = {"Host": host, "Content-Type": "application/json"}
    assert refusal(api.client.request(method, "/api/health", headers=headers), 403) == "host_refused"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "file://"},
        {"Origin": "http://["},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
    ],
    ids=str,
)
@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
def test_pages_of_other_sites_are_refused_everywhere(
    api: Api, endpoint: Endpoint, headers: dict[str, str]
) -> None:
    method, path = endpoint.method, endpoint.path.replace("{id}", "none")
    body = PROMPT if method == "POST" else None
    assert refusal(api.client.request(method, path, headers=headers, json=body), 403) == "origin_refused"


def test_our_own_page_and_a_link_that_is_followed_are_answered(api: Api) -> None:
    own = {"Origin": api.url, "Sec-Fetch-Site": "same-origin"}
    assert api.post("/api/generate-stream", PROMPT | {"useStream": False}, headers=own).status_code == 200
    link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert api.client.get("/api/docs", headers=link).status_code == 200
    assert refusal(api.client.get("/api/streams/none", headers=link), 403) == "origin_refused"


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_what_a_form_can_send_is_no_request(api: Api, kind: str) -> None:
    answer = api.client.post("/api/generate-stream", content=b"{}", headers={"Content-Type": kind})
    assert refusal(answer, 415) == "unsupported_media_type"


def test_a_body_is_bounded_whether_its_length_is_told_or_not(api: Api) -> None:
    headers = {"Content-Type": "application/json"}
    told = api.client.post("/api/generate-stream", content=b" " * 4001, headers=headers)
    assert refusal(told, 413) == "too_large"
    untold = api.client.post("/api/generate-stream", content=iter([b" " * 4001]), headers=headers)
    assert refusal(untold, 413) == "too_large"


def test_a_body_that_does_not_come_is_not_waited_for(api: Api) -> None:
    address = ("127.0.0.1", httpx.URL(api.url).port or 0)
    with socket.create_connection(address, timeout=5) as connection:
        head = f"POST /api/generate-stream HTTP/1.1\r\nHost: {address[0]}:{address[1]}\r\n"
        connection.sendall(f"{head}Content-Type: application/json\r\nContent-Length: 9\r\n\r\n".encode())
        began = time.monotonic()
        assert connection.recv(1000).startswith(b"HTTP/1.1 408 ")
        assert time.monotonic() - began < 3


def test_localhost_is_sent_to_the_one_origin() -> None:
    with serving(by(ComposerProvider()), Policy(canonical="http://127.0.0.1:9")) as api:
        answer = api.client.get(f"{api.url}//evil.example/a?b=c", headers={"Host": "localhost:9"})
        assert (answer.status_code, answer.headers["location"]) == (
            307,
            "http://127.0.0.1:9/evil.example/a?b=c",
        )
        assert api.client.get("/api/health").status_code == 200


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda endpoint: endpoint.name)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer \xe9".encode("latin-1")},
        {"Cookie": f"{COOKIE}=wrong"},
        {"Cookie": f"other={TOKEN}"},
    ],
    ids=str,
)
def test_without_the_token_nothing_is_answered(
    public: Api, endpoint: Endpoint, headers: dict[str, str | bytes]
) -> None:
    method, path = endpoint.method, endpoint.path.replace("{id}", "none")
    body = PROMPT if method == "POST" else None
    answer = public.client.request(method, path, headers=headers, json=body)  # type: ignore[arg-type]
    assert refusal(answer, 401) == "unauthorized"
    assert answer.headers["www-authenticate"] == "Bearer"


def test_the_token_in_the_address_becomes_a_cookie_once(public: Api) -> None:
    answer = public.client.get(f"/api/health?a=1&token={TOKEN}")
    assert (answer.status_code, answer.headers["location"]) == (303, "/api/health?a=1")
    cookie = answer.headers["set-cookie"]
    assert {part.strip() for part in cookie.split(";")[1:]} >= {
        "HttpOnly",
        "SameSite=strict",
        "Secure",
        "Path=/",
    }
    assert public.client.get("/api/health", headers={"Cookie": cookie.split(";")[0]}).status_code == 200
    public.client.cookies.clear()
    assert refusal(public.client.get("/api/health?token=wrong"), 401) == "unauthorized"
    posted = public.post(f"/api/generate-stream?token={TOKEN}", PROMPT)
    assert refusal(posted, 401) == "unauthorized"


@pytest.mark.parametrize(
    ("host", "status"),
    [("mint.example.com", 200), ("MINT.example.com", 200), ("192.0.2.7:6468", 200), ("evil.example", 403)],
)
def test_beyond_this_machine_the_public_name_and_numbers_are_ours(
    public: Api, host: str, status: int
) -> None:
    headers = {"Host": host, "Authorization": f"Bearer {TOKEN}"}
    assert public.client.get("/api/health", headers=headers).status_code == status


def test_a_proxy_that_hides_the_name_does_not_lock_our_own_page_out(public: Api) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Sec-Fetch-Site": "same-origin"}
    asked = PROMPT | {"useStream": False}
    for origin, status in (("https://mint.example.com", 200), ("https://evil.example", 403), ("null", 403)):
        answer = public.post("/api/generate-stream", asked, headers=headers | {"Origin": origin})
        assert answer.status_code == status


@pytest.mark.parametrize(
    "path", ["/../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/api/streams/..%2f..", "/%00", "/\\"]
)
def test_no_path_leads_to_a_file(api: Api, path: str) -> None:
    address = ("127.0.0.1", httpx.URL(api.url).port or 0)
    with socket.create_connection(address, timeout=5) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {address[0]}\r\n\r\n".encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 404 ")
