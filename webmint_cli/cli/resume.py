"""`webmint resume`: go on with a run that was cut, stopped or killed."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from webmint_cli.cli.options import BaseUrl, Folder, Force, Model, Provider, Timeout
from webmint_cli.cli.shared import Common, command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webmint_cli.journal import Run


@command
def resume(
    run: Annotated[
        str | None,
        typer.Argument(metavar="RUN", help="A run's id, or its record; else the latest unfinished one."),
    ] = None,
    *,
    output: Folder = None,
    provider: Provider = None,
    model: Model = None,
    base_url: BaseUrl = None,
    force: Force = False,
    timeout: Timeout = None,
    list_: Annotated[bool, typer.Option("--list", help="List the unfinished runs.")] = False,
    common: Common,
) -> None:
    """Go on with a run that was cut, stopped or killed.

    What had come is kept; the model is asked for the rest.
    """
    from dataclasses import replace

    from webmint_cli.cli import site_job
    from webmint_cli.journal import Journal, mark_resumed
    from webmint_cli.providers.provider import Request
    from webmint_cli.run import Output, SiteRun, draft, header
    from webmint_cli.settings import home, load

    records = home() / "runs"
    if list_:
        _list(records, common)
        return
    earlier = _find(records, run)
    old, ours = earlier.header, earlier.path.parent == records
    flags = {
        "provider": provider or old.provider,
        "model": model or (None if provider else old.model),
        "base_url": base_url or (None if provider else old.base_url or None),
        "timeout": timeout,
    }
    settings = load(flags, config=common.config)
    before = (earlier.folder or old.folder or None) if ours else None
    place = output if output not in (None, "-") else before
    target = Output(
        Path(place) if place and output != "-" else None, Path.cwd(), force, as_page=output == "-"
    )
    target.check()
    choice = site_job.chosen(settings, base_url_trusted=bool(base_url) or (ours and old.trusted))
    if not (provider or base_url):
        choice = replace(choice, why="as before")
    show = site_job.reporter(common)
    came = draft(earlier.turns)
    request = Request(old.prompt, old.seed, came.stretches, None if came.astray else earlier.finish)
    there = f"{earlier.received:,} characters are there" if earlier.received else "nothing had come yet"
    show.say(f"Going on with {old.id}: {there}", site_job.explain(choice))
    job = SiteRun(
        request,
        site_job.make_provider(choice, settings),
        output=target,
        journal=Journal(records, header(request, choice, target)),
        limits=site_job.limits(settings),
    )
    mark_resumed(earlier)
    resumed = earlier.path if ours else None
    site_job.play(job, show, as_page=target.as_page, common=common, resumed=resumed)


def _find(records: Path, name: str | None) -> "Run":
    from webmint_cli.cli.run_argument import named_run
    from webmint_cli.errors import UsageError

    if name is not None:
        return named_run(records, name)
    latest = next(_unfinished(records), None)
    if latest is None:
        raise UsageError("there is no unfinished run", hint="start one: webmint generate 'A bakery in Lyon'")
    return latest


def _unfinished(records: Path) -> "Iterator[Run]":
    from webmint_cli.journal import runs

    return (run for run in runs(records) if run.is_unfinished)


def _list(records: Path, common: Common) -> None:
    import json
    import sys

    from webmint_cli.render import size, table

    rows = [
        {
            "run": run.header.id,
            "ended": run.end or "interrupted",
            "received": size(run.received),
            "prompt": " ".join(run.header.prompt.split())[:60],
        }
        for run in _unfinished(records)
    ]
    if common.as_json:
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
    elif rows:
        table(rows, sys.stdout, colored=common.colors(sys.stdout))
    else:
        sys.stderr.write("No run is unfinished\n" * (not common.quiet))
