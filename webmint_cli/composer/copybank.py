"""What the composer can say, by language: the page's frame, and words for each kind and family of site."""

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from webmint_cli.composer.kinds import Kind

Words = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Copy:
    """The words for one page. `frame` is the same for every kind; the banks' JSON shows their members."""

    frame: Words
    family: Words
    kind: Words


def copy_for(language: str, kind: Kind) -> Copy:
    bank = _bank(language)
    return Copy(bank["frame"], bank["families"][kind.family], bank["kinds"][kind.name])


@cache
def _bank(language: str) -> Words:
    source = files("webmint_cli.composer") / "banks" / f"{language}.json"
    bank: Words = json.loads(source.read_text(encoding="utf-8"))
    return bank
