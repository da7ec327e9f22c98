"""What every event has: its kind, its source, its identity there, and when it happened."""

from pydantic import BaseModel, ConfigDict

from clearing.events.fields import Identifier, Name, Text, Time


class Fact(BaseModel):
    """Common ground of the event models: strict, frozen, and closed to unknown fields."""

    model_config = ConfigDict(strict=True, frozen=True, extra="forbid", allow_inf_nan=False)


class EventBase(Fact):
    """Fields of every event.

    ``source`` is the declared name of who says so, ``external_id`` the source's own identifier
    for this fact: together they are the event's identity, unique over all time. ``occurred_at``
    is the source's time, to the microsecond, with an offset from UTC.
    """

    source: Name
    external_id: Identifier
    occurred_at: Time


class Reference(Fact):
    """The identity of another event: its source and its external id there."""

    source: Name
    external_id: Identifier


class Authorised(Fact):
    """Who wanted it, who allowed it, and why: on every event that a person decides."""

    author: Identifier
    approver: Identifier
    reason: Text
