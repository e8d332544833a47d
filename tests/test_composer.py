"""The embedded composer: what every page it makes must hold, whatever the prompt."""

import itertools
import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from coloraide import Color
from hypothesis import given, settings
from hypothesis import strategies as st

from webmint_cli.composer import Composition, compose
from webmint_cli.composer.kinds import KINDS, Kind
from webmint_cli.composer.palette import PAIRS, STRATEGIES, Strategy, make_palette
from webmint_cli.reply.contract import read_plan, write_reply

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
SHAPES = {"path", "circle", "rect", "ellipse", "use"}
BAKERY = "A bakery in Lyon called Boulangerie Lumière, warm colours, opening hours and a contact form"
PROMPTS = (
    BAKERY,
    "Portfolio for photographer Ana Ruiz in São Paulo, black and white",
    "Zahnarztpraxis Dr. Weber in Köln, hellblau",
    "Un restaurant à Marseille appelé « Chez Nadia », fond vert",
    "Una tienda llamada Barro en Sevilla que vende platos, jarras y tazas",
    "Uno studio legale a Torino chiamato Rossi & Bianchi, colori blu scuro",
    "Um estúdio de yoga chamado Lua em Lisboa",
    "Tech conference called Northern Build in Gothenburg, bold colours",
    "SaaS landing page for invoice tracking for freelancers, teal accent",
    "A to-do app with a dark theme",
    "A calculator",
    "A blog about slow travel",
    "Coming soon page for a board game café called Meeple",
    "A website for a beekeeping museum in Kent",
)


class Page(HTMLParser):
    """An HTML document as a flat list of elements, with the checks that need a walk."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.faults: list[str] = []
        self.texts: dict[str, str] = {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if len(attributes) != len(attrs):
            self.faults.append(f"attribute twice on {tag}")
        self.elements.append((tag, attributes))
        if tag not in VOID and tag not in SHAPES:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"unexpected </{tag}>")

    def handle_data(self, data: str) -> None:
        if self.open:
            self.texts[self.open[-1]] = self.texts.get(self.open[-1], "") + data

    def all(self, *tags: str) -> list[dict[str, str]]:
        return [attributes for tag, attributes in self.elements if tag in tags]

    def meta(self, name: str) -> str:
        return next(
            meta["content"] for meta in self.all("meta") if name in {meta.get("name"), meta.get("property")}
        )

    @property
    def ids(self) -> list[str]:
        return [attributes["id"] for _, attributes in self.elements if "id" in attributes]


def page_of(prompt: str, seed: int = 0) -> Page:
    return Page(compose(prompt, seed=seed).files["index.html"])


def sections_of(prompt: str, seed: int = 0) -> set[str]:
    classes = [section["class"].split() for section in page_of(prompt, seed).all("section")]
    return {names[1] for names in classes if names[0] == "section"}


def faults(composition: Composition) -> list[str]:  # noqa: C901 - a checklist, one line a rule
    """Everything that breaks the floor."""
    html, script = composition.files["index.html"], composition.files["script.js"]
    page = Page(html)
    found = list(page.faults) + [f"left open: {tag}" for tag in page.open]
    if not html.startswith("<!doctype html>\n"):
        found.append("doctype")
    if not page.all("html")[0].get("lang") or not page.meta("viewport"):
        found.append("lang or viewport")
    found += [f"{tag} not once" for tag in ("h1", "main", "title", "footer") if len(page.all(tag)) != 1]
    if not 15 <= len(page.texts["title"]) <= 60:
        found.append(f"title of {len(page.texts['title'])}: {page.texts['title']}")
    if not 50 <= len(page.meta("description")) <= 160:
        found.append(f"description of {len(page.meta('description'))}")
    if len(page.ids) != len(set(page.ids)):
        found.append("id twice")
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch(r"h[1-6]", tag)]
    found += [f"h{low} to h{high}" for low, high in itertools.pairwise(levels) if high > low + 1]
    for tag, attributes in page.elements:
        for name, value in attributes.items():
            if name.startswith("on"):
                found.append(f"inline handler {name}")
            if name in {"href", "src", "action"} and re.match(
                r"\s*(?:https?:|//|javascript:)", value, re.IGNORECASE
            ):
                found.append(f"{name}={value}")
            targets = value.split() if name in {"for", "aria-labelledby", "aria-describedby"} else []
            targets += [value[1:]] if name in {"href", "action"} and value.startswith("#") else []
            found += [f"no target {target}" for target in targets if target not in page.ids]
        if tag in {"input", "textarea"} and "autocomplete" not in attributes:
            found.append("no autocomplete")
    labelled = {label["for"] for label in page.all("label")}
    found += [
        f"no label: {field['id']}" for field in page.all("input", "textarea") if field["id"] not in labelled
    ]
    if [part.get("src") for part in page.all("script")] != [None, "script.js"] or page.all(
        "img", "iframe", "object"
    ):
        found.append("foreign element")
    found += [
        f"{path} does not end in a newline" for path, text in composition.files.items() if text[-1:] != "\n"
    ]
    found += ["tildes" for text in composition.files.values() if re.search(r"^~{5}", text, re.MULTILINE)]
    if len(script) >= 8192:
        found.append(f"script of {len(script)}")
    return found


@pytest.mark.parametrize("prompt", PROMPTS)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_page_keeps_the_floor(prompt: str, seed: int) -> None:
    assert faults(compose(prompt, seed=seed)) == []


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "it", "pt"])
def test_every_kind_speaks_every_language(kind: str, language: str) -> None:
    names = {
        "en": "English",
        "de": "German",
        "fr": "French",
        "es": "Spanish",
        "it": "Italian",
        "pt": "Portuguese",
    }
    words = KINDS[kind].words.replace("*", "").replace("_", " ").split()
    composition = compose(f"{words[0] if words else 'Thing'} in {names[language]}")
    assert composition.brief.language == language
    assert Page(composition.files["index.html"]).all("html") == [{"lang": language}]
    assert faults(composition) == []


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=300), st.integers(0, 9))
def test_any_text_gives_a_sound_page(prompt: str, seed: int) -> None:
    assert faults(compose(prompt, seed=seed)) == []


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(
        ["called ", 'A shop named "', "Café ", "a bakery in ", "selling soap, ", "for ", "about "]
    ),
    st.text("<>&\"'`{}%#|=~/\\ \u2028\x00aA😀-", max_size=60),
)
def test_markup_in_names_stays_text(start: str, hostile: str) -> None:
    assert faults(compose(start + hostile)) == []


@pytest.mark.parametrize(
    "prompt",
    [
        "</script><img src=x onerror=alert(1)>",
        'A bakery called "</title><script>alert(1)</script>"',
        'A shop called "{{ 7*7 }}" in {% raw %}',
        '"\'--></style><svg onload=alert(1)>" restaurant',
        "A café named </script><script>alert(1)</script>, in <b>Lyon</b>",
        "~~~~~\n~~~~~ html path=x\n~~~~~",
        "🍞🥐🍰",
        "",
        " \n\t ",
        "\x00\x1b[31m\u202e",
        "bakery " * 15_000,
    ],
)
def test_hostile_prompts_give_a_sound_page(prompt: str) -> None:
    composition = compose(prompt)
    html = composition.files["index.html"]
    assert faults(composition) == []
    assert "alert(1)" not in composition.files["script.js"] + composition.files["styles.css"]
    assert not re.search(r"<(?:img|b>|svg onload|script>)", html)
    assert "49" not in Page(html).texts["title"]


def test_a_name_is_escaped_and_shown() -> None:
    html = compose('A shop called "<i>Fig & Fern</i>"').files["index.html"]
    assert "&lt;i&gt;Fig &amp; Fern&lt;/i&gt;" in html
    assert "<i>" not in html


def test_the_same_prompt_and_seed_give_the_same_files() -> None:
    assert compose(BAKERY, seed=7) == compose(BAKERY, seed=7)


def test_another_process_gives_the_same_files() -> None:
    program = "import sys; from webmint_cli.composer import compose; print(repr(compose(sys.argv[1]).files), end='')"
    runs = [
        subprocess.run(
            [sys.executable, "-X", "utf8", "-c", program, BAKERY],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": "."},
            capture_output=True,
            encoding="utf-8",
            check=True,
        ).stdout
        for seed in ("1", "2")
    ]
    assert runs[0] == runs[1] == repr(compose(BAKERY).files)


def test_seeds_differ_in_layout_colour_and_type() -> None:
    plans = [compose(BAKERY, seed=seed) for seed in range(24)]
    heroes = {page_of(BAKERY, seed).all("section")[0]["class"] for seed in range(24)}
    assert len({composition.plan.palette for composition in plans}) > 20
    assert len({composition.plan.fonts for composition in plans}) >= 7
    assert len(heroes) >= 6


def test_prompts_differ() -> None:
    assert len({compose(prompt).files["styles.css"] for prompt in PROMPTS}) == len(PROMPTS)


def test_importing_is_cheap() -> None:
    program = "import sys, webmint_cli.composer; print([name for name in ('jinja2', 'coloraide') if name in sys.modules])"
    run = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": "."}, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == "[]"


@pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES)
@pytest.mark.parametrize(
    "ordered", [(), ("#ffff00",), ("#000000",), ("#0000ff", "#ff8800"), ("#808080",), ("#f3e9d2",)]
)
def test_every_text_reaches_four_and_a_half_to_one_in_both_schemes(
    strategy: Strategy, ordered: tuple[str, ...]
) -> None:
    for hue in range(0, 360, 45):
        for ground in ("", "#123c69", "#fff4c2") if hue == 0 else ("",):
            palette = make_palette(strategy, hue, ordered, ground)
            for colours in (palette.light, palette.dark):
                for text, paper in PAIRS:
                    ratio = Color(colours[text]).contrast(colours[paper], method="wcag21")
                    assert ratio >= 4.5, (text, colours[text], paper, colours[paper])


def test_the_stylesheet_holds_both_schemes() -> None:
    css = compose("A bakery in Lyon").files["styles.css"]
    assert "prefers-color-scheme: dark" in css
    assert css.count("--ground: #") == 2


@pytest.mark.parametrize(
    ("prompt", "scheme"), [("A bakery, dark mode", "dark"), ("A bakery with a light theme", "light")]
)
def test_an_ordered_scheme_is_the_only_one_on_screen(prompt: str, scheme: str) -> None:
    css = compose(prompt).files["styles.css"]
    assert f"color-scheme: {scheme};" in css
    assert "prefers-color-scheme" not in css


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_no_default_violet(kind: Kind) -> None:
    word = kind.words.replace("*", "").replace("_", " ").split()[0] if kind.words else "thing"
    for seed in range(5):
        fill = Color(compose(f"A {word}", seed=seed).plan.palette.split()[3]).convert("oklch")
        assert not 270 <= fill["hue"] <= 300


def test_texts_are_tinted_rather_than_black() -> None:
    palette = make_palette(STRATEGIES["mono"], 150, (), "")
    assert {palette.light["ink"], palette.light["accent"], palette.dark["accent"]}.isdisjoint(
        {"#000000", "#ffffff"}
    )


@pytest.mark.parametrize(
    ("prompt", "name", "place"),
    [
        (BAKERY, "Boulangerie Lumière", "Lyon"),
        ("Ein Café namens Morgenrot in Leipzig", "Morgenrot", "Leipzig"),
        ("Un restaurant à Marseille appelé « Chez Nadia »", "Chez Nadia", "Marseille"),
        ("Una panadería llamada Trigo en Sevilla", "Trigo", "Sevilla"),
        ("Uno studio legale a Torino chiamato Rossi & Bianchi", "Rossi & Bianchi", "Torino"),
        ("Um estúdio de yoga chamado Lua em Lisboa", "Lua", "Lisboa"),
        ("Fern & Fig, a plant shop in Bristol", "Fern & Fig", "Bristol"),
        ("Harbour Dental is a dental clinic in Leeds", "Harbour Dental", "Leeds"),
        ("Portfolio for photographer Ana Ruiz in New York", "Ana Ruiz", "New York"),
        ("Café Morgenrot in Frankfurt am Main", "Café Morgenrot", "Frankfurt am Main"),
        ("Zahnarztpraxis Dr. Weber in Köln", "Zahnarztpraxis Dr. Weber", "Köln"),
        ('Website for "the Red Lion", a pub', "the Red Lion", ""),
        ("A bakery", "", ""),
        ("Eine Bäckerei in Dunkelblau", "", ""),
        ("A site in German for a hairdresser", "", ""),
    ],
)
def test_names_and_places(prompt: str, name: str, place: str) -> None:
    brief = compose(prompt).brief
    assert (brief.name, brief.place) == (name, place)


@pytest.mark.parametrize(
    ("prompt", "kind", "language"),
    [
        ("Yoga studio in Ghent, calm green", "gym", "en"),
        ("Eine Landbäckerei in Köln mit Speisekarte", "bakery", "de"),
        ("A coffee shop with a blog", "cafe", "en"),
        ("Une boutique de vêtements à Paris", "shop", "fr"),
        ("Una clínica dental en Madrid", "clinic", "es"),
        ("Un parrucchiere a Roma", "salon", "it"),
        ("Uma escola de línguas no Porto", "course", "pt"),
        ("A to-do app", "todo", "en"),
        ("Ein Taschenrechner für die Schule", "calculator", "de"),
        ("A blue-collar union", "general", "en"),
        ("Not a restaurant, a bakery", "bakery", "en"),
        ("Ein Verein für Nachbarschaftsgärten", "nonprofit", "de"),
        ("a page in Spanish for a gym", "gym", "es"),
        ("A bakery called Boulangerie de la Lumière et du Pain", "bakery", "en"),
        ("パン屋のウェブサイト", "general", "en"),
    ],
)
def test_kind_and_language(prompt: str, kind: str, language: str) -> None:
    brief = compose(prompt).brief
    assert (brief.kind, brief.language) == (kind, language)


@pytest.mark.parametrize(
    ("prompt", "accents", "ground", "scheme"),
    [
        ("A bakery in dark blue and cream", ("#00008b", "#f3e9d2"), "", ""),
        ("A shop, accent #0a7", ("#00aa77",), "", ""),
        ("Un café, fond vert", (), "#2e7d43", ""),
        ("Eine Praxis, hellblau und weiß", ("#7fb2e5", "#ffffff"), "", ""),
        ("A bar serving red wine and green olives with friends", (), "", ""),
        ("A blue-collar union", (), "", ""),
        ("Un bar à vin rouge et blanc", (), "", ""),
        ("Una tienda en azul marino", ("#123c69",), "", ""),
        ("A chocolate shop with dark chocolate bars", (), "", ""),
        ("A dark, elegant restaurant page", (), "", "dark"),
        ("Ein Blog mit dunklem Hintergrund", (), "", "dark"),
        ("A light lunch bar", (), "", ""),
    ],
)
def test_colours(prompt: str, accents: tuple[str, ...], ground: str, scheme: str) -> None:
    colours = compose(prompt).brief.colours
    assert (colours.accents, colours.ground, colours.scheme) == (accents, ground, scheme)


@pytest.mark.parametrize(
    ("prompt", "absent", "present"),
    [
        ("A bakery without a gallery or contact form, with opening hours", {"gallery", "contact"}, {"hours"}),
        ("Ein Café ohne Galerie, aber mit Kontaktformular", {"gallery"}, {"contact"}),
        ("Un restaurant sans formulaire de contact", {"contact"}, {"menu"}),
        ("Una panadería sin horario", {"hours"}, {"contact"}),
        ("Un ristorante senza galleria", {"gallery"}, {"contact"}),
        ("Uma padaria sem galeria", {"gallery"}, {"contact"}),
        ("A law firm. No contact form. On second thought, with a contact form", set(), {"contact"}),
        ("A bakery with pricing and a newsletter", set(), {"pricing", "newsletter"}),
        (
            "A shop, no menu, no faq, no about page, no products",
            {"menu", "faq", "about", "products"},
            {"contact"},
        ),
    ],
)
def test_sections_asked_and_refused(prompt: str, absent: set[str], present: set[str]) -> None:
    for seed in range(3):
        sections = sections_of(prompt, seed)
        assert not sections & absent
        assert sections >= present


def test_what_the_brief_offers_is_what_the_page_offers() -> None:
    html = compose("A shop called Barro selling plates, jugs and soup bowls").files["index.html"]
    for offer in ("Plates", "Jugs", "Soup bowls"):
        assert f"<h3>{offer}</h3>" in html


@pytest.mark.parametrize("count", [3, 8])
def test_a_count_is_kept(count: int) -> None:
    html = compose(f"A photographer portfolio with {count} projects").files["index.html"]
    assert html.count("<figure>") == count


def test_a_long_prompt_is_read_up_to_a_bound() -> None:
    assert len(compose("bakery " * 15_000).brief.prompt) <= 4000


def test_only_given_addresses_appear() -> None:
    given_ = compose("A bakery in Lyon, hello@lumiere.example, +33 4 78 00 00 00").files["index.html"]
    assert "mailto:hello@lumiere.example" in given_
    assert "tel:+33478000000" in given_
    silent = compose("A bakery in Lyon").files["index.html"]
    assert "mailto:" not in silent
    assert "tel:" not in silent


def test_samples_are_marked() -> None:
    assert "Sample hours: replace with yours" in compose("A bakery with opening hours").files["index.html"]
    assert "Beispielzeiten" in compose("Eine Bäckerei mit Öffnungszeiten").files["index.html"]


def test_linked_data_is_of_the_right_type() -> None:
    html = compose('A bakery called "A</script>B" in Lyon').files["index.html"]
    found = re.search(r'<script type="application/ld\+json">(.*?)</script>', html)
    assert found
    data = json.loads(found[1])
    assert data["@type"] == "Bakery"
    assert data["name"] == "A</script>B"
    assert data["address"]["addressLocality"] == "Lyon"


def test_nothing_is_invented_or_hackneyed() -> None:
    banned = re.compile(
        r"lorem|unlock|elevat|seamless|testimonial|\d+[k+] (?:happy|customers)|John Doe|Acme|555-|—|★",
        re.IGNORECASE,
    )
    for prompt in PROMPTS:
        for seed in range(4):
            assert not banned.search(compose(prompt, seed=seed).files["index.html"])


def test_the_plan_survives_its_line() -> None:
    for prompt in (*PROMPTS, 'A shop called "A | B = C"'):
        composition = compose(prompt)
        first = next(iter(write_reply(composition.plan, composition.files)))
        assert read_plan(first) == composition.plan
        assert all(getattr(composition.plan, field) for field in ("title", "pages", "palette", "fonts"))


def test_files_come_in_the_order_of_the_contract() -> None:
    assert list(compose(BAKERY).files) == ["styles.css", "index.html", "script.js"]


@pytest.mark.parametrize(
    ("prompt", "title"),
    [
        ("Portfolio of a wildlife photographer called Ana Reis", "Ana Reis: Portfolio"),
        ("Website for a bakery in Lyon called Lumière", "Lumière: Bakery in Lyon"),
    ],
)
def test_a_title_ends_in_a_word_that_says_something(prompt: str, title: str) -> None:
    assert compose(prompt).plan.title == title
