"""`webmint config`: the settings in force, where each comes from, and how to change the user's own."""

from typing import Annotated, Any

import typer

from webmint_cli.cli.shared import Common, command

app = typer.Typer(help="Show and change settings.", rich_markup_mode=None, no_args_is_help=True)

_Name = Annotated[str, typer.Argument(metavar="NAME", help="A setting's name, as in webmint config list.")]


@command
def list_(*, common: Common) -> None:
    """List every setting with its value and where that comes from."""
    import json
    import sys

    from webmint_cli.render import table
    from webmint_cli.settings import KNOWN, load

    settings = load(config=common.config)
    rows = [
        {"setting": name, "value": setting.value, "from": setting.origin, "what": KNOWN[name].help}
        for name, setting in settings.values.items()
    ]
    if common.as_json:
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
    else:
        table(
            [{**row, "value": _text(row["value"])} for row in rows],
            sys.stdout,
            colored=common.colors(sys.stdout),
        )


@command
def get(name: _Name, *, common: Common) -> None:
    """Print the value in force."""
    import json
    import sys

    from webmint_cli.settings import checked, load

    settings = load(config=common.config)
    if name not in settings.values:
        checked(name, "", "the command line")
    value = settings[name]
    sys.stdout.write((json.dumps(value) if common.as_json else _text(value)) + "\n")


@command
def set_(
    name: _Name, value: Annotated[str, typer.Argument(metavar="VALUE", help="Its value.")], *, common: Common
) -> None:
    """Set a value in the user's file."""
    from webmint_cli.settings import checked

    _edit(name, checked(name, value, "the command line"), common)


@command
def unset(name: _Name, *, common: Common) -> None:
    """Take a value out of the user's file."""
    from webmint_cli.settings import KNOWN, checked

    if name not in KNOWN:
        checked(name, "", "the command line")
    _edit(name, None, common)


@command
def path(*, common: Common) -> None:
    """Print where the user's file is."""
    import sys

    from webmint_cli.settings import user_file

    sys.stdout.write(f"{common.config or user_file()}\n")


def _edit(name: str, value: Any, common: Common) -> None:
    """Change one value in the user's file; its comments and its other values stay as they are."""
    import tomlkit

    from webmint_cli.errors import StorageError
    from webmint_cli.settings import read, user_file

    file = common.config or user_file()
    read(file)
    try:
        document = tomlkit.parse(file.read_text("utf-8")) if file.exists() else tomlkit.document()
        if value is None:
            document.pop(name, None)
        else:
            document[name] = value
        file.parent.mkdir(parents=True, exist_ok=True)
        temporary = file.with_suffix(".tmp")
        temporary.write_text(tomlkit.dumps(document), "utf-8")
        temporary.replace(file)
    except OSError as error:
        raise StorageError(
            f"can't write {file}: {error.strerror or error}", hint="check its permissions"
        ) from None


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


app.command("list")(list_)
app.command("get")(get)
app.command("set")(set_)
app.command("unset")(unset)
app.command("path")(path)
