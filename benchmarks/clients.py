"""The ways to read a streamed completion that are compared, each as its own documentation shows it.

They run in processes of their own. `cpu NAME` reads a base URL a line and tells the CPU of that stream, so that
start and imports are not in the figure; `faults NAME SECONDS URL ...` reads all of them at once and tells how
each ended.
"""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import asdict, dataclass
from importlib import import_module

MODEL = "model-a"
PROMPT = "A bakery in Lyon"
KEY = "canary-4f8d1c07e2"
SILENCE = 1.0
_NO_LIMIT = 600.0

# Reads one completion from a base URL, with so many seconds of silence allowed where there is an option for it.
Client = Callable[[str, float], Awaitable[str]]


@dataclass(frozen=True, slots=True)
class Reading:
    """How a read ended (`complete`, `error`, `crash` or `hang`), and all that its caller was given to see."""

    end: str
    text: str = ""
    said: str = ""


async def openai_objects(base_url: str, silence: float) -> str:
    from openai import AsyncOpenAI

    texts: list[str] = []
    async with AsyncOpenAI(api_key=KEY, base_url=base_url, timeout=silence) as client:
        stream = await client.chat.completions.create(
            model=MODEL, messages=[{"role": "user", "content": PROMPT}], stream=True
        )
        async for chunk in stream:
            texts.extend(choice.delta.content or "" for choice in chunk.choices or ())
    return "".join(texts)


async def openai_bytes(base_url: str, silence: float) -> str:
    """The floor below us: the SDK's request, its bytes unread."""
    from openai import AsyncOpenAI

    async with (
        AsyncOpenAI(api_key=KEY, base_url=base_url, timeout=silence) as client,
        client.chat.completions.with_streaming_response.create(
            model=MODEL, messages=[{"role": "user", "content": PROMPT}], stream=True
        ) as response,
    ):
        async for _ in response.iter_bytes():
            pass
    return ""


async def httpx_sse(base_url: str, silence: float) -> str:
    import httpx
    from httpx_sse import aconnect_sse

    texts: list[str] = []
    ask = {"model": MODEL, "messages": [{"role": "user", "content": PROMPT}], "stream": True}
    headers = {"authorization": f"Bearer {KEY}"}
    async with (
        httpx.AsyncClient(timeout=silence) as client,
        aconnect_sse(client, "POST", f"{base_url}/chat/completions", json=ask, headers=headers) as source,
    ):
        async for event in source.aiter_sse():
            if event.data == "[DONE]":
                break
            choices = event.json()["choices"] or ()
            texts.extend(choice["delta"].get("content") or "" for choice in choices)
    return "".join(texts)


async def webmint(base_url: str, silence: float) -> str:
    """All of it: request, decoding, parsing into files, pacing and the events of the wire."""
    from webmint_cli.engine import Limits, generate
    from webmint_cli.events import Progress
    from webmint_cli.providers.openai_compatible import OpenAICompatible
    from webmint_cli.providers.presets import Choice
    from webmint_cli.providers.provider import Request

    provider = OpenAICompatible(Choice("custom", MODEL, "asked for", base_url, KEY, "WEBMINT_API_KEY"))
    async with aclosing(generate(Request(PROMPT), provider, limits=Limits(silence=silence))) as events:
        texts = [event.content async for event in events if isinstance(event, Progress)]
    return "".join(texts)


async def llm(base_url: str, _silence: float) -> str:
    """Its synchronous model, which is the one its command uses; the model's id is the base URL."""
    model = import_module("llm").get_model(base_url)
    return "".join(model.prompt(PROMPT, key=KEY))


CLIENTS: dict[str, Client] = {
    "openai objects": openai_objects,
    "openai bytes": openai_bytes,
    "httpx-sse": httpx_sse,
    "webmint": webmint,
    "llm": llm,
}


async def _measure(client: Client) -> None:
    for line in sys.stdin:
        began = time.process_time()
        text = await client(line.strip(), _NO_LIMIT)
        print(json.dumps({"cpu": time.process_time() - began, "characters": len(text)}), flush=True)


async def _read(client: Client, base_url: str, seconds: float) -> Reading:
    try:
        async with asyncio.timeout(seconds) as patience:
            text = await client(base_url, SILENCE)
        text.encode()  # as writing it to a file does
    except Exception as error:  # noqa: BLE001 - a crash is one of the answers
        if patience.expired():
            return Reading("hang")
        return Reading("error" if isinstance(error, _documented()) else "crash", said=f"{error!r} {error}")
    return Reading("complete", text)


def _documented() -> tuple[type[Exception], ...]:
    """What these libraries tell their callers to catch."""
    import httpx
    import httpx2
    from openai import OpenAIError

    return OpenAIError, httpx.HTTPError, httpx2.HTTPError


async def _read_all(client: Client, seconds: float, base_urls: list[str]) -> None:
    _documented()
    readings = await asyncio.gather(*(_read(client, base_url, seconds) for base_url in base_urls))
    print(json.dumps([asdict(reading) for reading in readings]))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["cpu", name]:
            asyncio.run(_measure(CLIENTS[name]))
        case ["faults", name, patience, *base_urls]:
            asyncio.run(_read_all(CLIENTS[name], float(patience), base_urls))
