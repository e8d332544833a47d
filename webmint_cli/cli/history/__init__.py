"""`webmint history`: what was generated and deployed on this machine, to be found, taken along and compared."""

import typer

from webmint_cli.cli.history.activity import stats
from webmint_cli.cli.history.comparison import diff
from webmint_cli.cli.history.deletion import delete, purge, restore
from webmint_cli.cli.history.details import show
from webmint_cli.cli.history.listing import list_, search
from webmint_cli.cli.history.transfer import export, import_

app = typer.Typer(
    help="Find, compare, export and restore what was made.", rich_markup_mode=None, no_args_is_help=True
)
app.command("list")(list_)
app.command()(search)
app.command()(show)
app.command()(diff)
app.command()(stats)
app.command()(export)
app.command("import")(import_)
app.command()(delete)
app.command()(restore)
app.command()(purge)
