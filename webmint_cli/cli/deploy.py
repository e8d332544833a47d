"""`webmint deploy`: from a folder to a live, verified address."""

from pathlib import Path
from typing import Annotated

import typer

from webmint_cli.cli.options import Create, Production, Project, Site, To
from webmint_cli.cli.shared import Common, command


@command
def deploy(
    site: Site = None,
    *,
    to: To = None,
    project: Project = None,
    branch: Annotated[
        str | None, typer.Option(metavar="NAME", help="Deploy as this branch, not the one checked out.")
    ] = None,
    prod: Production = False,
    create: Create = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")
    ] = False,
    allow: Annotated[
        list[str] | None,
        typer.Option(metavar="PATH", help="Publish this, though it is refused or left out by default."),
    ] = None,
    wrangler_compat: Annotated[
        bool,
        typer.Option("--wrangler-compat", help="Publish the files that wrangler would, hidden ones too."),
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="PATH", help="Where folder and zip put the site.")
    ] = None,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Accept a trial's terms without being asked.")
    ] = False,
    verify_timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", min=0, help="How long the host has to serve it right.")
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open the live site in the browser.")] = False,
    common: Common,
) -> None:
    """Put a site online, and verify what is served.

    Exits 0 only when every file (of more than 200, a sample) was fetched back and found equal.
    """
    from webmint_cli.cli import deploy_job, site_job
    from webmint_cli.cli.site_argument import site_folder
    from webmint_cli.settings import load

    flags = {"target": to, "project": project, "verify_timeout": verify_timeout}
    settings = load(flags, config=common.config)
    wish = deploy_job.Wish(
        branch=branch or "",
        production=prod,
        create=create,
        allow=tuple(allow or ()),
        wrangler_compat=wrangler_compat,
        output=output,
        terms_accepted=yes,
    )
    show = site_job.reporter(common)
    job = deploy_job.prepare(site_folder(site), wish, settings, show, asks=not common.no_input)
    if dry_run:
        deploy_job.rehearse(job, show, common=common)
        return
    deployed = deploy_job.play(job, show, common=common)
    if open_:
        import webbrowser

        webbrowser.open(deployed.url)
