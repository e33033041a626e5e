"""Compiling before the first event, with word of it, on two processors where there are two."""

import gc
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from touchstone.core.jit import CACHE_DIR, IS_COMPILED

UNUSED_DAYS = 14.0  # after which the compiled code of another version is removed

PART = "resolve.resolve"  # of the core; where it is, the rest is too (parts.py)

Say = Callable[[str], None]


def compile_ahead(say: Say, kernel: str, run_nothing: Callable[[], None]) -> float:
    """Compile (or load) all that a run and its result need, before its first event; the seconds that it took.

    kernel: `module.function` of the outermost compiled function, whose absence from the cache is a cold start;
    run_nothing: a run without an event, and its result.
    """
    is_cold = not _is_cached(kernel)
    if is_cold:
        say(f"compiling the core: once per version, about two minutes; kept in {CACHE_DIR}")
    started = time.perf_counter()
    had_collector = gc.isenabled()
    gc.disable()  # the compiler leaves little behind, and looking for it costs a tenth of its time
    try:
        if IS_COMPILED and not _is_cached(PART):
            from touchstone.session import parts  # only here: it knows the whole core

            with beside("touchstone.session.parts"):
                parts.compile_part(parts.OURS)
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


def _is_cached(function: str) -> bool:
    return any(CACHE_DIR.rglob(f"{function}-*.nbi"))


@contextmanager
def beside(module: str, *arguments: str) -> Iterator[None]:
    """Another process (`python -m MODULE`) that compiles meanwhile, into the same cache (core/jit.py locks it).

    With one processor there is none. What it leaves undone, for whatever reason, is compiled when it is needed.
    """
    if (os.cpu_count() or 1) < 2:
        yield
        return
    child = subprocess.Popen([sys.executable, "-m", module, *arguments], stdout=subprocess.DEVNULL)
    try:
        yield
        child.wait()
    finally:
        child.kill()
        child.wait()


def remove_unused(root: Path, since_s: float) -> int:
    """Remove folders of compiled code that were last used before a time (Unix seconds); how many."""
    unused = [folder for folder in root.iterdir() if folder.is_dir() and folder.stat().st_mtime < since_s]
    for folder in unused:
        shutil.rmtree(folder, ignore_errors=True)
    return len(unused)
