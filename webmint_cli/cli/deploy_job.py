"""What `deploy` and `generate --deploy` do alike: check, deploy, record, and say what is next."""

import os
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from pathlib import Path

from webmint_cli import deployments, engine
from webmint_cli.cli import actions
from webmint_cli.cli.confirmation import agrees
from webmint_cli.cli.history.access import note_deployment
from webmint_cli.cli.runner import Interrupted, run
from webmint_cli.cli.shared import Common
from webmint_cli.errors import StorageError, TargetRefused, UsageError
from webmint_cli.events import Deployed, Event, Failed, Planned
from webmint_cli.folder import read_provenance, slug
from webmint_cli.render import Reporter, duration, send, size
from webmint_cli.settings import Settings, home
from webmint_cli.targets import registry
from webmint_cli.targets.checkout import read_commit
from webmint_cli.targets.preflight import preflight
from webmint_cli.targets.target import Options, Target, Tree, digest

# Between steps a host may be silent while it works; each of its calls has time limits of its own.
_LIMITS = engine.Limits(first=600.0)
_LISTED = 10
# What a target refuses until it may make it.
_MADE_ON_REQUEST = frozenset({"no_such_project", "pages_not_enabled", "no_subdomain"})


@dataclass(frozen=True, slots=True)
class Wish:
    """What the person asked for, by flags."""

    branch: str = ""
    production: bool = False
    create: bool = False
    allow: tuple[str, ...] = ()
    wrangler_compat: bool = False
    output: Path | None = None
    terms_accepted: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """One deployment, checked and ready."""

    folder: Path
    site: Tree
    target: Target
    project: str
    options: Options
    asks: bool
    is_recorded: bool


def prepare(folder: Path, wish: Wish, settings: Settings, show: Reporter, *, asks: bool) -> Job:
    """Check everything that can be without the network. Raises NotDeployable, UsageError, KeyMissing."""
    target = registry.make(settings["target"], os.environ)
    site = preflight(folder, target.capacity, allow=wish.allow, wrangler_compat=wish.wrangler_compat)
    for note in site.notes:
        show.say(note)
    last = _last(folder, target.name, settings["project"])
    options = Options(
        production=wish.production,
        branch=wish.branch,
        commit=read_commit(folder, os.environ),
        create=wish.create,
        output=wish.output,
        overwrite="overwrite" in wish.allow,
        previous=last.files if last else None,
        terms_accepted=wish.terms_accepted,
        verify=settings["verify_timeout"],
    )
    project = settings["project"] or (last.project if last else _name(target, folder))
    asks = asks and sys.stdin.isatty() and sys.stderr.isatty()
    is_recorded = not settings["no_history"]
    job = Job(folder, site, target, project, options, asks, is_recorded)
    return _with_terms(job, show)


def rehearse(job: Job, show: Reporter, *, common: Common) -> None:
    """Say what a deployment would change."""
    planned = _run(job.target.plan(job.site, job.project, job.options), show)
    if not isinstance(planned, Planned) or common.as_json:
        return
    for line in _plan_lines(planned):
        send(f"{line}\n".encode(), sys.stdout)


def play(job: Job, show: Reporter, *, common: Common) -> Deployed:
    """Deploy, record it, and put the address on stdout."""
    try:
        deployed = _deployed(job, show)
    except Interrupted as interruption:
        _say_stopped(show)
        raise SystemExit(interruption.exit_code) from None
    if job.is_recorded:
        _record(job, deployed, show)
    actions.deployed(deployed, os.environ)
    show.say(*_said(job, deployed))
    if not common.as_json:
        send(os.fsencode(f"{deployed.url}\n"), sys.stdout, hint=f"it is live: {deployed.url}")
    show.say(*_claim(deployed))
    return deployed


def _deployed(job: Job, show: Reporter) -> Deployed:
    """The deployment, made with the project if that is missing and a person says so."""
    try:
        return _finished(_run(job.target.deploy(job.site, job.project, job.options), show))
    except TargetRefused as error:
        if error.code not in _MADE_ON_REQUEST or job.options.create or not _agrees(job, error):
            raise
    options = replace(job.options, create=True)
    return _finished(_run(job.target.deploy(job.site, job.project, options), show))


def _finished(event: Event | None) -> Deployed:
    if not isinstance(event, Deployed):
        raise TargetRefused(
            "the target ended without a deployment", code="bug", hint="report it to its maker"
        )
    return event


def _agrees(job: Job, error: TargetRefused) -> bool:
    return job.asks and agrees(f"{error.message}. Make it?")


def _with_terms(job: Job, show: Reporter) -> Job:
    """A trial's terms are shown, and accepted by a person or by a flag, before anything is sent."""
    terms = getattr(job.target, "terms", "")
    if not terms:
        return job
    show.warn(terms)
    if job.options.terms_accepted:
        return job
    if not job.asks or not agrees("Accept them?"):
        raise UsageError(f"{job.target.name} needs its terms accepted", hint="read them, then add --yes")
    return replace(job, options=replace(job.options, terms_accepted=True))


def _run(stream: AsyncGenerator[Event, None], show: Reporter) -> Event | None:
    """The last event of a job whose events are shown."""
    last: list[Event] = []

    async def events() -> None:
        async with aclosing(engine.deploy(stream, limits=_LIMITS)) as job:
            async for event in job:
                show.show(event)
                last[:] = [event]

    with show:
        run(events())
    return last[0] if last else None


def _say_stopped(show: Reporter) -> None:
    message = "Stopped: whether it was published is not known; see: webmint deployments list"
    show.show(Failed(message, "stopped", "see: webmint deployments list"))
    show.say(message)


def _last(folder: Path, target: str, project: str) -> deployments.Deployment | None:
    """The last deployment of this folder there, by the records of this machine."""
    known = (
        found
        for found in deployments.recorded(home() / "deployments")
        if found.target == target and found.folder == str(folder.absolute())
    )
    return next((found for found in known if project in ("", found.project)), None)


def _name(target: Target, folder: Path) -> str:
    """A project's name where none is given: the folder's. GitHub's is a repository, which the target finds."""
    return "" if target.name == "github-pages" else slug(folder.absolute().name)[:58].strip("-")


def _record(job: Job, deployed: Deployed, show: Reporter) -> None:
    provenance = read_provenance(job.folder)
    record = deployments.Deployment(
        target=deployed.target,
        project=deployed.project_name,
        environment=deployed.environment,
        url=deployed.url,
        deployment_id=deployed.deployment_id,
        folder=str(job.folder.absolute()),
        run=provenance.run if provenance else "",
        branch=job.options.branch or (job.options.commit.branch if job.options.commit else ""),
        aliases=deployed.aliases,
        files=_digests(job.site),
        timestamp=int(time.time() * 1000),
    )
    try:
        deployments.record(record, home() / "deployments")
    except StorageError as error:
        show.warn(error.message)
        return
    note_deployment(show)


def _digests(site: Tree) -> dict[str, str]:
    rules = {name: digest(data) for name, data in site.rules.items()}
    return {asset.path: digest(asset.read()) for asset in site.assets} | rules


def _said(job: Job, deployed: Deployed) -> list[str]:
    files = f"{deployed.uploaded} uploaded, {deployed.unchanged} unchanged, {deployed.verified} verified"
    lines = [
        f"Deployed: {deployed.project_name} to {deployed.target} ({deployed.environment})",
        f"  {files}, {size(job.site.size)}, in {duration(deployed.seconds)}",
    ]
    if job.target.name in ("folder", "zip"):
        return lines
    also = [f"Also at: {alias}" for alias in deployed.aliases]
    preview = deployed.environment == "preview"
    return [*lines, *also, *(["Make it production: webmint deploy --prod"] if preview else [])]


def _claim(deployed: Deployed) -> list[str]:
    """The last words of a trial: without them the site is gone within the hour."""
    if not deployed.claim_url:
        return []
    return [f"Claim it by {deployed.claim_by}, or it will be gone: {deployed.claim_url}"]


def _plan_lines(planned: Planned) -> list[str]:
    name = "would be made" if planned.creates_project else planned.environment
    lines = [f"{planned.project_name} at {planned.target}: {name}"]
    removed = planned.removed
    for word, sign, paths in (
        ("new", "+", planned.new),
        ("changed", "~", planned.changed),
        ("removed", "-", removed or ()),
    ):
        lines.append(
            f"  {len(paths)} {word}"
            if word != "removed" or removed is not None
            else "  removed: not known here"
        )
        lines += [f"  {sign} {path}" for path in paths[:_LISTED]]
        lines += [f"    and {len(paths) - _LISTED} more"] if len(paths) > _LISTED else []
    return [*lines, f"  {len(planned.unchanged)} unchanged", f"  {size(planned.upload_bytes)} to upload"]
