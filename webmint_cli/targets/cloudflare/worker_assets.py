"""The assets of a Worker: a session that says which contents it lacks, and sending those in the buckets it asks for."""

from base64 import b64encode
from collections.abc import AsyncIterator, Iterable, Mapping
from functools import partial
from secrets import token_hex
from typing import Any

from webmint_cli.errors import StorageError, TargetUnavailable
from webmint_cli.hosting.media_types import workers_type
from webmint_cli.targets.cloudflare.account import Cloudflare, UploadTokenExpired
from webmint_cli.targets.cloudflare.digest import encoded_hash
from webmint_cli.targets.concurrency import at_once
from webmint_cli.targets.narration import Report
from webmint_cli.targets.target import Asset, Tree

_AT_ONCE = 3
_SESSIONS = 3


class AssetSession:
    """The upload of one version's assets. `base` is the account's path, `script` the Worker's name."""

    def __init__(self, cloudflare: Cloudflare, base: str, script: str, report: Report) -> None:
        self._cloudflare = cloudflare
        self._base = base
        self._script = script
        self._report = report
        self._completion = ""
        self._sent: set[str] = set()

    async def missing(self, site: Tree, hashes: Mapping[str, str]) -> set[str]:
        """Which contents the host does not have."""
        _, buckets = await self._open(site, hashes)
        return {key for bucket in buckets for key in bucket}

    async def complete(self, site: Tree, hashes: Mapping[str, str]) -> tuple[str, int]:
        """The token that stands for all assets once they are there, and how many contents were sent."""
        assets = {hashes[asset.path]: asset for asset in site.assets}
        at_first: int | None = None
        for _ in range(_SESSIONS):
            token, buckets = await self._open(site, hashes)
            lacking = sum(map(len, buckets))
            at_first = lacking if at_first is None else at_first
            self._report.say(f"{lacking} to upload, {len(assets) - lacking} unchanged", 20, "upload")
            if not buckets:
                return token, at_first
            try:
                await at_once(
                    (
                        partial(self._send, token, {key: assets[key] for key in bucket}, len(assets))
                        for bucket in buckets
                    ),
                    _AT_ONCE,
                )
            except UploadTokenExpired:
                self._report.say("The upload session expired; opening another")
                continue
            if self._completion:
                return self._completion, at_first
        raise TargetUnavailable("Cloudflare did not take all files", hint="deploy again in a while")

    async def _open(self, site: Tree, hashes: Mapping[str, str]) -> tuple[str, list[list[str]]]:
        manifest = {
            f"/{asset.path}": {"hash": hashes[asset.path], "size": asset.size} for asset in site.assets
        }
        path = f"{self._base}/scripts/{self._script}/assets-upload-session"
        answer = await self._cloudflare.ask("POST", path, data={"manifest": manifest})
        return str(answer["jwt"]), [list(bucket) for bucket in answer.get("buckets") or ()]

    async def _send(self, token: str, bucket: Mapping[str, Asset], total: int) -> None:
        form = Form(bucket)
        answer: dict[str, Any] | None = await self._cloudflare.ask(
            "POST",
            f"{self._base}/assets/upload",
            params={"base64": "true"},
            body=form.body,
            headers=form.headers,
            token=token,
        )
        self._sent |= bucket.keys()
        self._report.say(f"Uploaded {len(bucket)} files", 20 + 50 * len(self._sent) // total, "upload")
        self._completion = str((answer or {}).get("jwt") or self._completion)


class Form:
    """Contents in one multipart request: each a field, named by its hash, in Base64; one in memory at a time."""

    def __init__(self, bucket: Mapping[str, Asset]) -> None:
        boundary = f"webmint-{token_hex(16)}"
        self._end = f"--{boundary}--\r\n".encode()
        self._fields = [(_head(boundary, key, asset), key, asset) for key, asset in bucket.items()]
        length = sum(len(head) + -(-asset.size // 3) * 4 + 2 for head, _, asset in self._fields)
        self.headers = {
            "Content-Type": f"multipart/form-data; boundary={boundary}",
            "Content-Length": str(length + len(self._end)),
        }

    async def body(self) -> AsyncIterator[bytes]:
        for piece in self._pieces():
            yield piece

    def _pieces(self) -> Iterable[bytes]:
        for head, key, asset in self._fields:
            content = b64encode(asset.read())
            if encoded_hash(asset.path, content) != key:
                raise StorageError(f"{asset.path} changed during the deployment", hint="deploy again")
            yield head + content + b"\r\n"
        yield self._end


def _head(boundary: str, key: str, asset: Asset) -> bytes:
    return (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{key}"; filename="{key}"\r\n'
        f"Content-Type: {workers_type(asset.path)}\r\n\r\n"
    ).encode()
