"""Numbers that every part shares: sides, horizons, depth buckets, units."""

import numpy as np

from touchstone.core.jit import inline

NS = 1_000_000_000
MS = 1_000_000
NEVER_NS = np.int64(2**63 - 1)  # later than any event

BUY = np.int64(1)
SELL = np.int64(-1)

# One list of horizons for the whole system.
FILL_HORIZONS_NS = (1 * NS, 10 * NS, 60 * NS)
MARKOUT_HORIZONS_NS = (NS // 2, 1 * NS, 2 * NS, 5 * NS, 10 * NS, 30 * NS)
FAIR_HORIZONS_NS = (1 * NS, 10 * NS)
N_FILL = len(FILL_HORIZONS_NS)
N_MARKOUT = len(MARKOUT_HORIZONS_NS)
N_FAIR = len(FAIR_HORIZONS_NS)
TOXIC_HORIZON = 4  # index into MARKOUT_HORIZONS_NS: 10 s

# Upper edges in bps of mid; a depth at or beyond the last edge falls in the last bucket.
DEPTH_EDGES_BPS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)
N_DEPTH = len(DEPTH_EDGES_BPS) + 1
DEPTH_EDGES = np.array(DEPTH_EDGES_BPS)

BPS = 1e4


@inline
def side_index(side):
    """0 for the bid side (+1), 1 for the ask side (-1)."""
    return (np.int64(1) - np.int64(side)) >> 1


@inline
def depth_bucket(depth_bps):
    """Index of the depth bucket of a distance from mid in bps (negative distances fall in bucket 0)."""
    bucket = np.int64(0)
    while bucket < len(DEPTH_EDGES) and depth_bps >= DEPTH_EDGES[bucket]:
        bucket += 1
    return bucket
