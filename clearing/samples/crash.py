"""A made-up crash in the shape of public bar files: five days of hourly marks, and funding.

Three markets slide, fall by half within a few hours, and come back part of the way. It is for those
who have no venue's files at hand: the same seed gives the same bytes on every machine.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Final

from clearing.quantities import format_scaled
from clearing.samples.draw import Draw

DEFAULT_CRASH_SEED: Final = 20200312
"""The seed of the crash that ``clearing sample crash`` writes."""

_HOURS: Final = 120
_START: Final = datetime(2024, 3, 10, tzinfo=UTC)
_MILLION: Final = 1_000_000
_DECIMALS: Final = 8
_MARKETS: Final = (
    ("BTCUSDT", 7_900_00000000, 100),
    ("ETHUSDT", 200_00000000, 118),
    ("XRPUSDT", 20900000, 110),
)
"""Name, opening mark, and how much of the common move it makes, in per cent."""

_SCRIPT: Final = (
    (0, 1_000_000),
    (40, 985_000),
    (57, 940_000),
    (60, 760_000),
    (62, 700_000),
    (72, 740_000),
    (75, 520_000),  # the low
    (77, 640_000),
    (90, 690_000),
    (_HOURS, 660_000),
)


def crash_marks(seed: int = DEFAULT_CRASH_SEED) -> Iterator[str]:
    """Yield the lines of a file of hourly marks: open, high, low, close of each market."""
    yield "market,time,mark_open,mark_high,mark_low,mark_close"
    draw = Draw(seed)
    before = [opening for _, opening, _ in _MARKETS]
    for hour in range(_HOURS):
        shared = draw.bell(6_000)
        for i, (name, opening, beta) in enumerate(_MARKETS):
            moved = (_level(hour + 1) - _MILLION) * beta // 100
            close = opening * (_MILLION + moved + shared + draw.bell(4_000)) // _MILLION
            low, high = sorted((before[i], close))
            high += high * draw.below(4_000) // _MILLION
            low -= low * draw.below(4_000) // _MILLION
            prices = (format_scaled(price, _DECIMALS) for price in (before[i], high, low, close))
            yield f"{name},{_time(hour)},{','.join(prices)}"
            before[i] = close


def crash_funding(seed: int = DEFAULT_CRASH_SEED) -> Iterator[str]:
    """Yield the lines of a file of funding rates: every eight hours, of each market."""
    yield "market,time,rate"
    draw = Draw(seed + 1)
    for hour in range(0, _HOURS, 8):
        for name, _, _ in _MARKETS:
            rate = draw.between(-30_000, 30_000)
            yield f"{name},{_time(hour)},{format_scaled(rate, _DECIMALS)}"


def _level(hour: int) -> int:
    for (start, low), (end, high) in pairwise(_SCRIPT):
        if hour <= end:
            return low + (high - low) * (hour - start) // (end - start)
    return _SCRIPT[-1][1]


def _time(hour: int) -> str:
    return (_START + timedelta(hours=hour)).strftime("%Y-%m-%dT%H:%M:%SZ")
