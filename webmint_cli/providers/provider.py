"""What a provider is: a name, a model, and a stream of the parts of a reply."""

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias


@dataclass(frozen=True, slots=True)
class Request:
    """A wish for a site.

    `received` is what came of its reply before, in stretches: a later one begins anew after a cut. `finish` is
    the reason with which it ended.
    """

    prompt: str
    seed: int | None = None
    received: tuple[str, ...] = ()
    finish: str | None = None

    @property
    def text(self) -> str:
        """All that was received, as a model is shown it."""
        return "\n".join(self.received)


@dataclass(frozen=True, slots=True)
class Text:
    """New text of the reply."""

    text: str


@dataclass(frozen=True, slots=True)
class Reasoning:
    """The model's thoughts: shown as activity, never part of the reply."""

    text: str


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens as the server counted them, by the names of the OpenAI API."""

    tokens: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finish:
    """The model said that it was done: `stop`, `length`, `content_filter`, or a server's own word."""

    reason: str


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell the person who waits. `wait`: seconds in which nothing will come, by intent."""

    message: str
    wait: float = 0.0


ReplyPart: TypeAlias = Text | Reasoning | Usage | Finish | Notice


class Provider(Protocol):
    """One source of replies. `stream` is an async generator that ends its request when it is closed."""

    @property
    def name(self) -> str: ...

    @property
    def model(self) -> str: ...

    def stream(self, request: Request) -> AsyncGenerator[ReplyPart, None]: ...
