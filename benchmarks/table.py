"""A table as Markdown that is also aligned, and the words for a goal."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Table:
    """What was measured (`title`), the rows, and how to read them (`notes`). The last column is the goal's."""

    title: str
    headings: Sequence[str]
    rows: list[Sequence[str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, *cells: str) -> None:
        self.rows.append(cells)

    def __str__(self) -> str:
        lines = [self.headings, *self.rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.headings))]
        ruler = ["-" * width for width in widths]
        body = [_line(cells, widths) for cells in (self.headings, ruler, *self.rows)]
        return "\n".join([f"## {self.title}", "", *body, "", *self.notes]).rstrip("\n")


def _line(cells: Iterable[str], widths: Iterable[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"


def times(value: float) -> str:
    """A ratio, to the digits that say something."""
    if value < 0.1:
        return f"{value:.2g} x"
    return f"{value:.2f} x" if value < 10 else f"{value:,.0f} x"


def at_most(value: float | None, limit: float, unit: str) -> str:
    return _verdict(f"<= {limit:g} {unit}", None if value is None else value <= limit)


def at_least(value: float | None, limit: float, unit: str) -> str:
    return _verdict(f">= {limit:g} {unit}", None if value is None else value >= limit)


def _verdict(goal: str, is_met: bool | None) -> str:
    return f"{goal}: {'not measured' if is_met is None else 'met' if is_met else 'MISSED'}"
