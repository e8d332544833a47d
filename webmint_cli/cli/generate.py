"""`webmint generate`: from a sentence to a site."""

from pathlib import Path
from typing import Annotated

import typer

from webmint_cli.cli.options import BaseUrl, Folder, Force, Model, Provider, Timeout
from webmint_cli.cli.shared import Common, command


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
    timeout: Timeout = None,
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
    }
    settings = load(flags, config=common.config)
    target = Output(
        Path(output) if output not in (None, "-") else None, Path.cwd(), force, as_page=output == "-"
    )
    target.check()
    request = Request(read_prompt(prompt, no_input=common.no_input), seed)
    choice = site_job.chosen(settings)
    records = None if settings["no_history"] else home() / "runs"
    show = site_job.reporter(common)
    show.say(site_job.explain(choice))
    if records and (earlier := next(runs(records), None)) and earlier.is_interrupted:
        show.say(f"An earlier run was interrupted; go on with it: webmint resume {earlier.header.id}")
    journal = Journal(records, header(request, choice, target))
    job = SiteRun(
        request,
        site_job.make_provider(choice, settings),
        output=target,
        journal=journal,
        limits=site_job.limits(settings),
    )
    folder = site_job.play(job, show, as_page=target.as_page, common=common)
    if open_ and folder:
        site_job.open_in_browser(folder)
