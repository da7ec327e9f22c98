"""When a rung acts: equity compared with a level, for how long, and until when."""

from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from clearing.events.base import Fact
from clearing.events.fields import Name
from clearing.rulebook.fields import Factor

Seconds = Annotated[int, Field(ge=0, le=31_622_400)]
"""A span of time, at most a year."""


class ExitDocument(Fact):
    """Where a condition that once held ends: equity at or above ``factor`` × the level."""

    level: Name = "maintenance"
    factor: Factor = Decimal(1)


class ConditionDocument(Fact):
    """Equity ``comparator`` ``factor`` × requirement of a named level (``zero``: nothing).

    With ``grace_seconds`` it has to hold for so long before the rung may act; with ``until`` it
    goes on, once it held, until equity is at that level (a hysteresis).
    """

    level: Name = "maintenance"
    factor: Factor = Decimal(1)
    comparator: Literal["<", "<="] = "<"
    grace_seconds: Seconds = 0
    until: ExitDocument | None = None

    @model_validator(mode="after")
    def _ends_above(self) -> Self:
        end = self.until
        if end is not None and end.level == self.level and end.factor < self.factor:
            raise ValueError(
                f"until.factor: {end.factor} is below the factor {self.factor} that is entered at"
            )
        return self

    def levels(self) -> list[str]:
        """Return the names of the levels that it looks at."""
        return [self.level] if self.until is None else [self.level, self.until.level]


class Condition:
    """Equity compared with factor × requirement of a level (``zero``: nothing).

    ``place`` is the level's among the rulebook's (:data:`~clearing.rulebook.NO_LEVEL` for
    ``zero``), ``factor`` at :data:`~clearing.rulebook.RATE_SCALE`; ``inclusive`` is true for
    ``<=``. ``grace`` is in microseconds; ``until`` is the condition that keeps it alive.
    """

    __slots__ = ("factor", "grace", "inclusive", "level", "place", "until")

    def __init__(
        self,
        level: str,
        place: int,
        factor: int,
        inclusive: bool,
        grace: int = 0,
        until: "Condition | None" = None,
    ) -> None:
        self.level = level
        self.place = place
        self.factor = factor
        self.inclusive = inclusive
        self.grace = grace
        self.until = until

    @property
    def comparator(self) -> str:
        """``<`` or ``<=``."""
        return "<=" if self.inclusive else "<"

    @property
    def remembers(self) -> bool:
        """Whether when it began to hold matters."""
        return bool(self.grace) or self.until is not None

    def boundaries(self) -> list[tuple[int, int]]:
        """Return the (place, factor) at which it begins or ceases to hold."""
        own = [(self.place, self.factor)]
        return own if self.until is None else own + self.until.boundaries()
