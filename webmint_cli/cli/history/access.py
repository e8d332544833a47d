"""The history as a command opens it, and as a run or a deployment is noted in it."""

import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from webmint_cli.cli.shared import Common
from webmint_cli.errors import WebMintError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from webmint_cli.history.store import Store
    from webmint_cli.render import Reporter

FILE = "history.db"

Id: TypeAlias = Annotated[
    str, typer.Argument(metavar="ID", help="A chat's number, or the start of its run's id.")
]
Ids: TypeAlias = Annotated[
    list[str], typer.Argument(metavar="ID...", help="Chats by number, or the start of their run's id.")
]
Yes: TypeAlias = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")]


@contextmanager
def opened() -> "Iterator[Store]":
    """The history, up to date with the records of runs and deployments. Raises StorageError."""
    from webmint_cli.history import index
    from webmint_cli.history.store import Store
    from webmint_cli.settings import home

    place = home()
    with Store.open(place / FILE) as store:
        index.refresh(store, place)
        yield store


def note_runs(show: "Reporter", *journals: Path) -> None:
    """Note runs that have ended, the earliest first."""
    try:
        from webmint_cli.history import index
        from webmint_cli.history.store import Store
        from webmint_cli.settings import home

        with Store.open(home() / FILE) as store:
            for journal in journals:
                index.record(store, journal)
    except Exception as error:  # noqa: BLE001 - a run that has ended does not fail with its history
        _warn(error, show)


def note_deployment(show: "Reporter") -> None:
    """Note a deployment that was recorded, and whatever else is new."""
    try:
        with opened():
            pass
    except Exception as error:  # noqa: BLE001 - what is live does not fail with its history
        _warn(error, show)


def say_empty(store: "Store", common: Common, otherwise: str) -> None:
    """Why nothing is listed."""
    if common.quiet or common.as_json:
        return
    empty = not store.count("chats") and not store.count("deployments")
    begin = "The history is empty; begin with: webmint generate 'A bakery in Lyon'"
    sys.stderr.write(f"{begin if empty else otherwise}\n")


def now() -> int:
    """Milliseconds."""
    return int(time.time() * 1000)


def when(moment: int) -> str:
    """A time in milliseconds, on the clock on the wall."""
    try:
        return time.strftime("%Y-%m-%d %H:%M", time.localtime(moment / 1000))
    except (ValueError, OverflowError, OSError):
        return str(moment)


def _warn(error: Exception, show: "Reporter") -> None:
    message = error.message if isinstance(error, WebMintError) else f"{type(error).__name__}: {error}"
    show.warn(f"not in the history: {message}")
