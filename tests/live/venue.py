"""A quiet local exchange in a process of its own: `python -m tests.live.venue CONFIG`.

Nobody trades but the tests' own users; one maker quotes hyna:HYPE 1 % away from 40 on both sides. A scheduled cancel
wants 1,000 of volume here, so that a test can have traded enough.
"""

import sys
import time
from dataclasses import replace
from pathlib import Path

from tests.local.conftest import quiet_spec

from touchstone.local.exchange import LocalExchange
from touchstone.local.server import settings
from touchstone.local.server.run import serve
from touchstone.local.server.warm import warm


def main() -> None:
    start_ms = time.time_ns() // 1_000_000
    spec = replace(quiet_spec(), schedule_cancel_volume=1_000.0)
    warm(spec, start_ms=start_ms)
    serve(
        LocalExchange(spec, seed=1, start_ms=start_ms),
        settings.load(Path(sys.argv[1])),
        port=0,
        speed=1.0,
        keeps_time=False,
        mirrored_url=None,
        is_child=False,
        say=lambda line: None,
        tell=lambda line: print(line, flush=True),
    )


if __name__ == "__main__":
    main()
