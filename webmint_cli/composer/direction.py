"""The design direction: from a brief and a seed to the choices that the page is built from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from webmint_cli.composer.brief import Brief
from webmint_cli.composer.chance import Chance
from webmint_cli.composer.colourwords import Colours
from webmint_cli.composer.kinds import KINDS, Kind
from webmint_cli.composer.palette import STRATEGIES, Strategy, lightness
from webmint_cli.composer.typefaces import TYPE_PAIRS, TypePair

Choice = TypeVar("Choice")

LAYOUTS = ("ledger", "stack", "offset", "wide")
HEADERS = ("bar", "split", "masthead")
HEROES = ("split", "mirror", "banner", "overlap", "mosaic", "band", "ledger", "poster", "stage")
APP_HEROES = ("compact",)
VARIANTS = {
    "menu": ("leaders", "columns", "pictured"),
    "offers": ("rows", "pictured", "definition"),
    "about": ("beside", "inset", "wide"),
    "gallery": ("mosaic", "strip", "pairs"),
    "steps": ("line", "columns", "staircase"),
    "schedule": ("table",),
    "hours": ("map", "picture"),
    "pricing": ("table", "cards"),
    "products": ("grid", "rows"),
    "posts": ("lead", "list"),
    "faq": ("details", "open"),
    "newsletter": ("bar", "picture"),
    "contact": ("beside", "plain"),
    "todo": ("app",),
    "calculator": ("app",),
}
_PICTURED = frozenset({"gallery", "products", "posts"})
_PLAIN = {"offers": "rows", "contact": "plain", "menu": "columns", "newsletter": "bar", "steps": "columns"}
"""Variants without a picture, for pages that have enough of them in `_PICTURED` sections."""
RHYTHMS = (
    ("ground", "surface", "ground", "band", "ground", "tint"),
    ("surface", "ground", "band", "ground", "surface", "ground"),
    ("ground", "tint", "ground", "surface", "band", "ground"),
    ("tint", "ground", "surface", "ground", "ground", "band"),
)

_HUES = {"warm": (20, 38, 55, 75, 92), "cool": (165, 195, 215, 240, 255), "rustic": (45, 70, 120, 145)}
_STRATEGIES = {
    "pastel": ("pastel",),
    "vivid": ("highkey", "ink", "split"),
    "calm": ("mono", "paper", "ink"),
    "elegant": ("paper", "mono", "duotone"),
    "playful": ("pastel", "highkey", "split"),
    "rustic": ("paper", "analogous", "duotone"),
    "plain": ("ink",),
}
_FACES = {
    "elegant": ("salon", "bookish", "inscription"),
    "playful": ("soft", "workshop", "signage"),
    "rustic": ("almanac", "workshop", "press"),
    "modern": ("gallery", "signage", "terminal", "poster"),
    "calm": ("inscription", "gallery", "bookish", "manual"),
}
_RADII = {
    "playful": ("1rem", "1.5rem"),
    "elegant": ("0", "2px"),
    "calm": ("0", "4px"),
    "modern": ("0", "6px"),
}
_MIDDLE = 0.5
_SQUARE_TO_ROUND = ("0", "2px", "6px", "14px")


@dataclass(frozen=True, slots=True)
class Section:
    """A section of the page: a template, the way it is laid out, and the ground it stands on."""

    name: str
    variant: str
    ground: str


@dataclass(frozen=True, slots=True)
class Direction:
    """What was chosen. `hue` is in OKLCH degrees, `ratio` that of the type scale at full width."""

    kind: Kind
    layout: str
    header: str
    hero: str
    faces: TypePair
    strategy: Strategy
    hue: float
    colours: Colours
    scheme: str
    radius: str
    ratio: float
    density: float
    sections: tuple[Section, ...]
    leads_with_name: bool
    headline: int


def choose(brief: Brief, chance: Chance) -> Direction:
    kind = KINDS[brief.kind]
    heroes = APP_HEROES if kind.family == "tool" else HEROES
    return Direction(
        kind=kind,
        layout=chance.pick("layout", LAYOUTS),
        header=chance.pick("header", HEADERS),
        hero=chance.pick("hero", heroes),
        faces=TYPE_PAIRS[_toned(brief, chance, "faces", _FACES, tuple(TYPE_PAIRS))],
        strategy=STRATEGIES[_toned(brief, chance, "strategy", _STRATEGIES, tuple(STRATEGIES))],
        hue=(_toned(brief, chance, "hue", _HUES, kind.hues) + chance.between("jitter", -8, 8)) % 360,
        colours=_ordered_colours(brief),
        scheme=_scheme(brief),
        radius=_toned(brief, chance, "radius", _RADII, _SQUARE_TO_ROUND),
        ratio=chance.pick("ratio", (1.25, 1.272, 1.3, 1.32)),
        density=chance.pick("density", (0.95, 1.05, 1.15)),
        sections=_sections(brief, kind, chance),
        leads_with_name=bool(brief.name) and chance.pick("lead", (True, False, False)),
        headline=chance.whole("headline"),
    )


def _toned(
    brief: Brief,
    chance: Chance,
    key: str,
    table: Mapping[str, tuple[Choice, ...]],
    default: tuple[Choice, ...],
) -> Choice:
    """A choice among those that fit the tones of the brief, among all of `default` where none says more."""
    fitting = tuple(option for tone in sorted(brief.tones) for option in table.get(tone, ()))
    return chance.pick(key, fitting or default)


def _ordered_colours(brief: Brief) -> Colours:
    if "plain" in brief.tones and not brief.colours.accents:
        return Colours(("#000000",), brief.colours.ground, brief.colours.scheme)
    return brief.colours


def _scheme(brief: Brief) -> str:
    if brief.colours.scheme or not brief.colours.ground:
        return brief.colours.scheme
    return "dark" if lightness(brief.colours.ground) < _MIDDLE else "light"


def _sections(brief: Brief, kind: Kind, chance: Chance) -> tuple[Section, ...]:
    names = [name for name in (*kind.sections.split(),) if name not in brief.refused]
    wished = [name for name in VARIANTS if name in brief.asked and name not in names]
    at = next(
        (index for index, name in enumerate(names) if name in {"faq", "newsletter", "contact"}), len(names)
    )
    ordered = names[:at] + wished + names[at:]
    rhythm = chance.pick("rhythm", RHYTHMS)
    rich = not _PICTURED.isdisjoint(ordered)
    return tuple(
        Section(
            name,
            chance.pick(f"variant.{name}", _variants(name, rich=rich, terse=bool(brief.offers))),
            rhythm[index % len(rhythm)],
        )
        for index, name in enumerate(ordered)
    )


def _variants(name: str, *, rich: bool, terse: bool) -> tuple[str, ...]:
    """`rich`: the page has pictures elsewhere; `terse`: the offers are names without a description."""
    if name == "offers" and terse:
        return ("pictured",)
    return tuple(variant for variant in VARIANTS[name] if rich or variant != _PLAIN.get(name))
