"""A small chart of equity against maintenance margin, in plain characters.

Drawn with exact arithmetic on the decimals given; only the choice of a row is rounded.
"""

from collections.abc import Sequence
from fractions import Fraction

from clearing.audit import StoryPoint
from clearing.cli.output import short

_HEIGHT = 12


def equity_chart(points: Sequence[StoryPoint], height: int = _HEIGHT) -> str:
    """Return lines with time to the right: ``█`` equity, ``─`` maintenance, ``┄`` zero."""
    if not points:
        return "nothing happened to this account"
    equities = [Fraction(point.equity) for point in points]
    asked = [Fraction(point.maintenance) for point in points]
    top = max([*equities, *asked, Fraction(0)])
    bottom = min([*equities, Fraction(0)])
    span = (top - bottom) or Fraction(1)

    def row_of(value: Fraction) -> int:
        return int((value - bottom) * (height - 1) / span)

    zero = row_of(Fraction(0))
    grid = [["┄" if row == zero else " " for _ in points] for row in range(height)]
    for column, (equity, maintenance) in enumerate(zip(equities, asked, strict=True)):
        low, high = sorted((zero, row_of(equity)))
        for row in range(low, high + 1):
            if equity:
                grid[row][column] = "█"
        if maintenance:
            grid[row_of(maintenance)][column] = "─"
    labels = {height - 1: _label(top), zero: "0", 0: _label(bottom)}
    width = max(len(label) for label in labels.values())
    lines = [
        f"{labels.get(row, ''):>{width}} │{''.join(grid[row])}" for row in reversed(range(height))
    ]
    first, last = points[0].occurred_at, points[-1].occurred_at
    lines.append(
        f"{'':>{width}} └ {first:%Y-%m-%d %H:%M} … {last:%Y-%m-%d %H:%M}   █ equity   ─ maintenance"
    )
    return "\n".join(lines)


def _label(value: Fraction) -> str:
    """Write a value with two decimals, cut."""
    cents = int(value * 100)
    sign = "-" if cents < 0 else ""
    return short(f"{sign}{abs(cents) // 100}.{abs(cents) % 100:02d}")
