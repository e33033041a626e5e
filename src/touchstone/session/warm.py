"""Compiling before the first event, with word of it."""

import gc
import time
from collections.abc import Callable

from touchstone.core.jit import CACHE_DIR

Say = Callable[[str], None]


def compile_ahead(say: Say, kernel: str, run_nothing: Callable[[], None]) -> float:
    """Compile (or load) all that a run and its result need, before its first event; the seconds that it took.

    kernel: `module.function` of the outermost compiled function, whose absence from the cache is a cold start;
    run_nothing: a run without an event, and its result.
    """
    is_cold = not any(CACHE_DIR.rglob(f"{kernel}-*.nbi"))
    if is_cold:
        say(f"compiling the core: once per version, about two minutes; kept in {CACHE_DIR}")
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
    return seconds
