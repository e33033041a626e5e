"""How long to wait before another try: doubling, and jittered, so that many clients do not come back at once."""

import random


class Backoff:
    """Pauses in s from `first_s` up to `longest_s`, each between half of itself and itself."""

    def __init__(self, first_s: float, longest_s: float, chance: random.Random) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._chance = chance
        self._n = 0

    def pause_s(self) -> float:
        """The next pause."""
        full_s = min(self._first_s * 2.0**self._n, self._longest_s)
        self._n = min(self._n + 1, 32)
        return full_s * self._chance.uniform(0.5, 1.0)

    def reset(self) -> None:
        """Begin with the first pause again."""
        self._n = 0
