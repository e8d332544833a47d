"""Draws the README's picture, a frame of the live view: `make picture`."""

import asyncio
import io
import re
from contextlib import aclosing
from pathlib import Path

from rich.console import Console

from webmint_cli.engine import generate
from webmint_cli.events import Event, Progress
from webmint_cli.providers.composer import ComposerProvider
from webmint_cli.providers.provider import Request
from webmint_cli.render.view import View, Window

PROMPT = "A bakery in Lyon called Boulangerie Lumière"
SECONDS = 7.0
SHOWN = 0.9


async def events() -> list[Event]:
    async with aclosing(generate(Request(PROMPT), ComposerProvider())) as stream:
        return [event async for event in stream]


def half_written(listed: list[Event]) -> View:
    """The view in the middle of the page."""
    now = 0.0
    view = View(colored=True, clock=lambda: now)
    for event in listed:
        if isinstance(event, Progress) and event.file == "index.html":
            lines = event.content[: int(len(event.content) * SHOWN)].splitlines(keepends=True)
            view.update(Progress("".join(lines[:-1]), 61, event.file, 0))
            break
        view.update(event)
        now = SECONDS / 2
    now = SECONDS
    return view


def main() -> None:
    console = Console(
        record=True, width=84, file=io.StringIO(), color_system="truecolor", force_terminal=True
    )
    console.print(f"[bold]$[/] webmint generate [green]'{PROMPT}'[/]", highlight=False)
    for line in half_written(asyncio.run(events())).frame(Window(84, 24)):
        console.print(line)
    svg = console.export_svg(title="webmint generate")
    # The picture needs no font from elsewhere.
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    Path(__file__).with_name("terminal.svg").write_text(svg, "utf-8")


if __name__ == "__main__":
    main()
