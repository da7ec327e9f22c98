"""The union of all event models, told apart by ``kind``."""

import re
from collections.abc import Iterable
from typing import Annotated, Any, Final, get_args

from pydantic import Field, TypeAdapter, ValidationError

from clearing.events.auctions import AuctionBid, AuctionTaken
from clearing.events.base import EventBase
from clearing.events.certification import RestatementAccepted, StateCertified
from clearing.events.declarations import (
    AccountOpened,
    AssetDeclared,
    MarketDeclared,
    MarketStateChanged,
    RulebookAdopted,
    SourceDeclared,
)
from clearing.events.movements import (
    Adjusted,
    DepositConfirmed,
    Deposited,
    FundContributed,
    FundWithdrawn,
    InterestPaid,
    InterestSettled,
    Reversed,
    Transferred,
    Withdrawn,
)
from clearing.events.observations import (
    DeleveragingRanked,
    DepthObserved,
    LeverageSet,
    OpenInterestObserved,
    OrdersObserved,
    PremiumSampled,
    PriceObserved,
    RiskArrayPublished,
    RiskScored,
)
from clearing.events.pools import PoolJoined, PoolLeaveCancelled, PoolLeaveRequested, PoolLeft
from clearing.events.refused import EventRefused, Problem
from clearing.events.trading import (
    ClockTicked,
    Filled,
    FundingPaid,
    FundingSettled,
    Marked,
    MarketSettled,
    PositionCarried,
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
    | InterestSettled
    | InterestPaid
    | MarketSettled
    | DepthObserved
    | RiskArrayPublished
    | RiskScored
    | DeleveragingRanked
    | PoolJoined
    | PoolLeft
    | PoolLeaveRequested
    | PoolLeaveCancelled
    | DepositConfirmed
    | PositionCarried
    | Filled
    | Traded
    | LeverageSet
    | OrdersObserved
    | AuctionTaken
    | AuctionBid
    | PriceObserved
    | Marked
    | FundingSettled
    | FundingPaid
    | OpenInterestObserved
    | PremiumSampled
    | ClockTicked
    | StateCertified
    | RestatementAccepted,
    Field(discriminator="kind"),
]
"""Any event."""

EVENT_MODELS: Final[dict[str, type[EventBase]]] = {
    model.model_fields["kind"].default: model for model in get_args(get_args(Event)[0])
}
"""The model of each kind, by the kind's name."""

_FIRST: Final = ("kind", "source", "external_id", "occurred_at")
_LAST: Final = ("author", "approver", "reason")


def _order(fields: Iterable[str]) -> tuple[str, ...]:
    known = list(fields)
    own = [name for name in known if name not in _FIRST + _LAST]
    return (*_FIRST, *own, *(name for name in _LAST if name in known))


FIELD_ORDER: Final[dict[str, tuple[str, ...]]] = {
    kind: _order(model.model_fields) for kind, model in EVENT_MODELS.items()
}
"""The fields of each kind as they are written: identity, what it says, who decided it."""

EVENT_ADAPTER: Final[TypeAdapter[Event]] = TypeAdapter(Event)
"""Validates a document into the event model that its ``kind`` names."""

KIND_NAMES: Final = tuple(EVENT_MODELS)
"""The words that ``kind`` may be."""


def parse_event(document: Any) -> Event:
    """Return the event that a JSON-like document describes.

    Raises :class:`~clearing.events.refused.EventRefused`; its ``path`` and ``value`` are those of
    the first problem, its message names every problem.
    """
    if not isinstance(document, dict):
        raise EventRefused("", document, "must be an object of named fields")
    for name in document:
        if not (isinstance(name, str) and name.isprintable()):
            raise EventRefused("", name, "is not the name of a field")
    try:
        return EVENT_ADAPTER.validate_python(document)
    except ValidationError as error:
        problems = [_problem(problem, document) for problem in error.errors(include_url=False)]
        raise EventRefused(*problems[0], problems[1:]) from None


def _problem(problem: Any, document: dict[str, Any]) -> Problem:
    """Return what is wrong by one pydantic error, in the words of this room."""
    location = problem["loc"]
    if location and location[0] in KIND_NAMES:
        location = location[1:]
    path = ".".join(str(part) for part in location)
    code, context = problem["type"], problem.get("ctx", {})
    if code in ("union_tag_invalid", "union_tag_not_found"):
        return Problem("kind", document.get("kind"), f"must be one of {', '.join(KIND_NAMES)}")
    if code in PLAIN_WORDS:
        value = None if code == "missing" else problem["input"]
        return Problem(path, value, PLAIN_WORDS[code].format(**context))
    if code != "value_error":
        message = str(problem["msg"]).replace("Input should be", "must be")
        return Problem(path, problem["input"], message)
    message = str(context["error"])
    # Validators of a whole model or document name the exact field at the head of their message.
    exact = _EXACT_PATH.match(message)
    if exact and exact[1].startswith(path) and exact[1].split(".")[0] in document:
        return Problem(exact[1], _value_at(document, exact[1]), message[exact.end() :])
    return Problem(path, problem["input"], message)


_EXACT_PATH: Final = re.compile(r"([A-Za-z_][^:\s]*): ")

PLAIN_WORDS: Final = {
    "extra_forbidden": "is not a field of this event",
    "missing": "is missing",
    "string_pattern_mismatch": "must match {pattern}",
    "string_too_short": "must not be empty",
    "string_too_long": "must have at most {max_length} characters",
    "too_short": "must have at least {min_length} items",
    "too_long": "must have at most {max_length} items",
    "string_type": "must be text",
    "string_unicode": "must be text without lone surrogates",
    "int_type": "must be a whole number",
    "int_parsing_size": "must be a whole number of less than 64 bits",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "dict_type": "must be an object",
    "model_type": "must be an object of named fields",
    "tuple_type": "must be an array",
}
"""What is wrong by pydantic's codes, in the words that people are told."""


def _value_at(document: Any, path: str) -> Any:
    """Return what ``path`` leads to in ``document``, as far as it can be followed."""
    value = document
    for part in path.split("."):
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list | tuple) and part.isdecimal() and int(part) < len(value):
            value = value[int(part)]
        else:
            break
    return value
