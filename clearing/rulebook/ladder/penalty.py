"""What a liquidation costs the account beyond the price: a rate, a base, a limit, recipients."""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from clearing.events.base import Fact
from clearing.events.fields import Name
from clearing.rulebook.fields import Fraction, List, Share


class Recipient(Fact):
    """Who receives ``share`` of a penalty: the liquidator, the fund, the venue."""

    account: Name
    share: Share


class PenaltyDocument(Fact):
    """``rate`` × closed notional, split by share; never more than the equity that is left.

    With ``limit`` ``surplus`` it is also never more than what the part that was closed fetched
    beyond its bankruptcy amount.
    """

    rate: Fraction
    limit: Literal["equity", "surplus"] = "equity"
    recipients: Annotated[tuple[Recipient, ...], List, Field(min_length=1, max_length=16)]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        total = sum((recipient.share for recipient in self.recipients), Decimal(0))
        if total != 1:
            raise ValueError(f"recipients: their shares add up to {total}, not 1")
        return self


class Penalty:
    """Rate of closed notional at :data:`~clearing.rulebook.RATE_SCALE`; who receives it.

    ``recipients`` are (account ordinal, share); ``surplus`` says that what was fetched beyond the
    bankruptcy amount limits it, too.
    """

    __slots__ = ("rate", "recipients", "surplus")

    def __init__(self, rate: int, recipients: list[tuple[int, int]], surplus: bool) -> None:
        self.rate = rate
        self.recipients = recipients
        self.surplus = surplus
