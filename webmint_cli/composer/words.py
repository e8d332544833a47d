"""Words and phrases: how the composer cuts a prompt up and recognises what its tables name."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

_WORD = re.compile(r"#?\w+(?:-\w+)*|[.,;:!?()\n]")


@dataclass(frozen=True, slots=True)
class Word:
    """A word of the prompt, folded for comparison, or a mark that ends a clause (`is_break`)."""

    text: str
    folded: str
    start: int
    end: int

    @property
    def is_break(self) -> bool:
        return not any(character.isalnum() for character in self.text)


def fold(text: str) -> str:
    """Without case and accents: "Bäckerei" → "backerei", "Straße" → "strasse"."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in decomposed if not unicodedata.combining(character))


def split(text: str) -> tuple[Word, ...]:
    found = _WORD.finditer(text)
    return tuple(Word(match[0], fold(match[0]), match.start(), match.end()) for match in found)


@dataclass(frozen=True, slots=True)
class Patterns:
    """What a table's string of words matches; see `kinds` for the notation."""

    phrases: frozenset[tuple[str, ...]]
    beginnings: tuple[str, ...]
    endings: tuple[str, ...]

    def length_at(self, words: tuple[Word, ...], index: int) -> int:
        """How many words match from `index` on; 0 for none, the longest phrase first."""
        for length in range(min(3, len(words) - index), 0, -1):
            if tuple(word.folded for word in words[index : index + length]) in self.phrases:
                return length
        word = words[index].folded
        matches = word.startswith(self.beginnings) or word.endswith(self.endings)
        return int(matches and not words[index].is_break)


@cache
def patterns(table: str) -> Patterns:
    entries = [fold(entry) for entry in table.split()]
    return Patterns(
        frozenset(tuple(entry.split("_")) for entry in entries if "*" not in entry),
        tuple(entry[:-1] for entry in entries if entry.endswith("*")),
        tuple(entry[1:] for entry in entries if entry.startswith("*")),
    )


def matches(table: str, words: tuple[Word, ...]) -> Iterator[tuple[int, int]]:
    """(index, length) of every match of the table's words, in order, without overlaps."""
    known, index = patterns(table), 0
    while index < len(words):
        length = known.length_at(words, index)
        if length:
            yield index, length
        index += length or 1
