"""The prompt's own words for what it is about, what it offers and whom it is for."""

import re

_LEAD = re.compile(
    r"^(?:(?:please|bitte|s'il vous plaît|por favor|per favore)\s+)?"
    r"(?:(?:create|build|make|design|generate|write|i want|i need|we need|erstelle|baue|mach|gestalte|ich brauche|"
    r"crée|créer|créez|fais|je veux|crea|haz|quiero|necesito|creare|vorrei|crie|cria|faça|quero)\s+)?"
    r"(?:(?:me|us|mir|uns|moi|nous|mi|um|uma)\s+)?"
    r"(?:(?:an?|the|eine?n?|une?|uno|un|una|uma|um|le|la|el|il)\s+)?"
    r"(?:(?:[\w-]+\s+){0,2}?(?:website|web site|web page|webpage|homepage|landing page|page|site web|site|webseite|"
    r"sitio web|sitio|página web|página|pagina web|pagina|sito web|sito)\s+)?"
    r"(?:(?:for|about|of|für|über|pour|sur|de|para|sobre|per|su)\s+)?"
    r"(?:(?:an?|the|my|our|eine?n?|meine?n?|unsere?n?|une?|un|una|uma|um|mon|ma|notre|mi|nuestra|nuestro|mio|meu)\s+)?",
    re.IGNORECASE,
)
_COPULA = re.compile(r"^[\s,:;–—-]*(?:(?:is|ist|est|es|é|è)\s+)?")
_SUBJECT_END = re.compile(
    r"[,.;:!?()\"“„«<>{}]|\s[–—-]\s|\b(?:called|named|namens|appelée?|nommée?|llamad[oa]|chiamat[oa]|chamad[oa]|in|near|"
    r"with|that|which|who|where|mit|das|die|der|à|en|avec|qui|con|que|che|a|com|em|and sells|selling|offering)\b",
    re.IGNORECASE,
)
_OFFERS = re.compile(
    r"\b(?:services|products|offering|offers?|we offer|sells?|selling|specialis(?:ing|ed) in|specializ(?:ing|ed) in|"
    r"we make|serving|serves|features|topics|such as|including|leistungen|produkte|bietet|bieten|verkauft|verkaufen|"
    r"spezialisiert auf|wie zum beispiel|propose|proposons|vend|vendons|spécialisée? (?:en|dans)|vende|vendemos|"
    r"ofrece|ofrecemos|especializad[oa] en|offre|offriamo|vendiamo|oferece|oferecemos|vendemos|servicios|servizi|"
    r"serviços|prestations)\s*:?\s+([^.;!?\n<>{}]{4,240})",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(
    r"\s*,\s*(?:(?:and|und|et|y|e|or|oder|ou|o)\s+)?|\s+(?:and|und|et|y|&|or|oder)\s+|\s+e\s+"
)
_OFFER_END = re.compile(
    r"\s+(?:with|in|for|to|mit|für|avec|pour|con|para|com|per|called|named|at|on|by|from|near)\s.*$"
)
_NO_OFFER = re.compile(
    r"\b(?:colou?rs?|farben|couleurs|colores|colori|cores|form|hours|formular|öffnungszeiten|section|page|website|dark|"
    r"light|horaires|formulaire)\b",
    re.IGNORECASE,
)
_AUDIENCE = re.compile(
    r"\b(?:for|aimed at|für|pour|para|per)\s+((?:young |busy |small |new |junge |kleine )?(?:families|parents|kids|"
    r"children|students|beginners|teams?|freelancers|companies|businesses|developers|designers|travellers|runners|"
    r"seniors|adults|women|men|familien|eltern|kinder|studierende|anfänger|unternehmen|familles|enfants|débutants|"
    r"étudiants|entreprises|familias|niños|principiantes|empresas|famiglie|bambini|principianti|studenti|aziende|"
    r"famílias|crianças|iniciantes|estudantes))\b",
    re.IGNORECASE,
)
_DANGLING = frozenset(
    {"of", "for", "by", "from", "on", "at", "and", "the", "von", "für", "aus", "und", "de", "du", "des", "et"}
    | {"del", "y", "della", "di", "e", "do", "da", "dos", "das"}
)
_LONGEST_OFFER = 40
_FEWEST, _MOST = 2, 8


def read_subject(text: str, place: str) -> str:
    """A noun phrase of at most six words for what the site is about: "beekeeping museum"."""
    rest = _LEAD.sub("", _COPULA.sub("", text, count=1), count=1)
    phrase = _SUBJECT_END.split(rest.replace(place, ",") if place else rest, maxsplit=1)[0]
    words = [word for word in phrase.split() if any(character.isalpha() for character in word)]
    while words and words[-1].lower() in _DANGLING:
        words.pop()
    found = " ".join(words)[:60]
    return found if len(found) > 2 and len(words) <= 6 else ""  # noqa: PLR2004 - shorter is noise, longer a sentence


def read_offers(text: str) -> tuple[str, ...]:
    """What is sold or done, if the prompt lists at least two things: ("soaps", "candles")."""
    for match in _OFFERS.finditer(text):
        items = [_OFFER_END.sub("", item).strip() for item in _SEPARATOR.split(match[1])]
        fitting = [item for item in items if _fits(item)]
        if len(fitting) >= _FEWEST:
            return tuple(dict.fromkeys(_sentence_case(item) for item in fitting))[:_MOST]
    return ()


def read_audience(text: str) -> str:
    match = _AUDIENCE.search(text)
    return match[1] if match else ""


def _fits(item: str) -> bool:
    words = item.split()
    return bool(words) and len(words) <= 4 and 2 < len(item) <= _LONGEST_OFFER and not _NO_OFFER.search(item)  # noqa: PLR2004


def _sentence_case(text: str) -> str:
    return text[:1].upper() + text[1:]
