"""Scenarios as files: what is to be other than it was, in YAML or JSON, checked before it runs.

A scenario says what differs from the log and nothing else. Positions and times are those of the
log: an override *from* one holds for the first event at it or after, before that event is applied.
"""

from datetime import datetime
from typing import Annotated, Any, Final, Literal, Self

from pydantic import ConfigDict, Field, ValidationError, model_validator

from clearing.events.base import Fact, Reference
from clearing.events.documents import DocumentUnreadable, read_text
from clearing.events.fields import Amount, Identifier, Name, NotNegativeAmount, Position, Text, Time
from clearing.events.kinds import MARKET_STATES, Kind
from clearing.rulebook.fields import Factor, List
from clearing.rulebook.problems import problems_of

MAX_OVERRIDES: Final = 1000

EVERY: Final = "*"
"""Stands for every market."""


class ScenarioRefused(ValueError):  # noqa: N818 - reads as the statement that it is
    """A scenario cannot be run as it is written; ``problems`` name each field and what is right.

    ``name`` is the scenario's, or its file's where it could not be read as one.
    """

    def __init__(self, name: str, problems: list[str]) -> None:
        super().__init__(f"{name}: " + "; ".join(problems))
        self.name = name
        self.problems = problems


MarketOrEvery = Literal["*"] | Name
"""A market's name, or ``*`` for every market."""

Place = Annotated[Position | Time, Field(union_mode="left_to_right")]
"""A place in the log: a position, or a time by the sources' clocks, with an offset."""


class _Override(Fact):
    """Common ground: where in the log it holds, from ``from`` to ``to``, both included.

    Without ``from`` it is the beginning of the scenario, without ``to`` its end.
    """

    model_config = ConfigDict(populate_by_name=True)

    since: Place | None = Field(default=None, alias="from")
    to: Place | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        first, last = self.since, self.to
        if type(first) is type(last) and first is not None and last is not None:
            wrong = first > last  # type: ignore[operator] # both are of the one type
            if wrong:
                raise ValueError(f"to: {last} lies before from, {first}")
        return self


class RulebookOverride(_Override):
    """The rulebook of ``asset`` is another one: as it was adopted, but for some paths.

    ``set`` maps paths, as ``clearing rulebook diff`` writes them, to what stands there instead (the
    last part may be new in its object, or the length of its list); ``remove`` are paths without
    anything there. Rulebooks that are adopted later are changed in the same way. ``document`` is a
    whole rulebook in its place, changed by nothing.
    """

    override: Literal["rulebook"]
    asset: Name
    set: dict[str, Any] = Field(default_factory=dict)
    remove: Annotated[tuple[str, ...], List] = ()
    document: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _either(self) -> Self:
        if (self.document is not None) is bool(self.set or self.remove):
            raise ValueError("names either paths to set or remove, or a whole document")
        if self.to is not None:
            raise ValueError("to: a rulebook holds until the end; name another from there")
        return self


class PriceOverride(_Override):
    """Prices of ``market`` (``*``: of every one) are others than were told.

    ``role`` is what is changed: recorded marks (``mark``), or observations of that role; with
    ``source``, only what that source says. One of these says how:

    - ``drop``: they were never told (time still passes).
    - ``price``: this one. ``scale``: times this factor.
    - ``at_least``, ``at_most`` (or both): clamped.
    - ``within``: no further from the price before than this share of it.
    - ``median``: the median of the last so many told ones (of an even number, the mean of the
      middle two), itself included; fewer at first.
    - ``twap_seconds``: the mean of the last so many seconds, each price for as long as it stood.

    Results are rounded half-even to the market's mark decimals.
    """

    override: Literal["prices"]
    market: MarketOrEvery
    role: Name = "mark"
    source: Name | None = None
    drop: bool = False
    price: Factor | None = None
    scale: Factor | None = None
    at_least: Factor | None = None
    at_most: Factor | None = None
    within: Factor | None = None
    median: Annotated[int, Field(ge=2, le=10_000)] | None = None
    twap_seconds: Annotated[int, Field(ge=1, le=366 * 86_400)] | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        clamps = self.at_least is not None or self.at_most is not None
        others = (self.price, self.scale, self.within, self.median, self.twap_seconds)
        ways = [self.drop, clamps, *(way is not None for way in others)]
        if sum(ways) != 1:
            raise ValueError(
                "names one of drop, price, scale, at_least and at_most, within, median,"
                " twap_seconds"
            )
        if self.at_least is not None and self.at_most is not None and self.at_most < self.at_least:
            raise ValueError(f"at_most: {self.at_most} is below at_least, {self.at_least}")
        return self


class DropOverride(_Override):
    """Events did not happen: one by ``event``, or all between ``from`` and ``to`` that match.

    ``kind`` is what is dropped there, narrowed by ``account`` (on either side) and ``market``. Of
    marks that one event tells of several markets, only the market's. Declarations cannot be
    dropped.
    """

    override: Literal["drop"]
    event: Position | Reference | None = None
    kind: str | None = None
    account: Name | None = None
    market: Name | None = None

    @model_validator(mode="after")
    def _what(self) -> Self:
        if (self.event is None) is (self.kind is None):
            raise ValueError("names either one event, or a kind with from, to, account, market")
        if self.event is not None and (self.account or self.market or self.since or self.to):
            raise ValueError("event: names one event, which needs no from, to, account or market")
        known = [kind.name for kind in Kind if kind > Kind.AccountOpened]
        if self.kind is not None and self.kind not in known:
            raise ValueError(f"kind: {self.kind!r} must be one of {', '.join(known)}")
        return self


class InsertOverride(_Override):
    """An event happened that the log does not have: ``event``, at ``from``.

    It is written as events are. Its source, identity and time may be left out: the first declared
    source, one made from the scenario's name, and the time of ``from`` (of the event before it,
    where that is a position).
    """

    override: Literal["insert"]
    event: dict[str, Any]

    @model_validator(mode="after")
    def _where(self) -> Self:
        if self.since is None or self.to is not None:
            raise ValueError("from: says where in the log the event is inserted; there is no to")
        return self


class MoveOverride(_Override):
    """``event`` happened at another time or place: at ``to``, and not where the log has it."""

    override: Literal["move"]
    event: Position | Reference

    @model_validator(mode="after")
    def _where(self) -> Self:
        if self.to is None or self.since is not None:
            raise ValueError("to: says where in the log the event is moved; there is no from")
        return self


class AmendOverride(_Override):
    """``event`` said something else: ``set`` has the fields that differ, written as events are.

    What it is, its source and its identity stay.
    """

    override: Literal["amend"]
    event: Position | Reference
    set: Annotated[dict[str, Any], Field(min_length=1)]

    @model_validator(mode="after")
    def _what(self) -> Self:
        if self.since is not None or self.to is not None:
            raise ValueError("event: names one event, which needs no from or to")
        fixed = sorted({"kind", "source", "external_id"} & self.set.keys())
        if fixed:
            raise ValueError(f"set.{fixed[0]}: stays as it is; insert an event and drop this one")
        return self


class FundOverride(_Override):
    """A fund's cash in ``asset`` is another one at ``from``: ``balance``, or ``scale`` times it."""

    override: Literal["fund"]
    fund: Name
    asset: Name
    balance: NotNegativeAmount | None = None
    scale: NotNegativeAmount | None = None
    add: Amount | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if sum(way is not None for way in (self.balance, self.scale, self.add)) != 1:
            raise ValueError("names one of balance, scale, add")
        if self.to is not None:
            raise ValueError("to: a fund is changed once, at from")
        return self


class StateOverride(_Override):
    """``market`` (``*``: every one) is in ``state`` from ``from`` to ``to``, whatever was told.

    After ``to`` it is in the state that the log has it in.
    """

    override: Literal["state"]
    market: MarketOrEvery
    state: str

    @model_validator(mode="after")
    def _known(self) -> Self:
        if self.state not in MARKET_STATES:
            raise ValueError(f"state: {self.state!r} must be one of {', '.join(MARKET_STATES)}")
        return self


Override = Annotated[
    RulebookOverride
    | PriceOverride
    | DropOverride
    | InsertOverride
    | MoveOverride
    | AmendOverride
    | FundOverride
    | StateOverride,
    Field(discriminator="override"),
]


class Scenario(Fact):
    """A what-if: overrides of the log, from where and up to where it is told.

    ``scenario`` is the format's number, 1. ``from`` is where counting begins (by default with the
    first override, which it must not come after) and ``upto`` where it ends (by default with the
    log). Overrides hold together; where two change one event they do so in their order.
    """

    model_config = ConfigDict(populate_by_name=True)

    scenario: Literal[1]
    name: Identifier
    note: Text = ""
    since: Place | None = Field(default=None, alias="from")
    upto: Place | None = None
    overrides: Annotated[tuple[Override, ...], List, Field(max_length=MAX_OVERRIDES)] = ()


def parse_scenario(document: Any, name: str = "scenario") -> Scenario:
    """Return the scenario that a JSON-like document describes.

    Raises :class:`ScenarioRefused` with every problem; ``name`` says of what.
    """
    try:
        return Scenario.model_validate(document)
    except ValidationError as error:
        raise ScenarioRefused(name, problems_of(error, document)) from None


def read_scenario(text: str, name: str = "scenario") -> Scenario:
    """Return the scenario that a YAML or JSON text describes; ``name`` is its file's, for errors.

    Numbers with a point stay the digits they are written with. Raises :class:`ScenarioRefused`.
    """
    return parse_scenario(read_document(text, name), name)


def read_document(text: str, name: str) -> Any:
    """Return the JSON-like document of a YAML or JSON text; ``name`` is its file's, for errors.

    Numbers with a point become text of the same digits. Raises :class:`ScenarioRefused`.
    """
    try:
        return read_text(text)
    except DocumentUnreadable as error:
        raise ScenarioRefused(name, [str(error)]) from None


def moment_of(place: int | datetime) -> str:
    """Write a place of the log as a scenario file does."""
    return str(place) if isinstance(place, int) else place.isoformat().replace("+00:00", "Z")
