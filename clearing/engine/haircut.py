"""How gains are cut: everybody's share of an amount, and who pays what rounding leaves."""

from collections.abc import Sequence


def cuts(
    gains: Sequence[int],
    amount: int,
    *,
    down: bool,
    first: list[tuple[int, int]] | None = None,
) -> list[int]:
    """Return what each gain (units, > 0) pays of ``amount``, which their sum covers.

    Each pays its share, rounded up while any is left, or rounded ``down``; what that leaves the
    last one pays, as far as its gain goes, then the one before it, and so on. ``first`` gets, of
    each, what was left before it and its share before any of that.
    """
    total, left = sum(gains), amount
    shares = []
    for gain in gains:
        share = min(left, gain * amount // total if down else -(-gain * amount // total))
        shares.append(share)
        if first is not None:
            first.append((left, share))
        left -= share
    for i in reversed(range(len(gains))):
        more = min(left, gains[i] - shares[i])
        shares[i] += more
        left -= more
    return shares
