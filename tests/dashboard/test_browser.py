"""The pages in a browser, over a session that trades: they open, follow it, explain, and pass commands on."""

import json
import os
import re
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.faults.traders import SOURCE

from touchstone.cli.dashboard import free_port
from touchstone.dashboard.page import PAGES
from touchstone.insight.words import SCORES
from touchstone.live import control

from .conftest import Desk, answers, until

SHOWN_WITHIN_S, WATCHED_S = 1.0, 8.0
NOTE_CHANGES = """() => {
  window.changes = [];
  const note = () => {
    const tile = [...document.querySelectorAll('.tile')].find(each => each.innerText.startsWith('Market events'));
    const words = tile?.querySelector('.value').innerText;
    if (words && words !== window.changes.at(-1)?.[0]) window.changes.push([words, Date.now()]);
  };
  note();
  new MutationObserver(note).observe(document.body, {subtree: true, childList: true, characterData: true});
}"""
IS_READ = "() => !document.querySelector('.board').innerText.includes('reading the session')"
ANSWERED = "() => !['', 'working ...'].includes(document.querySelector('[role=status]').innerText)"
FOCUSED = "(document.activeElement.innerText || document.activeElement.ariaLabel || '').trim()"


@pytest.mark.parametrize(("path", "title"), PAGES, ids=[title for _, title in PAGES])
def test_a_page_opens_and_shows_every_panel(page: Any, path: str, title: str) -> None:
    page.goto(path)
    page.wait_for_selector(".panel h2")
    page.wait_for_function(IS_READ)
    assert page.locator("nav.pages a[aria-current=page]").inner_text() == title
    text = page.locator(".board").inner_text()
    assert "cannot be shown" not in text
    assert page.locator(".chip").first.inner_text() == "running"


def test_what_the_session_says_is_shown_within_a_second(page: Any, desk: Desk) -> None:
    """From the word in the engine's stream to the page that shows it.

    A busy machine holds the dashboard up, which gives way to everything else; by how much is measured in the same
    moments by its shortest answer, and allowed for. The page's own pace is not: one that looked each three seconds
    would fail however quiet the machine is.
    """
    page.goto("/health")
    page.locator(".tile", has_text="Market events").wait_for()
    page.evaluate(NOTE_CHANGES)
    said: dict[str, float] = {}  # what the page will show: when the session said it
    answered: list[float] = []
    ends_s = time.monotonic() + WATCHED_S
    while time.monotonic() < ends_s:
        told = json.loads((desk.trader.session / "status.json").read_bytes())
        said.setdefault(f"{told['result']['events']:,.0f}", told["wall_ns"] / 1e9)
        if len(answered) < 2 * (WATCHED_S - ends_s + time.monotonic()):
            began_s = time.monotonic()
            assert answers(desk.url)
            answered.append(time.monotonic() - began_s)
        time.sleep(0.02)
    lags = [at_ms / 1e3 - said[words] for words, at_ms in page.evaluate("window.changes")[1:] if words in said]
    assert len(lags) >= WATCHED_S / 2, lags
    assert statistics.median(lags) < SHOWN_WITHIN_S + statistics.median(answered), (lags, answered)


def test_a_click_on_a_fill_shows_why(page: Any, desk: Desk) -> None:
    page.goto("/fills")
    page.locator("td a", has_text="why").first.click()
    page.wait_for_url("**/why?*")
    text = page.locator(".board").inner_text()
    for words in ("Fill ", "Terms of the half-spread", "half-spread", "What it was decided on", "Predictions frozen"):
        assert words in text
    assert "fill_10s" in text or "no outcome yet" in text


def test_a_click_on_an_order_shows_why(page: Any, desk: Desk) -> None:
    desk.trader.until_quoting()
    page.goto("/book")
    link = page.locator("td a[title='why this quote']").first
    link.wait_for()
    address = link.get_attribute("href")
    page.wait_for_timeout(1_000)  # the decision goes to the database within a tenth of a second
    page.goto(address)
    assert "Quote decision" in page.locator(".board").inner_text()


def command(page: Any, token: str, words: str) -> str:
    """Give a command by the dialog; what it answers."""
    page.goto("/")
    page.get_by_role("button", name="Operator").click()
    page.get_by_label("token").fill(token)
    page.get_by_role("button", name=words, exact=True).click()
    page.get_by_role("button", name="Yes, do it").click()
    told = page.locator("[role=status]")
    page.wait_for_function(ANSWERED)
    return str(told.inner_text())


def is_halted(desk: Desk) -> bool:
    told = control.ask(desk.trader.desk.folder, "status")
    return bool(told["risk"]["reason"] == "operator_halt")


@pytest.mark.parametrize("token", ["", "guess"])
def test_without_the_token_nothing_is_done(page: Any, desk: Desk, token: str) -> None:
    assert command(page, token, "Pause").startswith("refused")
    assert not is_halted(desk)


def test_pause_and_resume_with_the_token(page: Any, desk: Desk) -> None:
    assert command(page, desk.token, "Pause") == "pause: done"
    assert is_halted(desk)
    page.goto("/")
    page.locator(".tile.warn", has_text="operator halt").first.wait_for()
    assert command(page, desk.token, "Resume") == "resume: done"
    until(lambda: not is_halted(desk), "it quotes again")
    assert "operator: pause (dashboard)" in desk.trader.words(1_000)


def test_an_answer_of_no_does_nothing(page: Any, desk: Desk) -> None:
    page.goto("/")
    page.get_by_role("button", name="Operator").click()
    page.get_by_label("token").fill(desk.token)
    page.get_by_role("button", name="Kill", exact=True).click()
    page.get_by_role("button", name="No", exact=True).click()
    page.wait_for_timeout(500)
    assert desk.trader.is_running
    assert desk.trader.desk.killed() is None


@pytest.mark.parametrize("scheme", [pytest.param("light", marks=pytest.mark.slow), "dark"])
def test_a_telephone_shows_every_page_without_scrolling_sideways(chromium: Any, desk: Desk, scheme: str) -> None:
    context = chromium.new_context(viewport={"width": 390, "height": 800}, color_scheme=scheme, base_url=desk.url)
    page = context.new_page()
    for path, title in PAGES:
        page.goto(path)
        page.wait_for_selector(".panel h2")
        page.wait_for_timeout(300)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, title
        assert page.evaluate("document.body.classList.contains('body--dark')") is (scheme == "dark")
    context.close()


def test_a_keyboard_reaches_pages_and_commands(page: Any) -> None:
    page.goto("/")
    page.wait_for_selector("nav.pages a")
    reached = []
    for _ in range(14):
        page.keyboard.press("Tab")
        reached.append(page.evaluate(FOCUSED))
    assert {"Operator", "Light / dark", "Overview", "Health and logs"} <= {words.split("\n")[0] for words in reached}
    page.locator("nav.pages a", has_text="Risk and quota").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/risk?*")


# From here on the session has ended.


@pytest.fixture(scope="module")
def ended(desk: Desk) -> Path:
    """Folder of the session, ended in order; its dashboard ends with it."""
    port = int(desk.url.rpartition(":")[2])
    assert free_port(port) != port
    assert desk.trader.terminate() == 0, desk.trader.words()
    until(lambda: free_port(port) == port, "the dashboard is gone")
    said = (desk.trader.session / "dashboard.log").read_text()
    assert "Traceback" not in said, said[-2_000:]
    return desk.trader.session


def touchstone(*words: object) -> str:
    """What a command prints."""
    done = subprocess.run(
        [sys.executable, "-m", "touchstone", *map(str, words)], capture_output=True, text=True, timeout=120,
        env=os.environ | {"PYTHONPATH": SOURCE}, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def past(ended: Path) -> Iterator[str]:
    """Address of a dashboard of the session that has ended."""
    port = free_port(8_700)
    process = subprocess.Popen(
        [sys.executable, "-m", "touchstone", "dashboard", str(ended), "--port", str(port)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | {"PYTHONPATH": SOURCE},
    )  # fmt: skip
    until(lambda: answers(f"http://127.0.0.1:{port}"), "it serves", 120.0)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(20)


def test_a_past_session_opens_in_the_same_pages(chromium: Any, past: str) -> None:
    context = chromium.new_context(base_url=past)
    page = context.new_page()
    for path, title in PAGES:
        page.goto(path)
        page.wait_for_selector(".panel h2")
        page.wait_for_function(IS_READ)
        assert page.locator(".chip").first.inner_text() == "ended", title
        assert "cannot be shown" not in page.locator(".board").inner_text(), title
    context.close()


def test_the_same_numbers_everywhere(chromium: Any, ended: Path, past: str, tmp_path: Path) -> None:
    """Terminal, JSON, HTML page, dashboard, Prometheus."""
    result = json.loads(touchstone("report", ended, "--json"))
    terminal = touchstone("report", ended)
    touchstone("report", ended, "--html", tmp_path / "report.html")
    html = unescape(re.sub(r"<[^>]+>", " ", (tmp_path / "report.html").read_text()))
    with urllib.request.urlopen(f"{past}/metrics") as answer:
        families = list(text_string_to_metric_families(answer.read().decode()))
    scraped = {(s.name, *(v for k, v in s.labels.items() if k != "coin")): s.value for f in families for s in f.samples}
    page = chromium.new_page(base_url=past)
    shown = ""
    for path in ("/", "/money", "/calibration"):
        page.goto(path)
        page.wait_for_selector(".panel h2")
        page.wait_for_function(IS_READ)
        shown += page.locator(".board").inner_text()
    page.close()

    pnl, fills = result["pnl"], result["fills"]
    assert fills > 0
    assert scraped["touchstone_fills_total",] == fills
    for line, words in (("spread_capture", "spread capture"), ("fees", "fees"), ("total", "profit")):
        amount = pnl[line] * (-1 if line == "fees" else 1)
        assert scraped["touchstone_pnl", line] == pnl[line]
        assert f"{amount:+,.6f}" in terminal, line
        assert f"{amount:+,.6f}" in html, line
        assert re.search(rf"{words}\s+{re.escape(f'{amount:+,.6f}')}", shown), line
    edge = result["edge_per_fill"]["bps"]
    assert scraped.get(("touchstone_edge_per_fill_bps",)) == edge  # none before a fill is ten seconds old
    for text in (terminal, html, shown) if edge is not None else ():
        assert f"{edge:+.2f}" in text
    for name, card in result["models"].items():
        if card["n"] == 0:
            continue
        score = next(card[key] for key in SCORES if card[key] is not None)
        assert scraped["touchstone_model_score", name] == score
        assert scraped["touchstone_model_samples_total", name] == card["n"]
        assert scraped["touchstone_model_verdict", name, card["verdict"]] == 1.0
        for text in (terminal, html, shown):
            row = re.search(rf"(?<![\w.]){re.escape(name)}\s.*?{score:.4f}", text, re.DOTALL)
            assert row is not None, (name, score)
            assert card["verdict"] in text
