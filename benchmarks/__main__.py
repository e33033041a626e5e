"""Print every speed figure of docs/benchmarks.md."""

import platform
from importlib.metadata import version

from benchmarks import duel, live_decision, live_path, market, replay, signing, startup


def main() -> None:
    """All measurements, one after the other."""
    names = ", ".join(f"{name} {version(name)}" for name in ("numpy", "numba"))
    print(f"{platform.machine()}, Python {platform.python_version()}, {names}\n")
    startup.report()
    replay.report()
    market.report()
    signing.report()
    live_decision.report()
    live_path.report()
    duel.report()


if __name__ == "__main__":
    main()
