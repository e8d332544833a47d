"""`webmint generate`: from a sentence to a site."""

from pathlib import Path
from typing import Annotated

import typer

from webmint_cli.cli.options import (
    BaseUrl,
    Create,
    Folder,
    Force,
    Model,
    Production,
    Project,
    Provider,
    Timeout,
)
from webmint_cli.cli.shared import Common, command, part_of


@command
def generate(
    prompt: Annotated[
        str | None, typer.Argument(metavar="PROMPT|-", help="What the site is about; - reads it from a pipe.")
    ] = None,
    *,
    output: Folder = None,
    provider: Provider = None,
    model: Model = None,
    base_url: BaseUrl = None,
    seed: Annotated[
        int | None, typer.Option(metavar="N", help="The same seed and prompt give the same site.")
    ] = None,
    open_: Annotated[bool, typer.Option("--open", help="Open the site in the browser.")] = False,
    force: Force = False,
    no_history: Annotated[
        bool | None, typer.Option("--no-history", help="Keep no record of the run.")
    ] = None,
    record: Annotated[
        Path | None, typer.Option("--record", metavar="FILE", help="Write the run's record here as well.")
    ] = None,
    timeout: Timeout = None,
    deploy: Annotated[
        str | None, typer.Option(metavar="TARGET", help="Then deploy it; stdout is the live address.")
    ] = None,
    project: Project = None,
    prod: Production = False,
    create: Create = False,
    common: Common,
) -> None:
    """Generate a website from a sentence.

    The files are written as the model wrote them, byte for byte; a reply that is cut is kept and continued.
    """
    from webmint_cli.cli import site_job
    from webmint_cli.cli.prompt import read_prompt
    from webmint_cli.journal import Journal, runs
    from webmint_cli.providers.provider import Request
    from webmint_cli.run import Output, SiteRun, header
    from webmint_cli.settings import home, load

    flags = {
        "provider": provider,
        "model": model,
        "base_url": base_url,
        "no_history": no_history,
        "timeout": timeout,
        "target": deploy,
        "project": project,
    }
    settings = load(flags, config=common.config)
    if deploy:
        from webmint_cli.cli import chain

        chain.check(settings, as_page=output == "-")
    target = Output(
        Path(output) if output not in (None, "-") else None, Path.cwd(), force, as_page=output == "-"
    )
    target.check()
    request = Request(read_prompt(prompt, no_input=common.no_input), seed)
    choice = site_job.chosen(settings)
    records = None if settings["no_history"] else home() / "runs"
    show = site_job.reporter(common)
    if deploy:
        show.begin("generate")
    show.say(site_job.explain(choice))
    if records and (earlier := next(runs(records), None)) and earlier.is_interrupted:
        show.say(f"An earlier run was interrupted; go on with it: webmint resume {earlier.header.id}")
    journal = Journal(records, header(request, choice, target), copy=record, force=force)
    job = SiteRun(
        request,
        site_job.make_provider(choice, settings),
        output=target,
        journal=journal,
        limits=site_job.limits(settings),
    )
    with part_of("generate" if deploy else None):
        folder = site_job.play(job, show, as_page=target.as_page, common=common, is_last=not deploy)
    if deploy and folder:
        chain.deploy(folder, settings, common, production=prod, create=create)
    if open_ and folder:
        site_job.open_in_browser(folder)
