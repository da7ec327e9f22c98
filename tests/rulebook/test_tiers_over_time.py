"""Two years of a venue's published tiers, adopted one after the other as rulebook versions."""

import csv
import os
from collections.abc import Iterator
from decimal import Decimal
from itertools import groupby
from pathlib import Path
from random import Random
from typing import Any

import pytest

from clearing.rulebook import MAINTENANCE, Exposure
from tests.engine.venue import Venue, of_kind

TIERS = "data/tiers/binance_um_tiers_core7_2022_2023.csv"
SAMPLES = 40


def versions() -> Iterator[tuple[str, dict[str, list[dict[str, str]]]]]:
    """Each date on which tiers were observed, with the rows of each market."""
    path = Path(os.environ.get("CLEARING_SHARED", "../shared")) / TIERS
    if not path.exists():
        pytest.skip(f"there is no {path}; CLEARING_SHARED names where it would be")
    with path.open(encoding="utf-8", newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: (row["as_of"], row["market"]))
    for date, of_date in groupby(rows, key=lambda row: row["as_of"]):
        yield date, {m: list(rows) for m, rows in groupby(of_date, key=lambda row: row["market"])}


def document(markets: dict[str, list[dict[str, str]]]) -> dict[str, Any]:
    """A rulebook with the published floor, rate and amount of every tier."""
    schedules = {}
    for market, rows in markets.items():
        floors = [row["notional_floor"] for row in rows]
        maintenance = [
            {"floor": floor, "rate": row["maint_margin_rate"], "amount": row["maint_amount"]}
            for floor, row in zip(floors, rows, strict=True)
        ]
        cap = [
            {"floor": floor, "rate": f"{1 / Decimal(row['max_leverage']):.12f}"}
            for floor, row in zip(floors, rows, strict=True)
        ]
        schedules[market] = {
            "initial": {
                "op": "max",
                "of": [
                    {"op": "user_leverage", "default": "20"},
                    {"op": "tiers", "mode": "whole", "tiers": cap},
                ],
            },
            "maintenance": {"op": "tiers", "tiers": maintenance},
        }
    return {
        "format": 1,
        "settlement_asset": "USD",
        "mode": "record",
        "schedules": schedules,
        "bindings": [{"account_class": "trader", "markets": {m: m for m in markets}}],
    }


def test_every_table_of_two_years_is_a_version_and_asks_what_it_publishes() -> None:
    venue = Venue(decimals=8)
    dice = Random(7)  # noqa: S311 - dice
    found = tables = 0
    for date, markets in versions():
        for market in markets:
            if market not in venue.registry.market_ordinals:
                venue.market(market)
        entries = venue.adopt(document(markets), version=date)
        (entry,) = of_kind(entries, "rulebook")
        assert (entry["version"], entry["status"]) == (date, "in_force"), entries
        tables += len(markets)
        rulebook = venue.engine.book.assets[1].rulebook
        assert rulebook is not None
        for market, rows in markets.items():
            schedule = rulebook.classes["trader"].schedule(venue.registry.market_ordinals[market])
            assert schedule is not None
            operator = schedule.operators[MAINTENANCE]
            assert operator is not None
            for _ in range(SAMPLES):
                row = dice.choice(rows)
                low, high = (int(row[name]) for name in ("notional_floor", "notional_cap"))
                notional = dice.choice([low, dice.randrange(low, high), high - 1])
                # One step of size worth a dollar: notional / 10^12 at 20 decimals.
                at = Exposure(notional, True, 10**8, 0, 0, 20, 10**12)
                published = notional * Decimal(row["maint_margin_rate"]) - Decimal(
                    row["maint_amount"]
                )
                assert Decimal(operator.requirement(at)) / 10**20 == published
                found += 1
    assert tables
    assert found == tables * SAMPLES
