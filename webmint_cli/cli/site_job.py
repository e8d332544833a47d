"""What `generate` and `resume` do alike: run, show, write what came however it ended, and say what is next."""

import os
import sys
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

from webmint_cli.cli.history.access import note_runs
from webmint_cli.cli.runner import Interrupted, run
from webmint_cli.cli.shared import Common
from webmint_cli.engine import Limits
from webmint_cli.errors import Incomplete, StorageError, Unusable, WebMintError
from webmint_cli.events import failed
from webmint_cli.journal import End
from webmint_cli.page import is_page
from webmint_cli.providers.presets import COMPOSER, Choice, Wish, choose
from webmint_cli.providers.provider import Provider
from webmint_cli.render import Json, Plain, Quiet, Reporter, duration, send, size
from webmint_cli.run import SiteRun
from webmint_cli.settings import Settings, home
from webmint_cli.site import Site


def wish(settings: Settings) -> Wish:
    return Wish(
        provider=settings["provider"],
        model=settings["model"],
        base_url=settings["base_url"],
        base_url_trusted=not settings.is_from_project("base_url"),
    )


def chosen(settings: Settings, *, base_url_trusted: bool = True) -> Choice:
    """The provider that the settings and the environment lead to. No key goes to a base URL that is not trusted."""
    asked = wish(settings)
    return choose(replace(asked, base_url_trusted=asked.base_url_trusted and base_url_trusted), os.environ)


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
    """The reporter that fits: JSON and quiet as asked, live only on a terminal that nobody says is none."""
    stderr, environment = sys.stderr, os.environ
    colored = common.colors(stderr)
    if common.as_json:
        return Json(sys.stdout, stderr)
    if common.quiet:
        return Quiet(stderr, colored=colored)
    dumb = environment.get("TERM") in ("dumb", "unknown") or environment.get("CI") or os.name == "nt"
    if dumb or not stderr.isatty():
        return Plain(stderr, colored=colored)
    from webmint_cli.cli.live import Live

    return Live(stderr, colored=colored, environment=environment)


def play(
    job: SiteRun,
    show: Reporter,
    *,
    as_page: bool,
    common: Common,
    is_last: bool = True,
    resumed: Path | None = None,
) -> Path | None:
    """Run a job to its end and put its result on stdout, if no other job follows whose result counts.

    Whatever ends it, what came is written, said, and noted in the history. `resumed`: the record that it took up.
    """
    ending = _Ending(job, show, as_page=as_page, common=common, puts=is_last and not common.as_json)
    try:
        return _played(job, show, ending)
    finally:
        if job.journal.is_recorded:
            journal = home() / "runs" / f"{job.journal.id}.jsonl"
            note_runs(show, *filter(None, (resumed, journal)))


def _played(job: SiteRun, show: Reporter, ending: "_Ending") -> Path | None:
    try:
        with show:
            run(show_events(job, show))
    except Interrupted as interruption:
        ending.stopped()
        raise SystemExit(interruption.exit_code) from None
    except Unusable as error:
        ending.keep("incomplete", "Not finished")
        ending.put()
        error.hint = ending.hint(error.hint)
        raise
    except (OSError, StorageError):
        # Nobody reads our stdout any more, or it takes nothing.
        ending.keep("stopped", "Stopped")
        raise
    except WebMintError:
        job.close("failed")
        raise
    return ending.finish()


async def show_events(job: SiteRun, show: Reporter) -> None:
    """Every event of a job, shown as it comes. Raises what the job raises."""
    async with aclosing(job.events()) as events:
        async for event in events:
            show.show(event)


class _Ending:
    """What is written and said when a run has ended, one way or another."""

    def __init__(self, job: SiteRun, show: Reporter, *, as_page: bool, common: Common, puts: bool) -> None:
        self._job = job
        self._show = show
        self._as_page = as_page
        self._puts = puts
        self._as_json = common.as_json
        self._verbose = common.verbose > 0
        self._folder: Path | None = None

    def finish(self) -> Path | None:
        """Write and announce the finished site."""
        site = self._job.site()
        try:
            self._folder = self._job.save(site, "completed")
        except WebMintError as error:
            self._job.close("incomplete")
            error.hint = self._rescued(site) or error.hint
            raise
        self._job.close("completed")
        self._warn()
        self._show.say(*self._done(site))
        self.put()
        return self._folder

    def keep(self, end: End, head: str, hint: str = "") -> None:
        """Write and announce what came of a run that did not finish."""
        site = self._job.site()
        try:
            self._folder = self._job.save(site, end)
        except WebMintError as error:
            self._show.warn(f"what came is not written: {error.message}")
        self._job.close(end)
        self._warn()
        self._show.say(*self._kept(site, head), *filter(None, [hint]))

    def stopped(self) -> None:
        """A signal ended the run."""
        hint = self.hint("go on: webmint resume")
        self.keep("stopped", "Stopped", hint[:1].upper() + hint[1:])
        if self._as_json:
            partial = {path: text for path, text in self._job.site().files.items() if isinstance(text, str)}
            self._show.show(failed(Incomplete("stopped", reason="stopped", partial=partial, hint=hint)))
        self.put()

    def hint(self, hint: str) -> str:
        """A hint that names `resume` only where there is something to resume, and says how."""
        if "webmint resume" not in hint:
            return hint
        if not self._job.journal.is_recorded:
            return ""
        return hint + " -o -" * self._as_page

    def _rescued(self, site: Site) -> str:
        """Keep a finished site that can't be written to its place, wherever it can be, and say where."""
        if self._job.journal.is_recorded:
            return "the reply is kept; write it elsewhere: webmint resume -o DIR"
        import tempfile

        try:
            place = Path(tempfile.mkdtemp(prefix="webmint-"))
            self._job.save(site, "completed", place=place)
        except (OSError, WebMintError):
            # Rather where nobody expects it than nowhere.
            if not self._as_json:
                send(site.page().encode("utf-8", "replace"), sys.stdout)
            return "make room; the site, as one page, is what was printed"
        return f"the site is in {place}"

    def _warn(self) -> None:
        if self._job.journal.fault:
            self._show.warn(self._job.journal.fault)

    def _done(self, site: Site) -> list[str]:
        complete = self._job.complete
        if complete is None:
            return []
        tokens = complete.usage.get("total_tokens")
        spent = f", {tokens:,} tokens" if tokens else ""
        maker = "the built-in composer" if complete.provider == COMPOSER else complete.model
        made = f", in {duration(complete.seconds)} by {maker}{spent}"
        lines = [f"Done: {complete.title}", *_listed(site, made)]
        if self._verbose:
            lines.append(f"Run: {self._job.journal.id}; the reply's form is {complete.dialect}")
        return [*lines, f"Open it: {shown(self._folder / _first_page(site))}"] if self._folder else lines

    def _kept(self, site: Site, head: str) -> list[str]:
        if not site.files:
            return [f"{head}: nothing had come yet"]
        place = f" in {shown(self._folder)}" if self._folder else ""
        return [f"{head}: what came is kept{place}", *_listed(site)]

    def put(self) -> None:
        """The result on stdout."""
        site = self._job.site()
        if not self._puts:
            return
        if self._as_page and site.html:
            hint = self.hint("print it again: webmint resume")
            send(site.page().encode("utf-8", "replace"), sys.stdout, hint=hint)
        elif self._folder:
            place = shown(self._folder)
            send(os.fsencode(f"{place}\n"), sys.stdout, hint=f"the site is in {place}")


def _listed(site: Site, made: str = "") -> list[str]:
    """The files with their sizes, and all of them together."""
    sizes = {path: len(data) for path, data in site.encoded().items()}
    total = f"{len(sizes)} file{'s' * (len(sizes) != 1)}"
    rows = [(path, size(count)) for path, count in sizes.items()] + [(total, size(sum(sizes.values())))]
    wide, high = (max(len(row[column]) for row in rows) for column in (0, 1))
    lines = [f"  {path:{wide}}  {count:>{high}}" for path, count in rows]
    return [*lines[:-1], lines[-1] + made]


def _first_page(site: Site) -> str:
    return "index.html" if site.html else next((path for path in site.files if is_page(path)), "")


def shown(path: Path) -> str:
    """A path as the person would type it: relative where it lies below where they are."""
    try:
        return str(path.absolute().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def explain(choice: Choice) -> str:
    """Which provider was chosen and why, in one line."""
    if choice.name == COMPOSER:
        return f"Using the built-in composer, which is not a model ({choice.why})"
    model = f", model {choice.model}" if choice.model else ""
    return f"Using {choice.name} at {choice.base_url}{model} ({choice.why})"


def open_in_browser(folder: Path) -> None:
    import webbrowser

    webbrowser.open((folder / "index.html").absolute().as_uri())
