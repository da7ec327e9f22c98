"""A scope: one account in one asset, its positions, and its margin call.

Sizes are at their market's size decimals, costs and cash in their asset's smallest unit. Nothing
fine is stored of a position but what it accrued of its market's funding.
"""

from typing import Final

from clearing.engine.auction import Auction
from clearing.rulebook import ClassRules

KNOWN: Final = 1
"""A position's entry is known."""
UNKNOWN: Final = 0
"""A position's entry was not known: it was valued at a price of the market's instead."""


NEVER: Final = -1
"""The time of what has not happened."""


class Position:
    """What a holder has in one market.

    ``size`` is signed, ``cost`` what was paid for it with the same sign, ``entry``
    :data:`KNOWN` or :data:`UNKNOWN`. ``index_at`` is the market's funding index at
    the last touch and ``accrued`` what stayed unpaid then, at the market's funding scale (positive:
    the holder is owed).
    """

    __slots__ = ("accrued", "cost", "entry", "index_at", "size")

    def __init__(
        self, size: int = 0, cost: int = 0, entry: int = KNOWN, index_at: int = 0, accrued: int = 0
    ) -> None:
        self.size = size
        self.cost = cost
        self.entry = entry
        self.index_at = index_at
        self.accrued = accrued


class MarginCall:
    """An open margin call of a scope: what is due, which level it restores, and when."""

    __slots__ = ("amount", "due_at", "level", "missed")

    def __init__(self, amount: int, level: str, due_at: int, missed: bool = False) -> None:
        self.amount = amount
        self.level = level
        self.due_at = due_at
        self.missed = missed


class Stay:
    """How a rung stands with a scope: ``since`` when its condition holds, when it ``acted`` last.

    Both in microseconds, :data:`NEVER` for neither. ``freed`` is what the ladder made up for of the
    shortage that the rung's ramp looks at, since then, at the working scale.
    """

    __slots__ = ("acted", "freed", "since")

    def __init__(self, since: int = NEVER, acted: int = NEVER, freed: int = 0) -> None:
        self.since = since
        self.acted = acted
        self.freed = freed

    def end(self) -> None:
        """The condition holds no more."""
        self.since = NEVER
        self.freed = 0


class Scope:
    """One account in one asset: its cash and the positions tested together with it.

    ``interest_left`` is the fraction of a unit that interest came to and that waits, at 12 decimals
    beyond the asset's. ``rules`` is what its class is bound to (None: no requirement). By market:
    ``orders`` are the sizes of open buys and sells, ``leverages`` what its account chose, at
    :data:`~clearing.rulebook.RATE_SCALE`. ``withheld``: a closing rung was withheld during this
    stay in liquidation. ``taken_over``: a takeover happened and no money came in since.
    ``venue_closed``: a venue's liquidation or ADL fill came during this stay, which verify mode has
    seen since ``due_since`` (microseconds, :data:`NEVER`: it did not see it begin). ``ended_in`` is
    the market in which its last position ended (0: none did). ``secures`` is the scope that its
    cash is collateral of, if any. ``auctions`` are those that are open, by market; ``unsold`` the
    (rung, market) of those that ended with something left in this stay. ``alerts`` are the (market,
    number) of those that hold, ``scores`` what models said, by (market, model), at rate decimals.
    Of a fund: ``shares`` by provider (0: the house), ``requests`` to leave with (shares, their
    worth in units when it asked), ``short`` whether its equity was below zero when it was noted.
    """

    __slots__ = (
        "account",
        "alerts",
        "asset",
        "auctions",
        "call",
        "cash",
        "due_since",
        "ended_in",
        "interest_left",
        "leverages",
        "orders",
        "positions",
        "requests",
        "rules",
        "scores",
        "secures",
        "shares",
        "short",
        "status",
        "stays",
        "taken_over",
        "unsold",
        "venue_closed",
        "withheld",
    )

    def __init__(self, account: int, asset: int) -> None:
        self.account = account
        self.asset = asset
        self.cash = self.interest_left = self.ended_in = 0
        self.positions: dict[int, Position] = {}
        self.orders: dict[int, tuple[int, int]] = {}
        self.leverages: dict[int, int] = {}
        self.rules: ClassRules | None = None
        self.secures: Scope | None = None
        self.status = "flat"
        self.call: MarginCall | None = None
        self.stays: dict[int, Stay] = {}
        self.alerts: set[tuple[int, int]] = set()
        self.scores: dict[tuple[int, str], int] = {}
        self.shares: dict[int, int] = {}
        self.requests: dict[int, tuple[int, int]] = {}
        self.short = False
        self.auctions: dict[int, Auction] = {}
        self.unsold: set[tuple[int, int]] = set()
        self.withheld = False
        self.taken_over = False
        self.venue_closed = False
        self.due_since = NEVER

    def key(self) -> tuple[int, int]:
        """Return (account ordinal, asset ordinal), the order in which scopes are tested."""
        return (self.account, self.asset)
