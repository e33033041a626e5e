"""The operator's commands on every page: with the token, after a confirmation, by the way of the command line.

They go through the socket at the account's desk, so the session journals them like those of `touchstone pause`.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from nicegui import ui

from touchstone import TouchstoneError
from touchstone.dashboard.data import Shown
from touchstone.live import control
from touchstone.live.desk import Desk
from touchstone.watch import token

PATIENCE_S = 15.0
FLATTEN_S = 300.0  # of the wall, until it has told what is left
WRONG_S = 1.0  # a wrong token costs this long
NOTE = "dashboard"
COMMANDS = (  # command, button, what is asked before
    ("pause", "Pause", "Take all quotes out of the book until Resume?"),
    ("resume", "Resume", "Quote again?"),
    ("reduce_only", "Reduce only", "Quote only the side that reduces the position, until Resume?"),
    ("flatten", "Flatten", "Pull all quotes and close the position, first as maker, then as taker?"),
    ("kill", "Kill", "End trading: cancel every order and latch the kill until it is cleared?"),
    ("clear", "Clear", "Take the kill latch away, so that sessions may start again?"),
)
DANGEROUS = ("flatten", "kill")


async def command(shown: Shown, name: str, given: str) -> str:
    """Carry out a command; what came of it, in words. Raises TouchstoneError where it was refused."""
    if not token.is_right(shown.folder, given):
        await asyncio.sleep(WRONG_S)
        raise control.ControlError("refused: the token is not that of this session (see the terminal of `run`)")
    desk = shown.standing.desk
    if desk is None:
        raise control.ControlError("refused: this session has no desk; it did not trade over sockets")
    if name == "clear":
        cleared = await asyncio.to_thread(_clear, Desk(desk))
        return cleared
    patience_s = FLATTEN_S if name == "flatten" else PATIENCE_S
    answer: Any = await asyncio.to_thread(control.ask, desk, name, {"note": NOTE}, timeout_s=patience_s)
    if name == "flatten":
        return "flat" if answer.get("flat") else f"position left: {answer.get('position_after')}"
    return f"{name.replace('_', ' ')}: done"


def _clear(desk: Desk) -> str:
    """As `touchstone clear`: a running session is not killed, so it refuses."""
    try:
        control.ask(desk.folder, "clear", {"note": NOTE}, timeout_s=PATIENCE_S)
    except control.NotRunningError:
        cleared = desk.clear(time.time_ns(), NOTE)
        return f"cleared: {cleared}" if cleared else "nothing to clear: trading is not killed"
    return "clear: done"


def button(shown: Shown, say: Callable[[str], None]) -> None:
    """The button of the frame and its dialog."""
    with ui.dialog() as dialog, ui.card().classes("operator"):
        ui.html("<h2 style='margin:0;font-size:17px;line-height:1.3'>Operator</h2>", sanitize=False)
        shown_token = ui.input("token", password=True).props("dense outlined autocomplete=off").classes("w-full")
        told = ui.html("", sanitize=True).props('role="status" aria-live="polite"')
        with ui.element("div").classes("commands") as choices:
            for name, words, question in COMMANDS:
                made = ui.element("button").classes("button danger" if name in DANGEROUS else "button")
                with made:
                    ui.label(words)
                made.on("click", lambda name=name, question=question: ask(name, question))
        with ui.element("div").classes("commands") as confirming:
            asked = ui.label("").classes("w-full")
            with ui.element("button").classes("button danger") as yes:
                ui.label("Yes, do it")
            with ui.element("button").classes("button") as no:
                ui.label("No")
        confirming.set_visibility(False)
        wanted: list[str] = []

        def ask(name: str, question: str) -> None:
            wanted[:] = [name]
            asked.set_text(question)
            told.set_content("")
            confirming.set_visibility(True)
            choices.set_visibility(False)

        def back() -> None:
            confirming.set_visibility(False)
            choices.set_visibility(True)

        async def carry_out() -> None:
            back()
            told.set_content("working ...")
            try:
                words = await command(shown, wanted[0], str(shown_token.value or ""))
            except TouchstoneError as error:
                words = str(error)
            say(f"operator by dashboard: {wanted[0]}: {words}")
            told.set_content(words)

        yes.on("click", carry_out)
        no.on("click", back)
    with ui.element("button").classes("button").props('aria-haspopup="dialog"') as opener:
        ui.label("Operator")
    opener.on("click", dialog.open)
