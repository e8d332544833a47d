"""What the page says outside its sections: title, description, headline, navigation, facts, linked data."""

from dataclasses import dataclass

from webmint_cli.composer.art import Scene, draw
from webmint_cli.composer.sections import Desk

TITLE = (15, 60)
DESCRIPTION = (50, 160)

_LOCALES = {"en": "en_GB", "de": "de_DE", "fr": "fr_FR", "es": "es_ES", "it": "it_IT", "pt": "pt_PT"}
_ART = {
    "split": ("portrait",),
    "mirror": ("portrait",),
    "banner": ("wide",),
    "overlap": ("wide",),
    "mosaic": ("square", "square", "landscape"),
    "band": ("square",),
    "ledger": ("portrait",),
    "poster": ("landscape",),
    "stage": ("portrait", "square", "portrait"),
    "compact": ("landscape",),
}
_FOCUS = {"overlap": 0.74}
"""Where a hero's text covers part of its picture, the motif stands beside the text."""
_WITH_FACTS = frozenset({"banner", "ledger", "poster", "stage"})
_LOCAL = frozenset({"food", "goods", "care", "counsel"})
_MOST_LINKS = 6
_SHORT_LABEL = 15


@dataclass(frozen=True, slots=True)
class Link:
    target: str
    label: str


@dataclass(frozen=True, slots=True)
class Fact:
    label: str
    text: str


@dataclass(frozen=True, slots=True)
class Page:
    """`line` is a second headline, "" for none; `dial` is the telephone number as a link wants it."""

    language: str
    locale: str
    scheme: str
    title: str
    description: str
    brand: str
    tagline: str
    headline: str
    line: str
    lead: str
    email: str
    telephone: str
    dial: str
    links: tuple[Link, ...]
    actions: tuple[Link, ...]
    facts: tuple[Fact, ...]
    art: tuple[Scene, ...]
    motifs: tuple[str, ...]
    linked_data: dict[str, object]


def make_page(desk: Desk) -> Page:
    brief, direction = desk.brief, desk.direction
    noun = _noun(desk)
    tagline = _placed(desk, noun)
    brand = brief.name or tagline
    saying = _headline(desk)
    title = _title(brand, tagline, saying, desk.copy.kind["lead"])
    description = _description(brand, tagline, desk.copy.kind["lead"])
    links = _links(desk)
    return Page(
        language=brief.language,
        locale=_LOCALES[brief.language],
        scheme=direction.scheme,
        title=title,
        description=description,
        brand=brand,
        tagline=tagline if brief.name else saying,
        headline=brief.name if direction.leads_with_name else saying,
        line=saying if direction.leads_with_name else _audience(desk, tagline),
        lead=desk.copy.kind["lead"],
        email=brief.email,
        telephone=brief.telephone,
        dial="".join(character for character in brief.telephone if character.isdigit() or character == "+"),
        links=links,
        actions=_actions(desk, links),
        facts=_facts(desk, links) if direction.hero in _WITH_FACTS else (),
        art=_art(desk),
        motifs=desk.motifs,
        linked_data=_linked_data(desk, brand, description),
    )


def _noun(desk: Desk) -> str:
    """The brief's own words for the thing where it has them ("Beekeeping museum"), else the kind's."""
    subject = desk.brief.subject
    return subject[:1].upper() + subject[1:] if subject else str(desk.copy.kind["noun"])


def _placed(desk: Desk, noun: str) -> str:
    if not desk.brief.place:
        return noun
    return str(desk.copy.frame["placed"].replace("{noun}", noun).replace("{place}", desk.brief.place))


def _headline(desk: Desk) -> str:
    heads = desk.copy.kind["heads"]
    return str(heads[desk.direction.headline % len(heads)])


def _audience(desk: Desk, tagline: str) -> str:
    audience = desk.brief.audience
    return (
        str(desk.copy.frame["for"]).replace("{audience}", audience)
        if audience and audience not in tagline
        else ""
    )


def _title(brand: str, tagline: str, saying: str, lead: str) -> str:
    parts = list(dict.fromkeys((brand, tagline, saying)))
    fitting = (": ".join(parts[:count]) for count in (2, 3, 1))
    shortest, longest = TITLE
    return next(
        (title for title in fitting if shortest <= len(title) <= longest),
        _cut(": ".join((*parts, lead)), longest),
    )


def _description(brand: str, tagline: str, lead: str) -> str:
    start = brand if tagline.startswith(brand) else f"{brand}, {tagline}"
    return _cut(f"{start}. {lead}", DESCRIPTION[1])


def _cut(text: str, longest: int) -> str:
    """At most `longest` characters, ending at a sentence if one ends in the second half, else at a word."""
    if len(text) <= longest:
        return text
    sentence = text[:longest].rfind(". ") + 1
    if sentence > longest // 2:
        return text[:sentence]
    head = text[: longest - 1]
    return (head.rsplit(" ", 1)[0] if " " in head[longest // 2 :] else head).rstrip(" ,.:;") + "…"


def _art(desk: Desk) -> tuple[Scene, ...]:
    hero = desk.direction.hero
    focus = _FOCUS.get(hero, 0.5)
    return tuple(
        draw(desk.motifs, desk.chance, f"hero{at}", size, focus=focus) for at, size in enumerate(_ART[hero])
    )


def _links(desk: Desk) -> tuple[Link, ...]:
    labels = desk.copy.frame["nav"] | _own_label(desk)
    names = [section.name for section in desk.direction.sections]
    kept = names if len(names) <= _MOST_LINKS else [name for name in names if name not in {"steps", "about"}]
    return tuple(Link(name, labels[name]) for name in kept)


def _own_label(desk: Desk) -> dict[str, str]:
    """The heading of the offers, where it is short enough for a menu: "Treatments" rather than "Services"."""
    head = desk.copy.kind["offers_head"]
    return {"offers": head} if len(head) <= _SHORT_LABEL else {}


def _actions(desk: Desk, links: tuple[Link, ...]) -> tuple[Link, ...]:
    """The family's call to its first section or to the form, and one quieter way on."""
    if not links:
        return ()
    contact = next((link for link in links if link.target in {"contact", "newsletter"}), links[0])
    to_form = desk.direction.kind.family in {"care", "counsel", "cause", "software"}
    first = contact if to_form else links[0]
    other = links[0] if to_form else contact
    label = _call(desk, first)
    return (
        (Link(first.target, label), other) if other.target != first.target else (Link(first.target, label),)
    )


def _call(desk: Desk, link: Link) -> str:
    """The family's call names a section of the kind ("See the menu"): it holds only where that is the target."""
    if link.target == "newsletter":
        return str(desk.copy.frame["form"]["subscribe"])
    usual = desk.direction.kind.sections.split()[0]
    return str(desk.copy.family["action"]) if link.target in {usual, "contact"} else link.label


def _facts(desk: Desk, links: tuple[Link, ...]) -> tuple[Fact, ...]:
    nav = desk.copy.frame["nav"]
    offers = ", ".join(item.name for item in desk.offers[:3])
    facts = [
        Fact(desk.copy.frame["where"], desk.brief.place),
        Fact(desk.copy.kind["offers_head"], offers),
        Fact(nav["contact"], desk.brief.telephone or desk.brief.email),
        Fact(desk.copy.frame["here"], ", ".join(link.label for link in links[1:4])),
    ]
    return tuple(fact for fact in facts if fact.text)[:3]


def _linked_data(desk: Desk, brand: str, description: str) -> dict[str, object]:
    brief, kind = desk.brief, desk.direction.kind
    data: dict[str, object] = {
        "@context": "https://schema.org",
        "@type": kind.schema,
        "name": brand,
        "description": description,
    }
    if brief.place and kind.family in _LOCAL:
        data["address"] = {"@type": "PostalAddress", "addressLocality": brief.place}
    if brief.email:
        data["email"] = brief.email
    if brief.telephone:
        data["telephone"] = brief.telephone
    return data
