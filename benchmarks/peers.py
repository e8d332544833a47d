"""The tools that we are measured beside, as far as they are installed.

`openai` is ours too, `httpx-sse` is an extra, and `llm` is a command that stands beside our interpreter or,
to keep it out of this environment, beside the one that WEBMINT_PEERS names. `wrangler` is on the PATH, or where
WEBMINT_WRANGLER says.
"""

import os
import platform
import shutil
import subprocess
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

ABSENT = "(not installed: make bench)"
ABSENT_WRANGLER = "(not installed: npm install --global wrangler)"


def command(name: str) -> Path:
    """A console script of this environment."""
    return Path(sys.executable).with_name(name)


@cache
def llm() -> Path | None:
    """The `llm` command."""
    places = (sys.executable, os.environ.get("WEBMINT_PEERS") or sys.executable)
    found = (Path(place).with_name("llm") for place in places)
    return next((path for path in found if path.exists()), None)


def wrangler() -> str | None:
    """The `wrangler` command."""
    return os.environ.get("WEBMINT_WRANGLER") or shutil.which("wrangler")


@cache
def has_httpx_sse() -> bool:
    return bool(_version("httpx-sse"))


def versions() -> str:
    """One line: what was measured on what."""
    script = llm()
    told = (
        subprocess.run([script, "--version"], capture_output=True, text=True, check=True) if script else None
    )
    return ", ".join(
        (
            f"Python {platform.python_version()}",
            f"openai {_version('openai')}",
            f"httpx-sse {_version('httpx-sse') or ABSENT}",
            f"llm {told.stdout.split()[-1] if told else ABSENT}",
            f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}",
        )
    )


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
