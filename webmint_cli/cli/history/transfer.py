"""`webmint history export` and `import`: a history carried between machines and browsers."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO

import typer

from webmint_cli.cli.history.access import now, opened
from webmint_cli.cli.shared import Common, command
from webmint_cli.errors import ExitCode, StorageError

if TYPE_CHECKING:
    from webmint_cli.history.merge import Merged
    from webmint_cli.history.records import Problem
    from webmint_cli.history.store import Store

_COUNTS = ("added", "updated", "skipped", "conflicts", "deleted")


class Mode(StrEnum):
    """What becomes of what is there."""

    MERGE = "merge"
    REPLACE = "replace"
    COPY = "copy"


_File = Annotated[
    str, typer.Argument(metavar="FILE|-", help="A .json or .json.gz file; - for a pipe.", allow_dash=True)
]


@command
def export(file: _File, *, common: Common) -> None:
    """Write the whole history to a file."""
    import json

    from webmint_cli.history import writer

    with opened() as store:
        if file == "-":
            _say(writer.export(store, sys.stdout.buffer, timestamp=now(), extras=store.extras()))
            sys.stdout.flush()
            return
        notes = writer.export_file(store, Path(file), timestamp=now(), extras=store.extras())
        counts = {"chats": store.count("chats"), "deployments": store.count("deployments")}
    _say(notes)
    said = json.dumps({"file": str(Path(file).absolute()), **counts}) if common.as_json else file
    sys.stdout.write(f"{said}\n")


@command
def import_(
    file: _File,
    *,
    mode: Annotated[
        Mode, typer.Option(help="Merge; replace what is there, kept in a file; or add copies.")
    ] = Mode.MERGE,
    strict: Annotated[bool, typer.Option("--strict", help="All of it or nothing.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would change, and change nothing.")
    ] = False,
    common: Common,
) -> None:
    """Take a file's history into this one.

    Importing twice changes nothing. What can't be taken over is named, and the exit code is 3.
    """
    from webmint_cli.history.merge import NotImported, merge
    from webmint_cli.history.reader import read_file

    with _source(file) as stream, opened() as store:
        backup, keep = _backup(store) if mode is Mode.REPLACE else (None, None)
        try:
            merged = merge(
                store, read_file(stream), mode=mode.value, strict=strict, dry_run=dry_run, backup=keep
            )
        except NotImported as error:
            _say(error.problems)
            raise
        if not dry_run:
            store.keep_extras(merged.extras)
    _say(merged.problems)
    _report(merged, None if dry_run else backup, common, dry_run=dry_run)
    if not all(problem.landed for problem in merged.problems):
        sys.exit(ExitCode.INCOMPLETE)


@contextmanager
def _source(file: str) -> Iterator[BinaryIO]:
    if file == "-":
        yield sys.stdin.buffer
        return
    with ExitStack() as stack:
        try:
            stream = stack.enter_context(Path(file).open("rb"))
        except OSError as error:
            raise StorageError(
                f"can't read {file}: {error.strerror or error}",
                hint="name an exported .json or .json.gz file",
            ) from None
        yield stream


def _backup(store: "Store") -> tuple[Path, Callable[[], object]]:
    """Where the history goes that is replaced, and what puts it there."""
    from webmint_cli.history.writer import export_file
    from webmint_cli.settings import home

    moment = now()
    path = home() / "backups" / f"history-{moment}.json.gz"

    def keep() -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        export_file(store, path, timestamp=moment, extras=store.extras())

    return path, keep


def _report(merged: "Merged", backup: Path | None, common: Common, *, dry_run: bool) -> None:
    import json

    counts: dict[str, Any] = {name: getattr(merged, name) for name in _COUNTS}
    if common.as_json:
        problems = [
            {"path": problem.path, "reason": problem.reason, "landed": problem.landed}
            for problem in merged.problems
        ]
        more = {"backup": str(backup)} if backup else {}
        sys.stdout.write(json.dumps({"dryRun": dry_run, **counts, **more, "problems": problems}) + "\n")
        return
    said = ", ".join(f"{count:,} {name}" for name, count in counts.items())
    sys.stdout.write(f"{'Would be: ' * dry_run}{said}\n")
    if backup:
        sys.stdout.write(f"What was there: {backup}\n")


def _say(problems: "Iterable[Problem]") -> None:
    """Name what was left out."""
    from webmint_cli.render import printable

    for problem in problems:
        sys.stderr.write(f"{printable(str(problem))}\n")
