"""The web server of the pages: on loopback, of one process beside the trader, with metrics and alerts."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable
from html import escape
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Response
from nicegui import ui
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.middleware.trustedhost import TrustedHostMiddleware

from touchstone.config import Config
from touchstone.dashboard import operator
from touchstone.dashboard.data import Library
from touchstone.dashboard.page import PAGES, Page
from touchstone.dashboard.pages import book, calibration, fills, health, money, overview, risk, why
from touchstone.watch.metrics import exposition
from touchstone.watch.serve import end_of_input
from touchstone.watch.standing import NoSessionError, sessions_of
from touchstone.watch.watcher import Watcher

HOST = "127.0.0.1"
MOST_SESSIONS = 200  # in the list
BUILDERS: dict[str, Callable[[Page, dict[str, str]], None]] = {
    "/": overview.build,
    "/book": book.build,
    "/calibration": calibration.build,
    "/fills": fills.build,
    "/money": money.build,
    "/risk": risk.build,
    "/health": health.build,
    "/why": why.build,
}
STYLE = (Path(__file__).parent / "style.css").read_text(encoding="utf-8")
THEME = """<script>
function touchstoneTheme(next) {
  const usual = matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light';
  const dark = next === undefined ? (localStorage.getItem('theme') || usual) === 'dark' : next;
  document.body.classList.toggle('body--dark', dark); document.body.classList.toggle('body--light', !dark);
  document.body.classList.toggle('dark', dark); document.documentElement.style.colorScheme = dark ? 'dark' : 'light';
  if (next !== undefined) localStorage.setItem('theme', dark ? 'dark' : 'light');
}
addEventListener('DOMContentLoaded', () => setTimeout(touchstoneTheme, 0));
addEventListener('load', () => touchstoneTheme());
</script>"""


def serve(folder: Path, settings: Config, *, port: int, ends_with_input: bool, say: Callable[[str], None]) -> None:
    """Serve until interrupted, or until standard input ends."""
    watcher = Watcher(folder, settings.alerts, say)
    asyncio.run(_serve(make(folder, watcher, say), watcher, port, ends_with_input))


def make(folder: Path, watcher: Watcher, say: Callable[[str], None]) -> FastAPI:
    """The application over one session and those beside it."""
    beside = folder.resolve().parent
    library = Library(folder, lambda: sessions_of(beside))

    @contextlib.asynccontextmanager
    async def living(_: FastAPI) -> AsyncIterator[None]:
        watching = asyncio.create_task(watcher.watch())
        yield
        watching.cancel()

    app = FastAPI(lifespan=living, docs_url=None, redoc_url=None, openapi_url=None)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])  # no page of another name reads ours

    @app.get("/metrics")
    def metrics() -> Response:
        return Response(exposition(watcher.read), media_type=CONTENT_TYPE_LATEST)

    for path, build in BUILDERS.items():
        _add_page(path, build, library, watcher, say)
    ui.run_with(app, title="Touchstone", show_welcome_message=False)
    return app


def _add_page(
    path: str,
    build: Callable[[Page, dict[str, str]], None],
    library: Library,
    watcher: Watcher,
    say: Callable[[str], None],
) -> None:
    title = dict(PAGES).get(path, "Why")

    @ui.page(path, title=f"Touchstone: {title}")
    def laid_out(session: str = "", fill: str = "", quote: str = "", at: str = "", model: str = "") -> None:
        shown = library.get(session)
        is_own = shown is library.get(None)
        page = Page(library, shown, path, (lambda: watcher.active) if is_own else list)
        ui.add_head_html(f"<style>{STYLE}</style>{THEME}")
        with ui.element("header").classes("bar"):
            page.follow(lambda shown: page.head(shown.standing))
            with ui.element("div").classes("push"):
                _session_choice(page)
                operator.button(shown, say)
                theme = ui.element("button").classes("button").props('aria-label="light or dark"')
                with theme:
                    ui.label("Light / dark")
                theme.on("click", js_handler="() => touchstoneTheme(!document.body.classList.contains('body--dark'))")
        ui.html(page.navigation(), sanitize=False)
        with ui.element("div").classes("board"):
            try:
                build(page, {"fill": fill, "quote": quote, "at": at, "model": model})
            except NoSessionError as error:
                ui.label(str(error))
        page.start()


def _session_choice(page: Page) -> None:
    """Another session on the same page; a native list, which every keyboard and telephone knows."""
    names = page.library.names()[:MOST_SESSIONS]
    chosen = {page.shown.name: " selected"}
    options = "".join(
        f'<option value="{escape(name, quote=True)}"{chosen.get(name, "")}>{escape(name)}</option>' for name in names
    )
    address = f"{page.path if page.path != '/why' else '/fills'}?session="
    ui.html(
        f'<select class="sessions" aria-label="session" onchange="location.href=\'{address}\'+'
        f'encodeURIComponent(this.value)">{options}</select>',
        sanitize=False,
    )


async def _serve(app: FastAPI, watcher: Watcher, port: int, ends_with_input: bool) -> None:
    server = uvicorn.Server(uvicorn.Config(app, host=HOST, port=port, log_level="warning", timeout_graceful_shutdown=1))
    serving = asyncio.create_task(server.serve())
    if ends_with_input:
        await end_of_input()
        await asyncio.to_thread(watcher.end)
        os._exit(0)  # it only reads: nothing is left to be done in order, and no table that is being read is waited for
    await serving
