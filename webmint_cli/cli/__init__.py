"""The command line: one module a command, lazily filled."""

import typer

from webmint_cli.cli.config import app as config_app
from webmint_cli.cli.doctor import doctor
from webmint_cli.cli.generate import generate
from webmint_cli.cli.models import models
from webmint_cli.cli.resume import resume

app = typer.Typer(
    name="webmint",
    help="From a sentence to a live website, with your model, your keys and your data.",
    epilog="Try it without a key: webmint generate 'A bakery in Lyon'",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(generate)
app.command()(resume)
app.command()(models)
app.add_typer(config_app, name="config")
app.command()(doctor)


def _version(value: bool) -> None:
    if value:
        from webmint_cli import __version__

        typer.echo(f"webmint {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(
        False, "--version", "-V", callback=_version, is_eager=True, help="Show the version."
    ),
) -> None:
    """From a sentence to a live website, with your model, your keys and your data."""
