"""Overridden prices: dropped, set, scaled, clamped, or filtered by median or time-weighted mean."""

import itertools
from fractions import Fraction
from typing import Any, Final

from clearing.audit.replay.document import EVERY, PriceOverride
from clearing.audit.replay.scene import Change, Scene, Window
from clearing.events import EventRow, Kind
from clearing.events.fields import to_microseconds
from clearing.events.kinds import RATE_DECIMALS
from clearing.quantities import Rounding, divide, exact_decimal, to_scaled
from clearing.rulebook import RATE_SCALE

_MICROSECONDS: Final = 1_000_000

Told = tuple[int, int]
"""When a price was told (microseconds), and the price at mark decimals."""


class Prices(Change):
    """One override of prices at work. ``where`` names it in errors."""

    kinds = frozenset({int(Kind.Marked), int(Kind.PriceObserved)})

    def __init__(self, override: PriceOverride, where: str, window: Window) -> None:
        super().__init__(where, window)
        self._override = override
        self._told: dict[str, list[Told]] = {}
        self._before: dict[str, int] = {}

    def alter(self, row: EventRow, scene: Scene) -> EventRow | None:
        """Return the row with its prices changed; a tick of the clock if none is left."""
        override = self._override
        source = scene.registry.source_ordinals.get(override.source or "", -1)
        if override.source is not None and row.source != source:
            return row
        if row.kind == Kind.Marked:
            return self._marked(row, scene) if override.role == "mark" else row
        return self._observed(row, scene)

    def _concerns(self, market: str) -> bool:
        return self._override.market in (EVERY, market)

    def _marked(self, row: EventRow, scene: Scene) -> EventRow | None:
        changed: list[bool] = []

        def change(event: dict[str, Any]) -> dict[str, Any]:
            marks = []
            for mark in event["marks"]:
                price = self._price(scene, mark["market"], mark["price"], event["occurred_at"])
                changed.append(price != mark["price"])
                if price is not None:
                    marks.append({"market": mark["market"], "price": price})
            if marks:
                return {**event, "marks": marks}
            identity = {name: event[name] for name in ("source", "external_id", "occurred_at")}
            return {"kind": "ClockTicked", **identity}

        altered = scene.changed(row, change)
        return altered if any(changed) else row

    def _observed(self, row: EventRow, scene: Scene) -> EventRow | None:
        kept = []

        def change(event: dict[str, Any]) -> dict[str, Any]:
            if event["role"] != self._override.role:
                return event
            price = self._price(scene, event["market"], event["price"], event["occurred_at"])
            kept.append(price is not None)
            return event if price is None else {**event, "price": price}

        altered = scene.changed(row, change)
        if not all(kept):
            return None
        return altered if altered != row else row

    def _price(self, scene: Scene, market: str, told: Any, at: Any) -> Any:
        """Return what a told price becomes (a decimal), or None where it was never told."""
        if not self._concerns(market):
            return told
        if self._override.drop:
            return None
        spec = scene.registry.market(scene.registry.market_ordinals[market])
        decimals = spec.mark_decimals
        present = scene.scenario.book.markets[spec.ordinal].mark
        price = to_scaled(told, decimals)
        history = self._told.setdefault(market, [])
        if not history and present and self._override.role == "mark":
            history.append((0, present))
        history.append((to_microseconds(at), price))
        before = self._before.get(market, present if self._override.role == "mark" else 0)
        found = max(1, self._changed(price, before, history, decimals))
        self._before[market] = found
        return exact_decimal(found, decimals)

    def _changed(self, price: int, before: int, history: list[Told], decimals: int) -> int:
        override = self._override
        if override.price is not None:
            return _rounded(Fraction(override.price) * 10**decimals)
        if override.scale is not None:
            return _rounded(price * Fraction(override.scale))
        if override.within is not None:
            if not before:
                return price
            room = int(before * to_scaled(override.within, RATE_DECIMALS) // RATE_SCALE)
            return min(max(price, before - room), before + room)
        if override.median is not None:
            return _median(history, override.median)
        if override.twap_seconds is not None:
            return _mean(history, override.twap_seconds * _MICROSECONDS)
        if override.at_least is not None:
            price = max(price, _rounded(Fraction(override.at_least) * 10**decimals))
        if override.at_most is not None:
            price = min(price, _rounded(Fraction(override.at_most) * 10**decimals))
        return price


def _rounded(value: Fraction) -> int:
    return divide(value.numerator, value.denominator, Rounding.HALF_EVEN)


def _median(history: list[Told], count: int) -> int:
    """Return the median of the last ``count`` told prices, and forget those before them."""
    while history and history[0][0] == 0:
        del history[0]
    del history[:-count]
    ordered, half = sorted(price for _, price in history), len(history) // 2
    return _rounded(Fraction(ordered[half] + ordered[-half - 1], 2))


def _mean(history: list[Told], span: int) -> int:
    """Return the mean of the last ``span`` microseconds by how long each price stood.

    The price that begins now has not stood yet, unless there is no other.
    """
    now = history[-1][0]
    while len(history) > 1 and history[1][0] <= now - span:
        del history[0]
    total = length = 0
    for (at, price), (until, _) in itertools.pairwise(history):
        stood = until - max(at, now - span)
        total += price * stood
        length += stood
    return _rounded(Fraction(total, length)) if length > 0 else history[-1][1]
