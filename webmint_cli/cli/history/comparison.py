"""`webmint history diff`: what changed from one chat to another."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Annotated

import typer

from webmint_cli.cli.history.access import opened
from webmint_cli.cli.shared import Common, command

_STYLES = {"@": "\x1b[36m", "-": "\x1b[31m", "+": "\x1b[32m"}
_BOLD = "\x1b[1m"
# Of each file: its names before and after.
_HEAD = 2


@command
def diff(
    before: Annotated[str, typer.Argument(metavar="A", help="The earlier chat, by number or run's id.")],
    after: Annotated[str, typer.Argument(metavar="B", help="The later chat, by number or run's id.")],
    *,
    common: Common,
) -> None:
    """Show what changed from one version to another."""
    import json

    from webmint_cli.history import versions
    from webmint_cli.history.lookup import present
    from webmint_cli.render import send

    with opened() as store:
        old, new = (store.get("chats", present(store, name)) or {} for name in (before, after))
    files = list(versions.diff(old, new))
    if common.as_json:
        sys.stdout.write(json.dumps([asdict(file) for file in files], indent=2) + "\n")
        return
    lines = [line for file in files for line in _drawn(file.lines, colored=common.colors(sys.stdout))]
    send("".join(f"{line}\n" for line in lines).encode("utf-8", "replace"), sys.stdout)


def _drawn(lines: Iterable[str], *, colored: bool) -> Iterator[str]:
    """The lines of a file's diff: to a program as they are, to a terminal without what it would obey."""
    from webmint_cli.render import printable

    is_seen = colored or sys.stdout.isatty()
    for number, line in enumerate(lines):
        said = printable(line) if is_seen else line
        style = _BOLD if number < _HEAD else _STYLES.get(line[:1], "")
        yield f"{style}{said}\x1b[0m" if colored and style else said
