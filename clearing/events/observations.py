"""Events that say what was seen of accounts and markets: prices, orders, leverage, open interest.

They move no money. Rules may look at what they say: margin by chosen leverage, open orders or what
scenarios would cost, rates by open interest, depth or prices.
"""

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from clearing.events.base import EventBase
from clearing.events.fields import Amount, ListAsTuple, Name, NotNegativeAmount, PositiveAmount

MAX_LEVERAGE = 1_000_000
"""The greatest leverage that an account may be said to have chosen."""


def _leverage(value: Decimal) -> Decimal:
    if value > MAX_LEVERAGE:
        raise ValueError(f"{value} must be at most {MAX_LEVERAGE}")
    return value


def _distance(value: Decimal) -> Decimal:
    if value > 1:
        raise ValueError(f"{value} is more than the whole price; at most 1 is accepted")
    return value


def _once(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError("an account may stand only once")
    return names


def _score(value: Decimal) -> Decimal:
    if value > 1:
        raise ValueError(f"{value} is not a score; scores go from 0 to 1")
    return value


class PriceObserved(EventBase):
    """What the event's source says a market's ``role`` price was.

    A rulebook's price trees may make marks of it; without them it moves nothing.
    """

    kind: Literal["PriceObserved"] = "PriceObserved"
    market: Name
    role: Literal["index", "oracle", "last", "bid", "ask"] = "oracle"
    price: PositiveAmount


class LeverageSet(EventBase):
    """An account chose its leverage in a market, as venues let it; rules may ask margin by it."""

    kind: Literal["LeverageSet"] = "LeverageSet"
    account: Name
    market: Name
    leverage: Annotated[PositiveAmount, AfterValidator(_leverage)]


class OrdersObserved(EventBase):
    """What an account's open orders in a market add up to from now on: unsigned sizes by side.

    It replaces what was observed before; 0 and 0 say that there are none left.
    """

    kind: Literal["OrdersObserved"] = "OrdersObserved"
    account: Name
    market: Name
    buy_size: NotNegativeAmount
    sell_size: NotNegativeAmount


class OpenInterestObserved(EventBase):
    """How much of a market is open in all, as its source says: unsigned, one side counted."""

    kind: Literal["OpenInterestObserved"] = "OpenInterestObserved"
    market: Name
    size: NotNegativeAmount


class PremiumSampled(EventBase):
    """A sample of a market's funding premium: how far its price is from the index, as a fraction.

    ``rate`` is for as long as the rates of the market's funding rule are; positive makes longs pay.
    """

    kind: Literal["PremiumSampled"] = "PremiumSampled"
    market: Name
    rate: Amount


class DepthObserved(EventBase):
    """How much a market's order book takes near its price, as its source says: unsigned sizes.

    ``bid_size`` is what can be sold, ``ask_size`` what can be bought, no farther than ``within``
    (a fraction of the price) from it.
    """

    kind: Literal["DepthObserved"] = "DepthObserved"
    market: Name
    bid_size: NotNegativeAmount
    ask_size: NotNegativeAmount
    within: Annotated[PositiveAmount, AfterValidator(_distance)]


class RiskScored(EventBase):
    """What a model makes of the risk of an account's position in a market: a score from 0 to 1.

    The greater, the worse, at most 12 decimals. It replaces what the model said before. Rules may
    warn by it, and never move money.
    """

    kind: Literal["RiskScored"] = "RiskScored"
    account: Name
    market: Name
    model: Name
    score: Annotated[NotNegativeAmount, AfterValidator(_score)]


class DeleveragingRanked(EventBase):
    """Who of a market's ``side`` is to be deleveraged first, as its source ranks them.

    It replaces what was told of the side before. Rules whose rank is ``recorded`` go by it.
    """

    kind: Literal["DeleveragingRanked"] = "DeleveragingRanked"
    market: Name
    side: Literal["long", "short"]
    accounts: Annotated[
        tuple[Name, ...], ListAsTuple, Field(min_length=1, max_length=10_000), AfterValidator(_once)
    ]


class RiskArrayPublished(EventBase):
    """What one unit of a market's size loses in each scenario, from a named, versioned producer.

    ``losses`` are of a long position, positive a loss, in the units of the market's price (before
    its multiplier), at mark decimals; a short one loses the opposite. Their order is the producer's
    and the rulebook's: the same scenario stands at the same place of every array. The Greeks, where
    given, are per unit of size, at 12 decimals. What was published before is replaced.
    """

    kind: Literal["RiskArrayPublished"] = "RiskArrayPublished"
    market: Name
    producer: Name
    version: Name
    losses: Annotated[tuple[Amount, ...], ListAsTuple, Field(min_length=1, max_length=256)]
    delta: Amount | None = None
    gamma: Amount | None = None
    vega: Amount | None = None
    theta: Amount | None = None
