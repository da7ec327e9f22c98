"""The union of all event models, told apart by ``kind``."""

from typing import Annotated, Any, Final

from pydantic import Field, TypeAdapter, ValidationError

from clearing.events.certification import RestatementAccepted, StateCertified
from clearing.events.declarations import (
    AccountOpened,
    AssetDeclared,
    MarketDeclared,
    MarketStateChanged,
    RulebookAdopted,
    SourceDeclared,
)
from clearing.events.kinds import Kind
from clearing.events.movements import (
    Adjusted,
    Deposited,
    FundContributed,
    FundWithdrawn,
    Reversed,
    Transferred,
    Withdrawn,
)
from clearing.events.refused import EventRefused
from clearing.events.trading import (
    ClockTicked,
    Filled,
    FundingPaid,
    FundingSettled,
    Marked,
    PositionCarried,
    PriceObserved,
    Traded,
)

Event = Annotated[
    SourceDeclared
    | AssetDeclared
    | MarketDeclared
    | AccountOpened
    | RulebookAdopted
    | MarketStateChanged
    | Deposited
    | Withdrawn
    | Transferred
    | FundContributed
    | FundWithdrawn
    | Adjusted
    | Reversed
    | PositionCarried
    | Filled
    | Traded
    | PriceObserved
    | Marked
    | FundingSettled
    | FundingPaid
    | ClockTicked
    | StateCertified
    | RestatementAccepted,
    Field(discriminator="kind"),
]
"""Any event."""

EVENT_ADAPTER: Final[TypeAdapter[Event]] = TypeAdapter(Event)
"""Validates a document into the event model that its ``kind`` names."""

KIND_NAMES: Final = tuple(kind.name for kind in Kind)
"""The words that ``kind`` may be."""


def parse_event(document: Any) -> Event:
    """Return the event that a JSON-like document describes.

    Raises :class:`~clearing.events.refused.EventRefused`; its ``path`` and ``value`` are those of
    the first problem, its message names every problem.
    """
    try:
        return EVENT_ADAPTER.validate_python(document)
    except ValidationError as error:
        problems = [_problem(problem) for problem in error.errors(include_url=False)]
        path, value, message = problems[0]
        if len(problems) > 1:
            others = "; ".join(f"{p}: {m}" for p, _, m in problems[1:])
            message = f"{message}; also {others}"
        raise EventRefused(path, value, message) from None


def _problem(problem: Any) -> tuple[str, Any, str]:
    """Return (path, value, what is wrong) of one pydantic error."""
    location = [str(part) for part in problem["loc"]]
    if location and location[0] in KIND_NAMES:
        location = location[1:]
    path = ".".join(location)
    kind = problem["type"]
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return "kind", _shown(problem), f"must be one of {', '.join(KIND_NAMES)}"
    if kind == "extra_forbidden":
        return path, problem["input"], "is not a field of this event"
    if kind == "missing":
        return path, None, "is missing"
    message = str(problem["msg"]).removeprefix("Value error, ")
    return path, problem["input"], message


def _shown(problem: Any) -> Any:
    document = problem["input"]
    return document.get("kind") if isinstance(document, dict) else document
