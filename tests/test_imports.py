"""The layers of the house: imports point down only, and a start loads nothing heavy."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import webmint_cli

PACKAGE = Path(webmint_cli.__file__).parent
NAME = webmint_cli.__name__

# Top to bottom; a module may import from its own layer and from those below it.
LAYERS = [
    {"__main__"},
    {"cli"},
    {"render", "settings", "run", "replay", "server", "history"},
    {"engine", "journal", "folder", "deployments"},
    {"providers", "targets", "reply", "composer", "pacing"},
    {"hosting", "answers", "page", "site", "events", "errors", ""},
]
# Inside a layer, these point one way as well.
WITHIN = [
    ("run", "history"),
    ("settings", "history"),
    ("render", "history"),
    ("run", "replay"),
    ("engine", "journal"),
    ("engine", "folder"),
    ("journal", "folder"),
    ("targets", "providers"),
    ("providers", "targets"),
    ("targets", "pacing"),
    ("reply", "providers"),
    ("composer", "providers"),
    ("reply", "composer"),
    ("pacing", "providers"),
    ("pacing", "reply"),
    ("errors", "events"),
    ("errors", "page"),
    ("errors", "site"),
    ("page", "site"),
    ("page", "events"),
]


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py"))


def part_of(module: str) -> str:
    """The layer's own name of a module: `webmint_cli.reply.parser` is `reply`."""
    return module.removeprefix(NAME).lstrip(".").partition(".")[0]


def name_of(path: Path) -> str:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join((NAME, *parts)).removesuffix(".__init__")


def imports_of(path: Path) -> set[str]:
    """All modules that a file imports, also inside functions."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            module = node.module or ""
            found |= {f"{module}.{alias.name}" if module == NAME else module for alias in node.names}
    return found


def ours(path: Path) -> set[str]:
    return {part_of(module) for module in imports_of(path) if module.partition(".")[0] == NAME}


def layer_of(part: str) -> int:
    # `from webmint_cli import __version__` is of the package itself.
    part = "" if part.startswith("__version") else part
    return next(number for number, layer in enumerate(LAYERS) if part in layer)


@pytest.mark.parametrize("path", modules(), ids=name_of)
def test_imports_point_down(path: Path) -> None:
    own = part_of(name_of(path))
    upward = {part for part in ours(path) if layer_of(part) < layer_of(own)}
    within = {part for part in ours(path) if (own, part) in WITHIN}
    assert upward | within == set()


def test_every_module_has_a_layer() -> None:
    for path in modules():
        layer_of(part_of(name_of(path)))


def test_the_rule_finds_what_breaks_it(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text("def f():\n    from webmint_cli import engine\n    import webmint_cli.cli.generate\n")
    assert ours(path) == {"engine", "cli"}


@pytest.mark.parametrize(
    ("library", "place"),
    [
        ("rich", {"render"}),
        ("blake3", {"targets"}),
        ("typer", {"cli"}),
        ("openai", {"providers"}),
        ("httpx2", {"providers"}),
        ("jinja2", {"composer"}),
        ("coloraide", {"composer"}),
        ("starlette", {"server"}),
        ("uvicorn", {"server"}),
        ("sqlite3", {"history"}),
    ],
)
def test_a_library_is_imported_in_one_place(library: str, place: set[str]) -> None:
    users = {
        part_of(name_of(path))
        for path in modules()
        if library in {module.partition(".")[0] for module in imports_of(path)}
    }
    assert users <= place


def loaded_by(statement: str) -> set[str]:
    script = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    process = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(json.loads(process.stdout.splitlines()[-1]))


HEAVY = {
    "openai",
    "httpx2",
    "httpx",
    "rich",
    "jinja2",
    "coloraide",
    "platformdirs",
    "tomlkit",
    "ssl",
    "sqlite3",
    "starlette",
    "uvicorn",
}
LOOP = {"asyncio"}


def test_the_command_line_starts_without_anything_heavy() -> None:
    assert loaded_by("import webmint_cli.cli") & (HEAVY | LOOP) == set()


def test_the_version_is_answered_before_anything_is_imported() -> None:
    loaded = loaded_by(
        "import sys; sys.argv = ['webmint', '--version']\nfrom webmint_cli.__main__ import main\nmain()"
    )
    assert {name for name in loaded if name.startswith(NAME)} == {NAME, f"{NAME}.__main__"}
    assert "typer" not in loaded


def test_the_engine_needs_no_model_and_no_network() -> None:
    assert loaded_by("import webmint_cli.engine, webmint_cli.providers.composer") & (HEAVY - {"ssl"}) == set()
