"""What asks for a decision."""

import numpy as np

TRIGGER_NAMES = ("none", "clock", "touch", "fill", "order", "operator", "risk", "leader")
(
    NO_TRIGGER,
    TRIGGER_CLOCK,
    TRIGGER_TOUCH,
    TRIGGER_FILL,
    TRIGGER_ORDER,
    TRIGGER_OPERATOR,
    TRIGGER_RISK,
    TRIGGER_LEADER,
) = (np.int64(i) for i in range(len(TRIGGER_NAMES)))
