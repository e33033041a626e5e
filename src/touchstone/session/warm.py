"""Compiling before the first event, with word of it."""

import gc
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from touchstone.core.jit import CACHE_DIR

UNUSED_DAYS = 14.0  # after which the compiled code of another version is removed

Say = Callable[[str], None]


def compile_ahead(say: Say, kernel: str, run_nothing: Callable[[], None]) -> float:
    """Compile (or load) all that a run and its result need, before its first event; the seconds that it took.

    kernel: `module.function` of the outermost compiled function, whose absence from the cache is a cold start;
    run_nothing: a run without an event, and its result.
    """
    is_cold = not any(CACHE_DIR.rglob(f"{kernel}-*.nbi"))
    if is_cold:
        say(f"compiling the core: once per version, about three minutes; kept in {CACHE_DIR}")
    started = time.perf_counter()
    had_collector = gc.isenabled()
    gc.disable()  # the compiler leaves little behind, and looking for it costs a tenth of its time
    try:
        run_nothing()
    finally:
        if had_collector:
            gc.enable()
    seconds = time.perf_counter() - started
    if is_cold:
        say(f"compiled in {seconds:.1f} s")
        if removed := remove_unused(CACHE_DIR.parent, time.time() - 86_400.0 * UNUSED_DAYS):
            say(f"removed the compiled code of {removed} versions that were not used for {UNUSED_DAYS:g} days")
    return seconds


def remove_unused(root: Path, since_s: float) -> int:
    """Remove folders of compiled code that were last used before a time (Unix seconds); how many."""
    unused = [folder for folder in root.iterdir() if folder.is_dir() and folder.stat().st_mtime < since_s]
    for folder in unused:
        shutil.rmtree(folder, ignore_errors=True)
    return len(unused)
