"""`webmint models`: which providers are there, and what they offer."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from webmint_cli.cli.options import BaseUrl
from webmint_cli.cli.shared import Common, command

if TYPE_CHECKING:
    from webmint_cli.providers.presets import Choice
    from webmint_cli.settings import Settings

_SHOWN = 3


@command
def models(
    *,
    provider: Annotated[
        str | None,
        typer.Option("--provider", "-p", metavar="NAME", help="Only this one, with all its models."),
    ] = None,
    base_url: BaseUrl = None,
    common: Common,
) -> None:
    """List the providers, and the models that they offer."""
    import json
    import sys

    from webmint_cli.cli.runner import run
    from webmint_cli.render import table
    from webmint_cli.settings import load

    settings = load({"provider": provider, "base_url": base_url}, config=common.config)
    rows: list[dict[str, Any]] = []
    run(_ask_all(settings, rows, only=provider or ("custom" if base_url else None)))
    if common.as_json:
        sys.stdout.write(json.dumps(rows, indent=2) + "\n")
    else:
        table(
            [_words(row, all_models=provider is not None) for row in rows],
            sys.stdout,
            colored=common.colors(sys.stdout),
        )


async def _ask_all(settings: "Settings", rows: list[dict[str, Any]], *, only: str | None) -> None:
    import asyncio
    import os

    from webmint_cli.cli.site_job import wish
    from webmint_cli.providers.presets import COMPOSER, CUSTOM, NAMES, choose

    asked = wish(settings)
    chosen = _chosen_name(asked)
    names = [only] if only else [name for name in NAMES if name != CUSTOM.name or chosen == CUSTOM.name]
    for name in names:
        if name not in NAMES:
            choose(asked, os.environ)
    rows += await asyncio.gather(
        *(_row(name, settings, chosen=name == chosen) for name in names if name != COMPOSER)
    )
    if COMPOSER in names:
        rows.insert(
            0,
            {"provider": COMPOSER, "chosen": chosen == COMPOSER, "status": "built in", "models": [COMPOSER]},
        )


def _chosen_name(asked: Any) -> str:
    import os

    from webmint_cli.errors import WebMintError
    from webmint_cli.providers.presets import choose

    try:
        return choose(asked, os.environ).name
    except WebMintError:
        return ""


async def _row(name: str, settings: "Settings", *, chosen: bool) -> dict[str, Any]:
    import os
    from dataclasses import replace

    from webmint_cli.cli.site_job import wish
    from webmint_cli.errors import KeyMissing, WebMintError
    from webmint_cli.providers.presets import choose

    asked = wish(settings)
    if not chosen:
        asked = replace(asked, model="", base_url="")
    try:
        choice = choose(replace(asked, provider=name), os.environ)
        status, offered = "answers", await _offered(choice)
    except KeyMissing as error:
        status, offered = error.message.partition(", and ")[2] or error.message, []
        return {"provider": name, "chosen": chosen, "status": status, "models": offered}
    except WebMintError as error:
        local = error.code == "unreachable" and is_local(choice.base_url)
        status = f"not running at {choice.base_url}" if local else error.message
        return {"provider": name, "chosen": chosen, "status": status, "models": []}
    return {
        "provider": name,
        "chosen": chosen,
        "base_url": choice.base_url,
        "default": choice.model,
        "status": status,
        "models": offered,
    }


def is_local(base_url: str) -> bool:
    from webmint_cli.providers.presets import origin

    return origin(base_url)[1] in ("localhost", "127.0.0.1", "::1")


async def _offered(choice: "Choice") -> list[str]:
    from webmint_cli.providers.openai_compatible import OpenAICompatible

    return await OpenAICompatible(choice, connect=2.0).models()


def _words(row: Mapping[str, Any], *, all_models: bool) -> dict[str, str]:
    names = row["models"] if all_models else row["models"][:_SHOWN]
    more = len(row["models"]) - len(names)
    return {
        "": "*" if row["chosen"] else "",
        "provider": row["provider"],
        "status": row["status"],
        "models": ", ".join(names) + (f" and {more} more" if more else ""),
    }
