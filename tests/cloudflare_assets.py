"""The store of assets behind Cloudflare Pages: upload tokens, and bytes by their hash, an account at a time."""

from __future__ import annotations

import base64
import binascii
import re
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from cloudflare_faults import EXPIRED_TOKEN, answer, envelope
from cloudflare_site import BAD_REQUEST, Asset, Call, Refused, asset_hash, jwt

if TYPE_CHECKING:
    from cloudflare_wire import Answer

MOST_BYTES = 25 * 1024 * 1024
BUCKET_BYTES = 40 * 1024 * 1024
BUCKET_FILES = 2000


class Assets:
    """`repeats` are the (call, hash) pairs that a client sent twice in one call, or uploaded though stored."""

    def __init__(self) -> None:
        self.max_files = 20_000
        self.token_seconds = 300.0
        self.repeats: list[tuple[str, str]] = []
        self.stored: dict[str, dict[str, Asset]] = {}
        self._tokens: dict[str, tuple[str, float]] = {}

    def upload_token(self, call: Call) -> Answer:
        expires = time.time() + self.token_seconds
        token = jwt(exp=int(expires), max_file_count_allowed=self.max_files, account=call.account)
        self._tokens[token] = (call.account, expires)
        return answer(envelope({"jwt": token}))

    def check_missing(self, call: Call) -> Answer:
        stored, hashes = self._mine(call), self._hashes(call)
        return answer(envelope([key for key in dict.fromkeys(hashes) if key not in stored]))

    def upload(self, call: Call) -> Answer:
        stored, items = self._mine(call), _bucket(call.seen.json)
        self._note("upload", [key for key, _ in items])
        bucket, lost = dict(items), call.unstored
        self.repeats += [("upload", key) for key in bucket if key in stored]
        failed = [key for key in bucket if lost is not None and (not lost or key in lost)]
        stored |= {key: asset for key, asset in bucket.items() if key not in failed}
        return answer(
            envelope({"successful_key_count": len(bucket) - len(failed), "unsuccessful_keys": failed})
        )

    def upsert(self, call: Call) -> Answer:
        stored, hashes = self._mine(call), self._hashes(call)
        if unknown := [key for key in hashes if key not in stored]:
            raise Refused(400, BAD_REQUEST, f"Asset {unknown[0]} was not uploaded.")
        return answer(envelope())

    def manifest(self, account: str, manifest: Any) -> dict[str, Asset]:
        """The assets by path; Refused unless each was uploaded and its hash is that of its bytes under this path."""
        stored = self.stored.get(account, {})
        if not isinstance(manifest, dict) or len(manifest) > self.max_files:
            raise Refused(400, BAD_REQUEST, f"A manifest maps up to {self.max_files} paths to hashes.")
        for path, key in manifest.items():
            if not path.startswith("/") or key not in stored:
                raise Refused(400, BAD_REQUEST, f"The manifest names {path}, but {key} was not uploaded.")
            if asset_hash(stored[key].data, path) != key:
                raise Refused(400, BAD_REQUEST, f"The manifest's hash of {path} is not that of its bytes.")
        return {path: stored[key] for path, key in manifest.items()}

    def _mine(self, call: Call) -> dict[str, Asset]:
        """What the account that this upload token belongs to has stored."""
        account, expires = self._tokens.get(call.bearer, ("", 0.0))
        if time.time() >= expires:
            raise Refused(401, EXPIRED_TOKEN, "Authorization failed")
        return self.stored.setdefault(account, {})

    def _hashes(self, call: Call) -> list[str]:
        hashes = (call.seen.json or {}).get("hashes")
        if not isinstance(hashes, list) or not all(map(_is_hash, hashes)):
            raise Refused(400, BAD_REQUEST, "The request body must have a list of asset hashes.")
        self._note(call.seen.call, hashes)
        return hashes

    def _note(self, name: str, hashes: list[str]) -> None:
        self.repeats += [(name, key) for key, times in Counter(hashes).items() if times > 1]


def _is_hash(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[0-9a-f]{32}", value) is not None


def _bucket(items: Any) -> list[tuple[str, Asset]]:
    """The assets of one upload, within its limits."""
    if not isinstance(items, list) or not items or len(items) > BUCKET_FILES:
        raise Refused(400, BAD_REQUEST, f"An upload is a list of 1 to {BUCKET_FILES} assets.")
    assets = [_asset(item) for item in items]
    if sum(len(asset.data) for _, asset in assets) > BUCKET_BYTES:
        raise Refused(413, BAD_REQUEST, f"An upload holds at most {BUCKET_BYTES} bytes.")
    return assets


def _asset(item: Any) -> tuple[str, Asset]:
    try:
        key, kind = item["key"], item["metadata"]["contentType"]
        data = base64.b64decode(item["value"], validate=True)
        sound = item["base64"] is True and _is_hash(key) and isinstance(kind, str) and len(item) == 4
    except (KeyError, TypeError, binascii.Error):
        sound = False
    if not sound:
        raise Refused(400, BAD_REQUEST, "An asset needs key, value, metadata.contentType and base64.")
    if len(data) > MOST_BYTES:
        raise Refused(413, BAD_REQUEST, f"An asset has at most {MOST_BYTES} bytes.")
    return key, Asset(data, kind)
