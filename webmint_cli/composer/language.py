"""Which of the composer's languages a prompt is written in, or asks for."""

import re

from webmint_cli.composer.words import Word, fold

LANGUAGES = ("en", "de", "fr", "es", "it", "pt")

_MARKERS = {
    "en": "a an the and with for of called named in website site page that my our without about selling from by is "
    "in on at to or not no new small modern landing shop who where",
    "de": "ein eine einen einer für und mit der die das den dem ohne im am seite webseite website von namens auf aus "
    "wir unsere unser ist über bei zum zur als sowie laden verein praxis kanzlei friseur bäckerei",
    "fr": "un une le la les des du de et avec pour sans à au aux sur dans nommée appelée appelé site page qui est en "
    "mon notre nos chez boulangerie boutique cabinet école association coiffeur",
    "es": "a un una el la los las de del y con para sin en llamado llamada página web sitio que mi nuestro nuestra es "
    "por sobre panadería tienda peluquería escuela abogados restaurante gimnasio estudio clínica",
    "it": "a un una uno il lo la gli le di del della e con per senza in chiamato chiamata sito pagina che mio nostro è "
    "da nel alla al colori negozio parrucchiere panificio ristorante scuola palestra avvocato",
    "pt": "a um uma o os as de do da dos e com para sem em no na chamado chamada site página que meu nosso é por sobre "
    "padaria loja cabeleireiro escola restaurante estúdio advogados clínica",
}
_ENDINGS = {
    "de": ("ung", "schaft", "erei", "keit", "kanzlei", "praxis"),
    "fr": ("eux", "euse", "erie"),
    "es": ("ción", "ería"),
    "it": ("zione", "iere", "fico"),
    "pt": ("ção", "ções"),
}
_LETTERS = {"de": "ßäöü", "es": "ñ¿¡", "pt": "ãõ", "fr": "êœùû", "it": "ìò"}
_NAMES = {
    "en": "english englisch anglais inglés inglese inglês",
    "de": "german deutsch allemand alemán tedesco alemão",
    "fr": "french französisch français francés francese francês",
    "es": "spanish spanisch espagnol español spagnolo espanhol",
    "it": "italian italienisch italien italiano",
    "pt": "portuguese portugiesisch portugais portugués portoghese português",
}
_ORDER = re.compile(
    r"\b(?i:in|auf|en|em|language:?|sprache:?|langue:?|idioma:?|lingua:?)\s+(\w+)\b(?!\s+[A-Z])"
)


def detect(text: str, words: tuple[Word, ...]) -> str:
    """A language code of `LANGUAGES`: the one asked for ("in French"), else by marker words, else "en"."""
    return _asked(text) or written(text, words)


def _asked(text: str) -> str:
    for match in _ORDER.finditer(text):
        word = fold(match[1])
        for language, names in _NAMES.items():
            if word in fold(names).split():
                return language
    return ""


def written(text: str, words: tuple[Word, ...]) -> str:
    """The language of the text itself, whatever it asks for."""
    lowered = text.casefold()
    said = [word.text.casefold() for word in words]
    scores = {
        language: sum(said.count(marker) for marker in markers.split())
        + sum(word.endswith(_ENDINGS.get(language, ())) for word in said)
        + 2 * any(letter in lowered for letter in _LETTERS.get(language, ""))
        for language, markers in _MARKERS.items()
    }
    return max(LANGUAGES, key=lambda language: scores[language])
