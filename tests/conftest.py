"""What all tests share: where compiled code is kept, and how property tests search."""

import os
from pathlib import Path

from hypothesis import settings

# Numba's cache is not safe for two processes that write it at once: each xdist worker has a folder of its own.
# It must be named before anything imports numba.
if worker := os.environ.get("PYTEST_XDIST_WORKER"):
    home = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    os.environ["TOUCHSTONE_CACHE_DIR"] = str(home / "touchstone" / f"compiled-tests-{worker}")

# The same examples each time, and no deadline: a first example may have to wait for the compiler.
settings.register_profile("touchstone", deadline=None, derandomize=True, max_examples=50, database=None)
settings.load_profile("touchstone")
