"""Scenarios: dated futures and options that end, and what comes after."""

from decimal import Decimal
from typing import Any

import pytest

from clearing.events.refused import EventRefused
from tests.engine.venue import PERSON, Venue, deviations, of_kind, rulebook

EXPIRY = "2026-01-01T12:00:00Z"


class Dated(Venue):
    """ada is long 10, bob short 10 at 100; the market ends at noon."""

    def __init__(self, mode: str = "derive", **fields: Any) -> None:
        super().__init__()
        self.market("JUN", expires_at=EXPIRY, **fields)
        self.account("ada", "bob")
        for name in ("ada", "bob"):
            self.deposit(name, "1000")
        assert deviations(self.adopt(rulebook(mode=mode))) == []
        self.mark(JUN="100.00")
        self.trade("ada", "bob", "JUN", "10", "100.00")

    def settle(self, price: str, **fields: Any) -> list[Any]:
        now = self.now.replace(hour=12, minute=0, second=0)
        return self("MarketSettled", market="JUN", price=price, **{"at": now, **fields})


@pytest.mark.parametrize("mode", ["record", "verify", "derive"])
def test_everybody_is_closed_at_the_settlement_price(mode: str) -> None:
    venue = Dated(mode)
    entries = venue.settle("103.55")
    assert deviations(entries) == []
    assert (venue.cash("ada"), venue.cash("bob")) == ("1035.5", "964.5")
    assert (venue.size("ada", "JUN"), venue.size("bob", "JUN")) == ("0", "0")
    assert of_kind(entries, "market_settled") == [{"market": 1, "price": 10355}]
    assert of_kind(entries, "market_state") == [{"market": 1, "state": "settled"}]
    assert venue.ledger("clearing", "JUN") == "0"
    assert venue.ledger("rounding") == "0"
    assert venue.status("ada") == "flat"


def test_what_roundings_leave_is_roundings() -> None:
    """Three shorts of 1.001 and a long of 3.003 at 100.05: 100.15005 each, 300.45015 in all."""
    venue = Venue()
    venue.market("JUN")
    venue.account("ada", "b", "c", "d")
    venue.adopt(rulebook(mode="record"))
    venue.mark(JUN="100.00")
    for seller in ("b", "c", "d"):
        venue.trade("ada", seller, "JUN", "1.001", "100.00")
    entries = venue("MarketSettled", market="JUN", price="100.05")
    left = of_kind(entries, "remainder")
    assert [r["amount"] for r in left] == ["-0.00015", "0.00005", "0.00005", "0.00005"]
    assert venue.ledger("clearing", "JUN") == "0"


def test_before_its_time_it_is_applied_and_said() -> None:
    venue = Dated()
    entries = venue.settle("100.00", at=venue.now.replace(hour=11, minute=59, second=59))
    assert deviations(entries) == ["settled_early"]
    assert [d["detail"] for d in of_kind(entries, "deviation")] == ["1000000"]
    assert venue.size("ada", "JUN") == "0"


def test_a_settled_market_stays_settled() -> None:
    venue = Dated()
    venue.settle("100.00")
    again = venue("MarketSettled", market="JUN", price="90.00")
    assert deviations(again) == ["settled_market"]
    changed = venue("MarketStateChanged", market="JUN", state="normal", **PERSON)
    assert deviations(changed) == ["settled_market"]
    fill = venue.trade("ada", "bob", "JUN", "1", "100.00")
    assert deviations(fill) == ["settled_market", "settled_market"]
    carried = venue("PositionCarried", account="ada", market="JUN", size="1", entry_price="1.00")
    assert "settled_market" in deviations(carried)


def test_an_option_may_end_worthless() -> None:
    """A call bought for 100 each that ends at nothing: the buyer loses what it paid."""
    venue = Dated(payoff="option")
    venue.settle("0")
    assert (venue.cash("ada"), venue.cash("bob")) == ("0", "2000")


def test_an_inverse_contract_cannot_end_at_nothing() -> None:
    venue = Dated("record", payoff="inverse", multiplier="100")
    with pytest.raises(EventRefused, match="is no price of an inverse contract"):
        venue.settle("0")
    venue.settle("200.00")
    # 10 × 100 × (1/100 − 1/200) = 5 coins
    assert (venue.cash("ada"), venue.cash("bob")) == ("1005", "995")


def test_a_carried_position_that_waits_is_priced_by_the_settlement() -> None:
    venue = Venue()
    venue.market("JUN")
    venue.account("ada")
    venue.adopt(rulebook(mode="record"))
    venue("PositionCarried", account="ada", market="JUN", size="3")
    entries = venue("MarketSettled", market="JUN", price="50.00")
    assert deviations(entries) == []
    assert venue.size("ada", "JUN") == "0"
    assert venue.cash("ada") == "0"


def test_accrued_and_ended_funding_is_paid_before_the_end() -> None:
    """A period that ended at 11:00 with a lag of two hours is paid when the market ends at noon."""
    venue = Venue()
    venue.market("JUN", expires_at=EXPIRY)
    venue.account("ada", "bob")
    for name in ("ada", "bob"):
        venue.deposit(name, "1000")
    venue.mark(JUN="100.00")
    premium = {"op": "samples"}
    rule = {"interval_seconds": 3_600, "lag_seconds": 7_200, "premium": premium, "pays_at": "mark"}
    document = rulebook(funding={"markets": {"JUN": {**rule, "interest": "0.001"}}})
    assert deviations(venue.adopt(document)) == []
    venue.trade("ada", "bob", "JUN", "10", "100.00")
    venue.now = venue.now.replace(hour=10, minute=30)
    venue("ClockTicked")
    before = venue.equity("ada")
    venue.now = venue.now.replace(hour=12, minute=0, second=0)
    entries = venue("MarketSettled", after=0, market="JUN", price="100.00")
    stamps = [f["stamp"] for f in of_kind(entries, "funding_computed")]
    assert len(stamps) == 4  # 9, 10, 11 and 12
    # eight o'clock and before were paid at 10:30; what follows costs ada 1 dollar each
    assert Decimal(before) - Decimal(venue.cash("ada")) == 4
    venue.now = venue.now.replace(hour=18)
    assert of_kind(venue("ClockTicked"), "funding_computed") == []


def test_a_settlement_price_of_the_rulebooks_own_is_compared() -> None:
    """The rulebook makes it of what a source said; another one settles, and is said to differ."""
    venue = Dated()
    tree = {"op": "source", "source": "venue", "price": "index"}
    prices = {"JUN": {"roles": {"settlement": tree}}}
    venue.adopt(rulebook(prices=prices))
    venue("PriceObserved", market="JUN", role="index", price="101.00")
    (found,) = of_kind(venue.settle("100.00"), "deviation")
    assert (found["code"], found["expected"], found["found"]) == ("settlement_price", "101", "100")
