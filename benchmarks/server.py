"""A model server of one thread and raw sockets, in a process of its own, so that its CPU is not counted.

Its base URL says what it answers: `/burst/<count>/v1` sends so many events of four characters as fast as they are
taken, `/paced/<count>/v1` one a millisecond. An event is one HTTP chunk, as vLLM, llama.cpp and OpenAI send it.
"""

import json
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from benchmarks import ROOT
from benchmarks.sample import reply

CHARACTERS = 4
EVERY = 0.001

_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"


@contextmanager
def serving() -> Iterator[str]:
    """The origin of a server that runs as long as the block."""
    command = [sys.executable, "-m", "benchmarks.server"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        try:
            yield process.stdout.readline().strip()
        finally:
            process.kill()


def main() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        while True:
            connection, _ = listener.accept()
            with connection, suppress(ConnectionError):
                _answer(connection)


def _answer(connection: socket.socket) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    path = _read_request(connection)
    asked = re.match(r"/(burst|paced)/(\d+)/v1/", path)
    if not asked:
        raise ValueError(f"asked for {path}")
    events = _events(int(asked[2]))
    connection.sendall(_HEAD)
    if asked[1] == "burst":
        connection.sendall(b"".join(events))
    else:
        _send_paced(connection, events)


def _send_paced(connection: socket.socket, events: list[bytes]) -> None:
    due = time.monotonic()
    for event in events:
        time.sleep(max(0.0, due - time.monotonic()))
        connection.sendall(event)
        due += EVERY


def _read_request(connection: socket.socket) -> str:
    """The path of a request whose body has been read."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += connection.recv(1 << 16)
    head, _, body = received.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: *(\d+)", head)
    left = int(length[1]) - len(body) if length else 0
    while left > 0:
        left -= len(connection.recv(1 << 16))
    return head.split(b" ")[1].decode()


def _events(count: int) -> list[bytes]:
    text = reply(count * CHARACTERS, form="contract")
    pieces = (text[at : at + CHARACTERS] for at in range(0, len(text), CHARACTERS))
    events = [_chunk({"content": piece}) for piece in pieces]
    return [*events, _chunk({}, "stop"), _framed(b"data: [DONE]\n\n"), b"0\r\n\r\n"]


def _chunk(delta: dict[str, str], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    common = {"id": "chatcmpl-BXq1f4", "object": "chat.completion.chunk", "created": 1795407034}
    event = common | {"model": "model-a", "system_fingerprint": "fp_44709d6fcb", "choices": [choice]}
    return _framed(b"data: " + json.dumps(event).encode() + b"\n\n")


def _framed(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


if __name__ == "__main__":
    main()
