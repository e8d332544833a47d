"""Secrets are refused by the name of their file and the kind of secret, and are never repeated."""

from __future__ import annotations

import string
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from webmint_cli.errors import NotDeployable
from webmint_cli.targets.preflight import preflight
from webmint_cli.targets.secrets import by_content, by_name, read_text
from webmint_cli.targets.target import Capacity

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")

HOST = Capacity(rules=True)
LETTERS = "aB3dE5gH7jK9mN1pQ3sT5vW7yZ9bC1eF3hJ5kL7nP9rS1uV3xY5"
# Put together here, so that nobody who looks for keys finds some.
KEYS = {
    "AWS": "AK" + "IA" + "IOSFODNN7" + "EXAMPLE",
    "GitHub": "gh" + "p_" + LETTERS[:36],
    "GitHub OAuth": "gh" + "o_" + LETTERS[:36],
    "GitHub fine": "github" + "_pat_" + LETTERS[:22] + "_" + LETTERS,
    "OpenAI": "sk" + "-" + LETTERS[:48],
    "OpenAI project": "sk" + "-proj-" + LETTERS[:20] + "_-" + LETTERS[:20],
    "Anthropic": "sk" + "-ant-api03-" + LETTERS + "-AA",
    "Slack": "xo" + "xb-123456789012-" + LETTERS[:24],
    "Slack user": "xo" + "xp-123456789012-" + LETTERS[:24],
    "Stripe": "sk" + "_live_" + LETTERS[:24],
    "Google": "ya" + "29." + LETTERS,
    "GitLab": "gl" + "pat-" + LETTERS[:20],
    "npm": "np" + "m_" + LETTERS[:36],
    "Cloudflare": "CLOUDFLARE_API_" + "TOKEN=" + LETTERS[:40],
    "Cloudflare in JSON": '"CLOUDFLARE_API_' + 'TOKEN": "' + LETTERS[:40] + '"',
    "PEM": "-----BEGIN " + "PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----",
    "PEM of RSA, escaped": "-----BEGIN RSA " + "PRIVATE KEY-----\\nMIIEpAIBAAKCAQEA",
    "OpenSSH": "-----BEGIN OPENSSH " + "PRIVATE KEY-----\nb3BlbnNzaC1rZXkt",
}
HARMLESS = {
    "browser key of Google": "AI" + "zaSy" + LETTERS[:33],
    "publishable key of Stripe": "pk_" + "live_" + LETTERS[:24],
    "test key of Stripe": "sk_" + "test_" + LETTERS[:24],
    "class name": '<div class="sk-folding-cube sk-circle-fade-dot task-list"></div>',
    "word before": "risk-" + LETTERS[:40],
    "placeholder": "CLOUDFLARE_API_" + "TOKEN=your-token-here",
    "variable": "CLOUDFLARE_API_" + "TOKEN=${{ secrets.CLOUDFLARE_API_TOKEN }}",
    "program that reads keys": 'pem.replace("-----BEGIN ' + 'PRIVATE KEY-----", "")',
    "public key": "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQ",
    "short": "sk-abc gh" + "p_abc npm_config xoxb",
}


def site(folder: Path, path: str, content: str | bytes) -> Path:
    (folder / path).parent.mkdir(parents=True, exist_ok=True)
    (folder / path).write_bytes(content.encode() if isinstance(content, str) else content)
    (folder / "index.html").touch()
    return folder


def refusal(folder: Path, *, wrangler_compat: bool = False) -> NotDeployable:
    with pytest.raises(NotDeployable) as caught:
        preflight(folder, HOST, wrangler_compat=wrangler_compat)
    return caught.value


@pytest.mark.parametrize("wrangler_compat", [False, True])
@pytest.mark.parametrize(
    "path",
    [
        ".env",
        ".env.local",
        ".env.production",
        ".ENV",
        ".envrc",
        "sub/.env",
        "prod.env",
        "id_rsa",
        "keys/id_ed25519",
        "cert.p12",
        "Cert.PFX",
        ".netrc",
        ".git-credentials",
        ".pypirc",
        ".dev.vars",
        ".dev.vars.staging",
    ],
)
def test_a_file_known_by_its_name_is_refused_also_where_hidden_files_are_left_out(
    path: str, tmp_path: Path, *, wrangler_compat: bool
) -> None:
    error = refusal(site(tmp_path, path, "x"), wrangler_compat=wrangler_compat)
    assert error.code == "secret"
    assert f"{path} holds " in error.message
    assert error.hint.endswith(f"--allow {path}")
    tree = preflight(tmp_path, HOST, allow=[path], wrangler_compat=wrangler_compat)
    assert path in [asset.path for asset in tree.assets]


@pytest.mark.parametrize(
    "path", [".env.example", ".env.local.sample", ".env.template", "example.env", "env", "environment.html"]
)
def test_a_template_of_an_environment_is_no_secret(path: str) -> None:
    assert by_name(path) is None


@pytest.mark.parametrize("path", ["id_rsa.pub", "credentials", "aws/credentials", "key.pem", "netrc.html"])
def test_names_that_only_look_like_it_are_no_secrets(path: str) -> None:
    assert by_name(path) is None


def test_credentials_in_hidden_folders_are_refused_where_these_are_published(tmp_path: Path) -> None:
    site(tmp_path, ".aws/credentials", "x")
    assert "AWS credentials" in refusal(tmp_path, wrangler_compat=True).message
    assert preflight(tmp_path, HOST).notes[0].startswith("left out .aws/")


@pytest.mark.parametrize("kind", KEYS)
def test_a_key_in_a_text_file_is_refused_by_kind_and_not_repeated(kind: str, tmp_path: Path) -> None:
    site(tmp_path, "js/app.js", f"const config = {{ key: '{KEYS[kind]}' }}\n")
    error = refusal(tmp_path)
    assert error.code == "secret"
    assert "js/app.js holds a" in error.message
    said = error.message + error.hint + str(error.partial)
    assert not any(part in said for part in KEYS[kind].split() if len(part) > 12)


@pytest.mark.parametrize("kind", HARMLESS)
def test_what_is_public_or_no_key_passes(kind: str, tmp_path: Path) -> None:
    preflight(site(tmp_path, "app.js", HARMLESS[kind]), HOST)


@pytest.mark.parametrize(
    ("path", "content", "is_secret"),
    [
        (".npmrc", "//registry.example/:_auth" + "Token=abcdef\n", True),
        (".npmrc", "//registry.example/:_auth" + "Token=${NPM_TOKEN}\n", False),
        (".npmrc", "save-exact=true\n", False),
        ("server.pem", "-----BEGIN ENCRYPTED PRIVATE KEY-----", True),
        ("ca.pem", "-----BEGIN CERTIFICATE-----\nMIIB", False),
        ("google.json", '{"type": "service_account", "private' + '_key": "..."}', True),
        ("data.json", '{"type": "account", "private_key_id": "1"}', False),
    ],
)
def test_some_files_are_known_by_name_and_content(path: str, content: str, *, is_secret: bool) -> None:
    assert (by_content(path, content.encode()) is not None) is is_secret


def test_a_hidden_file_is_refused_by_its_content_where_it_would_be_published(tmp_path: Path) -> None:
    site(tmp_path, ".npmrc", "//registry.example/:_auth" + "Token=abcdef\n")
    assert ".npmrc holds an npm token" in refusal(tmp_path, wrangler_compat=True).message


def test_rules_are_looked_through_as_well(tmp_path: Path) -> None:
    site(tmp_path, "_headers", f"/*\n  Authorization: Bearer {KEYS['GitHub']}\n")
    assert "_headers holds a GitHub token" in refusal(tmp_path).message


def test_a_link_to_a_secret_is_one_under_any_name(tmp_path: Path) -> None:
    site(tmp_path, ".env", "A=1")
    (tmp_path / "settings.txt").symlink_to(".env")
    assert "settings.txt holds environment variables" in refusal(tmp_path).message


@pytest.mark.parametrize("allow", ["docs/app.js", "docs/*.js", "*.js", "docs", "./docs/"])
def test_a_secret_is_let_through_by_path_by_glob_and_by_folder(allow: str, tmp_path: Path) -> None:
    site(tmp_path, "docs/app.js", KEYS["AWS"])
    assert len(preflight(tmp_path, HOST, allow=[allow]).assets) == 2
    site(tmp_path, "other/app.ts", KEYS["AWS"])
    with pytest.raises(NotDeployable, match=r"other/app\.ts holds an AWS access key$"):
        preflight(tmp_path, HOST, allow=[allow])


def test_a_glob_lifts_the_refusal_of_a_hidden_secret_and_still_leaves_it_out(tmp_path: Path) -> None:
    tree = preflight(site(tmp_path, ".env", "A=1"), HOST, allow=["*"])
    assert [asset.path for asset in tree.assets] == ["index.html"]
    assert tree.notes[0].startswith("left out .env: hidden")


def test_names_with_glob_characters_are_allowed_as_they_are_said(tmp_path: Path) -> None:
    site(tmp_path, "[id]/a b.js", KEYS["AWS"])
    assert refusal(tmp_path).hint.endswith("--allow '[id]/a b.js'")
    assert len(preflight(tmp_path, HOST, allow=["[id]/a b.js"]).assets) == 2


def test_the_first_mebibyte_of_text_is_looked_through_and_nothing_else(tmp_path: Path) -> None:
    near, far, image = tmp_path / "near.txt", tmp_path / "far.txt", tmp_path / "image.png"
    near.write_bytes(b" " * ((1 << 20) - 20) + KEYS["AWS"].encode())
    far.write_bytes(b" " * (1 << 20) + KEYS["AWS"].encode())
    image.write_bytes(b"\x89PNG\0 " + KEYS["AWS"].encode())
    assert by_content("near.txt", read_text(near))
    assert by_content("far.txt", read_text(far)) is None
    assert read_text(image) == b""


@given(
    st.sampled_from(sorted(KEYS)),
    st.text(string.printable, max_size=200),
    st.text(string.printable, max_size=200),
)
@settings(max_examples=100)
def test_a_key_is_found_in_any_text_and_no_word_of_it_is_said(kind: str, before: str, after: str) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = site(Path(place), "page.html", f"{before} {KEYS[kind]} {after}")
        error = refusal(folder)
    assert "page.html holds a" in error.message
    assert LETTERS[:16] not in error.message + error.hint
