"""Proper names in a prompt: what the site is called, and where the place is."""

import re

from webmint_cli.composer.kinds import KINDS
from webmint_cli.composer.words import fold, patterns, split

LONGEST = 60

_QUOTED = re.compile(
    r"[\"“”„«»‹›]\s*([^\"“”„«»‹›\n]{2,60}?)\s*[\"“”„«»‹›]|(?<!\w)['‘‚]([^'‘’‚\n]{2,60})['’‘](?!\w)"
)
_MARKER = re.compile(
    r"\b(?i:called|named|titled|name is|name:|namens|genannt|heißt|mit dem namen|appelée?s?|nommée?s?|"
    r"qui s['’]appelle|llamad[oa]s?|que se llama|chiamat[oaei]|si chiama|di nome|chamad[oa]s?|de nome|intitulé)"
    r"\s*:?\s+(?=\S)"
)
_CAPITAL = r"(?:Dr\.|St\.|[A-ZÀ-ÖØ-ÞĀ-Ž0-9][\w'’.&+-]*\w|[A-Z0-9])"
_JOINER = r"(?:&|\+|and|of|the|und|y|e|et|de|del|della|di|da|do|dos|du|des|la|le|les|el|los|il|au|aux|à|zum|zur|von|für|for)"
_RUN = rf"{_CAPITAL}(?:(?:\s+{_JOINER}){{0,2}}\s+{_CAPITAL})*"
_NAME = re.compile(_RUN)
_LEADING = re.compile(
    rf"^({_RUN})\s*(?:,|:|\s[–—-]|\bis\b|\bist\b|\best\b|\bes\b)\s*(?i:an?|the|eine?|der|die|das|une?|la|le|un|una|uma|o)\b"
)
_FOR = re.compile(rf"\b(?:for|für|pour|para|per)\s+({_RUN})")
_PLACE = re.compile(
    rf"\b(?:in|near|around|bei|à|a|au|en|em|na|no|aus|based in)\s+((?:the\s+|La\s+|Le\s+)?{_CAPITAL}"
    rf"(?:(?:\s+(?:am|an der|de|del|do|da|di|upon|la|le|sur))?[\s-]+{_CAPITAL}){{0,3}})"
)
_NOT_PLACES = (
    "english german french spanish italian portuguese englisch deutsch französisch spanisch italienisch "
    "portugiesisch monday tuesday wednesday thursday friday saturday sunday january february march april may june "
    "july august september october november december januar februar märz mai juni juli oktober dezember frühling "
    "sommer herbst winter html css javascript rot blau grün gelb schwarz weiß rosa lila orange dunkelblau hellblau "
    "dunkelgrün hellgrün dunkelrot handarbeit bio"
)
_NO_PLACE = frozenset(fold(_NOT_PLACES).split())
_NOT_NAMES = "a an the ein eine un une una uma le la el il o create build make design website page"
_ARTICLES = frozenset(fold(_NOT_NAMES).split())


def read_name(text: str, language: str) -> str:
    """The site's name as the prompt writes it, "" if it has none."""
    return _tidy(_quoted(text) or _marked(text) or _leading(text) or _capitalised(text, language))


def read_place(text: str, name: str) -> str:
    """The town or region after "in", "à", "en" …, "" if there is none."""
    rest = text.replace(name, " , ") if name else text
    for match in _PLACE.finditer(rest):
        words = fold(match[1]).split()
        if words[0] not in _NO_PLACE and not _is_kind(match[1]):
            return match[1][:LONGEST]
    return ""


def _quoted(text: str) -> str:
    match = _QUOTED.search(text)
    return (match[1] or match[2]) if match else ""


def _marked(text: str) -> str:
    match = _MARKER.search(text)
    if not match:
        return ""
    rest = text[match.end() :]
    run = _NAME.match(rest)
    return run[0] if run else next(iter(re.findall(r"^[\w-]+", rest)), "")


def _leading(text: str) -> str:
    match = _LEADING.match(text)
    return match[1] if match and fold(match[1]).split()[0] not in _ARTICLES else ""


def _capitalised(text: str, language: str) -> str:
    """A run of capitals that is neither a place nor the first word of a sentence.

    German writes every noun so: there only a kind and what follows it count ("Bäckerei Sonnenschein").
    """
    for match in _NAME.finditer(text):
        run = match[0]
        if run[0].isdigit():
            continue
        if _after_kind(text, match.start(), run):
            return run
        if language != "de" and not _starts_sentence(text, match.start()) and not _is_placed(text, match):
            return "" if _is_kind(run) or fold(run) in _NO_PLACE else run
    match_for = _FOR.search(text) if language != "de" else None
    return match_for[1] if match_for else ""


def _after_kind(text: str, start: int, run: str) -> bool:
    """As in "bakery Lumière" and "Café Morgenrot", not "Bakery"."""
    head, _, tail = run.partition(" ")
    if tail and _is_kind(head) and not _is_kind(tail):
        return True
    before = split(text[max(0, start - 40) : start])
    return bool(before) and not before[-1].is_break and _is_kind(before[-1].text) and not _is_kind(run)


def _starts_sentence(text: str, start: int) -> bool:
    before = text[:start].rstrip()
    return not before or before[-1] in ".!?:\n"


def _is_placed(text: str, match: re.Match[str]) -> bool:
    return any(place.start(1) == match.start() for place in _PLACE.finditer(text))


def _is_kind(text: str) -> bool:
    words = split(text)
    return bool(words) and any(patterns(kind.words).length_at(words, 0) for kind in KINDS.values())


def _tidy(name: str) -> str:
    tidy = " ".join(name.split())[:LONGEST].strip(" .,;:")
    return tidy if sum(character.isalnum() for character in tidy) > 1 else ""
