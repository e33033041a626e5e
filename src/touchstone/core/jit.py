"""How the core is compiled: three decorators, one dtype builder, and a cache that notices every edit.

Numba's file cache does not notice a change in a *called* function of another file, so the cache directory carries a
hash of all compiled sources and of the numba, numpy and Python versions. It must be set before numba is imported:
import this module before anything that imports numba.
"""

import fcntl
import hashlib
import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any, Callable

import numpy as np

_PACKAGE = Path(__file__).resolve().parent.parent
COMPILED_FOLDERS = ("core/", "exchange/")  # with the constants that are compiled in


def source_hash() -> str:
    """Hash of core, exchange and every other file that compiles a function, and of the versions that compile them."""
    digest = hashlib.blake2b(digest_size=10)
    for name in ("numba", "numpy", "llvmlite"):
        digest.update(f"{name}={version(name)};".encode())
    digest.update(f"python={platform.python_version()};flags={os.environ.get('NUMBA_BOUNDSCHECK', '')};".encode())
    for path in sorted(_PACKAGE.rglob("*.py")):
        name, source = path.relative_to(_PACKAGE).as_posix(), path.read_bytes()
        if name.startswith(COMPILED_FOLDERS) or b"@compiled" in source or b"@inline" in source:
            digest.update(name.encode())
            digest.update(source)
    return digest.hexdigest()


def cache_root() -> Path:
    """Folder that holds one compiled-code folder per source hash (TOUCHSTONE_CACHE_DIR overrides)."""
    given = os.environ.get("TOUCHSTONE_CACHE_DIR")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "touchstone" / "compiled"


def _use_cache() -> Path:
    folder = cache_root() / source_hash()
    folder.mkdir(parents=True, exist_ok=True)
    os.utime(folder)  # in use: what is not used for long is removed (session/warm.py)
    os.environ["NUMBA_CACHE_DIR"] = str(folder)
    if "numba" in sys.modules:  # a test oracle may have imported numba first
        sys.modules["numba"].config.CACHE_DIR = str(folder)
    return folder


CACHE_DIR = _use_cache()
# Sums that are written as four at once become vectors, loops do not: those of loops that are merged into a hot function
# are saved and restored around each of its calls.
os.environ.setdefault("NUMBA_LOOP_VECTORIZE", "0")
os.environ.setdefault("NUMBA_SLP_VECTORIZE", "1")

import numba  # noqa: E402
from llvmlite import binding as llvm  # noqa: E402
from numba import njit  # noqa: E402
from numba.core.caching import IndexDataCacheFile, UserProvidedCacheLocator  # noqa: E402
from numba.core.cpu import CPUContext  # noqa: E402

# Twice and more what LLVM takes for worth a call: a replay takes 5 % less time, a compilation 6 % more.
llvm.set_option("", "-inline-threshold=700")
numba.config.LOOP_VECTORIZE = int(os.environ["NUMBA_LOOP_VECTORIZE"])
numba.config.SLP_VECTORIZE = int(os.environ["NUMBA_SLP_VECTORIZE"])
IS_COMPILED = not numba.config.DISABLE_JIT


class SourceLocator(UserProvidedCacheLocator):
    """Where a function of the package is cached: by what its sources say (CACHE_DIR), not by where and when they lie.

    Numba's own asks for the path and the time of the file, so every clone and every checkout would compile afresh.
    """

    def __init__(self, function: Any, path: str) -> None:
        super().__init__(function, path)
        self._cache_path = str(CACHE_DIR / Path(path).relative_to(_PACKAGE).with_suffix(""))

    def get_source_stamp(self) -> str:
        """The same at all times: an edit makes another CACHE_DIR."""
        return CACHE_DIR.name

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> Any:
        """None for functions of others (tests, benchmarks), which numba's own serves."""
        return super().from_function(py_func, py_file) if Path(py_file).is_relative_to(_PACKAGE) else None


_save_unlocked = IndexDataCacheFile.save


def _save(self: Any, key: Any, data: Any) -> None:
    """One process at a time: numba reads an index, adds an entry and writes it back, and two would mix up theirs."""
    with (CACHE_DIR / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _save_unlocked(self, key, data)


IndexDataCacheFile.save = _save
numba.config.CACHE_LOCATOR_CLASSES = f"{__name__}.{SourceLocator.__name__},{UserProvidedCacheLocator.__name__}"

_APART: set[tuple[str, str]] = set()  # module and name of the functions that are not to be merged
_declare = CPUContext.declare_function


def _declare_apart(self: Any, module: Any, described: Any) -> Any:
    """Numba has no option for the attribute, so it is added where a function is declared."""
    declared = _declare(self, module, described)
    if (described.modname, described.qualname) in _APART:
        declared.attributes.add("noinline")
    return declared


CPUContext.declare_function = _declare_apart

# No wrapper for callers in C: nothing needs one, and it costs a twentieth of the compile time. No reference counts: the
# core allocates nothing, and every array handed to a function would be counted by an atomic instruction.
_OPTIONS: dict[str, Any] = {"cache": True, "error_model": "numpy", "no_cfunc_wrapper": True, "_nrt": False}


def inline(function: Callable[..., Any]) -> Any:
    """Compile a small inner function and always inline it (LLVM alwaysinline; half the compile time of a call)."""
    return njit(**_OPTIONS, forceinline=True)(function)


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function that is large, rare, or called from many places.

    forceinline is said to be off: not said, numba takes it over from the first caller that compiles the function.
    """
    return njit(**_OPTIONS, forceinline=False)(function)


def apart(function: Callable[..., Any]) -> Any:
    """Compile a function that is never merged into its callers (LLVM noinline).

    For small loops that run long, whose registers would be spilled, and for what seldom runs beside what often does.
    """
    _APART.add((function.__module__, function.__qualname__))
    return compiled(function)


def record(fields: list[Any]) -> Any:
    """Structured dtype whose elements read as attributes, in compiled and in plain Python mode alike.

    Raises ValueError where a field name is also an attribute of np.record (there it would hide the field).
    """
    taken = {field[0] for field in fields} & set(dir(np.record))
    if taken:
        raise ValueError(f"field names {sorted(taken)} are attributes of np.record; choose other names")
    return np.dtype((np.record, np.dtype(fields, align=True)))
