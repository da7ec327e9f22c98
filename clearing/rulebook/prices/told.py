"""``source``, ``recorded``, ``role``: prices that somebody told, and other roles of the market."""

from typing import Annotated, Literal

from pydantic import Field

from clearing.events.fields import Name
from clearing.quantities import fact, format_exact, identifier
from clearing.rulebook.prices.base import (
    PRICE_LIFT,
    ObservedRole,
    PriceCompiling,
    PriceDocument,
    PriceNode,
    Readings,
    RoleName,
)
from clearing.rulebook.prices.working import PriceWorking

FreshSeconds = Annotated[int, Field(ge=0, le=31_622_400)]
"""How old a price may be and still count, in seconds."""


class SourceDocument(PriceDocument):
    """What ``source`` said last that the market's ``price`` was.

    None before its first word, and once that is older than ``fresh_seconds`` (absent: never).
    """

    op: Literal["source"]
    source: Name
    price: ObservedRole = "oracle"
    fresh_seconds: FreshSeconds | None = None

    def compile(self, path: str, into: PriceCompiling) -> PriceNode:
        """Return the reading."""
        source = into.source(f"{path}.source", self.source)
        return Told(source, self.price, _microseconds(self.fresh_seconds))

    @property
    def timed(self) -> bool:
        """Whether it may go stale."""
        return self.fresh_seconds is not None


class RecordedDocument(PriceDocument):
    """The last mark that a ``Marked`` event told, so that a tree may filter it."""

    op: Literal["recorded"]
    fresh_seconds: FreshSeconds | None = None

    def compile(self, path: str, into: PriceCompiling) -> PriceNode:
        """Return the reading."""
        del path, into  # nothing to resolve
        return Told(0, "", _microseconds(self.fresh_seconds))

    @property
    def timed(self) -> bool:
        """Whether it may go stale."""
        return self.fresh_seconds is not None


class RoleDocument(PriceDocument):
    """Another role's price of the same market, as it is in the same evaluation."""

    op: Literal["role"]
    role: RoleName

    def compile(self, path: str, into: PriceCompiling) -> PriceNode:
        """Return the reading."""
        del path, into  # roles were checked with the document
        return OfRole(self.role)

    def reads(self) -> str | None:
        """Return the role."""
        return self.role


def _microseconds(seconds: int | None) -> int | None:
    return None if seconds is None else seconds * 1_000_000


class Told:
    """A source's last price, or with source 0 the last recorded mark, while it is fresh."""

    __slots__ = ("_fresh", "_price", "_source")

    def __init__(self, source: int, price: str, fresh: int | None) -> None:
        self._source = source
        self._price = price
        self._fresh = fresh

    def value(self, readings: Readings, working: PriceWorking | None = None) -> int | None:
        """Return the price, if there is one that is fresh."""
        source = self._source
        told = readings.observed(source, self._price) if source else readings.recorded()
        name = "" if working is None else working.told(source, self._price)
        if told is None:
            if working is not None:
                working.missing.append(f"{name}: nothing yet")
            return None
        price, at = told
        stale = self._fresh is not None and readings.now - at > self._fresh
        if working is not None:
            age = f"{format_exact(readings.now - at, 6)} s old"
            if stale:
                working.missing.append(f"{name}: {age}, which is stale")
            else:
                working.trace.inputs.append(fact(name, price * PRICE_LIFT, working.decimals, age))
                working.finish("sum(inputs)", price * PRICE_LIFT)
        return None if stale else price * PRICE_LIFT


class OfRole:
    """Another role's price."""

    __slots__ = ("_role",)

    def __init__(self, role: str) -> None:
        self._role = role

    def value(self, readings: Readings, working: PriceWorking | None = None) -> int | None:
        """Return the price of the role, before it is rounded to marks."""
        price = readings.role(self._role)
        if working is not None:
            if price is None:
                working.missing.append(f"the {self._role} has none")
            else:
                working.trace.inputs.append(working.roles[self._role])
                working.finish(identifier(self._role), price)
        return price
