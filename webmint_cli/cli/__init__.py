"""The command line: one module a command, lazily filled."""

import sys

import typer

from webmint_cli.cli import streams
from webmint_cli.cli.config import app as config_app
from webmint_cli.cli.deploy import deploy
from webmint_cli.cli.deployments import app as deployments_app
from webmint_cli.cli.doctor import doctor
from webmint_cli.cli.generate import generate
from webmint_cli.cli.history import app as history_app
from webmint_cli.cli.models import models
from webmint_cli.cli.preview import preview
from webmint_cli.cli.replay import replay
from webmint_cli.cli.resume import resume
from webmint_cli.cli.serve import serve
from webmint_cli.cli.shared import fail
from webmint_cli.errors import ExitCode, UsageError, WebMintError

_EXAMPLE = "webmint generate 'A bakery in Lyon'"

app = typer.Typer(
    name="webmint",
    help="From a sentence to a live website, with your model, your keys and your data.",
    epilog=f"Try it without a key: {_EXAMPLE}",
    no_args_is_help=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(generate)
app.command()(resume)
app.command()(replay)
app.command()(deploy)
app.add_typer(deployments_app, name="deployments")
app.add_typer(history_app, name="history")
app.command()(serve)
app.command()(preview)
app.command()(models)
app.add_typer(config_app, name="config")
app.command()(doctor)


def main() -> None:
    """Run the command that the arguments name, and end the process with its exit code."""
    streams.prepare()
    try:
        sys.exit(app(prog_name="webmint", standalone_mode=False))
    except OSError as error:
        fail(WebMintError(f"can't write to stdout: {error.strerror or error}"))
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        _refuse(error)
    finally:
        streams.settle()


def _refuse(error: Exception) -> None:
    """Say what typer does not understand, in the words of every other error."""
    said = str(error.format_message())  # type: ignore[attr-defined]
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stderr.write(f"{said}\n")
        sys.exit(ExitCode.USAGE)
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "webmint"
    quotes = command.endswith("generate") and "extra argument" in said
    hint = f"put the prompt in quotes: {_EXAMPLE}" if quotes else f"see what there is: {command} -h"
    fail(UsageError(_sentence(said), hint=hint))


def _sentence(said: str) -> str:
    """Typer's message as one sentence of ours."""
    for theirs, ours in (
        ("valid float range", "number"),
        ("valid float", "number"),
        ("valid int", "whole number"),
    ):
        said = said.replace(theirs, ours)
    return (said[:1].lower() + said[1:]).strip().removesuffix(".")


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
