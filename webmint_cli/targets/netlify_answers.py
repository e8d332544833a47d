"""What Netlify's refusals mean, what it takes, and what it adds to pages."""

import re
from http import HTTPStatus

import httpx

from webmint_cli.answers import scrubbed
from webmint_cli.errors import NotDeployable, TargetRefused, TokenRejected, WebMintError
from webmint_cli.targets.api import redirected
from webmint_cli.targets.target import Tree

TOKENS = "https://app.netlify.com/user/applications#personal-access-tokens"

_NAME_TAKEN = (
    TargetRefused,
    "that site name is taken or not allowed",
    "name_taken",
    "choose another: --project NAME --create",
)
_REFUSALS: dict[int, tuple[type[TargetRefused], str, str, str]] = {
    HTTPStatus.UNAUTHORIZED: (
        TokenRejected,
        "Netlify does not accept the token in NETLIFY_AUTH_TOKEN",
        "token_rejected",
        f"it may be revoked or mistyped; make a new one at {TOKENS}",
    ),
    HTTPStatus.PAYMENT_REQUIRED: (
        TargetRefused,
        "the account's limit is reached",
        "quota_exceeded",
        "see the usage at https://app.netlify.com, or raise the plan",
    ),
    HTTPStatus.FORBIDDEN: (
        TokenRejected,
        "the token is valid, but may not do this",
        "permission_missing",
        f"use a token of a member of the site's team who may deploy, from {TOKENS}",
    ),
    HTTPStatus.NOT_FOUND: (
        TargetRefused,
        "Netlify knows no such site",
        "no_such_project",
        "check NETLIFY_SITE_ID, or unset it and name the site: --project NAME --create",
    ),
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: (
        TargetRefused,
        "a file is too large for Netlify",
        "file_too_large",
        "make it smaller, or leave it out",
    ),
}
# What Netlify adds to the pages of deploy previews, and to all of a site with analytics.
_ADDED = re.compile(
    rb"<div data-netlify-deploy-id=[^>]*>\s*<script\b[^>]*netlify-cdp-loader\.netlify\.app[^>]*></script>\s*</div>"
    rb"|<script\b[^>]*(?:netlify-cdp-loader\.netlify\.app|netlify-rum-container)[^>]*></script>"
)


def refused(token: str, response: httpx.Response) -> WebMintError:
    """The error for an answer that is no success. `token` is kept out of it."""
    status, said = response.status_code, _said(token, response)
    detail = f": {said}" if said else ""
    if response.is_redirect:
        return redirected("Netlify", response)
    is_name = status == HTTPStatus.UNPROCESSABLE_ENTITY and response.request.url.path.endswith("/sites")
    refusal = _NAME_TAKEN if is_name else _REFUSALS.get(status)
    if refusal:
        kind, message, code, hint = refusal
        return kind(message + detail, code=code, hint=hint)
    return TargetRefused(f"Netlify refused (status {status}){detail}", hint="see more with --verbose")


def refuse_paths(site: Tree) -> None:
    """Raises NotDeployable for names that Netlify does not take."""
    if wrong := [asset.path for asset in site.assets if set("#?") & set(asset.path)]:
        raise NotDeployable(
            f"Netlify takes no # or ? in the name of a file: {', '.join(wrong[:5])}",
            hint="rename it, and its links",
        )


def restored(page: bytes) -> bytes:
    """A page without what Netlify adds to it."""
    return _ADDED.sub(b"", page) if b"netlify" in page else page


def no_such_project(project: str) -> TargetRefused:
    return TargetRefused(
        f"there is no site {project} that the token sees",
        code="no_such_project",
        hint=f"make it: webmint deploy --to netlify --project {project} --create",
    )


def _said(token: str, response: httpx.Response) -> str:
    try:
        body = response.json()
    except ValueError:
        return ""
    errors = body.get("message") or body.get("errors") or "" if isinstance(body, dict) else ""
    if isinstance(errors, dict):
        errors = "; ".join(f"{name} {' '.join(map(str, why))}" for name, why in errors.items())
    return scrubbed(str(errors), token)
