"""How Cloudflare names a file's content, in Pages and in Workers alike."""

from base64 import b64encode

from blake3 import blake3

from webmint_cli.hosting.media_types import extension

_DIGITS = 32


def asset_hash(path: str, data: bytes) -> str:
    """The first 32 hex digits of BLAKE3 over the Base64 of the content and the file's extension, as wrangler does it."""
    return encoded_hash(path, b64encode(data))


def encoded_hash(path: str, encoded: bytes) -> str:
    """As `asset_hash`, of content that is in Base64 already."""
    return blake3(encoded + extension(path).encode()).hexdigest()[:_DIGITS]
