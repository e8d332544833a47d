"""Design tokens: the custom properties that every stylesheet of the composer is written against."""

from dataclasses import dataclass

from webmint_cli.composer.direction import Direction
from webmint_cli.composer.palette import Palette, make_palette

_NARROW, _WIDE = 320, 1280
_BASE = (16.5, 18.0)
_STEPS = range(-1, 7)
_NARROW_RATIO = 1.17
_SPACES = {"3xs": 0.25, "2xs": 0.5, "xs": 0.75, "s": 1, "m": 1.5, "l": 2.25, "xl": 3.5, "2xl": 5, "3xl": 7.5}


@dataclass(frozen=True, slots=True)
class Tokens:
    """`shared` are custom properties without a scheme; a scheme of "" means both, by preference."""

    palette: Palette
    shared: dict[str, str]
    scheme: str

    def css(self) -> str:
        """The `:root` rules."""
        light, dark = _colours(self.palette.light), _colours(self.palette.dark)
        shared = "".join(f"  --{name}: {value};\n" for name, value in self.shared.items())
        if self.scheme:
            chosen = dark if self.scheme == "dark" else light
            return f":root {{\n  color-scheme: {self.scheme};\n{shared}{chosen}}}\n" + _print(light) * (
                chosen is dark
            )
        return (
            f":root {{\n  color-scheme: light dark;\n{shared}{light}}}\n"
            f"@media screen and (prefers-color-scheme: dark) {{\n:root {{\n{dark}}}\n}}\n"
        )


def make_tokens(direction: Direction) -> Tokens:
    colours = direction.colours
    palette = make_palette(
        direction.strategy, direction.hue, colours.accents, colours.ground, pigment=direction.kind.pigment
    )
    faces = direction.faces
    shared = {
        "display": faces.display,
        "text": faces.text,
        "display-weight": str(faces.weight),
        "tracking": f"{faces.tracking}em",
        "radius": direction.radius,
        **{f"step-{step}": _fluid(*_sizes(step, direction.ratio)) for step in _STEPS},
        **{
            f"space-{name}": _fluid(16 * size * 0.8, 16 * size * direction.density)
            for name, size in _SPACES.items()
        },
    }
    return Tokens(palette, shared, direction.scheme)


def _colours(colours: dict[str, str]) -> str:
    return "".join(f"  --{role}: {colour};\n" for role, colour in colours.items())


def _print(light: str) -> str:
    return f"@media print {{\n:root {{\n  color-scheme: light;\n{light}}}\n}}\n"


def _sizes(step: int, ratio: float) -> tuple[float, float]:
    return _BASE[0] * _NARROW_RATIO**step, _BASE[1] * ratio**step


def _fluid(low: float, high: float) -> str:
    """A size that grows from `low` px at 320 px of width to `high` px at 1280 px, in rem for zoom's sake."""
    slope = (high - low) / (_WIDE - _NARROW)
    start = low - slope * _NARROW
    return f"clamp({low / 16:.3f}rem, {start / 16:.3f}rem + {slope * 100:.3f}vw, {high / 16:.3f}rem)"
