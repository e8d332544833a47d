"""Colours that a prompt orders: "dark blue and cream", "fond vert", "#0a7", "dark mode".

A colour word alone is no order ("red wine", "green tea"): it counts beside a word of design, or at the end of
what it belongs to.
"""

from dataclasses import dataclass

from webmint_cli.composer.words import Word, matches

_NAMES = {
    "#c8102e": "rot rote roten roter rotes rouge rouges rojo roja rojos rojas rosso rossa rossi rosse vermelho vermelha",
    "#1f5fbf": "blau blaue blauen blauer blaues bleu bleue bleus bleues azul azules azuis blu",
    "#2e7d43": "grün grüne grünen grüner grünes vert verte verts vertes verde verdes verdi",
    "#e8b90c": "gelb gelbe gelben gelbes jaune jaunes amarillo amarilla giallo gialla amarelo amarela",
    "#e8710a": "orangefarben naranja arancione laranja",
    "#7b3fa0": "lila violett violette violet morado morada viola roxo roxa purpur",
    "#e0578a": "rosa rose",
    "#7a4a2b": "braun braune brauner marrone marrón marron castanho",
    "#111111": "schwarz schwarze schwarzer noir noire noirs negro negra nero nera preto preta",
    "#ffffff": "weiß weiße weisser blanc blanche blanco blanca bianco bianca branco branca",
    "#7d7f82": "grau graue gris grigio grigia cinza cinzento",
    "#123c69": "dunkelblau bleu_marine azul_marino blu_scuro azul_escuro azul_oscuro nachtblau marineblau",
    "#1e4d2b": "dunkelgrün vert_foncé verde_oscuro verde_scuro verde_escuro forest_green tannengrün",
    "#7fb2e5": "hellblau bleu_clair azul_claro azzurro himmelblau",
    "#9fcf9b": "hellgrün vert_clair verde_claro verde_chiaro",
    "#8c1c2c": "dunkelrot weinrot bordeaux burgundy oxblood granate bordô wine_red",
    "#f3e9d2": "cream creme crème crema crema_di_latte",
    "#8aa17f": "sage salbei sage_green",
    "#c2603f": "terracotta terrakotta rust rostrot copper",
    "#d4a017": "mustard senfgelb ochre ocker amber gold golden",
    "#2f4858": "petrol slate charcoal anthracite anthrazit",
    "#a8d5ba": "mint menthe menta",
    "#f6b092": "peach pfirsich apricot",
    "#0f7a78": "türkis turquesa turchese",
    "#e34234": "vermilion scarlet brick_red",
}
_SHADES = "deep pale bright soft warm muted rich vivid tief hell helles sattes clair foncé claro oscuro scuro chiaro"
_JOINERS = "and und et y e or with mit avec con com on auf"
_DESIGN = (
    "colour* color* colours palette palettes theme themes accent* tone tones shade shades background* scheme* design "
    "look style buttons header details branding brand highlights farben farbe farb* hintergrund akzent* töne tönen "
    "couleur* teinte* fond ton tons colores tonos fondo acentos colori toni sfondo accenti cores fundo"
)
_BACKGROUND = "background* hintergrund* fond fondo sfondo fundo"
_INTO = "in en em de in_the use using"
_SCHEMES = {
    "dark": "dark dunkel dunkle dunkles dunklem dunklen sombre sombres oscuro oscura scuro scura escuro escura",
    "light": "light hell helle helles hellem hellen clair claire claro clara chiaro chiara",
}
_SURFACE = (
    "mode theme scheme design look background style site website page modus hintergrund stil mode_sombre"
)


@dataclass(frozen=True, slots=True)
class Colours:
    """Hex colours in the order named; `ground` is the one asked for as background, "" for none."""

    accents: tuple[str, ...]
    ground: str
    scheme: str


def read_colours(words: tuple[Word, ...], *, romance: bool) -> Colours:
    """`romance`: the adjective follows its noun, so a following noun says nothing about a colour."""
    found = _mentions(words)
    taken = {index + offset for index, length, _ in found for offset in range(length)}
    ordered = [
        mention
        for mention in found
        if mention[2].startswith("#")
        and (words[mention[0]].text.startswith("#") or _is_order(words, mention, taken, romance=romance))
    ]
    ground = next((hex_ for index, length, hex_ in ordered if _is_ground(words, index, length)), "")
    accents = dict.fromkeys(hex_ for _, _, hex_ in ordered if hex_ != ground)
    return Colours(tuple(accents)[:3], ground, _scheme(words, taken))


def _mentions(words: tuple[Word, ...]) -> list[tuple[int, int, str]]:
    own = [(index, length, hex_) for hex_, names in _NAMES.items() for index, length in matches(names, words)]
    css = [(index, length, hex_) for index in range(len(words)) for length, hex_ in _css(words, index)]
    claimed: set[int] = set()
    chosen = []
    for index, length, hex_ in sorted(own + css, key=lambda mention: (-mention[1], mention[0])):
        span = set(range(index, index + length))
        if not span & claimed:
            claimed |= span
            chosen.append((index, length, hex_))
    return sorted(chosen)


def _css(words: tuple[Word, ...], index: int) -> list[tuple[int, str]]:
    """The CSS colour that begins here: "dark blue" is `darkblue`, "#0a7" itself."""
    from coloraide import Color  # 70 ms that only composing pays

    lengths = [length for length in (2, 1) if index + length <= len(words)]
    for length in lengths:
        name = "".join(word.folded for word in words[index : index + length])
        if (name.isalpha() or name.startswith("#")) and name != "transparent":
            known = Color.match(name, fullmatch=True)
            if known:
                return [(length, known.color.to_string(hex=True, alpha=False))]
    return []


def _is_order(
    words: tuple[Word, ...], mention: tuple[int, int, str], taken: set[int], *, romance: bool
) -> bool:
    index, length, _ = mention
    before = [word for word in words[max(0, index - 4) : index] if not word.is_break]
    if any(_is(_DESIGN, word) for word in before) or (before and _is(_INTO, before[-1])):
        return True
    after = index + length
    while after < len(words) and (after in taken or _is(_SHADES + " " + _JOINERS, words[after])):
        after += 1
    if after < len(words) and _is(_DESIGN, words[after]):
        return True
    return not romance and (after >= len(words) or words[after].is_break)


def _is_ground(words: tuple[Word, ...], index: int, length: int) -> bool:
    near = words[max(0, index - 2) : index] + words[index + length : index + length + 1]
    return any(_is(_BACKGROUND, word) for word in near)


def _scheme(words: tuple[Word, ...], taken: set[int]) -> str:
    found = [
        (index, scheme)
        for scheme, names in _SCHEMES.items()
        for index, _ in matches(names, words)
        if index not in taken and _names_a_look(words, index)
    ]
    return max(found)[1] if found else ""


def _names_a_look(words: tuple[Word, ...], index: int) -> bool:
    """As in "dark mode", "a dark, elegant page", "design sombre"; not "dark chocolate"."""
    if index + 1 == len(words) or words[index + 1].is_break or _is(_JOINERS, words[index + 1]):
        return True
    near = words[max(0, index - 1) : index] + words[index + 1 : index + 4]
    return any(_is(_SURFACE + " " + _DESIGN, word) for word in near if not word.is_break)


def _is(table: str, word: Word) -> bool:
    return next(matches(table, (word,)), None) is not None
