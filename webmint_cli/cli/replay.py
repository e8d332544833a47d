"""`webmint replay`: a recorded run once more, offline."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from webmint_cli.cli.options import Folder, Force
from webmint_cli.cli.shared import Common, command

if TYPE_CHECKING:
    from collections.abc import Mapping

    from webmint_cli.journal import Run
    from webmint_cli.render import Reporter
    from webmint_cli.run import SiteRun


@command
def replay(
    run: Annotated[str, typer.Argument(metavar="RUN|FILE", help="A run's id, its beginning, or a record.")],
    *,
    output: Folder = None,
    speed: Annotated[
        float | None,
        typer.Option(metavar="N", min=0.01, help="N times as fast as it came; else as fast as can be."),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; compare with what was written then.")
    ] = False,
    force: Force = False,
    common: Common,
) -> None:
    """Run a recorded reply through the engine again.

    No model is asked. The files are those of the run, byte for byte; one that was cut ends as it ended.
    """
    from webmint_cli.cli import site_job
    from webmint_cli.cli.run_argument import named_run
    from webmint_cli.journal import Journal
    from webmint_cli.providers.provider import Request
    from webmint_cli.replay import Replay
    from webmint_cli.run import Output, SiteRun
    from webmint_cli.settings import home

    recorded = named_run(home() / "runs", run)
    as_page = output == "-"
    place = Path(output) if output and not as_page else None
    target = Output(place, Path.cwd(), force, as_page=as_page)
    if not check:
        target.check()
    header, provider = recorded.header, Replay(recorded, speed=speed)
    job = SiteRun(
        Request(header.prompt, header.seed),
        provider,
        output=target,
        journal=Journal(None, header),
        limits=provider.limits,
    )
    show = site_job.reporter(common)
    show.say(
        f"Replaying {header.id}: {recorded.received:,} characters, from {provider.model or provider.name}"
    )
    if check:
        _check(recorded, job, show, place=place, common=common)
    else:
        site_job.play(job, show, as_page=as_page, common=common)


def _check(recorded: "Run", job: "SiteRun", show: "Reporter", *, place: Path | None, common: Common) -> None:
    from webmint_cli.cli.runner import Interrupted, run
    from webmint_cli.cli.site_job import show_events
    from webmint_cli.errors import ProviderError, Unusable
    from webmint_cli.events import failed
    from webmint_cli.replay import differing, digests

    expected, where = _expected(recorded, place)
    try:
        with show:
            run(show_events(job, show))
    except Interrupted as interruption:
        raise SystemExit(interruption.exit_code) from None
    except (Unusable, ProviderError) as error:
        if common.as_json:
            show.show(failed(error))
    wrong = differing(digests(job.site()), expected)
    if recorded.end == "completed" and not job.complete:
        wrong.append("the outcome")
    if wrong:
        raise Unusable(
            f"the replay is not what {where} holds: {', '.join(wrong)}",
            code="differs",
            hint=f"see how: webmint replay {recorded.header.id} -o DIR",
        )
    show.say(f"The same as in {where}: {len(expected)} file{'s' * (len(expected) != 1)}")


def _expected(recorded: "Run", place: Path | None) -> "tuple[Mapping[str, str], str]":
    """The digests of what was written then, and where they stand: with the site, else in the record alone."""
    from webmint_cli.cli.site_job import shown
    from webmint_cli.errors import UsageError
    from webmint_cli.folder import read_provenance
    from webmint_cli.replay import digests
    from webmint_cli.run import draft
    from webmint_cli.site import Site

    folder = place or Path(recorded.folder or recorded.header.folder or ".")
    written = read_provenance(folder)
    if written and (place or written.run == recorded.header.id):
        return written.files, shown(folder)
    if place:
        raise UsageError(f"{place} was not written by webmint", hint="name the folder of the run: -o DIR")
    return digests(Site(draft(recorded.turns).outcome().files)), "the record"
