"""The model servers that WebMint knows by name, and the choice between them."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from webmint_cli.errors import KeyMissing, KeyRejected, UsageError


@dataclass(frozen=True, slots=True)
class Preset:
    """One server. An empty `model` means: what the server offers first. `automatic`: its key alone chooses it."""

    name: str
    base_url: str
    key_variable: str = ""
    model: str = ""
    base_url_variable: str = ""
    automatic: bool = True


PRESETS = {
    preset.name: preset
    for preset in (
        Preset("openai", "https://api.openai.com/v1", "OPENAI_API_KEY", "gpt-5", "OPENAI_BASE_URL"),
        Preset("anthropic", "https://api.anthropic.com/v1", "ANTHROPIC_API_KEY", "claude-sonnet-4-5"),
        Preset(
            "gemini",
            "https://generativelanguage.googleapis.com/v1beta/openai",
            "GEMINI_API_KEY",
            "gemini-2.5-pro",
        ),
        Preset("openrouter", "https://openrouter.ai/api/v1", "OPENROUTER_API_KEY", "openrouter/auto"),
        Preset("groq", "https://api.groq.com/openai/v1", "GROQ_API_KEY", "llama-3.3-70b-versatile"),
        Preset("deepseek", "https://api.deepseek.com/v1", "DEEPSEEK_API_KEY", "deepseek-chat"),
        Preset("mistral", "https://api.mistral.ai/v1", "MISTRAL_API_KEY", "mistral-large-latest"),
        Preset("xai", "https://api.x.ai/v1", "XAI_API_KEY", "grok-4"),
        Preset(
            "cloudflare",
            "https://api.cloudflare.com/client/v4/accounts/{CLOUDFLARE_ACCOUNT_ID}/ai/v1",
            "CLOUDFLARE_API_TOKEN",
            "@cf/qwen/qwen2.5-coder-32b-instruct",
            automatic=False,
        ),
        Preset("ollama", "http://127.0.0.1:11434/v1"),
        Preset("lmstudio", "http://127.0.0.1:1234/v1"),
        Preset("llamacpp", "http://127.0.0.1:8080/v1"),
        Preset("vllm", "http://127.0.0.1:8000/v1"),
    )
}
COMPOSER = "composer"
CUSTOM = Preset("custom", "", "WEBMINT_API_KEY")
NAMES = (COMPOSER, *PRESETS, CUSTOM.name)


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for. `base_url_trusted`: the base URL is the user's own word, not a project's file."""

    provider: str = ""
    model: str = ""
    base_url: str = ""
    base_url_trusted: bool = True


@dataclass(frozen=True, slots=True)
class Choice:
    """The server that will be asked, and why that one. `key` is never shown; `key_variable` names it.

    `trusted`: the address is the user's own word or a preset's.
    """

    name: str
    model: str
    why: str
    base_url: str = ""
    key: str = ""
    key_variable: str = ""
    trusted: bool = True

    def __repr__(self) -> str:
        return f"Choice({self.name!r}, {self.model!r}, {self.why!r}, {self.base_url!r})"


def choose(wish: Wish, environment: Mapping[str, str]) -> Choice:
    """The provider by flag, environment or config; else by a key that is present; else the composer.

    Raises UsageError for an unknown name, KeyMissing where the server needs a key that is not there, and
    KeyRejected for one that can't be a key.
    """
    if wish.provider == COMPOSER:
        return Choice(COMPOSER, COMPOSER, "asked for")
    if wish.provider:
        return _chosen(_preset(wish.provider), wish, environment, "asked for")
    if wish.base_url:
        return _chosen(CUSTOM, wish, environment, "a base URL is set")
    for preset in PRESETS.values():
        if variable := _present(preset, environment):
            return _chosen(preset, wish, environment, f"{variable} is set")
    if wish.model:
        raise KeyMissing(
            f"the model {wish.model} needs a server, and no key for one is set",
            hint="name it: --provider ollama, or set OPENAI_API_KEY, or give --base-url",
        )
    return Choice(COMPOSER, COMPOSER, "no key is set")


def origin(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port: what a key belongs to. Raises ValueError for what is no URL."""
    parts = urlsplit(url)
    return (
        parts.scheme,
        (parts.hostname or "").lower(),
        parts.port or {"https": 443, "http": 80}.get(parts.scheme),
    )


def key_of(preset: Preset, base_url: str, wish: Wish, environment: Mapping[str, str]) -> tuple[str, str]:
    """The variable and the key for a base URL: a key goes only to the origin that it belongs to."""
    own = environment.get(preset.base_url_variable, "") or _filled(preset.base_url, environment)
    if preset is not CUSTOM and origin(base_url) == origin(own):
        return preset.key_variable, _key(preset.key_variable, environment)
    trusted = not wish.base_url or wish.base_url_trusted
    return CUSTOM.key_variable, _key(CUSTOM.key_variable, environment) if trusted else ""


def _key(variable: str, environment: Mapping[str, str]) -> str:
    """The key in a variable, without the line end that files bring. Raises KeyRejected for what no header can hold."""
    key = environment.get(variable, "").strip()
    if not key.isascii() or not key.isprintable():
        raise KeyRejected(
            f"the key in {variable} holds characters that no key has",
            hint=f"copy it again: export {variable}=…",
        )
    return key


def _preset(name: str) -> Preset:
    if name == CUSTOM.name:
        return CUSTOM
    if name not in PRESETS:
        raise UsageError(f"there is no provider {name!r}", hint=f"one of: {', '.join(NAMES)}")
    return PRESETS[name]


def _chosen(preset: Preset, wish: Wish, environment: Mapping[str, str], why: str) -> Choice:
    base_url = _base_url(preset, wish, environment)
    variable, key = key_of(preset, base_url, wish, environment)
    if preset.key_variable and not key and variable == preset.key_variable and preset is not CUSTOM:
        local = origin(base_url)[1] in ("localhost", "127.0.0.1", "::1")
        if not local:
            raise KeyMissing(
                f"{preset.name} needs a key, and {variable} is not set",
                hint=f"export {variable}=…, or try without a model: --provider composer",
            )
    trusted = not wish.base_url or wish.base_url_trusted
    return Choice(preset.name, wish.model or preset.model, why, base_url, key, variable, trusted)


def _base_url(preset: Preset, wish: Wish, environment: Mapping[str, str]) -> str:
    base_url = (
        wish.base_url
        or environment.get(preset.base_url_variable, "")
        or _filled(preset.base_url, environment)
    )
    try:
        scheme, host, _ = origin(base_url)
    except ValueError:
        scheme = host = ""
    if scheme not in ("http", "https") or not host:
        raise UsageError(
            f"{base_url!r} is no base URL" if base_url else "the provider custom needs a base URL",
            hint="for example --base-url http://127.0.0.1:8080/v1",
        )
    if "@" in urlsplit(base_url).netloc:
        raise UsageError(
            f"the base URL of {host} holds a user or a password, which would be shown and recorded",
            hint=f"leave it out and export {CUSTOM.key_variable}=…",
        )
    return base_url.rstrip("/")


def _filled(template: str, environment: Mapping[str, str]) -> str:
    account = environment.get("CLOUDFLARE_ACCOUNT_ID", "")
    if "{" in template and not account:
        raise KeyMissing(
            "cloudflare needs an account, and CLOUDFLARE_ACCOUNT_ID is not set",
            hint="export CLOUDFLARE_ACCOUNT_ID=…",
        )
    return template.replace("{CLOUDFLARE_ACCOUNT_ID}", account)


def _present(preset: Preset, environment: Mapping[str, str]) -> str:
    variables = (preset.key_variable, preset.base_url_variable) if preset.automatic else ()
    return next((name for name in variables if name and environment.get(name, "").strip()), "")
