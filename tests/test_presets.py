"""Which server is asked and why, and that a key goes to the origin it belongs to and to nobody else."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import support
import upstream as up
from support import REPLY

from webmint_cli.errors import ExitCode, KeyMissing, KeyRejected, UsageError
from webmint_cli.providers.openai_compatible import OpenAICompatible
from webmint_cli.providers.presets import NAMES, PRESETS, Choice, Wish, choose, origin

if TYPE_CHECKING:
    from collections.abc import Iterator

OPENAI = "sk-canary-openai-1"
GROQ = "gsk-canary-groq-22"
OWN = "canary-webmint-333"
KEYS = {"OPENAI_API_KEY": OPENAI, "GROQ_API_KEY": GROQ, "WEBMINT_API_KEY": OWN}


@pytest.fixture
def upstream() -> Iterator[up.Upstream]:
    with up.Upstream() as server:
        yield server


# The choice


@pytest.mark.parametrize(
    ("wish", "environment", "name", "why"),
    [
        (Wish(), {}, "composer", "no key is set"),
        (Wish(), {"OPENAI_API_KEY": ""}, "composer", "no key is set"),
        (Wish(), {"OPENAI_API_KEY": " \n"}, "composer", "no key is set"),
        (Wish(), {"WEBMINT_API_KEY": OWN}, "composer", "no key is set"),
        (Wish(), {"CLOUDFLARE_API_TOKEN": "x", "CLOUDFLARE_ACCOUNT_ID": "y"}, "composer", "no key is set"),
        (Wish(), {"GROQ_API_KEY": GROQ}, "groq", "GROQ_API_KEY is set"),
        (Wish(), KEYS, "openai", "OPENAI_API_KEY is set"),
        (Wish(), {"OPENAI_BASE_URL": "http://127.0.0.1:1/v1"}, "openai", "OPENAI_BASE_URL is set"),
        (Wish(base_url="http://a/v1"), KEYS, "custom", "a base URL is set"),
        (Wish("groq"), KEYS, "groq", "asked for"),
        (Wish("groq", base_url="http://a/v1"), KEYS, "groq", "asked for"),
        (Wish("composer", "gpt-5", "http://a/v1"), KEYS, "composer", "asked for"),
        (Wish("custom", base_url="http://a/v1"), KEYS, "custom", "asked for"),
        (Wish("ollama"), {}, "ollama", "asked for"),
        (
            Wish("cloudflare"), {"CLOUDFLARE_API_TOKEN": "x", "CLOUDFLARE_ACCOUNT_ID": "y"},
            "cloudflare", "asked for",
        ),
    ],
)  # fmt: skip
def test_the_choice_and_its_reason(wish: Wish, environment: dict[str, str], name: str, why: str) -> None:
    choice = choose(wish, environment)
    assert (choice.name, choice.why) == (name, why)


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("composer", "custom")])
def test_a_preset_alone_is_enough(name: str) -> None:
    preset = PRESETS[name]
    environment = {"CLOUDFLARE_ACCOUNT_ID": "a1"} | (
        {preset.key_variable: "k"} if preset.key_variable else {}
    )
    choice = choose(Wish(name), environment)
    assert choice == Choice(
        name, preset.model, "asked for", preset.base_url.replace("{CLOUDFLARE_ACCOUNT_ID}", "a1"),
        "k" if preset.key_variable else "", preset.key_variable,
    )  # fmt: skip
    assert choose(Wish(name, "another"), environment).model == "another"


@pytest.mark.parametrize("name", [name for name, preset in PRESETS.items() if preset.key_variable])
def test_a_server_that_needs_a_key_says_which_is_missing(name: str) -> None:
    with pytest.raises(KeyMissing) as caught:
        choose(Wish(name), {"CLOUDFLARE_ACCOUNT_ID": "a1", "WEBMINT_API_KEY": OWN})
    assert caught.value.exit_code == ExitCode.KEY
    assert PRESETS[name].key_variable in caught.value.message
    assert f"export {PRESETS[name].key_variable}=" in caught.value.hint
    assert "--provider composer" in caught.value.hint


def test_cloudflare_needs_an_account() -> None:
    with pytest.raises(KeyMissing, match="CLOUDFLARE_ACCOUNT_ID is not set"):
        choose(Wish("cloudflare"), {"CLOUDFLARE_API_TOKEN": "x"})


def test_a_model_without_a_server_is_no_reason_for_the_composer() -> None:
    with pytest.raises(KeyMissing) as caught:
        choose(Wish(model="gpt-5"), {})
    assert "gpt-5" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize("name", ["opnai", "OpenAI", "../x"])
def test_an_unknown_provider_is_told_which_there_are(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        choose(Wish(name), KEYS)
    assert repr(name) in caught.value.message
    assert all(known in caught.value.hint for known in NAMES)


@pytest.mark.parametrize(
    "base_url", ["localhost:8080", "ftp://a/v1", "http://", "/v1", "http://[::1/v1", "http://a:b/v1", " "]
)
def test_what_is_no_base_url_is_told(base_url: str) -> None:
    with pytest.raises(UsageError, match="is no base URL") as caught:
        choose(Wish(base_url=base_url), {})
    assert "--base-url http" in caught.value.hint


def test_a_base_url_holds_no_password() -> None:
    with pytest.raises(UsageError, match="holds a user or a password") as caught:
        choose(Wish(base_url="https://me:hunter2@models.example/v1"), {})
    assert "hunter2" not in str(caught.value) + caught.value.hint


def test_custom_needs_a_base_url() -> None:
    with pytest.raises(UsageError, match="custom needs a base URL"):
        choose(Wish("custom"), {})


def test_a_local_server_in_the_place_of_openai_needs_no_key() -> None:
    choice = choose(Wish("openai"), {"OPENAI_BASE_URL": "http://localhost:8080/v1/"})
    assert (choice.base_url, choice.key) == ("http://localhost:8080/v1", "")


@pytest.mark.parametrize("key", ["sk-“quoted”", "sk-a\nb", "sk-a\x00", "sk-ключ"])
def test_a_key_that_no_header_can_hold_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(KeyRejected) as caught:
        choose(Wish(), {"OPENAI_API_KEY": key})
    assert caught.value.message == "the key in OPENAI_API_KEY holds characters that no key has"
    assert "export OPENAI_API_KEY=" in caught.value.hint


def test_the_line_end_that_a_file_brings_is_no_part_of_a_key() -> None:
    assert choose(Wish(), {"OPENAI_API_KEY": f" {OPENAI}\r\n"}).key == OPENAI


def test_a_choice_does_not_show_its_key() -> None:
    choice = choose(Wish(), KEYS)
    assert choice.key == OPENAI
    assert OPENAI not in f"{choice!r} {choice} {[choice]}"


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://api.openai.com/v1", "https://API.openai.com:443/v2?x", True),
        ("http://a/v1", "http://a:80/", True),
        ("https://a/v1", "http://a/v1", False),
        ("https://a/v1", "https://a:8443/v1", False),
        ("https://a/v1", "https://a.b/v1", False),
        ("https://a/v1", "https://a@b/v1", False),
    ],
)
def test_an_origin_is_scheme_host_and_port(one: str, other: str, same: bool) -> None:
    assert (origin(one) == origin(other)) is same


# Which key goes where: HERE stands for the upstream's address, and its port makes it an origin of its own.

HERE = "HERE"
SENT = {
    "custom-by-flag": (Wish(base_url=HERE), KEYS, OWN),
    "custom-by-flag-without-its-key": (Wish(base_url=HERE), {"OPENAI_API_KEY": OPENAI}, None),
    "custom-by-name": (Wish("custom", base_url=HERE), KEYS, OWN),
    "custom-by-project": (Wish(base_url=HERE, base_url_trusted=False), KEYS, None),
    "openai-elsewhere-by-flag": (Wish("openai", base_url=HERE), KEYS, OWN),
    "openai-elsewhere-by-flag-without-a-key": (Wish("openai", base_url=HERE), {"OPENAI_API_KEY": OPENAI}, None),
    "openai-elsewhere-by-project": (Wish("openai", base_url=HERE, base_url_trusted=False), KEYS, None),
    "openai-elsewhere-by-its-variable": (Wish(), KEYS | {"OPENAI_BASE_URL": HERE}, OPENAI),
    "openai-at-its-variable-by-flag": (Wish("openai", base_url=HERE), KEYS | {"OPENAI_BASE_URL": HERE}, OPENAI),
    "openai-at-its-variable-by-project": (
        Wish("openai", base_url=HERE, base_url_trusted=False), KEYS | {"OPENAI_BASE_URL": HERE}, OPENAI,
    ),
    "custom-at-openais-variable": (Wish(base_url=HERE), KEYS | {"OPENAI_BASE_URL": HERE}, OWN),
    "groq-does-not-heed-openais-variable": (
        Wish("groq", base_url=HERE), KEYS | {"OPENAI_BASE_URL": HERE}, OWN,
    ),
    "groq-elsewhere-by-project": (Wish("groq", base_url=HERE, base_url_trusted=False), KEYS, None),
    "ollama-elsewhere-by-flag": (Wish("ollama", base_url=HERE), KEYS, OWN),
    "ollama-elsewhere-by-project": (Wish("ollama", base_url=HERE, base_url_trusted=False), KEYS, None),
    "cloudflare-elsewhere-by-project": (
        Wish("cloudflare", base_url=HERE, base_url_trusted=False),
        KEYS | {"CLOUDFLARE_API_TOKEN": "cf-canary-4444", "CLOUDFLARE_ACCOUNT_ID": "a"}, None,
    ),
}  # fmt: skip

AMBIENT = {
    "OPENAI_ORG_ID": "org-canary-5",
    "OPENAI_PROJECT_ID": "proj-canary-6",
    "OPENAI_ADMIN_KEY": "sk-admin-canary-7",
    "OPENAI_CUSTOM_HEADERS": "X-Gateway: canary-8\nx-other:canary-9\nAuthorization: Bearer canary-10",
}


def here(text: str, upstream: up.Upstream) -> str:
    return text.replace(HERE, upstream.base_url)


@pytest.mark.parametrize("case", SENT)
@pytest.mark.parametrize("model", ["model-a", ""])
def test_the_key_that_arrives(
    case: str, model: str, upstream: up.Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    wish, variables, key = SENT[case]
    environment = {name: here(value, upstream) for name, value in variables.items()}
    # The SDK reads the real environment, so that is where they stand as well.
    for name, value in (environment | AMBIENT).items():
        monkeypatch.setenv(name, value)
    choice = choose(replace(wish, base_url=here(wish.base_url, upstream)), environment)
    upstream.reply(up.text(REPLY))
    # Without a model of its own the server's list is asked for, with the same headers.
    support.generate(OpenAICompatible(replace(choice, model=model)))

    assert [seen.path for seen in upstream.requests] == ["/v1/models"] * (not model) + [
        "/v1/chat/completions"
    ]
    for seen in upstream.requests:
        assert seen.headers.get("authorization") == (f"Bearer {key}" if key else None)
        others: Any = {name: value for name, value in seen.headers.items() if name != "authorization"}
        assert "canary" not in f"{others} {seen.path} {seen.json}"


def test_what_the_environment_adds_goes_to_openai_itself(
    upstream: up.Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here the upstream stands in for OpenAI's own origin."""
    for name, value in AMBIENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setitem(PRESETS, "openai", replace(PRESETS["openai"], base_url=upstream.base_url))
    upstream.reply(up.text(REPLY))
    support.generate(OpenAICompatible(choose(Wish(), {"OPENAI_API_KEY": OPENAI})))
    (seen,) = upstream.requests
    assert seen.headers["openai-organization"] == "org-canary-5"
    assert seen.headers["openai-project"] == "proj-canary-6"
    assert (seen.headers["x-gateway"], seen.headers["x-other"]) == ("canary-8", "canary-9")
