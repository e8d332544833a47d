"""WebMint: from a sentence to a live website, in the shell, in CI or in the browser."""

__version__ = "0.1.0"
