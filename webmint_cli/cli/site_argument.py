"""Which site's folder a command is about."""

from pathlib import Path

from webmint_cli.errors import UsageError

_EXAMPLE = "make one: webmint generate 'A bakery in Lyon'"


def site_folder(argument: str | None) -> Path:
    """The folder that is named, else that of the latest run whose site is still there. Raises UsageError."""
    return _named(Path(argument)) if argument is not None else _latest()


def _named(folder: Path) -> Path:
    if folder.is_dir():
        return folder
    if folder.exists():
        raise UsageError(f"{folder} is a file, not a site's folder", hint=f"name its folder: {folder.parent}")
    raise UsageError(f"there is no folder {folder}", hint=_EXAMPLE)


def _latest() -> Path:
    from webmint_cli.journal import runs
    from webmint_cli.settings import home

    folders = (run.folder or run.header.folder for run in runs(home() / "runs"))
    found = next((Path(folder) for folder in folders if folder and Path(folder).is_dir()), None)
    if found is None:
        raise UsageError("there is no site of an earlier run", hint=f"name its folder, or {_EXAMPLE}")
    return found
