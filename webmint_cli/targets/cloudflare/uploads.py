"""The asset store of Pages: which contents it lacks, and sending those, each once."""

import asyncio
import json
from base64 import b64encode, urlsafe_b64decode
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from webmint_cli.errors import StorageError, TargetRefused, TargetUnavailable
from webmint_cli.hosting.media_types import pages_type
from webmint_cli.targets.api import Body
from webmint_cli.targets.cloudflare.account import Cloudflare, UploadTokenExpired
from webmint_cli.targets.cloudflare.digest import asset_hash, encoded_hash
from webmint_cli.targets.concurrency import at_once
from webmint_cli.targets.narration import Report
from webmint_cli.targets.target import MIB, Asset, Tree

_BUCKET_BYTES = 40 * MIB
_SMALL_BUCKET = 5 * MIB
_BUCKET_FILES = 2000
_AT_ONCE = 3
_RENEWALS = 5
_ROUNDS = 3
_CHUNK = 256 << 10
_FILES = 20_000


async def hashed(site: Tree) -> dict[str, str]:
    """Each path with the hash of its content."""
    return await asyncio.to_thread(
        lambda: {asset.path: asset_hash(asset.path, asset.read()) for asset in site.assets}
    )


@dataclass(slots=True)
class Bucket:
    """Contents that go in one request: hash to a file that has it."""

    assets: dict[str, Asset] = field(default_factory=dict)
    size: int = 0

    def takes(self, asset: Asset, limit: int) -> bool:
        return not self.assets or (self.size + asset.size <= limit and len(self.assets) < _BUCKET_FILES)

    def put(self, key: str, asset: Asset) -> None:
        self.assets[key] = asset
        self.size += asset.size


def buckets(wanted: Mapping[str, Asset]) -> list[Bucket]:
    """The contents in as few requests as are worth it: one while they are small, three at once when they are not."""
    total = sum(asset.size for asset in wanted.values())
    limit = min(max(total // _AT_ONCE, _SMALL_BUCKET), _BUCKET_BYTES)
    filled: list[Bucket] = []
    for key, asset in sorted(wanted.items(), key=lambda item: -item[1].size):
        bucket = next((bucket for bucket in filled if bucket.takes(asset, limit)), None)
        if bucket is None:
            filled.append(bucket := Bucket())
        bucket.put(key, asset)
    return filled


class Uploads:
    """The uploads of one deployment. The token for them is short-lived, and renewed when it is over."""

    def __init__(self, cloudflare: Cloudflare, token_path: str, report: Report) -> None:
        self._cloudflare = cloudflare
        self._token_path = token_path
        self._report = report
        self._token = ""
        self._renewing = asyncio.Lock()
        self._sent = 0

    async def open(self, files: int) -> None:
        """Get the token. Raises TargetRefused if the account may not have so many files."""
        self._token = await self._new_token()
        most = _claims(self._token).get("max_file_count_allowed") or _FILES
        if files > most:
            raise TargetRefused(
                f"the site has {files:,} files, and the account may have {most:,}",
                code="too_many_files",
                hint="leave some out, or raise the plan",
            )

    async def missing(self, hashes: Iterable[str]) -> list[str]:
        """Which of the hashes the store does not have."""
        wanted = list(dict.fromkeys(hashes))
        answer = await self._call("/pages/assets/check-missing", data={"hashes": wanted})
        lacking = set(answer or ())
        return [key for key in wanted if key in lacking]

    async def send(self, wanted: Mapping[str, Asset]) -> None:
        """Upload contents, some buckets at once."""
        total = sum(asset.size for asset in wanted.values())
        await at_once((partial(self._send_bucket, bucket, total) for bucket in buckets(wanted)), _AT_ONCE)

    async def remember(self, hashes: Iterable[str]) -> None:
        """Tell the store that the project has these. Not needed for the deployment, so a failure is only said."""
        try:
            await self._call("/pages/assets/upsert-hashes", data={"hashes": list(dict.fromkeys(hashes))})
        except TargetRefused as error:
            self._report.say(f"Cloudflare did not note the files for next time ({error.message})")

    async def _send_bucket(self, bucket: Bucket, total: int) -> None:
        rest = bucket.assets
        for _ in range(_ROUNDS):
            rest = await self._unstored(rest)
            if not rest:
                break
            self._report.say(f"{len(rest)} files were not stored; sending them again")
        else:
            raise TargetUnavailable(
                f"Cloudflare did not store {len(rest)} files", hint="deploy again in a while"
            )
        self._sent += bucket.size
        self._report.say(
            f"Uploaded {len(bucket.assets)} files", 20 + 50 * self._sent // max(total, 1), "upload"
        )

    async def _unstored(self, assets: dict[str, Asset]) -> dict[str, Asset]:
        """Upload these, and return those that the store did not take."""
        headers = {"Content-Type": "application/json", "Content-Length": str(_length(assets))}
        answer = await self._call("/pages/assets/upload", body=_body(assets), headers=headers)
        failed = set((answer or {}).get("unsuccessful_keys") or ())
        return {key: asset for key, asset in assets.items() if key in failed}

    async def _call(self, path: str, **more: Any) -> Any:
        """A call with the token of the uploads; one that is over costs no attempt."""
        for _ in range(_RENEWALS):
            token = self._token
            try:
                return await self._cloudflare.ask("POST", path, token=token, **more)
            except UploadTokenExpired:
                await self._renew(token)
        raise TargetUnavailable("Cloudflare's upload tokens expire at once", hint="deploy again in a while")

    async def _renew(self, old: str) -> None:
        async with self._renewing:
            if self._token == old:
                self._report.say("The upload token expired; getting another")
                self._token = await self._new_token()

    async def _new_token(self) -> str:
        return str((await self._cloudflare.ask("GET", self._token_path))["jwt"])


def _claims(token: str) -> dict[str, Any]:
    """What a JWT says, not verified: it is not ours to check."""
    payload = token.split(".")[1] if token.count(".") > 1 else ""
    try:
        claims = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except ValueError:
        return {}
    return claims if isinstance(claims, dict) else {}


def _frame(key: str, asset: Asset) -> tuple[bytes, bytes]:
    """What stands before and after the content of a file in a request."""
    kind = json.dumps(pages_type(asset.path))
    after = f'","metadata":{{"contentType":{kind}}},"base64":true}}'
    return f'{{"key":"{key}","value":"'.encode(), after.encode()


def _length(assets: Mapping[str, Asset]) -> int:
    """The length of the request's body, in bytes, known before any file is read."""
    frames = sum(sum(map(len, _frame(key, asset))) for key, asset in assets.items())
    contents = sum(-(-asset.size // 3) * 4 for asset in assets.values())
    return 2 + frames + contents + max(len(assets) - 1, 0)


def _body(assets: Mapping[str, Asset]) -> Body:
    """The request's body as it is sent: one file in memory at a time, small ones together."""

    async def chunks() -> AsyncIterator[bytes]:
        pending, size = [b"["], 1
        for number, (key, asset) in enumerate(assets.items()):
            before, after = _frame(key, asset)
            content = _content(key, asset)
            pending += [b"," * (number > 0), before, content, after]
            size += len(content)
            if size > _CHUNK:
                yield b"".join(pending)
                pending, size = [], 0
        yield b"".join([*pending, b"]"])

    return chunks


def _content(key: str, asset: Asset) -> bytes:
    content = b64encode(asset.read())
    if encoded_hash(asset.path, content) != key:
        raise StorageError(f"{asset.path} changed during the deployment", hint="deploy again")
    return content
