"""The documents of rungs: what people write, and what makes rungs of it."""

from abc import abstractmethod
from decimal import Decimal
from typing import Annotated, Literal, Protocol, Self

from pydantic import Field, model_validator

from clearing.events.base import Fact
from clearing.events.fields import Name, NotNegativeAmount, PositiveAmount
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import to_scaled
from clearing.rulebook.fields import Factor, Share
from clearing.rulebook.ladder.auctions import AuctionMethodDocument
from clearing.rulebook.ladder.close_prices import (
    ClosePriceDocument,
    MarkPriceDocument,
    RecordedPriceDocument,
)
from clearing.rulebook.ladder.conditions import Condition, ConditionDocument, Seconds
from clearing.rulebook.ladder.pacing import Ramp, RampDocument
from clearing.rulebook.ladder.penalty import Penalty, PenaltyDocument
from clearing.rulebook.ladder.quantities import (
    LEAST_SHARE,
    QuantityDocument,
    RestoreDocument,
    ShareDocument,
    ShareOfSize,
)
from clearing.rulebook.ladder.rungs import (
    AuctionRung,
    CancelOrdersRung,
    ConvertRung,
    CoverRung,
    Gains,
    Limit,
    MarginCallRung,
    NotifyRung,
    ReduceRung,
    RepayAndSeizeRung,
    Rung,
    TakeoverRung,
)


class CompilingRung(Protocol):
    """What a rung's document needs to become a rung."""

    def condition(self, document: ConditionDocument) -> Condition:
        """Return a condition with its level's place."""

    def place(self, level: str) -> int:
        """Return the place of a level by its name."""

    def account(self, path: str, name: str) -> int:
        """Return the ordinal of an account; one that is not declared is a problem."""

    def taker(self, path: str, name: str) -> int:
        """Return the ordinal of an account; one that is liquidated itself is a problem, too."""

    def units(self, path: str, value: Decimal) -> int:
        """Return an amount in the settlement asset's units; one that is too fine is a problem."""

    def penalty(self, path: str, document: PenaltyDocument | None) -> Penalty | None:
        """Return a penalty with its recipients' ordinals."""


class RungBase(Fact):
    """What all rungs have: a condition."""

    when: ConditionDocument

    @abstractmethod
    def compile(self, path: str, number: int, into: CompilingRung) -> Rung:
        """Return the rung; ``path`` is where this stands in its document."""

    def levels(self) -> list[str]:
        """Return the names of the levels that the rung looks at."""
        return self.when.levels()


class NotifyDocument(RungBase):
    """Says once, when the condition begins to hold, that it does; nothing is done."""

    action: Literal["notify"] = "notify"

    def compile(self, path: str, number: int, into: CompilingRung) -> Rung:
        """Return the rung."""
        del path  # nothing in it could be unknown
        return NotifyRung("notify", number, into.condition(self.when))


class MarginCallDocument(RungBase):
    """Warns: states the amount due to restore ``restore`` and the time it is due."""

    action: Literal["margin_call"] = "margin_call"
    grace_seconds: Seconds
    restore: Name = "initial"
    on_missed: Literal["notify", "liquidate"] = "notify"

    @model_validator(mode="after")
    def _level(self) -> Self:
        if self.when.level == "zero":
            raise ValueError("when.level: a margin call needs a margin level")
        if self.when.until is not None:
            raise ValueError("when.until: a margin call ends when restore is; leave it out")
        return self

    def levels(self) -> list[str]:
        """Return the names of the levels that the rung looks at."""
        return [*super().levels(), self.restore]

    def compile(self, path: str, number: int, into: CompilingRung) -> Rung:
        """Return the rung."""
        del path
        condition, grace = into.condition(self.when), self.grace_seconds * 1_000_000
        liquidates = self.on_missed == "liquidate"
        return MarginCallRung(number, condition, grace, self.restore, liquidates)


class CancelOrdersDocument(RungBase):
    """Cancels the scope's open orders, which then ask no margin any more."""

    action: Literal["cancel_orders"] = "cancel_orders"

    def compile(self, path: str, number: int, into: CompilingRung) -> Rung:
        """Return the rung."""
        del path
        return CancelOrdersRung("cancel_orders", number, into.condition(self.when))


class ConvertDocument(RungBase):
    """Sells collateral in other assets for settlement cash, to the fund (or ``to``).

    ``amount`` ``shortfall`` sells what repays a negative balance and no more, in the order in which
    assets were declared; ``all`` sells everything. ``discount`` × value stays with the buyer.
    """

    action: Literal["convert"] = "convert"
    amount: Literal["shortfall", "all"] = "shortfall"
    discount: Share = Decimal(0)
    to: Name | None = None

    def compile(self, path: str, number: int, into: CompilingRung) -> Rung:
        """Return the rung."""
        to = 0 if self.to is None else into.taker(f"{path}.to", self.to)
        condition, discount = into.condition(self.when), _rate(self.discount)
        return ConvertRung(number, condition, self.amount == "all", discount, to)


class RepayAndSeizeDocument(RungBase):
    """A keeper repays part of a debt and receives collateral worth that and a bonus.

    The largest debt by value is repaid, by ``close_factor`` of it (everything while it is worth
    less than ``minimum_value``), out of the collateral of the largest value. Of the bonus,
    ``protocol_share`` goes to ``protocol``. Source: Aave v3, LiquidationLogic.
    """

    action: Literal["repay_and_seize"] = "repay_and_seize"
    keeper: Name
    close_factor: ShareOfSize
    bonus: Share
    protocol_share: Share = Decimal(0)
    protocol: Name | None = None
    minimum_value: NotNegativeAmount = Decimal(0)

    @model_validator(mode="after")
    def _named(self) -> Self:
        if (self.protocol is None) is not (self.protocol_share == 0):
            raise ValueError("protocol: is who receives protocol_share; give both or neither")
        return self

    def compile(self, path: str, number: int, into: CompilingRung) -> Rung:
        """Return the rung."""
        protocol = 0
        if self.protocol is not None:
            protocol = into.account(f"{path}.protocol", self.protocol)
        return RepayAndSeizeRung(
            number,
            into.condition(self.when),
            into.taker(f"{path}.keeper", self.keeper),
            _rate(self.close_factor),
            _rate(self.bonus),
            _rate(self.protocol_share),
            protocol,
            into.units(f"{path}.minimum_value", self.minimum_value),
        )


class CoverDocument(RungBase):
    """Has the waterfall's paying layers give an account without positions what restores a level.

    It is the least cash after which equity is at ``factor`` × ``level``; an account that ten times
    what it owes would not restore gets nothing. Source: Mango v4,
    perp_liq_negative_pnl_or_bankruptcy.
    """

    action: Literal["cover"] = "cover"
    level: Name = "maintenance"
    factor: Factor = Decimal(1)

    def levels(self) -> list[str]:
        """Return the names of the levels that the rung looks at."""
        return [*super().levels(), self.level]

    def compile(self, path: str, number: int, into: CompilingRung) -> Rung:
        """Return the rung."""
        del path
        restored = (into.place(self.level), _rate(self.factor))
        return CoverRung(number, into.condition(self.when), restored)


class GainsDocument(Fact):
    """Gains sold for cash on the way, because cash counts for more than they do.

    What a position gains beyond what is asked of it may be settled: it becomes cash, less
    ``penalty`` on what is settled (never more than the equity that is left), in all at most
    ``at_most`` in one step.
    """

    penalty: PenaltyDocument | None = None
    at_most: NotNegativeAmount | None = None

    @model_validator(mode="after")
    def _plain(self) -> Self:
        if self.penalty is not None and self.penalty.limit != "equity":
            raise ValueError("penalty.limit: settling fetches what it is worth, never a surplus")
        if self.penalty is not None and self.penalty.headroom is not None:
            raise ValueError("penalty.headroom: settling closes nothing that asks for margin")
        return self


class LimitDocument(Fact):
    """The most (or least) of a position that one step closes: a share of it, a notional."""

    share: ShareOfSize | None = None
    notional: PositiveAmount | None = None

    @model_validator(mode="after")
    def _limits(self) -> Self:
        if self.share is None and self.notional is None:
            raise ValueError("share: or notional must be given, or it limits nothing")
        return self


class ReduceDocument(RungBase):
    """Closes part of the position with the largest maintenance requirement.

    How much is ``quantity``, rounded up to whole lots, at least ``at_least`` and at most
    ``at_most``; a position of no more than ``whole_up_to`` goes whole, and a rest of less than
    ``minimum_notional`` goes, too. A ``ramp`` lets it close more of that in time; while it lets
    nothing, the rung rests. The counterparty is ``to``
    (else the waterfall's fund), of which the rulebook may ask nothing. After it, ``pause_seconds``
    pass before it acts again. With ``gains`` it closes no more than is needed where gains are sold,
    too: while the position has a loss, then with its gains sold, then the more that could be sold
    of what a close frees, then anything. Source: Mango v4, perp_liq_base_or_positive_pnl.
    """

    action: Literal["reduce"] = "reduce"
    quantity: QuantityDocument
    price: ClosePriceDocument = MarkPriceDocument()
    at_least: LimitDocument | None = None
    at_most: LimitDocument | None = None
    minimum_notional: NotNegativeAmount = Decimal(0)
    whole_up_to: NotNegativeAmount = Decimal(0)
    ramp: RampDocument | None = None
    pause_seconds: Seconds = 0
    to: Name | None = None
    penalty: PenaltyDocument | None = None
    gains: GainsDocument | None = None

    @model_validator(mode="after")
    def _sells(self) -> Self:
        if self.gains is None:
            return self
        if not isinstance(self.quantity, RestoreDocument):
            raise ValueError("gains: are sold to restore a level, so quantity must be restore")
        for field in ("at_least", "ramp", "minimum_notional", "whole_up_to"):
            if getattr(self, field):
                raise ValueError(f"{field}: with gains a step closes what restores the level")
        if self.gains.at_most is not None and not self.pause_seconds:
            raise ValueError("gains.at_most: needs pause_seconds, or the next step follows at once")
        return self

    @model_validator(mode="after")
    def _nobody_takes(self) -> Self:
        if isinstance(self.price, RecordedPriceDocument) and self.to is not None:
            raise ValueError("to: recorded fills have their own counterparties")
        for field in ("at_most", "ramp"):
            if getattr(self, field) is not None and not self.pause_seconds:
                raise ValueError(f"{field}: needs pause_seconds, or the next step follows at once")
        return self

    @model_validator(mode="after")
    def _waits(self) -> Self:
        """Let a rung that waits for recorded fills have nothing that it would not look at."""
        if isinstance(self.price, RecordedPriceDocument):
            limits = ("at_least", "at_most", "minimum_notional", "whole_up_to", "ramp", "gains")
            for field in (*limits, "pause_seconds"):
                if getattr(self, field):
                    raise ValueError(f"{field}: recorded fills close what they close")
            if self.penalty is not None and self.penalty.headroom is not None:
                raise ValueError("penalty.headroom: recorded fills have prices of their own")
        return self

    @model_validator(mode="after")
    def _ends(self) -> Self:
        quantity, least = self.quantity, self.at_least
        small = isinstance(quantity, ShareDocument) and quantity.share < LEAST_SHARE
        if small and not self.pause_seconds:
            raise ValueError(
                f"quantity.share: less than {LEAST_SHARE} needs pause_seconds, or thousands of"
                " steps follow each other at once"
            )
        most = self.at_most
        for field in ("share", "notional"):
            low, high = (getattr(limit, field, None) for limit in (least, most))
            if low is not None and high is not None and low > high:
                raise ValueError(f"at_least.{field}: {low} is above at_most.{field}, {high}")
        return self

    def levels(self) -> list[str]:
        """Return the names of the levels that the rung looks at."""
        levels = [*super().levels(), *self.quantity.levels()]
        if self.ramp is not None:
            levels.append(self.ramp.level)
        if self.penalty is not None and self.penalty.headroom is not None:
            levels.append(self.penalty.headroom.level)
        return levels

    def compile(self, path: str, number: int, into: CompilingRung) -> Rung:
        """Return the rung."""
        price, covered = None, False
        if isinstance(self.price, RecordedPriceDocument):
            covered = self.price.shortfall == "waterfall"
        else:
            price = self.price
        return ReduceRung(
            number,
            into.condition(self.when),
            self.quantity.compile(into.place),
            None if price is None else price.compile(),
            None if price is None else price.tick,
            _limit(f"{path}.at_least", self.at_least, into),
            _limit(f"{path}.at_most", self.at_most, into),
            into.units(f"{path}.minimum_notional", self.minimum_notional),
            self.pause_seconds * 1_000_000,
            0 if self.to is None else into.taker(f"{path}.to", self.to),
            into.penalty(f"{path}.penalty", self.penalty),
            covered=covered,
            ramp=_ramp(f"{path}.ramp", self.ramp, into),
            whole_up_to=into.units(f"{path}.whole_up_to", self.whole_up_to),
            gains=_gains(f"{path}.gains", self.gains, into),
        )


class AuctionDocument(RungBase):
    """Puts every position that may close up for auction, each by itself, all at once.

    Who takes how much at which price is told by events; ``method`` says what counts. Closing rungs
    after it wait until its auctions are over; what is unsold then is theirs. Nothing goes for less
    than its bankruptcy amount with ``floor`` ``bankruptcy``; else what it fetches below that is the
    ``account``'s, or is made up for by the ``waterfall``'s layers that pay. An auction ends early
    when the condition does, unless ``ends_when_restored`` is false.
    Source: Maker's dss, clip.sol, whose auctions run on.
    """

    action: Literal["auction"] = "auction"
    method: AuctionMethodDocument
    floor: Literal["none", "bankruptcy"] = "none"
    shortfall: Literal["account", "waterfall"] = "account"
    ends_when_restored: bool = True
    penalty: PenaltyDocument | None = None

    @model_validator(mode="after")
    def _short(self) -> Self:
        if self.floor == "bankruptcy" and self.shortfall == "waterfall":
            raise ValueError("shortfall: with floor bankruptcy nothing falls short; leave it out")
        if self.penalty is not None and self.penalty.headroom is not None:
            raise ValueError("penalty.headroom: takers and bidders have prices of their own")
        return self

    def compile(self, path: str, number: int, into: CompilingRung) -> Rung:
        """Return the rung."""
        return AuctionRung(
            number,
            into.condition(self.when),
            self.method.compile(),
            into.penalty(f"{path}.penalty", self.penalty),
            floored=self.floor == "bankruptcy",
            covered=self.shortfall == "waterfall",
            cancels=self.ends_when_restored,
        )


class TakeoverDocument(RungBase):
    """Hands every position over at the bankruptcy amount.

    To the fund, or to ``to`` (a backstop) while the scope's equity is not negative; a loss goes
    down the waterfall. ``residual`` says who keeps equity that is left: the ``trader`` (less the
    penalty) or the ``taker``. With ``only_debts`` it waits until neither a position nor anything
    of value is left, which rungs before it have to sell: what is owed then is the loss.
    """

    action: Literal["takeover"] = "takeover"
    residual: Literal["trader", "taker"] = "trader"
    to: Name | None = None
    only_debts: bool = False
    penalty: PenaltyDocument | None = None

    @model_validator(mode="after")
    def _nothing_fetched(self) -> Self:
        if self.penalty is not None and self.penalty.limit == "surplus":
            raise ValueError("penalty.limit: a takeover is at the bankruptcy amount: no surplus")
        if self.penalty is not None and self.penalty.headroom is not None:
            raise ValueError("penalty.headroom: a takeover leaves no position to bear it: no rate")
        return self

    def compile(self, path: str, number: int, into: CompilingRung) -> Rung:
        """Return the rung."""
        return TakeoverRung(
            number,
            into.condition(self.when),
            self.residual == "trader",
            0 if self.to is None else into.taker(f"{path}.to", self.to),
            into.penalty(f"{path}.penalty", self.penalty),
            only_debts=self.only_debts,
        )


class AdlDocument(RungBase):
    """Closes every position against holders of the other side, by the waterfall's ADL layer.

    What they cannot take goes on down the waterfall from there.
    """

    action: Literal["adl"] = "adl"

    def compile(self, path: str, number: int, into: CompilingRung) -> Rung:
        """Return the rung."""
        del path
        condition = into.condition(self.when)
        return TakeoverRung(number, condition, True, 0, None, deleverages=True)


RungDocument = Annotated[
    NotifyDocument
    | MarginCallDocument
    | CancelOrdersDocument
    | ConvertDocument
    | RepayAndSeizeDocument
    | CoverDocument
    | ReduceDocument
    | AuctionDocument
    | TakeoverDocument
    | AdlDocument,
    Field(discriminator="action"),
]
"""A rung, told apart by ``action``."""


def _rate(value: Decimal) -> int:
    return to_scaled(value, RATE_DECIMALS)


def _limit(path: str, document: LimitDocument | None, into: CompilingRung) -> Limit | None:
    if document is None:
        return None
    share, notional = document.share, document.notional
    return Limit(
        0 if share is None else _rate(share),
        0 if notional is None else into.units(f"{path}.notional", notional),
    )


def _gains(path: str, document: GainsDocument | None, into: CompilingRung) -> Gains | None:
    if document is None:
        return None
    most = document.at_most
    return Gains(
        into.penalty(f"{path}.penalty", document.penalty),
        None if most is None else into.units(f"{path}.at_most", most),
    )


def _ramp(path: str, document: RampDocument | None, into: CompilingRung) -> Ramp | None:
    if document is None:
        return None
    return Ramp(
        into.place(document.level),
        _rate(document.initial),
        document.seconds * 1_000_000,
        into.units(f"{path}.whole_below", document.whole_below),
        document.decimals,
    )
