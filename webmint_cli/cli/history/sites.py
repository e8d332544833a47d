"""The site of a chat on disk: where its run put it, or written anew."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from webmint_cli.errors import UsageError

if TYPE_CHECKING:
    from webmint_cli.folder import Provenance
    from webmint_cli.history.records import Record
    from webmint_cli.history.store import Store
    from webmint_cli.site import Site


def chat_site(record: "Record") -> "Site":
    """The files of a chat, fit to be written: half a surrogate pair, which no file can hold, is U+FFFD.

    Raises UsageError for a chat without files, StorageError for a file that would leave its folder.
    """
    from webmint_cli.history.content import site
    from webmint_cli.history.search import plain
    from webmint_cli.site import Site

    files = site(record).files
    if not files:
        raise UsageError(
            f"chat {record['id']} holds no files", hint=f"see why: webmint history show {record['id']}"
        )
    return Site({path: plain(text) if isinstance(text, str) else text for path, text in files.items()})


def write(folder: Path, record: "Record", *, force: bool = False) -> None:
    """Write the site of a chat into a folder. Raises UsageError and StorageError."""
    from webmint_cli import folder as folders

    folders.write(folder, chat_site(record), _provenance(record), force=force)


def present_folder(store: "Store", record: "Record") -> Path:
    """The chat's own folder, if it still holds this chat as it was; else a folder of ours with its files."""
    from webmint_cli.folder import slug
    from webmint_cli.history.lookup import own_folder
    from webmint_cli.settings import home

    own = own_folder(store, record["id"])
    if own and _holds(own, record):
        return own
    provenance = _provenance(record)
    # The last part is what a project is named after.
    place = home() / "sites" / slug(provenance.run) / slug(provenance.title or provenance.prompt)
    (home() / "sites").mkdir(mode=0o700, parents=True, exist_ok=True)
    write(place, record)
    return place


def _holds(folder: Path, record: "Record") -> bool:
    from webmint_cli.folder import read_provenance

    known, files = read_provenance(folder), chat_site(record).encoded()
    return (
        known is not None
        and set(known.files) == set(files)
        and all(_read(folder / path) == data for path, data in files.items())
    )


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _provenance(record: "Record") -> "Provenance":
    """Who made the files: the chat's last run; a chat without a run of this machine is named by its `uid`."""
    from webmint_cli import __version__
    from webmint_cli.folder import Provenance
    from webmint_cli.history.records import uid
    from webmint_cli.history.search import plain

    said: dict[str, Any] = record.get("metadata") or {}
    runs = said.get("runs")
    run = runs[-1] if isinstance(runs, list) and runs else uid("chats", record)
    seed = said.get("seed")
    return Provenance(
        run=plain(run),
        prompt=record["prompt"],
        provider=plain(said.get("provider")),
        model=plain(said.get("model")),
        title=plain(said.get("title")),
        seed=seed if isinstance(seed, int) else None,
        contract=plain(said.get("contract")),
        status=record["status"],
        webmint=__version__,
    )
