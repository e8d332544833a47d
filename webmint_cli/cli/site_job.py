"""What `generate` and `resume` do alike: run, show, write what came however it ended, and say what is next."""

import os
import sys
from contextlib import aclosing
from pathlib import Path

from webmint_cli.cli.runner import Interrupted, run
from webmint_cli.cli.shared import Common
from webmint_cli.engine import Limits
from webmint_cli.errors import Incomplete, Unusable, WebMintError
from webmint_cli.events import failed
from webmint_cli.journal import End
from webmint_cli.providers.presets import COMPOSER, Choice, Wish, choose
from webmint_cli.providers.provider import Provider
from webmint_cli.render import Reporter, duration, make_reporter, size
from webmint_cli.run import SiteRun
from webmint_cli.settings import Settings
from webmint_cli.site import Site


def wish(settings: Settings) -> Wish:
    return Wish(
        provider=settings["provider"],
        model=settings["model"],
        base_url=settings["base_url"],
        base_url_trusted=not settings.is_from_project("base_url"),
    )


def chosen(settings: Settings) -> Choice:
    """The provider that the settings and the environment lead to."""
    return choose(wish(settings), os.environ)


def make_provider(choice: Choice, settings: Settings) -> Provider:
    if choice.name == COMPOSER:
        from webmint_cli.providers.composer import ComposerProvider

        return ComposerProvider()
    from webmint_cli.providers.openai_compatible import OpenAICompatible

    return OpenAICompatible(choice, connect=settings["connect_timeout"])


def limits(settings: Settings) -> Limits:
    return Limits(
        first=settings["first_timeout"], silence=settings["timeout"], turns=settings["continuations"]
    )


def reporter(common: Common) -> Reporter:
    return make_reporter(
        as_json=common.as_json,
        quiet=common.quiet,
        color=common.colored,
        environment=os.environ,
        stdout=sys.stdout,
        stderr=sys.stderr,
    )


def play(job: SiteRun, show: Reporter, *, as_page: bool, common: Common) -> Path | None:
    """Run a job to its end and put its result on stdout. Whatever ends it, what came is written and said."""
    try:
        with show:
            run(_events(job, show))
    except Interrupted as interruption:
        _keep(job, show, "stopped", as_page=as_page, common=common)
        error = Incomplete(
            "stopped", reason="stopped", partial=_texts(job.site()), hint="go on: webmint resume"
        )
        _end_json(error, show, common)
        show.say("Stopped. Go on with: webmint resume")
        raise SystemExit(interruption.exit_code) from None
    except Unusable as error:
        _keep(job, show, "incomplete", as_page=as_page, common=common)
        _end_json(error, show, common)
        raise
    except WebMintError as error:
        job.close("failed")
        _end_json(error, show, common)
        raise
    return _finish(job, show, as_page=as_page, common=common)


async def _events(job: SiteRun, show: Reporter) -> None:
    async with aclosing(job.events()) as events:
        async for event in events:
            show.show(event)


def _finish(job: SiteRun, show: Reporter, *, as_page: bool, common: Common) -> Path | None:
    site = job.site()
    try:
        folder = job.save(site, "completed")
    except WebMintError:
        job.close("incomplete")
        raise
    job.close("completed")
    show.say(*_summary(job, site, folder))
    _put_result(site, folder, as_page=as_page, common=common)
    return folder


def _keep(job: SiteRun, show: Reporter, end: End, *, as_page: bool, common: Common) -> None:
    """Write what came of a run that did not finish."""
    site = job.site()
    try:
        folder = job.save(site, end)
    except WebMintError as error:
        folder = None
        show.say(f"What came was not written: {error.message}")
    job.close(end)
    if job.journal.fault:
        show.say(job.journal.fault)
    if folder:
        show.say(f"Kept in {shown(folder)}: {', '.join(site.files)}")
    if folder or (as_page and site.html):
        _put_result(site, folder, as_page=as_page, common=common)


def _put_result(site: Site, folder: Path | None, *, as_page: bool, common: Common) -> None:
    if common.as_json:
        return
    if as_page:
        sys.stdout.buffer.write(site.page().encode())
    elif folder:
        sys.stdout.write(f"{shown(folder)}\n")
    sys.stdout.flush()


def _end_json(error: WebMintError, show: Reporter, common: Common) -> None:
    if common.as_json:
        show.show(failed(error))


def _summary(job: SiteRun, site: Site, folder: Path | None) -> list[str]:
    complete = job.complete
    if complete is None:
        return []
    total = sum(map(len, site.encoded().values()))
    tokens = complete.usage.get("total_tokens")
    spent = f", {tokens:,} tokens" if tokens else ""
    count = len(site.files)
    lines = [
        f"Done: {count} file{'s' * (count != 1)}, {size(total)} in {duration(complete.seconds)}{spent}",
        *([job.journal.fault] if job.journal.fault else []),
    ]
    return [*lines, f"Open it: {shown(folder / 'index.html')}"] if folder else lines


def shown(path: Path) -> str:
    """A path as the person would type it: relative where it lies below where they are."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _texts(site: Site) -> dict[str, str]:
    return {path: text for path, text in site.files.items() if isinstance(text, str)}


def explain(choice: Choice) -> str:
    """Which provider was chosen and why, in one line."""
    if choice.name == COMPOSER:
        return f"Using the built-in composer, which is not a model ({choice.why})"
    model = f", model {choice.model}" if choice.model else ""
    return f"Using {choice.name} at {choice.base_url}{model} ({choice.why})"


def open_in_browser(folder: Path) -> None:
    import webbrowser

    webbrowser.open((folder / "index.html").absolute().as_uri())
