"""Circuit breakers: how far a mark may be from a reference before its market changes state."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from clearing.events.base import Fact
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import to_scaled
from clearing.rulebook.fields import Factor, Share
from clearing.rulebook.prices.base import RoleName

_SCALE = 10**RATE_DECIMALS


class BreakerDocument(Fact):
    """Puts the market in ``state`` while its mark is too far from the role ``reference``.

    Too far is more than ``up`` × the reference above it, or more than ``down`` × it below; a side
    that is not given has no limit. The state lasts ``seconds`` and, while the mark is still too far
    then, as long again. Sources: Vega 0032 (price monitoring auctions, which extend), limit
    up-limit down bands of equities.
    """

    reference: RoleName = "index"
    up: Factor | None = None
    down: Share | None = None
    state: Literal["auction", "reduce_only", "liquidations_paused", "halted"]
    seconds: Annotated[int, Field(ge=1, le=31_622_400)]

    @model_validator(mode="after")
    def _limits(self) -> Self:
        if self.up is None and self.down is None:
            raise ValueError("up: or down must be given, or nothing is ever too far")
        if self.reference == "mark":
            raise ValueError("reference: a mark is never far from itself")
        return self

    def compile(self) -> "Breaker":
        """Return the breaker ready for the engine."""
        up, down = (
            None if limit is None else to_scaled(limit, RATE_DECIMALS)
            for limit in (self.up, self.down)
        )
        return Breaker(self.reference, up, down, self.state, self.seconds * 1_000_000)


class Breaker:
    """See :class:`BreakerDocument`; limits at rate decimals, ``duration`` in microseconds."""

    __slots__ = ("_down", "_up", "duration", "reference", "state")

    def __init__(
        self, reference: str, up: int | None, down: int | None, state: str, duration: int
    ) -> None:
        self._up = up
        self._down = down
        self.reference = reference
        self.state = state
        self.duration = duration

    def trips(self, mark: int, reference: int) -> bool:
        """Whether ``mark`` is too far from ``reference`` (both at mark decimals, > 0)."""
        away = (mark - reference) * _SCALE
        above = self._up is not None and away > self._up * reference
        return above or (self._down is not None and -away > self._down * reference)
