"""What each section says and shows: one builder a section, from the copy banks and the brief's own words."""

from collections.abc import Callable
from dataclasses import dataclass

from webmint_cli.composer.art import Scene, draw, draw_item, draw_map
from webmint_cli.composer.brief import Brief
from webmint_cli.composer.chance import Chance
from webmint_cli.composer.copybank import Copy
from webmint_cli.composer.direction import Direction, Section

Part = dict[str, object]
"""The values of a section's template; `head` and `sample` are always there, "" where there is nothing to say."""

_OPENINGS = {
    "bakery": ("", "06:30–18:00", "06:30–18:00", "06:30–18:00", "06:30–18:00", "06:30–14:00", "08:00–12:00"),
    "cafe": ("08:00–18:00", "08:00–18:00", "08:00–18:00", "08:00–18:00", "08:00–22:00", "09:00–22:00", "09:00–18:00"),
    "restaurant": ("", "17:30–23:00", "17:30–23:00", "17:30–23:00", "12:00–23:00", "12:00–23:00", "12:00–21:00"),
    "gym": ("06:30–22:00",) * 5 + ("08:00–20:00", "08:00–18:00"),
    "salon": ("", "09:00–18:00", "09:00–18:00", "09:00–20:00", "09:00–20:00", "09:00–15:00", ""),
}  # fmt: skip
_OFFICE = ("08:30–17:30", "08:30–17:30", "08:30–13:00", "08:30–17:30", "08:30–15:00", "", "")
_CLASS_TIMES = ("07:00", "12:15", "17:30", "19:00")
_PRICES = (12, 18, 24, 9, 15, 30, 21, 36)
_PLANS = (0, 19, 49)
_TRUE_COPY = frozenset({"tool"})
"""Families whose copy describes what the page itself does, so nothing in it is a sample."""
_PICTURE_SIZES = ("landscape", "portrait", "square", "landscape", "square", "landscape")


@dataclass(frozen=True, slots=True)
class Item:
    name: str
    text: str = ""
    price: str = ""
    cents: int = 0
    picture: Scene | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything a builder works from."""

    brief: Brief
    direction: Direction
    copy: Copy
    chance: Chance

    @property
    def motifs(self) -> tuple[str, ...]:
        return tuple(self.direction.kind.motifs.split())

    @property
    def offers(self) -> list[Item]:
        """What the brief lists, or the bank's samples."""
        own = [Item(name) for name in self.brief.offers]
        items = own or [Item(name, text) for name, text in self.copy.kind["offers"]]
        return items[: self.brief.count] if self.brief.count else items

    def variant(self, name: str) -> str:
        """How the section is laid out, "" if the page does without it."""
        return next((section.variant for section in self.direction.sections if section.name == name), "")

    def sample(self, name: str) -> str:
        return str(self.copy.frame["sample"][name])

    def head(self, name: str) -> str:
        return str(self.copy.frame["heads"][name])

    def price(self, amount: float) -> str:
        return f"{amount:.2f}".replace(".", self.copy.frame["number"])


def build(section: Section, desk: Desk) -> Part:
    return _BUILDERS[section.name](desk)


def _priced(desk: Desk) -> list[Item]:
    prices = desk.direction.kind.prices or _PRICES
    return [
        Item(
            item.name, item.text, desk.price(prices[at % len(prices)]), round(prices[at % len(prices)] * 100)
        )
        for at, item in enumerate(desk.offers)
    ]


def _pictured(desk: Desk, items: list[Item], key: str) -> list[Item]:
    turn = desk.chance.whole(f"{key}.turn")
    return [
        Item(
            item.name,
            item.text,
            item.price,
            item.cents,
            draw_item(desk.motifs[(turn + at) % len(desk.motifs)], desk.chance, f"{key}{at}"),
        )
        for at, item in enumerate(items)
    ]


def _menu(desk: Desk) -> Part:
    return {
        "head": desk.copy.kind["offers_head"],
        "sample": desk.sample("prices"),
        "entries": _priced(desk),
        "picture": draw(desk.motifs, desk.chance, "menu", "portrait"),
    }


def _offers(desk: Desk) -> Part:
    return {
        "head": desk.copy.kind["offers_head"],
        "sample": "" if desk.brief.offers else desk.sample("text"),
        "entries": _pictured(desk, desk.offers, "offers"),
        "picture": draw(desk.motifs[1:], desk.chance, "offers", "portrait"),
    }


def _about(desk: Desk) -> Part:
    head, *paragraphs = desk.copy.family["about"]
    size = "wide" if desk.variant("about") == "wide" else "landscape"
    return {
        "head": head,
        "sample": desk.sample("text"),
        "paragraphs": paragraphs,
        "picture": draw(desk.motifs[::-1], desk.chance, "about", size),
    }


def _gallery(desk: Desk) -> Part:
    names = [item.name for item in desk.offers]
    count = desk.brief.count or min(len(names), 5)
    style = desk.chance.whole("gallery.style")
    entries = [
        Item(
            names[at % len(names)],
            picture=draw(
                (desk.motifs * 2)[at % len(desk.motifs) :],
                desk.chance,
                f"gallery{at}",
                _PICTURE_SIZES[at % len(_PICTURE_SIZES)],
                style=style + at,
            ),
        )
        for at in range(count)
    ]
    return {"head": desk.head("gallery"), "sample": desk.sample("gallery"), "entries": entries}


def _steps(desk: Desk) -> Part:
    head, *steps = desk.copy.family["steps"]
    return {
        "head": head,
        "sample": "",
        "entries": [Item(name, text) for name, text in steps],
        "picture": draw(desk.motifs[2:] + desk.motifs[:2], desk.chance, "steps"),
    }


def _schedule(desk: Desk) -> Part:
    gathering = desk.direction.kind.family == "gathering"
    sessions = [{"time": time, "name": name} for time, name in desk.copy.frame["sessions"]]
    days = desk.copy.frame["days"][:5]
    names = [item.name for item in desk.offers]
    rows = [
        {"time": time, "cells": [_class(desk, names, f"{time}{day}") for day in range(len(days))]}
        for time in _CLASS_TIMES
    ]
    return {
        "head": desk.head("schedule"),
        "sample": desk.sample("schedule"),
        "sessions": sessions if gathering else [],
        "days": days,
        "rows": rows,
    }


def _class(desk: Desk, names: list[str], key: str) -> str:
    return "" if desk.chance.whole(f"{key}.free") % 4 == 0 else desk.chance.pick(key, names)


def _hours(desk: Desk) -> Part:
    openings = _OPENINGS.get(desk.direction.kind.name, _OFFICE)
    closed = desk.copy.frame["closed"]
    rows = [
        {"day": day, "text": opening or closed}
        for day, opening in zip(desk.copy.frame["days"], openings, strict=True)
    ]
    maps = desk.variant("hours") == "map"
    return {
        "head": desk.head("hours"),
        "sample": desk.sample("hours"),
        "rows": rows,
        "picture": draw_map(desk.chance) if maps else draw(desk.motifs, desk.chance, "hours"),
        "caption": desk.sample("map") if maps else "",
    }


def _pricing(desk: Desk) -> Part:
    prices = desk.direction.kind.prices
    amounts = prices if len(prices) == len(_PLANS) else _PLANS
    names = [item.name for item in desk.offers]
    plans = [
        {
            "name": name,
            "text": text,
            "price": f"{amount:g}" if amount else desk.copy.frame["free"],
            "features": names[: 2 + at],
            "action": desk.copy.frame["choose"].format(plan=name),
        }
        for at, ((name, text), amount) in enumerate(zip(desk.copy.frame["plans"], amounts, strict=True))
    ]
    return {
        "head": desk.head("pricing"),
        "sample": desk.sample("prices"),
        "plans": plans,
        "target": "contact" if desk.variant("contact") else "",
    }


def _products(desk: Desk) -> Part:
    return {
        "head": desk.copy.kind["offers_head"],
        "sample": desk.sample("prices" if desk.brief.offers else "products"),
        "entries": _pictured(desk, _priced(desk), "products"),
        "zero": desk.price(0),
    }


def _posts(desk: Desk) -> Part:
    items = [
        Item(
            item.name,
            item.text,
            picture=draw((desk.motifs * 2)[at % 4 :], desk.chance, f"post{at}", style=at),
        )
        for at, item in enumerate(desk.offers)
    ]
    return {"head": desk.head("posts"), "sample": desk.sample("posts"), "entries": items}


def _faq(desk: Desk) -> Part:
    entries = [Item(question, answer) for question, answer in desk.copy.family["faq"]]
    holds = desk.direction.kind.family in _TRUE_COPY
    return {"head": desk.head("faq"), "sample": "" if holds else desk.sample("text"), "entries": entries}


def _form(desk: Desk, name: str) -> Part:
    size = "wide" if name == "newsletter" else "square"
    return {
        "head": desk.head(name),
        "sample": "",
        "picture": draw(desk.motifs[1:], desk.chance, name, size),
    }


def _app(desk: Desk, name: str) -> Part:
    return {"head": desk.copy.frame["nav"][name], "sample": ""}


_BUILDERS: dict[str, Callable[[Desk], Part]] = {
    "menu": _menu,
    "offers": _offers,
    "about": _about,
    "gallery": _gallery,
    "steps": _steps,
    "schedule": _schedule,
    "hours": _hours,
    "pricing": _pricing,
    "products": _products,
    "posts": _posts,
    "faq": _faq,
    "newsletter": lambda desk: _form(desk, "newsletter"),
    "contact": lambda desk: _form(desk, "contact"),
    "todo": lambda desk: _app(desk, "todo"),
    "calculator": lambda desk: _app(desk, "calculator"),
}
