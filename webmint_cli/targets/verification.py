"""Deployed means verified: what is served is fetched and compared with the bytes that were sent."""

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import quote, urlsplit

import httpx

from webmint_cli.errors import Unconfirmed
from webmint_cli.targets.api import tls
from webmint_cli.targets.narration import Report
from webmint_cli.targets.target import Asset

_ALL = 200
_AT_ONCE = 8
_DIFFERS = 15.0
_PAUSES = (0.3, 0.7, 1.5, 3.0, 5.0)
_NAMED = 5


def as_named(path: str) -> str:
    """The address of a file where a host serves it by its name, and a folder by its index.html."""
    folder = path.removesuffix("index.html") if path.rpartition("/")[2] == "index.html" else path
    return "/" + quote(folder)


def sample(assets: Iterable[Asset]) -> list[Asset]:
    """What is compared: all files up to 200; of more, the front page and others picked evenly, the same each time."""
    listed = sorted(assets, key=lambda asset: (asset.path != "index.html", asset.path))
    if len(listed) <= _ALL:
        return listed
    chosen = random.Random(len(listed)).sample(listed[1:], _ALL - 1)  # noqa: S311 - no secret
    return [listed[0], *chosen]


class Verifier:
    """Compares one deployment.

    `address` maps a file's path to where it is served, else it is looked for by its name; `restored` takes away what a host is known to add to a page;
    `headers` go with each request, to this host only;
    `patience` is how many seconds a new deployment has until it answers, `lag` how long another content may be there.
    """

    def __init__(
        self,
        url: str,
        report: Report,
        *,
        patience: float,
        lag: float = _DIFFERS,
        address: Callable[[str], str] = as_named,
        restored: Callable[[bytes], bytes] = bytes,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._url = url.rstrip("/")
        self._report = report
        self._patience = patience
        self._lag = lag
        self._address = address
        self._restored = restored
        self._headers = {"Cache-Control": "no-cache", **(headers or {})}
        self._done = 0

    async def compare(self, assets: Iterable[Asset]) -> int:
        """How many files were compared, all equal. Raises Unconfirmed, naming what differs."""
        chosen = sample(assets)
        self._report.say(f"Comparing what {self._url} serves", 85, "verify")
        limits = httpx.Limits(max_connections=_AT_ONCE)
        async with httpx.AsyncClient(timeout=15.0, limits=limits, verify=tls()) as client:
            places = asyncio.Semaphore(_AT_ONCE)
            faults = await asyncio.gather(
                *(self._check(client, places, asset, len(chosen)) for asset in chosen)
            )
        if wrong := [fault for fault in faults if fault]:
            raise self._unconfirmed(wrong, len(chosen))
        return len(chosen)

    async def _check(
        self, client: httpx.AsyncClient, places: asyncio.Semaphore, asset: Asset, total: int
    ) -> str:
        async with places:
            fault = await self._wait_until_equal(client, asset)
        self._done += 1
        if not fault and self._done * 10 // total > (self._done - 1) * 10 // total:
            self._report.say(f"Compared {self._done} of {total} files", 85 + self._done * 14 // total)
        return fault

    async def _wait_until_equal(self, client: httpx.AsyncClient, asset: Asset) -> str:
        """Why a file is not served as it was sent; "" if it is. A new deployment has some time to appear."""
        loop = asyncio.get_running_loop()
        began, attempt = loop.time(), 0
        while True:
            fault, differs = await self._fault(client, asset)
            patience = min(self._patience, self._lag) if differs else self._patience
            pause = _PAUSES[min(attempt, len(_PAUSES) - 1)]
            if not fault or loop.time() + pause > began + patience:
                return f"{asset.path}: {fault}" if fault else ""
            attempt += 1
            if attempt == 1 and asset.path == "index.html":
                self._report.say(f"Not served yet ({fault}); waiting")
            await asyncio.sleep(pause)

    async def _fault(self, client: httpx.AsyncClient, asset: Asset) -> tuple[str, bool]:
        """What is wrong with the answers, and whether there was one with another content."""
        faults = []
        for place in dict.fromkeys((self._address(asset.path), "/" + quote(asset.path))):
            fault, differs = await self._fault_at(client, place, asset)
            if not fault:
                return "", False
            faults.append((fault, differs))
        return faults[0]

    async def _fault_at(self, client: httpx.AsyncClient, place: str, asset: Asset) -> tuple[str, bool]:
        try:
            response = await self._fetch(client, self._url + place)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            return f"no answer ({type(error).__name__})", False
        if response.is_redirect:
            return f"redirected to {urlsplit(response.headers['location']).netloc or 'another place'}", False
        if not response.is_success:
            return f"answered {response.status_code}", False
        if self._restored(response.content) == asset.read():
            return "", False
        return f"{len(response.content)} bytes served are not the {asset.size} sent", True

    async def _fetch(self, client: httpx.AsyncClient, url: str) -> httpx.Response:
        """An answer, by way of redirects on the same host only."""
        for _ in range(4):
            response = await client.get(url, headers=self._headers)
            if not response.is_redirect:
                break
            following = response.url.join(response.headers["location"])
            if following.netloc != response.url.netloc:
                break
            url = str(following)
        return response

    def _unconfirmed(self, wrong: list[str], total: int) -> Unconfirmed:
        more = f" and {len(wrong) - _NAMED} more" if len(wrong) > _NAMED else ""
        return Unconfirmed(
            f"deployed to {self._url}, but {len(wrong)} of {total} files are not confirmed: "
            f"{'; '.join(wrong[:_NAMED])}{more}",
            hint="open the address and look; if it is right, the host was slow: deploy again, nothing is uploaded twice",
        )
