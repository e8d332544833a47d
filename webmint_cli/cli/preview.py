"""`webmint preview`: a site as its visitors will get it."""

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from webmint_cli.cli.options import Site
from webmint_cli.cli.shared import Common, command
from webmint_cli.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from webmint_cli.server.preview import Preview

_SERVE_PORT = 6468


@command
def preview(
    site: Site = None,
    *,
    port: Annotated[
        int, typer.Option("--port", "-p", min=0, max=65535, help="The port; 0 for any that is free.")
    ] = 0,
    open_: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    common: Common,
) -> None:
    """Serve a site as Cloudflare Pages would.

    The first line on stdout is its address. Edits show on reload; Ctrl-C ends it.
    """
    from webmint_cli.cli.runner import Interrupted, run
    from webmint_cli.cli.site_argument import site_folder
    from webmint_cli.server.listen import bind, listen
    from webmint_cli.server.preview import Preview

    if port == _SERVE_PORT:
        raise UsageError(
            f"port {port} is that of webmint serve: the site's scripts would own the history that it keeps there",
            hint="leave --port out",
        )
    folder = site_folder(site)
    app = Preview(folder, _log if common.verbose else _no_log)
    listener = bind(port, hint="let the system choose one: webmint preview --port 0")
    _warn(app, common)
    try:
        run(listen(app, listener, _announcer(folder, common, opens=open_)))
    except Interrupted as ended:
        # Ctrl-C is how a server normally ends.
        if ended.exit_code != ExitCode.INTERRUPTED:
            raise SystemExit(ended.exit_code) from None


def _announcer(folder: "Path", common: Common, *, opens: bool) -> "Callable[[str], None]":
    def announce(url: str) -> None:
        import json

        said = json.dumps({"url": url, "folder": str(folder.resolve())}) if common.as_json else url
        sys.stdout.write(f"{said}\n")
        sys.stdout.flush()
        if sys.stderr.isatty() and not common.quiet:
            sys.stderr.write(f"Serving {folder} as Cloudflare Pages would; Ctrl-C ends it\n")
        if opens:
            _open(url)

    return announce


def _open(url: str) -> None:
    """Show it in the browser, which may take its time."""
    import threading
    import webbrowser

    threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()


def _warn(app: "Preview", common: Common) -> None:
    """Say which lines of the rule files the host would ignore."""
    for name, problem in [] if common.quiet else app.problems():
        sys.stderr.write(f"{name}:{problem.line}: {problem.reason}\n")


def _log(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _no_log(_: str) -> None:
    return
