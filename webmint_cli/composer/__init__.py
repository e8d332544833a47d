"""The embedded site composer: a website from a sentence, without a model and without a network.

The same prompt and seed give the same files, byte for byte. The steps are modules: `brief` reads the prompt,
`direction` chooses, `tokens` solves the colours and sizes, `sections` and `page` find the words and pictures,
`files` writes.
"""

from dataclasses import dataclass

from webmint_cli.composer.brief import Brief, read_brief
from webmint_cli.reply.contract import Plan

__all__ = ["Brief", "Composition", "compose"]

_PALETTE = ("ground", "ink", "accent", "fill", "tint", "band")


@dataclass(frozen=True, slots=True)
class Composition:
    """A finished site: what was understood, what was decided, and path → text in the contract's order."""

    brief: Brief
    plan: Plan
    files: dict[str, str]


def compose(prompt: str, *, seed: int = 0) -> Composition:
    """Make a site for any text. `seed` re-rolls every choice that the prompt leaves open."""
    from webmint_cli.composer.chance import Chance  # importing this package stays cheap
    from webmint_cli.composer.copybank import copy_for
    from webmint_cli.composer.direction import choose
    from webmint_cli.composer.files import write_files
    from webmint_cli.composer.page import make_page
    from webmint_cli.composer.sections import Desk
    from webmint_cli.composer.tokens import make_tokens

    brief = read_brief(prompt)
    chance = Chance(brief.prompt, seed)
    direction = choose(brief, chance)
    desk = Desk(brief, direction, copy_for(brief.language, direction.kind), chance)
    tokens, page = make_tokens(direction), make_page(desk)
    colours = tokens.palette.dark if tokens.scheme == "dark" else tokens.palette.light
    plan = Plan(
        title=page.title.replace("|", "/"),
        pages="index.html",
        palette=" ".join(colours[role] for role in _PALETTE),
        fonts=f"{direction.faces.display}; {direction.faces.text}",
    )
    return Composition(brief, plan, write_files(page, desk, tokens))
