"""The entry point: `webmint`, and `python -m webmint_cli`."""

import os
import sys


def main() -> None:
    """Run the command line. `--version` is answered before anything is imported."""
    if sys.argv[1:] in (["--version"], ["-V"]) and sys.stdout:
        from webmint_cli import __version__

        try:
            os.write(sys.stdout.fileno(), f"webmint {__version__}\n".encode())
        except OSError as error:
            sys.exit(f"error: can't write to stdout: {error.strerror}")
        return
    from webmint_cli.cli import main as run

    run()


if __name__ == "__main__":
    main()
