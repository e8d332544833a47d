"""Settings, each with where it came from: flag, environment, project file, user file, default."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from webmint_cli.errors import UsageError

PROJECT_FILE = "webmint.toml"
USER_FILE = "config.toml"

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off", ""})


@dataclass(frozen=True, slots=True)
class Known:
    """A setting that exists: its type, default, environment variable and what it is for."""

    name: str
    kind: type
    default: Any
    help: str

    @property
    def variable(self) -> str:
        return f"WEBMINT_{self.name.upper()}"


KNOWN = {
    known.name: known
    for known in (
        Known("provider", str, "", "where replies come from; empty: by the keys that are set"),
        Known("model", str, "", "the model's name; empty: the provider's default"),
        Known("base_url", str, "", "an OpenAI-compatible API, for example http://127.0.0.1:8080/v1"),
        Known("connect_timeout", float, 10.0, "seconds to connect to the server"),
        Known("first_timeout", float, 120.0, "seconds until the model's first word"),
        Known("timeout", float, 60.0, "seconds of silence between words"),
        Known("continuations", int, 3, "how often a cut reply is continued"),
        Known("target", str, "cloudflare", "where sites are deployed to"),
        Known("project", str, "", "the project's name at the host; empty: by the folder's name"),
        Known("verify_timeout", float, 60.0, "seconds until what is served must be what was sent"),
        Known("no_history", bool, False, "keep no record of runs"),
    )
}


@dataclass(frozen=True, slots=True)
class Setting:
    """A value and its origin: `flag`, the variable's name, the file's path, or `default`."""

    value: Any
    origin: str


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings by name. `project` is the project's file, where there is one."""

    values: Mapping[str, Setting]
    project: Path | None = None
    user: Path = field(default_factory=Path)

    def __getitem__(self, name: str) -> Any:
        return self.values[name].value

    def is_from_project(self, name: str) -> bool:
        """Whether a project's file, which anyone may have written, set this."""
        return self.project is not None and self.values[name].origin == str(self.project)


def home(environment: Mapping[str, str] = os.environ) -> Path:
    """Where WebMint keeps its own data: `WEBMINT_HOME`, else the platform's place for it."""
    import platformdirs

    return Path(environment.get("WEBMINT_HOME") or platformdirs.user_data_dir("webmint", appauthor=False))


def user_file(environment: Mapping[str, str] = os.environ) -> Path:
    """The user's own settings file."""
    import platformdirs

    folder = environment.get("WEBMINT_HOME") or platformdirs.user_config_dir("webmint", appauthor=False)
    return Path(folder) / USER_FILE


def load(
    flags: Mapping[str, Any] | None = None,
    *,
    config: Path | None = None,
    environment: Mapping[str, str] = os.environ,
    directory: Path | None = None,
) -> Settings:
    """The settings in force in a directory. `config` stands in for the user's file.

    Raises UsageError for a file that can't be read, an unknown name or a value of the wrong kind.
    """
    user, project = config or user_file(environment), find_project(directory or Path.cwd())
    if config is not None and not config.is_file():
        raise UsageError(f"there is no settings file {config}", hint="check --config")
    values = {name: Setting(known.default, "default") for name, known in KNOWN.items()}
    for path in filter(None, (user, project)):
        values |= {name: Setting(value, str(path)) for name, value in read(path).items()}
    values |= _from_environment(environment)
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    values |= {name: Setting(value, "flag") for name, value in given.items()}
    return Settings(values, project, user)


def find_project(directory: Path) -> Path | None:
    """The nearest `webmint.toml`, from a directory up to the root of its repository."""
    for folder in (directory, *directory.parents):
        if (folder / PROJECT_FILE).is_file():
            return folder / PROJECT_FILE
        if (folder / ".git").exists():
            break
    return None


def read(path: Path) -> dict[str, Any]:
    """The settings in a file; none if it is not there."""
    try:
        data = tomllib.loads(path.read_text("utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"can't read {path}: {error}", hint="check the file's permissions and encoding"
        ) from None
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path} is no TOML: {error}", hint="correct that line") from None
    return {name: checked(name, value, str(path)) for name, value in data.items()}


def checked(name: str, value: Any, origin: str) -> Any:
    """The value as its setting's type, from a file's value or a variable's text."""
    known = KNOWN.get(name)
    if known is None:
        near = get_close_matches(name, KNOWN, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(KNOWN)}"
        raise UsageError(f"{origin} sets {name!r}, which is no setting", hint=hint)
    try:
        return _converted(known.kind, value)
    except (ValueError, TypeError, OverflowError):
        raise UsageError(
            f"{origin}: {name} should be {_NAMES[known.kind]}, not {value!r}", hint=f"{name}: {known.help}"
        ) from None


_NAMES = {str: "text", float: "a number above 0", int: "a whole number", bool: "true or false"}


def _converted(kind: type, value: Any) -> Any:
    if kind is bool:
        return _truth(value)
    if kind is str:
        if not isinstance(value, str):
            raise TypeError
        return value
    if isinstance(value, bool):
        raise TypeError
    number = kind(value)
    if isinstance(value, float) and number != value:
        raise ValueError
    if not 0 <= number < float("inf") or (kind is float and number == 0):
        raise ValueError
    return number


def _truth(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word not in _TRUE | _FALSE:
        raise ValueError
    return word in _TRUE


def _from_environment(environment: Mapping[str, str]) -> dict[str, Setting]:
    return {
        name: Setting(checked(name, environment[known.variable], known.variable), known.variable)
        for name, known in KNOWN.items()
        if environment.get(known.variable)
    }
