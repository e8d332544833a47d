"""Run the subjects that are named, or all, and print their tables."""

import argparse
from importlib import import_module

from benchmarks.peers import versions

SUBJECTS = {
    "engine": "benchmarks.engine",
    "parser": "benchmarks.parser",
    "start": "benchmarks.start",
    "live": "benchmarks.live",
    "faults": "benchmarks.faults",
    "deploy": "benchmarks.deploy",
    "history": "benchmarks.history",
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"one of: {', '.join(SUBJECTS)}")
    parser.add_argument(
        "--quick", action="store_true", help="tiny sizes: whether it runs, not how fast it is"
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(SUBJECTS):
        parser.error(f"there is no subject {', '.join(sorted(unknown))}; there are: {', '.join(SUBJECTS)}")
    print(versions(), flush=True)
    for name in arguments.names or SUBJECTS:
        for table in import_module(SUBJECTS[name]).tables(quick=arguments.quick):
            print(f"\n{table}", flush=True)


if __name__ == "__main__":
    main()
