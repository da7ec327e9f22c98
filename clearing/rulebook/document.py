"""The document that a ``RulebookAdopted`` event carries: what people write and what is hashed.

Every part is a closed choice of named operators. A document that contradicts itself (tiers that do
not start at 0, initial margin below maintenance, a ladder without an end) is refused with the path
of the field. Numbers with a point are decimal strings.
"""

from collections.abc import Iterable
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError, model_validator

from clearing.events.base import Fact
from clearing.events.fields import Amount, Name, NotNegativeAmount, PositiveAmount
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import Rounding

FORMAT = 1
"""The version of the document's shape."""


def _rate(value: Decimal) -> Decimal:
    exponent = value.normalize().as_tuple().exponent
    if isinstance(exponent, int) and -exponent > RATE_DECIMALS:
        raise ValueError(f"{value} has more than {RATE_DECIMALS} decimals")
    return value


def _share(value: Decimal) -> Decimal:
    if not 0 <= value <= 1:
        raise ValueError(f"{value} must lie between 0 and 1")
    return value


def _fraction(value: Decimal) -> Decimal:
    if not 0 < value < 1:
        raise ValueError(f"{value} must lie between 0 and 1, and be neither")
    return value


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _rounding(value: Any) -> Any:
    if isinstance(value, str):
        return Rounding(value)
    return value


Rate = Annotated[Amount, AfterValidator(_rate)]
MarginRate = Annotated[Rate, AfterValidator(_fraction)]
Share = Annotated[Rate, AfterValidator(_share)]
NamedRounding = Annotated[Rounding, BeforeValidator(_rounding)]
List = BeforeValidator(_as_tuple)


class FlatRate(Fact):
    """Requirement = notional × ``rate``, the same for every notional."""

    op: Literal["rate"] = "rate"
    rate: MarginRate

    def rows(self) -> tuple[tuple[Decimal, Decimal], ...]:
        """Return (floor, rate) rows: a flat rate is one tier."""
        return ((Decimal(0), self.rate),)


class TierRow(Fact):
    """From ``floor`` (notional in the settlement asset) upwards the marginal rate is ``rate``."""

    floor: NotNegativeAmount
    rate: MarginRate


class MarginalTiers(Fact):
    """Requirement = Σ over tiers of the part of notional within the tier × its rate.

    It is continuous in notional, as the tables with maintenance amounts that venues publish.
    """

    op: Literal["tiers"] = "tiers"
    mode: Literal["marginal"] = "marginal"
    tiers: Annotated[tuple[TierRow, ...], List, Field(min_length=1, max_length=200)]

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.tiers[0].floor != 0:
            raise ValueError(f"tiers.0.floor is {self.tiers[0].floor}; the first tier starts at 0")
        for i, (lower, upper) in enumerate(zip(self.tiers, self.tiers[1:], strict=False), start=1):
            if upper.floor <= lower.floor:
                raise ValueError(f"tiers.{i}.floor is {upper.floor}, not above {lower.floor}")
            if upper.rate < lower.rate:
                raise ValueError(f"tiers.{i}.rate is {upper.rate}, below {lower.rate}")
        return self

    def rows(self) -> tuple[tuple[Decimal, Decimal], ...]:
        """Return (floor, rate) rows in ascending order."""
        return tuple((tier.floor, tier.rate) for tier in self.tiers)


Level = Annotated[FlatRate | MarginalTiers, Field(discriminator="op")]


def requirement(rows: Iterable[tuple[Decimal, Decimal]], notional: Decimal) -> Decimal:
    """Return the requirement of marginal tiers at ``notional`` (used to check documents)."""
    total, previous = Decimal(0), (Decimal(0), Decimal(0))
    for floor, rate in rows:
        if notional <= floor:
            break
        total += (notional - floor) * (rate - previous[1])
        previous = (floor, rate)
    return total


class ScheduleDocument(Fact):
    """The margin levels of a market: what it takes to open and to stay."""

    initial: Level
    maintenance: Level

    @model_validator(mode="after")
    def _initial_covers_maintenance(self) -> Self:
        initial, maintenance = self.initial.rows(), self.maintenance.rows()
        for floor in sorted({row[0] for row in (*initial, *maintenance)}):
            if requirement(initial, floor) < requirement(maintenance, floor):
                raise ValueError(f"initial is below maintenance at notional {floor}")
        if initial[-1][1] < maintenance[-1][1]:
            raise ValueError(
                f"initial ends at rate {initial[-1][1]}, below maintenance's {maintenance[-1][1]}"
            )
        return self


class ConditionDocument(Fact):
    """Equity ``comparator`` ``factor`` × requirement of ``level`` (``zero``: nothing)."""

    level: Literal["initial", "maintenance", "zero"] = "maintenance"
    factor: Annotated[PositiveAmount, AfterValidator(_rate)] = Decimal(1)
    comparator: Literal["<", "<="] = "<"


class Recipient(Fact):
    """Who receives ``share`` of a penalty."""

    account: Name
    share: Share


class PenaltyDocument(Fact):
    """``rate`` × closed notional, never more than the equity that is left, split by share."""

    rate: MarginRate
    recipients: Annotated[tuple[Recipient, ...], List, Field(min_length=1, max_length=16)]

    @model_validator(mode="after")
    def _whole(self) -> Self:
        total = sum((recipient.share for recipient in self.recipients), Decimal(0))
        if total != 1:
            raise ValueError(f"recipients' shares add up to {total}, not 1")
        return self


class MarginCallDocument(Fact):
    """Warns: states the amount due to restore ``restore`` and the time it is due."""

    action: Literal["margin_call"] = "margin_call"
    when: ConditionDocument
    grace_seconds: Annotated[int, Field(ge=0, le=31_622_400)]
    restore: Literal["initial", "maintenance"] = "initial"
    on_missed: Literal["notify", "liquidate"] = "notify"


class ReduceDocument(Fact):
    """Closes a share of the position with the largest maintenance requirement, near the mark."""

    action: Literal["reduce"] = "reduce"
    when: ConditionDocument
    close_factor: Share
    spread: Share = Decimal(0)
    minimum_notional: NotNegativeAmount = Decimal(0)
    penalty: PenaltyDocument | None = None

    @model_validator(mode="after")
    def _closes_something(self) -> Self:
        if self.close_factor == 0:
            raise ValueError("close_factor must be greater than 0")
        return self


class TakeoverDocument(Fact):
    """Hands every position over at the bankruptcy amount.

    ``residual`` says who keeps equity that is left: the ``trader`` (less the penalty) or the
    ``taker``.
    """

    action: Literal["takeover"] = "takeover"
    when: ConditionDocument
    residual: Literal["trader", "taker"] = "trader"
    penalty: PenaltyDocument | None = None


RungDocument = Annotated[
    MarginCallDocument | ReduceDocument | TakeoverDocument, Field(discriminator="action")
]


class FundLayerDocument(Fact):
    """The fund bears the loss by assuming the position."""

    layer: Literal["fund"] = "fund"
    capacity: Literal["equity", "unlimited"] = "equity"


class AdlLayerDocument(Fact):
    """Holders of the opposite side are closed, by rank, at the bankruptcy amount."""

    layer: Literal["adl"] = "adl"


class DeficitLayerDocument(Fact):
    """The house bears the loss on the deficit account; the fund holds the position at mark."""

    layer: Literal["deficit"] = "deficit"


LayerDocument = Annotated[
    FundLayerDocument | AdlLayerDocument | DeficitLayerDocument, Field(discriminator="layer")
]


class WaterfallDocument(Fact):
    """Who bears the loss of a takeover, first to last; ``fund`` is an account of class ``fund``."""

    fund: Name
    layers: Annotated[tuple[LayerDocument, ...], List, Field(min_length=1, max_length=8)]

    @model_validator(mode="after")
    def _ends(self) -> Self:
        names = [layer.layer for layer in self.layers]
        if len(set(names)) != len(names):
            raise ValueError("layers: a layer may stand only once")
        if names[-1] != "deficit":
            raise ValueError("layers must end with deficit, which bears whatever is left")
        return self


class InstrumentsDocument(Fact):
    """How positions are kept: average cost, or the average entry rounded as a venue does."""

    cost_basis: Literal["average", "rounded_entry"] = "average"


class FundingDocument(Fact):
    """How funding works in derive mode: by cumulative index or per account at once."""

    operator: Literal["index", "per_account"] = "index"


class NumericsDocument(Fact):
    """The named roundings."""

    fill_cost: NamedRounding = Rounding.HALF_EVEN
    funding: NamedRounding = Rounding.TOWARD_ZERO
    bankruptcy: NamedRounding = Rounding.HALF_EVEN
    entry_price: NamedRounding = Rounding.TOWARD_ZERO


class BindingDocument(Fact):
    """What holds for one class of accounts: a schedule per market (``*``: every other market)."""

    account_class: Name
    markets: Annotated[dict[str, Name], Field(min_length=1, max_length=10_000)]
    ladder: Name | None = None
    waterfall: Name | None = None


class RulebookDocument(Fact):
    """A rulebook: everything that holds for the scopes of one settlement asset.

    ``mode`` says whether venue outcomes are posted as told (``record``), also checked
    (``verify``), or derived by the ladder (``derive``).
    """

    format: Literal[1] = 1
    settlement_asset: Name
    mode: Literal["record", "verify", "derive"]
    instruments: InstrumentsDocument = InstrumentsDocument()
    schedules: Annotated[
        dict[Name, ScheduleDocument], Field(max_length=10_000, default_factory=dict)
    ]
    ladders: Annotated[
        dict[Name, Annotated[tuple[RungDocument, ...], List, Field(min_length=1, max_length=32)]],
        Field(max_length=1000, default_factory=dict),
    ]
    waterfalls: Annotated[
        dict[Name, WaterfallDocument], Field(max_length=1000, default_factory=dict)
    ]
    funding: FundingDocument = FundingDocument()
    numerics: NumericsDocument = NumericsDocument()
    bindings: Annotated[tuple[BindingDocument, ...], List, Field(max_length=1000)] = ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for name, rungs in self.ladders.items():
            _check_ladder(name, rungs)
        classes = [binding.account_class for binding in self.bindings]
        if len(set(classes)) != len(classes):
            raise ValueError("bindings: an account class may be bound only once")
        for i, binding in enumerate(self.bindings):
            self._check_binding(f"bindings.{i}", binding)
        return self

    def _check_binding(self, path: str, binding: BindingDocument) -> None:
        if binding.account_class == "fund":
            raise ValueError(f"{path}.account_class: funds have no margin requirement")
        for market, schedule in binding.markets.items():
            if schedule not in self.schedules:
                raise ValueError(f"{path}.markets.{market}: there is no schedule {schedule!r}")
        if binding.ladder is not None and binding.ladder not in self.ladders:
            raise ValueError(f"{path}.ladder: there is no ladder {binding.ladder!r}")
        if binding.waterfall is not None and binding.waterfall not in self.waterfalls:
            raise ValueError(f"{path}.waterfall: there is no waterfall {binding.waterfall!r}")
        if binding.ladder is None:
            return
        acts = any(rung.action != "margin_call" for rung in self.ladders[binding.ladder])
        if acts and binding.waterfall is None:
            raise ValueError(f"{path}.waterfall: its ladder closes positions, so it needs one")


def _check_ladder(name: str, rungs: tuple[RungDocument, ...]) -> None:
    closing = [rung for rung in rungs if rung.action != "margin_call"]
    if closing and closing[-1].action != "takeover":
        raise ValueError(
            f"ladders.{name}: a ladder that closes positions must end its closing rungs with"
            " takeover, or a loss would have nobody to bear it"
        )
    if sum(rung.action == "margin_call" for rung in rungs) > 1:
        raise ValueError(f"ladders.{name}: margin_call may stand only once")
    if sum(rung.action == "takeover" for rung in rungs) > 1:
        raise ValueError(f"ladders.{name}: takeover may stand only once")
    for i, rung in enumerate(rungs):
        if rung.action == "margin_call" and rung.when.level == "zero":
            raise ValueError(f"ladders.{name}.{i}.when.level: a margin call needs a margin level")


def check_document(document: dict[str, Any]) -> tuple[RulebookDocument | None, list[str]]:
    """Return the parsed document, or None and the list of what is wrong, each with its path."""
    try:
        return RulebookDocument.model_validate(document), []
    except ValidationError as error:
        return None, [_describe(problem) for problem in error.errors(include_url=False)]


def _describe(problem: Any) -> str:
    path = ".".join(str(part) for part in problem["loc"])
    message = str(problem["msg"]).removeprefix("Value error, ")
    return f"{path}: {message}" if path else message
