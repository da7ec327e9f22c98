"""The day's price path: a script of levels, interpolated, with a little seeded noise on top.

Levels are in parts per million of the opening price. A market follows the common level by its
beta and adds noise of its own that decays, so that markets move together and not in step.
"""

from itertools import pairwise
from typing import Final

from clearing.samples.draw import Draw
from clearing.samples.venue import MARKETS

MILLION: Final = 1_000_000
DAY_SECONDS: Final = 86_400
CRASH_START: Final = 47_280  # 13:08:00
CRASH_END: Final = 49_200  # 13:40:00

_SCRIPT: Final = (
    (0, 1_000_000),
    (14_400, 1_012_000),
    (28_800, 1_021_000),
    (39_600, 1_015_000),
    (45_000, 985_000),
    (47_400, 964_000),  # a slow slide: margin calls
    (47_640, 900_000),
    (47_820, 775_000),
    (47_910, 672_000),  # 13:18:30, the low
    (48_060, 738_000),
    (48_240, 690_000),  # a second leg
    (49_200, 790_000),
    (54_000, 850_000),
    (64_800, 905_000),
    (DAY_SECONDS, 935_000),
)


def steps() -> list[int]:
    """Return the seconds of the day at which marks are published: minutes, 10 s in the crash."""
    result, second = [], 0
    while second < DAY_SECONDS:
        result.append(second)
        second += 10 if CRASH_START <= second < CRASH_END else 60
    return result


def common_level(second: int) -> int:
    """Return the scripted level at ``second`` of the day."""
    for (start, low), (end, high) in pairwise(_SCRIPT):
        if second <= end:
            return low + (high - low) * (second - start) // (end - start)
    return _SCRIPT[-1][1]


class Path:
    """The marks of all markets as the day goes on, each at its market's mark decimals."""

    __slots__ = ("_draw", "_noise", "marks")

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self._noise = [0] * len(MARKETS)
        self.marks = [market.opening for market in MARKETS]

    def move(self, second: int) -> None:
        """Move every mark to ``second``."""
        level = common_level(second) - MILLION
        spread = 900 if CRASH_START <= second < CRASH_END else 500
        shared = self._draw.bell(spread)
        for i, market in enumerate(MARKETS):
            noise = self._noise[i] * 15 // 16 + shared + self._draw.bell(spread)
            self._noise[i] = noise
            parts = MILLION + (level + noise) * market.beta // 100
            self.marks[i] = market.opening * parts // MILLION

    def nudge(self, index: int) -> None:
        """Move one mark a little, as a market that publishes between the minutes does."""
        self.marks[index] += self.marks[index] * self._draw.bell(200) // MILLION
