"""What a prompt says, read once: the `Brief` that every later step works from."""

import re
import unicodedata
from dataclasses import dataclass

from webmint_cli.composer.colourwords import Colours, read_colours
from webmint_cli.composer.kinds import GENERAL, KINDS
from webmint_cli.composer.language import detect, written
from webmint_cli.composer.names import read_name, read_place
from webmint_cli.composer.subject import read_audience, read_offers, read_subject
from webmint_cli.composer.wishes import negated, read_wishes
from webmint_cli.composer.words import Word, matches, split

LONGEST_PROMPT = 4000

_TELLING = 3
"""Fewer words than this beside the name say nothing about a language."""

_EMAIL = re.compile(r"[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{2,63}){1,3}")
_TELEPHONE = re.compile(r"(?<![\w#])(?:\+|\(?0)[\d ()/.-]{6,18}\d")
_COUNT = re.compile(
    r"\b(\d{1,2}|two|three|four|five|six|zwei|drei|vier|fünf|sechs|deux|trois|quatre|cinq|dos|tres|cuatro|due|tre|"
    r"quattro|dois|três|quatro)\s+(?:\w+\s+)?(?:projects?|pictures?|photos?|services?|plans?|products?|posts?|dishes|"
    r"projekte|bilder|fotos?|leistungen|produkte|projets|services|produits|proyectos|servicios|productos|progetti|"
    r"servizi|prodotti|projetos|serviços|produtos)\b",
    re.IGNORECASE,
)
_NUMBERS = {
    word: number
    for number, names in {
        2: "two zwei deux dos due dois",
        3: "three drei trois tres tre três",
        4: "four vier quatre cuatro quattro quatro",
        5: "five fünf cinq",
        6: "six sechs",
    }.items()
    for word in names.split()
}
TONES = {
    "warm": "warm warme warmen cosy cozy chaleureu* chaleur* cálid* caldo caldi calde calor* acolhedor* gemütlich*",
    "cool": "cool kühl kühle fresh frisch frais fraîche fresco fresca froid* nordic nordisch scandinavian",
    "pastel": "pastel pastels pastell* pastello pastelli",
    "vivid": "vibrant vivid bold colourful colorful bunt bunte kräftig* vif vive coloré* vibrante* vivace colorato "
    "atrevid* loud bright",
    "calm": "calm quiet minimal minimalist* minimalista clean simple schlicht* ruhig* reduziert* épuré* sobre sobrio "
    "limpio pulito essenziale limpo serene",
    "elegant": "elegant* élégant* luxury luxus luxe lujo lusso luxo classy refined edel vornehm classic klassisch",
    "playful": "playful fun verspielt* ludique divertid* giocos* kids children kinder enfants niños bambini crianças",
    "rustic": "rustic rustikal* rustique rústic* rustico earthy erdig* natural natürlich* organic handmade "
    "traditional traditionell* traditionnel*",
    "modern": "modern* moderne moderno moderna contemporary tech futuristic sleek",
    "plain": "monochrome black-and-white schwarzweiß schwarz-weiß schwarzweiss monochrom",
}


@dataclass(frozen=True, slots=True)
class Brief:
    """A prompt understood. Texts are "" and tuples empty where the prompt is silent.

    `colours` are hex; `scheme` is "light", "dark" or ""; `offers` and `subject` are the prompt's own words;
    `count` is a number of items asked for, 0 for none.
    """

    prompt: str
    language: str
    kind: str
    name: str
    place: str
    subject: str
    offers: tuple[str, ...]
    audience: str
    tones: frozenset[str]
    colours: Colours
    asked: frozenset[str]
    refused: frozenset[str]
    count: int
    email: str
    telephone: str


def read_brief(prompt: str) -> Brief:
    text = normalise(prompt)
    name = read_name(text, detect(text, split(text)))
    # A French name in an English sentence must not make the page French.
    rest = text.replace(name, " ") if name else text
    words = split(rest)
    telling = rest if len(words) >= _TELLING else text
    language = detect(telling, split(telling))
    refused_words = negated(words)
    asked, refused = read_wishes(words, refused_words)
    place = read_place(text, name)
    email, telephone = _EMAIL.search(text), _TELEPHONE.search(text)
    return Brief(
        prompt=text,
        language=language,
        kind=_kind(split(text), rest),
        name=name,
        place=place,
        subject=_subject(rest, place, language),
        offers=read_offers(rest),
        audience=read_audience(rest),
        tones=_tones(words, refused_words),
        colours=read_colours(words, romance=language in {"fr", "es", "it", "pt"}),
        asked=asked,
        refused=refused,
        count=_count(rest),
        email=email[0] if email else "",
        telephone=telephone[0].strip() if telephone else "",
    )


def normalise(prompt: str) -> str:
    """NFC, at most `LONGEST_PROMPT` characters, control characters and runs of blanks as one blank."""
    text = unicodedata.normalize("NFC", prompt[:LONGEST_PROMPT])
    kept = (" " if unicodedata.category(character)[0] == "C" else character for character in text)
    return " ".join("".join(kept).split())


def _kind(words: tuple[Word, ...], rest: str) -> str:
    """The best scored kind. What follows "with" describes the site and counts half; a word of the name counts less."""
    refused_words = negated(words)
    outside = {word.folded for word in split(rest)}
    details = min((index for index, _ in matches("with mit avec con com", words)), default=len(words))
    scores = {}
    for kind in KINDS.values():
        found = [hit for hit in matches(kind.words, words) if hit[0] not in refused_words]
        score = sum(
            (2 * length - 1)
            * (1 if index < details else 0.5)
            * (1 if words[index].folded in outside else 0.6)
            for index, length in found
        )
        if score:
            scores[kind.name] = (min(score, 4), -found[0][0])
    return max(scores, key=lambda name: scores[name]) if scores else GENERAL.name


def _subject(rest: str, place: str, language: str) -> str:
    """Without words for looks, and only in the page's own language: a prompt may ask for another."""
    if len(split(rest)) >= _TELLING and written(rest, split(rest)) != language:
        return ""
    looks = " ".join(table for tone, table in TONES.items() if tone != "playful")
    kept = (
        word
        for word in read_subject(rest, place).split()
        if not any(matches(f"{looks} dark light", split(word)))
    )
    return " ".join(kept)


def _tones(words: tuple[Word, ...], refused_words: frozenset[int]) -> frozenset[str]:
    return frozenset(
        tone
        for tone, table in TONES.items()
        if any(index not in refused_words for index, _ in matches(table, words))
    )


def _count(text: str) -> int:
    match = _COUNT.search(text)
    if not match:
        return 0
    said = match[1].casefold()
    number = int(said) if said.isdigit() else _NUMBERS[said]
    return number if 1 < number <= 12 else 0  # noqa: PLR2004 - more than a dozen is no list for one page
