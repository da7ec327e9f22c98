"""Rungs ready for the engine; :mod:`~clearing.rulebook.ladder.documents` is what people write."""

from decimal import Decimal

from clearing.rulebook.ladder.auctions import AuctionMethod
from clearing.rulebook.ladder.close_prices import ClosePrice
from clearing.rulebook.ladder.conditions import Condition
from clearing.rulebook.ladder.pacing import Ramp
from clearing.rulebook.ladder.penalty import Penalty
from clearing.rulebook.ladder.quantities import Quantity


class Rung:
    """What all rungs have: their number in the ladder (from 1) and when they act.

    ``closes``: it takes positions or collateral, so the scope is in liquidation while its condition
    holds. ``warns``: it moves nothing, and so acts in every mode. ``pause`` is how long it rests
    after it acted, in microseconds.
    """

    __slots__ = ("action", "condition", "number", "pause")

    closes = False
    warns = False

    def __init__(self, action: str, number: int, condition: Condition, pause: int = 0) -> None:
        self.action = action
        self.number = number
        self.condition = condition
        self.pause = pause

    @property
    def remembers(self) -> bool:
        """Whether it matters since when its condition holds, or when it acted last."""
        return self.condition.remembers or bool(self.pause)

    def boundaries(self) -> list[tuple[int, int]]:
        """Return the (place, factor) at which what it may do changes."""
        return self.condition.boundaries()


class NotifyRung(Rung):
    """See :class:`NotifyDocument`."""

    __slots__ = ()

    warns = True
    remembers = True


class MarginCallRung(Rung):
    """See :class:`MarginCallDocument`; ``grace`` in microseconds."""

    __slots__ = ("grace", "liquidates", "restore")

    warns = True

    def __init__(
        self, number: int, condition: Condition, grace: int, restore: str, liquidates: bool
    ) -> None:
        super().__init__("margin_call", number, condition)
        self.grace = grace
        self.restore = restore
        self.liquidates = liquidates


class CancelOrdersRung(Rung):
    """See :class:`CancelOrdersDocument`."""

    __slots__ = ()


class ConvertRung(Rung):
    """See :class:`ConvertDocument`; ``discount`` at :data:`~clearing.rulebook.RATE_SCALE`.

    ``to`` is an account ordinal (0: the waterfall's fund).
    """

    __slots__ = ("discount", "everything", "to")

    closes = True

    def __init__(
        self, number: int, condition: Condition, everything: bool, discount: int, to: int
    ) -> None:
        super().__init__("convert", number, condition)
        self.everything = everything
        self.discount = discount
        self.to = to


class RepayAndSeizeRung(Rung):
    """See :class:`RepayAndSeizeDocument`; shares at :data:`~clearing.rulebook.RATE_SCALE`.

    ``keeper`` and ``protocol`` (0: nobody) are account ordinals, ``minimum_value`` is in the
    asset's units.
    """

    __slots__ = (
        "bonus",
        "close_factor",
        "keeper",
        "minimum_value",
        "protocol",
        "protocol_share",
    )

    closes = True

    def __init__(
        self,
        number: int,
        condition: Condition,
        keeper: int,
        close_factor: int,
        bonus: int,
        protocol_share: int,
        protocol: int,
        minimum_value: int,
    ) -> None:
        super().__init__("repay_and_seize", number, condition)
        self.keeper = keeper
        self.close_factor = close_factor
        self.bonus = bonus
        self.protocol_share = protocol_share
        self.protocol = protocol
        self.minimum_value = minimum_value


class CoverRung(Rung):
    """See :class:`CoverDocument`; ``restores`` is a level's place and a factor (RATE_SCALE)."""

    __slots__ = ("restores",)

    closes = True

    def __init__(self, number: int, condition: Condition, restores: tuple[int, int]) -> None:
        super().__init__("cover", number, condition)
        self.restores = restores

    def boundaries(self) -> list[tuple[int, int]]:
        """Return the (place, factor) at which what it may do changes."""
        return [*super().boundaries(), self.restores]


class Gains:
    """See :class:`GainsDocument`; ``most`` in the asset's units (None: no limit)."""

    __slots__ = ("most", "penalty")

    def __init__(self, penalty: Penalty | None, most: int | None) -> None:
        self.penalty = penalty
        self.most = most


class Limit:
    """See :class:`LimitDocument`: ``share`` at RATE_SCALE, ``notional`` in units (0: none)."""

    __slots__ = ("notional", "share")

    def __init__(self, share: int, notional: int) -> None:
        self.share = share
        self.notional = notional


class ReduceRung(Rung):
    """See :class:`ReduceDocument`.

    ``price`` is None where recorded fills close, and ``covered`` says that the waterfall makes up
    for what they fetch below the bankruptcy amount; ``tick`` is in price units, if there is one.
    ``minimum_notional`` and ``whole_up_to`` are in the asset's units, ``to`` an account ordinal (0:
    the waterfall's fund).
    """

    __slots__ = (
        "at_least",
        "at_most",
        "covered",
        "gains",
        "minimum_notional",
        "penalty",
        "price",
        "quantity",
        "ramp",
        "tick",
        "to",
        "whole_up_to",
    )

    closes = True

    def __init__(
        self,
        number: int,
        condition: Condition,
        quantity: Quantity,
        price: ClosePrice | None,
        tick: Decimal | None,
        at_least: Limit | None,
        at_most: Limit | None,
        minimum_notional: int,
        pause: int,
        to: int,
        penalty: Penalty | None,
        *,
        covered: bool,
        ramp: Ramp | None = None,
        whole_up_to: int = 0,
        gains: Gains | None = None,
    ) -> None:
        self.gains = gains
        super().__init__("reduce", number, condition, pause)
        self.ramp = ramp
        self.whole_up_to = whole_up_to
        self.quantity = quantity
        self.price = price
        self.tick = tick
        self.at_least = at_least
        self.at_most = at_most
        self.covered = covered
        self.minimum_notional = minimum_notional
        self.to = to
        self.penalty = penalty

    @property
    def remembers(self) -> bool:
        """Whether a stay matters: also where size or price depends on how long it has lasted."""
        timed = self.price is not None and self.price.timed
        return timed or self.ramp is not None or self.quantity.concludes or super().remembers

    def boundaries(self) -> list[tuple[int, int]]:
        """Return the condition's, and what the quantity restores."""
        restored = self.quantity.restores
        return super().boundaries() + ([] if restored is None else [restored])


class AuctionRung(Rung):
    """See :class:`AuctionDocument`.

    ``floored``: nothing goes for less than its bankruptcy amount. ``covered``: the waterfall makes
    up for what is fetched below it. ``cancels``: an auction ends when the condition does.
    """

    __slots__ = ("cancels", "covered", "floored", "method", "penalty")

    closes = True

    def __init__(
        self,
        number: int,
        condition: Condition,
        method: AuctionMethod,
        penalty: Penalty | None,
        *,
        floored: bool,
        covered: bool,
        cancels: bool,
    ) -> None:
        super().__init__("auction", number, condition)
        self.method = method
        self.penalty = penalty
        self.floored = floored
        self.covered = covered
        self.cancels = cancels


class TakeoverRung(Rung):
    """See :class:`TakeoverDocument` and :class:`AdlDocument`.

    ``to`` is an account ordinal (0: the waterfall's fund). ``deleverages`` says that positions go
    to holders of the other side even without a loss, from the first such layer on, ``only_debts``
    that it acts only where no position is left.
    """

    __slots__ = ("deleverages", "only_debts", "penalty", "returns_residual", "to")

    closes = True

    def __init__(
        self,
        number: int,
        condition: Condition,
        returns_residual: bool,
        to: int,
        penalty: Penalty | None,
        *,
        deleverages: bool = False,
        only_debts: bool = False,
    ) -> None:
        self.only_debts = only_debts
        super().__init__("adl" if deleverages else "takeover", number, condition)
        self.returns_residual = returns_residual
        self.to = to
        self.penalty = penalty
        self.deleverages = deleverages
