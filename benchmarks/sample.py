"""A reply of any length that reads like one: no two stretches alike, an accent every few lines."""

import random
from collections.abc import Iterator

from webmint_cli.reply.contract import Plan, write_reply

PLAN = Plan(title="Boulangerie Lumière", pages="index.html")

_WORDS = (
    *(
        "bread",
        "flour",
        "oven",
        "morning",
        "square",
        "street",
        "counter",
        "rye",
        "crust",
        "butter",
        "salt",
        "water",
    ),
    *(
        "the",
        "a",
        "of",
        "and",
        "in",
        "with",
        "from",
        "until",
        "fresh",
        "slow",
        "warm",
        "early",
        "Lyon",
        "café",
        "pâte",
    ),
)
_FORMS = {"page": '  <p class="n{number}">{words}.</p>\n', "style": ".n{number} {{ --note: '{words}'; }}\n"}


def reply(size: int, *, form: str) -> str:
    """A reply of `size` characters, in the `contract` form or with the `backticks` that models fall back to."""
    return reply_of(site(size - len(reply_of(site(0), form=form))), form=form)


def reply_of(files: dict[str, str], *, form: str = "contract") -> str:
    if form == "contract":
        return "".join(write_reply(PLAN, files))
    kinds = {"styles.css": "css", "index.html": "html", "script.js": "js"}
    fences = (f"```{kinds[path]}\n{text}```\n\n" for path, text in files.items())
    return "Here is the site:\n\n" + "".join(fences)


def site(size: int) -> dict[str, str]:
    """A page, its stylesheet and its script, with `size` characters between the fixed parts."""
    style, body = text(size // 4, "style"), text(size - size // 4, "page")
    return {
        "styles.css": f"body {{ margin: 0 }}\n{style}\n",
        "index.html": (
            '<!doctype html>\n<html lang="fr">\n<head><title>Boulangerie</title>\n'
            '<link rel="stylesheet" href="styles.css">\n<script src="script.js" defer></script></head>\n'
            f"<body>\n{body}\n</body>\n</html>\n"
        ),
        "script.js": "document.body.dataset.ready = '1';\n",
    }


def text(size: int, kind: str = "page") -> str:
    """So many characters of lines of one kind."""
    pieces, length = [], 0
    for line in _lines(_FORMS[kind]):
        if length >= size:
            break
        pieces.append(line)
        length += len(line)
    return "".join(pieces)[:size]


def _lines(form: str) -> Iterator[str]:
    chance = random.Random(7)
    number = 0
    while True:
        number += 1
        yield form.format(number=number, words=" ".join(chance.choices(_WORDS, k=chance.randint(3, 15))))
