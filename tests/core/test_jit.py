"""The cache of compiled code: several processes may fill it at once."""

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
