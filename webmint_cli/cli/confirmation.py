"""A person's yes to what can't be undone, or not easily."""

import sys

import typer

from webmint_cli.cli.shared import Common
from webmint_cli.errors import ExitCode, UsageError


def confirm(question: str, *, yes: bool, common: Common) -> None:
    """Go on only with a yes, by flag or at the terminal. Raises UsageError where nobody can be asked."""
    if yes:
        return
    if common.no_input or not sys.stdin.isatty():
        raise UsageError("this needs to be confirmed", hint="add --yes")
    if not agrees(question):
        sys.exit(ExitCode.FAILED)


def agrees(question: str) -> bool:
    """What a person at the terminal answers. Ctrl-C ends the command."""
    try:
        return typer.confirm(question, err=True)
    except typer.Abort:
        sys.exit(ExitCode.INTERRUPTED)
