"""`webmint doctor`: is everything in place, and if not, what to do."""

import os
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass

from webmint_cli.cli.shared import Common, command
from webmint_cli.errors import ExitCode, ProviderError, WebMintError

_ROOM = 50 << 20


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. `hint` is empty where it is well."""

    what: str
    found: str
    hint: str = ""


@command
def doctor(*, common: Common) -> None:
    """Check that everything is in place.

    The installation, the settings, the provider and the terminal; exit code 3 if something is wrong.
    """
    import json

    from webmint_cli.render import table

    checks = [_looked(what, check, common) for what, check in _CHECKS.items()]
    if common.as_json:
        sys.stdout.write(json.dumps([asdict(check) for check in checks], indent=2) + "\n")
    else:
        rows = [{"": "!" if check.hint else "ok", **asdict(check)} for check in checks]
        table(rows, sys.stdout, colored=common.colors(sys.stdout))
    if any(check.hint for check in checks):
        raise SystemExit(ExitCode.INCOMPLETE)


def _looked(what: str, check: Callable[[Common], str], common: Common) -> Check:
    try:
        return Check(what, check(common))
    except WebMintError as error:
        return Check(what, error.message, error.hint or "see webmint --help")


def _version(_: Common) -> str:
    from webmint_cli import __version__

    return f"webmint {__version__}, Python {sys.version.split()[0]}, {sys.platform}"


def _settings(common: Common) -> str:
    from webmint_cli.settings import load

    settings = load(config=common.config)
    files = [str(path) for path in (settings.project, settings.user) if path and path.is_file()]
    return ", ".join(files) or "defaults; no settings file"


def _data(_: Common) -> str:
    import shutil
    import tempfile

    from webmint_cli.errors import StorageError
    from webmint_cli.render import size
    from webmint_cli.settings import home

    folder = home()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            free = shutil.disk_usage(folder).free
    except OSError as error:
        raise StorageError(
            f"{folder} can't be written: {error.strerror or error}",
            hint="set WEBMINT_HOME to a folder of yours",
        ) from None
    if free < _ROOM:
        raise StorageError(
            f"only {size(free)} are free in {folder}", hint="free some space, or set WEBMINT_HOME"
        )
    return f"{folder}, {size(free)} free"


def _composer(_: Common) -> str:
    from webmint_cli.composer import compose

    files = compose("A bakery in Lyon").files
    return f"works ({', '.join(files)})"


def _provider(common: Common) -> str:
    from webmint_cli.cli.site_job import chosen, explain
    from webmint_cli.settings import load

    return explain(chosen(load(config=common.config)))


def _server(common: Common) -> str:
    from webmint_cli.cli.runner import run
    from webmint_cli.cli.site_job import chosen
    from webmint_cli.providers.presets import COMPOSER
    from webmint_cli.settings import load

    settings = load(config=common.config)
    choice = chosen(settings)
    if choice.name == COMPOSER:
        return "none is needed"
    from webmint_cli.providers.openai_compatible import OpenAICompatible

    offered: list[str] = []

    async def ask() -> None:
        offered.extend(await OpenAICompatible(choice, connect=settings["connect_timeout"]).models())

    run(ask())
    if choice.model and choice.model not in offered:
        raise ProviderError(
            f"answers with {len(offered)} models; {choice.model} is not among them", hint="see webmint models"
        )
    return f"answers with {len(offered)} model{'s' * (len(offered) != 1)}"


def _terminal(_: Common) -> str:
    stream = sys.stderr
    kind = "a terminal" if stream.isatty() else "no terminal"
    return f"{kind}, {stream.encoding}, TERM={os.environ.get('TERM', '')}"


_CHECKS: dict[str, Callable[[Common], str]] = {
    "installation": _version,
    "settings": _settings,
    "data": _data,
    "composer": _composer,
    "provider": _provider,
    "server": _server,
    "terminal": _terminal,
}
