"""The entry point: `webmint`, and `python -m webmint_cli`."""

import sys


def main() -> None:
    """Run the command line. `--version` is answered before anything is imported."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from webmint_cli import __version__

        sys.stdout.write(f"webmint {__version__}\n")
        return
    from webmint_cli.cli import app

    app()


if __name__ == "__main__":
    main()
