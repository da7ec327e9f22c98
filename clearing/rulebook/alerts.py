"""Alerts: figures of a position that warn before margin does, and the thresholds that say when.

An alert says something and does nothing: it is no rung of a ladder, and nothing that moves money
looks at it.
"""

from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from clearing.events.base import Fact
from clearing.events.fields import Name, NotNegativeAmount
from clearing.rulebook.fields import Factor, List

DAY_SECONDS: Final = 86_400
"""The horizon of forecasts where a rulebook names none."""

SCORES: Final = ("risk_score", "told_score")
"""Figures from 0 to 1 that warn when they rise; the others warn when they fall."""


class AlertDocument(Fact):
    """Warns while a figure of a position is at ``threshold`` or worse.

    ``distance``, in forecast deviations of the horizon, and ``time_to_breach``, in seconds, are
    worse the less they are; ``risk_score`` and ``told_score``, from 0 to 1, the more. Once begun it
    goes on until the figure is better than ``threshold`` or, with ``until``, as good as that.
    ``model`` names whose ``RiskScored`` a ``told_score`` is.
    """

    figure: Literal["distance", "risk_score", "time_to_breach", "told_score"]
    threshold: NotNegativeAmount
    until: NotNegativeAmount | None = None
    model: Name | None = None

    @model_validator(mode="after")
    def _means_something(self) -> Self:
        if (self.figure == "told_score") is (self.model is None):
            raise ValueError("model: goes with told_score, and with no other figure")
        rises = self.figure in SCORES
        if rises and not 0 < self.threshold <= 1:
            raise ValueError(f"threshold: {self.threshold} must be above 0 and at most 1")
        if self.until is None:
            return self
        if self.until > self.threshold if rises else self.until < self.threshold:
            side = "above" if rises else "below"
            raise ValueError(f"until: {self.until} is {side} the threshold, {self.threshold}")
        return self


class AlertsDocument(Fact):
    """Alerts of a class of accounts, and what their forecasts look at.

    ``horizon_seconds`` is the time that distances and risk scores are for; ``sigmas`` how many
    deviations a move is taken to be that reaches the price of liquidation in the time to breach.
    """

    horizon_seconds: Annotated[int, Field(ge=1, le=31_622_400)] = DAY_SECONDS
    sigmas: Factor = Decimal(1)
    alerts: Annotated[tuple[AlertDocument, ...], List, Field(min_length=1, max_length=32)]


class Alert:
    """See :class:`AlertDocument`; ``number`` is its place among its class's, from 1."""

    __slots__ = ("figure", "model", "number", "threshold", "until")

    def __init__(self, number: int, document: AlertDocument) -> None:
        self.number = number
        self.figure = document.figure
        self.model = document.model or ""
        self.threshold = Fraction(document.threshold)
        self.until = None if document.until is None else Fraction(document.until)

    def holds(self, value: Fraction | None, *, began: bool) -> bool:
        """Whether it warns at ``value`` (None: there is no such figure), having begun or not."""
        if value is None:
            return False
        sign = -1 if self.figure in SCORES else 1
        if sign * value <= sign * self.threshold:
            return True
        return began and self.until is not None and sign * value < sign * self.until


class Alerts:
    """See :class:`AlertsDocument`; ``key`` tells whether two are the same."""

    __slots__ = ("alerts", "horizon", "key", "sigmas")

    def __init__(self, document: AlertsDocument, key: str) -> None:
        self.horizon = document.horizon_seconds
        self.sigmas = Fraction(document.sigmas)
        self.alerts = [Alert(i, alert) for i, alert in enumerate(document.alerts, start=1)]
        self.key = key

    @property
    def forecast(self) -> tuple[int, Fraction]:
        """The horizon in seconds and the deviations that forecasts are for."""
        return self.horizon, self.sigmas
