"""From a request to a deployment: which targets there are over HTTP, and a site in memory made fit for one."""

import html
import re
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from webmint_cli import engine
from webmint_cli.errors import NotDeployable, UsageError, WebMintError
from webmint_cli.events import Event, Status
from webmint_cli.hosting.headers import parse_headers
from webmint_cli.hosting.redirects import parse_redirects
from webmint_cli.server.bodies import files_of
from webmint_cli.site import Site, relative_path
from webmint_cli.targets import registry, secrets
from webmint_cli.targets.preflight import tree_of
from webmint_cli.targets.target import Capacity, Options, Tree

# As on the command line: between steps a host may be silent, and each of its calls has limits of its own.
_LIMITS = engine.Limits(first=600.0)
_LOCAL = {"folder": "", "zip": ".zip"}
# Their terms are accepted by a person who reads them, which a request can't show.
_WITH_TERMS = frozenset({"netlify-drop", "cloudflare-trial"})
_DOCUMENT = re.compile(r"<(?:!doctype|html|head|body)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Desk:
    """Where deployments are asked for. `root`: the folder below which `folder` and `zip` write; None forbids them."""

    environment: Mapping[str, str]
    default: str = registry.DEFAULT
    root: Path | None = None
    verify: float = 60.0

    def names(self) -> list[str]:
        """The targets that a request may name."""
        refused = _WITH_TERMS | (frozenset() if self.root else frozenset(_LOCAL))
        return [name for name in registry.names() if name not in refused]

    def targets(self) -> list[dict[str, Any]]:
        """Those targets, and whether each has what it needs."""
        return [self._described(name) for name in self.names()]

    def job(self, members: Mapping[str, Any]) -> AsyncGenerator[Event, None]:
        """The events of the deployment that a body asks for. Raises UsageError, NotDeployable, KeyMissing."""
        name, project = members.get("target") or self.default, members["projectName"]
        if name not in self.names():
            raise UsageError(
                f"there is no target {name!r} on this server", hint=f"there are: {', '.join(self.names())}"
            )
        site, notes = completed(files_of(members), project)
        target, tree = registry.make(name, self.environment), tree_of(site)
        expect_fit(tree, target.capacity)
        options = Options(
            production=members.get("production", False),
            create=True,
            output=self._place(name, project),
            overwrite=name in _LOCAL,
            verify=self.verify,
        )
        events = _told([*notes, *tree.notes], target.deploy(tree, project, options))
        return engine.deploy(events, limits=_LIMITS)

    def _place(self, name: str, project: str) -> Path | None:
        """Where a local target writes: below the root, also where links lead."""
        if self.root is None or name not in _LOCAL:
            return None
        try:
            place = self.root.resolve() / (relative_path(project) + _LOCAL[name])
            outside = not place.resolve().is_relative_to(self.root.resolve())
        except (ValueError, RuntimeError) as error:
            raise UsageError(f"projectName is no name for a folder: {error}", hint="give another") from None
        if outside or place.is_symlink():
            raise UsageError("projectName leads out of the deploy root", hint="give another")
        return place

    def _described(self, name: str) -> dict[str, Any]:
        missing = ""
        try:
            registry.make(name, self.environment)
        except WebMintError as error:
            missing = error.message
        said = registry.OURS.get(name, ("", name))[1]
        known = {"name": name, "description": said, "default": name == self.default, "ready": not missing}
        return known | ({"missing": missing} if missing else {})


def completed(site: Site, title: str) -> tuple[Site, list[str]]:
    """The site with a document around an index.html that is a fragment, and a sentence that says so."""
    if not site.html or _DOCUMENT.search(site.html):
        return site, []
    files = {**site.files, "index.html": _document(site, title)}
    return Site(files), ["index.html is a fragment: put a document around it that links the other files"]


def _document(site: Site, title: str) -> str:
    style = '<link rel="stylesheet" href="styles.css">\n' if site.css else ""
    script = '<script src="script.js"></script>\n' if site.js else ""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{html.escape(title)}</title>\n{style}</head>\n<body>\n{site.html}\n{script}</body>\n</html>\n"
    )


def expect_fit(tree: Tree, capacity: Capacity) -> None:
    """Raise NotDeployable for a site that is not fit to be published on a host of this capacity."""
    problems = list(_problems(tree, capacity))
    if problems:
        raise NotDeployable(
            f"the site can't be published: {'; '.join(problems[:5])}", hint="correct this and deploy again"
        )


def _problems(tree: Tree, capacity: Capacity) -> Iterator[str]:
    if "index.html" not in {asset.path for asset in tree.assets}:
        yield "there is no index.html at the root"
    if len(tree.assets) > capacity.files:
        yield f"there are {len(tree.assets):,} files, and this host takes {capacity.files:,}"
    for asset in tree.assets:
        if asset.size > capacity.file:
            yield f"{asset.path} has {asset.size:,} bytes, and this host takes {capacity.file:,} a file"
        if kind := secrets.by_name(asset.path) or secrets.by_content(asset.path, asset.read()):
            yield f"{asset.path} holds {kind}"
    for name, data in tree.rules.items() if capacity.rules else ():
        text = data.decode("utf-8", "replace")
        parsed = parse_headers(text) if name == "_headers" else parse_redirects(text)
        yield from (f"{name} line {problem.line}: {problem.reason}" for problem in parsed.problems)


async def _told(notes: list[str], job: AsyncGenerator[Event, None]) -> AsyncGenerator[Event, None]:
    async with aclosing(job) as events:
        for note in notes:
            yield Status(note, 0, "check")
        async for event in events:
            yield event
