"""What a deployment would change, by what is served now and by what this machine knows of the last one."""

import asyncio
from collections.abc import Collection, Mapping

import httpx

from webmint_cli.hosting.redirects import is_redirected
from webmint_cli.hosting.routes import address
from webmint_cli.targets.api import tls
from webmint_cli.targets.narration import Report
from webmint_cli.targets.target import Asset, Tree, digest

_RULES = frozenset({"_headers", "_redirects"})

_AT_ONCE = 8
_KINDS = ("new", "changed", "unchanged")


def addresses(site: Tree) -> dict[str, str]:
    """Where each file is served. Without one: what a redirect covers, or a file of a like name."""
    paths = {asset.path for asset in site.assets}
    rules = site.rules.get("_redirects", b"").decode("utf-8", "replace")
    places = {path: address(path, paths.__contains__) for path in paths}
    return {
        path: place
        for path, place in places.items()
        if not (_is_shadowed(path, paths) or is_redirected(rules, place))
    }


def _is_shadowed(path: str, paths: Collection[str]) -> bool:
    """Whether a file of a like name takes the address, such as `about` that of about.html."""
    is_index = path.rpartition("/")[2] in ("index", "index.html.html")
    return is_index or (path.endswith(".html") and path.removesuffix(".html") in paths)


class Live:
    """What is served at `url` ("" for nothing). `previous`: path to SHA-256 of the last deployment known here."""

    def __init__(self, url: str, previous: Mapping[str, str] | None, report: Report) -> None:
        self._url = url.rstrip("/")
        self._previous = previous
        self._report = report
        self._front = b""

    async def compare(
        self, site: Tree, hashes: Mapping[str, str]
    ) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        """The paths that are new, changed and unchanged."""
        if not self._url:
            return tuple(sorted(hashes)), (), ()
        if self._previous is not None:
            found = {asset.path: self._by_record(asset) for asset in site.assets}
        else:
            found = await self._by_asking(site, hashes)
        listed = {kind: tuple(sorted(p for p, k in found.items() if k == kind)) for kind in _KINDS}
        return listed["new"], listed["changed"], listed["unchanged"]

    def removed(self, hashes: Mapping[str, str]) -> tuple[str, ...] | None:
        """The paths of before that are no longer there; None where that is not known: the host lists no files."""
        if not self._url:
            return ()
        return None if self._previous is None else tuple(sorted(set(self._previous) - set(hashes) - _RULES))

    def _by_record(self, asset: Asset) -> str:
        known = (self._previous or {}).get(asset.path)
        if known is None:
            return "new"
        return "unchanged" if known == digest(asset.read()) else "changed"

    async def _by_asking(self, site: Tree, hashes: Mapping[str, str]) -> dict[str, str]:
        turns, places = asyncio.Semaphore(_AT_ONCE), addresses(site)
        async with httpx.AsyncClient(timeout=15.0, verify=tls()) as client:
            # What stands in for pages that are not there is the front page.
            self._front = (await client.get(self._url + "/")).content
            kinds = await asyncio.gather(
                *(
                    self._kind(client, turns, asset, places[asset.path], hashes[asset.path])
                    for asset in site.assets
                    if asset.path in places
                )
            )
        return dict(zip((asset.path for asset in site.assets if asset.path in places), kinds, strict=True))

    async def _kind(
        self, client: httpx.AsyncClient, turns: asyncio.Semaphore, asset: Asset, place: str, key: str
    ) -> str:
        async with turns:
            response = await client.get(self._url + place, headers={"If-None-Match": f'"{key}"'})
        if response.status_code == httpx.codes.NOT_MODIFIED or response.content == asset.read():
            return "unchanged"
        stand_in = response.content == self._front and asset.path != "index.html"
        return "new" if not response.is_success or stand_in else "changed"
