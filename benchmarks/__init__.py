"""WebMint measured beside its peers, in ratios: `python -m benchmarks [name ...] [--quick]`.

The machines that run this are shared, so nothing here is a time to quote: a figure is the CPU of one process,
the median of rounds in which every candidate took its turn, next to the others of the same table. Benchmarks
report; they fail only when they crash. The model server of the tests serves them, hence the path.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]

sys.path.append(str(ROOT / "tests"))
