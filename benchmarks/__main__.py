"""Print every speed figure of docs/benchmarks.md: compile, warm start, replay, where the time goes, memory, market."""

import platform
from importlib.metadata import version

from benchmarks import market, replay, startup


def main() -> None:
    """All measurements, one after the other."""
    names = ", ".join(f"{name} {version(name)}" for name in ("numpy", "numba"))
    print(f"{platform.machine()}, Python {platform.python_version()}, {names}\n")
    startup.report()
    replay.report()
    market.report()


if __name__ == "__main__":
    main()
