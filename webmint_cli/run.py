"""One run, from a request to a folder: recorded as it goes, written when it ends, however it ends."""

import time
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from webmint_cli import __version__, engine, folder
from webmint_cli.engine import Limits
from webmint_cli.errors import WebMintError
from webmint_cli.events import Complete, Event
from webmint_cli.journal import End, Header, Journal, Recorded, new_id
from webmint_cli.providers.presets import Choice
from webmint_cli.providers.provider import Provider, ReplyPart, Request, Text
from webmint_cli.reply.contract import HASH
from webmint_cli.reply.draft import Draft
from webmint_cli.site import Site


@dataclass(frozen=True, slots=True)
class Output:
    """Where the site goes: a folder, or by its title below `base`; nowhere on disk if `as_page`."""

    folder: Path | None
    base: Path
    force: bool = False
    as_page: bool = False

    def check(self) -> None:
        """Raise UsageError now rather than when the model has been paid."""
        if self.folder and not self.force:
            folder.check(self.folder)

    def place(self, title: str) -> Path:
        return self.folder or folder.default_folder(title, self.base)


class SiteRun:
    """One generation. Iterate `events`; then `save` what came of it, and `close` with how it ended."""

    def __init__(
        self, request: Request, provider: Provider, *, output: Output, journal: Journal, limits: Limits
    ) -> None:
        self.complete: Complete | None = None
        self.journal = journal
        self._request = request
        self._provider = provider
        self._output = output
        self._limits = limits
        self._folder: Path | None = None
        self._error: WebMintError | None = None
        for stretch in request.received:
            journal.turn()
            journal.add(Text(stretch))

    async def events(self) -> AsyncGenerator[Event, None]:
        """The events of the generation. Raises what the engine raises."""
        recorded = Recorded(self._provider, self.journal)
        stream = engine.generate(self._request, recorded, limits=self._limits, stream_id=self.journal.id)
        async with aclosing(stream) as events:
            try:
                async for event in events:
                    if isinstance(event, Complete):
                        self.complete = event
                    yield event
            except WebMintError as error:
                self._error = error
                raise

    def site(self) -> Site:
        """What has come so far, by the record."""
        return Site(draft(self.journal.turns).outcome().files)

    def save(self, site: Site, status: End, *, place: Path | None = None) -> Path | None:
        """Write the site into its folder, or another `place`, and say where that is; None if nothing is to be written."""
        if self._output.as_page or not site.files:
            return None
        title = (
            self.complete.title
            if self.complete
            else draft(self.journal.turns).plan.title or self._request.prompt
        )
        self._folder = place or self._output.place(title)
        folder.write(self._folder, site, self._provenance(title, status), force=self._output.force)
        return self._folder

    def close(self, end: End) -> None:
        folder = str(self._folder.absolute()) if self._folder else ""
        self.journal.close(end, folder=folder, error=self._error)

    def _provenance(self, title: str, status: End) -> folder.Provenance:
        return folder.Provenance(
            run=self.journal.id,
            prompt=self._request.prompt,
            provider=self._provider.name,
            model=self._provider.model,
            title=title,
            seed=self._request.seed,
            contract=HASH,
            status=status,
            webmint=__version__,
        )


def draft(turns: Iterable[Iterable[ReplyPart]]) -> Draft:
    """The reply that was recorded, joined as it was when it came."""
    joined = Draft()
    for number, turn in enumerate(turns):
        if number:
            joined.cut()
        for part in turn:
            if isinstance(part, Text):
                joined.feed(part.text)
        joined.settle()
    return joined


def header(request: Request, choice: Choice, output: Output) -> Header:
    """The first line of a run's journal."""
    return Header(
        id=new_id(),
        prompt=request.prompt,
        provider=choice.name,
        model=choice.model,
        base_url=choice.base_url,
        trusted=choice.trusted,
        seed=request.seed,
        contract=HASH,
        folder=str(output.folder.absolute()) if output.folder else "",
        started=int(time.time() * 1000),
    )
