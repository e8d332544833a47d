"""Where a site can be put: a target is a name and `deploy`, told apart in `registry`, confirmed by `verification`."""

import sys
from typing import Any

# httpx imports its command line where it can, and with that click and rich: a sixth of a small deployment's CPU.
_modules: dict[str, Any] = sys.modules
_modules.setdefault("httpx._main", None)
