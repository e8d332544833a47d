"""Is it finished? What a reply that ended amounts to: a site, the beginning of one, or none."""

from collections.abc import Mapping
from dataclasses import dataclass

from webmint_cli.errors import Incomplete, Reason, Unusable
from webmint_cli.page import is_page, read_page
from webmint_cli.reply.checks import missing, placeholders, repeats
from webmint_cli.reply.parser import Outcome

_FINISHED = frozenset({"stop", "end_turn", "eos", "stop_sequence", "complete", "tool_calls", "function_call"})
_LENGTH = frozenset({"length", "max_tokens", "max_output_tokens", "model_length"})
_LOOP = 2048
_QUOTED = 160

_CUTS: dict[Reason, str] = {
    "length": "the model reached its limit of tokens",
    "dropped": "the reply broke off",
    "stopped": "the model stopped",
    "timeout": "the server went silent",
    "content_filter": "the server's content filter cut the reply off",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Either `cut` says why more should come, or `error` says why this is no site, or it is one."""

    cut: Reason | None = None
    error: Unusable | None = None
    warnings: tuple[str, ...] = ()


def judge(
    outcome: Outcome,
    text: str,
    finish: str | None,
    interruption: Reason | None = None,
    *,
    thought: bool = False,
) -> Verdict:
    """The verdict on a reply of which `text` came and that gave the finish reason `finish`, None for none.

    `interruption` is why it ended where it was not the model that ended it, `thought` whether reasoning came.
    """
    if not text.strip() and finish != "content_filter":
        return Verdict(error=_only_thinking() if thought else _empty())
    if cut := _cut(finish, interruption):
        return Verdict(cut=cut, error=_looping(outcome, text) if cut == "length" else None)
    open_page = outcome.open is not None and _is_closed_page(outcome.open, outcome.files)
    if finish not in _FINISHED and not _is_whole(outcome, open_page=open_page):
        return Verdict(cut="dropped")
    if outcome.open is not None and not open_page:
        return Verdict(cut="stopped")
    error = _unusable(outcome)
    return Verdict(error=error) if error else Verdict(warnings=tuple(_warnings(outcome, finish)))


def incomplete(outcome: Outcome, reason: Reason, cause: str = "") -> Incomplete:
    """The error for a reply that was cut and could not be continued."""
    place = f" inside {outcome.open}" if outcome.open else ""
    files = ", ".join(outcome.files)
    return Incomplete(
        f"the site is incomplete: {cause or _CUTS[reason]}{place}",
        reason=reason,
        partial=outcome.files,
        hint=f"kept: {files}; ask for the rest: webmint resume" if files else "ask again: webmint resume",
    )


def repetition(outcome: Outcome) -> Unusable:
    """The error for a model that says the same thing over and over."""
    place = f" inside {outcome.open}" if outcome.open else ""
    return Unusable(
        f"the model repeats itself{place}",
        code="looping",
        partial=outcome.files,
        hint="try another model or --seed",
    )


_ANOTHER = "try another model, or without one: --provider composer"


def _cut(finish: str | None, interruption: Reason | None) -> Reason | None:
    """What cut the reply off. A model that had said that it was done is not cut by what happens after."""
    if finish in _LENGTH:
        return "length"
    if finish == "content_filter":
        return "content_filter"
    return None if finish in _FINISHED else interruption


def _looping(outcome: Outcome, text: str) -> Unusable | None:
    return repetition(outcome) if repeats(text, _LOOP) else None


def _is_whole(outcome: Outcome, *, open_page: bool) -> bool:
    """Whether a reply that gave no finish reason shows by itself that it ended."""
    pages = [path for path in outcome.files if is_page(path)]
    ended = outcome.open is None or open_page
    return bool(pages) and ended and not missing(outcome.files) and _is_closed_page(pages[0], outcome.files)


def _is_closed_page(path: str, files: Mapping[str, str]) -> bool:
    return is_page(path) and read_page(files.get(path, "")).closed


def _unusable(outcome: Outcome) -> Unusable | None:
    if not outcome.files:
        return _no_files(outcome)
    if not any(is_page(path) for path in outcome.files):
        return Unusable("the reply holds no page", code="no_page", partial=outcome.files, hint=_ANOTHER)
    if abbreviated := placeholders(outcome.files):
        return Unusable(
            f"the model left text out of {', '.join(abbreviated)} and says so in a comment",
            code="placeholder",
            partial=outcome.files,
            hint="ask again, or try a larger model",
        )
    return None


def _empty() -> Unusable:
    return Unusable("the model answered with nothing", code="empty_reply", hint=_ANOTHER)


def _only_thinking() -> Unusable:
    return Unusable("the model only thought and wrote nothing", code="only_thinking", hint=_ANOTHER)


def _no_files(outcome: Outcome) -> Unusable:
    said = " ".join(outcome.prose.split())[:_QUOTED]
    if outcome.refused:
        path, reason = next(iter(outcome.refused.items()))
        return Unusable(f"the path {path!r} is refused: {reason}", code="bad_path", hint=_ANOTHER)
    if outcome.declined:
        return Unusable(f"the model declined: {said}", code="declined", hint="word the brief another way")
    if outcome.thinking:
        return _only_thinking()
    return Unusable(f"the reply holds no site: {said}" if said else "the reply holds no site", hint=_ANOTHER)


def _warnings(outcome: Outcome, finish: str | None) -> list[str]:
    warnings = [f"The path {path!r} is refused: {reason}" for path, reason in outcome.refused.items()]
    if finish not in _FINISHED:
        warnings.append("The server gave no finish reason; the page is closed, so it was taken as finished")
    if outcome.open:
        warnings.append(
            f"The reply ended before the end of {outcome.open} was marked; the page itself is closed"
        )
    if absent := missing(outcome.files):
        warnings.append(f"The page names {', '.join(absent)}, which the model did not write")
    return warnings
