"""Colours for both schemes, in OKLCH, with the lightness of every text solved against its grounds."""

from dataclasses import dataclass

LEAST = 4.55
"""WCAG 2.2 asks for 4.5:1; the rest is room for rounding."""

PAIRS = tuple(
    (text, ground)
    for grounds, texts in (
        (("ground", "surface", "tint"), ("ink", "muted", "accent")),
        (("band",), ("band-ink", "band-muted", "band-accent")),
        (("fill",), ("fill-ink",)),
    )
    for ground in grounds
    for text in texts
)
"""Every (text, ground) pair that the stylesheets use."""

_BLACK, _WHITE = "#000000", "#ffffff"
_GREY = 0.03
_NEARLY = 3.0

Lightness = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Strategy:
    """How a palette is built; pairs are OKLCH (lightness, chroma), `second` is a hue shift in degrees."""

    name: str
    ground: Lightness
    tint: Lightness
    band: Lightness
    fill: Lightness
    second: int


STRATEGIES = {
    strategy.name: strategy
    for strategy in (
        Strategy("mono", (0.985, 0.006), (0.925, 0.030), (0.290, 0.050), (0.540, 0.130), 12),
        Strategy("analogous", (0.980, 0.008), (0.930, 0.045), (0.360, 0.075), (0.580, 0.150), 42),
        Strategy("split", (0.985, 0.004), (0.935, 0.030), (0.330, 0.055), (0.600, 0.160), 150),
        Strategy("paper", (0.962, 0.009), (0.910, 0.022), (0.240, 0.018), (0.480, 0.135), 200),
        Strategy("ink", (0.995, 0.000), (0.945, 0.008), (0.190, 0.015), (0.620, 0.185), 75),
        Strategy("duotone", (0.950, 0.026), (0.890, 0.055), (0.430, 0.105), (0.440, 0.120), 180),
        Strategy("pastel", (0.970, 0.018), (0.905, 0.055), (0.860, 0.080), (0.680, 0.120), -50),
        Strategy("highkey", (1.000, 0.000), (0.960, 0.018), (0.860, 0.130), (0.800, 0.165), 100),
    )
}


@dataclass(frozen=True, slots=True)
class Palette:
    """Role → hex for the light and for the dark scheme. The roles are those of `PAIRS` and the art's."""

    light: dict[str, str]
    dark: dict[str, str]


@dataclass(frozen=True, slots=True)
class Hues:
    """What a palette starts from: main and second hue, a factor on all chroma, and the colours ordered."""

    main: float
    second: float
    chroma: float
    fill: Lightness
    ground: Lightness | None
    ground_hue: float


def make_palette(
    strategy: Strategy, hue: float, ordered: tuple[str, ...] = (), ground: str = "", *, pigment: float = -1
) -> Palette:
    """A palette of `strategy` around `hue` (degrees), or around the hex colours that the brief orders.

    `pigment` is the hue of things whose colour everybody knows, such as bread; -1 where the art is free.
    """
    hues = _hues(strategy, hue, ordered, ground)
    light, dark = _light(strategy, hues), _dark(strategy, hues)
    if pigment >= 0 and hues.chroma:
        light |= {"art-1": _hex(0.66, 0.13, pigment), "art-5": _hex(0.83, 0.09, pigment + 12)}
        dark |= {"art-1": _hex(0.68, 0.12, pigment), "art-5": _hex(0.55, 0.08, pigment + 12)}
    return Palette(light, dark)


def contrast(text: str, ground: str) -> float:
    """The WCAG 2.x contrast ratio of two hex colours, 1 to 21."""
    from coloraide import Color  # 70 ms that only composing pays

    return float(Color(text).contrast(ground))


def lightness(colour: str) -> float:
    return _oklch(colour)[0]


def _hues(strategy: Strategy, hue: float, ordered: tuple[str, ...], ground: str) -> Hues:
    colours = [_oklch(colour) for colour in ordered]
    vivid = [colour for colour in colours if colour[1] > _GREY]
    page = _oklch(ground) if ground else None
    grey = bool(colours) and not vivid
    main = vivid[0] if vivid else (*strategy.fill, hue)
    second = vivid[1][2] if len(vivid) > 1 else _off_violet((main[2] + strategy.second) % 360)
    fill = (min(main[0], 0.88), main[1]) if vivid else _for_white(strategy.fill, hue)
    return Hues(
        main=main[2],
        second=second,
        chroma=0.0 if grey else 1.0,
        fill=(0.2, 0.0) if grey else fill,
        ground=page[:2] if page else None,
        ground_hue=page[2] if page else main[2],
    )


def _light(strategy: Strategy, hues: Hues) -> dict[str, str]:
    level, chroma = hues.ground or strategy.ground
    if hues.ground:
        level, chroma = max(level, 0.9), min(chroma, 0.07)
    elif _is_cream(hues.ground_hue):
        chroma *= 0.4
    band = _hex(strategy.band[0], strategy.band[1] * hues.chroma, hues.main)
    if not hues.chroma:
        band = _hex(0.2, 0, 0)
    grounds = {
        "ground": _hex(level, chroma * hues.chroma, hues.ground_hue),
        "surface": _hex(level - 0.03, (chroma + 0.006) * hues.chroma, hues.ground_hue),
        "tint": _hex(strategy.tint[0], strategy.tint[1] * hues.chroma, hues.second),
    }
    return _with_text(grounds, band, _hex(*hues.fill, hues.main), hues, dark=False) | {
        "line": _hex(level - 0.12, (chroma + 0.01) * hues.chroma, hues.ground_hue),
        "art-0": _hex(0.86, 0.065 * hues.chroma, hues.second),
        "art-1": _hex(*hues.fill, hues.main),
        "art-2": _hex(0.66, 0.13 * hues.chroma, hues.second),
        "art-3": _hex(0.975, 0.012 * hues.chroma, hues.second),
        "art-4": _hex(0.30, 0.06 * hues.chroma, hues.main),
        "art-5": _hex(0.80, 0.10 * hues.chroma, hues.main),
    }


def _dark(strategy: Strategy, hues: Hues) -> dict[str, str]:
    level, chroma = (0.18, 0.014)
    if hues.ground:
        level, chroma = min(hues.ground[0], 0.26), min(hues.ground[1], 0.05)
    grounds = {
        "ground": _hex(level, chroma * hues.chroma, hues.ground_hue),
        "surface": _hex(level + 0.035, (chroma + 0.004) * hues.chroma, hues.ground_hue),
        "tint": _hex(level + 0.085, 0.032 * hues.chroma, hues.second),
    }
    band = _hex(level + 0.13, min(strategy.band[1], 0.07) * hues.chroma, hues.main)
    fill = _hex(max(hues.fill[0], 0.66), hues.fill[1], hues.main) if hues.chroma else _hex(0.93, 0, 0)
    return _with_text(grounds, band, fill, hues, dark=True) | {
        "line": _hex(level + 0.16, (chroma + 0.01) * hues.chroma, hues.ground_hue),
        "art-0": _hex(0.36, 0.045 * hues.chroma, hues.second),
        "art-1": fill,
        "art-2": _hex(0.60, 0.11 * hues.chroma, hues.second),
        "art-3": _hex(0.90, 0.015 * hues.chroma, hues.second),
        "art-4": _hex(0.15, 0.03 * hues.chroma, hues.main),
        "art-5": _hex(0.52, 0.08 * hues.chroma, hues.main),
    }


def _with_text(grounds: dict[str, str], band: str, fill: str, hues: Hues, *, dark: bool) -> dict[str, str]:
    papers = tuple(grounds.values())
    ink, muted, accent = (0.95, 0.76, 0.80) if dark else (0.23, 0.50, hues.fill[0])
    band_is_dark = contrast(_WHITE, band) > contrast(_BLACK, band)
    band_levels = (0.97, 0.84, 0.86) if band_is_dark else (0.20, 0.38, 0.34)
    return grounds | {
        "band": band,
        "fill": fill,
        "ink": _readable(ink, 0.018 * hues.chroma, hues.main, papers),
        "muted": _readable(muted, 0.02 * hues.chroma, hues.main, papers),
        "accent": _readable(accent, max(hues.fill[1], 0.09) * hues.chroma, hues.main, papers),
        "band-ink": _readable(band_levels[0], 0.012 * hues.chroma, hues.main, (band,)),
        "band-muted": _readable(band_levels[1], 0.025 * hues.chroma, hues.main, (band,)),
        "band-accent": _readable(band_levels[2], 0.09 * hues.chroma, hues.second, (band,)),
        "fill-ink": _on(fill, hues),
    }


def _on(fill: str, hues: Hues) -> str:
    level = 0.985 if contrast(_WHITE, fill) >= LEAST else 0.2
    return _readable(level, 0.015 * hues.chroma, hues.main, (fill,))


def _readable(level: float, chroma: float, hue: float, grounds: tuple[str, ...]) -> str:
    """The colour nearest to `level` that reaches `LEAST` on every ground, away from the grounds."""
    poles = {pole: min(contrast(pole, ground) for ground in grounds) for pole in (_BLACK, _WHITE)}
    best = max(poles, key=lambda pole: poles[pole])
    step = 0.02 if best == _WHITE else -0.02
    while 0 < level < 1:
        colour = _hex(level, chroma, hue)
        if min(contrast(colour, ground) for ground in grounds) >= LEAST:
            return colour
        level += step
    return best


def _for_white(fill: Lightness, hue: float) -> Lightness:
    """A fill that nearly carries white text, darkened until it does; a light one stays for dark text."""
    level, chroma = fill
    if contrast(_WHITE, _hex(level, chroma, hue)) < _NEARLY:
        return fill
    while contrast(_WHITE, _hex(level, chroma, hue)) < LEAST + 0.2:
        level -= 0.01
    return level, chroma


def _off_violet(hue: float) -> float:
    """Violet is what every generated page wears: it comes only when the brief orders it."""
    return hue + 50 if 265 < hue < 315 else hue  # noqa: PLR2004 - OKLCH degrees of indigo to violet


def _is_cream(hue: float) -> bool:
    return 35 < hue < 110  # noqa: PLR2004 - OKLCH degrees from terracotta to yellow-green


def _hex(level: float, chroma: float, hue: float) -> str:
    from coloraide import Color

    colour = Color("oklch", [min(max(level, 0.0), 1.0), chroma, hue])
    return str(colour.fit("srgb", method="oklch-chroma").convert("srgb").to_string(hex=True))


def _oklch(colour: str) -> tuple[float, float, float]:
    from coloraide import Color

    level, chroma, hue = Color(colour).convert("oklch").coords(nans=False)
    return float(level), float(chroma), float(hue)
