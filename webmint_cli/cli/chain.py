"""`generate --deploy`: two jobs in one stream, each with its own progress and end."""

import os
from pathlib import Path

from webmint_cli.cli import deploy_job, site_job
from webmint_cli.cli.shared import Common, part_of
from webmint_cli.errors import UsageError
from webmint_cli.settings import Settings
from webmint_cli.targets import registry


def check(settings: Settings, *, as_page: bool) -> None:
    """What can be known before the model is paid: that there is such a target, and a token for it."""
    if as_page:
        raise UsageError("one page on stdout can't be deployed", hint="leave out -o -, or --deploy")
    registry.make(settings["target"], os.environ)


def deploy(folder: Path, settings: Settings, common: Common, *, production: bool, create: bool) -> None:
    """The second job."""
    show = site_job.reporter(common)
    show.begin("deploy")
    wish = deploy_job.Wish(production=production, create=create)
    with part_of("deploy"):
        ready = deploy_job.prepare(folder, wish, settings, show, asks=not common.no_input)
        deploy_job.play(ready, show, common=common)
