"""What a liquidation costs the account beyond the price: a rate, a base, a limit, recipients."""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from clearing.events.base import Fact
from clearing.events.fields import Name
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import Rounding, to_scaled
from clearing.rulebook.fields import Fraction, List, MarginRate, Share
from clearing.rulebook.ladder.pacing import Decimals
from clearing.rulebook.ladder.quantities import PlaceOf


class Recipient(Fact):
    """Who receives ``share`` of a penalty: the liquidator, the fund, the venue."""

    account: Name
    share: Share


class HeadroomDocument(Fact):
    """A rate of at most ``share`` of what the position can bear without getting any worse.

    That is what ``level`` asks of the position, less what the price takes, less what the scope is
    short of the level (the position's part of it, by maintenance), each per notional. With
    ``decimals`` the shortage of a whole unit of size, its share of the notional and the rate are
    rounded down there. Source: Drift v2, math/liquidation (calculate_perp_if_fee).
    """

    level: Name = "maintenance"
    share: MarginRate
    decimals: Decimals | None = None

    @model_validator(mode="after")
    def _asks(self) -> Self:
        if self.level == "zero":
            raise ValueError("level: zero asks nothing, so nothing could be borne: name a level")
        return self

    def compile(self, place_of: PlaceOf) -> "Headroom":
        """Return the limit, ready to compute."""
        share = to_scaled(self.share, RATE_DECIMALS)
        return Headroom(place_of(self.level), share, self.decimals)


class PenaltyDocument(Fact):
    """``rate`` × closed notional, split by share; never more than the equity that is left.

    With ``limit`` ``surplus`` it is also never more than what the part that was closed fetched
    beyond its bankruptcy amount; with ``headroom`` the rate is limited, too.
    """

    rate: Fraction
    limit: Literal["equity", "surplus"] = "equity"
    headroom: HeadroomDocument | None = None
    recipients: Annotated[tuple[Recipient, ...], List, Field(min_length=1, max_length=16)]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        total = sum((recipient.share for recipient in self.recipients), Decimal(0))
        if total != 1:
            raise ValueError(f"recipients: their shares add up to {total}, not 1")
        return self


class Headroom:
    """See :class:`HeadroomDocument`; ``place`` is the level's, ``share`` at RATE_SCALE."""

    __slots__ = ("decimals", "place", "share")

    def __init__(self, place: int, share: int, decimals: int | None) -> None:
        self.place = place
        self.share = share
        self.decimals = decimals


class Penalty:
    """Rate of closed notional at :data:`~clearing.rulebook.RATE_SCALE`; who receives it.

    ``recipients`` are (account ordinal, share); ``surplus`` says that what was fetched beyond the
    bankruptcy amount limits it, too, and ``headroom`` how the rate is limited. The amount is
    rounded to units by ``rounding``; shares are rounded down, and the first recipient (or, with
    ``dust_last``, the last) has what is left.
    """

    __slots__ = ("dust_last", "headroom", "rate", "recipients", "rounding", "surplus")

    def __init__(
        self,
        rate: int,
        recipients: list[tuple[int, int]],
        surplus: bool,
        headroom: Headroom | None,
        rounding: Rounding,
        *,
        dust_last: bool,
    ) -> None:
        self.rounding = rounding
        self.dust_last = dust_last
        self.rate = rate
        self.recipients = recipients
        self.surplus = surplus
        self.headroom = headroom
