"""`webmint deployments`: what is deployed to a Cloudflare Pages project, and changing it."""

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from webmint_cli.cli.confirmation import confirm
from webmint_cli.cli.options import Project
from webmint_cli.cli.shared import Common, command

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from webmint_cli.targets.cloudflare.management import Deployments

app = typer.Typer(
    help="List, roll back and delete deployments; manage domains.",
    rich_markup_mode=None,
    no_args_is_help=True,
)
domain = typer.Typer(help="The project's own domains.", rich_markup_mode=None, no_args_is_help=True)
app.add_typer(domain, name="domain")

_Id = Annotated[str, typer.Argument(metavar="ID", help="The deployment, as `list` names it.")]
_Name = Annotated[str, typer.Argument(metavar="DOMAIN", help="For example www.example.com.")]
_Yes = Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")]


@app.command("list")
@command
def list_(
    *,
    project: Project = None,
    environment: Annotated[str, typer.Option(metavar="NAME", help="Only production, or only preview.")] = "",
    limit: Annotated[int, typer.Option(metavar="N", min=1, help="How many.")] = 25,
    common: Common,
) -> None:
    """The deployments of a project, the newest first."""
    _show(
        _ask(project, common, lambda deployments: deployments.listed(environment=environment, limit=limit)),
        common,
    )


@app.command()
@command
def rollback(id_: _Id, *, project: Project = None, yes: _Yes = False, common: Common) -> None:
    """Make an earlier production deployment the live one."""
    confirm(f"Make {id_} the live one?", yes=yes, common=common)
    url = _ask(project, common, lambda deployments: deployments.roll_back(id_))
    _say({"id": id_, "url": url}, url or id_, common)


@app.command()
@command
def delete(
    id_: _Id,
    *,
    project: Project = None,
    force: Annotated[
        bool, typer.Option("--force", help="Also one that a branch's address points to.")
    ] = False,
    yes: _Yes = False,
    common: Common,
) -> None:
    """Delete a deployment for good."""
    confirm(f"Delete the deployment {id_} for good?", yes=yes, common=common)
    _ask(project, common, lambda deployments: deployments.delete(id_, force=force))
    _say({"id": id_, "deleted": True}, id_, common)


@domain.command("list")
@command
def domains(*, project: Project = None, common: Common) -> None:
    """The domains, with their status."""
    _show(_ask(project, common, lambda deployments: deployments.domains()), common)


@domain.command()
@command
def add(name: _Name, *, project: Project = None, common: Common) -> None:
    """Add a domain. Its DNS must point to the project."""
    _show([_ask(project, common, lambda deployments: deployments.add_domain(name))], common)


@domain.command()
@command
def remove(name: _Name, *, project: Project = None, yes: _Yes = False, common: Common) -> None:
    """Remove a domain from the project."""
    confirm(f"Remove {name} from the project?", yes=yes, common=common)
    _ask(project, common, lambda deployments: deployments.remove_domain(name))
    _say({"domain": name, "removed": True}, name, common)


def _ask(project: str | None, common: Common, question: "Callable[[Deployments], Awaitable[Any]]") -> Any:
    """The answer to one question about a project."""
    from webmint_cli.cli.runner import run
    from webmint_cli.settings import load
    from webmint_cli.targets.cloudflare.account import Cloudflare, credentials
    from webmint_cli.targets.cloudflare.management import Deployments
    from webmint_cli.targets.cloudflare.pages import PERMISSION
    from webmint_cli.targets.narration import Report

    settings = load({"project": project}, config=common.config)
    answers: list[Any] = []

    async def work() -> None:
        async with Cloudflare(
            credentials(os.environ, PERMISSION), Report(), permission=PERMISSION
        ) as cloudflare:
            answers.append(await question(Deployments(cloudflare, settings["project"] or _last_project())))

    run(work())
    return answers[0]


def _last_project() -> str:
    """The project that was deployed to last from here, else anywhere on this machine."""
    from webmint_cli.deployments import recorded
    from webmint_cli.errors import UsageError
    from webmint_cli.settings import home

    found = [
        deployment for deployment in recorded(home() / "deployments") if deployment.target == "cloudflare"
    ]
    here = [deployment for deployment in found if Path(deployment.folder).is_relative_to(Path.cwd())]
    for deployment in [*here, *found]:
        return deployment.project
    raise UsageError("nothing was deployed from this machine yet", hint="name the project: --project NAME")


def _show(rows: list[dict[str, str]], common: Common) -> None:
    from webmint_cli.render import table

    if common.as_json:
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
    else:
        table(rows, sys.stdout, colored=common.colors(sys.stdout))


def _say(value: dict[str, Any], text: str, common: Common) -> None:
    sys.stdout.write((json.dumps(value) if common.as_json else text) + "\n")
