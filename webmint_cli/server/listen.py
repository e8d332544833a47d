"""Run an ASGI app on a socket that is bound beforehand, until the job is cancelled."""

import asyncio
import errno
import ipaddress
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from webmint_cli.errors import UsageError

_FAREWELL = 1


def bind(port: int, *, host: str = "127.0.0.1", hint: str = "") -> socket.socket:
    """A socket on a port; 0 lets the system choose one. Raises UsageError when it can't be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Only where the protocol is named does asyncio turn off Nagle's delay, which costs 40 ms an answer.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen()
    except OSError as error:
        listener.close()
        busy = error.errno == errno.EADDRINUSE
        reason = "is in use" if busy else f"can't be had: {error.strerror or error}"
        raise UsageError(
            f"port {port} {reason}", hint=hint or "let the system choose one: --port 0"
        ) from None
    return listener


def url_of(listener: socket.socket) -> str:
    """The address of a bound socket, as a browser takes it."""
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def is_loopback(host: str) -> bool:
    """Whether a Host header names this machine alone, as no page from elsewhere can make a browser say."""
    name = host.lower() if host.endswith("]") else host.lower().rpartition(":")[0] or host.lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name.strip("[]")).is_loopback
    except ValueError:
        return False


async def listen(app: Any, listener: socket.socket, started: Callable[[str], None]) -> None:
    """Serve an app until cancelled; `started` gets the URL once requests are answered.

    On the way out, open answers get a second to end. The socket is closed.
    """
    config = uvicorn.Config(
        app,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_FAREWELL,
    )
    server = _Server(config, lambda: started(url_of(listener)))
    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    try:
        await asyncio.shield(serving)
    finally:
        server.should_exit = True
        await serving


class _Server(uvicorn.Server):
    """Says when it has begun, and leaves the signals to the command line."""

    def __init__(self, config: uvicorn.Config, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._started = started

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._started()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
