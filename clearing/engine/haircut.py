"""How gains are cut: everybody's share of an amount, and who pays what rounding leaves."""

from collections.abc import Sequence


def cuts(gains: Sequence[int], amount: int, *, down: bool) -> list[int]:
    """Return what each gain (units, > 0) pays of ``amount``, which their sum covers.

    Each pays its share, rounded up while any is left, or rounded ``down``; what that leaves the
    last one pays, as far as its gain goes, then the one before it, and so on.
    """
    total, left = sum(gains), amount
    shares = []
    for gain in gains:
        share = min(left, gain * amount // total if down else -(-gain * amount // total))
        shares.append(share)
        left -= share
    for i in reversed(range(len(gains))):
        more = min(left, gains[i] - shares[i])
        shares[i] += more
        left -= more
    return shares
