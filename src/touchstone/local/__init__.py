"""The local exchange: the engine of `exchange` served as Hyperliquid serves its own, below the sockets."""
