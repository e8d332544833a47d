"""What GitHub Actions is told of a deployment: outputs by the names that wrangler-action has, a summary, and errors.

https://docs.github.com/actions/reference/workflow-commands-for-github-actions
"""

import secrets
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from webmint_cli.events import Deployed, Failed


def is_here(environment: Mapping[str, str]) -> bool:
    return environment.get("GITHUB_ACTIONS") == "true"


def deployed(event: Deployed, environment: Mapping[str, str]) -> None:
    """Write the outputs and the step's summary."""
    _append(environment.get("GITHUB_OUTPUT"), "".join(_output(*pair) for pair in _outputs(event).items()))
    _append(environment.get("GITHUB_STEP_SUMMARY"), _summary(event))


def failed(event: Failed, environment: Mapping[str, str]) -> None:
    """An annotation that the run's page shows."""
    if is_here(environment):
        said = f"{event.message}. {event.hint}" if event.hint else event.message
        sys.stderr.write(f"::error title=webmint::{_escaped(said)}\n")


def _outputs(event: Deployed) -> dict[str, str]:
    return {
        "deployment-url": event.url,
        "pages-deployment-alias-url": event.aliases[0] if event.aliases else event.url,
        "pages-deployment-id": event.deployment_id,
        "pages-environment": event.environment,
    }


def _output(name: str, value: str) -> str:
    """A value over several lines, if need be, that can't end early: its end is a word nobody knows."""
    end = f"end-{secrets.token_hex(8)}"
    return f"{name}<<{end}\n{value}\n{end}\n"


def _summary(event: Deployed) -> str:
    rows = {
        "Project": event.project_name,
        "Environment": event.environment,
        "Address": event.url,
        "Also at": ", ".join(event.aliases) or "–",
        "Files": f"{event.uploaded} uploaded, {event.unchanged} unchanged, {event.verified} verified",
    }
    body = "".join(f"| {name} | {_cell(value)} |\n" for name, value in rows.items())
    return f"### Deployed to {event.target}\n\n| | |\n|---|---|\n{body}\n"


def _cell(value: str) -> str:
    return " ".join(value.replace("|", "\\|").split())


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _append(path: str | None, text: str) -> None:
    """Add to a file of the runner's. A summary that can't be written makes no deployment fail."""
    if path:
        with suppress(OSError), Path(path).open("a", encoding="utf-8") as file:
            file.write(text)
