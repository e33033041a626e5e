"""How functions are compiled: a cache that several processes may fill at once, and what is merged into its callers."""

import os
import subprocess
import sys
from pathlib import Path

MODULE = """
from touchstone.core.jit import compiled

@compiled
def doubled(x):
    return x + x
"""
# A type each, all saved at the same moment; then every type must be there, under its own name.
WRITE = """
import sys, numba, shared
sys.stdin.readline()
for name in sys.argv[1].split(","):
    shared.doubled.compile((getattr(numba, name),))
"""
READ = """
import sys, numba, numpy, shared
for name in sys.argv[1].split(","):
    assert shared.doubled(getattr(numpy, name)(3)) == 6, name
    assert shared.doubled.overloads[getattr(numba, name),].signature.return_type != numba.void
assert not shared.doubled.stats.cache_misses, shared.doubled.stats
"""
TYPES = ("int8,int16,float32", "int32,int64,float64", "uint8,uint16,complex64", "uint32,uint64,complex128")


def test_processes_that_compile_at_once_lose_nothing(tmp_path: Path) -> None:
    """Numba's own index keeps the entry of whoever wrote last, and may point to the code of another type."""
    (tmp_path / "shared.py").write_text(MODULE)
    paths = os.pathsep.join([str(tmp_path), *sys.path])
    environment = os.environ | {"TOUCHSTONE_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": paths}
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITE, types], stdin=subprocess.PIPE, env=environment)
        for types in TYPES
    ]
    for writer in writers:
        assert writer.stdin
        writer.stdin.write(b"now\n")
        writer.stdin.flush()
    assert [writer.wait() for writer in writers] == [0] * len(writers)
    subprocess.run([sys.executable, "-c", READ, ",".join(TYPES)], env=environment, check=True)


MERGED = """
from touchstone.core.jit import apart, compiled, inline

@compiled
def large(x):
    return x + x

@apart
def alone(x):
    return x * x

@inline
def small(x):
    return large(x) + alone(x)

@compiled
def kernel(x):
    return small(x)
"""
CALL = """
import numpy, merged
merged.kernel(numpy.int64(3))
(large,), (small,) = (function.overloads.values() for function in (merged.large, merged.small))
assert small.fndesc.inline
assert not large.fndesc.inline, "numba's forceinline went over from the caller"
(asm,) = merged.kernel.inspect_asm().values()
assert any(line.startswith("_ZN") and "alone" in line and line.rstrip().endswith(":") for line in asm.splitlines())
"""


def test_only_what_asks_for_it_is_merged_into_its_callers(tmp_path: Path) -> None:
    """Numba hands forceinline on to whatever an inlined function compiles, so that large functions end up in loops."""
    (tmp_path / "merged.py").write_text(MERGED)
    paths = os.pathsep.join([str(tmp_path), *sys.path])
    environment = os.environ | {"TOUCHSTONE_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": paths}
    environment.pop("NUMBA_DISABLE_JIT", None)
    subprocess.run([sys.executable, "-c", CALL], env=environment, check=True)
