"""Which recorded run a command is about."""

from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from webmint_cli.errors import UsageError

if TYPE_CHECKING:
    from webmint_cli.journal import Run

_SHOWN = 3


def named_run(records: Path, name: str) -> "Run":
    """The run of a record's file, or of an id or its beginning. Raises UsageError, StorageError."""
    from webmint_cli.journal import read_run

    return read_run(Path(name) if Path(name).is_file() else _record(records, name))


def _record(records: Path, name: str) -> Path:
    ids = sorted((path.stem for path in records.glob("*.jsonl")), reverse=True)
    found = [name] if name in ids else [run for run in ids if run.startswith(name)]
    if not found:
        near = ", ".join(get_close_matches(name, ids, _SHOWN) or ids[:_SHOWN])
        known = f"is it one of these: {near}" if near else "see which there are: webmint resume --list"
        raise UsageError(f"there is no run {name}", hint=known)
    if len(found) > 1:
        raise UsageError(
            f"{len(found)} runs begin with {name}", hint=f"type more of one: {', '.join(found[:_SHOWN])}"
        )
    return records / f"{found[0]}.jsonl"
