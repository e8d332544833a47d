"""Options that more than one command has."""

from typing import Annotated, TypeAlias

import typer

Folder: TypeAlias = Annotated[
    str | None, typer.Option("--output", "-o", metavar="DIR|-", help="The folder; - prints one HTML page.")
]
Provider: TypeAlias = Annotated[
    str | None, typer.Option("--provider", "-p", metavar="NAME", help="Where replies come from.")
]
Model: TypeAlias = Annotated[
    str | None, typer.Option("--model", "-m", metavar="NAME", help="The model's name.")
]
BaseUrl: TypeAlias = Annotated[str | None, typer.Option(metavar="URL", help="An OpenAI-compatible API.")]
Force: TypeAlias = Annotated[bool, typer.Option("--force", help="Overwrite work that is not ours.")]
Timeout: TypeAlias = Annotated[
    float | None, typer.Option(metavar="SECONDS", min=0.1, help="How long the model may be silent.")
]
Site: TypeAlias = Annotated[
    str | None,
    typer.Argument(metavar="SITE", help="Its folder, or its number in the history; none for the last."),
]
To: TypeAlias = Annotated[
    str | None, typer.Option("--to", "-t", metavar="TARGET", help="Where to; cloudflare if nothing is said.")
]
Project: TypeAlias = Annotated[
    str | None, typer.Option("--project", metavar="NAME", help="The project's name at the host.")
]
Production: TypeAlias = Annotated[
    bool, typer.Option("--prod", help="Deploy to production, whatever the branch.")
]
Create: TypeAlias = Annotated[bool, typer.Option("--create", help="Make the project if there is none.")]
