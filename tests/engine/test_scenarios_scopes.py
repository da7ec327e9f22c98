"""Scenarios: isolated positions, groups of markets, deposits that are not final yet."""

import pytest

from clearing.engine import Engine
from tests.engine.venue import PERSON, Venue, deviations, of_kind, rulebook


@pytest.fixture
def venue() -> Venue:
    """ada has 1,000; her isolated account may trade BTC alone. 5 % initial, 1 % maintenance."""
    venue = Venue()
    for name in ("BTC", "ETH", "SOL"):
        venue.market(name)
    venue.account("ada", "maker")
    venue("AccountOpened", account="ada/BTC", parent="ada", isolates=["BTC"])
    venue.deposit("ada", "1000")
    venue.deposit("maker", "1000000")
    venue.mark(BTC="100.00", ETH="10.00", SOL="1.00")
    venue.adopt(rulebook())
    return venue


def move(venue: Venue, amount: str, giver: str = "ada", taker: str = "ada/BTC") -> list[str]:
    entries = venue("Transferred", account=giver, to_account=taker, asset="USD", amount=amount)
    return deviations(entries)


def test_an_isolated_position_loses_its_own_margin_and_no_more(venue: Venue) -> None:
    """100 on 10 BTC at 100: at 91 the position is taken over, ada's other 900 are untouched."""
    assert move(venue, "100") == []
    venue.trade("ada/BTC", "maker", "BTC", "10", "100.00")
    venue("FundContributed", fund="insurance", asset="USD", amount="500")
    venue.mark(BTC="89.00")
    assert (venue.cash("ada/BTC"), venue.size("ada/BTC", "BTC")) == ("0", "0")
    assert (venue.cash("ada"), venue.status("ada")) == ("900", "flat")
    assert venue.equity("insurance") == "490"


def test_margin_is_added_to_an_isolated_position_and_taken_from_it(venue: Venue) -> None:
    """50 of initial margin must stay; what is beyond may leave."""
    assert move(venue, "100") == []
    venue.trade("ada/BTC", "maker", "BTC", "10", "100.00")
    assert move(venue, "200") == []
    assert move(venue, "250", "ada/BTC", "ada") == []
    assert venue.status("ada/BTC") == "healthy"
    assert move(venue, "0.01", "ada/BTC", "ada") == ["withdrawn_too_much"]
    assert venue.status("ada/BTC") == "restricted"


def test_a_fill_outside_what_an_account_isolates_is_a_deviation(venue: Venue) -> None:
    move(venue, "100")
    trade = {"market": "ETH", "buyer": "ada/BTC", "seller": "maker", "size": "1", "price": "10.00"}
    assert deviations(venue("Traded", **trade)) == ["outside_scope"]
    assert venue.size("ada/BTC", "ETH") == "1"


def test_a_group_of_markets_is_margined_apart(venue: Venue) -> None:
    """Two markets share 100; what one gains the other may lose. BTC stays outside."""
    venue("AccountOpened", account="ada/small", parent="ada", isolates=["ETH", "SOL"])
    move(venue, "100", taker="ada/small")
    venue.trade("ada/small", "maker", "ETH", "50", "10.00")
    venue.trade("maker", "ada/small", "SOL", "500", "1.00")
    venue.mark(ETH="8.00", SOL="0.80")
    assert (venue.equity("ada/small"), venue.status("ada/small")) == ("100", "healthy")
    trade = {"market": "BTC", "buyer": "ada/small", "seller": "maker", "price": "100.00"}
    assert deviations(venue("Traded", **trade, size="1")) == ["outside_scope"]


def test_a_pending_deposit_counts_once_it_is_final(venue: Venue) -> None:
    deposit = {"account": "ada", "asset": "USD", "amount": "500"}
    venue("Deposited", **deposit, finality="pending", id="d1")
    assert (venue.cash("ada"), venue.ledger("external")) == ("1000", "-1001500")
    ada = venue.ordinal("ada")
    assert venue.engine.book.balance("pending", ada, 1) == 50000
    reference = {"source": "venue", "external_id": "d1"}
    (posting,) = of_kind(venue("DepositConfirmed", deposit=reference), "posting")
    assert (posting["purpose"], venue.cash("ada")) == ("confirmation", "1500")
    assert deviations(venue("DepositConfirmed", deposit=reference)) == ["not_pending"]
    assert deviations(venue("Reversed", target=reference, **PERSON)) == []
    assert venue.cash("ada") == "1000"


def test_a_pending_deposit_that_never_became_final_is_taken_back(venue: Venue) -> None:
    deposit = {"account": "ada", "asset": "USD", "amount": "500"}
    venue("Deposited", **deposit, finality="pending", id="d1")
    reference = {"source": "venue", "external_id": "d1"}
    restored = Engine.restore(venue.engine.snapshot(), resolver=venue.find)
    assert restored.digest() == venue.engine.digest()
    assert deviations(venue("Reversed", target=reference, **PERSON)) == []
    assert (venue.cash("ada"), venue.engine.book.balance("pending", venue.ordinal("ada"), 1)) == (
        "1000",
        0,
    )
    assert deviations(venue("DepositConfirmed", deposit=reference)) == ["not_pending"]
