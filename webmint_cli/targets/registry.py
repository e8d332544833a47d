"""Which targets there are: ours by a lazy table, others by the entry-point group `webmint.targets`.

An entry point names a function that takes the environment (a mapping) and gives a `Target`.
"""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import TypeAlias

from webmint_cli.errors import UsageError
from webmint_cli.targets.target import Target

GROUP = "webmint.targets"
DEFAULT = "cloudflare"

Factory: TypeAlias = Callable[[Mapping[str, str]], Target]

# The module, below this package, whose function `target` makes it; and what it is.
OURS = {
    "cloudflare": ("cloudflare.pages", "Cloudflare Pages"),
    "cloudflare-workers": ("cloudflare.workers", "Cloudflare Workers static assets"),
    "netlify": ("netlify", "Netlify"),
    "vercel": ("vercel", "Vercel"),
    "github-pages": ("github_pages", "GitHub Pages"),
    "folder": ("folder", "a folder on this machine"),
    "zip": ("archive", "a zip file"),
    "netlify-drop": ("netlify_drop", "Netlify without an account, for an hour (experimental)"),
    "cloudflare-trial": ("cloudflare.trial", "Cloudflare without an account, for an hour (experimental)"),
}


def names() -> list[str]:
    """All targets, ours first."""
    from importlib.metadata import entry_points

    return [*OURS, *sorted({point.name for point in entry_points(group=GROUP)} - set(OURS))]


def make(name: str, environment: Mapping[str, str]) -> Target:
    """The target of that name. Raises UsageError for an unknown one, and KeyMissing where one wants a token."""
    return _factory(name)(environment)


def _factory(name: str) -> Factory:
    if name in OURS:
        factory: Factory = import_module(f"webmint_cli.targets.{OURS[name][0]}").target
        return factory
    from importlib.metadata import entry_points

    for point in entry_points(group=GROUP, name=name):
        try:
            plugin: Factory = point.load()
        except Exception as error:  # noqa: BLE001 - anything may be wrong with it
            raise UsageError(
                f"the target {name} can't be loaded: {error}", hint=f"see {point.value}"
            ) from None
        return plugin
    near = get_close_matches(name, names(), n=1)
    hint = f"did you mean --to {near[0]}?" if near else f"there are: {', '.join(names())}"
    raise UsageError(f"there is no target {name!r}", hint=hint)
