"""A session that trades beside its dashboard, and a browser of the system; where there is none, tests say so."""

import re
import shutil
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.conformance.conftest import WIDE, running
from tests.faults.traders import COIN, SPEED, TraderProcess

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
STARTS_S = 240.0  # it may have to compile


@dataclass
class Desk:
    """A running session with its pages."""

    trader: TraderProcess
    url: str
    token: str


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A headless Chromium; its event loop ends with the file, for later tests have loops of their own."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next((found for name in CHROMIUMS if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip(f"no browser here: install the package {CHROMIUMS[0]}")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A session on a local exchange, with its dashboard, once it has been filled."""
    many = "request_buffer = 1000000\n[accounts]\nn = 100\n"
    with running(
        tmp_path_factory.mktemp("exchange"), "--market", "normal", "--coin", COIN, "--speed", f"{SPEED:g}",
        config=WIDE + many,
    ) as venue:  # fmt: skip
        folder = tmp_path_factory.mktemp("trader")
        trader = TraderProcess(venue, folder, 7, dashboard=True, also={"TOUCHSTONE_ALERT_URLS": ""})
        trader.start()
        try:
            trader.until(lambda told: told["fills"] > 0, "it is filled", STARTS_S)
            found = re.search(r"dashboard: (http://\S+)\s+token for its commands: (\S+)", trader.words(1_000))
            assert found is not None, trader.words()
            until(lambda: answers(found[1]), "the dashboard answers", 120.0)  # it gives way to everything else
            yield Desk(trader, found[1], found[2])
        finally:
            trader.close()


@pytest.fixture
def page(chromium: Any, desk: Desk) -> Iterator[Any]:
    """A page that may talk to nobody but the dashboard and has no error in its console."""
    context = chromium.new_context(viewport={"width": 1360, "height": 900}, base_url=desk.url)
    made = context.new_page()
    wrong: list[str] = []
    made.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
    made.on("pageerror", lambda error: wrong.append(str(error)))
    made.on("request", lambda request: wrong.append(request.url) if _is_outside(request.url) else None)
    made.set_default_timeout(30_000)
    yield made
    context.close()
    assert wrong == []


def _is_outside(url: str) -> bool:
    return not url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:"))


def answers(url: str) -> bool:
    """Whether something serves there."""
    try:
        with urllib.request.urlopen(f"{url}/metrics", timeout=5.0) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def until(holds: Any, what: str, seconds: float = 20.0) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.1)
