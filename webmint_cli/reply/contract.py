"""What we ask of a model, and the same form written out for a reply that we make ourselves.

One plan line, then one fence of five tildes a file. Only a line of five or more tildes closes it, so
nothing in HTML, CSS, JavaScript or Markdown needs escaping; the stylesheet comes first, so the page is
styled from its first element. History records `VERSION` and `HASH` with every run.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

VERSION = "1"

CONTRACT = """\
You are a web designer and front-end engineer. From the brief you build a complete, finished website: \
plain HTML, CSS and JavaScript that works when its files are opened as they are. Write all visible text in \
the language of the brief.

FORMAT
Your whole answer is one plan line and then the files, nothing else. Each file begins after a line of five \
tildes with its type and path, and ends with a line of five tildes alone:

plan: title=<page title> | pages=index.html | palette=<four to six hex colours> | fonts=<heading stack>; <text stack>
~~~~~ css path=styles.css
(all styles)
~~~~~
~~~~~ html path=index.html
<!doctype html>
<html lang="en">
<head>(charset, viewport, title, description, icon)<link rel="stylesheet" href="styles.css"></head>
<body>(the page)<script src="script.js"></script></body>
</html>
~~~~~
~~~~~ js path=script.js
(all scripts)
~~~~~

The order is styles.css, index.html, further pages only if the brief asks for them, script.js last. \
Write each file once, whole, from its first character to its last: never escape anything, never abbreviate, \
never write "rest unchanged". Paths are relative. All pages share the one stylesheet.

CONTENT
- What the brief says is true; nothing else is. Invent no numbers, ratings, customers, quotes or people; \
where something is missing, mark a sample as a sample.
- Self-contained: no CDN, no remote fonts, images or scripts unless the brief asks. System font stacks, \
inline SVG and CSS instead.
- Every link leads somewhere, every control does something.

DESIGN
- Choose one direction that fits this brief and this trade, not a house style: a palette with a reason, a \
display and a text face that differ, one deliberate idea that a visitor would remember.
- Colours, type scale and spacing are custom properties in :root; clamp() for fluid type; grid and flex.
- Never: indigo-to-purple gradients, emoji as icons, three equal icon cards under a centred hero, gradient \
text, glass panels, lorem ipsum, "unlock", "elevate", "seamless".

ENGINEERING
- <!doctype html>, lang, charset, viewport, a title of 15 to 60 characters, a meta description, a favicon \
as inline SVG data.
- header, nav, main and footer landmarks; one h1 and no skipped level; label for every field; alt text; \
visible focus; targets of 24 px and more; text contrast of 4.5:1 and more.
- prefers-reduced-motion is honoured; no horizontal scrolling at 320 px; readable without JavaScript; no \
inline event handlers.

Begin every file with a line "~~~~~ type path=name" and end it with a line "~~~~~"."""

_GO_ON = """\
Your reply was cut off. It ended with exactly these lines, the last of which may be incomplete:

{last}

Go on from there. Begin your answer by repeating these lines exactly, then continue to the end of the last \
file, in the same format. Do not open the fence again, do not start over, write nothing else."""
_LAST_READ = 1000
_LAST_NEEDED = 40

HASH = hashlib.sha256(CONTRACT.encode()).hexdigest()[:16]

_KINDS = {".html": "html", ".css": "css", ".js": "js", ".svg": "svg", ".json": "json", ".txt": "text"}
_FENCE = "~~~~~"
_TILDES = re.compile(r"~{5,}")
_UNSAFE = re.compile(r"""[\s'}\]]""")


@dataclass(frozen=True, slots=True)
class Plan:
    """The plan line of a reply. Every field may be empty."""

    title: str = ""
    pages: str = ""
    palette: str = ""
    fonts: str = ""

    def __str__(self) -> str:
        fields = (f"{name}={getattr(self, name)}" for name in self.__slots__ if getattr(self, name))
        return "plan: " + " | ".join(fields)


def read_plan(line: str) -> Plan | None:
    """The plan of a `plan: …` line, None for any other line. A first field without a name is the title."""
    head, colon, rest = line.strip().partition(":")
    if not colon or head.strip("*_# ").lower() != "plan":
        return None
    if head.lstrip("# ").startswith(("*", "_")):
        rest = rest.strip("*_ ")
    first, *others = rest.split("|")
    named = f"title={first}" if others and "=" not in first else first
    pairs = (part.partition("=") for part in (named, *others))
    known = {name.strip().lower(): value.strip() for name, _, value in pairs}
    return Plan(**{name: known.get(name, "") for name in Plan.__slots__})


def write_reply(plan: Plan, files: Mapping[str, str]) -> Iterator[str]:
    """A reply in the contract's form, in pieces. A file that lacks a final newline gets one."""
    yield f"{plan}\n"
    for path, text in files.items():
        kind = _KINDS.get(PurePosixPath(path).suffix, "text")
        fence = "~" * max(len(_FENCE), 1 + max(map(len, _TILDES.findall(text)), default=0))
        yield f'{fence} {kind} path="{path}"\n' if _UNSAFE.search(path) else f"{fence} {kind} path={path}\n"
        yield text if text.endswith("\n") else text + "\n"
        yield f"{fence}\n"


def messages(prompt: str, received: str = "") -> list[dict[str, str]]:
    """The conversation that asks for a site, or for the rest of one of which `received` came."""
    asked = [{"role": "system", "content": CONTRACT}, {"role": "user", "content": prompt}]
    if not received:
        return asked
    last = "\n".join(last_lines(received))
    return [
        *asked,
        {"role": "assistant", "content": received},
        {"role": "user", "content": _GO_ON.format(last=last)},
    ]


def last_lines(received: str) -> list[str]:
    """The last lines of a cut reply, enough of them to be recognised: the last one may be half."""
    lines = received[-_LAST_READ:].split("\n")
    for count in range(2, len(lines) + 1):
        if sum(len(line.strip()) for line in lines[-count:]) >= _LAST_NEEDED:
            return lines[-count:]
    return lines
