"""Scenarios: what a venue says it liquidated, beside what the ledger knows of the account."""

from typing import Any

import pytest

from clearing.engine import Entry
from tests.engine.venue import Venue, deviations, of_kind, rulebook

FIVE = {"initial": {"op": "rate", "rate": "0.1"}, "maintenance": {"op": "rate", "rate": "0.05"}}


def venue(mode: str = "verify") -> Venue:
    """ada is long 10 BTC from 100 with 145: at 90 she has 45 of 45."""
    v = Venue()
    v.market("BTC")
    v.account("ada", "bob")
    v.deposit("ada", "145")
    v.adopt(rulebook(mode=mode, schedule=FIVE))
    v.mark(BTC="100")
    fill(v, "buy", "10", "100")
    return v


def fill(v: Venue, side: str, size: str, price: str, **fields: Any) -> list[Entry]:
    return v("Filled", account="ada", market="BTC", side=side, size=size, price=price, **fields)


def told(v: Venue, side: str = "sell", size: str = "10", **fields: Any) -> list[Entry]:
    return fill(v, side, size, "88", cause="liquidation", **fields)


def test_what_was_told_is_stated_with_what_the_account_had_and_was_asked() -> None:
    v = venue()
    v.mark(BTC="89")
    entries = told(v, method="market")
    (said,) = of_kind(entries, "venue_liquidation")
    assert (said["size"], said["price"], said["mark"]) == (-10000, 8800, 8900)
    assert (said["method"], said["equity"], said["maintenance"]) == ("market", "35", "44.5")
    assert deviations(entries) == []


def test_one_that_came_too_early_is_unexpected() -> None:
    v = venue()
    v.mark(BTC="91")
    assert deviations(told(v)) == ["liquidation_unexpected"]


@pytest.mark.parametrize("mode", ["record", "verify"])
@pytest.mark.parametrize(("side", "size"), [("sell", "11"), ("buy", "1")])
def test_one_that_closes_what_was_not_there_has_the_wrong_size(
    mode: str, side: str, size: str
) -> None:
    v = venue(mode)
    v.mark(BTC="80")
    entries = told(v, side, size)
    (said,) = of_kind(entries, "deviation")
    assert (said["code"], said["expected"]) == ("liquidation_size", "-10")
    assert said["found"] == (f"-{size}" if side == "sell" else size)
