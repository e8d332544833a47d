"""Which targets there are, and that an installed plug-in of a few lines is one of them."""

from __future__ import annotations

import importlib
import sys
from typing import TYPE_CHECKING

import pytest
import target_runs
from target_runs import FILES, content, tree

from webmint_cli.errors import UsageError
from webmint_cli.targets import registry
from webmint_cli.targets.target import Options

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PLUGIN = '''
"""A target that puts a site on a shelf: one folder for each deployment."""

from pathlib import Path

from webmint_cli.events import Deployed, Planned
from webmint_cli.targets.narration import narrated
from webmint_cli.targets.target import Capacity


class Shelf:
    name = "shelf"
    capacity = Capacity()

    def __init__(self, place):
        self._place = Path(place)

    def deploy(self, site, project, options):
        async def work(report):
            report.say(f"Putting {project} on the shelf", 50, "upload")
            for asset in site.assets:
                place = self._place / project / asset.path
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(asset.read())
            return Deployed(str(self._place / project), "1", project, self.name, "production", 0.1)

        return narrated(work)

    def plan(self, site, project, options):
        async def work(report):
            new = tuple(sorted(asset.path for asset in site.assets))
            return Planned(self.name, project, "production", new, (), ())

        return narrated(work)


def target(environment):
    return Shelf(environment["SHELF"])
'''


@pytest.fixture
def install(tmp_path: Path) -> Iterator[Path]:
    """A folder of installed distributions: one that works, and one that does not."""
    site = tmp_path / "site-packages"
    for name, text in (("shelf", PLUGIN), ("broken", "import no_such_library\n")):
        record = site / f"webmint_{name}-1.0.dist-info"
        record.mkdir(parents=True)
        (record / "METADATA").write_text(f"Metadata-Version: 2.1\nName: webmint-{name}\nVersion: 1.0\n")
        (record / "entry_points.txt").write_text(f"[{registry.GROUP}]\n{name} = webmint_{name}:target\n")
        (site / f"webmint_{name}.py").write_text(text)
    sys.path.insert(0, str(site))
    importlib.invalidate_caches()
    yield tmp_path
    sys.path.remove(str(site))
    sys.modules.pop("webmint_shelf", None)


def test_a_plug_in_of_under_a_hundred_lines_deploys(install: Path) -> None:
    assert len(PLUGIN.splitlines()) < 100
    shelf = registry.make("shelf", {"SHELF": str(install / "shelf")})
    assert target_runs.plan(shelf, tree(), "demo", Options()).new == tuple(sorted(FILES))
    done = target_runs.deploy(shelf, tree(), "demo", Options())
    assert (done.target, done.url) == ("shelf", str(install / "shelf" / "demo"))
    assert content(install / "shelf" / "demo") == FILES


def test_plug_ins_are_listed_after_our_own(install: Path) -> None:
    assert install
    assert registry.names() == [*registry.OURS, "broken", "shelf"]


@pytest.mark.parametrize(
    ("wrong", "right"), [("cloudflair", "cloudflare"), ("netlfy", "netlify"), ("shelve", "shelf")]
)
def test_an_unknown_name_gets_a_near_one(install: Path, wrong: str, right: str) -> None:
    assert install
    with pytest.raises(UsageError) as caught:
        registry.make(wrong, {})
    assert wrong in caught.value.message
    assert caught.value.hint == f"did you mean --to {right}?"


def test_a_name_like_no_other_gets_the_list() -> None:
    with pytest.raises(UsageError) as caught:
        registry.make("xyzzy", {})
    assert all(name in caught.value.hint for name in registry.OURS)


def test_a_plug_in_that_can_not_be_imported_is_told(install: Path) -> None:
    assert install
    with pytest.raises(UsageError) as caught:
        registry.make("broken", {})
    assert "broken" in caught.value.message
    assert "no_such_library" in caught.value.message
    assert "webmint_broken:target" in caught.value.hint


@pytest.mark.parametrize("name", registry.OURS)
def test_each_of_ours_can_be_made_and_has_its_name(name: str) -> None:
    environment = {"CLOUDFLARE_API_TOKEN": "x" * 40, "NETLIFY_AUTH_TOKEN": "x" * 40}
    environment |= {"VERCEL_TOKEN": "x" * 24, "GITHUB_TOKEN": "x" * 40}
    assert registry.make(name, environment).name == name
