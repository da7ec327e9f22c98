"""Arithmetic of a pooled fund's shares: whole shares and units, always in favour of who stays.

``equity`` is the fund's, at the asset's working scale, of which ``lift`` is a unit.
"""


def issued(amount: int, total: int, equity: int, lift: int) -> int:
    """Return how many shares ``amount`` units buy, rounded down; 0 where shares are worth nothing.

    The first share of a fund is a unit.
    """
    if not total:
        return amount
    return amount * lift * total // equity if equity > 0 else 0


def worth(shares: int, total: int, equity: int, lift: int) -> int:
    """Return what so many of ``total`` shares are worth, in units, rounded down; never below 0."""
    return shares * max(0, equity) // (total * lift) if total else 0


def burnt(amount: int, total: int, equity: int, lift: int) -> int:
    """Return how many shares ``amount`` units cost whoever takes them out, rounded up."""
    return -(-amount * lift * total // equity) if equity > 0 else total


def forfeited(shares: int, asked_for: int, total: int, equity: int, lift: int) -> int:
    """Return how many of its ``shares`` a provider loses that asked to leave and stays after all.

    They were worth ``asked_for`` units when it asked. What they gained since is the others': it
    keeps as many as are worth that now. Source: Drift v2, math/insurance
    (calculate_if_shares_lost).
    """
    if worth(shares, total, equity, lift) <= asked_for:
        return 0
    others = total - shares
    beside = equity // lift - asked_for
    return shares - min(shares, asked_for * others // beside) if beside > 0 else 0
