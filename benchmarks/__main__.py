"""Print every speed figure of docs/benchmarks.md: compile time, warm start, replay, memory, market, duel."""

import platform
from importlib.metadata import version

from benchmarks import duel, market, replay, startup


def main() -> None:
    """All measurements, one after the other."""
    names = ", ".join(f"{name} {version(name)}" for name in ("numpy", "numba"))
    print(f"{platform.machine()}, Python {platform.python_version()}, {names}\n")
    startup.report()
    replay.report()
    market.report()
    duel.report()


if __name__ == "__main__":
    main()
