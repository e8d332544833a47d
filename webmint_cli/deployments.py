"""The record of deployments, one file each: what was put where, and what it consisted of.

It is the only store of a deployment; history indexes it, as it does the journals of runs.
"""

import json
import os
import secrets
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from webmint_cli.errors import StorageError

VERSION = 1


@dataclass(frozen=True, slots=True)
class Deployment:
    """A confirmed deployment.

    `folder`: the site's place on this machine; `run`: what made it, "" if that is not known; `files`: path to SHA-256;
    `timestamp`: milliseconds.
    """

    target: str
    project: str
    environment: str
    url: str
    deployment_id: str
    folder: str
    run: str = ""
    branch: str = ""
    aliases: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    timestamp: int = 0


def record(deployment: Deployment, place: Path) -> Path:
    """Write a deployment's record. Raises StorageError where the disk refuses."""
    moment = time.strftime("%Y%m%d-%H%M%S", time.gmtime(deployment.timestamp / 1000))
    path = place / f"{moment}-{deployment.timestamp % 1000:03}{secrets.token_hex(3)}.json"
    text = json.dumps({"webmint": VERSION, **asdict(deployment)}) + "\n"
    try:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(path.with_suffix(".new"), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(file, "w", encoding="utf-8") as stream:
            stream.write(text)
        path.with_suffix(".new").rename(path)
    except OSError as error:
        raise StorageError(
            f"the deployment is not recorded: {error.strerror or error}: {place}",
            hint="make room; the site is live all the same",
        ) from None
    return path


def recorded(place: Path) -> Iterator[Deployment]:
    """The deployments recorded in a place, the latest first; unreadable ones are passed over."""
    for path in sorted(place.glob("*.json"), reverse=True):
        try:
            yield _read(json.loads(path.read_text("utf-8")))
        except (OSError, ValueError, TypeError, KeyError):
            continue


def _read(data: dict[str, Any]) -> Deployment:
    if data.pop("webmint") != VERSION:
        raise ValueError("another version")
    known = {name: data[name] for name in Deployment.__dataclass_fields__ if name in data}
    return Deployment(**{**known, "aliases": tuple(known.get("aliases", ()))})
