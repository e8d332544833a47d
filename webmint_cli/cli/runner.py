"""The one place where an event loop runs, and where signals become an orderly end."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any

from webmint_cli.errors import ExitCode


class Interrupted(Exception):
    """A signal ended the job; everything that it held open is closed."""

    def __init__(self, exit_code: ExitCode) -> None:
        super().__init__(exit_code.name)
        self.exit_code = exit_code


def run(job: Coroutine[Any, Any, None]) -> None:
    """Run a job to its end. Raises Interrupted on Ctrl-C or SIGTERM, after the job has cleaned up."""
    terminated = False

    async def main() -> None:
        task = asyncio.current_task()

        def terminate() -> None:
            nonlocal terminated
            terminated = True
            if task:
                task.cancel()

        _on_terminate(terminate)
        await job

    try:
        asyncio.run(main())
    except KeyboardInterrupt:
        raise Interrupted(ExitCode.INTERRUPTED) from None
    except asyncio.CancelledError:
        raise Interrupted(ExitCode.TERMINATED if terminated else ExitCode.INTERRUPTED) from None


def _on_terminate(callback: Any) -> None:
    try:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, callback)
    except (NotImplementedError, RuntimeError):
        # Not on Windows, nor outside the main thread.
        return
