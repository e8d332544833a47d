"""From page, sections and tokens to the three files of a site."""

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING
from urllib.parse import quote

from webmint_cli.composer.direction import Direction
from webmint_cli.composer.page import Page
from webmint_cli.composer.sections import Desk, build
from webmint_cli.composer.tokens import Tokens

if TYPE_CHECKING:
    from jinja2 import Environment

_SCRIPTS = {
    "contact": "form.js",
    "newsletter": "form.js",
    "products": "shop.js",
    "todo": "todo.js",
    "calculator": "calculator.js",
}
_FORMS = frozenset({"contact", "newsletter", "todo"})


def write_files(page: Page, desk: Desk, tokens: Tokens) -> dict[str, str]:
    """Path → text, in the order of the reply contract: the stylesheet first, the script last."""
    return {
        "styles.css": _styles(desk.direction, tokens),
        "index.html": _html(page, desk, tokens),
        "script.js": _script(desk.direction),
    }


def _html(page: Page, desk: Desk, tokens: Tokens) -> str:
    environment = _environment()
    colours = {"light": tokens.palette.light, "dark": tokens.palette.dark}
    icon = environment.get_template("favicon.svg.j2").render(page=page, colours=colours)
    return environment.get_template("page.html.j2").render(
        page=page,
        frame=desk.copy.frame,
        direction=desk.direction,
        colours=colours,
        favicon="data:image/svg+xml," + quote(icon.strip()),
        parts=[(section, build(section, desk)) for section in desk.direction.sections],
    )


def _styles(direction: Direction, tokens: Tokens) -> str:
    sections = [section.name for section in direction.sections]
    forms = ["form"] if _FORMS & set(sections) else []
    names = dict.fromkeys(("base", "hero", "layout", *forms, *sections, "end"))
    return tokens.css() + "".join(_resource("styles", f"{name}.css") for name in names)


def _script(direction: Direction) -> str:
    names = dict.fromkeys(
        _SCRIPTS[section.name] for section in direction.sections if section.name in _SCRIPTS
    )
    return "".join(_resource("scripts", name) for name in ("menu.js", *names))


@cache
def _resource(folder: str, name: str) -> str:
    source = files("webmint_cli.composer") / folder / name
    return source.read_text(encoding="utf-8") if source.is_file() else ""


@cache
def _environment() -> "Environment":
    from jinja2 import Environment, PackageLoader, StrictUndefined  # only composing pays for it

    return Environment(
        loader=PackageLoader("webmint_cli.composer"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
