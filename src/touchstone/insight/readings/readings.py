"""All readings of one session, each made once and when it is asked for."""

from functools import cached_property
from typing import Any

from touchstone.insight.readings.fills import Fills, read_fills
from touchstone.insight.readings.folder import Session
from touchstone.insight.readings.outcomes import OutcomeSums, Scores, read_outcomes, read_scores
from touchstone.insight.readings.path import Money, Quotes, bounds_ns, read_money, read_quotes
from touchstone.insight.readings.requests import Requests, read_requests


class Readings:
    """What panels, findings and the dashboard are made of. Each property raises NoDataError where there is nothing."""

    def __init__(self, session: Session) -> None:
        self.session = session

    @property
    def result(self) -> dict[str, Any]:
        """As documented in docs/json.md."""
        return self.session.result

    @property
    def fee_bps(self) -> float:
        """Maker fee as configured, with the dex's factor: the one that edges are net of."""
        return self.session.config.maker_fee_bps

    @cached_property
    def span_ns(self) -> tuple[int, int]:
        """First and last time of the session: the clock of every picture."""
        return bounds_ns(self.session)

    @cached_property
    def fills(self) -> Fills:
        """Our fills with their markouts."""
        return read_fills(self.session)

    @cached_property
    def quotes(self) -> Quotes:
        """Quote decisions, thinned out."""
        return read_quotes(self.session)

    @cached_property
    def money(self) -> Money:
        """The accounts along the time."""
        return read_money(self.session)

    @cached_property
    def outcomes(self) -> OutcomeSums:
        """Sums of outcomes by target, depth and time."""
        return read_outcomes(self.session)

    @cached_property
    def scores(self) -> dict[str, Scores]:
        """Scorecards along the time, by model."""
        return read_scores(self.session)

    @cached_property
    def requests(self) -> Requests:
        """The request budget."""
        return read_requests(self.session)
