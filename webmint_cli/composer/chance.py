"""Seeded choice: every decision hashes its own key, so a new decision never shifts an old one."""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

Option = TypeVar("Option")


class Chance:
    """The same (prompt, seed, key) always gives the same choice, on every machine."""

    def __init__(self, prompt: str, seed: int) -> None:
        self._root = f"{seed}\x1f{prompt.casefold()}"

    def whole(self, key: str) -> int:
        digest = hashlib.sha256(f"{key}\x1f{self._root}".encode()).digest()
        return int.from_bytes(digest[:8], "big")

    def pick(self, key: str, options: Sequence[Option]) -> Option:
        return options[self.whole(key) % len(options)]

    def between(self, key: str, low: float, high: float) -> float:
        return low + (high - low) * (self.whole(key) % 10_000) / 9_999

    def shuffle(self, key: str, options: Sequence[Option]) -> list[Option]:
        order = sorted(range(len(options)), key=lambda index: self.whole(f"{key}.{index}"))
        return [options[index] for index in order]
