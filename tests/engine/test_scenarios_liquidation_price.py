"""Scenarios: the price at which a position is liquidated, against formulas that venues publish."""

from fractions import Fraction
from typing import Any

import pytest

from clearing.engine.liquidation_price import liquidation_price
from tests.engine.venue import TAKEOVER, Venue, rulebook

RATE = {"op": "rate", "rate": "0.05"}


def venue_with(maintenance: dict[str, Any], *, payoff: str = "linear", **policy: Any) -> Venue:
    """ada may trade BTC, margined at ``maintenance``; initial is twice that."""
    venue = Venue(decimals=8)
    venue.market("BTC", payoff=payoff, multiplier="1")
    venue.market("ETH")
    venue.account("ada", "maker")
    venue.deposit("maker", "10000000")
    initial = {"op": "ratio", "level": "maintenance", "factor": "2"}
    schedule = {"initial": initial, "maintenance": maintenance}
    venue.adopt(rulebook(mode="record", schedule=schedule, ladder=[TAKEOVER], **policy))
    venue.mark(BTC="100.00", ETH="10.00")
    return venue


def price(venue: Venue, account: str = "ada", market: str = "BTC") -> Fraction | None:
    book = venue.engine.book
    ordinal = venue.registry.market_ordinals[market]
    scope = book.scope(venue.ordinal(account), book.markets[ordinal].asset)
    return liquidation_price(book, scope, book.markets[ordinal])


def test_an_isolated_long_is_liquidated_at_entry_times_one_less_im_over_one_less_mm() -> None:
    """10 % of the entry notional as margin, 5 % maintenance on the mark: 100 × 0.9 / 0.95."""
    venue = venue_with(RATE)
    venue.deposit("ada", "10")
    venue.trade("ada", "maker", "BTC", "1", "100.00")
    assert price(venue) == Fraction(100 * 90, 95)


def test_an_isolated_short_at_entry_times_one_plus_im_over_one_plus_mm() -> None:
    venue = venue_with(RATE)
    venue.deposit("ada", "10")
    venue.trade("maker", "ada", "BTC", "1", "100.00")
    assert price(venue) == Fraction(100 * 110, 105)


def test_maintenance_on_the_entry_notional_moves_it() -> None:
    """100 − 10 + 5: the requirement stays 5."""
    venue = venue_with({**RATE, "on": "entry"})
    venue.deposit("ada", "10")
    venue.trade("ada", "maker", "BTC", "1", "100.00")
    assert price(venue) == 95


def test_the_closing_fee_is_part_of_it() -> None:
    """(E·q − W) / (q·(1 − m − f)) = 90 / (1 − 0.05 − 0.0006)."""
    venue = venue_with({"op": "sum", "of": [RATE, {"op": "rate", "rate": "0.0006"}]})
    venue.deposit("ada", "10")
    venue.trade("ada", "maker", "BTC", "1", "100.00")
    assert price(venue) == Fraction(90 * 10000, 9494)


def test_the_tier_is_the_one_that_holds_the_notional_at_that_price() -> None:
    """100 at 100: now 2 % less 10 beyond 1,000; at the price, below 1,000, it is 1 %.

    900 of cash: 100·p − 9,100 = 1 % of 100·p at p = 9,100/99 — 91.9, still beyond 1,000, where it
    is 100·p − 9,100 = 2·p − 10, so p = 9,090/98. With 9,500 of cash it is 500/99, below.
    """
    tiers = [{"floor": "0", "rate": "0.01"}, {"floor": "1000", "rate": "0.02"}]
    venue = venue_with({"op": "tiers", "tiers": tiers})
    venue.deposit("ada", "900")
    venue.trade("ada", "maker", "BTC", "100", "100.00")
    assert price(venue) == Fraction(9090, 98)
    venue.deposit("ada", "8600")
    assert price(venue) == Fraction(500, 99)


def test_other_positions_and_their_margin_count() -> None:
    """W = 50; 10 ETH from 12 lost 20 and ask 5: 100 − 50 + 20 + 5 = 75, over 0.95."""
    venue = venue_with(RATE)
    venue.deposit("ada", "50")
    venue.trade("ada", "maker", "BTC", "1", "100.00")
    venue.trade("ada", "maker", "ETH", "10", "12.00")
    assert price(venue) == Fraction(75 * 100, 95)


def test_no_price_liquidates_a_long_that_is_paid_for_in_full() -> None:
    """100 of cash on 100 bought: at a price of nothing, nothing is left and nothing asked."""
    venue = venue_with(RATE)
    venue.deposit("ada", "100")
    venue.trade("ada", "maker", "BTC", "1", "100.00")
    assert price(venue) is None
    assert price(venue, market="ETH") is None
    venue("Withdrawn", account="ada", asset="USD", amount="1")
    assert price(venue) == Fraction(100, 95)


def test_an_inverse_long() -> None:
    """10,000 dollars from 100, 10 coin, 5 %: 10 + 100 − 10,000/p = 500/p at p = 10,500/110."""
    venue = venue_with(RATE, payoff="inverse")
    venue.deposit("ada", "10")
    venue.trade("ada", "maker", "BTC", "10000", "100.00")
    assert price(venue) == Fraction(10500, 110)


def test_no_price_liquidates_an_inverse_short_that_holds_its_coin() -> None:
    """10,000 dollars short against 100 coin: the dollar value never changes."""
    venue = venue_with(RATE, payoff="inverse")
    venue.deposit("ada", "100")
    venue.trade("maker", "ada", "BTC", "10000", "100.00")
    assert price(venue) is None
    venue("Withdrawn", account="ada", asset="USD", amount="10")
    assert price(venue) == Fraction(9500, 10)


def test_collateral_priced_by_the_same_market_falls_with_it() -> None:
    """2 coin at 80 % and a perpetual long of 1 from 100: 1.6·p + p − 100 = 5 % of p."""
    venue = Venue()
    venue("AssetDeclared", name="COIN", decimals=8)
    venue.market("BTC")
    venue.account("ada", "maker")
    venue.deposit("maker", "10000000")
    coin = {"market": "BTC", "weights": {"maintenance": "0.8"}}
    schedule = {"initial": RATE, "maintenance": RATE}
    document = rulebook(
        mode="record",
        schedule=schedule,
        ladder=[TAKEOVER],
        collateral={"coin": {"assets": {"COIN": coin}}},
    )
    document["bindings"][0]["collateral"] = "coin"
    venue.adopt(document)
    venue.mark(BTC="100.00")
    venue.deposit("ada", "2", "COIN")
    venue.trade("ada", "maker", "BTC", "1", "100.00")
    assert price(venue) == Fraction(100 * 100, 255)


def test_beyond_the_boundary_it_is_the_price_that_leads_back() -> None:
    venue = venue_with(RATE)
    venue.deposit("ada", "10")
    venue.trade("ada", "maker", "BTC", "1", "100.00")
    venue.mark(BTC="94.00")
    assert venue.status("ada") == "liquidation"
    assert price(venue) == Fraction(100 * 90, 95)


def test_where_the_requirement_is_no_line_the_mark_is_searched() -> None:
    """Open interest raises the rate while the price falls less than it: the nearest cent."""
    scaled = {"op": "open_interest", "rate": "0.02", "lower": "1000", "upper": "100000"}
    venue = venue_with(scaled)
    venue("OpenInterestObserved", market="BTC", size="100")
    venue.deposit("ada", "20")
    venue.trade("ada", "maker", "BTC", "1", "100.00")
    found = price(venue)
    assert found is not None
    cents = int(found * 100)
    venue.mark(BTC=f"{cents // 100}.{cents % 100:02}")
    assert venue.status("ada") != "liquidation"
    cents -= 1
    venue.mark(BTC=f"{cents // 100}.{cents % 100:02}")
    assert venue.status("ada") == "liquidation"


@pytest.mark.parametrize("account", ["ada", "maker"])
def test_without_a_position_there_is_no_price(account: str) -> None:
    assert price(venue_with(RATE), account) is None


def test_a_requirement_in_whole_units_is_met_where_it_steps() -> None:
    """10.50 on 1 BTC from 100; 10 % rounded up is 10 from 99.50 up to 100, and 9.95 is its half.

    At 99.50 equity is the 10 that is asked; one mark below it is 9.99.
    """
    rounded = {
        "op": "rounded",
        "of": {"op": "rate", "rate": "0.1"},
        "decimals": 0,
        "rounding": "up",
    }
    venue = venue_with(rounded)
    venue.deposit("ada", "10.50")
    venue.trade("ada", "maker", "BTC", "1", "100.00")
    assert price(venue) == Fraction(9950, 100)
