"""Which site's folder a command is about."""

import re
from pathlib import Path

from webmint_cli.errors import UsageError

_ID = re.compile(r"[0-9a-f][0-9a-f-]*", re.ASCII)
_EXAMPLE = "make one: webmint generate 'A bakery in Lyon'"


def site_folder(argument: str | None) -> Path:
    """The folder that is named, or that of a chat; else that of the latest run whose site is still there.

    Raises UsageError, and StorageError for a history that can't be read.
    """
    return _named(Path(argument)) if argument is not None else _latest()


def _named(folder: Path) -> Path:
    if folder.is_dir():
        return folder
    if folder.exists():
        raise UsageError(f"{folder} is a file, not a site's folder", hint=f"name its folder: {folder.parent}")
    if _ID.fullmatch(str(folder)):
        return _of_chat(str(folder))
    raise UsageError(f"there is no folder {folder}", hint=_EXAMPLE)


def _of_chat(name: str) -> Path:
    from webmint_cli.cli.history.access import opened
    from webmint_cli.cli.history.sites import present_folder
    from webmint_cli.history.lookup import present

    with opened() as store:
        try:
            number = present(store, name)
        except UsageError as error:
            error.message = f"there is no folder {name}, and {error.message}"
            raise
        return present_folder(store, store.get("chats", number) or {})


def _latest() -> Path:
    from webmint_cli.journal import runs
    from webmint_cli.settings import home

    folders = (run.folder or run.header.folder for run in runs(home() / "runs"))
    found = next((Path(folder) for folder in folders if folder and Path(folder).is_dir()), None)
    if found is None:
        raise UsageError("there is no site of an earlier run", hint=f"name its folder, or {_EXAMPLE}")
    return found
