"""Who bears a loss, layer by layer: what people write, and the same ready for the engine.

A layer either *assumes* positions (a fund, holders of the other side) or *pays* what positions are
worth less than their bankruptcy amount (a fund's cash, gains, every unit of open interest, the
house). Layers stand in any order; the last one bears whatever is left.
"""

from decimal import Decimal
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from clearing.events.base import Fact
from clearing.events.fields import Name, NotNegativeAmount
from clearing.rulebook.fields import Factor, List, MarginRate, Share

RANK_KEYS: Final = (
    "profit_by_leverage",
    "profit_by_margin_ratio",
    "price_by_leverage",
    "price_by_leverage_side_adjusted",
    "profit",
    "random",
    "recorded",
)
"""How holders of the other side are ranked for deleveraging; ``docs/rulebooks.md`` has formulas."""

RankKey = Literal[
    "profit_by_leverage",
    "profit_by_margin_ratio",
    "price_by_leverage",
    "price_by_leverage_side_adjusted",
    "profit",
    "random",
    "recorded",
]


class PeriodDocument(Fact):
    """How much of losses a fund bears in each period of ``seconds`` (periods begin at multiples).

    At most ``amount``, or ``share`` of the equity that it would have without what it bore in the
    period: the most that it may be drawn down.
    """

    seconds: Annotated[int, Field(ge=1, le=31_622_400)]
    amount: NotNegativeAmount | None = None
    share: MarginRate | None = None

    @model_validator(mode="after")
    def _limits(self) -> Self:
        if (self.amount is None) is (self.share is None):
            raise ValueError("amount: exactly one of amount and share has to be given")
        return self


class FundLayerDocument(Fact):
    """A fund (``account``, or the waterfall's) bears the loss.

    It ``assumes`` the position for its bankruptcy amount, or ``pays`` what that is more than the
    position's value, out of its cash. ``capacity``: as much as keeps its equity at or above 0
    (``equity``), as its cash (``cash``), or without limit (it may go below zero);
    ``reserve`` stays untouched, ``period`` limits what it bears in a time (in all layers),
    ``claim`` what it ever bears of the losses of one market (in all layers), and ``notional`` × its
    equity the notional that it assumes. With ``markets`` it stands for these alone.
    """

    layer: Literal["fund"] = "fund"
    account: Name | None = None
    by: Literal["assuming", "paying"] = "assuming"
    capacity: Literal["equity", "cash", "unlimited"] = "equity"
    notional: Factor | None = None
    reserve: NotNegativeAmount = Decimal(0)
    period: PeriodDocument | None = None
    claim: NotNegativeAmount | None = None
    markets: Annotated[tuple[Name, ...], List, Field(max_length=1000)] = ()

    @model_validator(mode="after")
    def _means_something(self) -> Self:
        if self.capacity == "unlimited" and self.reserve:
            raise ValueError("reserve: means nothing where capacity is unlimited")
        if self.by == "paying" and self.notional is not None:
            raise ValueError("notional: limits what is assumed; a layer by paying assumes nothing")
        return self


class AdlLayerDocument(Fact):
    """Holders of the opposite side are closed, by rank.

    ``rank`` orders them. ``candidates`` says which may be taken: ``all`` that have equity, only the
    ``profitable`` of them, or whoever would not end below nothing at the price (``overlapping``:
    its own bankruptcy price overlaps). ``allocation`` says whether the
    first gives all it has before the next gives anything (``queue``) or all give the same share
    (``pro_rata``, in whole lots; what is left goes by rank). ``price``: the ``bankruptcy`` amount,
    the ``mark``, the ``previous_mark``, or the price for the role ``adl``. ``seed`` is for a
    ``random`` rank; a ``recorded`` one is the order that a ``DeleveragingRanked`` told last, and
    ``others`` says whether whoever it leaves out comes ``last`` or is not taken (``none``). At most
    ``most`` of them give anything (dYdX v4 looks at so many), each at most the share ``at_most`` of
    what it has.
    """

    layer: Literal["adl"] = "adl"
    rank: RankKey = "profit_by_leverage"
    seed: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    candidates: Literal["all", "profitable", "overlapping"] = "all"
    allocation: Literal["queue", "pro_rata"] = "queue"
    price: Literal["bankruptcy", "mark", "previous_mark", "adl"] = "bankruptcy"
    others: Literal["last", "none"] = "last"
    most: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    at_most: MarginRate = Decimal(1)

    @model_validator(mode="after")
    def _told(self) -> Self:
        if self.others == "none" and self.rank != "recorded":
            raise ValueError("others: only a recorded rank leaves anybody out")
        return self

    @model_validator(mode="after")
    def _seeded(self) -> Self:
        if (self.rank == "random") is not (self.seed is not None):
            raise ValueError("seed: goes with rank random, and with no other")
        return self


class ProviderDocument(Fact):
    """An account of a backstop pool, and its ``share`` of what the pool assumes."""

    account: Name
    share: Share


class BackstopLayerDocument(Fact):
    """Accounts that are committed to it assume the position for its bankruptcy amount.

    Each takes its share, in whole lots, as far as it is able to; what is left after that is offered
    to each again, in order. An account of a class that the rulebook binds has to have its initial
    margin afterwards, any other its equity at or above 0.
    """

    layer: Literal["backstop"] = "backstop"
    providers: Annotated[tuple[ProviderDocument, ...], List, Field(min_length=1, max_length=100)]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        total = sum((provider.share for provider in self.providers), Decimal(0))
        if total != 1:
            raise ValueError(f"providers: their shares add up to {total}, not 1")
        if len({provider.account for provider in self.providers}) < len(self.providers):
            raise ValueError("providers: an account may stand only once")
        return self


class HaircutLayerDocument(Fact):
    """Gains bear the loss pro rata: unrealised profit of everybody's position in the market.

    Each pays at most its gain, which is realised as far as it is cut. Shares are rounded to
    units as ``numerics.haircut`` says, in order of account; the last one pays what is left. Source:
    Vega, specs 0002 (loss socialisation).
    """

    layer: Literal["haircut"] = "haircut"


class PerUnitLayerDocument(Fact):
    """Every unit of open interest, long and short alike, bears the same, through funding indexes.

    What a unit pays is rounded up at ``decimals``, or else where the index ends; what that collects
    beyond the loss goes to rounding. An account that owes and holds nothing owes in the market in
    which its last position ended. Source: Drift v2, controller/liquidation
    (resolve_perp_bankruptcy), math/liquidation
    (calculate_funding_rate_deltas_to_resolve_bankruptcy).
    """

    layer: Literal["per_unit"] = "per_unit"
    decimals: Annotated[int, Field(ge=0, le=18)] | None = None


class DeficitLayerDocument(Fact):
    """The house bears the loss on the deficit account."""

    layer: Literal["deficit"] = "deficit"


LayerDocument = Annotated[
    FundLayerDocument
    | BackstopLayerDocument
    | AdlLayerDocument
    | HaircutLayerDocument
    | PerUnitLayerDocument
    | DeficitLayerDocument,
    Field(discriminator="layer"),
]
"""A layer, told apart by ``layer``."""


class WaterfallDocument(Fact):
    """Who bears the loss of a takeover, first to last.

    ``fund`` is an account of class ``fund``: it takes positions whose loss others pay.
    """

    fund: Name
    layers: Annotated[tuple[LayerDocument, ...], List, Field(min_length=1, max_length=16)]

    @model_validator(mode="after")
    def _ends(self) -> Self:
        last = self.layers[-1]
        if last.layer != "deficit":
            raise ValueError("layers: must end with deficit, which bears whatever is left")
        names = [layer.layer for layer in self.layers]
        for name in ("deficit", "per_unit", "haircut"):
            if names.count(name) > 1:
                raise ValueError(f"layers: {name} may stand only once")
        return self


class FundLayer:
    """See :class:`FundLayerDocument`; ``account`` is an ordinal, ``markets`` empty for all.

    ``number`` is its place among the layers. Amounts are in the asset's units, ``notional`` at
    :data:`~clearing.rulebook.RATE_SCALE` (0: no limit), ``period`` in microseconds (0: none), with
    its amount or (0: none) its share; ``claim`` is None where there is no limit.
    """

    __slots__ = (
        "account",
        "assumes",
        "capacity",
        "claim",
        "markets",
        "notional",
        "number",
        "period",
        "period_amount",
        "period_share",
        "reserve",
    )

    name = "fund"

    def __init__(
        self,
        number: int,
        account: int,
        assumes: bool,
        capacity: str,
        notional: int,
        reserve: int,
        period: int,
        period_amount: int,
        markets: frozenset[int],
        claim: int | None = None,
        period_share: int = 0,
    ) -> None:
        self.period_share = period_share
        self.claim = claim
        self.number = number
        self.account = account
        self.assumes = assumes
        self.capacity = capacity
        self.notional = notional
        self.reserve = reserve
        self.period = period
        self.period_amount = period_amount
        self.markets = markets


class BackstopLayer:
    """See :class:`BackstopLayerDocument`; ``providers`` are (account ordinal, share)."""

    __slots__ = ("number", "providers")

    name = "backstop"
    assumes = True
    markets: frozenset[int] = frozenset()

    def __init__(self, number: int, providers: list[tuple[int, int]]) -> None:
        self.number = number
        self.providers = providers


class AdlLayer:
    """See :class:`AdlLayerDocument`; ``most`` is 0 where there is no limit, shares at RATE_SCALE.

    ``listed_only``: whoever a recorded rank leaves out is not taken.
    """

    __slots__ = (
        "at_most",
        "candidates",
        "listed_only",
        "most",
        "number",
        "price",
        "pro_rata",
        "rank",
        "seed",
    )

    name = "adl"
    assumes = True
    markets: frozenset[int] = frozenset()

    def __init__(
        self,
        number: int,
        rank: str,
        seed: str,
        candidates: str,
        pro_rata: bool,
        price: str,
        *,
        listed_only: bool,
        most: int,
        at_most: int,
    ) -> None:
        self.listed_only = listed_only
        self.most = most
        self.at_most = at_most
        self.number = number
        self.rank = rank
        self.seed = seed
        self.candidates = candidates
        self.pro_rata = pro_rata
        self.price = price


class PayingLayer:
    """A layer that pays and has no account: ``haircut``, ``per_unit`` or ``deficit``.

    ``decimals`` is where ``per_unit`` rounds (None: where the index ends); ``down``: shares of a
    ``haircut`` are rounded down, and the last one pays what is left.
    """

    __slots__ = ("decimals", "down", "name", "number")

    assumes = False
    markets: frozenset[int] = frozenset()

    def __init__(
        self, number: int, name: str, decimals: int | None = None, *, down: bool = False
    ) -> None:
        self.down = down
        self.decimals = decimals
        self.number = number
        self.name = name


Layer = FundLayer | BackstopLayer | AdlLayer | PayingLayer


class Waterfall:
    """The fund's account ordinal and the layers, first to last.

    ``funds`` are the ordinals of all funds in it, the waterfall's own first.
    """

    __slots__ = ("fund", "funds", "layers")

    def __init__(self, fund: int, layers: list[Layer]) -> None:
        self.fund = fund
        self.layers = layers
        others = [layer.account for layer in layers if isinstance(layer, FundLayer)]
        self.funds = list(dict.fromkeys([fund, *others]))
