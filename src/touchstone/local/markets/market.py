"""What the exchange asks of a market, and what the market tells it."""

from typing import NamedTuple, Protocol

from touchstone.local.records import Order

BookSide = list[tuple[int, int, int]]  # (price, size, orders), best first


class Touch(NamedTuple):
    """Best price, its size and number of orders of both sides; 0 where a side is empty."""

    bid: int
    bid_qty: int
    bid_n: int
    ask: int
    ask_qty: int
    ask_n: int

    @property
    def mid2(self) -> int:
        """Bid plus ask, 0 while a side is empty."""
        return self.bid + self.ask if self.bid and self.ask else 0


class Placed:
    """What became of an order that was to rest: its ticket (>= 0), or one of these."""

    CROSSES = -2
    NO_ROOM = -1


class Hears(Protocol):
    """The exchange, as a market knows it."""

    now_ms: int

    def may_match(self, maker: Order, taker: Order | None, px: int, qty: int) -> bool:
        """Whether a resting order may trade now; if not, the exchange has cancelled it."""

    def traded(
        self, name: str, maker: Order | str, taker: Order | str, side: int, px: int, qty: int, is_public: bool = True
    ) -> None:
        """A trade; who is no trader is told by the address. `side` is the taker's."""

    def gone(self, order: Order, status: str, is_told: bool = True) -> None:
        """The market itself has cancelled a resting order."""


class Market(Protocol):
    """One coin's book. Orders of traders rest in it under their ticket."""

    leaves_reduce_only: bool  # to the exchange, to fit to positions; else the market does

    def open_block(self, now_ms: int) -> None:
        """What comes before the traders' actions."""

    def others_take(self) -> None:
        """Whoever else takes in this block."""

    def close_block(self) -> None:
        """What the block leaves."""

    def place(self, order: Order) -> int:
        """Rest `order.left`, add liquidity only: a ticket or one of Placed."""

    def crosses(self, order: Order) -> bool:
        """Whether the order would trade."""

    def take(self, order: Order, most: int) -> None:
        """Trade up to `most` of an order at its price or better; trades are told as they happen."""

    def cancel(self, order: Order) -> None:
        """The order rests no more."""

    def shrink(self, order: Order, qty: int) -> None:
        """The order keeps its place with `qty` less."""

    def touch(self) -> Touch:
        """Best prices as the public sees them."""

    def depth(self) -> tuple[BookSide, BookSide]:
        """At most 20 levels of bids and of asks."""

    def oracle(self) -> int:
        """The price of the coin elsewhere, 0 if not known."""

    def reference(self) -> tuple[int, int]:
        """Best bid and ask of the coin on the venue that leads, 0 where not known."""

    def set_empty(self, side: int, is_empty: bool) -> None:
        """Fault: nobody but the traders quotes this side (+1 bids)."""
