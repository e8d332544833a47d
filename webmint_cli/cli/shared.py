"""What every command shares: its common flags, and the one place where errors become words and exit codes."""

import functools
import inspect
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn, TextIO

import typer

from webmint_cli.errors import ExitCode, WebMintError


class Color(StrEnum):
    """When to colour."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Common:
    """The flags that every command has."""

    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but errors and the result.")] = (
        False
    )
    verbose: Annotated[
        int,
        typer.Option(
            "--verbose", "-v", count=True, show_default=False, help="Say more; -vv shows tracebacks."
        ),
    ] = 0
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON on stdout, for programs.")] = False
    no_input: Annotated[bool, typer.Option("--no-input", help="Never ask anything.")] = False
    color: Annotated[Color, typer.Option("--color", help="When to colour.")] = Color.AUTO
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="A settings file in place of the user's."),
    ] = None

    def colors(self, stream: TextIO) -> bool:
        """Whether to colour what goes to this stream."""
        from webmint_cli.render import is_colored

        asked = {Color.ALWAYS: True, Color.NEVER: False}.get(self.color)
        return is_colored(stream, asked, os.environ)


_FIELDS = [
    inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=field.type)
    for name, field in Common.__dataclass_fields__.items()
]


def command(function: Callable[..., None]) -> Callable[..., None]:
    """A command with the common flags added to its own, given to it as `common`; its errors end the process."""
    signature = inspect.signature(function)
    own = [parameter for name, parameter in signature.parameters.items() if name != "common"]

    @functools.wraps(function)
    def run(**values: Any) -> None:
        common = Common(**{parameter.name: values.pop(parameter.name) for parameter in _FIELDS})
        try:
            function(**values, common=common)
        except WebMintError as error:
            fail(error, common)
        except KeyboardInterrupt:
            sys.exit(ExitCode.INTERRUPTED)
        except BrokenPipeError:
            # Whoever read our output has left, and needs no words.
            sys.exit(ExitCode.FAILED)
        except OSError as error:
            place = f": {error.filename}" if error.filename else ""
            fail(WebMintError(f"{error.strerror or error}{place}", hint="see more with -vv"), common, error)
        except Exception as error:  # noqa: BLE001 - a bug of ours is no reason for a traceback
            said = f"a bug in webmint: {type(error).__name__}: {error}"
            fail(WebMintError(said, code="bug", hint="please report what -vv shows"), common, error)

    run.__signature__ = signature.replace(parameters=[*own, *_FIELDS])  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in [*own, *_FIELDS]}
    return run


@contextmanager
def part_of(job: str | None) -> Iterator[None]:
    """A failure in here is of this job of several."""
    try:
        yield
    except WebMintError as error:
        error.job = job
        raise


def fail(error: WebMintError, common: Common | None = None, cause: Exception | None = None) -> NoReturn:
    """Say what went wrong, to people on stderr and to programs on stdout, and end with its exit code."""
    from webmint_cli.cli import actions
    from webmint_cli.events import failed
    from webmint_cli.render import Json, failure

    common = common or Common()
    if common.verbose > 1:
        import traceback

        traceback.print_exception(cause or error)
    event = failed(error)
    if common.as_json:
        with suppress(OSError, WebMintError):
            Json(sys.stdout, sys.stderr, job=error.job).show(event)
    failure(event, sys.stderr, colored=common.colors(sys.stderr))
    actions.failed(event, os.environ)
    sys.exit(error.exit_code)
