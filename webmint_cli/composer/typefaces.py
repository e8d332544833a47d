"""Display and text faces that are on readers' machines already, in pairs."""

from dataclasses import dataclass

_OLD_STYLE = "'Iowan Old Style', 'Palatino Linotype', 'URW Palladio L', P052, serif"
_TRANSITIONAL = "Charter, 'Bitstream Charter', 'Sitka Text', Cambria, C059, serif"
_DIDONE = "Didot, 'Bodoni 72', 'Bodoni MT', 'Playfair Display', 'Noto Serif Display', P052, serif"
_ANTIQUE = "Superclarendon, 'Bookman Old Style', 'URW Bookman', 'Georgia Pro', Georgia, serif"
_SLAB = "Rockwell, 'Rockwell Nova', 'Roboto Slab', 'Noto Serif', 'DejaVu Serif', serif"
_HUMANIST = "Seravek, 'Gill Sans Nova', 'Gill Sans', Calibri, 'Source Sans 3', 'Noto Sans', sans-serif"
_CLASSICAL = "Optima, Candara, 'URW Classico', 'Noto Sans', sans-serif"
_GEOMETRIC = "Avenir, 'Avenir Next', 'Century Gothic', 'URW Gothic', Corbel, sans-serif"
_GROTESQUE = "'Helvetica Neue', 'Arial Nova', 'Nimbus Sans', Arial, sans-serif"
_INDUSTRIAL = (
    "Bahnschrift, 'DIN Alternate', 'Franklin Gothic Medium', 'Nimbus Sans Narrow', 'Arial Narrow', sans-serif"
)
_ROUNDED = "ui-rounded, 'Hiragino Maru Gothic ProN', 'Arial Rounded MT Bold', 'Varela Round', 'URW Gothic', sans-serif"
_MONO = "ui-monospace, 'Cascadia Code', Menlo, Consolas, 'Nimbus Mono PS', monospace"


@dataclass(frozen=True, slots=True)
class TypePair:
    """Two font stacks; `weight` and `tracking` (em) are the display face's."""

    name: str
    display: str
    text: str
    weight: int = 600
    tracking: float = -0.02


TYPE_PAIRS = {
    pair.name: pair
    for pair in (
        TypePair("bookish", _OLD_STYLE, _HUMANIST, 500, -0.015),
        TypePair("press", _TRANSITIONAL, _GROTESQUE, 700, -0.02),
        TypePair("salon", _DIDONE, _CLASSICAL, 400, -0.01),
        TypePair("almanac", _ANTIQUE, _TRANSITIONAL, 600, -0.015),
        TypePair("workshop", _SLAB, _HUMANIST, 700, -0.02),
        TypePair("poster", _INDUSTRIAL, _TRANSITIONAL, 700, -0.005),
        TypePair("signage", _GEOMETRIC, _OLD_STYLE, 600, -0.025),
        TypePair("gallery", _GROTESQUE, _OLD_STYLE, 700, -0.035),
        TypePair("soft", _ROUNDED, _HUMANIST, 700, -0.015),
        TypePair("terminal", _MONO, _GROTESQUE, 600, -0.035),
        TypePair("inscription", _CLASSICAL, _TRANSITIONAL, 500, -0.01),
        TypePair("manual", _HUMANIST, _TRANSITIONAL, 700, -0.015),
    )
}
