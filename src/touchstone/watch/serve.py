"""Metrics and alerts of a session without pages."""

import asyncio
import sys
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from prometheus_client import CONTENT_TYPE_LATEST

from touchstone.config import Alerts
from touchstone.watch.metrics import exposition
from touchstone.watch.standing import Standing
from touchstone.watch.watcher import Watcher


def serve(folder: Path, settings: Alerts, *, port: int, ends_with_input: bool, say: Callable[[str], None]) -> None:
    """Until interrupted, or until standard input ends."""
    watcher = Watcher(folder, settings, say)
    server = ThreadingHTTPServer(("127.0.0.1", port), _handler(watcher.read))
    Thread(target=server.serve_forever, name="metrics", daemon=True).start()
    try:
        asyncio.run(_until(watcher, ends_with_input))
    finally:
        server.shutdown()


async def _until(watcher: Watcher, ends_with_input: bool) -> None:
    watching = asyncio.create_task(watcher.watch())
    if ends_with_input:
        await end_of_input()
        watching.cancel()
        await asyncio.to_thread(watcher.end)
    else:
        await watching
        await asyncio.Event().wait()


async def end_of_input() -> None:
    """Until standard input ends, as it does with the process at its other end."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.read(1_024):
        pass


def _handler(read: Callable[[], Standing]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Answers /metrics, and nothing to a page of another name (DNS rebinding)."""

        def do_GET(self) -> None:
            host = (self.headers.get("Host") or "").partition(":")[0]
            if self.path != "/metrics" or host not in ("127.0.0.1", "localhost"):
                self.send_error(404)
                return
            body = exposition(read)
            self.send_response(200)
            self.send_header("Content-Type", CONTENT_TYPE_LATEST)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Not each scrape."""

    return Handler
