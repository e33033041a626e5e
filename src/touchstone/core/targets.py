"""What is predicted and scored: one target per (model, horizon), each with a scorecard of its own."""

import numpy as np

from touchstone.core.conventions import N_FAIR, N_FILL, N_MARKOUT

TARGET_NAMES = (
    "fill_1s",
    "fill_10s",
    "fill_60s",
    "adverse_0.5s",
    "adverse_1s",
    "adverse_2s",
    "adverse_5s",
    "adverse_10s",
    "adverse_30s",
    "toxic_10s",
    "fair_1s",
    "fair_10s",
    "lag_1s",  # P(our mid is higher)
    "lag_move_1s",
    "lag_move_10s",
    "toxic_signals_10s",  # the same event as toxic_10s; the baseline is that model without its signals
    "belief_10s",  # density of the mid's move
    "edge_10s",
)
N_TARGETS = len(TARGET_NAMES)

FILL_TARGET = np.int64(0)  # + horizon
ADVERSE_TARGET = np.int64(N_FILL)
TOXIC_TARGET = np.int64(N_FILL + N_MARKOUT)
FAIR_TARGET = np.int64(N_FILL + N_MARKOUT + 1)
LAG_TARGET = np.int64(FAIR_TARGET + N_FAIR)
LAG_MOVE_TARGET = np.int64(LAG_TARGET + 1)  # + horizon of the fair value
SIGNALS_TARGET = np.int64(LAG_MOVE_TARGET + N_FAIR)
BELIEF_TARGET = np.int64(SIGNALS_TARGET + 1)
EDGE_TARGET = np.int64(BELIEF_TARGET + 1)
assert N_TARGETS == EDGE_TARGET + 1

# Which scorecards hold probabilities, which squared errors, and which a logarithmic score (the rest: CRPS).
IS_BINARY = np.array([name.startswith(("fill", "toxic")) or name == "lag_1s" for name in TARGET_NAMES])
IS_SQUARED = np.array([name.startswith(("fair", "lag_move")) for name in TARGET_NAMES])
IS_LOG = np.array([name.startswith("belief") for name in TARGET_NAMES])

# How an outcome was decided, or why there is none.
DECIDED_NAMES = (
    "pending",
    "tape",  # traded through, never touched, or a real fill
    "model",  # only our queue model says so
    "void_rejected",
    "void_not_filled",
    "void_no_mid",
    "void_crossed",
    "void_lost",
)
(
    PENDING,
    DECIDED_TAPE,
    DECIDED_MODEL,
    VOID_REJECTED,  # never active: the venue refused it
    VOID_NOT_FILLED,  # a forecast "if filled" of an order that was not
    VOID_NO_MID,  # the mid at the horizon is missing
    VOID_CROSSED,  # a sample order that would have been refused as post-only
    VOID_LOST,  # never active: it did not reach the venue
) = (np.int64(i) for i in range(len(DECIDED_NAMES)))
N_DECIDED = len(DECIDED_NAMES)
