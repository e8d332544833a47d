"""Seeded pictures: motifs of the trade set into flat, print-like scenes.

A scene is data (shapes with attributes); the template writes it, so nothing here handles markup. Colours are
the classes `a0` to `a5`, which the stylesheet maps to the palette.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from webmint_cli.composer.chance import Chance

Attributes = dict[str, str | float]


@dataclass(frozen=True, slots=True)
class Shape:
    """An SVG element without content."""

    tag: str
    attributes: Attributes


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture of `width` × `height` units; `tone` (1 to 3) permutes its colours.

    `align` is what a crop keeps, in the terms of SVG's preserveAspectRatio.
    """

    width: int
    height: int
    tone: int
    shapes: tuple[Shape, ...]
    align: str = "xMidYMid"


SIZES = {"wide": (1600, 640), "landscape": (1000, 750), "square": (800, 800), "portrait": (800, 1000)}
_TONES = 3
_CENTRE = 0.5


def draw(
    motifs: tuple[str, ...],
    chance: Chance,
    key: str,
    size: str = "landscape",
    *,
    style: int = -1,
    focus: float = 0.5,
) -> Scene:
    """The picture for `key`. The first motif leads, at `focus` of the width.

    `style` fixes the kind of scene, -1 leaves it to chance.
    """
    width, height = SIZES[size]
    names = tuple(_SCENES)
    name = names[style % len(names)] if style >= 0 else chance.pick(f"{key}.scene", names)
    shapes = _SCENES[name](_Canvas(width, height, motifs, chance, key, focus))
    align = "xMidYMid" if focus == _CENTRE else "xMaxYMid"
    return Scene(width, height, 1 + chance.whole(f"{key}.tone") % _TONES, tuple(shapes), align)


@dataclass(frozen=True, slots=True)
class _Canvas:
    width: int
    height: int
    motifs: tuple[str, ...]
    chance: Chance
    key: str
    focus: float = 0.5

    @property
    def short(self) -> int:
        return min(self.width, self.height)

    def between(self, name: str, low: float, high: float) -> float:
        return round(self.chance.between(f"{self.key}.{name}", low, high), 3)

    def motif(self, index: int, x: float, y: float, size: float) -> Shape:
        """A motif centred on (x, y)."""
        name = self.motifs[index % len(self.motifs)]
        half = size / 2
        return Shape(
            "use",
            {
                "href": f"#art-{name}",
                "x": round(x - half, 1),
                "y": round(y - half, 1),
                "width": round(size, 1),
                "height": round(size, 1),
            },
        )


def _circle(colour: str, x: float, y: float, radius: float) -> Shape:
    return Shape("circle", {"class": colour, "cx": round(x, 1), "cy": round(y, 1), "r": round(radius, 1)})


def _box(colour: str, x: float, y: float, width: float, height: float) -> Shape:
    return Shape(
        "rect",
        {
            "class": colour,
            "x": round(x, 1),
            "y": round(y, 1),
            "width": round(width, 1),
            "height": round(height, 1),
        },
    )


def _path(colour: str, line: str) -> Shape:
    return Shape("path", {"class": colour, "d": line})


def _still_life(canvas: _Canvas) -> list[Shape]:
    """A table, a disc behind it, and the motifs standing on it by size."""
    width, height, short = canvas.width, canvas.height, canvas.short
    table = height * canvas.between("table", 0.7, 0.76)
    middle = width * (canvas.focus + canvas.between("middle", -0.08, 0.08))
    large = short * 0.62
    shapes = [
        _box("a0", 0, 0, width, height),
        _circle("a3", middle, table - short * 0.22, short * canvas.between("disc", 0.36, 0.44)),
        _box("a5", 0, table, width, height - table),
        _box("a2", 0, table, width, short * 0.03),
    ]
    shapes.append(canvas.motif(1, middle - large * 0.78, table - large * 0.22, large * 0.56))
    shapes.append(canvas.motif(2, middle + large * 0.8, table - large * 0.24, large * 0.6))
    if width > short * 1.6:
        shapes.append(canvas.motif(3, middle - large * 1.5, table - large * 0.2, large * 0.5))
        shapes.append(canvas.motif(1, middle + large * 1.55, table - large * 0.2, large * 0.5))
    shapes.append(canvas.motif(0, middle, table - large * 0.34, large))
    return shapes


def _tiles(canvas: _Canvas) -> list[Shape]:
    """A quilt of quarter circles, dots and motifs."""
    count = 3 if canvas.short == min(SIZES["square"]) else 4
    side = canvas.short / count
    columns, rows = math.ceil(canvas.width / side), math.ceil(canvas.height / side)
    shapes = [_box("a0", 0, 0, canvas.width, canvas.height)]
    for row in range(rows):
        for column in range(columns):
            shapes += _tile(canvas, row * columns + column, column * side, row * side, side)
    return shapes


def _tile(canvas: _Canvas, number: int, x: float, y: float, side: float) -> list[Shape]:
    key = f"{canvas.key}.tile{number}"
    grounds = ("a0", "a5", "a3", "a2", "a4", "a1")
    ground = canvas.chance.pick(f"{key}.ground", grounds)
    mark = canvas.chance.pick(f"{key}.mark", [colour for colour in grounds if colour != ground])
    figure = canvas.chance.pick(f"{key}.figure", ("motif", "quarter", "dot", "motif", "half", "ring"))
    if (number * 5 + canvas.chance.whole(canvas.key)) % 7 == 0:
        figure = "motif"
    middle = (x + side / 2, y + side / 2)
    quarter = f"M{x:.1f} {y:.1f}h{side:.1f}a{side:.1f} {side:.1f} 0 0 1-{side:.1f} {side:.1f}z"
    half = f"M{x:.1f} {y:.1f}h{side:.1f}a{side / 2:.1f} {side / 2:.1f} 0 0 1-{side:.1f} 0z"
    figures: dict[str, list[Shape]] = {
        "motif": [_box("a3", x, y, side + 1, side + 1), canvas.motif(number, *middle, side * 0.74)],
        "quarter": [_path(mark, quarter)],
        "half": [_path(mark, half)],
        "dot": [_circle(mark, *middle, side * 0.3)],
        "ring": [_circle(mark, *middle, side * 0.44), _circle(ground, *middle, side * 0.22)],
    }
    # One unit of overlap, or a hairline of the ground shows between tiles.
    return [_box(ground, x, y, side + 1, side + 1), *figures[figure]]


def _hills(canvas: _Canvas) -> list[Shape]:
    """Layered ridges under a sun, the motif in the foreground."""
    width, height, short = canvas.width, canvas.height, canvas.short
    sun = width * canvas.between("sun", 0.18, 0.34)
    shapes = [
        _box("a0", 0, 0, width, height),
        _circle("a3", sun, height * 0.3, short * canvas.between("disc", 0.14, 0.2)),
    ]
    for index, colour in enumerate(("a5", "a2", "a4")):
        level = height * (0.5 + 0.15 * index)
        swing = height * canvas.between(f"swing{index}", 0.08, 0.16)
        turn = width * canvas.between(f"turn{index}", 0.3, 0.7)
        shapes.append(
            _path(
                colour,
                f"M0 {level:.1f}C{turn * 0.5:.1f} {level - swing * 2:.1f} {turn:.1f} {level + swing:.1f} "
                f"{width} {level - swing:.1f}V{height}H0z",
            )
        )
    size = short * 0.58
    shapes.append(_circle("a3", width * 0.66, height * 0.56, size * 0.62))
    shapes.append(canvas.motif(0, width * 0.66, height * 0.56, size * 0.86))
    return shapes


def _arcs(canvas: _Canvas) -> list[Shape]:
    """Concentric discs that run off the edge, the motif in their middle."""
    width, height, short = canvas.width, canvas.height, canvas.short
    x, y = width * (canvas.focus + canvas.between("x", -0.08, 0.08)), height * canvas.between("y", 0.48, 0.58)
    reach = max(width, height) * 0.62
    rings = ("a5", "a0", "a2", "a3")
    shapes = [_box("a0", 0, 0, width, height)]
    shapes += [
        _circle(colour, x, y, max(reach * (1 - index * 0.24), short * 0.3))
        for index, colour in enumerate(rings)
    ]
    shapes.append(canvas.motif(0, x, y, short * 0.5))
    return shapes


def _shelf(canvas: _Canvas) -> list[Shape]:
    """Two boards of things in a row."""
    width, height = canvas.width, canvas.height
    boards = (0.47, 0.92)
    size = height * 0.34
    places = max(2, int(width / (size * 1.15)))
    shapes = [_box("a0", 0, 0, width, height)]
    for row, level in enumerate(boards):
        for place in range(places):
            x = width * (place + 0.5) / places
            if canvas.chance.whole(f"{canvas.key}.back{row}{place}") % 3 == 0:
                shapes.append(_circle("a3", x, height * level - size * 0.5, size * 0.54))
            shapes.append(canvas.motif(row * 2 + place, x, height * level - size * 0.46, size * 0.88))
        shapes.append(_box("a4", 0, height * level, width, height * 0.022))
    return shapes


def _crop(canvas: _Canvas) -> list[Shape]:
    """The motif larger than the picture's short side, on two fields."""
    width, height, short = canvas.width, canvas.height, canvas.short
    split = width * canvas.between("split", 0.34, 0.5)
    middle = width * (canvas.focus + 0.05)
    return [
        _box("a0", 0, 0, width, height),
        _box("a5", split, 0, width - split, height),
        _circle("a2", split, height * 0.16, short * 0.12),
        _circle("a3", middle, height * 0.54, short * 0.46),
        canvas.motif(0, middle, height * 0.54, short * 0.84),
        canvas.motif(1, width * 0.12, height * 0.84, short * 0.24),
    ]


_SCENES: dict[str, Callable[[_Canvas], list[Shape]]] = {
    "still-life": _still_life,
    "tiles": _tiles,
    "hills": _hills,
    "arcs": _arcs,
    "shelf": _shelf,
    "crop": _crop,
}


def draw_item(motif: str, chance: Chance, key: str) -> Scene:
    """A square picture of one thing, for a list or a shelf of goods."""
    canvas = _Canvas(*SIZES["square"], (motif,), chance, key)
    ground, disc = chance.pick(
        f"{key}.ground", (("a0", "a3"), ("a5", "a3"), ("a3", "a0"), ("a2", "a3"), ("a3", "a5"))
    )
    x, y = canvas.between("x", 360, 440), canvas.between("y", 380, 440)
    shapes = (_box(ground, 0, 0, 800, 800), _circle(disc, x, y, 290), canvas.motif(0, 400, 400, 420))
    return Scene(800, 800, 1 + chance.whole(f"{key}.tone") % _TONES, shapes)


def draw_map(chance: Chance) -> Scene:
    """A sketch of streets, a river and a marker: no real place."""
    canvas = _Canvas(*SIZES["landscape"], ("mark",), chance, "map")
    width, height = canvas.width, canvas.height
    bend = round(canvas.between("bend", 120, 320))
    streets = [
        _box("a3", canvas.between(f"column{at}", -20, 20) + at * 190, 0, 16 + at % 2 * 14, height)
        for at in range(1, 6)
    ]
    lanes = [
        _box("a3", 0, canvas.between(f"row{at}", -20, 20) + at * 150, width, 14 + at % 2 * 12)
        for at in range(1, 5)
    ]
    river = f"M-20 {bend}C300 {bend + 260} 520 {bend - 160} 1020 {bend + 220}v90C520 {bend - 70} 300 {bend + 350}-20 {bend + 90}z"
    x, y = round(canvas.between("x", 420, 620)), round(canvas.between("y", 300, 420))
    marker = f"M{x} {y}c-70-90-90-120-90-160a90 90 0 0 1 180 0c0 40-20 70-90 160z"
    park = _box("a5", canvas.between("park", 60, 200), 470, 250, 190)
    return Scene(
        width, height, 1,
        (_box("a0", 0, 0, width, height), park, *streets, *lanes, _path("a2", river), _path("a1", marker), _circle("a3", x, y - 160, 36)),
    )  # fmt: skip
