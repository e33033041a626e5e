"""The local exchange below its sockets: what the server, or anybody in the same process, talks to."""

from touchstone.local.market_queries import MarketQueries
from touchstone.local.user_queries import UserQueries


class LocalExchange(MarketQueries, UserQueries):
    """Several coins on several dexs, all users; runs block by block; no clock, no I/O."""
