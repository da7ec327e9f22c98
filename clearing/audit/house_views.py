"""The shapes of answers about markets and the whole. Amounts are exact decimals as text."""

from dataclasses import dataclass, field
from datetime import datetime

from clearing.audit.moments import Reordered


@dataclass(frozen=True, slots=True)
class PriceView:
    """A market's price for a role, and since when it is that.

    ``since`` is when the event at ``log_position`` occurred, which made it that, ``age_seconds``
    from there to the latest time that anything had occurred at. Not known (None) in a scenario.
    """

    role: str
    price: str
    log_position: int | None
    since: datetime | None
    age_seconds: int | None


@dataclass(frozen=True, slots=True)
class FundingView:
    """The last funding settlement of a market: rate for the interval, at which price, and when."""

    rate: str
    price: str
    interval_seconds: int
    log_position: int
    occurred_at: datetime


@dataclass(frozen=True, slots=True)
class HolderView:
    """What a side of a market holds: signed size and cost, unrealised PnL, accrued funding."""

    size: str
    cost: str
    unrealised: str
    accrued_funding: str


@dataclass(frozen=True, slots=True)
class MarketView:
    """A market at a log position. ``exists`` is false before it was declared.

    ``prices`` begin with the mark (none yet: empty). ``last_funding`` is the last settlement (None:
    there was none, or the answer is a scenario), ``funding_index`` what longs and
    ``short_funding_index`` what shorts accrued by so far, for a whole unit of size.
    ``open_interest_told`` is what was observed; ``longs`` and ``shorts`` (negative) are what
    ``holders`` accounts hold together. ``control`` is the side that facts did not name,
    ``suspense`` what was for accounts that are not declared. ``balances`` are the market's ledger
    accounts in its settlement asset (a spot market's base asset is not in them).
    """

    market: str
    exists: bool
    log_position: int
    payoff: str = ""
    settlement_asset: str = ""
    state: str = ""
    prices: tuple[PriceView, ...] = ()
    price_status: str = ""
    last_funding: FundingView | None = None
    funding_index: str = ""
    short_funding_index: str = ""
    open_interest_told: str = ""
    holders: int = 0
    longs: HolderView | None = None
    shorts: HolderView | None = None
    control: HolderView | None = None
    suspense: HolderView | None = None
    balances: dict[str, str] = field(default_factory=dict)
    rulebook: str = ""
    reordered: Reordered | None = None


@dataclass(frozen=True, slots=True)
class OwnersView:
    """What some owners have in an asset together; ``equity`` is the sum of the other three."""

    cash: str
    unrealised: str
    accrued_funding: str
    equity: str


@dataclass(frozen=True, slots=True)
class HouseAssetView:
    """One asset of the whole ledger. Its sums add up, and ``differences`` are what they leave: 0.

    ``accounts`` are all but the funds, ``others`` the control and suspense holders of markets with
    their ledger accounts; ``ledgers`` the balances of all other ledger accounts, those of one kind
    added up (``pending`` are deposits that are not final). The sums:

    - ``cash``: of accounts, funds and others, and all ``ledgers`` = 0, as in the trial balance.
    - ``unrealised``: of accounts, funds and others = ``clearing`` + ``open_value``, the value of
      positions that nobody stands against (0 where both sides are recorded; at cost without mark).
    - ``funding``: accrued by accounts, funds and others + ``funding_remainder``, which rounding and
      what is not shared out yet left = ``funding``.

    ``fund_claims`` is what the shares of the funds' providers are worth: a part of the funds'
    equity that is not the house's.
    """

    asset: str
    accounts: OwnersView
    funds: OwnersView
    others: OwnersView
    ledgers: dict[str, str]
    open_value: str
    funding_remainder: str
    fund_claims: str
    differences: dict[str, str]


@dataclass(frozen=True, slots=True)
class HouseView:
    """The whole ledger at a log position, asset by asset."""

    log_position: int
    assets: tuple[HouseAssetView, ...]
    reordered: Reordered | None = None
