"""Alerts: what a test says of figures at their thresholds. Nothing looks at what they say."""

from fractions import Fraction

from clearing.engine.book import Book
from clearing.engine.forecast import Forecast, forecast_of
from clearing.engine.market import Market
from clearing.engine.scope import Scope
from clearing.engine.step import Step
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import Rounding, divide, format_exact
from clearing.rulebook import RATE_SCALE
from clearing.rulebook.alerts import Alert, Alerts


def note_alerts(step: Step, scope: Scope) -> None:
    """Leave an entry for each alert of the scope that begins or ends, by market and number."""
    alerts = None if scope.rules is None else scope.rules.alerts
    if alerts is None:
        return
    held = scope.positions.keys() | {market for market, _ in scope.alerts}
    for ordinal in sorted(held):
        market = step.book.markets[ordinal]
        forecast = _forecast(step.book, scope, market, alerts)
        for alert in alerts.alerts:
            _note(step, scope, market, alert, _value(scope, market, alert, forecast))


def _forecast(book: Book, scope: Scope, market: Market, alerts: Alerts) -> Forecast | None:
    if all(alert.figure == "told_score" for alert in alerts.alerts):
        return None
    return forecast_of(book, scope, market, *alerts.forecast)


def _value(
    scope: Scope, market: Market, alert: Alert, forecast: Forecast | None
) -> Fraction | None:
    """Return the figure that an alert looks at, if the position has one."""
    if alert.figure == "told_score":
        told = scope.scores.get((market.ordinal, alert.model))
        holds = told is not None and market.ordinal in scope.positions
        return Fraction(told or 0, RATE_SCALE) if holds else None
    if forecast is None:
        return None
    if alert.figure == "distance":
        return forecast.distance
    if alert.figure == "risk_score":
        return forecast.risk_score
    return None if forecast.time_to_breach is None else Fraction(forecast.time_to_breach)


def _note(step: Step, scope: Scope, market: Market, alert: Alert, value: Fraction | None) -> None:
    key = (market.ordinal, alert.number)
    began = key in scope.alerts
    holds = alert.holds(value, began=began)
    if holds is began:
        return
    if holds:
        scope.alerts.add(key)
    else:
        scope.alerts.discard(key)
    told = "" if value is None else _text(value)
    entry = ("alert", scope.account, scope.asset, *key, alert.figure, told)
    step.entries.append((*entry, _text(alert.threshold), 1 if holds else 0))


def _text(value: Fraction) -> str:
    """Write a figure at 12 decimals, rounded down."""
    scaled = divide(value.numerator * RATE_SCALE, value.denominator, Rounding.DOWN)
    return format_exact(scaled, RATE_DECIMALS)
