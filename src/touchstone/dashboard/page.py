"""The frame of every page: what session, how it stands, where to go; and panels that follow the session."""

import time
from collections.abc import Callable
from html import escape
from textwrap import shorten
from typing import Any
from urllib.parse import quote as encoded

from nicegui import ui

from touchstone.dashboard.data import Library, Shown
from touchstone.dashboard.words import BAD, CALM, GOOD, WARN, empty
from touchstone.insight.words import duration
from touchstone.watch.rules import Finding
from touchstone.watch.standing import NoSessionError, Standing

LOOK_S = 0.25
PAGES = (
    ("/", "Overview"),
    ("/book", "Quotes and book"),
    ("/calibration", "Calibration"),
    ("/fills", "Fills and markouts"),
    ("/money", "Attribution"),
    ("/risk", "Risk and quota"),
    ("/health", "Health and logs"),
)
PHASE_TONES = {"running": GOOD, "ended": CALM, "starting": WARN, "silent": BAD}

Render = Callable[[Shown], str]
Options = Callable[[Shown], "dict[str, Any] | str"]


class Page:
    """A page while it is laid out, and what brings it up to date as long as somebody looks at it."""

    def __init__(self, library: Library, shown: Shown, path: str, active: Callable[[], list[Finding]]) -> None:
        self.library = library
        self.shown = shown
        self.path = path
        self.active = active
        self._updates: list[tuple[Callable[[], object], Callable[[], None]]] = []  # what it depends on, what it does

    def url(self, path: str, **parameters: object) -> str:
        """Address of a page of the same session."""
        given = {"session": self.shown.name, **parameters}
        return f"{path}?{'&'.join(f'{name}={encoded(str(value))}' for name, value in given.items())}"

    def follow(self, render: Render, *, of_tables: bool = False) -> None:
        """HTML that is made again when the session has said something, and sent where it has changed.

        of_tables: only when its tables were read again.
        """
        box = ui.html("", sanitize=False)

        def update() -> None:
            made = self._safely(render)
            if box.content != made:
                box.set_content(made)

        self._updates.append((self._tables if of_tables else self._word, update))

    def panel(self, title: str, render: Render, size: str = "", note: str = "", *, of_tables: bool = False) -> None:
        """A panel with a title, and HTML that follows the session."""
        with self._box(title, size):
            self.follow(render, of_tables=of_tables)
            self._note(note)

    def chart(
        self,
        title: str,
        options: Options,
        size: str = "",
        *,
        height: int = 260,
        note: str = "",
        of_tables: bool = True,
        on_click: Callable[[dict[str, Any]], str | None] | None = None,
    ) -> None:
        """A panel with a chart, or with the words of why there is none. on_click: where a click on a point leads."""
        with self._box(title, size):
            words = ui.html("", sanitize=False)

            def clicked(event: Any) -> None:
                data = event.data if isinstance(event.data, dict) else {"value": event.data}
                if on_click and (address := on_click(data)):
                    ui.navigate.to(address)

            chart = ui.echart({"series": []}, on_point_click=clicked).style(f"height:{height}px;width:100%")
            chart.props(f'role="img" aria-label="{escape(title, quote=True)}"')
            self._note(note)
        last: list[Any] = [None]

        def update() -> None:
            try:
                made = options(self.shown)
            except (KeyError, TypeError, ValueError, IndexError, NoSessionError) as error:
                made = f"cannot be shown: {type(error).__name__}: {error}"
            if made == last[0]:
                return
            last[0] = made
            is_chart = isinstance(made, dict)
            chart.set_visibility(is_chart)
            words.set_content("" if isinstance(made, dict) else empty(made))
            if isinstance(made, dict):
                chart.options.clear()
                chart.options.update(made)
                chart.update()

        self._updates.append((self._tables if of_tables else self._word, update))

    def _tables(self) -> object:
        """Changes when the tables were read again."""
        return self.shown.tables.number

    def _word(self) -> object:
        """Changes when the session has written how it stands, and each second."""
        return self.shown.tables.number, self.shown.wrote_ns, int(time.monotonic())

    def _box(self, title: str, size: str) -> Any:
        box = ui.element("section").classes(f"panel {size}")
        with box:
            ui.html(f"<h2>{escape(title)}</h2>", sanitize=False)
        return box

    def _note(self, note: str) -> None:
        if note:
            ui.html(f'<p class="note">{escape(note)}</p>', sanitize=False)

    def _safely(self, render: Render) -> str:
        """A panel that fails says so, and takes no other with it."""
        try:
            return render(self.shown)
        except (KeyError, TypeError, ValueError, IndexError, NoSessionError) as error:
            return empty(f"cannot be shown: {type(error).__name__}: {error}")

    def start(self) -> None:
        """Show everything now, then at each look."""

        seen: list[object] = [None] * len(self._updates)

        def look() -> None:
            self.shown.refresh_soon()
            for at, (depends, update) in enumerate(self._updates):
                if (now := depends()) != seen[at]:
                    seen[at] = now
                    update()

        look()
        ui.timer(LOOK_S, look)

    def head(self, standing: Standing) -> str:
        """The first line: coin, session, phase, what is wrong."""
        coin = str(standing.result.get("coin") or "")
        words = {"silent": f"silent since {duration(standing.silent_s)}"}.get(standing.phase, standing.phase)
        chips = [f'<span class="chip {PHASE_TONES[standing.phase]}">{escape(words)}</span>']
        if standing.is_live and (network := standing.told.get("network")):
            speed = standing.told.get("speed") or 1.0
            at = f" x {speed:g}" if speed != 1.0 else ""
            chips.append(f'<span class="chip {BAD if network == "mainnet" else ""}">{escape(network + at)}</span>')
        if alerts := self.active():
            tone = BAD if any(each.severity == "critical" for each in alerts) else WARN
            told = f"{len(alerts)} alert{'s' if len(alerts) > 1 else ''}: {alerts[0].text}"
            words = escape(shorten(told, 90, placeholder=" …"))
            chips.append(f'<a class="chip {tone}" href="{self.url("/health")}">{words}</a>')
        return f'<span class="brand">Touchstone</span> <span class="where">{escape(coin)}</span> {" ".join(chips)}'

    def navigation(self) -> str:
        """The pages, as links that a keyboard reaches."""
        links = [
            f'<a href="{self.url(path)}"{" aria-current=page" if path == self.path else ""}>{escape(title)}</a>'
            for path, title in PAGES
        ]
        return f'<nav class="pages" aria-label="pages">{"".join(links)}</nav>'
