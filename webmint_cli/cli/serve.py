"""`webmint serve`: the same engine over HTTP, for browsers and programs."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from webmint_cli.cli.options import BaseUrl, Model, Provider, Timeout
from webmint_cli.cli.shared import Common, command
from webmint_cli.errors import ExitCode, UsageError

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from webmint_cli.providers import provider as providers
    from webmint_cli.server.guard import Policy
    from webmint_cli.settings import Settings

_PORT = 6468


@command
def serve(
    *,
    host: Annotated[str, typer.Option(metavar="HOST", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 for any that is free.")] = _PORT,
    open_: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    token: Annotated[
        str | None, typer.Option(metavar="TOKEN", help="What others must show; made up where one is needed.")
    ] = None,
    public_url: Annotated[
        str | None, typer.Option(metavar="URL", help="The address under which a proxy answers for it.")
    ] = None,
    deploy_root: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Allow the targets folder and zip, below this folder."),
    ] = None,
    provider: Provider = None,
    model: Model = None,
    base_url: BaseUrl = None,
    timeout: Timeout = None,
    common: Common,
) -> None:
    """Serve generation and deployment over HTTP.

    The first line on stdout is its address. It answers to this machine alone unless --host says otherwise.
    """
    import os

    from webmint_cli.cli import site_job
    from webmint_cli.cli.runner import Interrupted, run
    from webmint_cli.server.app import App, Service
    from webmint_cli.server.listen import bind
    from webmint_cli.server.publication import Desk
    from webmint_cli.settings import load

    flags = {"provider": provider, "model": model, "base_url": base_url, "timeout": timeout}
    settings = load(flags, config=common.config)
    if deploy_root and not deploy_root.is_dir():
        raise UsageError(f"there is no folder {deploy_root}", hint=f"make it: mkdir -p {deploy_root}")
    own = site_job.chosen(settings)
    service = Service(
        _chooser(settings),
        lambda: _providers(settings),
        Desk(os.environ, settings["target"], deploy_root, settings["verify_timeout"]),
        site_job.limits(settings),
    )
    listener = bind(
        port, host=host, hint=f"end what uses it, or take another: webmint serve --port {port % 65535 + 1}"
    )
    try:
        policy = _policy(listener, public_url or "", token or "")
    except UsageError:
        listener.close()
        raise
    app = App(service, policy, _log if common.verbose else _no_log)
    announce = _announcer(policy, public_url or "", common, said=site_job.explain(own), opens=open_)
    try:
        run(app.serve(listener, announce))
    except Interrupted as ended:
        # Ctrl-C is how a server normally ends.
        if ended.exit_code != ExitCode.INTERRUPTED:
            raise SystemExit(ended.exit_code) from None


def _policy(listener: "socket.socket", public_url: str, token: str) -> "Policy":
    """Who may ask. Whoever can be reached by others has a token, made here if none is given."""
    import ipaddress
    import secrets
    from urllib.parse import urlsplit

    from webmint_cli.server.guard import Policy
    from webmint_cli.server.listen import url_of

    try:
        public = urlsplit(public_url)
        _ = public.port
    except ValueError:
        public = urlsplit("")
    if public_url and (public.scheme not in ("http", "https") or not public.hostname or "@" in public.netloc):
        raise UsageError(
            f"{public_url!r} is no URL", hint="for example --public-url https://mint.example.com"
        )
    if not token.isascii() or not token.isprintable() or " " in token:
        raise UsageError(
            "the token holds characters that no header can", hint="letters and digits are enough"
        )
    address = ipaddress.ip_address(listener.getsockname()[0])
    reachable = not address.is_loopback or bool(public_url)
    return Policy(
        public=public.netloc.lower(),
        beyond=not address.is_loopback,
        token=token or (secrets.token_urlsafe(24) if reachable else ""),
        canonical=url_of(listener) if str(address) == "127.0.0.1" else "",
        secure=public.scheme == "https",
    )


def _chooser(settings: "Settings") -> "Callable[[str, str], providers.Provider]":
    """The provider that a request names; addresses and keys are the server's own, whatever it names."""
    import os
    from dataclasses import replace

    from webmint_cli.cli import site_job
    from webmint_cli.providers.presets import choose

    def choice(name: str, model: str) -> "providers.Provider":
        asked = site_job.wish(settings)
        if name and name != site_job.chosen(settings).name:
            asked = replace(asked, provider=name, model="", base_url="")
        asked = replace(asked, model=model or asked.model)
        return site_job.make_provider(choose(asked, os.environ), settings)

    return choice


def _providers(settings: "Settings") -> list[dict[str, Any]]:
    """The providers by name, the model of each and whether it has its key; none is asked anything."""
    import os
    from dataclasses import replace

    from webmint_cli.cli import site_job
    from webmint_cli.errors import WebMintError
    from webmint_cli.providers.presets import NAMES, choose

    own, asked = site_job.chosen(settings), site_job.wish(settings)
    rows: list[dict[str, Any]] = []
    for name in NAMES:
        wish = asked if name == own.name else replace(asked, model="", base_url="")
        try:
            choice = choose(replace(wish, provider=name), os.environ)
            state = {"ready": True, "model": choice.model}
        except WebMintError as error:
            state = {"ready": False, "missing": error.message}
        rows.append({"name": name, "default": name == own.name} | state)
    return rows


def _announcer(
    policy: "Policy", public_url: str, common: Common, *, said: str, opens: bool
) -> "Callable[[str], None]":
    def announce(bound: str) -> None:
        import json
        import webbrowser
        from threading import Thread

        base = public_url.rstrip("/") or bound.replace("//0.0.0.0:", "//127.0.0.1:").replace("[::]", "[::1]")
        url = f"{base}/?token={policy.token}" if policy.token else base
        sys.stdout.write(f"{json.dumps({'url': url}) if common.as_json else url}\n")
        sys.stdout.flush()
        if not common.quiet:
            sys.stderr.write(f"{said}\n")
        if sys.stderr.isatty() and not common.quiet:
            sys.stderr.write(f"The API is described at {base}/api/docs; Ctrl-C ends it\n")
        if opens:
            Thread(target=webbrowser.open, args=(url,), daemon=True).start()

    return announce


def _log(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def _no_log(_: str) -> None:
    return
