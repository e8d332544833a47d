"""What every command shares: its common flags, and the one place where errors become words and exit codes."""

import functools
import inspect
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

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
        int, typer.Option("--verbose", "-v", count=True, help="Say more; -vv shows tracebacks.")
    ] = 0
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON on stdout, for programs.")] = False
    no_input: Annotated[bool, typer.Option("--no-input", help="Never ask anything.")] = False
    color: Annotated[Color, typer.Option("--color", help="When to colour.")] = Color.AUTO
    config: Annotated[
        Path | None, typer.Option("--config", help="A settings file in place of the user's.")
    ] = None

    @property
    def colored(self) -> bool | None:
        """Whether to colour; None leaves it to the terminal and `NO_COLOR`."""
        return {Color.ALWAYS: True, Color.NEVER: False}.get(self.color)


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
            _fail(error, error, common)
        except KeyboardInterrupt:
            sys.exit(ExitCode.INTERRUPTED)
        except BrokenPipeError:
            _close_stdout()
        except OSError as error:
            place = f": {error.filename}" if error.filename else ""
            _fail(error, WebMintError(f"{error.strerror or error}{place}", hint="see more with -vv"), common)
        except Exception as error:  # noqa: BLE001 - a bug of ours is no reason for a traceback
            said = WebMintError(
                f"a bug in webmint: {type(error).__name__}: {error}", hint="please report what -vv shows"
            )
            _fail(error, said, common)

    run.__signature__ = signature.replace(parameters=[*own, *_FIELDS])  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in [*own, *_FIELDS]}
    return run


def _fail(cause: Exception, error: WebMintError, common: Common) -> NoReturn:
    if common.verbose > 1:
        import traceback

        traceback.print_exception(cause)
    from webmint_cli.events import failed
    from webmint_cli.render import failure

    failure(failed(error), sys.stderr)
    sys.exit(error.exit_code)


def _close_stdout() -> NoReturn:
    """Whoever read our output has left: end quietly, also when Python flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(ExitCode.FAILED)
